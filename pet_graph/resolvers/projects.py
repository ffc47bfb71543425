"""What clients may ask about projects."""

from __future__ import annotations

import strawberry

from ..events import projects
from ..schema.connections import Connection
from ..schema.links import find, listing
from ..schema.projects import Project, ProjectFilter, ProjectOrder, ProjectRecorded, ProjectResult
from .base import mutation


@strawberry.type
class ProjectQueries:
    project: Project | None = find("projects", description="One project; null when there is none of this id.")
    projects: Connection[Project] = listing(
        "projects", filter=ProjectFilter, order=ProjectOrder, description="Projects, page by page."
    )


@strawberry.type
class ProjectCommands:
    start_project: ProjectResult = mutation(projects.StartProject, ProjectRecorded, ProjectResult)
    own_project: ProjectResult = mutation(projects.OwnProject, ProjectRecorded, ProjectResult)
    reschedule_project: ProjectResult = mutation(projects.RescheduleProject, ProjectRecorded, ProjectResult)
    close_project: ProjectResult = mutation(projects.CloseProject, ProjectRecorded, ProjectResult)
    reopen_project: ProjectResult = mutation(projects.ReopenProject, ProjectRecorded, ProjectResult)

"""Milestones: what a project is to have reached by when; reached by evidence, on its way by people's claims."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, assert_never, get_args
from uuid import UUID

import msgspec

from .base import Command, Decider, Event, Fact, Reason, Refused, about, own, ref, text


class MilestoneStatus(StrEnum):
    PLANNED = "planned"
    REACHED = "reached"
    ABANDONED = "abandoned"


class MilestonePlanned(Event, frozen=True):
    """A project is to reach this."""

    project: UUID
    name: str
    due_on: date | None = None
    obligation: UUID | None = None


class MilestoneRescheduled(Event, frozen=True):
    """It is to be reached by another day than was said before."""

    due_on: date
    reason: str


class ProgressClaimed(Event, frozen=True):
    """A person said how far the work has come. It is what they said, and nothing is computed into it."""

    person: UUID
    percent: int
    basis: str


class MilestoneReached(Event, frozen=True):
    """A person said that it is reached, and what shows it."""

    person: UUID
    evidence: str


class MilestoneRetracted(Event, frozen=True):
    """It was not reached after all."""

    reason: str


class MilestoneAbandoned(Event, frozen=True):
    """The project will not reach this, and no longer means to."""

    reason: str


MilestoneEvent = (
    MilestonePlanned
    | MilestoneRescheduled
    | ProgressClaimed
    | MilestoneReached
    | MilestoneRetracted
    | MilestoneAbandoned
)

Milestone = Annotated[UUID, own("milestone", "The milestone.")]
MOST_CLAIMS = 200


class PlanMilestone(Command, frozen=True):
    """Say what a project is to reach. The id of the new milestone is the command's id."""

    project: Annotated[UUID, ref("project", "The project that is to reach it.")]
    name: Annotated[str, text("What is to be reached.")]
    due_on: Annotated[date, about("The day by which it is to be reached.")] | None = None
    obligation: Annotated[UUID, ref("obligation", "What was promised, if reaching it keeps a promise.")] | None = None


class RescheduleMilestone(Command, frozen=True):
    """Say by which other day the milestone is to be reached."""

    milestone: Milestone
    due_on: Annotated[date, about("The day by which it is now to be reached.")]
    reason: Reason


class ClaimProgress(Command, frozen=True):
    """Say, as a person, how far the work towards the milestone has come. It is kept as this person's claim."""

    milestone: Milestone
    person: Annotated[UUID, ref("person", "Who says so.")]
    percent: Annotated[int, about("How much of the work is done, in whole percents.", ge=0, le=100)]
    basis: Annotated[str, text("What makes the person think so.", limit=1_000)]


class ReachMilestone(Command, frozen=True):
    """Say, as a person, that the milestone is reached, and what shows it."""

    milestone: Milestone
    person: Annotated[UUID, ref("person", "Who says so.")]
    evidence: Annotated[str, text("What shows it: a sign-off, a link to a protocol, a release.", limit=2_000)]


class RetractMilestone(Command, frozen=True):
    """Say that the milestone was not reached after all."""

    milestone: Milestone
    reason: Reason


class AbandonMilestone(Command, frozen=True):
    """Say that the project no longer means to reach this."""

    milestone: Milestone
    reason: Reason


MilestoneCommand = (
    PlanMilestone | RescheduleMilestone | ClaimProgress | ReachMilestone | RetractMilestone | AbandonMilestone
)


class Claim(msgspec.Struct, frozen=True):
    """How far a person said that the work had come."""

    person: UUID
    percent: int
    basis: str
    claimed_at: datetime
    position: int


class MilestoneState(msgspec.Struct, frozen=True, omit_defaults=True):
    project: UUID | None = None
    name: str = ""
    obligation: UUID | None = None
    due_on: date | None = None
    first_due_on: date | None = None
    status: MilestoneStatus = MilestoneStatus.PLANNED
    evidence: str | None = None
    reached_by: UUID | None = None
    planned_at: datetime | None = None
    reached_at: datetime | None = None
    claims: tuple[Claim, ...] = ()


def evolve(state: MilestoneState, fact: Fact) -> MilestoneState:
    replace, at = msgspec.structs.replace, fact.occurred_at
    match fact.event:
        case MilestonePlanned() as planned:
            return MilestoneState(
                project=planned.project,
                name=planned.name,
                obligation=planned.obligation,
                due_on=planned.due_on,
                first_due_on=planned.due_on,
                planned_at=at,
            )
        case MilestoneRescheduled(due_on=due_on):
            return replace(state, due_on=due_on, first_due_on=state.first_due_on or due_on)
        case ProgressClaimed(person=person, percent=percent, basis=basis):
            claim = Claim(person, percent, basis, at, fact.position)
            return replace(state, claims=(*state.claims, claim))
        case MilestoneReached(person=person, evidence=evidence):
            reached = MilestoneStatus.REACHED
            return replace(state, status=reached, reached_by=person, evidence=evidence, reached_at=at)
        case MilestoneRetracted():
            planned_again = MilestoneStatus.PLANNED
            return replace(state, status=planned_again, reached_by=None, evidence=None, reached_at=None)
        case MilestoneAbandoned():
            return replace(state, status=MilestoneStatus.ABANDONED)
    return state


def decide(state: MilestoneState, command: MilestoneCommand, at: datetime) -> list[Event]:
    match command:
        case PlanMilestone():
            return [MilestonePlanned(**msgspec.structs.asdict(command))]
        case RescheduleMilestone():
            return reschedule_milestone(state, command)
        case ClaimProgress():
            return claim_progress(state, command)
        case ReachMilestone():
            return reach_milestone(state, command)
        case RetractMilestone():
            return retract_milestone(state, command)
        case AbandonMilestone():
            return abandon_milestone(state, command)
        case _:
            assert_never(command)


def reschedule_milestone(state: MilestoneState, command: RescheduleMilestone) -> list[Event]:
    _planned(state)
    if command.due_on == state.due_on:
        raise Refused("unchanged", f"The milestone is due on {state.due_on} already.", ["dueOn"])
    return [MilestoneRescheduled(due_on=command.due_on, reason=command.reason)]


def claim_progress(state: MilestoneState, command: ClaimProgress) -> list[Event]:
    _planned(state)
    if len(state.claims) >= MOST_CLAIMS:
        raise Refused("too_many_claims", f"A milestone takes {MOST_CLAIMS} claims; plan smaller milestones.")
    return [ProgressClaimed(person=command.person, percent=command.percent, basis=command.basis)]


def reach_milestone(state: MilestoneState, command: ReachMilestone) -> list[Event]:
    _planned(state)
    return [MilestoneReached(person=command.person, evidence=command.evidence)]


def retract_milestone(state: MilestoneState, command: RetractMilestone) -> list[Event]:
    if state.status is not MilestoneStatus.REACHED:
        raise Refused("not_reached", f"The milestone is {state.status}; only a reached one can be retracted.")
    return [MilestoneRetracted(reason=command.reason)]


def abandon_milestone(state: MilestoneState, command: AbandonMilestone) -> list[Event]:
    _planned(state)
    return [MilestoneAbandoned(reason=command.reason)]


def _planned(state: MilestoneState) -> None:
    if state.status is not MilestoneStatus.PLANNED:
        raise Refused("not_planned", f"The milestone is {state.status} already.")


decider = Decider(
    noun="milestone",
    initial=MilestoneState(),
    commands=get_args(MilestoneCommand),
    events=get_args(MilestoneEvent),
    decide=decide,
    evolve=evolve,
)

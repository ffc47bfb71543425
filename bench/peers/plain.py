"""PET without its planner: strawberry runs every query, field by field, with a loader for each kind of question."""

from __future__ import annotations

import os
from typing import Any, NoReturn

import uvicorn

from pet_graph import planner
from pet_graph.app import create_app


def planned(*_: Any) -> NoReturn:
    raise planner.NotPlanned("there is no planner")


if __name__ == "__main__":
    planner.Planner.planned = planned  # type: ignore[assignment, method-assign]
    uvicorn.run(create_app(), port=int(os.environ["PORT"]), log_level="warning", access_log=False)

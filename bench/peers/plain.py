"""PET without its planner: strawberry runs every query, field by field, with a loader for each kind of question."""

from __future__ import annotations

import os

import uvicorn

from pet_graph import planner
from pet_graph.app import create_app

if __name__ == "__main__":
    planner.Planner.prepare = lambda *_: None  # type: ignore[method-assign]
    uvicorn.run(create_app(), port=int(os.environ["PORT"]), log_level="warning", access_log=False)

"""Explain: what becomes of a query. Its SQL, what runs on strawberry and why, and PostgreSQL's own plan of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from .authority import EVERYTHING
from .graph import checked, schema
from .planner import Planner, Prepared

CLAUSES = (" from ", " where ", " order by ", " limit ", " group by ")
TOKEN = re.compile(rf"'(?:[^']|'')*'|\((?:select|with)\b|[()]|{'|'.join(CLAUSES)}|[^'() ]+| ")


def prepared(query: str, variables: Mapping[str, Any], operation: str | None = None) -> Prepared:
    """What the planner makes of a query for somebody who may see everything. Raises `NotPlanned`."""
    return Planner(schema, checked).planned(query, operation, variables, EVERYTHING)


def described(one: Prepared) -> str:
    """The SQL in lines, with what is left to strawberry in comments."""
    left = [f"-- {key} runs on strawberry: {why}" for key, why in one.left.items()]
    columns = [f"-- the columns are {', '.join(one.plan.columns)}"] if one.plan.columns else []
    return "\n".join([*left, *columns, *([laid_out(one.plan.statement.sql)] if columns else [])]) + "\n"


async def plan(connection: asyncpg.Connection[Any], one: Prepared, now: datetime, *, analyze: bool) -> list[str]:
    """PostgreSQL's plan, line by line; run for it, with real times and rows, if `analyze`."""
    made = one.plan.statement
    how = "analyze, buffers" if analyze else "costs"
    rows = await connection.fetch(f"explain ({how}) {made.sql}", *made.parameters(one.slots, now))
    return [row[0] for row in rows]


def laid_out(sql: str) -> str:
    """A statement with a line for each select and each of its clauses, indented by how deep it stands."""
    written, opened = "", [True]
    for token in TOKEN.findall(sql):
        match token:
            case "(select" | "(with":
                written = f"{written.rstrip()}\n{'  ' * sum(opened)}{token}"
                opened.append(True)
            case "(":
                written += token
                opened.append(False)
            case ")":
                written += token
                opened.pop()
            case _ if token in CLAUSES and opened[-1]:
                written += f"\n{'  ' * (sum(opened) - 1)}{token.lstrip()}"
            case _:
                written += token
    return written

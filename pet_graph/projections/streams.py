"""The folded state of every stream, so that a command never replays one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import JSON, BigInteger, Column
from sqlmodel import Field, SQLModel

from ..events import DECIDERS
from ..events.base import Fact
from .base import Put


class StreamRow(SQLModel, table=True):
    __tablename__ = "streams"

    stream: str = Field(primary_key=True)
    version: int
    position: int = Field(sa_type=BigInteger)
    state: str = Field(sa_column=Column(JSON, nullable=False))


_DECODERS = {noun: msgspec.json.Decoder(type(decider.initial)) for noun, decider in DECIDERS.items()}


@lru_cache(maxsize=4_096)
def noun_of(stream: str) -> str:
    """`ticket-8d1f…` is a stream of the domain `ticket`."""
    return stream.partition("-")[0]


def put(state: Any, fact: Fact) -> Put:
    row = {"stream": fact.stream, "version": fact.version, "position": fact.position, "state": state}
    return Put("streams", row)


FOUND = "select stream, version, state from streams where stream = any($1)"

States = dict[str, tuple[Any, int]]
"""State and version of streams."""


async def load(connection: asyncpg.Connection[Any], streams: Iterable[str]) -> States:
    """State and version of each stream, one query; a stream that never was has its initial state and version 0."""
    wanted = list(streams)
    return states(wanted, await connection.fetch(FOUND, wanted))


def states(wanted: Iterable[str], rows: Iterable[tuple[str, int, str]]) -> States:
    """The states of these streams, of what `FOUND` found of them."""
    found = {stream: (_DECODERS[noun_of(stream)].decode(state), version) for stream, version, state in rows}
    return {stream: found.get(stream) or (DECIDERS[noun_of(stream)].initial, 0) for stream in wanted}

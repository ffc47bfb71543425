"""The promises to clients (`schema.graphql`), to the future (`events.json`, samples), and the SQL of typical queries.

Run it to write them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from pet_graph import log
from pet_graph.events import EVENTS
from pet_graph.events.base import Event, Quantity
from pet_graph.explain import described, prepared
from pet_graph.graph import sdl

ROOT = Path(__file__).parent.parent
SCHEMA, SHAPES, SAMPLES = ROOT / "schema.graphql", ROOT / "events.json", ROOT / "tests" / "samples"
GOLDEN = ROOT / "tests" / "golden"


def shapes() -> str:
    """Every event that the log may hold, with its version, meaning and JSON Schema."""
    described = {
        name: {"version": version, "meaning": event.__doc__, "schema": _schema(event)}
        for name, (event, version) in sorted(EVENTS.items())
    }
    return json.dumps(described, indent=2, sort_keys=True) + "\n"


def _schema(event: type[Event]) -> Any:
    schema, definitions = msgspec.json.schema_components([event], ref_template="#/$defs/{name}")
    return {"$ref": schema[0]["$ref"], "$defs": definitions}


@dataclass(frozen=True)
class Sample:
    """One stored event: the file is named by type and version, its text is what the log held."""

    file: Path

    @property
    def type(self) -> str:
        return self.file.stem.rpartition(".")[0]

    @property
    def version(self) -> int:
        return int(self.file.stem.rpartition(".")[2])

    def event(self) -> Event:
        return log.decode(self.type, self.version, self.file.read_text().strip())


def samples() -> list[Sample]:
    return [Sample(file) for file in sorted(SAMPLES.glob("*.json"))]


def sample_of(name: str) -> Path:
    return SAMPLES / f"{name}.{EVENTS[name][1]}.json"


def made_up(kind: Any) -> Any:
    """A value of a type: plain, but never the default, so that a sample shows every field."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        return (made_up(arguments[0]),)
    if arguments:
        return made_up(next(part for part in arguments if part is not type(None)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)[-1]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind(**{name: made_up(hint) for name, hint in get_type_hints(kind).items()})
    return {
        str: "text",
        int: 7,
        bool: True,
        UUID: UUID(int=7),
        timedelta: timedelta(hours=7),
        datetime: datetime(2026, 6, 1, 12, tzinfo=UTC),
        date: date(2026, 6, 1),
        Quantity: 7_500_000,
    }[kind]


def operations() -> list[Path]:
    """Queries of every kind; beside each stands the SQL that it becomes."""
    return sorted(GOLDEN.glob("*.graphql"))


def planned(query: Path) -> str:
    """The SQL of a query; its variables are JSON in a comment on its first line."""
    text = query.read_text()
    comment = text.splitlines()[0]
    variables = json.loads(comment.removeprefix("#")) if comment.startswith("#") else {}
    return described(prepared(text, variables))


def main() -> None:
    SCHEMA.write_text(sdl())
    SHAPES.write_text(shapes())
    SAMPLES.mkdir(exist_ok=True)
    for name, (event, _) in EVENTS.items():
        if not sample_of(name).exists():
            sample_of(name).write_text(log.encode(made_up(event)) + "\n")
    for query in operations():
        query.with_suffix(".sql").write_text(planned(query))


if __name__ == "__main__":
    main()

"""What was promised to clients and to the future still holds; `make promises` writes the promises anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from promises import SCHEMA, SHAPES, Sample, operations, planned, sample_of, samples, shapes

from pet_graph import log
from pet_graph.events import EVENTS
from pet_graph.graph import sdl

WRITE = "run `make promises`, and look at the difference before you commit it"


def test_the_committed_schema_is_the_served_one() -> None:
    assert SCHEMA.read_text() == sdl(), WRITE


def test_the_committed_event_shapes_are_the_written_ones() -> None:
    assert SHAPES.read_text() == shapes(), WRITE


def test_every_event_has_a_stored_sample_of_its_present_version() -> None:
    assert [name for name in EVENTS if not sample_of(name).exists()] == [], WRITE


@pytest.mark.parametrize("query", operations(), ids=lambda query: query.stem)
def test_the_committed_sql_of_a_query_is_what_it_becomes(query: Path) -> None:
    """So that a lost index or a query for each row shows where a change is reviewed."""
    assert query.with_suffix(".sql").read_text() == planned(query), WRITE


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.file.stem)
def test_a_stored_sample_of_every_version_ever_written_still_loads(sample: Sample) -> None:
    event = sample.event()
    assert type(event).__name__ == sample.type


@pytest.mark.parametrize("name", EVENTS)
def test_what_is_written_today_is_what_the_sample_shows(name: str) -> None:
    """A changed shape under an old version would make two readings of one stored text."""
    sample = Sample(sample_of(name))
    assert log.encode(sample.event()) == sample.file.read_text().strip()


def test_an_old_shape_is_brought_to_the_present_one_on_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    renamed, _ = EVENTS["CustomerRenamed"]
    monkeypatch.setitem(EVENTS, "CustomerRenamed", (renamed, 2))
    monkeypatch.setitem(log.UPCASTS, ("CustomerRenamed", 1), lambda shape: {"name": shape["called"]})
    assert log.decode("CustomerRenamed", 1, '{"called":"Crunchy"}') == renamed(name="Crunchy")

"""The documents tell the truth: what they name exists, what they show is valid, what they link to is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import parse, validate

from pet_graph.cli import app
from pet_graph.config import Settings
from pet_graph.graph import schema

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]
TEXTS = {str(path.relative_to(ROOT)): path.read_text() for path in DOCUMENTS}


def blocks(language: str) -> list[tuple[str, str]]:
    found = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [(name, block) for name, text in TEXTS.items() for block in found.findall(text)]


@pytest.mark.parametrize(("name", "block"), blocks("graphql"))
def test_an_operation_that_a_document_shows_is_valid(name: str, block: str) -> None:
    assert validate(schema._schema, parse(block)) == []


@pytest.mark.parametrize(("name", "block"), blocks("json"))
def test_an_answer_that_a_document_shows_is_whole(name: str, block: str) -> None:
    assert json.loads(block)


@pytest.mark.parametrize("name", TEXTS)
def test_a_path_that_a_document_names_exists(name: str) -> None:
    path = re.compile(r"`((?:pet_graph|tests|db|docs|examples|bench)/[\w./-]*)`")
    folder = ROOT / Path(name).parent
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", TEXTS[name])
    named = [ROOT / one for one in path.findall(TEXTS[name])] + [folder / one for one in links]
    assert [str(one) for one in named if not one.exists()] == []


@pytest.mark.parametrize("name", TEXTS)
def test_a_make_target_that_a_document_names_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`", TEXTS[name])) - targets == set()


@pytest.mark.parametrize("name", TEXTS)
def test_a_command_that_a_document_names_exists(name: str) -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert set(re.findall(r"pet-graph ([a-z]+(?:-[a-z]+)*)", TEXTS[name])) - commands == set()


def test_every_setting_stands_in_the_readme() -> None:
    readme = TEXTS["README.md"]
    assert [name for name in Settings.model_fields if f"`PET_{name.upper()}`" not in readme] == []


def test_every_decision_names_what_enforces_it() -> None:
    decisions = {name: text for name, text in TEXTS.items() if name.startswith("docs/decisions/")}
    assert decisions
    assert [name for name, text in decisions.items() if "**Enforced by**" not in text] == []

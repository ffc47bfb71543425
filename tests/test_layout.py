"""The shape of the code: the house is a table, and this test keeps it one. A new rule here states what went wrong."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pet_graph.authority import COMMAND_RULES
from pet_graph.events import COMMANDS, EVENTS
from pet_graph.events.checks import camel
from pet_graph.graph import schema
from pet_graph.schema.inputs import field_name

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pet_graph"
COLUMNS = {
    "events": PACKAGE / "events",
    "projections": PACKAGE / "projections",
    "schema": PACKAGE / "schema",
    "resolvers": PACKAGE / "resolvers",
}
TOOLS = {
    "events": {
        "actual_reactions",
        "base",
        "checks",
        "currencies",
        "measures",
        "offers",
        "reactions",
        "reckoning",
        "spans",
        "terms",
        "time_reactions",
        "timelines",
        "upcasts",
        "workdays",
    },
    "projections": {"answers", "base", "forms", "questions", "statements", "streams"},
    "schema": {"base", "connections", "errors", "filters", "inputs", "links", "nodes", "scalars"},
    "resolvers": {"base"},
}
"""What a column is built with; everything else in it is a row of the table."""

EMPTY_CELLS = {
    ("events", "facts"): "facts are every domain's events; as a row they are only read",
    ("projections", "facts"): "the log itself remembers them",
    ("tests", "facts"): "test_turn, test_feed and test_subscriptions tell of nothing else",
    ("events", "attainments"): "what was kept is counted from the clocks",
    ("projections", "clocks"): "clocks are remembered with the SLAs they belong to",
    ("schema", "clocks"): "clocks are shown with the SLAs they belong to",
    ("projections", "numbers"): "what is called by a number remembers it",
    ("schema", "numbers"): "a number is shown with what is called by it",
    ("resolvers", "numbers"): "nobody asks for a number by itself",
    ("resolvers", "clocks"): "clocks are asked for with the SLAs they belong to",
    ("projections", "messages"): "messages are counted on the tickets they belong to, and read in the log",
    ("schema", "messages"): "messages are shown as facts of the tickets they belong to",
    ("resolvers", "messages"): "messages are recorded with the tickets they belong to",
    ("events", "previews"): "what would happen is decided by the domains in which it would",
    ("projections", "previews"): "nothing is remembered of what was not recorded",
    ("events", "risks"): "what may still breach is read from the clocks",
    ("resolvers", "durations"): "durations are asked for with the tickets they belong to",
    ("projections", "verdicts"): "the log itself remembers them; clocks say what became of them",
}
LONGEST_FILE, LONGEST_FUNCTION = 400, 40
IRREGULAR = {
    "Write": "WrittenOff",
    "Respond": "Responded",
    "Hold": "Held",
    "Send": "Sent",
    "Withdraw": "Withdrawn",
    "Win": "Won",
    "Lose": "Lost",
    "Prioritise": "Prioritised",
}


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if not {"__pycache__", "node_modules"} & {*path.parts})


def rows() -> set[str]:
    found = set()
    for column, folder in COLUMNS.items():
        found |= {path.stem for path in folder.glob("*.py")} - {"__init__"} - TOOLS[column]
    return found


def test_every_row_has_a_cell_in_every_column() -> None:
    cells = {(column, path.stem) for column, folder in COLUMNS.items() for path in folder.glob("*.py")}
    cells |= {("tests", path.stem.removeprefix("test_")) for path in (ROOT / "tests").glob("test_*.py")}
    wanted = {(column, row) for row in rows() for column in (*COLUMNS, "tests")}
    assert sorted(wanted - cells - set(EMPTY_CELLS)) == []
    assert sorted(set(EMPTY_CELLS) & cells) == [], "an exception that is none any more"


@pytest.mark.parametrize("path", python_files(PACKAGE), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_stay_small(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    assert len(source.splitlines()) <= LONGEST_FILE
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION
    ]
    assert long == []


EVERYWHERE = [path for folder in ("pet_graph", "tests", "examples", "bench") for path in python_files(ROOT / folder)]


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_opens_with_a_paragraph_of_purpose(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring
    assert docstring.split("\n\n")[0].endswith((".", ":"))


def imports_inside_functions(path: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield f"{path.name}:{node.lineno}"


def test_nothing_is_imported_inside_a_function() -> None:
    assert [where for path in python_files(PACKAGE) for where in imports_inside_functions(path)] == []


def test_only_the_log_and_its_audit_name_the_tables_of_the_log() -> None:
    names = re.compile(r"\bpet\.(log|journal)\b")
    assert {
        path.name for path in python_files(PACKAGE) if names.search(_code_without_strings_of_documentation(path))
    } <= {"log.py", "audit.py", "authority.py"}


def _code_without_strings_of_documentation(path: Path) -> str:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = ""
    return ast.unparse(tree)


def test_events_are_named_by_what_happened() -> None:
    for name in EVENTS:
        assert name.endswith(("ed", "Held", "Met", "Sent", "Withdrawn", "WrittenOff", "Won", "Lost")), name
        assert not re.search(r"Updated|Changed|Deleted|Created", name), name


@pytest.mark.parametrize("name", [name for name, rule in COMMAND_RULES.items() if set(rule.roles) - {"clock"}])
def test_one_name_has_four_spellings(name: str) -> None:
    verb, noun = re.fullmatch(r"([A-Z][a-z]+)(?:To|Off)?([A-Z]\w+)", name).groups()  # type: ignore[union-attr]
    command, _ = COMMANDS[name]
    participle = IRREGULAR.get(verb) or (f"{verb}d" if verb.endswith("e") else f"{verb}ed")
    participles = {participle, f"{verb}{verb[-1]}ed", re.sub("y$", "ied", verb), re.sub("e$", "ed", verb)}
    assert {f"{noun}{form}" for form in participles} & set(EVENTS), "the event"
    source = Path(str(sys.modules[command.__module__].__file__)).read_text()
    assert f"def {field_name(name)}(" in source or f"case {name}():\n            return [" in source, "the decision"
    mutations = schema._schema.mutation_type
    assert mutations is not None
    assert camel(field_name(name)) in mutations.fields, "the mutation"


def test_no_file_carries_marks_of_unfinished_work() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    here = Path(__file__)
    found = [
        str(path) for path in python_files(PACKAGE) + python_files(ROOT / "tests") if marks.search(path.read_text())
    ]
    assert found == [str(here)]

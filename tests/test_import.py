"""The import of a helpdesk log through the public API, against figures that were worked out from its rows alone."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import helpdesk
import pytest
from conftest import shared_data
from helpdesk import CUSTOMER_ONLY, OFFICE_TARGETS, PRIORITIES, Rules, Tally
from servers import IMPORTER, Server, a_server, until

pytestmark = pytest.mark.slow


@dataclass
class Imported:
    """A log that was imported into a server, what the importer said, and what is expected."""

    server: Server
    file: Path
    said: subprocess.CompletedProcess[str]
    expected: Tally
    options: tuple[str, ...] = ()


IN_OFFICE_HOURS = ", in office hours"


@pytest.fixture(
    scope="module",
    params=[f"{log}{hours}" for log in ("the real log", "a generated log") for hours in ("", IN_OFFICE_HOURS)],
)
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    office = request.param.endswith(IN_OFFICE_HOURS)
    options = ("--calendar",) if office else ()
    rules = Rules(helpdesk.office_hours(), OFFICE_TARGETS, CUSTOMER_ONLY) if office else Rules()
    if request.param.startswith("the real log"):
        file = shared_data("helpdesk/helpdesk_log.csv")
    else:
        file = helpdesk.write(tmp_path_factory.mktemp("log") / "generated.csv", helpdesk.generated(400))
    with a_server() as server:
        said = server.import_log(file, None, *options)
        assert said.returncode == 0, said.stderr
        until(lambda: server.count("slaClocks", state=["RUNNING"]) == 0)
        yield Imported(server, file, said, helpdesk.tally(helpdesk.read(file), rules=rules), options)


@pytest.fixture(scope="module")
def empty() -> Iterator[Server]:
    with a_server() as server:
        yield server


@pytest.fixture
def small_log(tmp_path: Path) -> Path:
    return helpdesk.write(tmp_path / "small.csv", helpdesk.generated(3))


# --- what is there afterwards -----------------------------------------------------------------------------------------


def test_every_row_is_recorded_or_refused(imported: Imported) -> None:
    expected = imported.expected
    rows = expected.recorded + expected.refused.total()
    first_line = f"recorded {expected.recorded:,} + refused {expected.refused.total():,} = {rows:,} rows"
    assert first_line in imported.said.stdout.splitlines()
    assert rows == len(helpdesk.read(imported.file))


def test_refused_rows_are_reported_by_activity_and_code(imported: Imported) -> None:
    table = re.findall(r"│ (\S[^│]*?) +│ (\w+) +│ +([\d,]+) │", imported.said.stdout)
    assert {(activity, code): int(rows.replace(",", "")) for activity, code, rows in table} == imported.expected.refused


def test_refused_rows_are_kept_in_the_journal(imported: Imported) -> None:
    assert imported.server.refused_by_code() == imported.expected.refused_by_code


def test_tickets_stand_where_their_rows_have_led_them(imported: Imported) -> None:
    statuses = ("OPEN", "ON_HOLD", "RESOLVED", "CLOSED", "ANNULLED")
    found = {status: imported.server.count("tickets", status=[status]) for status in statuses}
    assert found == {status: imported.expected.statuses[status] for status in statuses}


def test_tickets_were_opened_at_the_instants_of_the_log(imported: Imported) -> None:
    first_rows = helpdesk.first_rows(helpdesk.read(imported.file))
    some = {row[helpdesk.CASE]: row for row in first_rows[:: -(-len(first_rows) // 100)]}
    document = "query ($cases: [String!]) { tickets(first: 100, filter: {reference: $cases}) { nodes { %s } } }"
    nodes = imported.server.ask(document % "reference openedAt", {"cases": [*some]})["tickets"]["nodes"]
    found = {node["reference"]: datetime.fromisoformat(node["openedAt"]).timestamp() for node in nodes}
    assert found == {case: helpdesk.seconds(row[helpdesk.TIMESTAMP]) for case, row in some.items()}


@pytest.mark.parametrize("kind", ["RESPONSE", "RESOLUTION"])
def test_breaches_are_those_of_the_stated_policy(imported: Imported, kind: str) -> None:
    found = {
        priority: imported.server.count("slaClocks", breached=True, kind=kind, priority=[priority])
        for priority in PRIORITIES.values()
    }
    assert found == {priority: imported.expected.breaches[kind, priority] for priority in PRIORITIES.values()}


def attainment(server: Server, asked: str) -> list[dict[str, Any]]:
    """Of everything that was imported: groups, or months in Rome."""
    stretch = 'from: "2009-12-31T23:00:00Z", to: "2026-01-01T00:00:00Z", first: 1000'
    fields = "{ start kind priority met breached overdue open cancelled restated attainment firstAttainment }"
    found: list[dict[str, Any]] = server.ask(f"{{ slaAttainment({stretch}, {asked}) {fields} }}")["slaAttainment"]
    return found


def test_attainment_is_that_of_the_stated_policy(imported: Imported) -> None:
    groups = attainment(imported.server, "by: [KIND, PRIORITY]")
    expected = imported.expected
    assert {(one["kind"], one["priority"]): one["met"] for one in groups if one["met"]} == expected.met
    assert {(one["kind"], one["priority"]): one["breached"] for one in groups if one["breached"]} == expected.breaches
    for one in groups:
        assert (one["overdue"], one["restated"], one["firstAttainment"]) == (0, 0, one["attainment"])
        counted = one["met"] + one["breached"]
        assert one["attainment"] is None if not counted else abs(float(one["attainment"]) - one["met"] / counted) < 1e-6


def test_what_was_met_is_told_month_by_month_as_the_log_tells_it_in_rome(imported: Imported) -> None:
    groups = attainment(imported.server, 'by: [], every: MONTH, zone: "Europe/Rome"')
    months = {f"{datetime.fromisoformat(one['start']).astimezone(helpdesk.ROME):%Y-%m}": one["met"] for one in groups}
    assert {month: met for month, met in months.items() if met} == imported.expected.met_in


def test_the_customers_with_most_breaches_come_first(imported: Imported) -> None:
    found = imported.server.ask("{ slaBreachesByCustomer(first: 10) { breaches customer { reference } } }")
    by_customer = {one["customer"]["reference"]: one["breaches"] for one in found["slaBreachesByCustomer"]}
    assert list(by_customer.values()) == [breaches for _, breaches in imported.expected.customers.most_common(10)]
    assert by_customer == {customer: imported.expected.customers[customer] for customer in by_customer}


def test_what_was_imported_is_sealed_and_replays_equal(imported: Imported) -> None:
    verified = imported.server.run("verify")
    assert verified.returncode == 0, verified.stderr
    said = verified.stdout.splitlines()[0]
    assert said.startswith(f"{imported.server.position:,} facts and ")
    assert said.endswith(" commands: sealed, replay equal")


def test_imported_again_nothing_is_recorded_twice(imported: Imported) -> None:
    position = imported.server.position
    said = imported.server.import_log(imported.file, None, *imported.options)
    assert said.returncode == 0, said.stderr
    assert f"{imported.expected.recorded:,} of the recorded ones were there before" in said.stdout.splitlines()
    assert imported.server.position == position


# --- what is told in one sentence -------------------------------------------------------------------------------------


def refusal(said: subprocess.CompletedProcess[str]) -> str:
    """The one line that an import that cannot go on says."""
    assert said.returncode == 1
    assert said.stdout == ""
    [line] = said.stderr.splitlines()
    return line


def test_a_token_that_may_not_import_is_told_so_before_any_row_is_refused_for_good(
    empty: Server, small_log: Path
) -> None:
    said = empty.import_log(small_log, token=empty.token_of("support"))
    assert refusal(said) == (
        "PET does not let this token import: AdoptSlaPolicy may be asked for by manager; your roles: support. "
        "A manager's token may."
    )
    assert empty.position == 0
    assert empty.refused_by_code() == Counter()


def test_a_wrong_token_is_told_so(empty: Server, small_log: Path) -> None:
    assert refusal(empty.import_log(small_log, token="no-token")).startswith(f"{empty.url} does not know this token. ")
    assert empty.position == 0


def test_another_importer_is_told_that_the_log_is_there_already(imported: Imported) -> None:
    position = imported.server.position
    token = imported.server.token_of("manager", name="somebody else")
    said = imported.server.import_log(imported.file, token, *imported.options)
    assert refusal(said).startswith("The log was imported before, with another actor. ")
    assert imported.server.position == position


def test_a_file_that_is_not_the_log_is_told_so(empty: Server, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("TaskNumber,Summary\n1735,Mend it\n")
    assert refusal(empty.import_log(file)).startswith(f"{file} is not the helpdesk log: its first line has to be Case")
    assert empty.position == 0


def test_an_activity_that_has_no_mapping_is_told_so(empty: Server, small_log: Path) -> None:
    small_log.write_text(small_log.read_text().replace("Take in charge ticket", "Take a nap"))
    assert "'Take a nap'" in refusal(empty.import_log(small_log))
    assert empty.position == 0


def test_a_server_that_does_not_answer_is_told_so(small_log: Path) -> None:
    nobody = Server(small_log.parent)
    assert refusal(nobody.import_log(small_log)).startswith(f"{nobody.url} does not answer (")


def test_the_mapping_tells_of_each_activity() -> None:
    said = subprocess.run([sys.executable, IMPORTER, "--mapping"], capture_output=True, text=True, check=True).stdout
    cells = [line.split("│")[1].strip() for line in said.splitlines() if line.startswith("│")]
    assert sorted(filter(None, cells)) == sorted([*helpdesk.ACTIVITIES, "(first of its case)"])

"""Ten years of a software firm, imported through the public API, against sums that were made from its files alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sip
from conftest import shared_data
from servers import EXAMPLES, Server, a_server

from pet_graph.schema.scalars import parse_duration

pytestmark = pytest.mark.slow
IMPORTER = EXAMPLES / "import_sip.py"
LONG_SECONDS = 1_800.0
PAST = date(2010, 12, 31)
SOLD_VERSUS_DELIVERED = """
    query ($by: [DeliveryDimension!]!, $asOf: AsOf) {
        soldVersusDelivered(by: $by, first: 1000, asOf: $asOf) {
            year project { name } sold delivered billable nonBillable writtenOff unattributed promises ended
        }
    }
"""


@dataclass
class Imported:
    server: Server
    folder: Path
    said: subprocess.CompletedProcess[str]
    firm: sip.Firm


@pytest.fixture(scope="module", params=["the real firm", "a generated firm"])
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    if request.param == "the real firm":
        folder = shared_data("sip")
    else:
        folder = sip.write(tmp_path_factory.mktemp("sip"), sip.generated(300))
    with a_server() as server:
        said = server.import_log(folder, importer=IMPORTER, seconds=LONG_SECONDS)
        assert said.returncode == 0, said.stderr
        yield Imported(server, folder, said, sip.read(folder))


def groups(imported: Imported, *by: str, as_of: date | None = None) -> list[dict[str, Any]]:
    moment = as_of and {"occurredAt": f"{as_of}T23:59:59.999999Z"}
    asked = imported.server.ask(SOLD_VERSUS_DELIVERED, {"by": by, "asOf": moment})
    found: list[dict[str, Any]] = asked["soldVersusDelivered"]
    return found


def hours(found: list[dict[str, Any]], key: Callable[[dict[str, Any]], object]) -> dict[object, tuple[float, float]]:
    """Sold and delivered in seconds, by what groups are of."""
    return {
        key(group): tuple(parse_duration(group[name]) / timedelta(seconds=1) for name in ("sold", "delivered"))  # type: ignore[misc]
        for group in found
    }


def expected(totals: dict[object, sip.Total]) -> dict[object, tuple[int, int]]:
    return {key: total.seconds for key, total in totals.items()}


# --- what is there afterwards -----------------------------------------------------------------------------------------


def test_every_row_is_recorded_and_none_is_dropped(imported: Imported) -> None:
    rows = len(imported.firm.worked)
    assert f"recorded {rows:,} + refused 0 = {rows:,} rows" in imported.said.stdout.splitlines()
    assert imported.server.refused_by_code() == {}
    assert re.search(r" s, [\d,]+ facts/s", imported.said.stdout)


@pytest.mark.parametrize("as_of", [None, PAST], ids=str)
def test_sold_against_delivered_is_what_the_files_add_up_to(imported: Imported, as_of: date | None) -> None:
    """By project, by year, and altogether, to the second; now, and as of a day in the past."""
    until = as_of or sip.END
    by_project = hours(groups(imported, "PROJECT", as_of=as_of), lambda group: group["project"]["name"])
    assert by_project == expected(sip.totals(imported.firm, sip.by_project, until))
    by_year = hours(groups(imported, "YEAR", as_of=as_of), lambda group: group["year"])
    assert by_year == expected(sip.totals(imported.firm, sip.by_year, until))
    whole = hours(groups(imported, as_of=as_of), lambda group: "all")
    assert whole == expected(sip.totals(imported.firm, sip.overall, until))


def test_every_hour_stands_in_one_class_and_keeps_a_promise(imported: Imported) -> None:
    for group in groups(imported, "PROJECT"):
        classes = (group[name] for name in ("billable", "nonBillable", "writtenOff", "unattributed"))
        assert sum(map(parse_duration, classes), timedelta()) == parse_duration(group["delivered"])
        assert group["unattributed"] == "PT0S"


def test_what_was_done_or_cancelled_has_ended(imported: Imported) -> None:
    [whole] = groups(imported)
    open_statuses = {"ESTIMATED", "AUTHORISE", "TEMPLATE"}
    ended = sum(sold.status not in open_statuses for sold in imported.firm.sold)
    assert (whole["promises"], whole["ended"]) == (len(imported.firm.sold), ended)


# --- the importer -----------------------------------------------------------------------------------------------------


def test_an_import_that_is_run_again_records_nothing_more(tmp_path: Path) -> None:
    folder = sip.write(tmp_path, sip.generated(20))
    with a_server() as server:
        first = server.import_log(folder, importer=IMPORTER)
        assert first.returncode == 0, first.stderr
        position = server.position
        again = server.import_log(folder, importer=IMPORTER)
        assert again.returncode == 0, again.stderr
        assert server.position == position
        commands, repeated = re.search(r"([\d,]+) commands, ([\d,]+) of them there before", again.stdout).groups()  # type: ignore[union-attr]
        assert commands == repeated


def test_who_may_not_import_is_told_so_before_anything_is_recorded(tmp_path: Path) -> None:
    folder = sip.write(tmp_path, sip.generated(5))
    with a_server() as server:
        said = server.import_log(folder, server.token_of("engineer"), importer=IMPORTER)
        assert said.returncode == 1
        assert "does not let this token import" in said.stderr
        assert server.position == 0


def test_a_folder_without_the_files_is_told_by_name(tmp_path: Path) -> None:
    with a_server() as server:
        said = server.import_log(tmp_path, importer=IMPORTER)
    assert said.returncode == 1
    assert "cannot be read" in said.stderr

"""What was aimed at, as data: each goal compares one figure of PET with a bound, or with the same figure of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import ge, le

from .cases import FLAT, NESTED, ONE
from .scale import Row


@dataclass(frozen=True)
class Goal:
    """`figure` of PET, divided by that of `beside` if there is one, is at most (or at least) `bound`."""

    show: int
    sentence: str
    group: str
    figure: str
    compare: Callable[[float, float], bool]
    bound: float
    case: str | None = None
    size: int | None = None
    beside: str | None = None

    def found(self, rows: Sequence[Row]) -> float | None:
        """What was measured; None when it was not."""
        value = self._figure(rows, "PET")
        if self.beside is None or value is None:
            return value
        other = self._figure(rows, self.beside)
        return value / other if other else None

    def _figure(self, rows: Sequence[Row], server: str) -> float | None:
        for row in rows:
            fits = row["group"] == self.group and row["server"] == server and self.figure in row
            if fits and self.case in (None, row["case"]) and self.size in (None, row["size"]):
                return float(row[self.figure])
        return None

    def verdict(self, rows: Sequence[Row]) -> str:
        found = self.found(rows)
        if found is None:
            return "not measured"
        return "reached" if self.compare(found, self.bound) else "**below the goal**"


def _lists() -> list[Goal]:
    goals = []
    for case, times in ((NESTED, 2.0), (FLAT, 3.0)):
        about = case.title
        goals += [
            Goal(1, f"{about}: server time, times the limit's", "reads", "server_ms", le, 1.1, about, beside="limit"),
            Goal(1, f"{about}: server time, times PostGraphile's", "reads", "server_ms", le, 0.1, about, beside=PEER),
            Goal(1, f"{about}: requests/s, times PostGraphile's", "reads", "per_second", ge, times, about, beside=PEER),
        ]
    return goals


PEER = "PostGraphile"
GOALS = (
    Goal(1, f"{ONE.title}: server time, times the limit's", "reads", "server_ms", le, 1.25, ONE.title, beside="limit"),
    Goal(1, f"{ONE.title}: server time, times PostGraphile's", "reads", "server_ms", le, 0.4, ONE.title, beside=PEER),
    *_lists(),
    Goal(2, "64 writers: commands/s, times pgbench's", "turns", "per_second", ge, 2.0, size=64, beside="pgbench"),
    Goal(
        3,
        "5,000 subscribers: last delivery, times the limit's",
        "fanout",
        "last_ms",
        le,
        1.6,
        size=5_000,
        beside="limit",
    ),
    Goal(3, "5,000 subscribers: KB each", "fanout", "kb_each", le, 25.0, size=5_000),
    Goal(4, "Rebuild of 1M facts: facts/s", "rebuild", "per_second", ge, 150_000.0, size=1_000_000),
)

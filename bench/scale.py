"""How thoroughly to measure: everything that differs between a full run and one that only shows that it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
Tell: TypeAlias = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """Rounds of so many seconds a cell; the sizes that costs are shown to grow by."""

    quick: bool
    rounds: int
    seconds: float
    facts: int
    growing_facts: tuple[int, ...]
    writers: tuple[int, ...]
    subscribers: tuple[int, ...]


FULL = Scale(
    quick=False,
    rounds=3,
    seconds=2.0,
    facts=500_000,
    growing_facts=(10_000, 100_000, 1_000_000),
    writers=(1, 16, 64, 256),
    subscribers=(10, 100, 1_000, 5_000),
)
QUICK = Scale(
    quick=True,
    rounds=1,
    seconds=0.5,
    facts=10_000,
    growing_facts=(6_000, 10_000),
    writers=(1, 64),
    subscribers=(10, 100),
)

"""The picture of a run: four small charts in one SVG that reads well on light and on dark ground."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from .scale import Row

WIDTH, PANEL_WIDTH, PANEL_HEIGHT, MARGIN, TOP = 920, 400, 270, 40, 58
LEFT, RIGHT = 56, 96
"""Room inside a panel for the numbers at its axis, and for the names at the ends of its lines."""

STYLE = """
text { font: 12px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.ground { fill: #ffffff; stroke: #d0d7de }
.title { font-size: 14px; font-weight: 600 }
.faint { fill: #59636e; font-size: 11px }
.grid { stroke: #d0d7de; stroke-width: 1 }
.series { fill: none; stroke-width: 2.2 }
.PET { stroke: #0969da; fill: #0969da }
.limit { stroke: #59636e; fill: #59636e }
.plain { stroke: #8250df; fill: #8250df }
.other1 { stroke: #bc4c00; fill: #bc4c00 }
.other2 { stroke: #1a7f37; fill: #1a7f37 }
.other3 { stroke: #bf3989; fill: #bf3989 }
text.PET, text.limit, text.plain, text.other1, text.other2, text.other3 { stroke: none }
path.PET, path.limit, path.plain, path.other1, path.other2, path.other3 { fill: none }
path.limit { stroke-dasharray: 5 4 }
text.PET { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .ground { fill: #0d1117; stroke: #3d444d }
  .faint { fill: #9198a1 }
  .grid { stroke: #3d444d }
  .PET { stroke: #58a6ff; fill: #58a6ff }
  .limit { stroke: #9198a1; fill: #9198a1 }
  .plain { stroke: #bc8cff; fill: #bc8cff }
  .other1 { stroke: #f0883e; fill: #f0883e }
  .other2 { stroke: #3fb950; fill: #3fb950 }
  .other3 { stroke: #f778ba; fill: #f778ba }
}
"""

Point = tuple[float, float]


@dataclass(frozen=True)
class Dots:
    """Groups of dots on one logarithmic scale: `cases` of (title, [(server, value)])."""

    title: str
    unit: str
    cases: Sequence[tuple[str, Sequence[tuple[str, float]]]]


@dataclass(frozen=True)
class Lines:
    """One line a server, both scales logarithmic."""

    title: str
    unit: str
    series: dict[str, list[Point]]


def picture(panels: Sequence[Dots | Lines], caption: str) -> str:
    """The SVG, two panels in a row."""
    rows = math.ceil(len(panels) / 2)
    height = TOP + rows * (PANEL_HEIGHT + MARGIN + 24)
    kinds = kinds_of(_names(panels))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(caption)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
        _text(MARGIN, 30, caption, "faint"),
    ]
    for number, panel in enumerate(panels):
        x = MARGIN + number % 2 * (PANEL_WIDTH + MARGIN)
        y = TOP + number // 2 * (PANEL_HEIGHT + MARGIN + 24)
        draw: Callable[[Any, dict[str, str]], Iterable[str]] = _dots if isinstance(panel, Dots) else _lines
        parts += [f'<g transform="translate({x} {y})">', _text(0, 14, panel.title, "title")]
        parts += [_text(0, 31, panel.unit, "faint"), *draw(panel, kinds), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _names(panels: Sequence[Dots | Lines]) -> list[str]:
    found: dict[str, None] = {}
    for panel in panels:
        groups = [names for _, names in panel.cases] if isinstance(panel, Dots) else [list(panel.series.items())]
        found |= {name: None for group in groups for name, _ in group}
    return list(found)


def kinds_of(names: Sequence[str]) -> dict[str, str]:
    """The colour of each server, the same in every panel; there are three for those of other houses."""
    known = {"PET": "PET", "limit": "limit", "PET, planner off": "plain"}
    others = [name for name in names if name not in known]
    return known | {name: f"other{1 + number % 3}" for number, name in enumerate(others)}


# --- scales -----------------------------------------------------------------------------------------------------------


def decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten between which all values lie."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def place(value: float, low: float, high: float, length: float) -> float:
    """Where a value lies on a logarithmic axis from 10^low to 10^high."""
    return (math.log10(value) - low) / (high - low) * length


def short(value: float) -> str:
    """A number in few letters: 0.045, 1.3, 128, 12k, 1M."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:.3g}M"
    if value >= 10_000:
        return f"{value / 1_000:.3g}k"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


# --- panels -----------------------------------------------------------------------------------------------------------


def _dots(panel: Dots, kinds: dict[str, str]) -> Iterable[str]:
    values = [value for _, dots in panel.cases for _, value in dots]
    if not values:
        yield _text(0, 60, "not measured", "faint")
        return
    low, high = decades(values)
    step = (PANEL_HEIGHT - 38) / sum(len(dots) + 1.5 for _, dots in panel.cases)
    left, length, y = 118, PANEL_WIDTH - 118 - 44, 44.0
    for power in range(low, high + 1):
        x = left + place(10.0**power, low, high, length)
        yield f'<line class="grid" x1="{x:.1f}" y1="40" x2="{x:.1f}" y2="{PANEL_HEIGHT}"/>'
        yield _text(x, PANEL_HEIGHT + 17, short(10.0**power), "faint", "middle")
    for title, dots in panel.cases:
        yield _text(0, y + step * 0.7, title, "faint")
        y += step * 1.5
        for name, value in dots:
            x, kind = left + place(value, low, high, length), kinds[name]
            yield _text(left - 8, y + 4, name, kind, "end", 11)
            yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
            yield _text(x + 9, y + 4, short(value), kind, "start", 11)
            y += step


def _lines(panel: Lines, kinds: dict[str, str]) -> Iterable[str]:
    points = [point for line in panel.series.values() for point in line]
    if not points:
        yield _text(0, 60, "not measured", "faint")
        return
    (left_x, right_x), (low, high) = _ends([x for x, _ in points]), decades([y for _, y in points])
    top, bottom, length = 44, PANEL_HEIGHT, PANEL_WIDTH - LEFT - RIGHT

    def at(point: Point) -> Point:
        return LEFT + place(point[0], left_x, right_x, length), bottom - place(point[1], low, high, bottom - top)

    for power in range(low, high + 1):
        y = at((10**left_x, 10.0**power))[1]
        yield f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{LEFT + length}" y2="{y:.1f}"/>'
        yield _text(LEFT - 7, y + 4, short(10.0**power), "faint", "end")
    for x in sorted({x for x, _ in points}):
        yield _text(at((x, 10.0**low))[0], bottom + 17, short(x), "faint", "middle")
    for name, line in panel.series.items():
        places = [at(point) for point in sorted(line)]
        path = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        yield f'<path class="series {kinds[name]}" d="M{path}"/>'
        yield from (f'<circle class="{kinds[name]}" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in places)
    ends = {name: at(max(line))[1] for name, line in panel.series.items()}
    for name, y in apart(ends, 13).items():
        yield _text(LEFT + length + 8, y + 4, name, kinds[name], "start", 11)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    low, high = math.log10(min(values)), math.log10(max(values))
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def apart(places: dict[str, float], gap: float) -> dict[str, float]:
    """The same places from top to bottom, moved down where two would lie on each other."""
    moved: dict[str, float] = {}
    last = -math.inf
    for name, y in sorted(places.items(), key=lambda item: item[1]):
        last = moved[name] = max(y, last + gap)
    return moved


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start", size: int = 0) -> str:
    sized = f' style="font-size:{size}px"' if size else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{sized}>{escape(text)}</text>'


def lines_of(rows: Sequence[Row], figure: str) -> dict[str, list[Point]]:
    """One line a server from rows that have this figure."""
    series: dict[str, list[Point]] = {}
    for row in rows:
        if row.get(figure):
            series.setdefault(row["server"], []).append((row["size"], row[figure]))
    return series

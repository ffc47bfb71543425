"""Timelines: what happened to a ticket in the order in which it was so, as far as clocks and durations look at it.

Facts may be told late. A moment stands where it belongs in time; one that ends something never stands before what it
ends. Messages among colleagues are no moments: nothing is promised of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from .base import Priority
from .spans import Span


class Party(StrEnum):
    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    INTERNAL = "internal"


class Trigger(StrEnum):
    """What facts of a ticket say to clocks."""

    OPENED = "opened"
    CUSTOMER_WROTE = "customer_wrote"
    RESPONDED = "responded"
    HELD = "held"
    RESUMED = "resumed"
    PRIORITISED = "prioritised"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    CLOSED = "closed"
    ANNULLED = "annulled"
    MERGED = "merged"


class Moment(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """`position` is that of the fact that told of it."""

    at: datetime
    trigger: Trigger
    position: int = 0
    party: Party | None = None
    reason: str = ""
    priority: Priority | None = None


Timeline = tuple[Moment, ...]

_SPELL = (Trigger.OPENED, Trigger.REOPENED)

ENDS: dict[Trigger, tuple[Trigger, ...]] = {
    Trigger.RESUMED: (Trigger.HELD,),
    Trigger.REOPENED: (Trigger.RESOLVED, Trigger.CLOSED),
    Trigger.RESOLVED: _SPELL,
    Trigger.CLOSED: _SPELL,
    Trigger.ANNULLED: _SPELL,
    Trigger.MERGED: _SPELL,
}
"""What a moment puts an end to. Everything else comes after the opening, and that is all."""

OVER = frozenset({Trigger.RESOLVED, Trigger.ANNULLED, Trigger.MERGED})
"""Whatever was waited for, nobody waits any more."""


def told(timeline: Timeline, moment: Moment) -> Timeline:
    """The timeline with one moment more, where it belongs."""
    if not timeline or timeline[-1].at <= moment.at:
        return (*timeline, moment)
    ends = ENDS.get(moment.trigger, (Trigger.OPENED,))
    began = next((one.at for one in reversed(timeline) if one.trigger in ends), moment.at)
    if began > moment.at:
        moment = msgspec.structs.replace(moment, at=began)
    place = bisect_right(timeline, moment.at, key=lambda one: one.at)
    return (*timeline[:place], moment, *timeline[place:])


def pauses(
    timeline: Timeline, starts: Iterable[Trigger], ends: Iterable[Trigger], parties: Iterable[Party]
) -> list[Span]:
    """The spans in which one of these parties was waited for, each with the party and the reason; one may be open.

    What ends a wait is what was told next, as the ticket stood then: a wait that is told late may lie before others.
    A wait that passes to a party that is not among them is over, and so is every wait when the work is.
    """
    if not any(moment.trigger in starts for moment in timeline):
        return []
    found: list[Span] = []
    waiting: Moment | None = None
    for moment in sorted(timeline, key=lambda one: one.position):
        if waiting and (moment.trigger in starts or moment.trigger in OVER or moment.trigger is Trigger.RESUMED):
            found.append(_span(waiting, max(waiting.at, moment.at)))
            waiting = None
        if moment.trigger in starts and (moment.party is None or moment.party in parties):
            waiting = moment
    if waiting:
        found.append(_span(waiting, None))
    cuts = [moment.at for moment in timeline if moment.trigger in ends and moment.trigger is not Trigger.RESUMED]
    return [_cut(span, cuts) for span in found] if cuts else found


def _span(waiting: Moment, end: datetime | None) -> Span:
    return Span(waiting.at, end, ": ".join(filter(None, (waiting.party, waiting.reason))))


def _cut(span: Span, cuts: Iterable[datetime]) -> Span:
    """The span up to the first of these instants after its start."""
    first = next((at for at in cuts if at > span.start), None)
    if first is None or (span.end is not None and span.end <= first):
        return span
    return Span(span.start, first, span.reason)

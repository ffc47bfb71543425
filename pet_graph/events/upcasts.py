"""Upcasts: what turns the shape of a stored event into the next version's. The stored text stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

Shape = dict[str, Any]
NOBODY = str(UUID(int=0))


def unchanged(shape: Shape) -> Shape:
    """The next version only has more fields, which may be left out."""
    return shape


def _promise(shape: Shape) -> Shape:
    promised = {name: shape.pop(name, None) for name in ("response", "resolution")}
    return {**shape, "targets": [[name, span] for name, span in promised.items() if span is not None]}


def started(shape: Shape) -> Shape:
    """The first version told the promise only: each clock started when the fact occurred."""
    promise = _promise(dict(shape["promise"]))
    clocks = [{"kind": kind, "cycle": 1, "target": span} for kind, span in promise["targets"]]
    return {"promises": [promise], "clocks": clocks}


def restarted(shape: Shape) -> Shape:
    """The first version restarted the clock of the resolution only."""
    begun = started(shape)
    cycle = {"cycle": shape["cycle"]}
    return {**begun, "clocks": [clock | cycle for clock in begun["clocks"] if clock["kind"] == "resolution"]}


def _seen_each(shape: Shape) -> Shape:
    """The version before named one policy and one calendar."""
    seen = shape.pop("seen", None) or {}
    pairs = ((seen.get(one), seen.get(edit, 0)) for one, edit in _SEEN)
    return {**shape, "seen": [[subject, edit] for subject, edit in pairs if subject]}


_SEEN = (("policy", "policy_edits"), ("calendar", "calendar_version"))


def retargeted(shape: Shape) -> Shape:
    """The first version left the working out to the fold: how clocks stand is told by the next fact."""
    return {"promises": [_promise(dict(shape["promise"]))]}


def _of_nobody(shape: Shape) -> Shape:
    """What the first version did not say of a verdict."""
    said = {"target": "PT0S", "due_at": "1970-01-01T00:00:00Z", "customer": NOBODY, "priority": "normal"}
    return {**said, "policy": NOBODY, "policy_version": 0, **shape}


def cancelled(shape: Shape) -> Shape:
    """The first version was said of all running clocks of the ticket at once."""
    return _of_nobody({"kind": "", "cycle": 0, "reason": "annulled"})


UPCASTS: dict[tuple[str, int], Callable[[Shape], Shape]] = {
    ("SlaStarted", 1): started,
    ("SlaRestarted", 1): restarted,
    ("SlaRetargeted", 1): retargeted,
    ("SlaPaused", 1): unchanged,
    ("SlaResumed", 1): unchanged,
    ("SlaStarted", 2): _seen_each,
    ("SlaRestarted", 2): _seen_each,
    ("SlaRetargeted", 2): _seen_each,
    ("SlaPaused", 2): _seen_each,
    ("SlaResumed", 2): _seen_each,
    ("SlaReviewed", 1): _seen_each,
    ("SlaStopped", 1): _of_nobody,
    ("SlaCancelled", 1): cancelled,
    ("SlaWarned", 1): unchanged,
    ("SlaBreached", 1): unchanged,
    ("SlaMet", 1): unchanged,
    ("SlaPolicyAdopted", 1): unchanged,
    ("SlaPolicyRetired", 1): unchanged,
    ("TicketOpened", 1): unchanged,
    ("QuoteDrafted", 1): unchanged,
}
"""(stored type, schema version) -> what makes the next version of it. An event without any is in its first version."""

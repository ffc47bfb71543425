"""The versions of one quote: what became of each, and the digest that it is called by. No decisions.

What a version offers, and what that comes to, stands in `offers`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from .base import Fact
from .offers import LinePrice, Offer, QuoteLine, Total, cheapest, dearest, line_price, nets_of, total


class QuoteStatus(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    SENT = "sent"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"


class Version(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One version and what became of it.

    `position` is that of the last fact about it, `lines_position` that of the last one about its lines. `authors` are
    the actors who drafted and submitted it; `lines` are the numbers of those accepted.
    """

    number: int
    digest: str
    offer: Offer
    minor_digits: int
    authors: tuple[str, ...]
    drafted_at: datetime
    position: int
    lines_position: int
    status: QuoteStatus = QuoteStatus.DRAFT
    submitted_at: datetime | None = None
    approved_at: datetime | None = None
    approved_by: str | None = None
    sent_at: datetime | None = None
    sent_to: str | None = None
    accepted_at: datetime | None = None
    accepted_by: str | None = None
    accepted_under: str | None = None
    lines: tuple[int, ...] = ()
    ended_at: datetime | None = None
    reason: str | None = None

    # --- what it comes to -----------------------------------------------------------------------------------------

    def price(self, line: QuoteLine) -> LinePrice:
        """What one line comes to."""
        return line_price(line, self.offer.rounding, self.minor_digits)

    def total(self, numbers: Collection[int]) -> Total:
        """What the lines of these numbers come to together."""
        return total(self.offer, self.minor_digits, numbers)

    @property
    def least(self) -> int:
        """In micro-units: the smallest total that can be accepted."""
        return self.total(cheapest(self.offer, nets_of(self.offer, self.minor_digits))).total

    @property
    def most(self) -> int:
        """In micro-units: the greatest total that can be accepted."""
        return self.total(dearest(self.offer, nets_of(self.offer, self.minor_digits))).total


# --- its name -----------------------------------------------------------------------------------------------------


def canonical(customer: UUID, number: int, minor_digits: int, offer: Offer) -> str:
    """The text of a version: JSON with sorted keys, and no space between; what has its default is left out."""
    content = {"customer": customer, "version": number, "minor_digits": minor_digits, "offer": offer}
    return msgspec.json.encode(content, order="sorted").decode()


def digest_of(text: str) -> str:
    """The SHA-256 digest of a version's text in UTF-8, in hexadecimal."""
    return sha256(text.encode()).hexdigest()


# --- all of them --------------------------------------------------------------------------------------------------


class QuoteState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The versions, oldest first; the newest is the one that things happen to."""

    id: UUID | None = None
    customer: UUID | None = None
    number: int = 0
    versions: tuple[Version, ...] = ()
    superseded_by: UUID | None = None
    opportunity: UUID | None = None

    @property
    def newest(self) -> Version:
        return self.versions[-1]

    @property
    def in_force(self) -> Version | None:
        """The version under which things are owed."""
        return next((one for one in reversed(self.versions) if one.status is QuoteStatus.ACCEPTED), None)

    def with_newest(self, **changes: Any) -> QuoteState:
        newest = msgspec.structs.replace(self.newest, **changes)
        return msgspec.structs.replace(self, versions=(*self.versions[:-1], newest))

    def with_superseded(self, statuses: tuple[QuoteStatus, ...], fact: Fact) -> QuoteState:
        """Versions of these statuses make room for a newer one."""

        def after(one: Version) -> Version:
            if one.status not in statuses:
                return one
            ended = {"ended_at": fact.occurred_at, "position": fact.position}
            return msgspec.structs.replace(one, status=QuoteStatus.SUPERSEDED, **ended)

        return msgspec.structs.replace(self, versions=tuple(map(after, self.versions)))

    def with_version(self, offer: Offer, minor_digits: int, digest: str, fact: Fact) -> QuoteState:
        """One version more."""
        version = Version(
            number=len(self.versions) + 1,
            digest=digest,
            offer=offer,
            minor_digits=minor_digits,
            authors=(fact.actor,),
            drafted_at=fact.occurred_at,
            position=fact.position,
            lines_position=fact.position,
        )
        return msgspec.structs.replace(self, versions=(*self.versions, version))


def expires_at(state: QuoteState) -> datetime | None:
    """When it will have to be recorded that the quote has expired, if nothing else happens."""
    waits = state.versions and state.newest.status is QuoteStatus.SENT
    return state.newest.offer.expires_at if waits else None

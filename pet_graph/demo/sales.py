"""What the demonstration firm sells: leads, opportunities and quotes, and what became of each.

Days are working days since its past began; the present is the 64th or 65th.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from ..decisions import Asked
from ..events.base import MICROS, BurnUnit, Command, Quantity
from ..events.leads import CaptureLead, ConvertLead, Criterion, DisqualifyLead, QualifyLead
from ..events.obligations import obligation_of
from ..events.offers import LineKind, Offer, QuoteLine
from ..events.opportunities import CommitOpportunity, ForecastOpportunity, LoseOpportunity, WinOpportunity
from ..events.quote_versions import canonical, digest_of
from ..events.quotes import AcceptQuote, ApproveQuote, DeclineQuote, DraftQuote, ReviseQuote, SendQuote, SubmitQuote
from .firm import OWN_APPROVAL_EUR, Past, asked, eur, id_of

SELLER, PARTNER = "Goran", "Dimitri"
CENTS = 2
VALID_DAYS = 30


class Line(NamedTuple):
    """What a quote offers in one line: so many units, at a price each, by a day."""

    description: str
    unit: BurnUnit
    units: int
    price_eur: int
    due: int | None = None
    role: str | None = None
    optional: bool = False
    alternative: str | None = None


class Fate(StrEnum):
    """How far a sale came."""

    DISQUALIFIED = "disqualified"
    LOST = "lost"
    SUBMITTED = "submitted"
    SENT = "sent"
    DECLINED = "declined"
    ACCEPTED = "accepted"


class Sale(NamedTuple):
    """A lead captured on a day, what was offered for it, and what became of it."""

    name: str
    customer: str
    source: str
    began: int
    worth_eur: int
    fate: Fate
    lines: tuple[Line, ...] = ()
    chosen: tuple[int, ...] = ()
    valid_days: int = VALID_DAYS


_H, _M = BurnUnit.HOURS, BurnUnit.MILESTONE
_WON, _SENT = Fate.ACCEPTED, Fate.SENT
TRACKING = (
    Line("Building the tracking", _H, 180, 120, 52, "Engineer"),
    Line("Handheld scanners", BurnUnit.HARDWARE_UNITS, 24, 310, 40),
    Line("Go-live in the first warehouse", _M, 1, 4_500, 52),
    Line("Training on site", _H, 16, 110, 60, "Project manager", optional=True),
)
PORTAL = (
    Line("Building the portal", _H, 220, 125, 46, "Engineer"),
    Line("Go-live of the portal", _M, 1, 6_000, 48),
    Line("Seats of the portal", BurnUnit.SOFTWARE_UNITS, 40, 90, 48),
)
PACK = (
    Line("Support tickets", BurnUnit.TICKETS, 60, 95),
    Line("Watching over the servers", BurnUnit.PERIOD, 12, 240),
)
ARCHIVE = (
    Line("Building the archive", _H, 140, 115, 62, "Engineer"),
    Line("Moving the old records", _H, 40, 95, 66, "Junior engineer"),
)
CLAIMS = (
    Line("Forms and rules", _H, 160, 120, 55, "Engineer"),
    Line("Go-live of the intake", _M, 1, 3_500, 58),
)
CUSTOMS = (Line("Messages to customs", _H, 100, 118, 62, "Engineer"),)
BOOKING = (
    Line("Building the site", _H, 120, 115, 75, "Senior engineer"),
    Line("Hosting, basic", BurnUnit.PERIOD, 12, 60, alternative="Hosting"),
    Line("Hosting, with backups", BurnUnit.PERIOD, 12, 110, alternative="Hosting"),
)
RETAINER = (Line("Advice as needed", BurnUnit.MONEY, 1, 4_800),)
SALES = (
    Sale("Warehouse tracking", "Acme Logistics", "Trade fair", 0, 36_000, _WON, TRACKING, (4,)),
    Sale("Patient portal", "Delta Clinics", "Recommendation", 1, 35_000, _WON, PORTAL),
    Sale("Loyalty cards", "Ember Bakeries", "Web form", 3, 9_000, Fate.LOST),
    Sale("Support pack", "Delta Clinics", "Existing customer", 3, 8_500, _WON, PACK),
    Sale("Records archive", "Birch & Partners", "Existing customer", 7, 20_000, _WON, ARCHIVE),
    Sale("Claims intake", "Fjord Insurance", "Recommendation", 11, 24_000, _WON, CLAIMS),
    Sale("Chatbot", "Fjord Insurance", "Web form", 15, 0, Fate.DISQUALIFIED),
    Sale("Second clinic", "Delta Clinics", "Existing customer", 17, 30_000, _SENT, PORTAL[:2], valid_days=20),
    Sale("Customs interface", "Harbour Freight", "Trade fair", 19, 12_000, _WON, CUSTOMS),
    Sale("Booking site", "Grand Hotel Lido", "Recommendation", 27, 15_000, _WON, BOOKING, (3,)),
    Sale("Stock count", "Ember Bakeries", "Trade fair", 29, 14_000, Fate.DECLINED, CUSTOMS),
    Sale("Advice", "Grand Hotel Lido", "Existing customer", 33, 4_800, _WON, RETAINER),
    Sale("Shop relaunch", "Crunchy Armchairs", "Web form", 50, 26_000, _SENT, BOOKING),
    Sale("Second warehouse", "Acme Logistics", "Existing customer", 56, 38_000, Fate.SUBMITTED, TRACKING),
)
CHANGED, CHANGED_ON = "Claims intake", 47
CHANGE = (CLAIMS[0]._replace(due=62), CLAIMS[1]._replace(due=64), Line("Ledger interface", _H, 40, 120, 64, "Engineer"))
"""The change order that was accepted of one quote, later."""

KINDS = {
    _H: LineKind.TIME,
    BurnUnit.HARDWARE_UNITS: LineKind.HARDWARE,
    BurnUnit.SOFTWARE_UNITS: LineKind.SOFTWARE,
}


def quote_of(sale: str) -> UUID:
    return id_of(f"{sale} quote")


def owed_in(sale: str, line: int) -> UUID:
    """The promise that a line of a sale's quote became."""
    return obligation_of(quote_of(sale), line)


def history(past: Past) -> Iterator[list[Asked]]:
    """Sale by sale: the clock must not find a quote overdue that is accepted in the next turn."""
    for sale in SALES:
        yield past.so_far(_story(sale, past))


def _story(sale: Sale, past: Past) -> Iterator[Asked]:
    """A sale from its lead to its end; the version that changed it among them."""
    yield from _pursued(sale, past)
    if sale.lines:
        draft = DraftQuote(
            customer=id_of(sale.customer),
            offer=_offer(sale, sale.lines, sale.began, past),
            opportunity=id_of(f"{sale.name} sale"),
        )
        yield from _quoted(sale, draft, 1, sale.began + 4, past)
    if sale.name == CHANGED:
        revise = ReviseQuote(quote=quote_of(sale.name), offer=_offer(sale, CHANGE, CHANGED_ON, past))
        yield from _quoted(sale, revise, 2, CHANGED_ON, past)


def _pursued(sale: Sale, past: Past) -> Iterator[Asked]:
    """Until it is an opportunity, or is lost."""
    lead, deal, seller = id_of(f"{sale.name} lead"), id_of(f"{sale.name} sale"), id_of(SELLER)

    def ask(command: Command, step: str, day: int, hours: float) -> Asked:
        return asked(command, f"{sale.name} {step}", past.at(sale.began + day, hours), by=SELLER)

    contact = f"{sale.name.split()[0].lower()}@customer.example"
    need = f"They ask for: {sale.name.lower()}."
    yield ask(CaptureLead(name=sale.customer, source=sale.source, contact=contact, need=need), "lead", 0, 9.5)
    if sale.fate is Fate.DISQUALIFIED:
        yield ask(DisqualifyLead(lead=lead, reason="There is no budget before next year."), "away", 1, 11)
        return
    criteria = (
        Criterion("There is a budget.", "Said so on the telephone."),
        Criterion("Somebody decides.", f"The board of {sale.customer} does, next month."),
    )
    yield ask(QualifyLead(lead=lead, person=seller, criteria=criteria), "qualified", 1, 10)
    convert = ConvertLead(lead=lead, name=sale.name, owner=seller, customer=id_of(sale.customer))
    yield ask(convert, "sale", 2, 11)
    value, closes_on = eur(sale.worth_eur), past.day(sale.began + 12)
    said = ForecastOpportunity(
        opportunity=deal, person=seller, value=value, closes_on=closes_on, basis="What they asked for, at our rates."
    )
    yield ask(said, "forecast", 2, 11.5)
    if sale.fate is Fate.LOST:
        yield ask(LoseOpportunity(opportunity=deal, reason="They bought a product off the shelf."), "lost", 9, 15)


def _quoted(sale: Sale, written: DraftQuote | ReviseQuote, version: int, day: int, past: Past) -> Iterator[Asked]:
    """A version, from its first word to its end; above the limit the partner approves what the seller wrote."""
    quote = quote_of(sale.name)
    digest = digest_of(canonical(id_of(sale.customer), version, CENTS, written.offer))
    dear = sale.worth_eur > OWN_APPROVAL_EUR

    def ask(command: Command, step: str, days: int, hours: float, by: str = SELLER) -> Asked:
        name = f"{sale.name} {step}" if version == 1 else f"{sale.name} {step} {version}"
        return asked(command, name, past.at(day + days, hours), by)

    yield ask(written, "quote", 0, 14)
    yield ask(SubmitQuote(quote=quote), "submitted", 0, 14.5)
    if sale.fate is Fate.SUBMITTED:
        return
    yield ask(ApproveQuote(quote=quote, digest=digest), "approved", 1, 9, PARTNER if dear else SELLER)
    yield ask(SendQuote(quote=quote, recipient=f"The board of {sale.customer}"), "sent", 1, 10)
    if version == 1:
        yield from _committed(sale, past)
    if sale.fate is Fate.DECLINED:
        yield ask(DeclineQuote(quote=quote, reason="The board put it off by a year."), "declined", 5, 16)
        lost = LoseOpportunity(opportunity=id_of(f"{sale.name} sale"), reason="The board put it off.")
        yield ask(lost, "lost", 5, 16.5)
    if sale.fate is Fate.ACCEPTED:
        accept = AcceptQuote(
            quote=quote,
            digest=digest,
            accepted_by=f"The board of {sale.customer}",
            accepted_under=f"Order {sale.began + version:03}",
            chosen=sale.chosen,
        )
        yield ask(accept, "accepted", 5, 13)
        if version == 1:
            won = WinOpportunity(opportunity=id_of(f"{sale.name} sale"), reason="They signed the order.")
            yield ask(won, "won", 5, 13.5)


def _committed(sale: Sale, past: Past) -> Iterator[Asked]:
    """Of the large ones the seller stands for the sale, once the quote is out."""
    if sale.worth_eur >= 20_000:
        commit = CommitOpportunity(
            opportunity=id_of(f"{sale.name} sale"),
            person=id_of(SELLER),
            value=eur(sale.worth_eur),
            closes_on=past.day(sale.began + 12),
            basis="They asked for a day to begin.",
        )
        yield asked(commit, f"{sale.name} committed", past.at(sale.began + 6, 9), by=SELLER)


def _offer(sale: Sale, lines: tuple[Line, ...], day: int, past: Past) -> Offer:
    return Offer(
        title=sale.name,
        currency="EUR",
        valid_until=past.day(day + sale.valid_days),
        lines=tuple(_line(number, line, past) for number, line in enumerate(lines, 1)),
        terms="Payable within 30 days.",
    )


def _line(number: int, line: Line, past: Past) -> QuoteLine:
    by_the_hour = line.unit is BurnUnit.HOURS
    counted = line.unit not in (BurnUnit.HOURS, BurnUnit.MONEY)
    return QuoteLine(
        number=number,
        description=line.description,
        kind=KINDS.get(line.unit, LineKind.TIME),
        burn_unit=line.unit,
        unit_price=eur(line.price_eur),
        quantity=Quantity(line.units * MICROS) if counted else None,
        effort=timedelta(hours=line.units) if by_the_hour else None,
        role=line.role,
        optional=line.optional,
        alternative=line.alternative,
        tax_label="VAT 20 %",
        promised_by=past.day(line.due) if line.due else None,
    )

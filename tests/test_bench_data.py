"""The log that is measured with is one that PET would have recorded."""

from __future__ import annotations

from bench.data import Firm, Recorder, Scale, fill
from pet_graph import database
from pet_graph.audit import verify
from pet_graph.events.base import Fact

SMALL = Scale(tickets=60, customers=16)


def facts(seed: int) -> list[Fact]:
    recorder = Recorder(Firm(SMALL, seed))
    for _ in recorder.run():
        pass
    return recorder.facts


def test_equal_scale_and_seed_give_the_same_log() -> None:
    assert facts(1) == facts(1)
    assert facts(1)[-1].seal != facts(2)[-1].seal


def test_a_ticket_has_about_five_facts() -> None:
    of_tickets = [fact for fact in facts(1) if fact.stream.startswith(("ticket", "sla"))]
    assert 4 < len(of_tickets) / SMALL.tickets < 6
    assert {"SlaMet", "SlaBreached", "TicketClosed", "TicketHeld"} <= {fact.type for fact in of_tickets}


async def test_the_audit_finds_nothing_in_a_filled_database(database_url: str) -> None:
    filled = await fill(database_url, SMALL)
    app = await database.connect(database_url)
    report = await verify(app)
    assert (report.facts, report.entries, report.findings) == (filled.facts, filled.commands, ())
    assert await app.fetchval("select count(*) from tickets") == SMALL.tickets
    await app.close()

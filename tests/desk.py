"""A support desk without a database: the domains together, and the words in which SLAs are told of in the tests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from conftest import NOON
from given import a_fact
from msgspec import structs

from pet_graph.decisions import stream_of
from pet_graph.events import COMMANDS, DECIDERS
from pet_graph.events.base import Command, Fact, Priority, Refused
from pet_graph.events.clocks import NEXT_RESPONSE as NEXT_RESPONSE
from pet_graph.events.clocks import RESOLUTION, Clock, ClockState, SlaState
from pet_graph.events.clocks import RESPONSE as RESPONSE
from pet_graph.events.clocks import UPDATE as UPDATE
from pet_graph.events.messages import AnnotateTicket, ReceiveTicketMessage, RespondToTicket
from pet_graph.events.policies import AdoptSlaPolicy, SlaTarget
from pet_graph.events.reactions import REACTIONS, informed
from pet_graph.events.slas import RecordOverdueSla
from pet_graph.events.tickets import (
    AnnulTicket,
    HoldTicket,
    MergeTicket,
    OpenTicket,
    PrioritiseTicket,
    ReopenTicket,
    ResolveTicket,
    ResumeTicket,
)
from pet_graph.events.timelines import Party
from pet_graph.events.verdicts import Verdict

TICKET, CUSTOMER = UUID(int=1), UUID(int=2)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)
NORMAL = SlaTarget(Priority.NORMAL, response=HOUR, resolution=4 * HOUR)
HIGH = SlaTarget(Priority.HIGH, response=HOUR / 2, resolution=2 * HOUR)

OPEN = OpenTicket(customer=CUSTOMER, subject="It squeaks")
RESPOND = RespondToTicket(ticket=TICKET)
WRITE = ReceiveTicketMessage(ticket=TICKET)
ANNOTATE = AnnotateTicket(ticket=TICKET, note="She means the other leg")
HOLD = HoldTicket(ticket=TICKET, reason="Which leg?", waiting_on=Party.CUSTOMER)
RESUME = ResumeTicket(ticket=TICKET)
RESOLVE = ResolveTicket(ticket=TICKET, resolution="Oiled")
REOPEN = ReopenTicket(ticket=TICKET, reason="Again")
ANNUL = AnnulTicket(ticket=TICKET, reason="It was the door")
MERGE = MergeTicket(ticket=TICKET, into=UUID(int=3), reason="The same chair")
MOVE = HoldTicket(ticket=TICKET, reason="Out of oil", waiting_on=Party.SUPPLIER)
CLOCK = RecordOverdueSla(ticket=TICKET)


@dataclass
class Desk:
    """The domains together, reactions included, in the order in which a turn decides; it remembers states alone."""

    states: dict[str, Any] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)

    def look(self, noun: str, id_: UUID) -> Any:
        return self.states.get(f"{noun}-{id_}", DECIDERS[noun].initial)

    def ask(
        self, command: Command, at: datetime = NOON, *, id: UUID | None = None, actor: str = "tester"
    ) -> list[Fact]:
        """The facts that are recorded; a refusal is raised and records nothing."""
        before, states = len(self.facts), dict(self.states)
        try:
            self._record(command, at, id or uuid4(), actor)
        except Refused:
            self.states = states
            del self.facts[before:]
            raise
        return self.facts[before:]

    def _record(self, command: Command, at: datetime, command_id: UUID, actor: str) -> None:
        todo = deque([command])
        while todo:
            command = todo.popleft()
            decider = COMMANDS[type(command).__name__][1]
            stream = stream_of(command, command_id)
            state = self.states.get(stream, decider.initial)
            for event in decider.decide(state, informed(command, self.look), at):
                born = a_fact(event, at, stream, len(self.facts) + 1)
                fact = structs.replace(born, actor=actor, command_id=command_id)
                self.facts.append(fact)
                self.states[stream] = decider.evolve(self.states.get(stream, decider.initial), fact)
                react = REACTIONS.get(type(event))
                todo.extend(react(fact, self.look) if react else [])


def prioritise(priority: Priority) -> PrioritiseTicket:
    return PrioritiseTicket(ticket=TICKET, priority=priority)


def adopt(*targets: SlaTarget, **fields: Any) -> AdoptSlaPolicy:
    return AdoptSlaPolicy(name="Standard", targets=targets, **fields)


def a_desk(*targets: SlaTarget, warn_at_percent: tuple[int, ...] = ()) -> Desk:
    """A firm that promises this, and a ticket of normal priority that was opened at noon."""
    desk = Desk()
    if targets:
        desk.ask(adopt(*targets, warn_at_percent=warn_at_percent))
    desk.ask(OPEN, id=TICKET)
    return desk


def sla(desk: Desk) -> SlaState:
    return desk.look("sla", TICKET)


def clock(desk: Desk, kind: str = RESOLUTION) -> Clock:
    """The newest clock of a kind."""
    return [clock for clock in sla(desk).clocks if clock.kind is kind][-1]


def clock_state(desk: Desk, kind: str = RESOLUTION) -> ClockState:
    return clock(desk, kind).state


def verdicts(desk: Desk) -> list[tuple[type, str, int, datetime]]:
    """What was said of the clocks, in the order of the log: what, of which kind and cycle, and when it was so."""
    said = [fact for fact in desk.facts if isinstance(fact.event, Verdict)]
    return [(type(fact.event), fact.event.kind, fact.event.cycle, fact.occurred_at) for fact in said]

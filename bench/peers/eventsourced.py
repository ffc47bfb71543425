"""The `eventsourcing` library on the same PostgreSQL: a ticket is opened and its promise begins, two events a save.

It writes no rows, no journal and no seals. It is synchronous, so callers are threads. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from uuid import UUID

import msgspec
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event


class Ticket(Aggregate):
    @event("Opened")
    def __init__(self, customer: str, subject: str, priority: str) -> None:
        self.customer, self.subject, self.priority = customer, subject, priority

    @event("SlaStarted")
    def start_sla(self, response_seconds: int, resolution_seconds: int) -> None:
        self.targets = response_seconds, resolution_seconds


class Desk(Application[UUID]):
    def open_ticket(self) -> None:
        ticket = Ticket("00000000-0000-0000-0000-000000000001", "The armchair squeaks", "normal")
        ticket.start_sla(3_600, 28_800)
        self.save(ticket)


def desk(callers: int) -> Desk:
    return Desk(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": os.environ["PGDATABASE"],
            "POSTGRES_HOST": os.environ["PGHOST"],
            "POSTGRES_PORT": os.environ["PGPORT"],
            "POSTGRES_USER": os.environ["PGUSER"],
            "POSTGRES_PASSWORD": "",
            "POSTGRES_SCHEMA": "public",
            "POSTGRES_POOL_SIZE": str(min(callers, 32)),
            "POSTGRES_MAX_OVERFLOW": "32",
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("callers", type=int)
    parser.add_argument("seconds", type=float)
    given = parser.parse_args()
    app = desk(given.callers)
    app.open_ticket()
    waits: list[float] = []
    end = time.perf_counter() + given.seconds

    def call() -> None:
        while (asked_at := time.perf_counter()) < end:
            app.open_ticket()
            waits.append(time.perf_counter() - asked_at)

    threads = [threading.Thread(target=call) for _ in range(given.callers)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    ordered = sorted(wait * 1_000 for wait in waits)
    found = {
        "per_second": len(ordered) / seconds,
        "p50_ms": ordered[len(ordered) // 2],
        "p99_ms": ordered[len(ordered) * 99 // 100],
    }
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()

"""The outbox: messages go at once and in order, whoever puts one in never waits, and nothing is kept without bound."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pet_graph.outbox import MOST_BYTES, Backlog, Outbox


class Wire:
    """A server whose client may stop reading: `write` says that it cannot then, `send` waits."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.lost: Exception | None = None

    def write(self, text: bytes) -> bool:
        if self.lost or not self.reads.is_set():
            return False
        self.sent.append(text.decode())
        return True

    async def send(self, message: Any) -> None:
        await self.reads.wait()
        if self.lost:
            raise self.lost
        self.sent.append(message.get("text") or message["code"])


@pytest.fixture
def wire() -> Wire:
    return Wire()


def an_outbox(wire: Wire, most: int = 100, *, writes: bool = True) -> tuple[Outbox, list[str]]:
    told: list[str] = []
    return Outbox(wire.send, wire.write if writes else None, most, lambda: told.append("too slow")), told


async def test_while_the_client_reads_a_message_is_sent_before_put_returns(wire: Wire) -> None:
    outbox, _ = an_outbox(wire)
    for text in "abc":
        outbox.put(text.encode())
    assert wire.sent == ["a", "b", "c"]
    await outbox.drained()


async def test_what_waits_goes_out_in_order_once_the_client_reads_again(wire: Wire) -> None:
    outbox, told = an_outbox(wire)
    wire.reads.clear()
    for text in "abc":
        outbox.put(text.encode())
    await asyncio.sleep(0)
    outbox.put(b"d")
    assert wire.sent == []
    wire.reads.set()
    outbox.put(b"e")
    await outbox.drained()
    outbox.put(b"f")
    assert (wire.sent, told) == (["a", "b", "c", "d", "e", "f"], [])


async def test_too_many_are_too_many_and_what_was_on_its_way_goes_before_the_close(wire: Wire) -> None:
    outbox, told = an_outbox(wire, most=3)
    wire.reads.clear()
    outbox.put(b"a")
    await asyncio.sleep(0)
    for text in "bcd":
        outbox.put(text.encode())
    assert told == []
    outbox.put(b"e")
    assert told == ["too slow"]
    outbox.close(4499, "Too slow.")
    outbox.put(b"f")
    wire.reads.set()
    await outbox.drained()
    assert wire.sent == ["a", 4499]


async def test_a_server_that_cannot_write_at_once_is_sent_to_in_order_too(wire: Wire) -> None:
    outbox, _ = an_outbox(wire, writes=False)
    for text in "abc":
        outbox.put(text.encode())
    await outbox.drained()
    outbox.put(b"d")
    await outbox.drained()
    assert wire.sent == ["a", "b", "c", "d"]


async def test_too_large_is_too_much_but_one_always_fits() -> None:
    backlog = Backlog(100)
    large = b"x" * MOST_BYTES
    assert (backlog.keep(large * 2), backlog.keep(b"x")) == (True, False)
    assert (backlog.next(), len(backlog)) == (large * 2, 0)
    assert (backlog.keep(b"y"), backlog.keep(large), len(backlog)) == (True, False, 1)


@pytest.mark.parametrize("lost", [OSError("broken"), RuntimeError("being closed")])
async def test_a_connection_that_is_gone_swallows_what_is_put(wire: Wire, lost: Exception) -> None:
    outbox, _ = an_outbox(wire)
    wire.lost = lost
    outbox.put(b"a")
    await outbox.drained()
    assert outbox.is_closed
    other, _ = an_outbox(wire)
    wire.reads.clear()
    other.put(b"a")
    other.put(b"b")
    wire.reads.set()
    await other.drained()
    assert (other.is_closed, wire.sent) == (True, [])


async def test_an_abandoned_outbox_leaves_no_task_behind(wire: Wire) -> None:
    outbox, _ = an_outbox(wire)
    wire.reads.clear()
    outbox.put(b"a")
    outbox.put(b"b")
    outbox.abandon()
    await outbox.drained()
    wire.reads.set()
    await asyncio.sleep(0)
    assert wire.sent == []
    assert len(asyncio.all_tasks()) == 1

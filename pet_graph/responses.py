"""The HTTP server: uvicorn's own, with a way to write a whole response at once.

ASGI's `send` takes a response in two messages, and uvicorn writes each by itself: two system calls and two packets, and
whoever waits is woken twice. An application finds the way to one of each in its scope, as the extension `pet.respond`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, TypeAlias
from weakref import ref

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

EXTENSION = "pet.respond"
Header: TypeAlias = tuple[bytes, bytes]
Respond: TypeAlias = Callable[[int, tuple[Header, ...], Sequence[bytes]], bool]
"""Status, headers without the length, and pieces of the body; whether that was written."""


class Protocol(HttpToolsProtocol):
    """One connection. For `uvicorn.run(…, http=Protocol)`."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.access_log = self.config.access_log  # not whether somebody listens to the logger

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.cycle:  # none yet, when it becomes a WebSocket
            # Weakly: a scope that holds what holds it is garbage that only the collector finds.
            extensions: Any = {EXTENSION: partial(_respond, ref(self.cycle))}
            self.scope["extensions"] = extensions


def _respond(
    cycle_of: ref[RequestResponseCycle], status: int, headers: tuple[Header, ...], body: Sequence[bytes]
) -> bool:
    """What is not everyday is left to uvicorn: methods whose answers may have no body, a client that closes or takes
    nothing at the moment, a line in a log."""
    cycle = cycle_of()
    if cycle is None or cycle.scope["method"] != "POST" or cycle.disconnected or not cycle.keep_alive:
        return False
    if cycle.flow.write_paused or cycle.access_log:
        return False
    length = b"content-length: %d\r\n" % sum(map(len, body))
    head = STATUS_LINE[status], _lines((*cycle.default_headers,)), length, _lines(headers), b"\r\n"
    cycle.transport.write(b"".join((*head, *body)))
    cycle.response_started = cycle.response_complete = True
    cycle.message_event.set()
    cycle.on_response()
    return True


@lru_cache(maxsize=100)
def _lines(headers: tuple[Header, ...]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])

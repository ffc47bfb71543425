"""The WebSocket server: uvicorn's own, with a way to write a text at once, for those who write to thousands.

ASGI's `send` is a coroutine that may wait for one client; here is a function that writes a whole frame or says that it
cannot, without waiting. An application finds it in its scope, as the extension `pet.write`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION = "pet.write"
Write: TypeAlias = Callable[[bytes], bool]
TEXT = 0x81
"""The first byte of a frame that is a whole text."""


class Protocol(WebSocketsSansIOProtocol):
    """One connection. For `uvicorn.run(…, ws=Protocol)`."""

    flows = True
    """Whether the client takes what is sent."""

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        # A connection that compresses has its own idea of a frame.
        if not self.close_sent and not self.conn.extensions:
            extensions: Any = self.scope["extensions"]
            extensions[EXTENSION] = self.write

    def pause_writing(self) -> None:
        super().pause_writing()
        self.flows = False

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flows = True

    def write(self, text: bytes) -> bool:
        """Write a text, in UTF-8, as one frame; False if the client does not read at present, or is not there."""
        transport = self.transport
        if not self.flows or transport.is_closing():
            return False
        transport.write(head(len(text)) + text)
        return True


@lru_cache(maxsize=1_000)
def head(length: int) -> bytes:
    """What stands before a text of so many bytes: a server masks nothing (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((TEXT, length))
    if length < 65_536:
        return bytes((TEXT, 126)) + length.to_bytes(2, "big")
    return bytes((TEXT, 127)) + length.to_bytes(8, "big")

"""The limit of fan-out: one frame, made once, written to every socket of a `websockets` server; nothing is looked at.

It speaks as much of graphql-transport-ws as the load needs: `connection_init`, `subscribe`, and an operation whose id
begins with `publish`, upon which everybody gets the same frame.
"""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import uvloop
from websockets import Subprotocol
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode

from bench.fanout import sample


async def main() -> None:
    followers: set[Any] = set()
    frame = Frame(Opcode.TEXT, sample(int(os.environ["BENCH_CHARACTERS"])).encode()).serialize(mask=False)

    async def talk(connection: ServerConnection) -> None:
        async for text in connection:
            message = json.loads(text)
            if message["type"] == "connection_init":
                await connection.send('{"type":"connection_ack"}')
            elif message["id"].startswith("publish"):
                for transport in followers:
                    transport.write(frame)
            else:
                followers.add(connection.transport)
        followers.discard(connection.transport)

    protocols = [Subprotocol("graphql-transport-ws")]
    async with serve(talk, "127.0.0.1", int(os.environ["PORT"]), compression=None, subprotocols=protocols):
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main())

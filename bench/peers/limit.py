"""The limit: hand-written SQL behind raw ASGI, without GraphQL, tokens, or anything else that could be left out.

It knows each operation by its text, which spares it all parsing; each statement is prepared at start.
"""

from __future__ import annotations

import asyncio
import os
from base64 import b64decode
from typing import Any

import asyncpg
import msgspec
import uvicorn

from bench.cases import SQL

CONNECTIONS = 10


class Asked(msgspec.Struct):
    query: str
    variables: dict[str, Any] | None = None


DECODE = msgspec.json.Decoder(Asked).decode
Statements = dict[str, Any]


class Limit:
    """The ASGI application."""

    def __init__(self) -> None:
        self._free: asyncio.LifoQueue[Statements] = asyncio.LifoQueue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        message = await receive()
        body = message["body"]
        while message.get("more_body"):
            message = await receive()
            body += message["body"]
        answer = b'{"data":%b}' % await self._answer(DECODE(body))
        length = b"%d" % len(answer)
        headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, asked: Asked) -> bytes:
        if asked.query == "{ __typename }":
            return b'{"__typename":"Query"}'
        id_ = (asked.variables or {}).get("id")
        statements = await self._free.get()
        try:
            value = await statements[asked.query].fetchval(*([b64decode(id_)[7:].decode()] if id_ else []))
        finally:
            self._free.put_nowait(statements)
        text: str = value
        return text.encode()

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        for _ in range(CONNECTIONS):
            settings = {"search_path": "projections, pet", "timezone": "UTC"}
            connection = await asyncpg.connect(os.environ["PET_DATABASE_URL"], server_settings=settings)
            self._free.put_nowait({query: await connection.prepare(sql) for query, sql in SQL.items()})
            await connection.execute("select")  # asyncpg leaves a transaction open when it prepares
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


if __name__ == "__main__":
    uvicorn.run(Limit(), port=int(os.environ["PORT"]), log_level="warning", access_log=False)

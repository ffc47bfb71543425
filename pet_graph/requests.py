"""Requests: what GraphQL needs of an HTTP request, read once from its ASGI scope, and answers sent without ceremony."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import orjson
from cross_web import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from .responses import EXTENSION, Header, Respond

RESPONSE_TYPE, JSON_TYPE = "application/graphql-response+json", "application/json"
NO_STORE = (b"cache-control", b"no-store")


class Head(NamedTuple):
    """What the headers say that matters. `is_plain`: they announce a JSON request for one JSON response."""

    authorization: str | None
    media_type: str
    is_plain: bool


def head_of(scope: Scope) -> Head:
    found: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # of equal ones the first counts
    authorization = found.get(b"authorization")
    media_type, is_plain = _media(found.get(b"accept", b""), found.get(b"content-type", b""))
    return Head(None if authorization is None else authorization.decode("latin-1"), media_type, is_plain)


@lru_cache(maxsize=100)
def _media(accepted: bytes, given: bytes) -> tuple[str, bool]:
    accept, content_type = accepted.decode("latin-1"), given.decode("latin-1")
    is_json = content_type.partition(";")[0].strip() == JSON_TYPE  # strawberry does not know it in capitals
    return _media_type(accept), is_json and "event-stream" not in accept and "multipart" not in accept


def _media_type(accept: str) -> str:
    """The newer media type for those who name it and do not like the older one better."""
    accepted = {JSON_TYPE: 0.0, RESPONSE_TYPE: -1.0}
    for part in accept.split(","):
        kind, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        with suppress(ValueError):
            accepted[kind] = float(quality)
    return RESPONSE_TYPE if accepted[RESPONSE_TYPE] >= max(accepted[JSON_TYPE], 0.001) else JSON_TYPE


class Operation(msgspec.Struct, frozen=True, rename="camel"):
    """What is asked for, as GraphQL over HTTP spells it, and over sockets too."""

    query: str
    operation_name: str | None = None
    variables: dict[str, Any] | None = None


class Posted(Operation, frozen=True):
    """The same as the body of a request, where extensions are an object or nothing."""

    extensions: dict[str, Any] | None = None


async def body_of(scope: Scope, receive: Receive, limit_bytes: int) -> bytes:
    """The whole body, unless it is too large or not a JSON object. Raises HTTPException, or ClientDisconnect."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit_bytes:
            raise HTTPException(413, f"The request is larger than {limit_bytes} bytes.")
    if scope["method"] == "POST" and not body[:64].lstrip().startswith(b"{"):
        raise HTTPException(400, "Send a JSON object with `query`, as application/json.")
    return body


def operation_of(body: bytes) -> Posted | None:
    """What a body asks for; None when it is not JSON, or not spelt so."""
    try:
        return msgspec.convert(orjson.loads(body), Posted)  # orjson, for strawberry's request is read by it too
    except (orjson.JSONDecodeError, msgspec.ValidationError):
        return None


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read already, then goes on with what comes (the disconnect)."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def answer(
    scope: Scope,
    send: Send,
    body: Sequence[bytes],
    media_type: str,
    status: int = 200,
    also: tuple[Header, ...] = (NO_STORE,),
) -> None:
    """Send a whole response of JSON, given in pieces."""
    headers = _headers(media_type, also)
    respond: Respond | None = scope.get("extensions", {}).get(EXTENSION)
    if respond is None or not respond(status, headers, body):
        length = b"content-length", b"%d" % sum(map(len, body))
        await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": b"".join(body)})


@lru_cache(maxsize=100)
def _headers(media_type: str, also: tuple[Header, ...]) -> tuple[Header, ...]:
    return (b"content-type", b"%b; charset=utf-8" % media_type.encode()), *also


async def refuse(scope: Scope, send: Send, media_type: str, status: int, code: str, message: str) -> None:
    """Send why a request is not answered at all."""
    content = orjson.dumps({"errors": [{"message": message, "extensions": {"code": code}}]})
    also = ((b"www-authenticate", b"Bearer"),) if status == 401 else ()
    await answer(scope, send, [content], media_type, status, also)

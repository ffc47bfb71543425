"""Tokens to try: signed by a key, or by hand, with any claims; and whom a verifier takes them for."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from pet_graph.tokens import Unauthenticated, Verifier, Viewer

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = OctKey.generate_key(256)


@dataclass
class Time:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> None:
        self.now += timedelta(**span)


def signed(claims: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    return jwt.encode(
        {"alg": "HS256", **header}, claims, key, algorithms=["HS256", "HS512", header.get("alg", "HS256")]
    )


def claims(**more: Any) -> dict[str, Any]:
    given = {"iss": "pet-graph", "sub": "ada", "roles": ["manager"], "exp": int(NOON.timestamp()) + 60, **more}
    return {name: value for name, value in given.items() if value is not ...}


async def seen(token: str, verifier: Verifier | None = None) -> Viewer:
    return await (verifier or Verifier(KEY, Time())).viewer(f"Bearer {token}")


async def why(token: str, verifier: Verifier | None = None) -> str:
    with pytest.raises(Unauthenticated) as refused:
        await seen(token, verifier)
    return str(refused.value)


def part(value: Any) -> str:
    """A part of a token as it is written: JSON, or these very bytes."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(text).decode().rstrip("=")


def signed_by_hand(body: bytes, secret: bytes = KEY.raw_value, **header: Any) -> str:
    """A token over any bytes, made without the library that reads it."""
    start = f"{part({'alg': 'HS256', **header})}.{part(body)}"
    return f"{start}.{part(hmac.new(secret, start.encode(), hashlib.sha256).digest())}"

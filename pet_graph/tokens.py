"""Bearer tokens: JWTs that say who somebody is and which roles they hold; made and verified with joserfc."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from .authority import INTERNAL
from .events.base import Role

ISSUER = "pet-graph"
LOCAL_ALGORITHM = "HS256"
PUBLIC_ALGORITHMS = ["RS256", "ES256", "PS256", "Ed25519", "EdDSA"]
REFRESH_SECONDS = 300
LONGEST_NAME = 200


class Unauthenticated(Exception):
    """There is no token, or not one to believe; the message says which."""


@dataclass(frozen=True)
class Viewer:
    """Who is asking. `expires_at` is in seconds since the epoch; None for a token that never expires."""

    actor: str
    roles: tuple[str, ...]
    origin: str
    expires_at: float | None


def local_key(data: Path) -> OctKey:
    """The key of this installation, made on first use and readable by its owner alone."""
    file = data / "token.key"
    data.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return OctKey.import_key(_settled(file))
    with os.fdopen(handle, "w") as out:
        out.write(secrets.token_urlsafe(48))
    return OctKey.import_key(file.read_text())


def _settled(file: Path) -> str:
    """The content of a key file that another process may be writing at this moment."""
    for _ in range(100):
        if text := file.read_text():
            return text
        time.sleep(0.01)
    raise RuntimeError(f"{file} is empty: remove it, and a new key is made (tokens of the old one end).")


def issue(
    key: OctKey, actor: str, roles: list[Role], *, now: datetime, lifetime: timedelta | None, system: str | None = None
) -> str:
    """A token signed by the local key."""
    claims: dict[str, Any] = {"iss": ISSUER, "sub": actor, "roles": [str(role) for role in roles]}
    claims["iat"] = int(now.timestamp())
    if lifetime is not None:
        claims["exp"] = int((now + lifetime).timestamp())
    if system is not None:
        claims["system"] = system
    return jwt.encode({"alg": LOCAL_ALGORITHM}, claims, key)


class Verifier:
    """Believes tokens of the local key, or of a published key set when one is configured."""

    def __init__(
        self,
        key: OctKey | None,
        now: Callable[[], datetime],
        *,
        jwks_url: str | None = None,
        issuer: str | None = None,
        audience: str | None = None,
    ) -> None:
        self._key, self._now, self._jwks_url = key, now, jwks_url
        self._claims = _registry(now, issuer if jwks_url else ISSUER, audience)
        self._published: KeySet | None = None
        self._fetched_at = float("-inf")

    async def viewer(self, authorization: str | None) -> Viewer:
        """Who an `Authorization` header, or its like in `connection_init`, stands for. Raises `Unauthenticated`."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a token: Authorization: Bearer …")
        try:
            decoded = await self._decode(token.strip())
            self._claims(decoded)
        except (JoseError, ValueError, TypeError, OSError) as error:
            raise Unauthenticated(f"The token is not valid: {_reason(error)}.") from error
        return _viewer(decoded)

    async def _decode(self, token: str) -> dict[str, Any]:
        if self._jwks_url is None:
            assert self._key is not None
            return jwt.decode(token, self._key, algorithms=[LOCAL_ALGORITHM]).claims
        return jwt.decode(token, await self._keys(), algorithms=PUBLIC_ALGORITHMS).claims

    async def _keys(self) -> KeySet:
        if self._published is None or time.monotonic() - self._fetched_at > REFRESH_SECONDS:
            assert self._jwks_url is not None
            self._published = await asyncio.to_thread(_fetch, self._jwks_url)
            self._fetched_at = time.monotonic()
        return self._published


def _fetch(url: str) -> KeySet:
    with urlopen(url, timeout=10) as response:
        return KeySet.import_key_set(json.load(response))


def _registry(
    now: Callable[[], datetime], issuer: str | None, audience: str | None
) -> Callable[[dict[str, Any]], None]:
    demands: dict[str, Any] = {"sub": {"essential": True}}
    if issuer:
        demands["iss"] = {"essential": True, "value": issuer}
    if audience:
        demands["aud"] = {"essential": True, "value": audience}
    return lambda claims: jwt.JWTClaimsRegistry(now=lambda: int(now().timestamp()), **demands).validate(claims)


def _viewer(claims: dict[str, Any]) -> Viewer:
    actor, roles, system = claims["sub"], claims.get("roles", []), claims.get("system")
    if not isinstance(actor, str) or not 0 < len(actor) <= LONGEST_NAME or not isinstance(roles, list):
        raise Unauthenticated("The token is not valid: `sub` is a name and `roles` a list.")
    known = tuple(role for role in Role if role in roles)
    if Role.INTEGRATION in known and not (isinstance(system, str) and system):
        raise Unauthenticated("The token is not valid: the role integration needs the claim `system`.")
    return Viewer(actor, known, f"external:{system}" if system else INTERNAL, claims.get("exp"))


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__

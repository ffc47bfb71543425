"""Bearer tokens: JWTs that say who somebody is and which roles they hold; made and verified with joserfc."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError, SecurityWarning
from joserfc.jwk import KeySet, OctKey

from .authority import INTERNAL
from .events.base import Role

ISSUER = "pet-graph"
LOCAL_ALGORITHM = "HS256"
PUBLIC_ALGORITHMS = ["RS256", "ES256", "PS256", "Ed25519", "EdDSA"]
REFRESH_SECONDS = 300
UNKNOWN_KEY_SECONDS = 10
"""How soon published keys are read again when a token names one that is not among them."""
LONGEST_NAME = 200
MOST_BELIEVED = 10_000


logger = logging.getLogger(__name__)


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
    """Believes tokens of the local key, or of a published key set when one is configured.

    `counted` leaves a viewer the roles that count at present.
    """

    def __init__(
        self,
        key: OctKey | None,
        now: Callable[[], datetime],
        *,
        jwks_url: str | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        counted: Callable[[Viewer], Viewer] = lambda viewer: viewer,
    ) -> None:
        self._key, self._counted = key, counted
        self._published = Published(jwks_url, now) if jwks_url else None
        self._claims = _registry(now, issuer if jwks_url else ISSUER, audience)
        self._now = now
        self._believed: dict[str, tuple[Viewer, float]] = {}

    async def viewer(self, authorization: str | None) -> Viewer:
        """Who an `Authorization` header, or its like in `connection_init`, stands for. Raises `Unauthenticated`.

        What was believed once is believed until the token ends or published keys would be read again; which of its
        roles count is looked up each time.
        """
        return self.believed(authorization) or self._counted(await self._believe(authorization))

    def believed(self, authorization: str | None) -> Viewer | None:
        """The same at once, for what is believed already; None when it has to be looked into."""
        viewer, until = self._believed.get(authorization or "", (None, 0.0))
        if viewer is None or int(self._now().timestamp()) > until:
            return None
        return self._counted(viewer)

    async def _believe(self, authorization: str | None) -> Viewer:
        viewer = await self._verified(authorization)
        self._believed.pop(next(iter(self._believed)), None) if len(self._believed) >= MOST_BELIEVED else None
        self._believed[authorization or ""] = viewer, self._until(viewer)
        return viewer

    def _until(self, viewer: Viewer) -> float:
        keys_are_old_at = self._published.old_at if self._published else float("inf")
        return min(keys_are_old_at, float("inf") if viewer.expires_at is None else viewer.expires_at)

    async def _verified(self, authorization: str | None) -> Viewer:
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send a token: Authorization: Bearer …")
        try:
            decoded = await self._decode(token.strip())
            self._claims(decoded)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated(f"The token is not valid: {_reason(error)}.") from error
        return _viewer(decoded)

    async def _decode(self, token: str) -> dict[str, Any]:
        if self._published is None:
            assert self._key is not None
            return jwt.decode(token, self._key, algorithms=[LOCAL_ALGORITHM]).claims
        try:
            return _decode_public(token, await self._published.keys())
        except InvalidKeyIdError:
            return _decode_public(token, await self._published.keys(oldest_seconds=UNKNOWN_KEY_SECONDS))


def _decode_public(token: str, keys: KeySet) -> dict[str, Any]:
    with warnings.catch_warnings():
        # Its name is deprecated for the algorithm that it names more exactly, and many still write it.
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.decode(token, keys, algorithms=PUBLIC_ALGORITHMS).claims


class Published:
    """The keys that are published at an address: read anew now and then, and sooner when a token names another."""

    def __init__(self, url: str, now: Callable[[], datetime]) -> None:
        self._url, self._now = url, now
        self._keys: KeySet | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def keys(self, *, oldest_seconds: float = REFRESH_SECONDS) -> KeySet:
        """The keys as they were at most so long ago, or longer while nobody answers. Raises `Unauthenticated`."""
        async with self._reading:
            if self._now().timestamp() - self._read_at >= oldest_seconds:
                await self._read()
        if self._keys is None:
            raise Unauthenticated("The token cannot be verified: the published keys cannot be read. Try again.")
        return self._keys

    @property
    def old_at(self) -> float:
        """When they would be read again, in seconds since the epoch."""
        return self._read_at + REFRESH_SECONDS

    async def _read(self) -> None:
        try:
            self._keys = await asyncio.to_thread(_fetch, self._url)
        except (OSError, JoseError, ValueError, TypeError, AttributeError) as error:
            logger.warning("the published keys cannot be read: %r", error)
        if self._keys is not None:
            self._read_at = self._now().timestamp()


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
    if not _is_name(actor) or not isinstance(roles, list):
        raise Unauthenticated("The token is not valid: `sub` is a name and `roles` a list.")
    if system is not None and not _is_name(system):
        raise Unauthenticated("The token is not valid: `system` is a name.")
    known = tuple(role for role in Role if role in roles)
    if Role.INTEGRATION in known and not system:
        raise Unauthenticated("The token is not valid: the role integration needs the claim `system`.")
    return Viewer(actor, known, f"external:{system}" if system else INTERNAL, claims.get("exp"))


def _is_name(value: object) -> bool:
    """Whether it can stand in the log: a text that is not blank, not long, and without what no text column holds."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value.strip()) <= len(value) <= LONGEST_NAME


def _reason(error: Exception) -> str:
    return (getattr(error, "description", "") or str(error)).rstrip(".") or type(error).__name__

"""Tokens: who is believed to be whom, in which roles, and every token that is not believed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import OctKey, RSAKey
from signing import KEY, NOON, Time, claims, part, seen, signed, signed_by_hand, why

from pet_graph.events.base import Role
from pet_graph.tokens import LONGEST_NAME, Verifier, Viewer, issue, local_key

HOUR = timedelta(hours=1)


# --- the local key ----------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, again = local_key(tmp_path / "deep" / "data"), local_key(tmp_path / "deep" / "data")
    file = tmp_path / "deep" / "data" / "token.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert first.raw_value == again.raw_value == file.read_bytes()
    assert len(first.raw_value) == 64
    assert local_key(tmp_path / "other").raw_value != first.raw_value


def test_the_key_is_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        local_key(tmp_path)
    finally:
        os.umask(before)
    assert (tmp_path / "token.key").stat().st_mode & 0o777 == 0o600


def test_processes_and_threads_that_make_the_key_at_once_make_one(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from pet_graph.tokens import local_key\n"
    code += "input(); print(local_key(Path(sys.argv[1])).raw_value.decode())"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    made = [process.communicate("\n", timeout=60)[0].strip() for process in both]
    assert made == [(tmp_path / "token.key").read_text()] * 2
    found: list[bytes] = []
    barrier = threading.Barrier(16)

    def make() -> None:
        barrier.wait()
        found.append(local_key(tmp_path / "threads").raw_value)

    threads = [threading.Thread(target=make) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [(tmp_path / "threads" / "token.key").read_bytes()] * 16


def test_a_key_file_that_stayed_empty_is_told(tmp_path: Path) -> None:
    (tmp_path / "token.key").touch()
    with pytest.raises(RuntimeError, match="is empty: remove it, and a new key is made"):
        local_key(tmp_path)


# --- who it is --------------------------------------------------------------------------------------------------------


async def test_a_token_says_who_somebody_is_and_which_roles_they_hold() -> None:
    token = issue(KEY, "ada", [Role.SUPPORT, Role.ENGINEER], now=NOON, lifetime=HOUR)
    assert await seen(token) == Viewer("ada", ("engineer", "support"), "internal", (NOON + HOUR).timestamp())
    for_ever = issue(KEY, "ada", [], now=NOON, lifetime=None)
    assert await seen(for_ever) == Viewer("ada", (), "internal", None)


async def test_roles_that_are_none_are_passed_over() -> None:
    given = ["support", "Manager", "clock", "admin", "", None, 7, ["manager"], {"manager": 1}, "support"]
    assert (await seen(signed(claims(roles=given)))).roles == ("support",)
    assert (await seen(signed(claims(roles=...)))).roles == ()


async def test_an_outside_system_is_named_and_never_speaks_for_the_firm() -> None:
    token = issue(KEY, "shop", [Role.INTEGRATION], now=NOON, lifetime=HOUR, system="shop")
    assert (await seen(token)).origin == "external:shop"
    assert (await seen(signed(claims(system="shop")))).origin == "external:shop"
    for system in (..., None):
        reason = await why(signed(claims(roles=["integration"], system=system)))
        assert reason == "The token is not valid: the role integration needs the claim `system`."


NO_NAMES = ["", " ", "a\0b", "a\nb", "\ud800", "x" * (LONGEST_NAME + 1), 7, True, [], {}]


async def test_a_name_is_a_name() -> None:
    for name in (
        "ada",
        "Ada Lovelace",
        "ada@pet.example",
        "x" * LONGEST_NAME,
        "Žofie 🐎",
        "auth0|5f7c8ec7c33c6c004bbafe82",
    ):
        assert (await seen(signed(claims(sub=name)))).actor == name
    for name in NO_NAMES:
        for claim in ("sub", "system"):
            reason = await why(signed_by_hand(json.dumps(claims(**{claim: name})).encode()))
            assert reason.startswith("The token is not valid: "), (claim, name)
    for roles in ("manager", 1, None, {}):
        reason = await why(signed(claims(roles=roles)))
        assert reason == "The token is not valid: `sub` is a name and `roles` a list.", roles


# --- what is not believed ---------------------------------------------------------------------------------------------


async def test_a_token_holds_until_it_expires() -> None:
    time = Time()
    verifier = Verifier(KEY, time)
    token = issue(KEY, "ada", [Role.MANAGER], now=NOON, lifetime=HOUR)
    time.pass_(minutes=59, seconds=59)
    await seen(token, verifier)
    time.pass_(seconds=2)
    assert await why(token, verifier) == "The token is not valid: The token is expired."


async def test_a_token_does_not_hold_before_its_time() -> None:
    later = int(NOON.timestamp()) + 30
    assert (await why(signed(claims(nbf=later)))).startswith("The token is not valid: ")


async def test_the_claims_of_a_token_are_demanded() -> None:
    for wrong in (
        {"sub": ...},
        {"iss": ...},
        {"iss": "other"},
        {"iss": ["pet-graph", "x"]},
        {"exp": "soon"},
        {"exp": []},
    ):
        assert (await why(signed(claims(**wrong)))).startswith("The token is not valid: "), wrong
    for_us = Verifier(KEY, Time(), audience="pet")
    assert (await seen(signed(claims(aud="pet")), for_us)).actor == "ada"
    assert (await seen(signed(claims(aud=["other", "pet"])), for_us)).actor == "ada"
    for wrong in ({}, {"aud": "other"}, {"aud": []}, {"aud": 7}):
        assert (await why(signed(claims(**wrong)), for_us)).startswith("The token is not valid: "), wrong


async def test_only_the_local_key_signs_and_only_in_its_one_way() -> None:
    head, body, signature = signed(claims()).split(".")
    none = f"{part({'alg': 'none'})}.{body}."
    longer = OctKey.generate_key(512)
    for token in (
        none,
        f"{part({'alg': 'none'})}.{body}.{signature}",
        f"{part({'alg': 'None', 'typ': 'JWT'})}.{body}.",
        f"{head}.{body}.",
        f"{head}.{part(claims(sub='eve'))}.{signature}",
        f"{part({'alg': 'HS512'})}.{body}.{signature}",
        signed(claims(), longer),
        signed(claims(), longer, alg="HS512"),
        signed(claims(), RSAKey.generate_key(2048), alg="RS256"),
        f"{part({'alg': 'HS256', 'crit': ['x'], 'x': 1})}.{body}.{signature}",
    ):
        assert (await why(token)).startswith("The token is not valid: "), token


async def test_no_text_at_all_breaks_the_reading_of_tokens() -> None:
    deep = part(b"[" * 20_000)
    for token in (
        "",
        ".",
        "..",
        "...",
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "Ω.Ω.Ω",
        "=.=.=",
        "\x00",
        f"{deep}.{deep}.{deep}",
        "x" * 60_000,
    ):
        assert (await why(token or "\t")).startswith(("The token is not valid: ", "Send a token: ")), token[:50]
    for head in (
        b"",
        b"[]",
        b"null",
        b"1",
        b"{}",
        b'{"alg": null}',
        b'{"alg": []}',
        b'{"alg": {}}',
        b"\xff",
        b'{"alg": "HS256", "kid": []}',
    ):
        assert (await why(f"{part(head)}.{part({})}.x")).startswith("The token is not valid: "), head
    for body in (b"", b"[]", b"null", b"1", b"{", b"\xff", b"[" * 5_000):
        token = signed_by_hand(body)
        assert (await why(token)).startswith("The token is not valid: "), body[:50]

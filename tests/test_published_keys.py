"""Published keys: tokens of somebody else's, believed by the keys that they publish, while those change."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from signing import Time, claims, part, seen, signed, signed_by_hand, why

from pet_graph.tokens import Verifier


@dataclass
class Publisher:
    """A web server that publishes keys, and counts how often it is asked."""

    keys: list[Any] = field(default_factory=list)
    answer: bytes | None = None
    asked: int = 0
    server: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/keys"

    def body(self) -> bytes:
        published = [key.as_dict(private=False) for key in self.keys]
        return json.dumps({"keys": published}).encode() if self.answer is None else self.answer


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked += 1
            self.send_response(200 if publisher.answer != b"" else 500)
            self.end_headers()
            self.wfile.write(publisher.body())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as publisher.server:
        thread = threading.Thread(target=publisher.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield publisher
        publisher.server.shutdown()
        thread.join()


def a_key(kid: str, kind: str = "RSA") -> Any:
    parameters: Any = {"kid": kid, "use": "sig"}
    makers: dict[str, Any] = {
        "RSA": lambda: RSAKey.generate_key(2048, parameters),
        "EC": lambda: ECKey.generate_key("P-256", parameters),
        "OKP": lambda: OKPKey.generate_key("Ed25519", parameters),
    }
    return makers[kind]()


def by(key: Any, alg: str = "RS256", **more: Any) -> str:
    return signed(claims(iss="https://id.example", **more), key, alg=alg, kid=key.kid)


def remote(publisher: Publisher, time: Time | None = None, **demands: Any) -> Verifier:
    return Verifier(None, time or Time(), jwks_url=publisher.url, **demands)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_published_keys_of_every_kind_are_believed(publisher: Publisher) -> None:
    rsa, ec, okp = publisher.keys = [a_key("1"), a_key("2", "EC"), a_key("3", "OKP")]
    verifier = remote(publisher)
    for key, alg in ((rsa, "RS256"), (rsa, "PS256"), (ec, "ES256"), (okp, "Ed25519"), (okp, "EdDSA")):
        assert (await seen(by(key, alg), verifier)).actor == "ada"
    assert publisher.asked == 1


async def test_a_public_key_is_no_secret_to_sign_with(publisher: Publisher) -> None:
    [key] = publisher.keys = [a_key("1")]
    verifier = remote(publisher)
    await seen(by(key), verifier)
    pem = key.as_pem(private=False)
    texts = [pem, pem.strip(), json.dumps(key.as_dict(private=False)).encode(), key.as_der(private=False)]
    for text in texts:
        token = signed_by_hand(json.dumps(claims()).encode(), text, kid="1")
        assert (await why(token, verifier)).startswith("The token is not valid: ")
    none = f"{part({'alg': 'none', 'kid': '1'})}.{part(claims())}."
    assert (await why(none, verifier)).startswith("The token is not valid: ")


async def test_with_published_keys_the_local_one_is_worth_nothing(publisher: Publisher) -> None:
    publisher.keys = [a_key("1")]
    assert (await why(signed(claims()), remote(publisher))).startswith("The token is not valid: ")
    assert (await why(by(a_key("1")), remote(publisher))).startswith("The token is not valid: ")


async def test_who_issued_a_token_and_for_whom_is_demanded_when_configured(publisher: Publisher) -> None:
    [key] = publisher.keys = [a_key("1", "EC")]
    verifier = remote(publisher, issuer="https://id.example", audience="pet")
    assert (await seen(by(key, "ES256", aud="pet"), verifier)).actor == "ada"
    for wrong in ({}, {"aud": "other"}, {"aud": "pet", "iss": "https://evil.example"}):
        assert (await why(signed({**claims(), **wrong}, key, alg="ES256", kid="1"), verifier)).startswith("The token")


async def test_a_new_key_is_found_at_once_and_an_old_one_is_forgotten(publisher: Publisher) -> None:
    old, new = a_key("old", "EC"), a_key("new", "EC")
    time = Time()
    verifier = remote(publisher, time)
    publisher.keys = [old]
    await seen(by(old, "ES256"), verifier)
    publisher.keys = [old, new]
    time.pass_(seconds=10)
    await seen(by(new, "ES256"), verifier)
    assert publisher.asked == 2
    publisher.keys = [new]
    await seen(by(old, "ES256", exp=...), verifier)
    time.pass_(minutes=5)
    assert (await why(by(old, "ES256", exp=...), verifier)).startswith("The token is not valid: No key for kid")
    await seen(by(new, "ES256", exp=...), verifier)
    assert publisher.asked == 3


async def test_tokens_of_unknown_keys_do_not_make_us_ask_again_and_again(publisher: Publisher) -> None:
    [key] = publisher.keys = [a_key("1", "EC")]
    stranger = a_key("2", "EC")
    time = Time()
    verifier = remote(publisher, time)
    await seen(by(key, "ES256"), verifier)
    for _ in range(20):
        await why(by(stranger, "ES256"), verifier)
    assert publisher.asked == 1
    time.pass_(seconds=10)
    for _ in range(20):
        await why(by(stranger, "ES256"), verifier)
    assert publisher.asked == 2


async def test_known_keys_hold_while_nobody_publishes_them(
    publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    [key] = publisher.keys = [a_key("1", "EC")]
    time = Time()
    verifier = remote(publisher, time)
    await seen(by(key, "ES256"), verifier)
    for answer in (b"", b"<html>", b"[]", b'{"keys": 1}', b'{"keys": [{"kty": "x"}]}', b"\xff"):
        publisher.answer = answer
        time.pass_(minutes=6)
        await seen(by(key, "ES256", exp=...), verifier)
    assert len(caplog.records) == 6
    assert publisher.asked == 7


async def test_without_any_key_nobody_is_believed_until_there_is_one(publisher: Publisher) -> None:
    [key] = publisher.keys = [a_key("1", "EC")]
    publisher.answer = b""
    verifier = remote(publisher)
    sentence = "The token cannot be verified: the published keys cannot be read. Try again."
    assert await why(by(key, "ES256"), verifier) == sentence
    publisher.answer = None
    assert (await seen(by(key, "ES256"), verifier)).actor == "ada"


def test_a_published_set_holds_no_private_part(publisher: Publisher) -> None:
    publisher.keys = [a_key("1")]
    assert "d" not in KeySet.import_key_set(json.loads(publisher.body())).keys[0].as_dict()

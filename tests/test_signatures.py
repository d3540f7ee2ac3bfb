"""The HMAC signature: the body's own bytes, the deployment's own settings, five minutes."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import pytest
from starlette.datastructures import Headers

from booking_asgi import Config, tenants
from booking_asgi.signatures import is_signed, sign
from booking_core import add_token
from tests.conftest import Endpoint, contacts_and_appointments, serving
from tests.support.factories import a_clinic, arguments

NOW = 1_800_000_000.0
SECRET, ANOTHER = "an hmac secret of 32 characters x", "another secret of 32 characters x"
BODY = b'{"message": {}}'
PATH = "/api/vapi/tools/book-appointment"


def signed_headers(config: Config, timestamp: str, body: bytes = BODY) -> Headers:
    return Headers(
        {
            config.hmac_signature_header: sign(config, timestamp, body),
            config.hmac_timestamp_header: timestamp,
        }
    )


def test_the_signature_is_over_timestamp_and_body() -> None:
    """The signature is computed as others compute it: `{timestamp}.{body}` under the secret, in
    hexadecimal digits."""
    expected = hmac.new(SECRET.encode(), b"1800000000." + BODY, hashlib.sha256).hexdigest()
    assert sign(Config(hmac_secrets=(SECRET,)), "1800000000", BODY) == expected


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hmac_algorithm": "sha512"},
        {"hmac_encoding": "base64"},
        {"hmac_prefix": "sha256="},
        {"hmac_signature_header": "x-vapi-signature", "hmac_timestamp_header": "x-vapi-time"},
    ],
)
@pytest.mark.parametrize("timestamp", ["1800000000", "1800000000123", "1799999701", "1800000299"])
def test_a_genuine_one_is_taken(settings: dict[str, str], timestamp: str) -> None:
    """In each form, its time in seconds or milliseconds, up to five minutes off."""
    config = Config(hmac_secrets=(SECRET,), **settings)  # type: ignore[arg-type]  # from the table
    assert is_signed(config, signed_headers(config, timestamp), BODY, NOW)


@pytest.mark.parametrize(
    "timestamp", ["1799999699", "1800000301", "1799999699000", "", "-1", "soon", "٣", "9" * 5000]
)
def test_a_stale_one_is_refused(timestamp: str) -> None:
    """Older or newer than five minutes, or without a time that can be read."""
    config = Config(hmac_secrets=(SECRET,))
    headers = Headers(
        raw=[
            (b"x-timestamp", timestamp.encode()),
            (b"x-signature", sign(config, timestamp, BODY).encode()),
        ]
    )
    assert not is_signed(config, headers, BODY, NOW)


@pytest.mark.parametrize(
    "other",
    [
        Config(hmac_secrets=(ANOTHER,)),
        Config(hmac_secrets=(SECRET,), hmac_algorithm="sha512"),
        Config(hmac_secrets=(SECRET,), hmac_encoding="base64"),
        Config(hmac_secrets=(SECRET,), hmac_prefix="sha256="),
        Config(hmac_secrets=(SECRET,), hmac_signature_header="x-other"),
        Config(hmac_secrets=(SECRET,), hmac_timestamp_header="x-other"),
    ],
)
def test_one_of_other_settings_is_refused(other: Config) -> None:
    config = Config(hmac_secrets=(SECRET,))
    assert not is_signed(config, signed_headers(other, "1800000000"), BODY, NOW)


def test_the_raw_bytes_are_signed() -> None:
    """The same JSON in other bytes is another body."""
    config = Config(hmac_secrets=(SECRET,))
    headers = signed_headers(config, "1800000000")
    assert not is_signed(config, headers, json.dumps(json.loads(BODY), indent=1).encode(), NOW)


@pytest.mark.parametrize("secret", [SECRET, ANOTHER])
def test_each_of_several_secrets_is_taken(secret: str) -> None:
    """Each secret is taken, so that one can be replaced without refusing a call."""
    config = Config(hmac_secrets=(SECRET, ANOTHER))
    assert is_signed(
        config, signed_headers(Config(hmac_secrets=(secret,)), "1800000000"), BODY, NOW
    )


def test_a_stale_one_costs_no_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config(hmac_secrets=(SECRET,))
    headers = signed_headers(config, "1700000000")
    monkeypatch.setattr(hmac, "digest", None)
    assert not is_signed(config, headers, BODY, NOW)


@pytest.mark.parametrize("signature", ["", "ü", "sha256=", "0" * 64])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    config = Config(hmac_secrets=(SECRET,))
    headers = Headers({"x-timestamp": "1800000000", "x-signature": signature})
    assert not is_signed(config, headers, BODY, NOW)


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), (ANOTHER, 401), (None, 401)])
async def test_the_endpoint_requires_it(
    endpoint: Endpoint, secret: str | None, status: int
) -> None:
    """Beside the token, where the deployment has a secret; without it nothing is written."""
    body = json.dumps(arguments()).encode()
    timestamp = str(int(time.time()))
    headers = signed_headers(Config(hmac_secrets=(secret,)), timestamp, body) if secret else {}
    async with serving(Config(database_url=endpoint.url, hmac_secrets=(SECRET,))) as client:
        reply = await client.post(PATH, content=body, headers=dict(headers))
    assert reply.status_code == status
    assert await contacts_and_appointments(endpoint) == ((1, 1) if status == 200 else (0, 0))


async def test_a_signature_is_no_token(endpoint: Endpoint) -> None:
    config = Config(database_url=endpoint.url, hmac_secrets=(SECRET,))
    body = json.dumps(arguments()).encode()
    headers = dict(signed_headers(config, str(int(time.time())), body))
    async with serving(config) as client:
        del client.headers["X-Vapi-Secret"]
        assert (await client.post(PATH, content=body, headers=headers)).status_code == 401


async def test_a_signed_request_that_comes_again_runs_nothing(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captured, and sent again after the cancellation: the first reply, and nothing is booked."""
    monkeypatch.setattr(tenants, "APART_SECONDS", 0.0)
    config = Config(database_url=endpoint.url, hmac_secrets=(SECRET,))
    body = json.dumps(arguments()).encode()
    headers = dict(signed_headers(config, str(int(time.time())), body))
    async with serving(config) as client:
        first = await client.post(PATH, content=body, headers=headers)
        await endpoint.conn.execute("update appointments set status = 'cancelled'")
        again = await client.post(PATH, content=body, headers=headers)
        assert (first.status_code, first.content) == (again.status_code, again.content)
        rows = await endpoint.conn.fetch("select status from appointments")
        assert [row["status"] for row in rows] == ["cancelled"]
        token = await add_token(endpoint.conn, (await a_clinic(endpoint.conn)).id)
        other = await client.post(PATH, content=body, headers={**headers, "X-Vapi-Secret": token})
        assert other.status_code == 200 and other.content != first.content

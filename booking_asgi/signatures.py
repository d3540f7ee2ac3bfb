"""The HMAC signature over a request's raw bytes, as Vapi makes it. Pure."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping

from booking_asgi.config import Config

WINDOW_SECONDS = 300
# Later than year 5000 in seconds, so it is milliseconds.
MILLISECONDS = 100_000_000_000


def sign(config: Config, timestamp: str, body: bytes) -> str:
    """The signature's header value for a body sent at that time, by the first secret."""
    return _signature(config, config.hmac_secrets[0], timestamp, body)


def is_signed(config: Config, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether the signature is the body's own, by any of the secrets, and at most five minutes old,
    or ahead. Its age is looked at first: a stale one costs no digest.

    `now` is in seconds since the epoch; the timestamp may be in seconds or in milliseconds.
    """
    timestamp = headers.get(config.hmac_timestamp_header, "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
        return False
    seconds = int(timestamp) if int(timestamp) < MILLISECONDS else int(timestamp) / 1000
    if abs(now - seconds) > WINDOW_SECONDS:
        return False
    given = headers.get(config.hmac_signature_header, "").encode()
    genuine = (_signature(config, one, timestamp, body) for one in config.hmac_secrets)
    # Every secret is tried, so that the time does not tell which one fits.
    return any([hmac.compare_digest(given, one.encode()) for one in genuine])


def _signature(config: Config, secret: str, timestamp: str, body: bytes) -> str:
    signed = timestamp.encode() + b"." + body
    digest = hmac.digest(secret.encode(), signed, config.hmac_algorithm)
    text = digest.hex() if config.hmac_encoding == "hex" else base64.b64encode(digest).decode()
    return config.hmac_prefix + text

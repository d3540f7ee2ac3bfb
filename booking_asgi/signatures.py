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
    """The signature's header value for a body sent at that time."""
    assert config.hmac_secret is not None
    signed = timestamp.encode() + b"." + body
    digest = hmac.digest(config.hmac_secret.encode(), signed, config.hmac_algorithm)
    text = digest.hex() if config.hmac_encoding == "hex" else base64.b64encode(digest).decode()
    return config.hmac_prefix + text


def is_signed(config: Config, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether the signature is the body's own and at most five minutes old, or ahead.

    `now` is in seconds since the epoch; the timestamp may be in seconds or in milliseconds.
    """
    timestamp = headers.get(config.hmac_timestamp_header, "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
        return False
    seconds = int(timestamp) if int(timestamp) < MILLISECONDS else int(timestamp) / 1000
    signature = headers.get(config.hmac_signature_header, "")
    genuine = hmac.compare_digest(signature.encode(), sign(config, timestamp, body).encode())
    return genuine and abs(now - seconds) <= WINDOW_SECONDS

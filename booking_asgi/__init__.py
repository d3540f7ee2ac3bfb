"""The Vapi tool endpoint of `booking_core`, as a Starlette application."""

from booking_asgi.app import create_app
from booking_asgi.config import Config, ConfigError

__all__ = ["Config", "ConfigError", "create_app"]

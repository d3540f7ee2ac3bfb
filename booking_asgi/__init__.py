"""The Vapi tool endpoint of `booking_core`, as a Starlette application."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from booking_asgi.app import create_app
    from booking_asgi.config import Config, ConfigError

__all__ = ["Config", "ConfigError", "create_app"]


def __getattr__(name: str) -> object:
    # Imported when they are asked for, so that the command can say which packages are missing.
    if name == "create_app":
        from booking_asgi.app import create_app

        return create_app
    if name in __all__:
        from booking_asgi import config

        return getattr(config, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

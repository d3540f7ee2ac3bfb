"""The command `booking-asgi`, and `python -m booking_asgi`."""

from __future__ import annotations

import sys


def main() -> None:
    try:
        from booking_asgi.command import main as command
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("booking_"):
            raise
        sys.exit(f"booking-asgi needs {error.name}: install the extra, as '.[asgi]'")
    command()


if __name__ == "__main__":
    main()

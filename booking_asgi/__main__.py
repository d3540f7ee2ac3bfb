"""`python -m booking_asgi` is the command `booking-asgi`."""

from booking_asgi.command import main

if __name__ == "__main__":
    main()

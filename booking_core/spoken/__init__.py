"""What people say and models write, as values. Pure.

What has one reading is read, in whatever form; nothing is guessed. Each reader raises
`InvalidRequest`, whose `problem` never repeats what was said, and takes a time that grows with the
length of the text, at most `LONGEST` characters.
"""

from booking_core.spoken.durations import parse_duration
from booking_core.spoken.emails import Email, is_email, parse_email
from booking_core.spoken.moments import Kind, Moment, read_moment
from booking_core.spoken.phones import Phone, is_hidden_number, is_phone, parse_phone
from booking_core.spoken.text import INVISIBLE, Meaning, check_text, is_absent, parse_text
from booking_core.spoken.zone_names import at_wall_clock, find_zone, instant

__all__ = [
    "INVISIBLE",
    "Email",
    "Kind",
    "Meaning",
    "Moment",
    "Phone",
    "at_wall_clock",
    "check_text",
    "find_zone",
    "instant",
    "is_absent",
    "is_email",
    "is_hidden_number",
    "is_phone",
    "parse_duration",
    "parse_email",
    "parse_phone",
    "parse_text",
    "read_moment",
]

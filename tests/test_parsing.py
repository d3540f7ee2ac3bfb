from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from booking_core import InvalidRequest
from booking_core.spoken import (
    at_wall_clock,
    is_absent,
    is_hidden_number,
    parse_duration,
    parse_email,
    parse_phone,
    parse_text,
    read_moment,
)
from booking_core.spoken import instant as instant_of
from tests.support.factories import NEW_YORK

SAM = "+15551234567"

# No deadline: the first internationalized address loads tables for longer than an example takes.
quick = settings(max_examples=50, deadline=None)

anything = st.text(st.characters(exclude_categories=()))
"""Any text at all: NUL, lone surrogates and unassigned characters too."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
regions = st.sampled_from(["US", "GB", "AU", "DE", "NZ", "IT", "BR"])
zones = st.sampled_from(
    [
        "America/New_York",
        "America/Santiago",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "Australia/Sydney",
        "Europe/Berlin",
        "Pacific/Auckland",
    ]
).map(ZoneInfo)

phone_like = st.one_of(
    st.from_regex(r"(tel:)?\+?[0-9 ().-]{7,17}( ?(ext|x) ?[0-9]{1,4})?", fullmatch=True),
    st.lists(
        st.sampled_from(
            ["zero", "oh", "o", "one", "two", "three", "six", "seven", "nine", "plus", "ext", "55"]
        ),
        min_size=7,
        max_size=13,
    ).map(" ".join),
    st.integers(10**8, 10**15),
)
email_like = st.one_of(
    st.emails(),
    st.lists(
        st.sampled_from(
            ["sam", "s", "m", "at", "dot", "dash", "plus", "test", "com", "@", ".", "é"]
        ),
        max_size=9,
    ).map(" ".join),
    st.tuples(anything, st.sampled_from(["test.com", "bücher.de"])).map("@".join),
)
clock_like = st.from_regex(
    r"[0-9]{1,4}(:[0-9]{2}){0,2} ?([ap]\.? ?m\.?)?", fullmatch=True
) | st.integers(-1, 2500)
instant_like = st.from_regex(
    r"20[0-9]{2}-(0[1-9]|1[0-2])-[0-3][0-9][T ]([01][0-9]|2[0-4]):[0-6][0-9](:00(\.0{1,6})?)?"
    r"(Z|[+-][012][0-9](:?[0-9]{2})?)?",
    fullmatch=True,
)


def parse_date(spoken: object) -> date:
    moment = read_moment(spoken, "appointmentDate", "day")
    if moment.day is None or moment.clock is not None:
        raise InvalidRequest("INVALID_DATE_TIME", "appointmentDate", "")
    return moment.day


def parse_time(spoken: object) -> time:
    moment = read_moment(spoken, "appointmentTime", "clock")
    if moment.clock is None or moment.day is not None or moment.zone is not None:
        raise InvalidRequest("INVALID_DATE_TIME", "appointmentTime", "")
    return moment.clock


def parse_instant(spoken: object, zone: ZoneInfo) -> datetime:
    moment = read_moment(spoken, "scheduledAt", "both")
    if moment.day is None or moment.clock is None:
        raise InvalidRequest("INVALID_DATE_TIME", "scheduledAt", "")
    return instant_of(moment.day, moment.clock, moment.zone, zone, "scheduledAt")


def outcome(parse: Callable[..., object], *spoken: object) -> object:
    """The value that is read, or the code of the refusal."""
    try:
        return parse(*spoken)
    except InvalidRequest as refusal:
        return refusal.code


def outcome_of_instant(spoken: object, zone: ZoneInfo) -> object:
    """The instant that is read, as text with the offset in which it was given."""
    read = outcome(parse_instant, spoken, zone)
    return read.isoformat(timespec="minutes") if isinstance(read, datetime) else read


@pytest.mark.parametrize(
    ("spoken", "region", "expected"),
    [
        # As written, every spelling is one person.
        ("+15551234567", "US", SAM),
        ("5551234567", "US", SAM),
        ("15551234567", "US", SAM),
        ("555-123-4567", "US", SAM),
        ("(555) 123-4567", "US", SAM),
        ("(555)123-4567", "US", SAM),
        ("555.123.4567", "US", SAM),
        ("555 123 4567", "US", SAM),
        ("555 123 4567.", "US", SAM),
        ("555/123/4567", "US", SAM),
        ("5 5 5 1 2 3 4 5 6 7", "US", SAM),
        ("1-555-123-4567", "US", SAM),
        ("1 (555) 123-4567", "US", SAM),
        ("+1 555 123 4567", "US", SAM),
        ("+1 (555) 123-4567", "US", SAM),
        ("  +1.555.123.4567\n", "US", SAM),
        ("+1\u00a0555\u00a0123\u00a04567", "US", SAM),
        ("+1\u2011555\u2011123\u20114567", "US", SAM),
        ("555\u2013123\u20134567", "US", SAM),
        ("tel:+15551234567", "US", SAM),
        ("tel:+1-555-123-4567", "US", SAM),
        ("TEL:5551234567", "US", SAM),
        # A JSON number.
        (5551234567, "US", SAM),
        (15551234567, "US", SAM),
        (5551234567.0, "US", SAM),
        (1.5551234567e10, "US", SAM),
        (555123456.5, "US", "INVALID_PHONE"),
        (-5551234567, "US", "INVALID_PHONE"),
        (0, "US", "INVALID_PHONE"),
        (1e300, "US", "INVALID_PHONE"),
        (math.nan, "US", "INVALID_PHONE"),
        (math.inf, "US", "INVALID_PHONE"),
        # Said digit by digit.
        ("five five five one two three four five six seven", "US", SAM),
        ("five five five, one two three, four five six seven", "US", SAM),
        ("five-five-five one-two-three four-five-six-seven", "US", SAM),
        ("Five five five. One two three. Four five six seven.", "US", SAM),
        ("plus one five five five one two three four five six seven", "US", SAM),
        ("plus 1 555 123 4567", "US", SAM),
        ("one 555 123 4567", "US", SAM),
        ("+1 five five five 123 4567", "US", SAM),
        ("five five five one oh oh four five six nine", "US", "+15551004569"),
        ("eight zero zero five five five o one nine nine", "US", "+18005550199"),
        ("five five five one two three four", "US", "INVALID_PHONE"),
        # What is not a digit is not made one.
        ("double five five one two three four five six seven", "US", SAM),
        ("eight hundred five five five one two three four", "US", "INVALID_PHONE"),
        ("my number is 555 123 4567", "US", "INVALID_PHONE"),
        ("1-800-FLOWERS", "US", "INVALID_PHONE"),
        # An extension is dropped.
        ("555-123-4567 ext 12", "US", SAM),
        ("555-123-4567 ext. 12", "US", SAM),
        ("555-123-4567, ext. 12", "US", SAM),
        ("555-123-4567 extension 12", "US", SAM),
        ("555-123-4567x12", "US", SAM),
        ("tel:+1-555-123-4567;ext=12", "US", SAM),
        ("five five five one two three four five six seven extension four", "US", SAM),
        ("555-123-4567 ext", "US", "INVALID_PHONE"),
        # No number, or no whole one.
        ("", "US", "INVALID_PHONE"),
        ("+", "US", "INVALID_PHONE"),
        ("911", "US", "INVALID_PHONE"),
        ("123-4567", "US", "INVALID_PHONE"),
        ("1-123-4567", "US", "INVALID_PHONE"),
        ("555 123 456", "US", "INVALID_PHONE"),
        ("555 123 4567 8", "US", "INVALID_PHONE"),
        ("+999 123 456 789", "US", "INVALID_PHONE"),
        ("+0123456789", "US", "INVALID_PHONE"),
        ("5551234567 or 5551234568", "US", "INVALID_PHONE"),
        ("+15551234567 +15551234568", "US", "INVALID_PHONE"),
        ("anonymous", "US", "INVALID_PHONE"),
        ("private", "US", "INVALID_PHONE"),
        ("{{ customer.number }}", "US", "INVALID_PHONE"),
        ("sip:+15551234567@example.com", "US", "INVALID_PHONE"),
        ("sips:5551234567@example.com", "US", "INVALID_PHONE"),
        ("sam@test.com", "US", "INVALID_PHONE"),
        ("555123456\x007", "US", "INVALID_PHONE"),
        ("555123456\ud8007", "US", "INVALID_PHONE"),
        (None, "US", "INVALID_PHONE"),
        (True, "US", "INVALID_PHONE"),
        (["+15551234567"], "US", "INVALID_PHONE"),
        ({"number": "+15551234567"}, "US", "INVALID_PHONE"),
        # From abroad.
        ("+44 20 7946 0958", "US", "+442079460958"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("+1 555 123 4567", "GB", SAM),
        ("0011 1 555 123 4567", "AU", SAM),
        ("15551234567", "GB", "INVALID_PHONE"),
        # The region's own.
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 (0)20 7946 0958", "GB", "+442079460958"),
        ("07700 900123", "GB", "+447700900123"),
        (7700900123, "GB", "+447700900123"),
        ("oh seven seven zero zero nine zero zero one two three", "GB", "+447700900123"),
        ("0044 7700 900123", "GB", "+447700900123"),
        ("7946 0958", "GB", "INVALID_PHONE"),
        ("794 6095", "GB", "INVALID_PHONE"),
        ("0800 1111", "GB", "+448001111"),
        ("0412 345 678", "AU", "+61412345678"),
        (412345678, "AU", "+61412345678"),
        ("(02) 9876 5432", "AU", "+61298765432"),
        ("9876 5432", "AU", "INVALID_PHONE"),
        ("1300 123 456", "AU", "+611300123456"),
        ("13 11 14", "AU", "+61131114"),
        ("555 1234", "NZ", "INVALID_PHONE"),
        ("09 555 1234", "NZ", "+6495551234"),
        ("030 123456", "DE", "+4930123456"),
        ("030/123456-0", "DE", "+49301234560"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("+49 (0) 151 23456789", "DE", "+4915123456789"),
        ("+49 30 1234567890123", "DE", "INVALID_PHONE"),
        ("110", "DE", "INVALID_PHONE"),
    ],
    ids=repr,
)
def test_phone(spoken: object, region: str, expected: str) -> None:
    """A whole phone number is read however it is spelled; anything else is asked for."""
    assert expected == outcome(parse_phone, spoken, region)


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        # Written.
        ("sam@test.com", "sam@test.com"),
        ("  sam@test.com\n", "sam@test.com"),
        ("sam@test.com.", "sam@test.com"),
        ("Sam.Wilson@TEST.com", "Sam.Wilson@test.com"),
        ("sam+news@test.com", "sam+news@test.com"),
        ("sam_wilson-2@my-clinic.co.uk", "sam_wilson-2@my-clinic.co.uk"),
        ("o'brien@test.com", "o'brien@test.com"),
        ("sam\u2011wilson@test.com", "sam-wilson@test.com"),
        ("josé@test.com", "josé@test.com"),
        ("sam@bücher.de", "sam@bücher.de"),
        ("sam@xn--bcher-kva.de", "sam@bücher.de"),
        # Spoken.
        ("luis dot ortega at example dot com", "luis.ortega@example.com"),
        ("luis  dot  ortega   at example  dot com", "luis.ortega@example.com"),
        ("luis dot ortega at example dot com.", "luis.ortega@example.com"),
        ("Luis Dot Ortega At Example Dot Com", "Luis.Ortega@example.com"),
        ("sam at test.com", "sam@test.com"),
        ("sam @ test . com", "sam@test.com"),
        ("sam at test point com", "sam@test.com"),
        ("sam at test period com", "sam@test.com"),
        ("sam at test dot co dot uk", "sam@test.co.uk"),
        ("sam underscore wilson at test dot com", "sam_wilson@test.com"),
        ("sam dash wilson at my dash clinic dot com", "sam-wilson@my-clinic.com"),
        ("sam hyphen wilson at test dot com", "sam-wilson@test.com"),
        ("sam minus wilson at test dot com", "sam-wilson@test.com"),
        ("sam plus news at test dot com", "sam+news@test.com"),
        # A sign's name may be a name.
        ("pat at test dot com", "pat@test.com"),
        ("dot at test dot com", "dot@test.com"),
        ("at@dot.com", "at@dot.com"),
        # Spelled letter by letter.
        ("s a m at test dot com", "sam@test.com"),
        ("s a m 1 2 at test dot com", "sam12@test.com"),
        ("s a m at g m a i l dot com", "sam@gmail.com"),
        ("S A M @test.com", "sam@test.com"),
        # Words side by side may be two things.
        ("sam wilson at test dot com", "INVALID_EMAIL"),
        ("sam wilson@test.com", "INVALID_EMAIL"),
        ("sam at my clinic dot com", "INVALID_EMAIL"),
        ("sam one at test dot com", "INVALID_EMAIL"),
        ("jo b at test dot com", "INVALID_EMAIL"),
        ("my email is sam at test dot com", "INVALID_EMAIL"),
        ("sam at test dot com please", "INVALID_EMAIL"),
        ("sam@test.com or sam@example.com", "INVALID_EMAIL"),
        ("sam@test.com, wilson@test.com", "INVALID_EMAIL"),
        ("Sam <sam@test.com>", "sam@test.com"),
        # No address.
        ("", "INVALID_EMAIL"),
        ("sam", "INVALID_EMAIL"),
        ("sam@", "INVALID_EMAIL"),
        ("@test.com", "INVALID_EMAIL"),
        ("sam dot com", "INVALID_EMAIL"),
        ("sam@test", "INVALID_EMAIL"),
        ("sam@localhost", "INVALID_EMAIL"),
        ("sam@127.0.0.1", "INVALID_EMAIL"),
        ("sam@[127.0.0.1]", "INVALID_EMAIL"),
        ("sam@test,com", "INVALID_EMAIL"),
        ("sam@te_st.com", "INVALID_EMAIL"),
        ("sam@wilson@test.com", "INVALID_EMAIL"),
        ("sam at at test dot com", "INVALID_EMAIL"),
        ("sam..wilson@test.com", "INVALID_EMAIL"),
        (".sam@test.com", "INVALID_EMAIL"),
        ("sam@test..com", "INVALID_EMAIL"),
        ('"sam wilson"@test.com', "INVALID_EMAIL"),
        ("sam\x00@test.com", "INVALID_EMAIL"),
        ("sam\ud800@test.com", "INVALID_EMAIL"),
        ("sam\u200bwilson@test.com", "samwilson@test.com"),
        ("sam@" + "a" * 64 + ".com", "INVALID_EMAIL"),
        ("+15551234567", "INVALID_EMAIL"),
        (None, "INVALID_EMAIL"),
        (5551234567, "INVALID_EMAIL"),
        (True, "INVALID_EMAIL"),
        (["sam@test.com"], "INVALID_EMAIL"),
    ],
    ids=repr,
)
def test_email(spoken: object, expected: str) -> None:
    """An address is read as written or as spoken, and never put together from two words."""
    assert expected == outcome(parse_email, spoken)


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("2027-03-14", date(2027, 3, 14)),
        (" 2027-03-14\n", date(2027, 3, 14)),
        ("2028-02-29", date(2028, 2, 29)),
        ("2000-02-29", date(2000, 2, 29)),
        ("1970-01-01", date(1970, 1, 1)),
        ("2199-12-31", date(2199, 12, 31)),
        ("2027-02-29", "INVALID_DATE_TIME"),
        ("2100-02-29", "INVALID_DATE_TIME"),
        ("2027-04-31", "INVALID_DATE_TIME"),
        ("2027-01-32", "INVALID_DATE_TIME"),
        ("2027-01-00", "INVALID_DATE_TIME"),
        ("2027-00-10", "INVALID_DATE_TIME"),
        ("2027-13-01", "INVALID_DATE_TIME"),
        ("1969-12-31", "INVALID_DATE_TIME"),
        ("2200-01-01", "INVALID_DATE_TIME"),
        ("0000-01-01", "INVALID_DATE_TIME"),
        ("0027-03-14", "INVALID_DATE_TIME"),
        ("9999-12-31", "INVALID_DATE_TIME"),
        ("27-03-14", "INVALID_DATE_TIME"),
        ("2027-3-14", date(2027, 3, 14)),
        ("20270314", date(2027, 3, 14)),
        ("2027/03/14", date(2027, 3, 14)),
        ("03/04/2027", "INVALID_DATE_TIME"),
        ("14.03.2027", date(2027, 3, 14)),
        ("2027-W11-1", "INVALID_DATE_TIME"),
        ("2027-03-14T14:00", "INVALID_DATE_TIME"),
        ("March 14", "INVALID_DATE_TIME"),
        ("tomorrow", "INVALID_DATE_TIME"),
        ("next Friday", "INVALID_DATE_TIME"),
        ("٢٠٢٧-٠٣-١٤", date(2027, 3, 14)),
        ("2027-03-14\x00", "INVALID_DATE_TIME"),
        ("", "INVALID_DATE_TIME"),
        (20270314, date(2027, 3, 14)),
        (None, "INVALID_DATE_TIME"),
        (["2027-03-14"], "INVALID_DATE_TIME"),
    ],
    ids=repr,
)
def test_date(spoken: object, expected: object) -> None:
    """A date is a day of the calendar, in one reading; what is relative is never worked out."""
    assert expected == outcome(parse_date, spoken)


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        # With am or pm.
        ("2 PM", time(14)),
        ("2PM", time(14)),
        ("2pm", time(14)),
        ("2 p.m.", time(14)),
        ("2 p.m", time(14)),
        ("2 P. M.", time(14)),
        ("2 p m", time(14)),
        ("2:30pm", time(14, 30)),
        ("2:30 P.M.", time(14, 30)),
        ("2:30:00 PM", time(14, 30)),
        ("02:30 PM", time(14, 30)),
        ("230 pm", time(14, 30)),
        ("10 a.m.", time(10)),
        ("7:45AM", time(7, 45)),
        ("11:59 pm", time(23, 59)),
        ("12 AM", time(0)),
        ("12 PM", time(12)),
        ("12:30 am", time(0, 30)),
        ("12:30 pm", time(12, 30)),
        ("14:00 PM", time(14)),
        ("13 pm", time(13)),
        ("14:00 AM", "INVALID_DATE_TIME"),
        ("0 AM", "INVALID_DATE_TIME"),
        ("00:30 pm", "INVALID_DATE_TIME"),
        ("25 pm", "INVALID_DATE_TIME"),
        ("2:60 pm", "INVALID_DATE_TIME"),
        # In words.
        ("noon", time(12)),
        ("Noon", time(12)),
        ("12 noon", time(12)),
        ("midnight", time(0)),
        ("12 midnight", time(0)),
        # Of 24 hours.
        ("14:00", time(14)),
        ("  14:00 ", time(14)),
        ("14:00:00", time(14)),
        ("14:00:00.000", time(14)),
        ("14:30", time(14, 30)),
        ("00:00", time(0)),
        ("23:59", time(23, 59)),
        ("03:00", time(3)),
        ("09:30", time(9, 30)),
        ("10:00", time(10)),
        ("12:00", time(12)),
        ("15", time(15)),
        ("1500", time(15)),
        (14, time(14)),
        (14.0, time(14)),
        (1430, time(14, 30)),
        # Morning or afternoon?
        ("3", "INVALID_DATE_TIME"),
        ("03", "INVALID_DATE_TIME"),
        ("3:00", "INVALID_DATE_TIME"),
        ("9:30", "INVALID_DATE_TIME"),
        ("12", "INVALID_DATE_TIME"),
        ("930", "INVALID_DATE_TIME"),
        ("0930", "INVALID_DATE_TIME"),
        (3, "INVALID_DATE_TIME"),
        (930, "INVALID_DATE_TIME"),
        # No time of a day.
        ("24:00", "INVALID_DATE_TIME"),
        ("25:00", "INVALID_DATE_TIME"),
        ("14:60", "INVALID_DATE_TIME"),
        ("2400", "INVALID_DATE_TIME"),
        (25, "INVALID_DATE_TIME"),
        (-14, "INVALID_DATE_TIME"),
        (14.5, "INVALID_DATE_TIME"),
        # Nearly a time.
        ("14:00:30", "INVALID_DATE_TIME"),
        ("14:00:0", "INVALID_DATE_TIME"),
        ("14:5", "INVALID_DATE_TIME"),
        ("014:00", "INVALID_DATE_TIME"),
        ("1430:00", "INVALID_DATE_TIME"),
        ("015", "INVALID_DATE_TIME"),
        ("14 00", time(14)),
        ("14:00Z", "INVALID_DATE_TIME"),
        ("14:00 EST", "INVALID_DATE_TIME"),
        ("2-3 pm", "INVALID_DATE_TIME"),
        ("2 pm or 3 pm", "INVALID_DATE_TIME"),
        ("half past two", "INVALID_DATE_TIME"),
        ("afternoon", "INVALID_DATE_TIME"),
        ("pm", "INVALID_DATE_TIME"),
        ("\uff11\uff14:\uff10\uff10", time(14)),
        ("14:00\x00", "INVALID_DATE_TIME"),
        ("", "INVALID_DATE_TIME"),
        (None, "INVALID_DATE_TIME"),
        (True, "INVALID_DATE_TIME"),
        (["14:00"], "INVALID_DATE_TIME"),
    ],
    ids=repr,
)
def test_time(spoken: object, expected: object) -> None:
    """A time of day is read when it can be only one; three o'clock is asked about."""
    assert expected == outcome(parse_time, spoken)


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        # Without an offset, New York's clocks: winter and summer.
        ("2027-03-01T14:00", "2027-03-01T14:00-05:00"),
        ("2027-07-01T14:00", "2027-07-01T14:00-04:00"),
        ("2027-03-01 14:00", "2027-03-01T14:00-05:00"),
        ("2027-03-01T14:00:00", "2027-03-01T14:00-05:00"),
        ("2027-03-01T14:00:00.000", "2027-03-01T14:00-05:00"),
        ("2027-03-01T03:00", "2027-03-01T03:00-05:00"),
        (" 2027-03-01T14:00\n", "2027-03-01T14:00-05:00"),
        # With one, itself.
        ("2027-03-01T14:00Z", "2027-03-01T14:00+00:00"),
        ("2027-03-01T14:00:00.000Z", "2027-03-01T14:00+00:00"),
        ("2027-03-01T14:00:00.000000+00:00", "2027-03-01T14:00+00:00"),
        ("2027-03-01T14:00-05:00", "2027-03-01T14:00-05:00"),
        ("2027-03-01T14:00-0500", "2027-03-01T14:00-05:00"),
        ("2027-03-01T14:00-05", "2027-03-01T14:00-05:00"),
        ("2027-03-01T14:00 +05:30", "2027-03-01T14:00+05:30"),
        ("2027-03-01T14:00+14:00", "2027-03-01T14:00+14:00"),
        # To the minute, or not at all.
        ("2027-03-01T14:00:30", "INVALID_DATE_TIME"),
        ("2027-03-01T14:00:30Z", "INVALID_DATE_TIME"),
        ("2027-03-01T14:00:00.001Z", "INVALID_DATE_TIME"),
        ("2027-03-01T14:00:60Z", "INVALID_DATE_TIME"),
        # No such instant.
        ("2027-02-29T14:00", "INVALID_DATE_TIME"),
        ("2027-03-01T24:00", "INVALID_DATE_TIME"),
        ("2027-03-01T14:60", "INVALID_DATE_TIME"),
        ("2027-03-01T14:00+24:00", "INVALID_DATE_TIME"),
        ("2027-03-01T14:00+05:60", "INVALID_DATE_TIME"),
        ("1969-12-31T23:59Z", "INVALID_DATE_TIME"),
        ("2200-01-01T00:00", "INVALID_DATE_TIME"),
        # Not both parts, or not ISO 8601.
        ("2027-03-01", "INVALID_DATE_TIME"),
        ("2027-03-01T", "INVALID_DATE_TIME"),
        ("14:00", "INVALID_DATE_TIME"),
        ("2027-03-01T2:00", "INVALID_DATE_TIME"),
        ("2027-03-01 2 PM", "2027-03-01T14:00-05:00"),
        ("2027-03-01T14:00 EST", "2027-03-01T14:00-05:00"),
        ("2027-03-01T14:00[America/New_York]", "2027-03-01T14:00-05:00"),
        ("tomorrow at 2 PM", "INVALID_DATE_TIME"),
        ("2027-03-01T14:00\x00", "INVALID_DATE_TIME"),
        ("", "INVALID_DATE_TIME"),
        (1803927600, "2027-03-01T19:00+00:00"),
        (None, "INVALID_DATE_TIME"),
        ({"date": "2027-03-01"}, "INVALID_DATE_TIME"),
    ],
    ids=repr,
)
def test_instant(spoken: object, expected: str) -> None:
    """A time with an offset is that instant; a time without one is the clinic's wall clock."""
    assert expected == outcome_of_instant(spoken, NEW_YORK)


@pytest.mark.parametrize(
    ("zone", "local", "code", "readings"),
    [
        (
            "America/New_York",
            "2027-03-14T02:30",
            "NONEXISTENT_TIME",
            ("2027-03-14T01:30-05:00", "2027-03-14T03:30-04:00"),
        ),
        (
            "America/New_York",
            "2027-11-07T01:30",
            "AMBIGUOUS_TIME",
            ("2027-11-07T01:30-04:00", "2027-11-07T01:30-05:00"),
        ),
        (
            "Europe/Berlin",
            "2027-03-28T02:30",
            "NONEXISTENT_TIME",
            ("2027-03-28T01:30+01:00", "2027-03-28T03:30+02:00"),
        ),
        (
            "Europe/Berlin",
            "2027-10-31T02:30",
            "AMBIGUOUS_TIME",
            ("2027-10-31T02:30+02:00", "2027-10-31T02:30+01:00"),
        ),
        (
            "Europe/Dublin",
            "2027-10-31T01:30",
            "AMBIGUOUS_TIME",
            ("2027-10-31T01:30+01:00", "2027-10-31T01:30+00:00"),
        ),
        (
            "Australia/Sydney",
            "2027-10-03T02:30",
            "NONEXISTENT_TIME",
            ("2027-10-03T01:30+10:00", "2027-10-03T03:30+11:00"),
        ),
        (
            "Australia/Sydney",
            "2027-04-04T02:30",
            "AMBIGUOUS_TIME",
            ("2027-04-04T02:30+11:00", "2027-04-04T02:30+10:00"),
        ),
        (
            "Australia/Lord_Howe",
            "2027-10-03T02:15",
            "NONEXISTENT_TIME",
            ("2027-10-03T01:45+10:30", "2027-10-03T02:45+11:00"),
        ),
        (
            "Pacific/Auckland",
            "2027-09-26T02:30",
            "NONEXISTENT_TIME",
            ("2027-09-26T01:30+12:00", "2027-09-26T03:30+13:00"),
        ),
        (
            "Pacific/Auckland",
            "2027-04-04T02:30",
            "AMBIGUOUS_TIME",
            ("2027-04-04T02:30+13:00", "2027-04-04T02:30+12:00"),
        ),
        (
            # At midnight, so that the two readings lie on two days.
            "America/Santiago",
            "2027-09-05T00:30",
            "NONEXISTENT_TIME",
            ("2027-09-04T23:30-04:00", "2027-09-05T01:30-03:00"),
        ),
        (
            "America/Santiago",
            "2027-04-03T23:30",
            "AMBIGUOUS_TIME",
            ("2027-04-03T23:30-03:00", "2027-04-03T23:30-04:00"),
        ),
        (
            # A whole day that Samoa left out.
            "Pacific/Apia",
            "2011-12-30T12:00",
            "NONEXISTENT_TIME",
            ("2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00"),
        ),
    ],
)
def test_clock_change(zone: str, local: str, code: str, readings: tuple[str, ...]) -> None:
    """A time that the clocks leave out or show twice is asked about, with both readings."""
    with pytest.raises(InvalidRequest) as refusal:
        parse_instant(local, ZoneInfo(zone))
    shown = tuple(reading.isoformat(timespec="minutes") for reading in refusal.value.readings)
    assert (code, readings) == (refusal.value.code, shown)


@pytest.mark.parametrize(
    ("zone", "local", "expected"),
    [
        ("America/New_York", "2027-03-14T01:59", "2027-03-14T01:59-05:00"),
        ("America/New_York", "2027-03-14T02:00", "NONEXISTENT_TIME"),
        ("America/New_York", "2027-03-14T02:59", "NONEXISTENT_TIME"),
        ("America/New_York", "2027-03-14T03:00", "2027-03-14T03:00-04:00"),
        ("America/New_York", "2027-11-07T00:59", "2027-11-07T00:59-04:00"),
        ("America/New_York", "2027-11-07T01:00", "AMBIGUOUS_TIME"),
        ("America/New_York", "2027-11-07T01:59", "AMBIGUOUS_TIME"),
        ("America/New_York", "2027-11-07T02:00", "2027-11-07T02:00-05:00"),
        ("Australia/Lord_Howe", "2027-04-04T01:29", "2027-04-04T01:29+11:00"),
        ("Australia/Lord_Howe", "2027-04-04T01:30", "AMBIGUOUS_TIME"),
        ("Australia/Lord_Howe", "2027-04-04T02:00", "2027-04-04T02:00+10:30"),
        ("Asia/Kolkata", "2027-03-14T02:30", "2027-03-14T02:30+05:30"),
        ("Asia/Kolkata", "2027-10-31T02:30", "2027-10-31T02:30+05:30"),
    ],
)
def test_edge_of_a_clock_change(zone: str, local: str, expected: str) -> None:
    """Only the minutes of the change itself are asked about."""
    assert expected == outcome_of_instant(local, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("2027-11-07T01:30-04:00", datetime(2027, 11, 7, 5, 30, tzinfo=UTC)),
        ("2027-11-07T01:30-05:00", datetime(2027, 11, 7, 6, 30, tzinfo=UTC)),
        ("2027-11-07T05:30Z", datetime(2027, 11, 7, 5, 30, tzinfo=UTC)),
        ("2027-03-14T02:30-05:00", datetime(2027, 3, 14, 7, 30, tzinfo=UTC)),
    ],
)
def test_offset_settles_a_clock_change(spoken: str, expected: datetime) -> None:
    """An offset says which of the two is meant."""
    assert expected == parse_instant(spoken, NEW_YORK)


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        (30, 30),
        (30.0, 30),
        ("30", 30),
        (" 30 ", 30),
        ("30 minutes", 30),
        ("30 Minutes", 30),
        ("1 minute", "INVALID_ARGUMENTS"),
        ("45 mins", 45),
        ("45min", 45),
        ("45m", 45),
        (5, 5),
        ("480", 480),
        (4, "INVALID_ARGUMENTS"),
        (481, "INVALID_ARGUMENTS"),
        (0, "INVALID_ARGUMENTS"),
        (-30, "INVALID_ARGUMENTS"),
        ("-30", "INVALID_ARGUMENTS"),
        (30.5, "INVALID_ARGUMENTS"),
        ("30.5", "INVALID_ARGUMENTS"),
        (1800, "INVALID_ARGUMENTS"),
        ("1 hour", 60),
        ("half an hour", 30),
        ("30-60", "INVALID_ARGUMENTS"),
        ("0x1e", "INVALID_ARGUMENTS"),
        ("٣٠", 30),
        ("30\x00", "INVALID_ARGUMENTS"),
        ("", "INVALID_ARGUMENTS"),
        (True, "INVALID_ARGUMENTS"),
        (None, "INVALID_ARGUMENTS"),
        ([30], "INVALID_ARGUMENTS"),
        (math.inf, "INVALID_ARGUMENTS"),
        (math.nan, "INVALID_ARGUMENTS"),
    ],
    ids=repr,
)
def test_duration(spoken: object, expected: object) -> None:
    """A duration is whole minutes from 5 to 480, in numbers or in words."""
    assert expected == outcome(parse_duration, spoken)


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("Sam Wilson", "Sam Wilson"),
        ("  Sam   Wilson  ", "Sam Wilson"),
        ("Sam\tWilson\r\n", "Sam Wilson"),
        ("Sam\u00a0Wilson", "Sam Wilson"),
        ("José O'Brien-Łuć", "José O'Brien-Łuć"),
        ("李小龍", "李小龍"),
        ("", "INVALID_ARGUMENTS"),
        (" \n ", "INVALID_ARGUMENTS"),
        ("Sam\x00", "INVALID_ARGUMENTS"),
        ("Sam\ud800", "INVALID_ARGUMENTS"),
        ("Sam\x07", "INVALID_ARGUMENTS"),
        ("Sam\x1b[31m", "INVALID_ARGUMENTS"),
        ("Sam\u202e Wil\u200bson", "Sam Wilson"),
        ("\uffff", "INVALID_ARGUMENTS"),
        (5, "INVALID_ARGUMENTS"),
        (None, "INVALID_ARGUMENTS"),
        (True, "INVALID_ARGUMENTS"),
        (["Sam"], "INVALID_ARGUMENTS"),
    ],
    ids=repr,
)
def test_text(spoken: object, expected: str) -> None:
    """Text is one printable line."""
    assert expected == outcome(parse_text, spoken, "patientName")


@pytest.mark.parametrize(
    ("length", "expected"), [(254, "x" * 254), (255, "INVALID_ARGUMENTS")], ids=["254", "255"]
)
def test_longest_text(length: int, expected: str) -> None:
    """Text has at most 254 characters."""
    assert expected == outcome(parse_text, "x" * length, "patientName")


@pytest.mark.parametrize("field", ["patientName", "serviceType"])
def test_text_names_its_field(field: str) -> None:
    """A refused text says which argument it was."""
    with pytest.raises(InvalidRequest) as refusal:
        parse_text("", field)
    assert field == refusal.value.field


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        ("", True),
        (" \n", True),
        ("null", True),
        ("None", True),
        ("N/A", True),
        ("undefined", True),
        ("Unknown", True),
        (" anonymous ", True),
        ("{{ customer.number }}", True),
        ("{{customer.number}}", True),
        ("+{{customer.number}}", True),
        ("Sam", False),
        ("Nulla", False),
        ("{Sam}", False),
        ("0", False),
        (0, False),
        (False, False),
        ([], False),
        ({}, False),
    ],
    ids=repr,
)
def test_is_absent(value: object, expected: bool) -> None:
    """A placeholder or an unrendered template says nothing; a wrong value does."""
    assert expected == is_absent(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        ("", True),
        ("anonymous", True),
        ("Anonymous", True),
        ("unknown", True),
        ("private", True),
        (" Restricted ", True),
        ("blocked", True),
        ("unavailable", True),
        ("withheld", True),
        ("No Caller ID", True),
        ("sip:alice@example.com", True),
        ("SIPS:+15551234567@example.com", True),
        ("{{ customer.number }}", True),
        # ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN and UNAVAILABLE, on a keypad.
        ("+266696687", True),
        ("+7378742833", True),
        ("+2562533", True),
        ("+8656696", True),
        ("+86282452253", True),
        ("+862824522530", False),
        ("+15551234567", False),
        ("12", False),
        ("privateer", False),
        (5551234567, False),
        ([], False),
    ],
    ids=repr,
)
def test_is_hidden_number(value: object, expected: bool) -> None:
    """A withheld number and a SIP address are no number; a bad number is one."""
    assert expected == is_hidden_number(value)


PARSERS: dict[str, tuple[Callable[[object], object], type, str]] = {
    "phone": (lambda value: parse_phone(value, "US"), str, "INVALID_PHONE"),
    "email": (parse_email, str, "INVALID_EMAIL"),
    "date": (parse_date, date, "INVALID_DATE_TIME"),
    "time": (parse_time, time, "INVALID_DATE_TIME"),
    "instant": (lambda value: parse_instant(value, NEW_YORK), datetime, "INVALID_DATE_TIME"),
    "duration": (parse_duration, int, "INVALID_ARGUMENTS"),
    "text": (lambda value: parse_text(value, "patientName"), str, "INVALID_ARGUMENTS"),
}
every_parser = pytest.mark.parametrize("name", PARSERS)


@every_parser
@given(value=json_values | phone_like | email_like | clock_like | instant_like)
@quick
def test_any_value_is_read_or_refused(name: str, value: object) -> None:
    """Whatever JSON holds, a parser returns its own type or raises InvalidRequest."""
    parse, kind, _ = PARSERS[name]
    try:
        read = parse(value)
    except InvalidRequest:
        return
    assert kind is type(read)


@every_parser
@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(text, id=name)
        for name, text in {
            "spaces": " " * 2_000_000,
            "spaces at the end": "2" + " " * 2_000_000 + "x\x00",
            "digits": "1" * 2_000_000,
            "dots": "." * 2_000_000,
            "pluses": "+" * 2_000_000,
            "ats": "@" * 2_000_000,
            "dot words": "dot " * 500_000,
            "at words": "at " * 500_000,
            "digit words": "five " * 400_000,
            "letters": "a " * 1_000_000 + "@",
            "instant": "2027-03-01T14:00" + " " * 2_000_000 + "x\x00",
            "254 spaces": "1" + " " * 252 + "\x00",
            "254 dashes": "- " * 126 + "\x00",
            "254 letters": "a " * 126 + "@\x00",
            "254 digits": "1" * 253 + "\x00",
        }.items()
    ],
)
def test_hostile_length_is_refused(name: str, hostile: str) -> None:
    """Megabytes are refused, and what is short enough to look into has no costly spelling."""
    parse, _, code = PARSERS[name]
    assert code == outcome(parse, hostile)


@pytest.mark.parametrize("name", ["phone", "time", "duration"])
@pytest.mark.parametrize("sign", [1, -1])
def test_huge_integer_is_refused(name: str, sign: int) -> None:
    """An integer too long for Python to write out is refused like any other."""
    parse, _, code = PARSERS[name]
    assert code == outcome(parse, sign * 10**5000)


@given(spoken=phone_like, region=regions, elsewhere=regions)
@quick
def test_phone_is_idempotent(spoken: object, region: str, elsewhere: str) -> None:
    """A number that was read is read the same again, in any region."""
    phone = outcome(parse_phone, spoken, region)
    assert phone == "INVALID_PHONE" or phone == outcome(parse_phone, phone, elsewhere)


@given(spoken=phone_like | anything, region=regions)
@example(spoken="+4930123456789012", region="DE")
@quick
def test_phone_is_e164(spoken: object, region: str) -> None:
    """A number that was read is in E.164, at most fifteen digits."""
    phone = outcome(parse_phone, spoken, region)
    assert phone == "INVALID_PHONE" or re.fullmatch(r"\+[1-9][0-9]{1,14}", str(phone))


@given(spoken=email_like)
@quick
def test_email_is_idempotent(spoken: object) -> None:
    """An address that was read is read the same again."""
    email = outcome(parse_email, spoken)
    assert email == "INVALID_EMAIL" or email == outcome(parse_email, email)


@given(
    local=st.from_regex(r"[a-z]{2,8}([._+-][a-z]{2,8}){0,2}", fullmatch=True),
    domain=st.from_regex(r"[a-z]{2,8}(-[a-z]{2,8})?(\.[a-z]{3}){1,2}", fullmatch=True),
)
@quick
def test_email_is_read_as_it_is_spoken(local: str, domain: str) -> None:
    """Reading an address aloud, sign by sign, gives the address."""
    address = f"{local}@{domain}"
    signs = {"@": "at", ".": "dot", "_": "underscore", "+": "plus", "-": "dash"}
    spoken = re.sub(r"[@._+-]", lambda sign: f" {signs[sign[0]]} ", address)
    assert outcome(parse_email, address) == outcome(parse_email, spoken)


@given(day=st.dates(date(1970, 1, 1), date(2199, 12, 31)))
@quick
def test_date_is_idempotent(day: date) -> None:
    """A date is read back from its own text."""
    assert day == parse_date(str(day))


@given(spoken=clock_like)
@quick
def test_time_is_idempotent(spoken: object) -> None:
    """A time that was read is read back from its own text."""
    clock = outcome(parse_time, spoken)
    assert clock == "INVALID_DATE_TIME" or clock == parse_time(str(clock))


@given(spoken=instant_like, zone=zones, elsewhere=zones)
@quick
def test_instant_is_idempotent(spoken: str, zone: ZoneInfo, elsewhere: ZoneInfo) -> None:
    """An instant that was read is read back from its own text, in any zone."""
    instant = outcome(parse_instant, spoken, zone)
    assert not isinstance(instant, datetime) or instant == parse_instant(str(instant), elsewhere)


@given(minutes=st.integers(5, 480))
@quick
def test_duration_is_idempotent(minutes: int) -> None:
    """A duration is read back from its number and from its digits."""
    assert (minutes, minutes) == (parse_duration(minutes), parse_duration(str(minutes)))


@given(spoken=anything)
@quick
def test_text_is_idempotent(spoken: str) -> None:
    """A text that was read is read the same again."""
    text = outcome(parse_text, spoken, "patientName")
    assert text == "INVALID_ARGUMENTS" or text == parse_text(text, "patientName")


@pytest.mark.parametrize("name", ["phone", "email", "text"])
@given(spoken=phone_like | email_like | anything)
@quick
def test_what_is_read_can_be_stored(name: str, spoken: object) -> None:
    """No NUL and no lone surrogate gets through: PostgreSQL takes what is read."""
    read = outcome(PARSERS[name][0], spoken)
    assert b"\x00" not in str(read).encode()


@given(local=st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31)), zone=zones)
@example(local=datetime(2027, 11, 7, 1, 30), zone=NEW_YORK)
@example(local=datetime(2027, 3, 14, 2, 30), zone=NEW_YORK)
@quick
def test_wall_clock_is_what_the_zone_shows(local: datetime, zone: ZoneInfo) -> None:
    """The instant of a wall clock shows that clock; a refused one has two readings in order."""
    local = local.replace(second=0, microsecond=0)
    try:
        instant = at_wall_clock(local.date(), local.time(), zone)
    except InvalidRequest as refusal:
        earlier, later = refusal.readings
        assert timedelta(0) < later.astimezone(UTC) - earlier.astimezone(UTC) <= timedelta(days=1)
    else:
        assert local == instant.astimezone(UTC).astimezone(zone).replace(tzinfo=None)

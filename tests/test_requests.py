from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_asgi.tools.arguments import ARGUMENTS, MEANINGS, _folded
from booking_asgi.tools.booking_reading import read_booking
from booking_core import BookingRequest, Email, InvalidRequest, Organization
from tests.support.factories import NEW_YORK, SOON, a_request, arguments

CLINIC = Organization(
    id=UUID("11111111-1111-4111-8111-111111111111"), timezone="America/New_York", phone_region="US"
)
SAM = "+15551234567"
ANA = "+15559876543"
DAY = date(2027, 3, 1)
TWO_O_CLOCK = datetime(2027, 3, 1, 14, 0, tzinfo=NEW_YORK)
SAYS_NOTHING = (None, "N/A", "{{ patient }}")

# No deadline: the first internationalized address loads tables for longer than an example takes.
quick = settings(max_examples=50, deadline=None)

NAMES = [name for argument in ARGUMENTS.values() for name in argument.names]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)
likely_values = st.sampled_from(
    [
        "Sam Wilson",
        "+15551234567",
        "sam@test.com",
        "2027-03-01",
        "2027-03-14",
        "2027-11-07",
        "14:00",
        "2:30 AM",
        "2027-03-01T14:00",
        "2027-11-07T01:30-05:00",
        "Botox",
        45,
        "unknown",
    ]
)


def said(**given: object) -> dict[str, object]:
    """The arguments that a model sends, on a fixed day; an argument that is None is left out."""
    return arguments(**{"appointmentDate": str(DAY), **given})


def parse(
    given: Mapping[str, object], clinic: Organization = CLINIC, caller_number: object = None
) -> BookingRequest:
    return read_booking(given, clinic, caller_number=caller_number)


def refusal(
    given: Mapping[str, object], clinic: Organization = CLINIC, caller_number: object = None
) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        parse(given, clinic, caller_number)
    return refused.value


def a_clinic_in(timezone: str, phone_region: str = "US") -> Organization:
    return dataclasses.replace(CLINIC, timezone=timezone, phone_region=phone_region)


def in_new_york(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2027, month, day, hour, minute, tzinfo=NEW_YORK)


# One row for each name in the wild: what is given under it, and the request's field that says so.
IN_THE_WILD: list[tuple[str, object, str, object]] = [
    ("patientName", "Ana Luz", "name", "Ana Luz"),
    ("customerName", "Ana Luz", "name", "Ana Luz"),
    ("name", "Ana Luz", "name", "Ana Luz"),
    ("clientName", "Ana Luz", "name", "Ana Luz"),
    ("firstName", "Ana", "name", "Ana"),
    ("lastName", "Luz", "name", "Luz"),
    ("patientPhone", "555-987-6543", "phone", ANA),
    ("customerPhone", "555-987-6543", "phone", ANA),
    ("phone", "555-987-6543", "phone", ANA),
    ("phoneNumber", "555-987-6543", "phone", ANA),
    ("callerNumber", "555-987-6543", "phone", ANA),
    ("patientEmail", "ana at test dot com", "email", "ana@test.com"),
    ("customerEmail", "ana at test dot com", "email", "ana@test.com"),
    ("email", "ana at test dot com", "email", "ana@test.com"),
    ("appointmentDate", "2027-05-04", "scheduled_at", in_new_york(5, 4, 14)),
    ("date", "2027-05-04", "scheduled_at", in_new_york(5, 4, 14)),
    ("preferredDate", "2027-05-04", "scheduled_at", in_new_york(5, 4, 14)),
    ("appointmentTime", "4 PM", "scheduled_at", in_new_york(3, 1, 16)),
    ("time", "4 PM", "scheduled_at", in_new_york(3, 1, 16)),
    ("preferredTime", "4 PM", "scheduled_at", in_new_york(3, 1, 16)),
    ("scheduledAt", "2027-05-04T16:00", "scheduled_at", in_new_york(5, 4, 16)),
    ("startTime", "2027-05-04T16:00", "scheduled_at", in_new_york(5, 4, 16)),
    ("start", "2027-05-04T16:00", "scheduled_at", in_new_york(5, 4, 16)),
    ("requestedTime", "2027-05-04T16:00", "scheduled_at", in_new_york(5, 4, 16)),
    ("serviceType", "Lip Fillers", "service_type", "Lip Fillers"),
    ("service", "Lip Fillers", "service_type", "Lip Fillers"),
    ("reason", "Lip Fillers", "service_type", "Lip Fillers"),
    ("appointmentType", "Lip Fillers", "service_type", "Lip Fillers"),
    ("duration", 45, "duration_minutes", 45),
    ("durationMinutes", 45, "duration_minutes", 45),
    ("resource", "Dr. Chen", "resource", "Dr. Chen"),
    ("provider", "Dr. Chen", "resource", "Dr. Chen"),
    ("doctor", "Dr. Chen", "resource", "Dr. Chen"),
]


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


SPELLINGS: list[Callable[[str], str]] = [
    snake,
    lambda name: snake(name).replace("_", "-"),
    lambda name: snake(name).replace("_", " "),
    lambda name: name[0].upper() + name[1:],
    lambda name: snake(name).upper(),
]
# What is left out, so that nothing else can say the same.
OURS = {
    "name": {"patientName"},
    "phone": {"patientPhone"},
    "email": {"patientEmail"},
    "date": {"appointmentDate"},
    "time": {"appointmentTime"},
    "instant": {"appointmentDate", "appointmentTime"},
    "service": {"serviceType"},
}
WHOSE = {"first_name": "name", "last_name": "name", "caller": "phone"}


def without(meaning: str) -> dict[str, object]:
    left_out = OURS.get(WHOSE.get(meaning, meaning), set())
    return {name: value for name, value in said().items() if name not in left_out}


def meaning_of(name: str) -> str:
    return MEANINGS[_folded(name)][0]


@pytest.mark.parametrize(("name", "value", "field", "expected"), IN_THE_WILD)
def test_each_name_is_read(name: str, value: object, field: str, expected: object) -> None:
    """An argument is read under each of its names."""
    request = parse({**without(meaning_of(name)), name: value})
    assert expected == getattr(request, field)


@pytest.mark.parametrize(("name", "value", "field", "expected"), IN_THE_WILD)
@pytest.mark.parametrize("spell", SPELLINGS, ids=["snake", "kebab", "spaced", "Pascal", "UPPER"])
def test_each_spelling_is_read(
    spell: Callable[[str], str], name: str, value: object, field: str, expected: object
) -> None:
    """A name is the same in snake case, with spaces, and so on."""
    request = parse({**without(meaning_of(name)), spell(name): value})
    assert expected == getattr(request, field)


def test_each_meaning_is_tested() -> None:
    """Each is tested, except the zone, which has its own test, and those of other tools."""
    others = {"zone", "until", "part", "new_date", "new_time", "new_instant"}
    assert {meaning_of(name) for name, *_ in IN_THE_WILD} == set(ARGUMENTS) - others


@pytest.mark.parametrize(
    ("meaning", "first", "second", "field"),
    [
        ("name", "Ana Luz", "Sam", "name"),
        ("phone", ANA, SAM, "phone"),
        ("email", "ana@test.com", "sam@test.com", "email"),
        ("date", "2027-05-04", "2027-05-05", "scheduled_at"),
        ("time", "16:00", "17:00", "scheduled_at"),
        ("instant", "2027-05-04T16:00", "2027-05-05T16:00", "scheduled_at"),
        ("service", "Lip Fillers", "Botox", "service_type"),
        ("duration", 45, 60, "duration_minutes"),
        ("resource", "Dr. Chen", "Dr. Wu", "resource"),
    ],
)
def test_first_name_wins(meaning: str, first: object, second: object, field: str) -> None:
    """If an argument is given under two names, the name that comes first in the table is read."""
    names = ARGUMENTS[meaning].names
    alone = parse({**without(meaning), names[0]: first})
    both = parse({names[1]: second, **without(meaning), names[0]: first})
    assert getattr(alone, field) == getattr(both, field)


@pytest.mark.parametrize("nothing", SAYS_NOTHING, ids=repr)
@pytest.mark.parametrize(("name", "value", "field", "expected"), IN_THE_WILD)
def test_absent_name_gives_way(
    name: str, value: object, field: str, expected: object, nothing: object
) -> None:
    """A name that says nothing, or is left unrendered, leaves the word to the next one."""
    meaning = meaning_of(name)
    silent = {
        other: nothing for other in ARGUMENTS[meaning].names if _folded(other) != _folded(name)
    }
    assert expected == getattr(parse({**without(meaning), **silent, name: value}), field)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"firstName": "Ana", "lastName": "Luz"}, "Ana Luz"),
        ({"lastName": "Luz", "firstName": "Ana"}, "Ana Luz"),
        ({"firstName": " Ana  María ", "lastName": "Luz\n"}, "Ana María Luz"),
        ({"firstName": "Ana", "lastName": "unknown"}, "Ana"),
        ({"firstName": "Ana", "lastName": "Luz", "name": "Sam Wilson"}, "Sam Wilson"),
        ({"firstName": "Ana", "lastName": "Luz", "name": "{{ name }}"}, "Ana Luz"),
        ({"firstName": "", "lastName": "N/A"}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_name_in_parts(parts: dict[str, object], expected: str | None) -> None:
    """First and last name make a name, where no whole one is given."""
    assert expected == parse(said(patientName=None, **parts)).name


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("service_type", "Appointment"),
        ("name", None),
        ("email", None),
        ("resource", None),
        ("idempotency_key", None),
        ("misheard", ()),
        ("phone", SAM),
        ("scheduled_at", TWO_O_CLOCK),
    ],
)
def test_defaults(field: str, expected: object) -> None:
    """A phone, a day and a time are enough."""
    least = {"phone": SAM, "date": str(DAY), "time": "14:00"}
    assert expected == getattr(parse(least), field)


@pytest.mark.parametrize(
    ("given", "field", "expected"),
    [
        ({"patientPhone": 5559876543}, "phone", ANA),
        ({"patientPhone": 15559876543.0}, "phone", ANA),
        ({"patientPhone": "5559876543"}, "phone", ANA),
        ({"appointmentTime": 16}, "scheduled_at", in_new_york(3, 1, 16)),
        ({"appointmentTime": "1630"}, "scheduled_at", in_new_york(3, 1, 16, 30)),
        ({"duration": 45}, "duration_minutes", 45),
        ({"duration": 45.0}, "duration_minutes", 45),
        ({"duration": "45"}, "duration_minutes", 45),
    ],
    ids=repr,
)
def test_numbers_and_digits(given: dict[str, object], field: str, expected: object) -> None:
    """A number may come as a JSON number or as its digits."""
    assert expected == getattr(parse(said(**given)), field)


Person = tuple[str | None, str | None, tuple[str, ...]]


@pytest.mark.parametrize(
    ("phone", "email", "caller", "expected"),
    [
        # What is given and understood.
        (SAM, "sam@test.com", None, (SAM, "sam@test.com", ())),
        (SAM, None, None, (SAM, None, ())),
        (None, "sam@test.com", None, (None, "sam@test.com", ())),
        (SAM, None, ANA, (SAM, None, ())),
        # The caller's own number stands in for a phone that is not given,
        (None, None, ANA, (ANA, None, ())),
        (None, None, "(555) 987-6543", (ANA, None, ())),
        (None, None, 5559876543, (ANA, None, ())),
        (None, "sam@test.com", ANA, (ANA, "sam@test.com", ())),
        # or that is withheld,
        ("anonymous", None, ANA, (ANA, None, ())),
        ("private", None, ANA, (ANA, None, ())),
        ("{{ customer.number }}", None, ANA, (ANA, None, ())),
        ("sip:sam@example.com", None, ANA, (ANA, None, ())),
        # or that is not understood.
        ("555-1234", None, ANA, (ANA, None, ("phone",))),
        (["555"], None, ANA, (ANA, None, ("phone",))),
        ("555-1234", "sam@test.com", ANA, (ANA, "sam@test.com", ("phone",))),
        ("555-1234", "sam wilson", ANA, (ANA, None, ("phone", "email"))),
        # It is left aside where it is no number.
        (None, "sam@test.com", "anonymous", (None, "sam@test.com", ())),
        (None, "sam@test.com", "sip:sam@example.com", (None, "sam@test.com", ())),
        (None, "sam@test.com", "+86282452253", (None, "sam@test.com", ())),
        (None, "sam@test.com", "12", (None, "sam@test.com", ())),
        (None, "sam@test.com", {"number": ANA}, (None, "sam@test.com", ())),
        # One that is understood is enough.
        (SAM, "sam wilson at test dot com", None, (SAM, None, ("email",))),
        (SAM, 5, None, (SAM, None, ("email",))),
        (SAM, "unknown", None, (SAM, None, ())),
        ("555-1234", "sam@test.com", None, (None, "sam@test.com", ("phone",))),
        ("555-1234", "sam@test.com", "anonymous", (None, "sam@test.com", ("phone",))),
        ("anonymous", "sam@test.com", None, (None, "sam@test.com", ())),
        (None, "sam wilson at test dot com", ANA, (ANA, None, ("email",))),
    ],
    ids=repr,
)
def test_person(phone: object, email: object, caller: object, expected: Person) -> None:
    """Anything that identifies the person books, and what was not understood is said."""
    request = parse(said(patientPhone=phone, patientEmail=email), caller_number=caller)
    assert expected == (request.phone, request.email, request.misheard)


@pytest.mark.parametrize(
    ("phone", "email", "caller", "expected"),
    [
        (None, None, None, "MISSING_CONTACT_INFO"),
        ("", " ", "", "MISSING_CONTACT_INFO"),
        ("anonymous", "none", "anonymous", "MISSING_CONTACT_INFO"),
        ("{{ customer.number }}", "{{ email }}", "{{ n }}", "MISSING_CONTACT_INFO"),
        (None, None, "sip:sam@example.com", "MISSING_CONTACT_INFO"),
        (None, None, "+266696687", "MISSING_CONTACT_INFO"),
        (None, None, "+86282452253", "MISSING_CONTACT_INFO"),
        (None, None, "12", "MISSING_CONTACT_INFO"),
        ("555-1234", None, None, "INVALID_PHONE"),
        ("555-1234", None, "anonymous", "INVALID_PHONE"),
        ("555-1234", "sam wilson", None, "INVALID_PHONE"),
        (None, "sam wilson", None, "INVALID_EMAIL"),
        ("anonymous", "sam wilson", "12", "INVALID_EMAIL"),
    ],
    ids=repr,
)
def test_nobody(phone: object, email: object, caller: object, expected: str) -> None:
    """If nothing identifies the person, the first argument that was given and is wrong is asked
    for."""
    given = said(patientPhone=phone, patientEmail=email)
    assert expected == refusal(given, caller_number=caller).code


@pytest.mark.parametrize(
    ("region", "given", "expected"),
    [
        ("US", "555-123-4567", SAM),
        ("GB", "020 7946 0958", "+442079460958"),
        ("AU", "0412 345 678", "+61412345678"),
        ("DE", "030 123456", "+4930123456"),
    ],
)
def test_local_number_is_the_clinics(region: str, given: str, expected: str) -> None:
    """A local number is read in the organization's region, given or the caller's own."""
    clinic = a_clinic_in("UTC", region)
    by_hand = parse(said(patientPhone=given), clinic)
    by_line = parse(said(patientPhone=None), clinic, caller_number=given)
    assert (expected, expected) == (by_hand.phone, by_line.phone)


@pytest.mark.parametrize(
    ("timezone", "expected"),
    [
        ("America/New_York", datetime(2027, 3, 1, 19, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2027, 3, 1, 13, 0, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2027, 3, 1, 8, 30, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2027, 3, 1, 1, 0, tzinfo=UTC)),
    ],
)
def test_wall_clock_is_the_clinics(timezone: str, expected: datetime) -> None:
    """A date and a time, apart or together, are what the organization's clocks show."""
    clinic = a_clinic_in(timezone)
    together = said(scheduledAt=f"{DAY}T14:00", appointmentDate=None, appointmentTime=None)
    assert (expected, expected) == (
        parse(said(), clinic).scheduled_at,
        parse(together, clinic).scheduled_at,
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"scheduledAt": "2027-03-01T14:00"}, TWO_O_CLOCK),
        ({"scheduledAt": "2027-03-01T14:00-05:00"}, TWO_O_CLOCK),
        ({"scheduledAt": "2027-03-01T19:00Z"}, TWO_O_CLOCK),
        ({"scheduledAt": "2027-03-02T00:30+05:30"}, TWO_O_CLOCK),
        ({"scheduledAt": "2027-03-01T19:00Z", "appointmentTime": "2 PM"}, TWO_O_CLOCK),
        ({"scheduledAt": "2027-03-01T14:00", "appointmentTime": None}, TWO_O_CLOCK),
        ({"scheduledAt": "2027-03-01T14:00", "appointmentDate": "unknown"}, TWO_O_CLOCK),
        (
            {
                "scheduledAt": "2027-11-07T01:30-05:00",
                "appointmentDate": "2027-11-07",
                "appointmentTime": "1:30 AM",
            },
            datetime(2027, 11, 7, 6, 30, tzinfo=UTC),
        ),
    ],
    ids=repr,
)
def test_instant_and_parts_agree(given: dict[str, object], expected: datetime) -> None:
    """An instant may stand beside the same date and time, on the organization's clock."""
    assert expected == parse(said(**given)).scheduled_at


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"appointmentDate": None}, "INVALID_DATE_TIME"),
        ({"appointmentTime": None}, "INVALID_DATE_TIME"),
        ({"appointmentDate": "{{ date }}"}, "INVALID_DATE_TIME"),
        ({"appointmentTime": "{{ time }}"}, "INVALID_DATE_TIME"),
        ({"appointmentDate": "tomorrow"}, "INVALID_DATE_TIME"),
        ({"appointmentTime": "3"}, "INVALID_DATE_TIME"),
        ({"scheduledAt": "2027-03-02"}, "INVALID_DATE_TIME"),
        ({"scheduledAt": "2027-03-01T15:00"}, "INVALID_DATE_TIME"),
        ({"scheduledAt": "2027-03-02T14:00"}, "INVALID_DATE_TIME"),
        ({"scheduledAt": "2027-03-01T14:00Z"}, "INVALID_DATE_TIME"),
        ({"scheduledAt": "2027-03-01T14:00", "appointmentTime": "3"}, "INVALID_DATE_TIME"),
        ({"scheduledAt": "2027-03-01T14:00", "appointmentDate": "Monday"}, "INVALID_DATE_TIME"),
        ({"appointmentDate": "2027-03-14", "appointmentTime": "02:30"}, "NONEXISTENT_TIME"),
        ({"appointmentDate": "2027-11-07", "appointmentTime": "1:30 AM"}, "AMBIGUOUS_TIME"),
        ({"duration": 4}, "INVALID_ARGUMENTS"),
        ({"duration": 481}, "INVALID_ARGUMENTS"),
        ({"duration": "a while"}, "INVALID_ARGUMENTS"),
        ({"duration": 0}, "INVALID_ARGUMENTS"),
        ({"patientName": 5}, "INVALID_ARGUMENTS"),
        ({"patientName": "Sam\x00"}, "INVALID_ARGUMENTS"),
        ({"serviceType": ["Botox"]}, "INVALID_ARGUMENTS"),
        ({"serviceType": "x" * 255}, "INVALID_ARGUMENTS"),
        ({"resource": "Dr.\ud800"}, "INVALID_ARGUMENTS"),
        ({"resource": {"name": "Dr. Chen"}}, "INVALID_ARGUMENTS"),
        (
            {"patientName": None, "firstName": "x" * 127, "lastName": "x" * 127},
            "INVALID_ARGUMENTS",
        ),
    ],
    ids=repr,
)
def test_refused(given: dict[str, object], expected: str) -> None:
    """An argument that is missing, wrong or at odds is asked for, and nothing is made up in its
    place."""
    assert expected == refusal(said(**given)).code


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"date": None}, "appointmentDate"),
        ({"time": None}, "appointmentTime"),
        ({"startTime": "soon"}, "scheduledAt"),
        ({"phone": None}, "phone"),
        ({"doctor": 5}, "resource"),
        ({"reason": 5}, "serviceType"),
        ({"clientName": 5}, "patientName"),
        ({"durationMinutes": 5000}, "duration"),
    ],
    ids=repr,
)
def test_refusal_names_the_argument(given: dict[str, object], expected: str) -> None:
    """A refusal names the argument, by our own name for it."""
    least = {"phone": SAM, "date": str(DAY), "time": "14:00"}
    assert expected == refusal({**least, **given}).field


@pytest.mark.parametrize(
    ("day", "clock"), [("2027-03-14", "02:30"), ("2027-11-07", "01:30")], ids=["lost", "doubled"]
)
def test_each_reading_books(day: str, clock: str) -> None:
    """After a change of the clocks either reading can be sent back as the instant, and is it."""
    readings = refusal(said(appointmentDate=day, appointmentTime=clock)).readings
    sent = [{"phone": SAM, "scheduledAt": reading.isoformat()} for reading in readings]
    # In UTC, for an hour that comes twice equals none of another zone (PEP 495).
    expected = [reading.astimezone(UTC) for reading in readings]
    assert expected == [parse(given).scheduled_at.astimezone(UTC) for given in sent]


def test_tenant_is_not_an_argument() -> None:
    """No argument chooses the organization."""
    other = "22222222-2222-4222-8222-222222222222"
    assert CLINIC.id == parse(said(orgId=other, org_id=other)).org_id


def test_other_arguments_are_ignored() -> None:
    """What has no meaning here is no fault: notes, or what a newer assistant sends."""
    assert parse(said()) == parse(said(notes="Nervous.\x00", insurance={"id": 5}))


def test_past_is_not_refused() -> None:
    """The library takes the past: imports are legitimate."""
    assert datetime(2001, 3, 1, 14, 0, tzinfo=NEW_YORK) == (
        parse(said(appointmentDate="2001-03-01")).scheduled_at
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a-key", "a-key"),
        ("x" * 254, "x" * 254),
        (None, None),
    ],
    ids=["short", "longest", "none"],
)
def test_idempotency_key_is_kept(key: str | None, expected: str | None) -> None:
    """A key is kept as it is."""
    request = read_booking(said(), CLINIC, idempotency_key=key)
    assert expected == request.idempotency_key


@pytest.mark.parametrize("key", ["", " ", "x" * 255, "a\x00key", "a\ud800key"], ids=repr)
def test_bad_idempotency_key(key: str) -> None:
    """A key that could not be stored, or tells nothing apart, is refused."""
    with pytest.raises(InvalidRequest, match="INVALID_ARGUMENTS: idempotency_key"):
        read_booking(said(), CLINIC, idempotency_key=key)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"phone": None, "email": None}, "MISSING_CONTACT_INFO"),
        ({"scheduled_at": SOON.replace(tzinfo=None)}, "INVALID_DATE_TIME"),
        ({"duration_minutes": 4}, "INVALID_ARGUMENTS"),
        ({"duration_minutes": 481}, "INVALID_ARGUMENTS"),
        ({"idempotency_key": ""}, "INVALID_ARGUMENTS"),
    ],
    ids=repr,
)
def test_made_by_hand(fields: dict[str, object], expected: str) -> None:
    """A request made without parsing keeps the same promises."""
    with pytest.raises(InvalidRequest) as refused:
        a_request(CLINIC, **fields)
    assert expected == refused.value.code


@pytest.mark.parametrize("fields", [{"duration_minutes": 5}, {"duration_minutes": 480}], ids=repr)
def test_durations_at_the_bounds(fields: dict[str, int]) -> None:
    """Five minutes and eight hours can be booked."""
    assert fields["duration_minutes"] == a_request(CLINIC, **fields).duration_minutes


def test_email_alone_is_enough() -> None:
    """A request made without parsing needs one of phone and email."""
    email = Email("sam@test.com")
    assert email == a_request(CLINIC, phone=None, email=email).email


FIELDS = dataclasses.fields(BookingRequest)


@pytest.mark.parametrize("field", [field.name for field in FIELDS])
def test_frozen(field: str) -> None:
    """A request that was parsed can't be changed."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(a_request(CLINIC), field, None)


def test_keyword_only() -> None:
    """Every field is given by name."""
    assert [True] * len(FIELDS) == [field.kw_only for field in FIELDS]


def test_equal_requests() -> None:
    """Two spellings of one request are one request."""
    spelled = said(
        patientPhone="(555) 123-4567",
        patientEmail="sam at test dot com",
        patientName=" Sam  Wilson ",
        appointmentTime="2 p.m.",
        duration="30 minutes",
    )
    assert parse(said()) == parse(spelled)


@given(
    arguments=st.dictionaries(st.sampled_from(NAMES), json_values | likely_values),
    caller_number=json_values | likely_values,
    clinic=st.sampled_from(
        [CLINIC, a_clinic_in("Australia/Sydney", "AU"), a_clinic_in("Europe/Berlin", "DE")]
    ),
)
@quick
def test_any_arguments_are_read_or_refused(
    arguments: dict[str, object], caller_number: object, clinic: Organization
) -> None:
    """Whatever JSON the arguments hold, there is a request or a refusal."""
    try:
        request = parse(arguments, clinic, caller_number)
    except InvalidRequest:
        return
    assert isinstance(request, BookingRequest)


@given(
    arguments=st.fixed_dictionaries(
        {"phone": st.just(SAM), "date": st.just(str(DAY)), "time": st.just("14:00")},
        optional={
            "email": json_values | likely_values,
            "patientPhone": json_values | likely_values,
            "patientName": json_values | likely_values,
            "firstName": likely_values,
            "lastName": likely_values,
            "service": json_values | likely_values,
            "doctor": json_values | likely_values,
            "duration": json_values | st.integers(0, 500),
        },
    )
)
@quick
def test_what_is_read_can_be_stored(arguments: dict[str, object]) -> None:
    """A request holds nothing that PostgreSQL or a constraint of ours would refuse."""
    try:
        request = parse(arguments)
    except InvalidRequest:
        return
    texts = [request.phone, request.email, request.name, request.service_type, request.resource]
    stored = [text.encode() for text in texts if text is not None]
    assert all(text and b"\x00" not in text for text in stored)
    assert 5 <= request.duration_minutes <= 480


# Passes for no argument at all but a text, and is nobody's word for anything.
CANARY = "zq7canary"
carriers = st.sampled_from(
    [
        CANARY,
        f"{CANARY}\x00",
        f"{CANARY} {CANARY}@test.com",
        f"{CANARY}@{CANARY}",
        f"555 123 {CANARY}",
        f"2027-03-01T{CANARY}",
        f"2027-03-01 {CANARY}",
        f"14:00 {CANARY}",
        f"45 {CANARY}",
        CANARY * 40,
        [CANARY],
        {CANARY: CANARY},
    ]
)


@given(
    arguments=st.dictionaries(st.sampled_from(NAMES), carriers | likely_values),
    caller_number=carriers,
)
@quick
def test_refusal_repeats_nothing(arguments: dict[str, object], caller_number: object) -> None:
    """A refusal can be logged and spoken: no word of what was given is in it, nor behind it."""
    try:
        parse(arguments, caller_number=caller_number)
    except InvalidRequest as refused:
        assert CANARY not in f"{refused.code} {refused.field} {refused.problem} {refused!r}"
        assert refused.__cause__ is refused.__context__ is None


@pytest.mark.parametrize("where", ["phone", "email", "date", "time", "scheduledAt", "duration"])
def test_each_refusal_repeats_nothing(where: str) -> None:
    """The same, for each argument on its own that can't be just any text."""
    least: dict[str, object] = {"date": str(DAY), "time": "14:00", "duration": 30}
    least |= {} if where == "email" else {"phone": SAM}
    assert CANARY not in str(refusal({**least, where: CANARY}))

"""Any order of bookings, moves, cancels and repeats: the rows are those of the rules in Python.

BOOKING_FUZZ=1000 runs that many examples, other ones each time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from booking_core import (
    Booked,
    BookingRequest,
    Caller,
    Cancelled,
    Choice,
    Connection,
    ContactMatch,
    Email,
    InvalidRequest,
    Moved,
    NotFound,
    Phone,
    SeveralFound,
    SlotTaken,
    Staff,
    book,
    cancel,
    find_appointments,
    move,
)
from tests.conftest import connected
from tests.support.changes import START
from tests.support.factories import a_clinic
from tests.test_fuzz import examples

Rows = dict[UUID, tuple[object, ...]]


@dataclass
class Contact:
    org_id: UUID
    phone: str | None
    email: str | None
    name: str | None
    lead_status: str | None
    contacted: int

    def is_nameless(self) -> bool:
        return self.name in (None, "Unknown", (self.email or "").partition("@")[0])


@dataclass
class Appointment:
    contact_id: UUID
    request: BookingRequest
    resource: str
    attendee: str | None
    given: bool
    number: int
    by_email: bool
    status: str = "confirmed"

    def overlaps(self, request: BookingRequest) -> bool:
        ours, theirs = self.request, request
        return ours.scheduled_at < theirs.scheduled_at + timedelta(
            minutes=theirs.duration_minutes
        ) and theirs.scheduled_at < ours.scheduled_at + timedelta(minutes=ours.duration_minutes)


@dataclass
class Model:
    """What is stored by the rules; ids are those that the database gave."""

    resources: dict[UUID, list[str]]
    contacts: dict[UUID, Contact] = field(default_factory=dict)
    appointments: dict[UUID, Appointment] = field(default_factory=dict)
    clock: Iterator[int] = field(default_factory=itertools.count)
    events: Counter[str] = field(default_factory=Counter)
    cancelled: list[tuple[UUID, str, datetime]] = field(default_factory=list)
    """What calls cancelled: the organization, the call, and the start."""

    def find_contact(self, request: BookingRequest) -> tuple[UUID | None, ContactMatch]:
        theirs = [(id, c) for id, c in self.contacts.items() if c.org_id == request.org_id]
        if request.phone is not None:
            return next((id for id, c in theirs if c.phone == request.phone), None), "phone"
        assert request.email is not None
        email = request.email.lower()
        found = [(id, c) for id, c in theirs if (c.email or "").lower() == email]
        if not found:
            return None, "email_created"

        def rank(one: tuple[UUID, Contact]) -> tuple[bool, bool, int]:
            is_named = bool(request.name and one[1].name) and fold(request.name) == fold(
                one[1].name
            )
            return is_named, one[1].phone is None, one[1].contacted

        return max(found, key=rank)[0], "email_found" if len(found) == 1 else "email_ambiguous"

    def keep_contact(self, id: UUID, request: BookingRequest, may_replace: bool) -> Contact:
        local_part = request.email.partition("@")[0] if request.email else None
        new = request.phone, request.email, request.name or local_part or "Unknown"
        if id not in self.contacts:
            self.contacts[id] = Contact(request.org_id, *new, "contacted", 0)
        contact = self.contacts[id]
        contact.contacted = next(self.clock)
        if contact.lead_status in (None, "new"):
            contact.lead_status = "contacted"
        if request.phone is not None and may_replace:
            contact.email = request.email or contact.email
            contact.name = request.name or contact.name
            return contact
        is_nameless = contact.is_nameless()
        if request.phone is not None:
            contact.email = contact.email or request.email
        if is_nameless:
            contact.name = request.name or contact.name
        return contact

    def active(self, org_id: UUID) -> dict[UUID, Appointment]:
        return {
            id: one
            for id, one in self.appointments.items()
            if one.status == "confirmed" and one.request.org_id == org_id
        }

    def of_call(self, request: BookingRequest) -> dict[UUID, Appointment]:
        """The appointments that the call holds at that start."""
        return {
            id: one
            for id, one in self.active(request.org_id).items()
            if request.call_id is not None
            and request.call_id == one.request.call_id
            and request.scheduled_at == one.request.scheduled_at
        }

    def find_standing(
        self, request: BookingRequest, known: UUID | None
    ) -> tuple[UUID | None, str | None]:
        active = self.active(request.org_id)
        if request.idempotency_key is not None:
            for id, one in active.items():
                if one.request.idempotency_key == request.idempotency_key:
                    return id, "key" if self.is_same(request, one, known) else "reused"
        same = [
            (fold(one.attendee) == fold(request.name), one.number, id)
            for id, one in self.of_call(request).items()
            if (request.name is None or not one.given or is_one_name(request.name, one.attendee))
            and (
                request.phone is None
                or self.contacts[one.contact_id].phone in (None, request.phone)
            )
        ]
        if same:
            return max(same)[2], "call"
        if known is None or (
            request.name is None and not request.by_own_number and not self.free(request)
        ):
            return None, None
        own = self.contacts[known].name if request.by_own_number else None
        for id, one in active.items():
            if (known, request.scheduled_at, fold(request.name or own)) == (
                one.contact_id,
                one.request.scheduled_at,
                fold(one.attendee),
            ):
                return id, "contact"
        return None, None

    def is_same(self, request: BookingRequest, one: Appointment, known: UUID | None) -> bool:
        if request.call_id is not None and request.call_id == one.request.call_id:
            return True
        contact = self.contacts[one.contact_id]
        by_email = request.phone is None and request.email is not None
        return request.scheduled_at == one.request.scheduled_at and (
            one.contact_id == known
            or (by_email and (contact.email or "").lower() == (request.email or "").lower())
        )

    def mend(self, id: UUID, request: BookingRequest, contact_id: UUID) -> UUID:
        """What the call says with more of the person; the appointment that answers."""
        one = self.appointments[id]
        attendee = one.attendee
        if request.name is not None and (
            not one.given or len(request.name) > len(one.attendee or "")
        ):
            attendee = request.name
        if request.phone is None and self.contacts[one.contact_id].phone is not None:
            contact_id = one.contact_id
        for other, it in self.active(request.org_id).items():
            if other != id and (contact_id, request.scheduled_at, fold(attendee)) == (
                it.contact_id,
                it.request.scheduled_at,
                fold(it.attendee),
            ):
                return other
        is_fuller = request.name is not None and (
            not one.given or len(request.name) > len(one.attendee or "")
        )
        if is_fuller or contact_id != one.contact_id:
            self.events["mended"] += 1
        if contact_id != one.contact_id and request.phone is not None:
            one.by_email = False
        one.attendee, one.contact_id = attendee, contact_id
        one.given = one.given or request.name is not None
        return id

    def is_of(self, actor: Caller | Staff, choice: Choice, id: UUID) -> bool:
        """Whether the actor may change the appointment, or might have before it was cancelled."""
        one = self.appointments[id]
        if isinstance(actor, Staff):
            return id == choice.appointment_id
        if actor.call_id == one.request.call_id:
            return True
        is_own = actor.phone is not None and actor.phone == self.contacts[one.contact_id].phone
        is_named = actor.name is not None and words(actor.name)[-1] in words(one.attendee)
        return is_own and not one.by_email and (not one.given or is_named)

    def meant(
        self, org_id: UUID, actor: Caller | Staff, choice: Choice, status: str = "confirmed"
    ) -> list[UUID]:
        """Those that the actor may change and that start when the choice says, soonest first."""
        found = [
            (one.request.scheduled_at, id)
            for id, one in self.appointments.items()
            if (one.request.org_id, one.status) == (org_id, status)
            and self.is_of(actor, choice, id)
            and is_within(choice, one.request.scheduled_at)
        ]
        return [id for _, id in sorted(found)]

    def starts(self, ids: list[UUID]) -> tuple[datetime, ...]:
        return tuple(self.appointments[id].request.scheduled_at for id in ids)

    def free(self, request: BookingRequest) -> set[str]:
        taken = {a.resource for a in self.active(request.org_id).values() if a.overlaps(request)}
        wanted = [request.resource] if request.resource else self.resources[request.org_id]
        return {resource for resource in wanted if resource not in taken}


def fold(name: str | None) -> str:
    return (name or "").replace("\u2019", "'").lower()


def words(name: str | None) -> list[str]:
    return fold(name).split()


def is_within(choice: Choice, start: datetime) -> bool:
    return choice.since is None or choice.until is None or choice.since <= start < choice.until


def is_one_name(one: str | None, other: str | None) -> bool:
    shorter, longer = sorted((fold(one), fold(other)), key=len)
    return longer == shorter or longer.startswith(shorter + " ")


class Bookings(RuleBasedStateMachine):
    """Two organizations, of one and of two resources; each step is committed."""

    runner: asyncio.Runner
    conn: Connection
    clinics: dict[UUID, list[str]]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(self.clinics)
        self.requests: list[BookingRequest] = []
        self.execute("delete from events")
        self.execute("delete from appointments")
        self.execute("delete from contacts")
        # Which of several free resources is picked decides what is free later.
        self.execute("select setseed(0.5)")

    def execute(self, statement: str, *values: object) -> None:
        self.runner.run(self.conn.execute(statement, *values))

    def rows(self, query: str) -> Rows:
        return {row[0]: tuple(row)[1:] for row in self.runner.run(self.conn.fetch(query))}

    @rule(
        clinic=st.integers(0, 1),
        phone=st.sampled_from([None, "+15552000001", "+15552000002"]),
        email=st.sampled_from([None, "sam@test.com", "Sam@test.com", "lee@test.com"]),
        name=st.sampled_from([None, "Sam", "sam", "Sam Wilson", "O'Lee", "O\u2019LEE"]),
        start=st.integers(0, 8),
        call=st.sampled_from([None, "first", "second"]),
        own=st.booleans(),
        duration=st.sampled_from([5, 15, 30, 60]),
        resource=st.sampled_from([None, None, "a", "b"]),
        key=st.sampled_from([None, "one", "two"]),
    )
    def book(
        self,
        clinic: int,
        phone: str | None,
        email: str | None,
        name: str | None,
        start: int,
        call: str | None,
        own: bool,
        duration: int,
        resource: str | None,
        key: str | None,
    ) -> None:
        request = BookingRequest(
            org_id=list(self.model.resources)[clinic],
            phone=Phone(phone) if phone else None if email else Phone("+15552000003"),
            email=Email(email) if email else None,
            name=name,
            scheduled_at=START + timedelta(minutes=15 * start),
            duration_minutes=duration,
            resource=resource,
            idempotency_key=key,
            call_id=call,
            by_own_number=call is None or (own and phone is not None),
        )
        self.requests.append(request)
        self.send(request)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        if self.requests:
            self.send(data.draw(st.sampled_from(self.requests)))

    def draw_change(self, data: st.DataObject) -> tuple[UUID, Caller | Staff, Choice]:
        """An organization, who asks it, and which appointment is meant."""
        org_id = data.draw(st.sampled_from(list(self.model.resources)))
        since = data.draw(st.sampled_from([None, 0, 0, *range(9)]))
        length = data.draw(st.sampled_from([1, 1, 1, 30, 600]))
        choice = Choice()
        if since is not None:
            start = START + timedelta(minutes=15 * since)
            choice = Choice(since=start, until=start + timedelta(minutes=length))
        if self.model.appointments and data.draw(st.integers(0, 3)) == 0:
            id = data.draw(st.sampled_from(list(self.model.appointments)))
            return org_id, Staff(name="desk"), replace(choice, appointment_id=id)
        phone = data.draw(st.sampled_from([None, "+15552000001", "+15552000002"]))
        caller = Caller(
            call_id=data.draw(st.sampled_from(["first", "second", "third"])),
            phone=Phone(phone) if phone else None,
            name=data.draw(st.sampled_from([None, "Sam", "WILSON", "Ann O'Lee", "Noor"])),
        )
        return org_id, caller, choice

    @rule(data=st.data())
    def find(self, data: st.DataObject) -> None:
        org_id, actor, choice = self.draw_change(data)
        held = self.runner.run(find_appointments(self.conn, org_id, actor, choice, most=99))
        assert {one.id for one in held} == set(self.model.meant(org_id, actor, choice))

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        org_id, actor, choice = self.draw_change(data)
        model, call_id = self.model, getattr(actor, "call_id", None)
        meant = model.meant(org_id, actor, choice)
        starts = model.starts(meant)
        own = [
            start
            for org, call, start in model.cancelled
            if (org, call) == (org_id, call_id) and is_within(choice, start)
        ]
        outcome = self.runner.run(cancel(self.conn, org_id, actor, choice))
        may_be_repeat = [start for start in own if choice.since is None or {start} != {*starts}]
        if len(meant) > 1 or (meant and may_be_repeat):
            assert isinstance(outcome, SeveralFound)
            assert (starts[:4], bool(own)) == (
                outcome.starts,
                outcome.cancelled_before in own and bool(own),
            )
        elif meant:
            [id], [start] = meant, starts
            assert outcome == Cancelled(appointment_id=id, scheduled_at=start, changed=True)
            model.appointments[id].status = "cancelled"
            model.events["cancelled"] += 1
            if call_id is not None:
                model.cancelled.append((org_id, call_id, start))
        else:
            before = {*own}
            if choice != Choice():
                cancelled = model.meant(org_id, actor, choice, "cancelled")
                before = before or {*model.starts(cancelled)}
            if before:
                assert isinstance(outcome, Cancelled) and not outcome.changed
                assert outcome.scheduled_at in before
            else:
                assert outcome == NotFound()

    @rule(
        data=st.data(),
        start=st.integers(0, 8),
        resource=st.sampled_from([None, None, "a", "b"]),
    )
    def move(self, data: st.DataObject, start: int, resource: str | None) -> None:
        org_id, actor, choice = self.draw_change(data)
        model, to = self.model, START + timedelta(minutes=15 * start)
        meant = model.meant(org_id, actor, choice)
        anywhere = replace(choice, since=None, until=None)
        standing = [
            id
            for id in model.meant(org_id, actor, anywhere)
            if model.appointments[id].request.scheduled_at == to
            and resource in (None, model.appointments[id].resource)
            and not {*meant} - {id}
        ]
        asked = move(self.conn, org_id, actor, choice, to=to, resource=resource)
        if len(meant) == 1 and not standing and resource not in (None, *model.resources[org_id]):
            with pytest.raises(InvalidRequest):
                self.runner.run(asked)
            return
        outcome = self.runner.run(asked)
        if standing:
            assert isinstance(outcome, Moved) and not outcome.changed
            assert outcome.appointment_id in standing and outcome.scheduled_at == to
        elif len(meant) != 1:
            several = SeveralFound(starts=model.starts(meant)[:4])
            assert outcome == (several if meant else NotFound())
        else:
            self.check_move(meant[0], to, resource, outcome)

    def check_move(self, id: UUID, to: datetime, resource: str | None, outcome: object) -> None:
        model, one = self.model, self.model.appointments[id]
        new = replace(one.request, scheduled_at=to, idempotency_key=None)
        wanted = resource or one.resource
        others = {other: it for other, it in model.active(new.org_id).items() if other != id}
        is_taken = any(
            (it.resource == wanted and it.overlaps(new))
            or (it.contact_id, it.request.scheduled_at, fold(it.attendee))
            == (one.contact_id, to, fold(one.attendee))
            for it in others.values()
        )
        if is_taken:
            assert isinstance(outcome, SlotTaken) and outcome.scheduled_at == to
            return
        assert outcome == Moved(
            appointment_id=id,
            scheduled_at=to,
            old_start=one.request.scheduled_at,
            resource=wanted,
            changed=True,
        )
        one.number = max((it.number for it in model.of_call(new).values()), default=0) + 1
        one.request, one.resource = new, wanted
        model.events["moved"] += 1

    @rule(
        data=st.data(),
        lead_status=st.sampled_from([None, "new", "customer"]),
        name=st.sampled_from([None, "Unknown", "sam", "Noor"]),
    )
    def change_a_contact(
        self, data: st.DataObject, lead_status: str | None, name: str | None
    ) -> None:
        """Change the contact as somebody else's application does."""
        if self.model.contacts:
            id = data.draw(st.sampled_from(list(self.model.contacts)))
            contact = self.model.contacts[id]
            contact.lead_status, contact.name = lead_status, name
            change = "update contacts set lead_status = $2, name = $3 where id = $1"
            self.execute(change, id, lead_status, name)

    def send(self, request: BookingRequest) -> None:
        model = self.model
        if request.resource not in (None, *model.resources[request.org_id]):
            with pytest.raises(InvalidRequest):
                self.runner.run(book(self.conn, request))
            return
        known, match = model.find_contact(request)
        standing, how = model.find_standing(request, known)
        if how == "reused":
            with pytest.raises(InvalidRequest, match="IDEMPOTENCY_KEY_REUSED"):
                self.runner.run(book(self.conn, request))
            return
        outcome = self.runner.run(book(self.conn, request))
        assert (match, True) == (outcome.contact_match, outcome.email_kept)
        if known is None:
            known = self.find_new_contact()
        free = model.free(request)
        held = model.of_call(request)
        may_replace = request.by_own_number and (standing is not None or bool(free))
        contact = model.keep_contact(known, request, may_replace)
        if standing is not None:
            if how == "call":
                standing = model.mend(standing, request, known)
            assert isinstance(outcome, Booked) and not outcome.created
            assert standing == outcome.appointment_id
        elif free:
            assert isinstance(outcome, Booked) and outcome.created
            assert outcome.resource in free
            assert outcome.appointment_id not in model.appointments
            assert len(held) == outcome.others_at_this_start
            model.appointments[outcome.appointment_id] = Appointment(
                known,
                request,
                outcome.resource,
                request.name or (contact.name if request.by_own_number else None),
                request.name is not None,
                max((one.number for one in held.values()), default=0) + 1,
                request.phone is None,
            )
            model.events["booked"] += 1
        else:
            assert isinstance(outcome, SlotTaken)
            assert (known, request.scheduled_at) == (outcome.contact_id, outcome.scheduled_at)
            assert (outcome.held_for is not None) == bool(held)
            return
        stored = model.appointments[outcome.appointment_id]
        assert (
            stored.contact_id,
            stored.resource,
            stored.request.scheduled_at,
            stored.request.duration_minutes,
            stored.attendee,
        ) == (
            outcome.contact_id,
            outcome.resource,
            outcome.scheduled_at,
            outcome.duration_minutes,
            outcome.attendee_name,
        )

    def find_new_contact(self) -> UUID:
        [new] = self.rows("select id from contacts").keys() - self.model.contacts.keys()
        return new

    @invariant()
    def the_rows_are_the_models(self) -> None:
        assert {
            id: (c.org_id, c.phone, c.email, c.name, c.lead_status)
            for id, c in self.model.contacts.items()
        } == self.rows("select id, org_id, phone, email, name, lead_status from contacts")
        assert {
            id: (
                a.request.org_id,
                a.contact_id,
                a.resource,
                a.request.scheduled_at,
                a.request.duration_minutes,
                a.attendee,
                a.request.idempotency_key,
                a.by_email,
                a.status,
            )
            for id, a in self.model.appointments.items()
        } == self.rows(
            """
            select id, org_id, contact_id, resource, scheduled_at, duration_minutes,
                   attendee_name, idempotency_key, found_by_email, status
            from appointments
            """
        )
        assert {kind: (number,) for kind, number in self.model.events.items()} == self.rows(
            "select type, count(*) from events group by 1"
        )


def test_the_rules(url: str) -> None:
    """After each step the tables hold what the model holds, and each outcome is the model's."""

    async def start(stack: contextlib.AsyncExitStack) -> None:
        Bookings.conn = await stack.enter_async_context(connected(url))
        both = [["a"], ["a", "b"]]
        Bookings.clinics = {
            (await a_clinic(Bookings.conn, resources=resources)).id: resources for resources in both
        }

    with asyncio.Runner() as Bookings.runner:
        stack = contextlib.AsyncExitStack()
        Bookings.runner.run(start(stack))
        run_state_machine_as_test(Bookings, settings=settings(examples(60), stateful_step_count=25))
        Bookings.runner.run(stack.aclose())

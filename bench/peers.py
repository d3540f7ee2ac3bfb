"""Other ways to write it, on asyncpg alone: several statements, with guarantees and without."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter

import asyncpg

from bench.asked import Callers
from bench.library import Held
from bench.load import BOOKED, Ask
from booking_core import BookingRequest, Connection, book

UPSERT = """
    insert into contacts as c (org_id, phone, email, name, lead_status, last_contact_at)
    values ($1, $2, $3, $4, 'contacted', now())
    on conflict (org_id, phone) do update set
      email = coalesce(excluded.email, c.email), name = coalesce(excluded.name, c.name),
      last_contact_at = now()
    returning id
"""
FIND = "select id from contacts where org_id = $1 and phone = $2"
INSERT_CONTACT = """
    insert into contacts (org_id, phone, email, name, lead_status, last_contact_at)
    values ($1, $2, $3, $4, 'contacted', now())
    returning id
"""
INSERT = """
    insert into appointments
      (org_id, contact_id, resource, service_type, scheduled_at, duration_minutes, attendee_name,
       idempotency_key)
    values ($1, $2, $3, $4, $5, $6, $7, $8)
    returning id
"""
FORGET_GUARANTEES = (
    "alter table appointments drop constraint appointments_resource_excl",
    "drop index appointments_contact_start_key",
    "drop index appointments_idempotency_key",
)
DOUBLED = """
    select count(*) - count(distinct (org_id, resource, scheduled_at)) from appointments
    where scheduled_at >= '2000-01-01'
"""

Book = Callable[[Connection, BookingRequest], Awaitable[object]]


async def upsert_then_insert(conn: Connection, asked: BookingRequest) -> None:
    """Peer 2: BEGIN, upsert, insert, COMMIT."""
    async with conn.transaction():
        contact = await conn.fetchval(UPSERT, *_person(asked))
        await conn.fetchval(INSERT, *_appointment(asked, contact))


async def find_then_insert(conn: Connection, asked: BookingRequest) -> None:
    """Peer 3, the old flow: each statement for itself."""
    contact = await conn.fetchval(FIND, asked.org_id, asked.phone)
    if contact is None:
        contact = await conn.fetchval(INSERT_CONTACT, *_person(asked))
    await conn.fetchval(INSERT, *_appointment(asked, contact))


def _person(asked: BookingRequest) -> tuple[object, ...]:
    return asked.org_id, asked.phone, asked.email, asked.name


def _appointment(asked: BookingRequest, contact: object) -> tuple[object, ...]:
    what = (asked.resource, asked.service_type, asked.scheduled_at, asked.duration_minutes)
    return asked.org_id, contact, *what, asked.name, asked.idempotency_key


def on_held(held: Held, callers: Callers, how: Book) -> Ask:
    async def ask(caller: int) -> str:
        try:
            await how(held[caller], callers.request(caller))
        except asyncpg.PostgresError as error:
            return error.sqlstate or type(error).__name__
        return BOOKED

    return ask


@dataclass
class Collisions:
    """Callers who ask at the same instant: `doubled` rows are a second chair for one request."""

    requests: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    doubled: int = 0


async def collide(held: Held, callers: Callers, seconds: float, how: Book) -> Collisions:
    """The same person asks for the same time on all connections at once, again and again."""
    found = Collisions()
    doubled = await held[0].fetchval(DOUBLED)
    begin = perf_counter()
    for turn in itertools.count():
        if perf_counter() > begin + seconds:
            break
        asked = callers.request(turn % len(callers.clinics))
        answers = await asyncio.gather(*(how(conn, asked) for conn in held), return_exceptions=True)
        found.requests += len(answers)
        for answer in answers:
            if isinstance(answer, asyncpg.PostgresError):
                found.errors[f"{answer.sqlstate} {type(answer).__name__}"] += 1
            elif isinstance(answer, BaseException):
                raise answer
    found.doubled = await held[0].fetchval(DOUBLED) - doubled
    return found


async def by_the_library(conn: Connection, asked: BookingRequest) -> object:
    return await book(conn, asked)

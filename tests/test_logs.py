"""The lines that operators search for; none holds anybody's name, phone, email or token."""

from __future__ import annotations

import asyncio
import io
import logging
import subprocess
import sys
import threading
import time

import asyncpg
import httpx
import pytest
import structlog

from booking_asgi import logs
from booking_core import Email, resolve_contact
from tests.conftest import Endpoint, Logged, connected, ours, until
from tests.support.commands import COMMAND, answers, environ, free_port
from tests.support.factories import (
    EMAIL_OF_ANOTHER_TENANT,
    TOKEN,
    a_call,
    a_clinic,
    arguments,
    tool_calls,
)
from tests.support.processes import end_with_parent

PERSONAL = ["+15551234567", "5551234567", "123-4567", "sam@test.com", "Sam", "Wilson", TOKEN]


async def provoke_everything(endpoint: Endpoint) -> None:
    """Each outcome there is, by each road."""
    by_email = {"patientPhone": None, "patientEmail": "wilson@test.com"}
    refuse = "alter table {} add constraint mine check (false) not valid"
    await endpoint.book(**arguments())
    await endpoint.book(**arguments(patientPhone="555-123-4567 "))
    await endpoint.book(**arguments(patientPhone="+15557654321", patientName="Wilson"))
    await endpoint.book(**arguments(patientPhone=None, appointmentTime="15:00"))
    await endpoint.book(**arguments(**by_email, appointmentTime="16:00"))
    await endpoint.book(**arguments(patientPhone="Sam", patientEmail="Sam Wilson"))
    await endpoint.book(**arguments(patientPhone=None, patientEmail=None))
    await endpoint.book(**arguments(appointmentDate="sam@test.com"))
    await endpoint.book(**arguments(resource="Wilson"))
    await endpoint.send(tool_calls(a_call(arguments()), a_call("Sam Wilson", id="2")))
    await endpoint.client.post("/api/vapi/tools", content=b"Sam +15551234567")
    await endpoint.client.post("/api/vapi/tools/Wilson", json=arguments())
    await endpoint.client.post("/api/vapi/tools", json={}, headers={"X-Vapi-Secret": "Wilson"})
    await endpoint.conn.execute("delete from appointments; delete from contacts")
    await endpoint.conn.execute("create unique index mine on contacts (org_id, lower(email))")
    for phone in ("+15551234567", "+15557654321"):
        await endpoint.book(**arguments(patientPhone=phone, appointmentTime="17:00"))
    await endpoint.conn.execute(refuse.format("appointments"))
    await endpoint.book(**arguments(appointmentTime="18:00"))
    await endpoint.conn.execute(refuse.format("contacts"))
    await endpoint.book(**arguments(appointmentTime="18:00"))
    await endpoint.book(**arguments(**by_email, appointmentTime="18:00"))
    await endpoint.conn.execute("drop table vapi_credentials")
    await endpoint.client.post("/api/vapi/tools", json={}, headers={"X-Vapi-Secret": "Wilson"})


async def test_no_line_holds_what_is_personal(endpoint: Endpoint, logged: Logged) -> None:
    """No line holds it, at any level, on any road, whatever fails."""
    await provoke_everything(endpoint)
    lines = logged()
    assert "❌ Failed to upsert contact by phone" in lines
    assert [word for word in PERSONAL if word.lower() in lines.lower()] == []


async def test_the_lines_of_a_booking_by_phone(endpoint: Endpoint, logged: Logged) -> None:
    """Their texts stay, since operators search for them; ids stand behind, the phone is masked."""
    await endpoint.book(**arguments())
    row = await endpoint.conn.fetchrow("select id::text, contact_id::text from appointments")
    assert row is not None
    org_id = str(endpoint.clinic.id)
    assert ours(logged()) == [
        (
            "info",
            "VapiTools: 📞 Using phone-based upsert (primary path)",
            {"orgId": org_id, "patientPhone": "•••4567"},
        ),
        (
            "info",
            "VapiTools: ✅ Upserted contact by phone",
            {"contactId": row["contact_id"], "patientPhone": "•••4567"},
        ),
        (
            "info",
            "VapiTools: ✅ Successfully booked appointment",
            {"appointmentId": row["id"], "contactId": row["contact_id"], "orgId": org_id},
        ),
    ]


async def test_the_lines_of_a_booking_by_email(endpoint: Endpoint, logged: Logged) -> None:
    for at in ("14:00", "15:00"):
        await endpoint.book(**arguments(patientPhone=None, appointmentTime=at))
    assert [line[:2] for line in ours(logged())] == [
        ("warning", "VapiTools: ⚠️ No phone provided, using email-based lookup"),
        ("info", "VapiTools: ✅ Created new contact by email"),
        ("info", "VapiTools: ✅ Successfully booked appointment"),
        ("warning", "VapiTools: ⚠️ No phone provided, using email-based lookup"),
        ("info", "VapiTools: ✅ Found existing contact by email"),
        ("info", "VapiTools: ✅ Successfully booked appointment"),
    ]


async def test_the_line_of_nobody(endpoint: Endpoint, logged: Logged) -> None:
    await endpoint.book(**arguments(patientPhone=None, patientEmail=None))
    assert ours(logged()) == [("warning", "VapiTools: ⚠️ Missing both email and phone", {})]


@pytest.mark.parametrize(
    ("phone", "sabotage", "line", "code"),
    [
        (
            "+15551234567",
            "alter table contacts drop constraint uq_contacts_org_phone",
            "VapiTools: ❌ Failed to upsert contact by phone",
            "42P10",
        ),
        (
            None,
            "alter table contacts add constraint mine check (name = '')",
            "VapiTools: ❌ Failed to insert contact",
            "23514",
        ),
        (
            None,
            EMAIL_OF_ANOTHER_TENANT,
            "VapiTools: ❌ Contact resolution failed - no valid contact ID",
            "23505",
        ),
    ],
)
async def test_the_line_of_a_failure(
    endpoint: Endpoint,
    logged: Logged,
    phone: str | None,
    sabotage: str,
    line: str,
    code: str,
) -> None:
    """An error line with its SQLSTATE, whose it was masked."""
    await endpoint.conn.execute(sabotage)
    await endpoint.book(**arguments(patientPhone=phone))
    level, text, fields = ours(logged())[-1]
    assert (level, text, fields.get("code")) == ("error", line, code)
    masked = {"patientPhone": "•••4567"} if phone else {"patientEmail": "s•••@test.com"}
    assert masked.items() <= fields.items()


async def test_a_race_is_logged(endpoint: Endpoint, logged: Logged) -> None:
    """A call that finds the contact that another call has made meanwhile logs the race."""
    async with connected(endpoint.url) as other:
        async with other.transaction():
            await resolve_contact(other, org_id=endpoint.clinic.id, email=Email("sam@test.com"))
            call = asyncio.create_task(endpoint.book(**arguments(patientPhone=None)))
            await until(endpoint.conn, "select count(*) > 0 from pg_locks where not granted")
        await call
    assert [line[:2] for line in ours(logged())] == [
        ("warning", "VapiTools: ⚠️ No phone provided, using email-based lookup"),
        ("warning", "VapiTools: ⚠️ Race condition detected on email insert, retrying SELECT"),
        ("info", "VapiTools: ✅ Found contact after race condition retry"),
        ("info", "VapiTools: Contact changed"),  # it had no name
        ("info", "VapiTools: ✅ Successfully booked appointment"),
    ]


def test_what_others_log_is_cleaned(logged: Logged) -> None:
    """An exception's words, the lines after the first, and addresses in the first."""
    error = asyncpg.UniqueViolationError("Key (email)=(sam@test.com) already exists")
    try:
        raise error
    except asyncpg.UniqueViolationError:
        logging.getLogger("asyncio").exception("of sam@test.com, +15551234567\nSam Wilson")
    line = logged()
    assert [word for word in PERSONAL if word in line] == []
    assert "UniqueViolationError" in line
    assert "test_logs.py" in line
    assert "23505" in line


@pytest.mark.parametrize(
    ("odd", "shown"), [(ValueError, "<class 'ValueError'>"), ("cut: \ud83d", r"cut: \ud83d")]
)
def test_any_value_can_be_written(logged: Logged, odd: object, shown: str) -> None:
    """A value that JSON lacks is written as text, and one that UTF-8 lacks is escaped."""
    structlog.get_logger().info("Odd", odd=odd)
    assert shown in logged()


async def test_a_line_that_is_lost_costs_no_booking(
    endpoint: Endpoint, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads the other end of the pipe any more."""

    class Broken(io.StringIO):
        def write(self, line: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Broken())
    logs.configure("text")
    assert (await endpoint.book(**arguments())).status_code == 200


@pytest.mark.parametrize(
    ("phone", "masked"),
    [("+15551234567", "•••4567"), ("+4912345", "•••45"), ("+447911123456", "•••3456")],
)
def test_a_masked_phone(phone: str, masked: str) -> None:
    assert logs.mask_phone(phone) == masked


@pytest.mark.parametrize(
    ("email", "masked"), [("sam@test.com", "s•••@test.com"), ("s@test.com", "s•••@test.com")]
)
def test_a_masked_email(email: str, masked: str) -> None:
    assert logs.mask_email(email) == masked


async def test_a_reader_who_stops_reading_stops_nobody(url: str) -> None:
    """The pipe of standard output is full after some hundred lines: each request is answered."""
    async with connected(url) as conn:
        await a_clinic(conn, token=TOKEN)
    port = free_port()
    process = subprocess.Popen(  # noqa: ASYNC220  # asyncio would read its pipe
        [COMMAND, "serve"],
        env=environ(port=port, database_url=url),
        stdout=subprocess.PIPE,
        preexec_fn=end_with_parent,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=base, headers={"X-Vapi-Secret": TOKEN}) as client:
            async with asyncio.timeout(30):
                while not answers(port):  # noqa: ASYNC110  # it tells nobody
                    await asyncio.sleep(0.1)
            for number in range(600):
                reply = await client.post(
                    "/api/vapi/tools/book-appointment",
                    json=arguments(patientPhone=f"+1555200{number:04}", patientEmail=None),
                )
                assert reply.status_code == (409 if number else 200)
    finally:
        process.kill()
        process.communicate()


def test_lines_that_nobody_reads_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the reader is back, the first thing it hears is how many it missed."""
    is_read = threading.Event()
    written: list[str] = []

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            is_read.wait(10)
            written.append(text)
            return len(text)

    monkeypatch.setattr(sys, "stdout", Slow())
    monkeypatch.setattr(logs, "MOST_LINES", 10)
    logs.configure("text")
    log = structlog.get_logger("booking_asgi")
    log.info("the first one occupies the writer")
    time.sleep(0.1)
    for number in range(25):
        log.info(f"line {number}")
    is_read.set()
    logs.flush()
    structlog.reset_defaults()
    logging.basicConfig(handlers=[], level=logging.WARNING, force=True)
    lines = "".join(written)
    assert "line 9" in lines and "line 10" not in lines
    assert '⚠️ Lines lost {"count":15}' in lines

"""Whose token decides: every road with the wrong one, and what a right one may not do."""

from __future__ import annotations

import asyncio
import hashlib
import time
from unittest import mock
from urllib.parse import urlsplit

import asyncpg
import pytest

from booking_asgi import tenants
from booking_asgi.database import Unavailable
from booking_core import add_token, list_tokens, touch_tokens
from tests.conftest import (
    Endpoint,
    Logged,
    connected,
    contacts_and_appointments,
    database_of,
    until,
)
from tests.support.factories import TOKEN, a_call, a_clinic, arguments, tool_calls

PATHS = ["/api/vapi/tools", "/api/vapi/tools/book-appointment"]
WAITS = """
select exists (
  select from pg_stat_activity
  where datname = current_database() and query like '%list_live_tokens%'
    and wait_event_type = 'Lock'
)
"""
EACH_PATH = pytest.mark.parametrize("path", PATHS)


@EACH_PATH
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Vapi-Secret": ""},
        {"X-Vapi-Secret": "another"},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer another"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN} {TOKEN}"},
        {"X-Vapi-Secret": TOKEN.upper()},
    ],
)
async def test_without_a_known_token_nothing_is_answered(
    endpoint: Endpoint, path: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """401, whatever the body says; nothing is written."""
    monkeypatch.setattr(tenants, "APART_SECONDS", 0.0)
    del endpoint.client.headers["X-Vapi-Secret"]
    for body in (arguments(), {"message": tool_calls(a_call(arguments()))}):
        reply = await endpoint.client.post(path, json=body, headers=headers)
        assert reply.status_code == 401
    assert await contacts_and_appointments(endpoint) == (0, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Vapi-Secret": TOKEN},
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"bearer  {TOKEN}"},
        {"Authorization": TOKEN},
    ],
)
async def test_a_token_is_taken_from_either_header(
    endpoint: Endpoint, headers: dict[str, str]
) -> None:
    del endpoint.client.headers["X-Vapi-Secret"]
    reply = await endpoint.client.post(PATHS[1], json=arguments(), headers=headers)
    assert reply.status_code == 200


async def test_several_tokens_are_live_at_once(endpoint: Endpoint) -> None:
    """Several tokens work at once, so that one can be changed for another."""
    second = await add_token(endpoint.conn, endpoint.clinic.id)
    for token in (TOKEN, second):
        headers = {"X-Vapi-Secret": token}
        reply = await endpoint.client.post(PATHS[1], json=arguments(), headers=headers)
        assert reply.status_code == 200


async def test_a_revoked_token_stops_working(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once what is remembered of it has run out, here at once."""
    monkeypatch.setattr(tenants, "FRESH_SECONDS", 0.0)
    assert (await endpoint.book(**arguments())).status_code == 200
    await endpoint.conn.execute("update vapi_credentials set revoked_at = now()")
    assert (await endpoint.book(**arguments())).status_code == 401


async def test_a_known_token_is_looked_up_once(endpoint: Endpoint) -> None:
    """Within seconds: it works a little longer than it should."""
    assert (await endpoint.book(**arguments())).status_code == 200
    await endpoint.conn.execute("update vapi_credentials set revoked_at = now()")
    assert (await endpoint.book(**arguments())).status_code == 200


async def test_a_new_token_is_never_refused(endpoint: Endpoint) -> None:
    """A new token waits for the next load, a second at most, however lately the tokens were
    loaded."""
    headers = {"X-Vapi-Secret": "new"}
    assert (await endpoint.client.post(PATHS[1], json={}, headers=headers)).status_code == 401
    await add_token(endpoint.conn, endpoint.clinic.id, token="new")
    assert (await endpoint.client.post(PATHS[1], json={}, headers=headers)).status_code == 400


@pytest.mark.parametrize("made", ["before", "during"])
async def test_a_token_that_is_made_during_a_load_is_not_refused(
    endpoint: Endpoint, made: str
) -> None:
    """A load that has begun before the token was made does not know it, so the request waits for
    the next load; a load that knows the token is enough."""
    if made == "before":
        await add_token(endpoint.conn, endpoint.clinic.id, token="new")
    await endpoint.conn.execute("""
        alter table vapi_credentials rename to held;
        create view vapi_credentials as
        select * from held where pg_advisory_xact_lock_shared(7) is not null;
        """)
    async with database_of(endpoint.url) as database, connected(endpoint.url) as conn:
        found = tenants.Tenants(database)
        give_up_at = time.monotonic() + 30
        await conn.execute("select pg_advisory_lock(7)")
        first = asyncio.create_task(found.find(TOKEN, give_up_at))
        await until(endpoint.conn, WAITS)
        if made == "during":
            await add_token(conn, endpoint.clinic.id, token="new")
        second = asyncio.create_task(found.find("new", give_up_at))
        await asyncio.sleep(0)
        await conn.execute("select pg_advisory_unlock(7)")
        assert [await first, await second] == [endpoint.clinic] * 2


async def test_few_wait_for_a_load(endpoint: Endpoint) -> None:
    """Of a thousand guesses 64 wait; the others are nobody's at once. A good token waits for none,
    though the database does not answer here."""
    async with database_of(endpoint.url) as database, connected(endpoint.url) as conn:
        found = tenants.Tenants(database)
        give_up_at = time.monotonic() + 30
        assert await found.find(TOKEN, give_up_at)
        async with conn.transaction():
            await conn.execute("lock table vapi_credentials")
            guesses = [
                asyncio.create_task(found.find(f"guess {number}", give_up_at))
                for number in range(1000)
            ]
            await asyncio.sleep(0)
            assert await found.find(TOKEN, give_up_at) == endpoint.clinic
            await until(endpoint.conn, WAITS)
            assert sum(not guess.done() for guess in guesses) == tenants.MOST_WAITING
        assert set(await asyncio.gather(*guesses)) == {None}


async def test_known_tokens_outlive_a_database_that_does_not_answer(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a minute, and no longer; an unknown one is neither valid nor invalid meanwhile."""
    monkeypatch.setattr(tenants, "FRESH_SECONDS", 0.0)
    async with database_of(endpoint.url) as database:
        found = tenants.Tenants(database)
        assert await found.find(TOKEN, time.monotonic() + 30)
        await endpoint.conn.execute("alter table vapi_credentials rename to gone")
        for _ in range(2):
            assert await found.find(TOKEN, time.monotonic() + 30) == endpoint.clinic
        with pytest.raises(asyncpg.UndefinedTableError):
            await found.find("another", time.monotonic() + 30)
        monkeypatch.setattr(tenants, "KNOWN_SECONDS", 0.0)
        with pytest.raises(asyncpg.UndefinedTableError):
            await found.find(TOKEN, time.monotonic() + 30)
        await endpoint.conn.execute("alter table gone rename to vapi_credentials")
        assert await found.find(TOKEN, time.monotonic() + 30) == endpoint.clinic


async def test_guesses_cost_one_query_a_second(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guesses cost one query a second, however many there are; the good token waits behind none of
    them."""
    monkeypatch.setattr(tenants, "APART_SECONDS", 1.0)
    async with database_of(endpoint.url) as database:
        found = tenants.Tenants(database)
        give_up_at = time.monotonic() + 30
        assert await found.find(TOKEN, give_up_at)
        acquire = mock.AsyncMock(wraps=database.connections.acquire)
        with mock.patch.object(database.connections, "acquire", acquire):
            guesses = (found.find(f"guess {number}", give_up_at) for number in range(5000))
            assert set(await asyncio.gather(*guesses)) == {None}
            assert await found.find(TOKEN, give_up_at)
        assert acquire.await_count <= 1 + (time.monotonic() - give_up_at + 30)


async def test_the_use_of_a_token_is_written_down(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once an hour at most, behind the requests."""
    monkeypatch.setattr(tenants, "RENEWED_SECONDS", 0.0)
    await add_token(endpoint.conn, endpoint.clinic.id, token="unused")
    for _ in range(3):
        assert (await endpoint.book(**arguments())).status_code == 200
    used = "select count(*) = 1 from vapi_credentials where last_used_at is not null"
    await until(endpoint.conn, used)
    [one, other] = await list_tokens(endpoint.conn, endpoint.clinic.id)
    assert [one.last_used_at is None, other.last_used_at is None] == [True, False]
    await touch_tokens(endpoint.conn, [hashlib.sha256(TOKEN.encode()).digest()])
    [_, again] = await list_tokens(endpoint.conn, endpoint.clinic.id)
    assert again.last_used_at == other.last_used_at


async def test_a_use_that_cant_be_written_down_costs_no_call(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    """A role that may not write it serves all the same, and a line says so."""
    monkeypatch.setattr(tenants, "RENEWED_SECONDS", 0.0)
    await endpoint.conn.execute(
        "create rule no_writing as on update to vapi_credentials do instead select 1 / 0"
    )
    for _ in range(3):
        assert (await endpoint.book(**arguments())).status_code == 200
    async with asyncio.timeout(10):
        while "Use of tokens is not written down" not in logged():  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)


async def test_who_ask_at_once_ask_once(endpoint: Endpoint) -> None:
    """A hundred requests with one token wait for one lookup, and take one connection."""
    async with database_of(endpoint.url) as database:
        found = tenants.Tenants(database)
        give_up_at = time.monotonic() + 10
        acquire = mock.AsyncMock(wraps=database.connections.acquire)
        with mock.patch.object(database.connections, "acquire", acquire):
            answers = await asyncio.gather(*(found.find(TOKEN, give_up_at) for _ in range(100)))
        assert {answer.id for answer in answers if answer} == {endpoint.clinic.id}
        assert acquire.await_count == 1


async def test_a_lookup_that_is_refused_is_not_repeated_at_once(endpoint: Endpoint) -> None:
    """Who asks hears that it failed, and does not ask again until the deadline."""
    wrong = endpoint.url.replace(f"{urlsplit(endpoint.url).username}:", "nobody:", 1)
    async with database_of(wrong) as database:
        refused = tenants.Tenants(database)
        with pytest.raises(Unavailable, match="lets nobody in"):
            await refused.find(TOKEN, time.monotonic() + 10)


@pytest.mark.parametrize("org_id", ["6f1c2a9e-0d5b-4c3f-9a37-1be0f2d4c851", "another", 7, {}])
async def test_a_direct_body_of_another_organization_is_refused(
    endpoint: Endpoint, org_id: object
) -> None:
    reply = await endpoint.book(**arguments(orgId=org_id))
    assert reply.status_code == 403
    assert await contacts_and_appointments(endpoint) == (0, 0)


async def test_a_direct_body_may_name_its_own(endpoint: Endpoint) -> None:
    """A direct body may name its own organization, or none: an empty or unrendered id says
    nothing."""
    for org_id in (str(endpoint.clinic.id), f" {endpoint.clinic.id} ".upper(), "", "{{ orgId }}"):
        assert (await endpoint.book(**arguments(orgId=org_id))).status_code == 200


async def test_an_argument_of_another_organization_is_that_calls_error(endpoint: Endpoint) -> None:
    """The call beside it is booked; what Vapi calls `orgId` is its own and means nothing."""
    other = await a_clinic(endpoint.conn)
    message = tool_calls(
        a_call(arguments(orgId=str(other.id)), id="foreign"), a_call(arguments(), id="own")
    )
    message["call"] = {"id": "c", "orgId": str(other.id), "metadata": {"orgId": str(other.id)}}
    results = (await endpoint.send(message)).json()["results"]
    assert ["error" in result for result in results] == [True, False]
    assert {endpoint.clinic.id} == {
        row["org_id"] for row in await endpoint.conn.fetch("select org_id from appointments")
    }


async def test_a_token_sees_nothing_of_another_tenant(endpoint: Endpoint) -> None:
    """The same person, slot, resource and idempotency key elsewhere: no repeat, no conflict; and
    where the slot is taken, that key of another's is no answer."""
    other = await a_clinic(endpoint.conn, token="other")
    replies = [
        await endpoint.client.post(
            PATHS[1],
            json=arguments(),
            headers={"X-Vapi-Secret": token, "Idempotency-Key": "k"},
        )
        for token in (TOKEN, "other")
    ]
    assert [reply.status_code for reply in replies] == [200, 200]
    rows = await endpoint.conn.fetch("select org_id, contact_id from appointments")
    assert {row["org_id"] for row in rows} == {endpoint.clinic.id, other.id}
    assert len({row["contact_id"] for row in rows}) == 2
    await endpoint.conn.execute(
        "update appointments set idempotency_key = 'b' where org_id = $1", other.id
    )
    taken = await endpoint.client.post(
        PATHS[1],
        json=arguments(patientPhone="+15557654321"),
        headers={"X-Vapi-Secret": "other", "Idempotency-Key": "k"},
    )
    assert taken.status_code == 409


async def test_a_resource_of_another_tenant_is_unknown(endpoint: Endpoint) -> None:
    await a_clinic(endpoint.conn, resources=["theirs"])
    assert (await endpoint.book(**arguments(resource="theirs"))).status_code == 400
    assert await contacts_and_appointments(endpoint) == (0, 0)


@pytest.mark.parametrize("column", ["timezone", "phone_region"])
async def test_an_organization_without_a_zone_is_refused(endpoint: Endpoint, column: str) -> None:
    """Never a default: 500 to a direct caller, an error to the model, and nothing is written."""
    unchecked = "alter table organizations drop constraint organizations_phone_region_check"
    await endpoint.conn.execute(unchecked)
    await endpoint.conn.execute(f"update organizations set {column} = ''")
    assert (await endpoint.book(**arguments())).status_code == 500
    [result] = (await endpoint.send(tool_calls(a_call(arguments())))).json()["results"]
    assert result["error"].startswith("Not booked: ")
    assert await contacts_and_appointments(endpoint) == (0, 0)

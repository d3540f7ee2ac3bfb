"""Which request gets a connection next if several organizations wait."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

from booking_asgi.places import Places
from tests.support.factories import a_clinic
from tests.support.outages import GUARD, held
from tests.test_deadline import BOOKED, PATH, asked, by_body, hurried, in_the_end, waiting

A, B, C = uuid4(), uuid4(), uuid4()


async def line_up(
    places: Places, *org_ids: UUID | None
) -> tuple[list[asyncio.Task[None]], list[UUID | None]]:
    """Let one request wait for each; the list is filled with those that have a place, in order."""
    served: list[UUID | None] = []

    async def wait(org_id: UUID | None) -> None:
        await places.acquire(org_id)
        served.append(org_id)

    tasks = [asyncio.create_task(wait(org_id)) for org_id in org_ids]
    await asyncio.sleep(0)
    return tasks, served


async def settle(tasks: list[asyncio.Task[None]]) -> None:
    for _ in range(3):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_alone_an_organization_has_every_place() -> None:
    places = Places(4)
    for _ in range(4):
        assert not places.locked()
        await places.acquire(A)
    assert places.locked()


async def test_another_organization_is_served_first() -> None:
    """Another organization is served first, however many requests of the first one wait already."""
    places = Places(4)
    for _ in range(4):
        await places.acquire(A)
    tasks, served = await line_up(places, A, A, A, B)
    places.release(A)
    await settle(tasks)
    assert served == [B]


async def test_more_than_half_is_given_only_where_no_other_waits() -> None:
    places = Places(4)
    for _ in range(4):
        await places.acquire(A)
    tasks, served = await line_up(places, A, A, B, B, B)
    for _ in range(3):
        places.release(A)
    await settle(tasks)
    # B has its half now, and A the least.
    assert served == [B, B, A]


async def test_organizations_take_turns() -> None:
    places = Places(1)
    await places.acquire(A)
    tasks, served = await line_up(places, A, A, B, B, C)
    for org_id in (A, A, B, C, A):
        places.release(org_id)
        await asyncio.sleep(0)
    await settle(tasks)
    assert served == [A, B, C, A, B]


async def test_a_request_that_is_cancelled_keeps_no_place() -> None:
    """While it waits, and at the moment at which a place is given to it."""
    places = Places(1)
    await places.acquire(A)
    tasks, served = await line_up(places, A, B, C)
    tasks[0].cancel()
    places.release(A)
    tasks[1].cancel()
    await settle(tasks[:2])
    await settle(tasks)
    assert served == [C]
    places.release(C)
    assert (places._free, places._lines, dict(places._held)) == (1, {}, {})


async def test_a_busy_organization_leaves_connections_to_another(url: str) -> None:
    """Twenty calls of one have both connections and stand in line when the other's call comes."""
    async with hurried(url, deadline=60, pool_size=2) as endpoint:
        await a_clinic(endpoint.conn, token="other")
        other = {"X-Vapi-Secret": "other"}
        await in_the_end(endpoint, [0])  # the tokens are loaded
        assert (await endpoint.client.post(PATH, json={}, headers=other)).status_code == 400
        async with held(url):
            busy = [asyncio.create_task(by_body(endpoint, number)) for number in range(1, 21)]
            await waiting(endpoint, 2)
            call = asyncio.create_task(endpoint.client.post(PATH, json=asked(30), headers=other))
            async with asyncio.timeout(GUARD):
                while len(endpoint.connections._places._lines) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(GUARD):
            assert (await call).status_code == 200
            assert sum(task.done() for task in busy) < 10
            assert set(await asyncio.gather(*busy)) == {BOOKED}
        await endpoint.is_whole()

"""The desk: runs the calls of a message in order, on one connection and in time. No call that
fails spoils another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, assert_never

import structlog

from booking_asgi.database import Database, Lease, Unavailable
from booking_asgi.logs import describe
from booking_asgi.speech import Answer, Failure, FailureCode, fail, refuse
from booking_asgi.tools.as_given import as_given
from booking_asgi.tools.tool import Call
from booking_core import InvalidRequest, Limits

# What can't be run is answered already.
Understood: TypeAlias = Call | Answer

log = structlog.get_logger("booking_asgi")


async def answer_all(
    database: Database,
    understood: Sequence[Understood],
    *,
    limits: Limits,
    give_up_at: float,
) -> list[Answer]:
    """Run the calls in order on one connection. Each gets an answer, by `give_up_at` at the latest.

    All are of one organization, which has its share of the connections.
    """
    answers: list[Answer] = []

    async def run_in_order(lease: Lease) -> None:
        for asked in understood:
            answers.append(await _answer(lease, asked, limits))

    org_id = next((one.organization.id for one in understood if isinstance(one, Call)), None)
    try:
        await database.within(give_up_at, run_in_order, org_id)
    except Unavailable as error:
        missing = understood[len(answers) :]
        # A list of its own: the one that was given up may still add to the other.
        return answers + [_answer_failed(asked, error) for asked in missing]
    return answers


async def _answer(lease: Lease, asked: Understood, limits: Limits) -> Answer:
    if isinstance(asked, Answer):
        return asked
    try:
        outcome = await asked.tool.run(lease, asked.request, limits)
        answer: Answer = asked.tool.answer(outcome, asked.request, asked.organization.zone)
    except InvalidRequest as refusal:
        return refuse(refusal, asked.tool.undone, as_given(refusal, asked.arguments))
    except Exception as error:  # even a fault of ours must not leave the other calls unanswered
        return _answer_failed(asked, error)
    return answer


def _answer_failed(asked: Understood, error: Exception) -> Answer:
    if isinstance(asked, Answer):
        return asked
    tool, request = asked.tool, asked.request
    is_away = isinstance(error, Unavailable)
    code = "TEMPORARILY_UNAVAILABLE" if is_away else tool.why(error, request)
    org_id = str(asked.organization.id)
    log.error(
        f"VapiTools: ❌ {_failed(code)}", orgId=org_id, **tool.who(request), **describe(error)
    )
    return fail(Failure(code), tool.undone, tool.doing, changes=tool.changes)


def _failed(code: FailureCode) -> str:
    """The words that operators search for."""
    match code:
        case "BOOKING_FAILED":
            return "Failed to book appointment"
        case "CONTACT_CREATION_FAILED":
            return "Failed to insert contact"
        case "CONTACT_RESOLUTION_FAILED":
            return "Contact resolution failed - no valid contact ID"
        case "CONTACT_UPSERT_FAILED":
            return "Failed to upsert contact by phone"
        case "SEARCH_FAILED":
            return "Failed to look up free times"
        case "TEMPORARILY_UNAVAILABLE":
            return "Booking could not be confirmed"
        case "TOO_MANY_CALLS" | "UNKNOWN_TOOL":
            raise AssertionError("nothing was run")
        case _:
            assert_never(code)

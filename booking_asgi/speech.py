"""What is said: the sentences that all tools share, to a person and to a model. Pure.

A person hears `said`. A model reads `told`: what to do, on one line of 60 words at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, assert_never

from booking_asgi.phrases import MOST_RESOURCE_WORDS, clock, listed, shorten
from booking_core import InvalidRequest
from booking_core.errors import Remedy

FailureCode = Literal[
    "BOOKING_FAILED",
    "CONTACT_CREATION_FAILED",
    "CONTACT_RESOLUTION_FAILED",
    "CONTACT_UPSERT_FAILED",
    "SEARCH_FAILED",
    "TEMPORARILY_UNAVAILABLE",
    "TOO_MANY_CALLS",
    "UNKNOWN_TOOL",
]
QUESTIONS = {
    "appointmentDate": "Which day would you like?",
    "appointmentTime": "What time would you like?",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """No fault of the request. Nothing is done; TEMPORARILY_UNAVAILABLE alone does not know."""

    code: FailureCode


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """`status` is a direct caller's, `code` one word for the outcome, `message` for programs;
    `content` is what else a direct caller gets: of what was done, or the field at fault."""

    done: bool = False
    status: HTTPStatus
    code: str
    message: str = ""
    said: str
    told: str
    content: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Given:
    """An argument as the caller wrote it. `value` is empty where it may be private."""

    field: str
    value: str = ""


def refuse(refusal: InvalidRequest, undone: str, given: Given | None = None) -> Answer:
    """The answer to a request that can't be taken as it is. `undone` is such as `Not booked`."""
    given = given or Given(refusal.field)
    said, told = _ask(refusal, f"{given.field} '{given.value}'" if given.value else given.field)
    reused = refusal.code == "IDEMPOTENCY_KEY_REUSED"
    return Answer(
        status=HTTPStatus.UNPROCESSABLE_ENTITY if reused else HTTPStatus.BAD_REQUEST,
        code=refusal.code,
        message=f"'{given.value}': {refusal.problem}" if given.value else refusal.problem,
        said=said,
        told=f"{undone}{told}",
        content={"field": given.field},
    )


def _ask(refusal: InvalidRequest, given: str) -> tuple[str, str]:
    """What a person is asked, and what a model is told behind `undone`."""
    problem = refusal.problem
    match refusal.code:
        case "AMBIGUOUS_TIME":
            first, second = (f"{clock(reading)} {reading:%Z}" for reading in refusal.readings)
            one, other = (reading.isoformat() for reading in refusal.readings)
            return (
                f"The clocks go back that day, so that time comes twice: {first} or {second}. Which"
                " one do you mean?",
                ": the clocks go back, and this time comes twice. Ask which one is meant. Then call"
                f" again and add scheduledAt: {one} for {first}, or {other} for {second}.",
            )
        case "IDEMPOTENCY_KEY_REUSED":
            return "I can't book that as it was sent. Please try again.", f": {problem}."
        case "INVALID_ARGUMENTS":
            return (
                "I did not understand one of the details. Could you please say that again?",
                f": {given} was not understood. {problem}. {_remedy(refusal.remedy)}",
            )
        case "INVALID_DATE_TIME":
            question = QUESTIONS.get(refusal.field, "Which day, and what time, would you like?")
            return (
                question if refusal.remedy == "ask" else f"I did not get that. {question}",
                f": {given}: {problem}. {_remedy(refusal.remedy)}",
            )
        case "INVALID_EMAIL":
            return (
                "I did not get your email address. Could you please spell it for me?",
                ": the email address was not understood. Ask for it again, letter by letter.",
            )
        case "INVALID_PHONE":
            return (
                "I did not get your phone number. Could you please repeat it, with the area code?",
                ": the phone number was not understood. Ask for it again, with the area code.",
            )
        case "INVALID_RESOURCE":
            names = [shorten(name, MOST_RESOURCE_WORDS) for name in refusal.choices]
            choices = listed(names, "or")
            if not choices:
                return (
                    "Nobody can be booked for that at the moment. Shall somebody call you back?",
                    f": {problem}. Offer that somebody from the clinic calls back.",
                )
            return (
                f"I can't tell whom you would like to see: {choices}?",
                f": {problem}. Ask which is meant: {choices}. Or call again without a name.",
            )
        case "MISSING_CONTACT_INFO":
            return (
                "I need either your email address or phone number to book the appointment. Could"
                " you please provide one?",
                ": a phone number or an email address is needed. Ask for one of them.",
            )
        case "NONEXISTENT_TIME":
            first, second = (f"{clock(reading)} {reading:%Z}" for reading in refusal.readings)
            return (
                "The clocks go forward that day, so that time does not exist. Would"
                f" {first} or {second} suit you?",
                ": the clocks go forward, and this time does not exist. Ask whether"
                f" {first} or {second} suits, and call again.",
            )
        case "PAST_DATE":
            return (
                f"{problem}. Which other day and time would you like?",
                f". {problem}. Ask for another day and time.",
            )
        case _:
            assert_never(refusal.code)


def fail(failure: Failure, undone: str, doing: str, *, changes: bool = True) -> Answer:
    """The answer where something is broken. `doing` is such as `booking your appointment`, and
    `changes` whether it would have changed anything."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    not_saved = "I encountered an issue saving your contact information. Please try again."
    call_back = ": the contact could not be saved. Apologize, and offer that somebody calls back."
    match failure.code:
        case "BOOKING_FAILED":
            message = "The appointment could not be written"
            said = f"I encountered an issue {doing}. Please try again."
            told = (
                ": the booking system has a fault. Apologize, and offer that somebody calls back."
            )
        case "CONTACT_CREATION_FAILED" | "CONTACT_UPSERT_FAILED":
            message, said, told = "The contact could not be written", not_saved, call_back
        case "CONTACT_RESOLUTION_FAILED":
            message = "Unable to create or find contact record"
            said = "I encountered an issue processing your information. Please try again."
            told = ": the contact could not be saved. Ask for a phone number instead of the email,"
            told += " and call again."
        case "SEARCH_FAILED":
            message = "The free times could not be looked up"
            said = f"I encountered an issue {doing}. Shall somebody call you back?"
            told = (
                ": the booking system has a fault. Apologize, and offer that somebody calls back."
            )
        case "TEMPORARILY_UNAVAILABLE" if not changes:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            message = "The database did not answer in time; repeat the same request"
            said = "I could not look that up just now. Please let me try again in a moment."
            told = ": the booking system did not answer in time. Call again with the same details."
        case "TEMPORARILY_UNAVAILABLE":
            status = HTTPStatus.SERVICE_UNAVAILABLE
            message = "The booking could not be confirmed; repeat the same request"
            said = "I could not confirm the appointment just now. Please let me try again in a"
            said += " moment."
            undone = "Not confirmed"
            told = ": the booking system did not answer in time. Do not say that it is booked. Call"
            told += " again with the same details."
        case "TOO_MANY_CALLS":
            status = HTTPStatus.BAD_REQUEST
            message = "The message holds too many calls"
            said = "That is too much at once. Could we take it step by step?"
            told = ": too many calls at once. Call again for this one."
        case "UNKNOWN_TOOL":
            status = HTTPStatus.NOT_FOUND
            message, said = "There is no such tool", "I can't do that here."
            told = ": there is no such tool here."
        case _:
            assert_never(failure.code)
    return Answer(
        status=status, code=failure.code, message=message, said=said, told=f"{undone}{told}"
    )


def _remedy(remedy: Remedy) -> str:
    match remedy:
        case "ask":
            return "Ask for it, and call again."
        case "correct":
            return "Call again with it in that form, and ask the caller only if you do not know it."
        case _:
            assert_never(remedy)

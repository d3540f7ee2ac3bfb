"""Who changes an appointment: the caller, or somebody who speaks for the clinic. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from booking_core.contacts import check_person
from booking_core.errors import InvalidRequest
from booking_core.spoken import Phone, check_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """Whoever is on the line. `phone` is the number that the call comes from, as the network says
    it, and never what the caller says; None where it is withheld. `name` is what the caller said.

    A caller may change what the very call booked, and the appointments of the contact whose number
    it is, with the attendee's name. Raises `InvalidRequest` for values that no parser would make.
    """

    call_id: str
    phone: Phone | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        check_text(self.call_id, "call_id")
        check_person(phone=self.phone, email=None, name=self.name, is_needed=False)

    @property
    def label(self) -> str:
        """As events name the actor."""
        return "caller"


@dataclass(frozen=True, kw_only=True, slots=True)
class Staff:
    """Somebody who speaks for the clinic, and may change every appointment of it. `name` says who,
    for the events: no patient. `via` is `api` for a program that has a token."""

    name: str
    via: Literal["staff", "api"] = "staff"

    def __post_init__(self) -> None:
        check_text(self.name, "name")
        if self.via not in ("staff", "api"):
            raise InvalidRequest("INVALID_ARGUMENTS", "via", "It must be staff or api")

    @property
    def label(self) -> str:
        """As events name the actor."""
        return f"{self.via}:{self.name}"


Actor: TypeAlias = Caller | Staff

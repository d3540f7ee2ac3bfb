"""Book an appointment for a contact, exactly once, on PostgreSQL with asyncpg.

    async with pool.acquire() as conn:
        outcome = await book(conn, BookingRequest(org_id=..., phone=..., scheduled_at=...))

`Booked`, `SlotTaken` and `OutsideHours` are what to say, `InvalidRequest` is what to fix; see each
for its terms.
"""

from booking_core._statements import Connection, read_schema
from booking_core.actors import Actor, Caller, Staff
from booking_core.availability import FreeTime, find_times
from booking_core.booking import book, list_appointments
from booking_core.changes import (
    Cancelled,
    Choice,
    DayAppointment,
    Held,
    Moved,
    NotFound,
    SeveralFound,
    TooLate,
)
from booking_core.changing import cancel, find_appointments, list_day, move, set_status
from booking_core.closures import (
    Closure,
    add_closure,
    import_holidays,
    list_closures,
    remove_closure,
)
from booking_core.contacts import ContactMatch, ResolvedContact, resolve_contact
from booking_core.erasure import Contact, Erased, erase_contact, export_contact, find_contacts
from booking_core.errors import (
    AppointmentRefused,
    BookingError,
    BookingNotSettled,
    ContactNotResolved,
    InvalidRequest,
    OrganizationNotFound,
    OrganizationNotReady,
)
from booking_core.events import Event, find_call, find_events
from booking_core.fitness.access import grant_role, lock_down
from booking_core.fitness.adoption import adopt, read_adoption
from booking_core.fitness.findings import Finding
from booking_core.fitness.migrations import upgrade
from booking_core.fitness.plan import AdoptionPlan, plan_adoption
from booking_core.fitness.preflight import preflight
from booking_core.hours import copy_hours, list_hours, list_outside, set_hours
from booking_core.organizations import (
    Organization,
    Token,
    add_organization,
    add_token,
    find_organization,
    find_organization_by_token,
    list_live_tokens,
    list_tokens,
    remove_organization,
    revoke_token,
    touch_tokens,
)
from booking_core.outcomes import (
    Appointment,
    Booked,
    Kept,
    LimitReached,
    Limits,
    OutsideHours,
    SlotTaken,
)
from booking_core.overview import (
    OrganizationOverview,
    count_future_appointments,
    list_organizations,
)
from booking_core.pruning import Pruned, count_prunable, prune
from booking_core.requests import BookingRequest
from booking_core.resources import (
    Resource,
    add_resource,
    list_resources,
    rename_resource,
    retire_resource,
)
from booking_core.services import Service, list_services, put_service, remove_service
from booking_core.spoken import Email, Phone, is_absent, parse_email, parse_phone
from booking_core.week import OpeningHours, format_hours, parse_hours

__all__ = [
    "Actor",
    "AdoptionPlan",
    "Appointment",
    "AppointmentRefused",
    "Booked",
    "BookingError",
    "BookingNotSettled",
    "BookingRequest",
    "Caller",
    "Cancelled",
    "Choice",
    "Closure",
    "Connection",
    "Contact",
    "ContactMatch",
    "ContactNotResolved",
    "DayAppointment",
    "Email",
    "Erased",
    "Event",
    "Finding",
    "FreeTime",
    "Held",
    "InvalidRequest",
    "Kept",
    "LimitReached",
    "Limits",
    "Moved",
    "NotFound",
    "OpeningHours",
    "Organization",
    "OrganizationNotFound",
    "OrganizationNotReady",
    "OrganizationOverview",
    "OutsideHours",
    "Phone",
    "Pruned",
    "ResolvedContact",
    "Resource",
    "Service",
    "SeveralFound",
    "SlotTaken",
    "Staff",
    "Token",
    "TooLate",
    "add_closure",
    "add_organization",
    "add_resource",
    "add_token",
    "adopt",
    "book",
    "cancel",
    "copy_hours",
    "count_future_appointments",
    "count_prunable",
    "erase_contact",
    "export_contact",
    "find_appointments",
    "find_call",
    "find_contacts",
    "find_events",
    "find_organization",
    "find_organization_by_token",
    "find_times",
    "format_hours",
    "grant_role",
    "import_holidays",
    "is_absent",
    "list_appointments",
    "list_closures",
    "list_day",
    "list_hours",
    "list_live_tokens",
    "list_organizations",
    "list_outside",
    "list_resources",
    "list_services",
    "list_tokens",
    "lock_down",
    "move",
    "parse_email",
    "parse_hours",
    "parse_phone",
    "plan_adoption",
    "preflight",
    "prune",
    "put_service",
    "read_adoption",
    "read_schema",
    "remove_closure",
    "remove_organization",
    "remove_service",
    "rename_resource",
    "resolve_contact",
    "retire_resource",
    "revoke_token",
    "set_hours",
    "set_status",
    "touch_tokens",
    "upgrade",
]

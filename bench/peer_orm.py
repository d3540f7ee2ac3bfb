"""Peer 1: the same endpoint as most would write it: FastAPI, and SQLAlchemy's ORM on asyncpg.

Find the contact, insert or update it, insert the appointment, commit. It does less than ours: it
reads one shape of message, trusts the phone as it came, and writes no log.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import DateTime, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from booking_asgi import Config


class Base(DeclarativeBase):
    pass


class Credential(Base):
    __tablename__ = "vapi_credentials"
    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]


class Clinic(Base):
    __tablename__ = "organizations"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    timezone: Mapped[str]


class Contact(Base):
    __tablename__ = "contacts"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    phone: Mapped[str | None]
    email: Mapped[str | None]
    name: Mapped[str | None]
    lead_status: Mapped[str | None]
    last_contact_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Appointment(Base):
    __tablename__ = "appointments"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    contact_id: Mapped[UUID]
    resource: Mapped[str]
    service_type: Mapped[str]
    scheduled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    attendee_name: Mapped[str | None]
    idempotency_key: Mapped[str | None]


class Arguments(BaseModel):
    patientName: str | None = None
    patientPhone: str
    patientEmail: str | None = None
    serviceType: str = "Appointment"
    appointmentDate: str
    appointmentTime: str


class Function(BaseModel):
    name: str
    arguments: Arguments


class ToolCall(BaseModel):
    id: str
    function: Function


class Message(BaseModel):
    type: str
    toolCallList: list[ToolCall]


class Envelope(BaseModel):
    message: Message


class Result(BaseModel):
    toolCallId: str
    name: str
    result: str


class Reply(BaseModel):
    results: list[Result]


url = os.environ.get("BENCH_DATABASE_URL", "").replace("postgresql://", "postgresql+asyncpg://")
engine = create_async_engine(url, pool_size=Config().pool_size, max_overflow=0) if url else None
sessions = async_sessionmaker(engine, expire_on_commit=False)
# For the life of the process: ours looks a token up again after 5 s.
known: dict[str, Clinic] = {}
app = FastAPI()


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def clinic_of(session: Session, x_vapi_secret: Annotated[str, Header()]) -> Clinic:
    if x_vapi_secret not in known:
        digest = hashlib.sha256(x_vapi_secret.encode()).digest()
        clinic = await session.scalar(
            select(Clinic)
            .join(Credential, Credential.org_id == Clinic.id)
            .where(Credential.token_sha256 == digest)
        )
        if clinic is None:
            raise HTTPException(401)
        known[x_vapi_secret] = clinic
    return known[x_vapi_secret]


@app.post("/api/vapi/tools")
async def answer(
    envelope: Envelope, session: Session, clinic: Annotated[Clinic, Depends(clinic_of)]
) -> Reply:
    results = []
    for call in envelope.message.toolCallList:
        said = await book(session, clinic, call)
        results.append(Result(toolCallId=call.id, name=call.function.name, result=said))
    return Reply(results=results)


async def book(session: AsyncSession, clinic: Clinic, call: ToolCall) -> str:
    asked = call.function.arguments
    start = datetime.fromisoformat(f"{asked.appointmentDate}T{asked.appointmentTime}")
    start = start.replace(tzinfo=ZoneInfo(clinic.timezone))
    found = select(Contact).where(Contact.org_id == clinic.id, Contact.phone == asked.patientPhone)
    contact = await session.scalar(found)
    if contact is None:
        contact = Contact(org_id=clinic.id, phone=asked.patientPhone)
        session.add(contact)
    contact.name = asked.patientName or contact.name
    contact.email = asked.patientEmail or contact.email
    contact.lead_status = "contacted"
    contact.last_contact_at = datetime.now(ZoneInfo("UTC"))
    try:
        await session.flush()
        session.add(
            Appointment(
                org_id=clinic.id,
                contact_id=contact.id,
                resource="1",
                service_type=asked.serviceType,
                scheduled_at=start,
                attendee_name=asked.patientName,
                idempotency_key=call.id,
            )
        )
        await session.commit()
    except IntegrityError:
        await session.rollback()
        return "Not booked: that time was just taken. Offer another time."
    return f"Booked: {asked.serviceType} on {start:%A, %B %d, %Y at %I:%M %p}."

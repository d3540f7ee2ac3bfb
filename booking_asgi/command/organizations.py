"""The commands `org` and `token`: who takes bookings, and by which tokens."""

from __future__ import annotations

import dataclasses
import json
from uuid import UUID

import click

from booking_asgi.command.on_database import database_url, run_on
from booking_asgi.config import Config
from booking_core import (
    Connection,
    OrganizationOverview,
    Token,
    add_organization,
    add_token,
    count_future_appointments,
    find_organization,
    list_organizations,
    list_tokens,
    revoke_token,
)

ORG_ID = click.option("--org", "org_id", type=UUID, required=True, help="The organization's id.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")


@click.group()
def org() -> None:
    """The organizations that take bookings."""


@org.command("add")
@click.option("--name", required=True)
@click.option("--timezone", required=True, help="IANA name, such as America/New_York.")
@click.option("--region", required=True, help="Of local phone numbers: ISO 3166, such as US.")
@click.option(
    "--resource", "resources", multiple=True, help="Who or what is booked [main]; repeatable."
)
@click.option("--even-so", is_flag=True, help="Although there is one of this name already.")
@click.pass_obj
def add_org(
    config: Config,
    name: str,
    timezone: str,
    region: str,
    resources: tuple[str, ...],
    even_so: bool,
) -> None:
    """Add an organization; print its id and its token, which can't be shown again."""

    async def add(conn: Connection) -> tuple[UUID, str]:
        async with conn.transaction():
            organization = await add_organization(
                conn,
                name=name,
                timezone=timezone,
                phone_region=region,
                resources=resources or ("main",),
            )
            same = await list_organizations(conn, name=name)
            if not even_so and (others := [one for one in same if one.id != organization.id]):
                raise click.ClickException(_already(others[0]))
            return organization.id, await add_token(conn, organization.id, label="first")

    with database_url(config) as url:
        org_id, token = run_on(url, add)
    click.echo(f"organization {org_id}\ntoken        {token}")


def _already(other: OrganizationOverview) -> str:
    return (
        f"The organization {other.id} has the name {other.name} already. For another token of it:"
        f" booking-asgi token add --org {other.id}. To add a second organization of this name, add"
        " --even-so."
    )


@org.command("list")
@AS_JSON
@click.pass_obj
def list_orgs(config: Config, as_json: bool) -> None:
    """List the organizations by name: id, name, time zone, region, live tokens, resources."""
    with database_url(config) as url:
        found = run_on(url, list_organizations)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], indent=2, default=str))
        return
    for one in found:
        tokens = f"{one.live_tokens} live {'token' if one.live_tokens == 1 else 'tokens'}"
        resources = ", ".join(one.resources)
        parts = (str(one.id), one.name, one.timezone, one.phone_region, tokens, resources)
        click.echo("  ".join(part or "none" for part in parts))


@org.command("show")
@ORG_ID
@AS_JSON
@click.pass_obj
def show_org(config: Config, org_id: UUID, as_json: bool) -> None:
    """Show one organization, and how many appointments it has from now on."""

    async def look(conn: Connection) -> tuple[OrganizationOverview, dict[str, int]]:
        found = await list_organizations(conn, org_id=org_id)
        if not found:
            raise click.ClickException(f"There is no organization of the id {org_id}")
        return found[0], await count_future_appointments(conn, org_id)

    with database_url(config) as url:
        one, counts = run_on(url, look)
    if as_json:
        shown = {**dataclasses.asdict(one), "future_appointments": counts}
        click.echo(json.dumps(shown, indent=2, default=str))
        return
    lines = {
        "organization": str(one.id),
        "name": one.name,
        "time zone": one.timezone,
        "phone region": one.phone_region,
        "resources": ", ".join(one.resources),
        "live tokens": str(one.live_tokens),
        "to come": ", ".join(f"{count} {status}" for status, count in counts.items()),
    }
    for name, value in lines.items():
        click.echo(f"{name:12} {value or 'none'}")


@click.group()
def token() -> None:
    """The tokens that open an organization; several may be live at once."""


@token.command("add")
@ORG_ID
@click.option("--label", default="", help="What or whom it is for.")
@click.pass_obj
def add_one(config: Config, org_id: UUID, label: str) -> None:
    """Print one more token, which can't be shown again."""
    with database_url(config) as url:
        click.echo(run_on(url, lambda conn: add_token(conn, org_id, label=label)))


@token.command("list")
@ORG_ID
@click.pass_obj
def list_all(config: Config, org_id: UUID) -> None:
    """List an organization's tokens by their ids, newest first."""
    with database_url(config) as url:
        for one in run_on(url, lambda conn: _tokens(conn, org_id)):
            end = f"revoked {one.revoked_at:%Y-%m-%d %H:%M}Z" if one.revoked_at else "live"
            used = f"used {one.last_used_at:%Y-%m-%d %H}h" if one.last_used_at else "never used"
            made = f"made {one.created_at:%Y-%m-%d %H:%M}Z"
            click.echo(f"{one.id}  {made}  {used}  {end}  {one.label}")


@token.command("revoke")
@ORG_ID
@click.argument("token_id")
@click.pass_obj
def revoke(config: Config, org_id: UUID, token_id: str) -> None:
    """Revoke the token of this id, as `list` shows it; it stops working within 5 seconds."""
    with database_url(config) as url:
        if not run_on(url, lambda conn: revoke_token(conn, org_id, token_id)):
            raise click.ClickException("The organization has no token of this id")


async def _tokens(conn: Connection, org_id: UUID) -> list[Token]:
    if await find_organization(conn, org_id) is None:
        raise click.ClickException(f"There is no organization of the id {org_id}")
    return await list_tokens(conn, org_id)

"""The command `booking-asgi`: one file for each of its commands."""

from __future__ import annotations

import os

import click

from booking_asgi.command.appointments import appointment
from booking_asgi.command.call import simulate_call
from booking_asgi.command.check import check
from booking_asgi.command.closures import closure, holidays
from booking_asgi.command.contacts import contact
from booking_asgi.command.history import history
from booking_asgi.command.hours import hours
from booking_asgi.command.moves import move_one
from booking_asgi.command.organizations import org, token
from booking_asgi.command.prune import prune
from booking_asgi.command.race import race
from booking_asgi.command.resources import resource
from booking_asgi.command.schema import schema
from booking_asgi.command.serve import serve
from booking_asgi.command.services import service
from booking_asgi.command.tool import print_tool
from booking_asgi.config import KUBERNETES, Config, ConfigError


@click.group()
@click.version_option(package_name="vapi-booking")
@click.pass_context
def main(context: click.Context) -> None:
    """Book appointments for a Vapi voice assistant. The settings are BOOKING_... variables."""
    try:
        context.obj = Config.from_environ(os.environ)
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    if strange := sorted(name for name in os.environ if KUBERNETES.fullmatch(name)):
        click.echo(f"Warning: {', '.join(strange)}: of Kubernetes, not read", err=True)


appointment.add_command(move_one)
for command in (
    *(schema, org, token, resource, hours, service, closure, holidays),
    *(appointment, history, contact, prune),
    *(check, race, serve, print_tool, simulate_call),
):
    main.add_command(command)

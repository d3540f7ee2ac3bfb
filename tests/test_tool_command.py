"""`booking-asgi tool --org`: the tools with a clinic's own names in them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from vapi.types import CreateFunctionToolDto

from booking_asgi import contract
from booking_asgi.tools import TOOLS
from tests.support.commands import complaint, run
from tests.support.owners import Owner, an_owner

URL = "https://booking.example.com/api/vapi/tools"


@pytest.fixture
async def owner(url: str) -> AsyncIterator[Owner]:
    async with an_owner(url) as owner:
        yield owner


def printed(owner: Owner, *words: str) -> tuple[list[dict[str, Any]], str]:
    """The tools, and what stands on standard error beside the database."""
    done = run("tool", "--url", URL, *words, database_url=owner.url)
    assert done.returncode == 0, done
    return [json.loads(line) for line in done.stdout.splitlines()], complaint(done)


def choices(tool: dict[str, Any]) -> dict[str, list[str]]:
    """The values that each argument is chosen from."""
    properties = tool["function"]["parameters"]["properties"]
    return {name: each["enum"] for name, each in properties.items() if "enum" in each}


async def test_the_tools_name_what_a_clinic_offers(owner: Owner) -> None:
    """A model chooses among the services and the resources that can be booked now, and Vapi takes
    the tools. The prompt names the clinic's zone."""
    owner.does("service", "add", "Cleaning", "--minutes", "30")
    owner.does("service", "add", "Botox", "--minutes", "45", "--resource", "Dr. Lee")
    tools, prompt = printed(owner, "--org", str(owner.clinic.id))
    assert [tool["function"]["name"] for tool in tools] == [tool.name for tool in TOOLS]
    named = {"serviceType": ["Botox", "Cleaning"], "resource": ["Dr. Kim", "Dr. Lee"]}
    assert choices(tools[0]) == named
    assert choices(tools[1]) == {"partOfDay": ["morning", "afternoon", "evening"], **named}
    for tool in tools:
        CreateFunctionToolDto.model_validate(tool)
    assert contract.prompt_block("America/New_York") in prompt
    owner.does("resource", "retire", "Dr. Lee")
    [tool], _ = printed(owner, "--org", str(owner.clinic.id), "--name", "bookAppointment")
    assert choices(tool) == {"serviceType": ["Cleaning"], "resource": ["Dr. Kim"]}


async def test_a_clinic_without_services_leaves_them_to_the_caller(owner: Owner) -> None:
    """Then any text is a service. A zone that is given goes before the clinic's."""
    words = ("--org", str(owner.clinic.id), "--timezone", "Europe/Berlin")
    [tool, *_], prompt = printed(owner, *words)
    assert choices(tool) == {"resource": ["Dr. Kim", "Dr. Lee"]}
    assert contract.prompt_block("Europe/Berlin") in prompt


async def test_without_an_organization_no_database_is_asked(owner: Owner) -> None:
    """The tools are those of any clinic."""
    tools, prompt = printed(owner)
    assert tools == [contract.vapi_tool(tool, URL) for tool in TOOLS]
    assert prompt.startswith("\nFor the assistant's prompt:\n")
    assert contract.prompt_block("Region/City") in prompt


async def test_an_organization_that_is_not_there(owner: Owner) -> None:
    """It is told in one line, and nothing is printed."""
    unknown = "00000000-0000-4000-8000-000000000009"
    words = ("tool", "--url", URL, "--org", unknown)
    assert owner.may_not(*words) == f"Error: There is no organization of the id {unknown}\n"
    done = run(*words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "BOOKING_DATABASE_URL is not set" in done.stderr

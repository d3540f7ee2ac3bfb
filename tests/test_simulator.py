"""The commands `token`, `tool` and `call`, on a running endpoint: what an operator tries first."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date

import pytest

from booking_asgi import contract
from booking_asgi.command import call as simulator
from booking_asgi.tools import TOOLS
from tests.conftest import psql
from tests.support.commands import Serving, refused, run, served
from tests.support.factories import in_days
from tests.support.processes import a_folder, wait_until

SIGNED = {
    "hmac_secrets": "an-hmac-secret-of-32-characters-x",
    "hmac_algorithm": "sha512",
    "hmac_prefix": "v1=",
}
DEMO_ORG = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def demo() -> Iterator[Serving]:
    with a_folder() as folder, served(folder) as serving:
        yield serving


def an_open_day() -> str:
    """The first weekday from in 30 days on that is not the demo's holiday."""
    days = (date.fromisoformat(in_days(days)) for days in range(30, 35))
    return next(
        day.isoformat() for day in days if day.isoweekday() < 6 and (day.month, day.day) != (12, 25)
    )


def call(demo: Serving, *words: str, **settings: object) -> tuple[int, str]:
    done = run("call", "--date", an_open_day(), *words, port=demo.port, **settings)
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize("shape", simulator.SHAPES)
def test_a_call_is_heard_in_each_shape(demo: Serving, shape: str) -> None:
    """Booked, in the words that the model hears; the row is in the database."""
    time = f"{9 + simulator.SHAPES.index(shape):02}:00"
    words = ("--name", "Ana Luz", "--phone", "555 987 6543", "--time", time, "--service", shape)
    code, heard = call(demo, *words, "--shape", shape)
    assert (code, heard.startswith(f"Booked: {shape} with Dr. ")) == (0, True)
    found = f"select count(*) from appointments where service_type = '{shape}'"
    assert psql(demo.database_url, "-c", found) == "1"


def test_a_call_that_is_refused_is_heard(demo: Serving) -> None:
    """The command exits with 1, for scripts."""
    code, heard = call(demo, "--time", "3", "--phone", "555 987 6543")
    assert code == 1
    assert heard.startswith("Not booked: appointmentTime '3': It could be")


def test_a_conversation_that_comes_again_is_a_repeat(demo: Serving) -> None:
    """The same answer and no second row; the caller's own number stands in for a phone."""
    words = ("--time", "20:00", "--caller", "+15550001111", "--conversation", "c")
    assert call(demo, *words) == call(demo, *words)
    found = "select count(*) from contacts c join appointments a on a.contact_id = c.id"
    assert psql(demo.database_url, "-c", f"{found} where phone = '+15550001111'") == "1"


def test_a_call_without_a_known_token_is_not_heard(demo: Serving) -> None:
    code, heard = call(demo, "--time", "20:30", "--secret", "wrong")
    assert (code, heard) == (1, "Nothing: the endpoint answered 401, which Vapi ignores.")


def test_a_call_to_nobody_is_not_heard() -> None:
    done = run("call", "--url", "http://127.0.0.1:9/")
    assert (done.returncode, done.stdout.startswith("Nothing: ")) == (1, True)


def test_a_call_is_signed_on_demand(demo: Serving) -> None:
    """By the settings of the deployment, which refuses it otherwise."""
    with a_folder() as folder, served(folder, **SIGNED) as signing:
        words = ("--time", "10:00", "--phone", "555 987 6543")
        assert call(signing, *words, **SIGNED)[1].startswith("Nothing: the endpoint answered 401")
        assert call(signing, *words, "--hmac", **SIGNED)[1].startswith("Booked: ")
    assert run("call", "--hmac").returncode == 2


def test_the_tool_is_printed_as_json() -> None:
    """On standard output alone; the prompt's line stands on standard error."""
    url = "https://booking.example.com/api/vapi/tools"
    # With a slash at its end as well, which Vapi would not be led away from.
    done = run("tool", "--url", f"{url}/", "--credential", "c", "--timezone", "Europe/Berlin")
    printed = [json.loads(line) for line in done.stdout.splitlines()]
    assert printed == [contract.vapi_tool(tool, url, "c") for tool in TOOLS]
    one = run("tool", "--url", url, "--name", "findTimes", "--timezone", "Europe/Berlin")
    assert json.loads(one.stdout)["function"]["name"] == "findTimes"
    assert contract.prompt_block("Europe/Berlin") in done.stderr


@pytest.mark.parametrize("zone", ["Mars/Base", "EST", "right/America/New_York", "Factory"])
def test_the_tool_takes_no_zone_of_no_place(zone: str) -> None:
    done = run("tool", "--url", "https://booking.example.com", "--timezone", zone)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{zone} is no time zone" in done.stderr


def test_a_token_is_added_listed_and_revoked(demo: Serving) -> None:
    """The new one works beside the old; revoked, it stops, and the list says when."""
    settings = {"database_url": demo.database_url}
    added = run("token", "add", "--org", DEMO_ORG, "--label", "second", **settings)
    secret = added.stdout.strip()
    words = ("--time", "21:00", "--phone", "555 987 6543", "--secret", secret)
    wait_until(lambda: call(demo, *words)[0] == 0)  # for an unknown one it looks once a second
    listed = run("token", "list", "--org", DEMO_ORG, **settings).stdout
    assert secret not in listed
    live = r"^[0-9a-f]{12}  made .*Z  (?:never used|used .*h)  live  (second|demo)$"
    assert len(re.findall(live, listed, re.M)) == 2
    [token_id] = re.findall(r"^([0-9a-f]{12}) .* second$", listed, re.M)
    assert run("token", "revoke", "--org", DEMO_ORG, token_id, **settings).returncode == 0
    listed = run("token", "list", "--org", DEMO_ORG, **settings).stdout
    assert re.search(rf"^{token_id}  made .*Z  never used  revoked .*Z  second$", listed, re.M)
    found = "select count(*) from vapi_credentials where revoked_at is not null"
    assert psql(demo.database_url, "-c", found) == "1"


def test_a_demo_whose_token_was_revoked_starts_again() -> None:
    """It stays as it is: nothing is added to it, and nothing brings its token back."""
    with a_folder() as folder:
        with served(folder) as first:
            revoke = "update vapi_credentials set revoked_at = now()"
            psql(first.database_url, "-c", revoke)
        with served(folder) as again:
            found = "select count(*), count(revoked_at) from vapi_credentials"
            assert psql(again.database_url, "-c", found) == "1|1"
            assert psql(again.database_url, "-c", "select count(*) from resources") == "2"


@pytest.mark.parametrize(
    "words",
    [
        ("add", "--org", "00000000-0000-4000-8000-000000000009"),
        ("revoke", "--org", DEMO_ORG, "000000000000"),
        ("revoke", "--org", "00000000-0000-4000-8000-000000000009", "000000000000"),
    ],
)
def test_a_token_of_nobody_is_one_clear_line(demo: Serving, words: tuple[str, ...]) -> None:
    refused(run("token", *words, database_url=demo.database_url))


def test_the_shapes_are_those_there_are() -> None:
    with pytest.raises(ValueError, match="S1"):
        simulator.tool_message({}, shape="S8")

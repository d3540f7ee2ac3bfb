"""Where a database URL leads, as asyncpg itself reads it, and that no password goes in clear."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncpg
import pytest
from asyncpg import connect_utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from booking_asgi import Config, ConfigError, create_app
from booking_asgi.address import UNREADABLE, Address, is_loopback
from booking_asgi.config import refuse_unsafe
from booking_asgi.connections import connect, without_libpq_only

SOCKETS = ("/run/postgresql", "/var/run/postgresql", "/tmp", "/private/tmp")
NEAR = [
    "u:s3cret@127.0.0.1/d",
    "u:s3cret@127.8.8.8:5433/d",
    "u:s3cret@localhost:5432/d",
    "u:s3cret@LOCALHOST/d",
    "u:s3cret@[::1]:5432/d",
    "u:s3cret@%2Frun%2Fpostgresql/d",
    "u:s3cret@127.0.0.1,localhost:5433/d",
    "u:s3cret@localhost/d?host=db.example.com",
    "u:s3cret@localhost/d?service=away",
    "u:s3cret@/d?host=/run/postgresql",
    "/d?host=/run/postgresql,localhost",
    "/d?hostaddr=10.0.0.1",
    "/d",
    "",
]
AWAY = [
    "u:s3cret@db.example.com/d",
    "u:s3cret@10.0.0.1:5432/d",
    "u:s3cret@[2001:db8::1]:5432/d",
    "u:s3cret@127.0.0.1,db.example.com/d",
    "u:s3cret@localhost,db.example.com:5433/d",
    "u:s3cret@127.0.0.1.example.com/d",
    "u:s3cret@127.0.0.1%2Cdb.example.com/d",
    "u:s3cret@localhost.example.com/d",
    "u:s3cret@db.example.com/d?host=localhost",
    "u:s3cret@db.example.com/d?hostaddr=127.0.0.1",
    "/d?host=db.example.com",
    "/d?host=/run/postgresql,db.example.com",
    "/d?host=localhost&host=db.example.com",
]


def of(address: str, **environ: str) -> Address:
    return Address.of(f"postgresql://{address}", environ)


def with_mode(address: str, mode: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}sslmode={mode}"


def as_asyncpg_reads(url: str) -> tuple[tuple[str, ...], str, str]:
    """Hosts, database and sslmode of a connection that asyncpg would try, in this environment."""
    names = "host port password passfile database ssl service servicefile direct_tls"
    names += " server_settings target_session_attrs krbsrvname gsslib"
    given = dict.fromkeys(names.split())
    addresses, parameters = connect_utils._parse_connect_dsn_and_args(  # type: ignore[attr-defined]  # not in the stubs
        dsn=without_libpq_only(url), user="the-user", **given
    )
    hosts = (
        one.partition("/.s.PGSQL.")[0] if isinstance(one, str) else one[0] for one in addresses
    )
    return tuple(hosts), parameters.database, parameters.sslmode.name.replace("_", "-")


def check_as_asyncpg_reads(url: str) -> None:
    address = Address.of(url, os.environ)
    hosts, database, sslmode = as_asyncpg_reads(url)
    assert (address.hosts or (*SOCKETS, "localhost")) == hosts
    assert address.database in (database, "" if database == "the-user" else database)
    assert (address.sslmode or sslmode) == sslmode


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("address", NEAR)
def test_this_machine_needs_no_tls(address: str) -> None:
    """Unix sockets and loopback addresses are exempt, and asyncpg goes to no other."""
    url = f"postgresql://{address}"
    check_as_asyncpg_reads(url)
    assert all(map(is_loopback, as_asyncpg_reads(url)[0]))
    refuse_unsafe(url, {})


@pytest.mark.parametrize("mode", ["", "prefer", "allow", "requir", "REQUIRE"])
@pytest.mark.parametrize("address", AWAY)
def test_another_machine_needs_tls(address: str, mode: str) -> None:
    """Without a mode that forces TLS, an error says what to add. It repeats nothing of the URL."""
    check_as_asyncpg_reads(f"postgresql://{address}")
    url = f"postgresql://{with_mode(address, mode) if mode else address}"
    with pytest.raises(ConfigError, match=r"\ABOOKING_DATABASE_URL [^\n]+verify-full") as caught:
        refuse_unsafe(url, {})
    assert "s3cret" not in str(caught.value)
    with pytest.raises(ConfigError, match="verify-full"):
        create_app(Config(database_url=url))


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full", "disable"])
@pytest.mark.parametrize("address", AWAY)
def test_a_mode_that_decides_is_taken(address: str, mode: str) -> None:
    """TLS is forced, or the operator has said that clear text is meant."""
    assert of(with_mode(address, mode)).is_safe


def test_the_last_mode_counts() -> None:
    """The last sslmode counts, as for asyncpg; an earlier one protects nothing."""
    url = "postgresql://u@db.example.com/d?sslmode=require&sslmode=prefer"
    check_as_asyncpg_reads(url)
    assert not Address.of(url, {}).is_safe


@pytest.mark.parametrize(
    "address",
    [
        "u:p@db.example.com/d?x=1#&sslmode=require",
        "u:p@db.example.com/d#?sslmode=require",
        "u:p@db.example.com/d?sslmode=require&connect_timeout=1#&sslmode=prefer",
    ],
)
def test_a_mode_behind_a_hash_is_not_counted(address: str) -> None:
    """asyncpg does not read what follows a #, so the URL is refused."""
    with pytest.raises(ValueError, match="percent-encoded"):
        of(address)


@pytest.mark.parametrize(
    ("address", "variables", "is_safe"),
    [
        ("/d", {"PGHOST": "db.example.com"}, False),
        ("/d", {"PGHOST": "/run/postgresql"}, True),
        ("/d", {"PGHOST": "127.0.0.1,db.example.com"}, False),
        ("/d", {"PGHOST": "127.0.0.1,db.example.com", "PGPORT": "5432,5433"}, False),
        ("/d", {"PGHOST": "[::1]:5433,localhost", "PGPORT": "5432"}, True),
        ("/d", {"PGHOST": ""}, True),
        ("/d", {"PGPORT": "5433"}, True),
        ("/d", {"PGHOST": "db.example.com", "PGSSLMODE": "require"}, True),
        ("/d", {"PGHOST": "db.example.com", "PGSSLMODE": "disable"}, True),
        ("/d", {"PGHOST": "db.example.com", "PGSSLMODE": "prefer"}, False),
        ("/d?sslmode=prefer", {"PGHOST": "db.example.com", "PGSSLMODE": "require"}, False),
        ("/d?host=localhost", {"PGHOST": "db.example.com"}, True),
        ("u@localhost/d", {"PGHOST": "db.example.com"}, True),
        ("u@db.example.com/d", {"PGHOST": "localhost"}, False),
        ("u@db.example.com/d", {"PGHOSTADDR": "127.0.0.1"}, False),
        ("u@db.example.com", {"PGSSLMODE": "verify-ca", "PGDATABASE": "e"}, True),
    ],
)
def test_the_variables_of_libpq_are_heeded(
    address: str, variables: dict[str, str], is_safe: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PGHOST may lead away and PGSSLMODE may force TLS, exactly where asyncpg reads them."""
    for name, text in variables.items():
        monkeypatch.setenv(name, text)
    if not variables.get("PGSSLMODE", "").startswith("verify"):  # asyncpg wants a certificate
        check_as_asyncpg_reads(f"postgresql://{address}")
    assert Address.of(f"postgresql://{address}", os.environ).is_safe == is_safe


def test_a_service_may_lead_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file names a host and a mode before PGHOST and PGSSLMODE do; the URL's own words win."""
    (tmp_path / "services").write_text("[away]\nhost=db.example.com\nsslmode=prefer\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGHOST", "localhost")
    monkeypatch.setenv("PGSSLMODE", "require")
    hosts, _, mode = as_asyncpg_reads("postgresql:///d?service=away")
    assert (hosts, mode) == (("db.example.com",), "prefer")
    assert not Address.of("postgresql:///d?service=away", os.environ).is_safe
    assert not Address.of("postgresql://db.example.com/d?service=away", os.environ).is_safe
    assert Address.of("postgresql:///d?service=away&sslmode=require", os.environ).is_safe
    assert Address.of("postgresql://localhost/d?service=away", os.environ).is_safe


def test_pgservice_is_not_relied_upon(monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncpg 0.32 does not read it, but libpq does: the rule holds either way."""
    monkeypatch.setenv("PGSERVICE", "away")
    check_as_asyncpg_reads("postgresql:///d")
    others: list[dict[str, str]] = [{}, {"PGHOST": "localhost"}, {"PGSSLMODE": "require"}]
    for other in others:
        assert not of("/d", PGSERVICE="away", **other).is_safe
    assert of("/d?sslmode=require", PGSERVICE="away").is_safe
    assert of("localhost/d", PGSERVICE="away").is_safe


PLACES = st.sampled_from(
    ["localhost", "127.0.0.1:5433", "db.example.com", "[::1]", "[2001:db8::1]:1", "10.0.0.1:2", ""]
)
MODES = st.sampled_from(["", "disable", "allow", "prefer", "require"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    own=st.lists(PLACES, max_size=3),
    options=st.lists(
        st.one_of(
            st.tuples(st.just("host"), st.lists(PLACES, max_size=2).map(",".join)),
            st.tuples(st.just("sslmode"), MODES),
            st.tuples(st.sampled_from(["dbname", "database", "hostaddr"]), st.just("x")),
        ),
        max_size=4,
    ),
    variables=st.fixed_dictionaries(
        {},
        optional={
            "PGHOST": st.lists(PLACES, max_size=2).map(",".join),
            "PGSSLMODE": MODES.filter(bool),
            "PGDATABASE": st.just("y"),
        },
    ),
    path=st.sampled_from(["", "/", "/d", "/%64"]),
)
def test_any_url_leads_where_asyncpg_goes(
    own: list[str], options: list[tuple[str, str]], variables: dict[str, str], path: str
) -> None:
    """If the rule holds a URL safe, asyncpg does not send anything in clear to another machine."""
    query = "&".join(f"{name}={text}" for name, text in options)
    url = f"postgresql://u:p@{','.join(own)}{path}{'?' if query else ''}{query}"
    with pytest.MonkeyPatch.context() as patch:
        for name, text in variables.items():
            patch.setenv(name, text)
        try:
            address = Address.of(url, os.environ)
        except ValueError as error:
            assert str(error).endswith("PGHOST can't be read") or str(error) == UNREADABLE
            return
        check_as_asyncpg_reads(url)
        hosts, _, mode = as_asyncpg_reads(url)
    if address.is_safe:
        is_meant = "disable" in (mode, address.sslmode)
        assert is_meant or mode == "require" or all(map(is_loopback, hosts))


async def test_a_server_that_denies_tls_hears_nothing() -> None:
    """With sslmode=require asyncpg asks for TLS, and hangs up if the server has none."""
    heard: list[bytes] = []

    async def deny(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readexactly(8))
        writer.write(b"N")
        heard.append(await reader.read())
        writer.close()

    async with await asyncio.start_server(deny, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"postgresql://u:s3cret@127.0.0.1:{port}/d?sslmode=require"
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            await connect(url, connect_timeout=10, command_timeout=10, statement_cache_size=0)
        async with asyncio.timeout(10):
            while len(heard) < 2:  # noqa: ASYNC110 - the server's task ends by itself
                await asyncio.sleep(0.01)
    assert heard == [b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b""]


@pytest.mark.parametrize(
    ("address", "label"),
    [
        ("u:s3cret@db.example.com:5432/bookings?x=y", "bookings on db.example.com"),
        ("u:s3cret@a,b:1/bookings", "bookings on a, b"),
        ("u:s3cret@[::1]:5432/bookings", "bookings on ::1"),
        ("u:s3cret@%2Frun%2Fpostgresql/bookings", "bookings on /run/postgresql"),
        ("/bookings", "bookings on this machine"),
        ("/bookings?service=away", "bookings on service away"),
        ("?service=away", "of the service on service away"),
        ("u:s3cret@127.0.0.1", "of the user's name on 127.0.0.1"),
        ("u:s3cret@127.0.0.1?dbname=bookings", "bookings on 127.0.0.1"),
    ],
)
def test_a_label_names_database_and_host(address: str, label: str) -> None:
    """The label holds neither the user nor the password."""
    assert label == of(address).label


def test_a_pghost_that_can_not_be_read_is_named() -> None:
    """The error names the variable, and not the URL's password."""
    with pytest.raises(ValueError, match=r"PGHOST"):
        of("/d", PGHOST="localhost,")
    assert of("localhost/d", PGHOST="localhost,").is_safe


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.evil", ""])
def test_what_others_reach_is_not_loopback(host: str) -> None:
    """The demo does not listen there, and a password does not go there in clear."""
    assert not is_loopback(host)

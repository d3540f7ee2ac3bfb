from __future__ import annotations

import dataclasses
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_asgi.config import Config, ConfigError

URL = "postgresql://booking:s3cret@db.example.com:5432/bookings?sslmode=require"
LONG_SECRET = "s3cret" * 6
READ: dict[str, tuple[str, object]] = {
    "BOOKING_DATABASE_URL": (URL, URL),
    "BOOKING_DATA_DIR": ("/var/lib/booking", Path("/var/lib/booking")),
    "BOOKING_PG_BIN": ("/usr/lib/postgresql/18/bin", Path("/usr/lib/postgresql/18/bin")),
    "BOOKING_HOST": ("0.0.0.0", "0.0.0.0"),
    "BOOKING_PORT": ("8080", 8080),
    "BOOKING_POOL_SIZE": ("25", 25),
    "BOOKING_STATEMENT_CACHE_SIZE": ("0", 0),
    "BOOKING_DEADLINE_SECONDS": ("2.5", 2.5),
    "BOOKING_HORIZON_DAYS": ("90", 90),
    "BOOKING_MOST_PER_CALL": ("2", 2),
    "BOOKING_MOST_PER_CONTACT": ("3", 3),
    "BOOKING_LOG_FORMAT": ("json", "json"),
    "BOOKING_METRICS_HOST": ("0.0.0.0", "0.0.0.0"),
    "BOOKING_METRICS_PORT": ("9464", 9464),
    "BOOKING_HMAC_SECRETS": (f"{LONG_SECRET} {LONG_SECRET}2", (LONG_SECRET, f"{LONG_SECRET}2")),
    "BOOKING_HMAC_SIGNATURE_HEADER": ("X-Signed", "x-signed"),
    "BOOKING_HMAC_TIMESTAMP_HEADER": ("X-Sent-At", "x-sent-at"),
    "BOOKING_HMAC_ALGORITHM": ("sha512", "sha512"),
    "BOOKING_HMAC_ENCODING": ("base64", "base64"),
    "BOOKING_HMAC_PREFIX": ("v1=", "v1="),
}
WRONG = {
    "BOOKING_DATABASE_URL": ["mysql://u:s3cret@h/d", "u:s3cret@h/d", "postgresql:u:s3cret@h/d"],
    "BOOKING_PORT": ["nonsense", "0", "65536", "-1", "80.0", "٨٠", "9" * 5000],
    "BOOKING_POOL_SIZE": ["0", "1001", "ten"],
    "BOOKING_STATEMENT_CACHE_SIZE": ["-1", "10001"],
    "BOOKING_DEADLINE_SECONDS": ["0", "0.09", "301", "nan", "inf", "-1", "4s"],
    "BOOKING_HORIZON_DAYS": ["0", "3661", "2 years"],
    "BOOKING_LOG_FORMAT": ["xml", "JSON"],
    "BOOKING_METRICS_PORT": ["0", "65536", "tcp://10.0.0.7:9464"],
    "BOOKING_HMAC_ALGORITHM": ["md5", "SHA256"],
    "BOOKING_HMAC_ENCODING": ["base32"],
    "BOOKING_HMAC_SECRETS": ["s3cret", "s3cret" * 5, f"{LONG_SECRET} s3cret"],
    "BOOKING_MOST_PER_CALL": ["0", "1001", "four"],
    "BOOKING_MOST_PER_CONTACT": ["0", "10001"],
}


def field_of(variable: str) -> str:
    return variable.removeprefix("BOOKING_").lower()


def test_nothing_set_is_the_defaults() -> None:
    """If no variable is set, every setting has its default."""
    assert Config() == Config.from_environ({})


def test_each_setting_has_a_variable() -> None:
    """The fields of Config are read, and nothing else."""
    fields = [field.name for field in dataclasses.fields(Config)]
    assert fields == [field_of(variable) for variable in READ]


@pytest.mark.parametrize("variable", READ)
def test_a_variable_sets_its_field(variable: str) -> None:
    """A variable sets the field of its name and leaves the others."""
    text, value = READ[variable]
    expected = dataclasses.replace(Config(), **{field_of(variable): value})  # type: ignore[arg-type]  # a table
    assert expected == Config.from_environ({variable: text})


@pytest.mark.parametrize("variable", sorted(READ.keys() - {"BOOKING_HMAC_SECRETS"}))
@pytest.mark.parametrize("text", ["", "  "])
def test_empty_is_unset(variable: str, text: str) -> None:
    """A variable that is empty or blank, as compose files leave it, is the default."""
    assert Config() == Config.from_environ({variable: text})


def test_space_around_a_value_is_left_out() -> None:
    """A value may have space around it."""
    assert Config.from_environ({"BOOKING_PORT": " 8080\n"}).port == 8080


@pytest.mark.parametrize(
    ("variable", "text"),
    [(variable, text) for variable, texts in WRONG.items() for text in texts],
    ids=lambda text: text[:30],
)
def test_a_wrong_value_names_its_variable(variable: str, text: str) -> None:
    """A value that can't be used is an error of one line that begins with its variable."""
    with pytest.raises(ConfigError, match=rf"\A{variable} .+\Z"):
        Config.from_environ({variable: text})


@pytest.mark.parametrize(
    "text",
    [
        *WRONG["BOOKING_DATABASE_URL"],
        "http://u:s3cret℀@host/db",  # the standard library's own complaint quotes it
        "postgres+asyncpg://u:s3cret@[::1/db",
    ],
)
def test_a_wrong_url_repeats_no_password(text: str) -> None:
    """The error for a wrong URL repeats nothing of it, nor does its traceback."""
    with pytest.raises(ConfigError) as caught:
        Config.from_environ({"BOOKING_DATABASE_URL": text})
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("character", "@/#℀")
def test_a_password_that_is_not_encoded_is_not_shown(character: str) -> None:
    """The driver would take a piece of it for the host; the error asks for percent-encoding."""
    url = f"postgresql://u:{character}s3cret@host/db?sslmode=require"
    with pytest.raises(ConfigError, match=r"BOOKING_DATABASE_URL .*percent-encoded") as caught:
        Config.from_environ({"BOOKING_DATABASE_URL": url})
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_repr_shows_no_password() -> None:
    """A Config that is logged or printed gives neither the database nor the HMAC's key away."""
    config = Config(database_url=URL, hmac_secrets=("an hmac s3cret",))
    assert "s3cret" not in repr(config)
    assert "s3cret" not in str(config)


@given(variable=st.sampled_from(list(READ)), text=st.text())
def test_any_text_is_a_setting_or_an_error(variable: str, text: str) -> None:
    """Whatever a variable holds, it is read or it is a ConfigError that names it."""
    try:
        Config.from_environ({variable: text})
    except ConfigError as error:
        assert str(error).startswith(f"{variable} ")


def test_an_empty_secret_stops_the_start() -> None:
    """A secret that got lost on its way must not turn the check of signatures off."""
    with pytest.raises(ConfigError, match="BOOKING_HMAC_SECRETS"):
        Config.from_environ({"BOOKING_HMAC_SECRETS": ""})


def test_the_old_name_of_a_setting_is_told_the_new_one() -> None:
    """The old name stops the start, or signatures would not be checked any more."""
    with pytest.raises(ConfigError, match="BOOKING_HMAC_SECRET is now BOOKING_HMAC_SECRETS"):
        Config.from_environ({"BOOKING_HMAC_SECRET": LONG_SECRET})


@pytest.mark.parametrize(
    "name", ["BOOKING_DATABSE_URL", "BOOKING_HMAC_SECERTS", "BOOKING_PORT_FILE", "BOOKING_X"]
)
def test_an_unknown_variable_stops_the_start(name: str) -> None:
    """A misspelled one would be a default in silence."""
    with pytest.raises(ConfigError, match=f"{name} is no setting"):
        Config.from_environ({name: "x"})


@pytest.mark.parametrize(
    "name",
    [
        *("BOOKING_TEST_USER", "BOOKING_SEED", "BOOKING_SERVICE_HOST", "BOOKING_PORT_80_TCP"),
        *("BOOKING_WEB_SERVICE_PORT", "OTHER_DATABASE_URL"),
    ],
)
def test_variables_of_others_do_not(name: str) -> None:
    assert Config() == Config.from_environ({name: "x"})


@pytest.mark.parametrize("name", ["DATABASE_URL", "HMAC_SECRETS"])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, name: str) -> None:
    text, value = READ[f"BOOKING_{name}"]
    secret = tmp_path / "secret"
    secret.write_text(f"{text}\n")
    variable = f"BOOKING_{name}_FILE"
    read = Config.from_environ({variable: str(secret)})
    assert getattr(read, name.lower()) == value
    with pytest.raises(ConfigError, match="both set"):
        Config.from_environ({variable: str(secret), f"BOOKING_{name}": text})
    with pytest.raises(ConfigError, match=f"{variable} can't be read: No such file"):
        Config.from_environ({variable: str(tmp_path / "none")})
    secret.write_text("\n")
    with pytest.raises(ConfigError, match=f"{variable} names an empty file"):
        Config.from_environ({variable: str(secret)})


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("u:p@db.example.com/d", False),
        ("u:p@10.0.0.7:5432/d", False),
        ("u:p@db.example.com/d?sslmode=prefer", False),
        ("u:p@localhost,db.example.com/d", False),
        ("u:p@db.example.com/d?host=localhost", False),
        ("u:p@localhost/d?host=db.example.com", True),
        ("u:p@db.example.com/d?sslmode=require", True),
        ("u:p@db.example.com/d?application_name=x&sslmode=verify-full", True),
        ("u:p@db.example.com/d?sslmode=disable", True),
        ("u:p@127.0.0.1:5432/d", True),
        ("u:p@[::1]:5432/d", True),
        ("u:p@localhost/d", True),
        ("/d?host=/var/run/postgresql", True),
        ("u:p@%2Fvar%2Frun%2Fpostgresql/d", True),
        ("/d", True),
    ],
)
def test_no_password_goes_over_a_network_in_clear(address: str, is_taken: bool) -> None:
    """A server that denies TLS would get it, unless the URL says that this is meant."""
    environ = {"BOOKING_DATABASE_URL": f"postgresql://{address}"}
    if is_taken:
        assert Config.from_environ(environ).database_url
    else:
        with pytest.raises(ConfigError, match="sslmode=verify-full"):
            Config.from_environ(environ)
        if "sslmode" not in address:
            assert Config.from_environ({**environ, "PGSSLMODE": "require"}).database_url

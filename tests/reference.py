"""Writes the pages of docs/reference that are made from the code: `make reference`.

`test_reference.py` holds the pages against the code.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click

import booking_core
from booking_asgi.command import main
from booking_core import Limits

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
LIBRARY = """# The library

All that `booking_core` exports, from its docstrings. `make reference` writes this page.
[Outcomes and errors](outcomes-and-errors.md) says when each comes, and
[use the library](../how-to/use-the-library.md) shows how it is used.
"""
COMMANDS = """# Commands

All commands of `booking-asgi`, as `--help` prints them. `make reference` writes this page. The
[settings](settings.md) are variables of the environment.
"""


def library_page() -> str:
    """The functions first, then the values and the errors, each by its name."""
    exported = {name: getattr(booking_core, name) for name in booking_core.__all__}
    kinds = {
        "Functions": [name for name, one in exported.items() if inspect.isfunction(one)],
        "Values": [name for name, one in exported.items() if _is_value(one)],
        "Errors": [name for name, one in exported.items() if _is_error(one)],
    }
    told = {name for names in kinds.values() for name in names}
    kinds["Types"] = [name for name in exported if name not in told]
    sections = [
        f"## {kind}\n\n" + "\n\n".join(_entry(name, exported[name]) for name in names)
        for kind, names in kinds.items()
    ]
    return "\n".join([LIBRARY, "\n\n".join(sections), ""])


def commands_page() -> str:
    """Each command, and each command of a group."""
    sections = [
        f"## {path}\n\n```text\n{help_text.rstrip()}\n```" for path, help_text in _helps(main)
    ]
    return "\n".join([COMMANDS, "\n\n".join(sections), ""])


PAGES = {"library.md": library_page, "commands.md": commands_page}


def _is_error(one: object) -> bool:
    return isinstance(one, type) and issubclass(one, Exception)


def _is_value(one: object) -> bool:
    return isinstance(one, type) and dataclasses.is_dataclass(one)


def _entry(name: str, one: Any) -> str:
    heading = f"### {name}"
    if inspect.isfunction(one):
        return f"{heading}\n\n```text\n{_signature(name, one)}\n```\n\n{_documentation(one)}"
    if _is_value(one):
        fields = "\n".join(f"{field.name}: {_field(field)}" for field in dataclasses.fields(one))
        more = "".join(
            f"\n\n`{name}`: {_documentation(member)}"
            for name, member in vars(one).items()
            if isinstance(member, property)
        )
        return f"{heading}\n\n{_documentation(one)}\n\n```text\n{fields}\n```{more}"
    if _is_error(one):
        return f"{heading}\n\n{_documentation(one)}"
    return f"{heading}\n\n{_alias(one)}"


def _signature(name: str, function: Any) -> str:
    """On one line, or with a line for each parameter."""
    marker = "async def" if inspect.iscoroutinefunction(function) else "def"
    signature = inspect.signature(function)
    parameters = [_plain(parameter) for parameter in signature.parameters.values()]
    result = _Written(signature.return_annotation)
    signature = signature.replace(parameters=parameters, return_annotation=result)
    whole = f"{marker} {name}{signature}"
    if len(whole) <= 100:
        return whole
    lines = [f"    {parameter}," for parameter in parameters]
    kinds = [parameter.kind for parameter in parameters]
    if inspect.Parameter.KEYWORD_ONLY in kinds:
        lines.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "    *,")
    return "\n".join([f"{marker} {name}(", *lines, f") -> {result}"])


@dataclasses.dataclass(frozen=True)
class _Written:
    """An annotation or a default value whose repr is this text."""

    text: str

    def __repr__(self) -> str:
        return self.text


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter as the source writes it: its annotation is text, and its default `Limits()`."""
    default: Any = parameter.default
    if default == Limits():
        default = _Written("Limits()")
    return parameter.replace(annotation=_Written(parameter.annotation), default=default)


def _field(field: dataclasses.Field[Any]) -> str:
    default = "" if field.default is dataclasses.MISSING else f" = {field.default!r}"
    return f"{field.type}{default}"


def _alias(one: Any) -> str:
    if isinstance(one, str):  # an alias that Python does not evaluate
        return f"`{one}`"
    if choices := get_args(one):
        return "One of " + ", ".join(f"`{choice}`" for choice in choices) + "."
    return f"A `{one.__supertype__.__name__}` that only its parser makes."


def _documentation(one: Any) -> str:
    """The docstring, without its indentation."""
    return inspect.cleandoc(one.__doc__ or "")


def _helps(group: click.Group, path: str = "booking-asgi") -> Iterator[tuple[str, str]]:
    for name in sorted(group.commands):
        command = group.commands[name]
        words = f"{path} {name}"
        parents = click.Context(group, info_name=path)
        if isinstance(command, click.Group):
            yield from _helps(command, words)
            continue
        context = click.Context(command, info_name=name, parent=parents, terminal_width=80)
        yield words, re.sub(r"[ \t]+$", "", command.get_help(context), flags=re.MULTILINE)


if __name__ == "__main__":
    for page, made in PAGES.items():
        (FOLDER / page).write_text(made())

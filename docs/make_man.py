"""Writes `taskdash.1`, the man page, from what `taskdash --spec` says: `make man`.

python docs/make_man.py > docs/taskdash.1
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from taskdash.cli.describing import spec
from taskdash.cli.main import taskdash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CHANGELOG: Final = Path(__file__).parent.parent / "CHANGELOG.md"
LINE_CHARS: Final = 78
FILES: Final = (
    (
        "config.toml",
        "the config; `taskdash config path` prints where it is, `taskdash config example` explains it",
    ),
    ("tasks.db", "the list; $TASKDASH_STORE or --store name another"),
)


def page() -> str:
    """Return the man page."""
    return "\n".join(_lines(spec(click.Context(taskdash, info_name="taskdash")))) + "\n"


def _lines(about: dict[str, Any]) -> Iterator[str]:
    first, *rest = about["description"].split("\n")
    yield '.\\" Made by docs/make_man.py from the commands themselves.'
    yield f'.TH TASKDASH 1 "{_released()}" "taskdash {_plain(about["version"])}" "User Commands"'
    yield from (".SH NAME", f"taskdash \\- {_plain(first[:1].lower() + first[1:].rstrip('.'))}")
    yield from (".SH SYNOPSIS", ".B taskdash", "[\\fIOPTION\\fR]... [\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...]")
    yield from (".SH DESCRIPTION", *_paragraphs(rest))
    yield ".SH OPTIONS"
    yield from _options(about["options"])
    yield from (".PP", "All commands take these, before and after the command:")
    yield from _options(about["globalOptions"])
    yield ".SH COMMANDS"
    yield from _commands(about["commands"], "taskdash")
    yield from (".SH FILTERS", *_text(f"In --filter, {about['filter']['syntax']}."))
    for name, field in about["filter"]["fields"].items():
        kind = f"one of {', '.join(field['values'])}" if field["values"] else field["kind"]
        yield from _item(_bold(f"{name}:"), f"{kind}; as in `{field['example']}`")
    yield ".SH EXIT STATUS"
    for code, means in about["exitCodes"].items():
        yield from _item(_bold(code), means)
    yield ".SH FILES"
    for name, means in FILES:
        yield from _item(f"\\fI{_plain(name)}\\fR", means)


def _released() -> str:
    """Return the day of the newest release."""
    days = re.findall(r"^## \[.*\] - ([0-9-]+)$", CHANGELOG.read_text("utf-8"), re.MULTILINE)
    return str(days[0])


def _commands(commands: Iterable[dict[str, Any]], parent: str) -> Iterator[str]:
    for command in commands:
        name = f"{parent} {command['name']}"
        arguments = command["usage"].replace("[OPTIONS]", "").removeprefix(name).split()
        yield f".SS {_bold(name)} {_plain(' '.join(arguments))}".rstrip()
        also = [f"`{parent} {alias}` is an alias." for alias in command["aliases"]]
        yield from _paragraphs([*command["description"].split("\n"), *also])
        yield from _options(command["options"])
        yield from (".PP", "Example:", ".PP", ".EX", f"    {_plain(command['example'])}", ".EE")
        yield from _commands(command.get("commands", []), name)


def _options(options: Iterable[dict[str, Any]]) -> Iterator[str]:
    for option in options:
        names = ", ".join(map(_bold, option["names"]))
        value = f" \\fI{_plain(option['value'])}\\fR" if option["value"] else ""
        yield from _item(names + value, option["help"])


def _item(head: str, text: str) -> Iterator[str]:
    yield from (".TP", head, *_text(text))


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    for n, text in enumerate(texts):
        yield from ([".PP"] if n else [])
        yield from _text(text)


def _text(text: str) -> list[str]:
    """Return prose as lines; what stands between backticks is bold."""
    parts = re.split(r"`(.*?)`", text)
    prose = "".join(_bold(part) if n % 2 else _plain(part) for n, part in enumerate(parts))
    lines = textwrap.wrap(prose, LINE_CHARS, break_long_words=False, break_on_hyphens=False)
    return [f"\\&{line}" if line.startswith(".") else line for line in lines]


def _bold(text: str) -> str:
    return f"\\fB{_plain(text)}\\fR"


def _plain(text: str) -> str:
    """Return a text as roff takes it: letter for letter, and ASCII alone."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "".join(char if char.isascii() else f"\\[u{ord(char):04X}]" for char in text)


if __name__ == "__main__":
    sys.stdout.write(page())

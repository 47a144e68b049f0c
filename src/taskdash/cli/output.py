"""Prints for commands: data to stdout, talk to stderr, JSON in one ASCII-safe document."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Final

from taskdash.domain.secret import without_key_forms
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import ModuleType

    from taskdash.domain.task import Json


ERROR_PREFIX: Final = "taskdash: "
RESUMES: Final = "interrupted; run the same command again to resume"
_NARROW: Final = r"[ -~\u00a0-\u02ff\u2010-\u2027]*"
"""Texts in which each character is one cell, the dash for what is not known among them."""


class _Speech:
    """Holds how this process talks to people."""

    is_quiet = False
    """Whether only errors are told (`--quiet`)."""
    wants_json = False
    """Whether an error is a document on stdout as well (`--json`) ..."""
    has_document = False
    """... unless there is one already."""


speech: Final = _Speech()


def print_json(value: Json) -> None:
    """Print one JSON document, pure ASCII, with a newline at its end."""
    speech.has_document = True
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_json_array(items: Sequence[str]) -> None:
    """Print one JSON array of items that are JSON already, one a line: it can be read by line, too."""
    speech.has_document = True
    sys.stdout.write("[\n" + ",\n".join(items) + "\n]\n" if items else "[]\n")


def print_error(code: str, message: str, next_step: str) -> None:
    """Print an error as the JSON document of a command that was to print one and has not."""
    if speech.wants_json and not speech.has_document:
        lines = (without_key_forms(inert_line(line)) for line in message.split("\n"))
        print_json({"error": {"code": code, "message": "\n".join(lines), "next": next_step}})


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of data on stdout."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_csv(names: Sequence[str], items: Iterable[Mapping[str, Json]], *, has_heading: bool = True) -> None:
    """Print the fields `names` of each item as CSV that `import` reads again and no spreadsheet executes."""
    # Few lists are printed as that.
    from taskdash.domain.task_file import write_csv

    write_utf8()
    write_csv(sys.stdout, names, items, has_heading=has_heading)


def write_utf8() -> None:
    """Write what follows on stdout in UTF-8, whatever the terminal has: a file must be whole, and read elsewhere."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")


def talk(text: str) -> None:
    """Print one line for people on stderr; with `--quiet` only one that tells of an error, as `taskdash: ` says.

    It never shows what has the form of an API key.
    """
    if not speech.is_quiet or text.startswith(ERROR_PREFIX):
        complain(text)


def complain(text: str) -> None:
    """Print one line on stderr that belongs to an error: `--quiet` does not hide it."""
    # With stderr closed there is nobody to talk to, and `print` would turn to stdout.
    if sys.stderr is None:
        return
    if sys.stdout is not None:
        sys.stdout.flush()
    try:
        sys.stderr.write(f"{without_key_forms(inert_line(text))}\n")
        sys.stderr.flush()
    except OSError:
        # Whoever listened to the talk has gone. The work itself goes on.
        return


def line_cells() -> int | None:
    """Return how many cells a line of stderr has; None where that is no terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    # It loads what reads archives, too, which a short command should not wait for.
    from shutil import get_terminal_size

    return get_terminal_size().columns


def tell_not_added(ids: Sequence[str], why: str = "") -> None:
    """Print IDs that could not be added, one a line and all of them: nobody else may know them."""
    if ids:
        complain(f"taskdash: {'1 ID was' if len(ids) == 1 else f'{len(ids):,} IDs were'} not added{why}:")
    for task_id in ids:
        complain(task_id)


def cell_width(text: str) -> int:
    """Return how many cells a terminal needs for a text, whatever script it is in."""
    return len(text) if re.fullmatch(_NARROW, text) else _of_rich().cell_len(text)


def cropped(text: str, cells: int) -> str:
    """Return `text` cut to `cells`, with an ellipsis where something is missing."""
    return text if cell_width(text) <= cells else _of_rich().set_cell_size(text, cells - 1).rstrip() + "…"


def _of_rich() -> ModuleType:
    # Its tables of characters take longer to load than most lists need to be printed.
    from rich import cells

    return cells


def padded(text: str, cells: int) -> str:
    """Return a text with blanks behind it, so that it takes so many cells."""
    return text + " " * (cells - cell_width(text))

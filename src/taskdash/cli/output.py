"""How commands speak: data to stdout, talk to stderr, JSON in one ASCII-safe document."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskdash.domain.task import Json


def print_json(value: Json) -> None:
    """One JSON document, pure ASCII, with a newline at its end."""
    import json

    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_json_array(items: Sequence[str]) -> None:
    """One JSON array of items that are JSON already, one a line: it can be read by line, too."""
    sys.stdout.write("[\n" + ",\n".join(items) + "\n]\n" if items else "[]\n")


def print_lines(lines: Iterable[str]) -> None:
    """Lines of data."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Json]]) -> None:
    """A table as CSV: lists and objects as JSON, null as nothing."""
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)


def _csv_cell(value: Json) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, bool | list | dict):
        import json

        return json.dumps(value)
    return value


def talk(text: str) -> None:
    """Something for people, on one line. It never shows what starts like an API key."""
    # With stderr closed there is nobody to talk to, and `print` would turn to stdout.
    if sys.stderr is None:
        return
    if sys.stdout is not None:
        sys.stdout.flush()
    _write_line(sys.stderr, _without_keys(inert_line(text)))


def _write_line(stream: TextIO, line: str) -> None:
    try:
        stream.write(f"{line}\n")
        stream.flush()
    except OSError:
        # Whoever listened to the talk has gone. The work itself goes on.
        return


def _without_keys(line: str) -> str:
    if "sk-" not in line and "sk_" not in line:
        return line
    import re

    return re.sub(r"\bsk[-_][^\s\"',;]+", "***", line)

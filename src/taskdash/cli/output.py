"""Writes the output of commands: data on stdout, messages and progress on stderr, JSON as one ASCII document.

Progress is a bar redrawn in place, on a terminal only.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
import time
from typing import TYPE_CHECKING, Final, Self

from taskdash.domain.secret import without_key_forms
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import ModuleType

    from taskdash.cli.screen import Rewritten
    from taskdash.domain.task import Json
    from taskdash.results.downloads import DownloadStatus

ERROR_PREFIX: Final = "taskdash: "
RESUMES: Final = "interrupted; run the same command again to resume"
_NARROW: Final = r"[ -~\u00a0-\u02ff\u2010-\u2027]*"
"""Matches texts whose characters are all one cell wide, including the dash for unknown values."""
REDRAWN_EVERY_S: Final = 0.1
SHOWN_AFTER_S: Final = 0.4
"""Work that takes less than this shows no bar."""


class _Speech:
    """Holds what the command line says of the output of this process."""

    is_quiet = False
    """Whether errors are the only messages (`--quiet`)."""
    wants_json = False
    """Whether an error is also printed as a JSON document on stdout (`--json`) ..."""
    has_document = False
    """... unless a document was printed already."""


speech: Final = _Speech()


def print_json(value: Json) -> None:
    """Print one JSON document, pure ASCII, with a newline at its end."""
    speech.has_document = True
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_json_array(items: Sequence[str]) -> None:
    """Print a JSON array of encoded items, one per line, so that it can be read line by line, too."""
    speech.has_document = True
    sys.stdout.write("[\n" + ",\n".join(items) + "\n]\n" if items else "[]\n")


def print_error(code: str, message: str, next_step: str) -> None:
    """Print an error as a JSON document if the command was to print one and has not yet."""
    if speech.wants_json and not speech.has_document:
        lines = (without_key_forms(inert_line(line)) for line in message.split("\n"))
        print_json({"error": {"code": code, "message": "\n".join(lines), "next": next_step}})


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of data on stdout."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def print_csv(names: Sequence[str], items: Iterable[Mapping[str, Json]], *, has_heading: bool = True) -> None:
    """Print the fields `names` of each item as CSV that `import` reads again and no spreadsheet executes."""
    # Imported here: few lists are printed as CSV.
    from taskdash.domain.task_file import write_csv

    write_utf8()
    write_csv(sys.stdout, names, items, has_heading=has_heading)


def write_utf8() -> None:
    """Switch stdout to UTF-8, whatever the locale: a file must be complete, and readable on other machines."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")


def talk(text: str) -> None:
    """Print a message of one line on stderr; with `--quiet`, only an error, which starts with `taskdash: `.

    Anything in the form of an API key is redacted.
    """
    if not speech.is_quiet or text.startswith(ERROR_PREFIX):
        complain(text)


def complain(text: str) -> None:
    """Print one line of an error on stderr, even with `--quiet`."""
    # With stderr closed, there is nowhere to print to; `print` would fall back to stdout.
    if sys.stderr is None:
        return
    if sys.stdout is not None:
        sys.stdout.flush()
    try:
        sys.stderr.write(f"{without_key_forms(inert_line(text))}\n")
        sys.stderr.flush()
    except OSError:
        # The reader of stderr has gone. The work itself goes on.
        return


def tell_not_added(ids: Sequence[str], why: str = "") -> None:
    """Print all IDs that could not be added, one per line: they may be recorded nowhere else."""
    if ids:
        complain(f"taskdash: {'1 ID was' if len(ids) == 1 else f'{len(ids):,} IDs were'} not added{why}:")
    for task_id in ids:
        complain(task_id)


def cell_width(text: str) -> int:
    """Return the width of a text in terminal cells, whatever its script."""
    return len(text) if re.fullmatch(_NARROW, text) else _of_rich().cell_len(text)


def cropped(text: str, cells: int) -> str:
    """Return `text` cut to `cells`, with an ellipsis if it was longer."""
    return text if cell_width(text) <= cells else _of_rich().set_cell_size(text, cells - 1).rstrip() + "…"


def _of_rich() -> ModuleType:
    # Its tables of characters take longer to load than most lists take to print.
    from rich import cells

    return cells


def padded(text: str, cells: int) -> str:
    """Return `text` padded with spaces to `cells`."""
    return text + " " * (cells - cell_width(text))


class Progress:
    """Redraws bars at intervals, in a `with` block, and clears them when it ends; without a terminal, shows nothing."""

    def __init__(
        self,
        total: int = 0,
        *,
        left: Callable[[], str | None] | None = None,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is shown yet. `left` returns the time left in words; by default, the pace tells it."""
        self.total = total
        self.enabled = _can_rewrite_lines()
        self._left = left
        self._now_s = now_s
        self._started_s = now_s()
        self._next_s = self._started_s + SHOWN_AFTER_S
        self._screen: Rewritten | None = None

    def show(self, done: int) -> None:
        """Show a bar with the amount done and the time left, if an update is due."""
        if self._is_due():
            words = self.words(done, self._now_s() - self._started_s)
            self._draw(words, done / self.total if self.total else 1.0)

    def show_downloads(self, status: DownloadStatus) -> None:
        """Show a bar for each download and one for all, if an update is due."""
        if self._is_due():
            shares = ((each, each.got / each.whole if each.whole else 0.0) for each in status.running)
            files = [(each.name, share, each.words) for each, share in shares]
            self._draw(status.words, status.share, files)

    def words(self, done: int, elapsed_s: float) -> str:
        """Return the progress in words."""
        left = self._left() if self._left else None
        if not self._left and done < self.total and done and elapsed_s > 0:
            left = f"{duration(1000 * math.ceil((self.total - done) / (done / elapsed_s)))} left"
        return " · ".join(filter(None, (f"{done:,}/{self.total:,}", left)))

    def say(self, text: str) -> None:
        """Print a line on stderr in place of the bars, which come back with the next update."""
        self.clear()
        talk(text)

    def clear(self) -> None:
        """Clear the bars."""
        if self._screen is not None:
            self._screen.clear()
            self._screen = None

    def _is_due(self) -> bool:
        now_s = self._now_s()
        if not self.enabled or now_s < self._next_s:
            return False
        self._next_s = now_s + REDRAWN_EVERY_S
        return True

    def _draw(self, words: str, share: float, files: Sequence[tuple[str, float, str]] = ()) -> None:
        # Rich is imported only if something is drawn.
        from taskdash.cli.screen import Rewritten

        self._screen = self._screen or Rewritten()
        self._screen.draw(files, share, words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


def _can_rewrite_lines() -> bool:
    if speech.is_quiet or sys.stderr is None:
        return False
    return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"

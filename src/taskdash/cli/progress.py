"""A line on stderr for long work: how much is done, how fast, how long still. Nothing where that is no terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Final, Self

from taskdash.domain.words import clock

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S: Final = 0.1
SHOWN_AFTER_S: Final = 0.5
"""Work that is done sooner shows no line at all."""
BAR_CELLS: Final = 20
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """Use it in a `with` block; the line is gone when the block ends."""

    def __init__(self, noun: str, total: int, *, now_s: Callable[[], float] = time.monotonic) -> None:
        """Prepare; nothing is shown yet.

        Args:
            noun: what is counted, in the plural.
            total: how many there are; 0 where nobody knows.
            now_s: monotonic seconds.
        """
        self._noun = noun
        self._total = total
        self._now_s = now_s
        self._started_s = now_s()
        self._shown_s = self._started_s + SHOWN_AFTER_S - EVERY_S
        self._on_screen = False
        self.enabled = can_rewrite_lines()

    def show(self, done: int, note: str = "") -> None:
        """Tell how many are done; `note` stands at the end of the line."""
        now_s = self._now_s()
        if not self.enabled or now_s < self._shown_s + EVERY_S:
            return
        self._shown_s = now_s
        width = shutil.get_terminal_size().columns
        _write(_CLEAR + self.line(done, now_s - self._started_s, note)[: max(0, width - 1)])
        self._on_screen = True

    def line(self, done: int, elapsed_s: float, note: str = "") -> str:
        """The line as it is shown."""
        parts = []
        if self._total:
            filled = BAR_CELLS * min(done, self._total) // self._total
            parts += ["[" + "#" * filled + "." * (BAR_CELLS - filled) + "]"]
        parts += [f"{done:,} of {self._total:,} {self._noun}" if self._total else f"{done:,} {self._noun}"]
        rate = done / elapsed_s if elapsed_s > 0 else 0.0
        if done and rate:
            parts.append(f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s")
            if done < self._total:
                parts.append(f"{clock((self._total - done) / rate)} left")
        return "  ".join([*parts, note] if note else parts)

    def clear(self) -> None:
        """Take the line off the screen, so that something else can be said."""
        if self._on_screen:
            _write(_CLEAR)
            self._on_screen = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


def can_rewrite_lines() -> bool:
    """Whether stderr is a terminal that can rewrite a line."""
    try:
        return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except ValueError:
        return False


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        return

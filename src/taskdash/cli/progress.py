"""Shows on stderr how far long work is: a bar that is redrawn where that is a terminal, nothing or a line else."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import TYPE_CHECKING, Final, Self

from taskdash.cli.output import speech, talk
from taskdash.domain.durations import duration

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.cli.screen import Rewritten
    from taskdash.results.download_status import DownloadStatus

EVERY_S: Final = 0.1
SHOWN_AFTER_S: Final = 0.4
"""Work that is done sooner shows no line at all."""
PLAIN_EVERY_S: Final = 10.0


class _Bars:
    """Redraws bars now and then, in a `with` block; they are gone when the block ends."""

    def __init__(self, *, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self.started_s = now_s()
        self.enabled = _can_rewrite_lines()
        self._next_s = self.started_s + (SHOWN_AFTER_S if self.enabled else PLAIN_EVERY_S)
        self._screen: Rewritten | None = None

    def _is_due(self) -> bool:
        now_s = self._now_s()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + (EVERY_S if self.enabled else PLAIN_EVERY_S)
        return True

    def _on_screen(self) -> Rewritten:
        # Rich is loaded where something is drawn.
        from taskdash.cli.screen import Rewritten

        self._screen = self._screen or Rewritten()
        return self._screen

    def say(self, text: str) -> None:
        """Print a line on stderr in place of the bars, which come back with the next look at the work."""
        self.clear()
        talk(text)

    def clear(self) -> None:
        """Take them off the screen."""
        if self._screen is not None:
            self._screen.clear()
            self._screen = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


class Progress(_Bars):
    """Shows how much is done, and how long the rest will take; nothing, or a line now and then, without a terminal."""

    def __init__(
        self,
        noun: str,
        total: int,
        *,
        left: Callable[[], str | None] | None = None,
        has_plain_lines: bool = False,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is shown yet.

        The noun is in the plural, and said alone where the total is 0: not known. `left` says how long the rest will
        take, else the pace since now does; `has_plain_lines`: it is told where stderr is no terminal, too.
        """
        super().__init__(now_s=now_s)
        self._noun = noun
        self._left = left
        self.is_shown = self.enabled or has_plain_lines
        self.total = total

    def show(self, done: int) -> None:
        """Tell how many are done."""
        if not (self.is_shown and self._is_due()):
            return
        words = self.words(done, self._now_s() - self.started_s)
        if self.enabled:
            self._on_screen().draw((), done / self.total if self.total else None, words)
        else:
            talk(words)

    def words(self, done: int, elapsed_s: float) -> str:
        """Return it in words."""
        if not self.total:
            return f"{done:,} {self._noun}"
        left = self._by_pace(done, elapsed_s) if self._left is None else self._left()
        return " · ".join(filter(None, (f"{done:,}/{self.total:,}", left)))

    def _by_pace(self, done: int, elapsed_s: float) -> str | None:
        rate = done / elapsed_s if elapsed_s > 0 else 0.0
        if not rate or done >= self.total:
            return None
        return f"{duration(1000 * math.ceil((self.total - done) / rate))} left"


class DownloadProgress(_Bars):
    """Downloads under way: a bar for each file and one for all; a line now and then where stderr is no terminal."""

    def show(self, status: DownloadStatus) -> None:
        """Tell how far it is."""
        if not self._is_due():
            return
        if not self.enabled:
            talk(status.words)
            return
        files = [
            (each.name, each.got / each.whole if each.whole else 0.0, each.words) for each in status.running
        ]
        self._on_screen().draw(files, status.share, status.words)

    def ended(self, done: int, total: int, name: str) -> None:
        """Tell of one that is saved, where no bar tells it."""
        if not self.enabled:
            self._next_s = self._now_s() + PLAIN_EVERY_S
            talk(f"saved {done:,} of {total:,}: {name}")


def _can_rewrite_lines() -> bool:
    try:
        if speech.is_quiet or sys.stderr is None:
            return False
        return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    except ValueError:
        return False

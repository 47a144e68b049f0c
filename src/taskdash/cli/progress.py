"""Shows progress on stderr: bars redrawn in place on a terminal; elsewhere, nothing or a line at intervals."""

from __future__ import annotations

import math
import os
import sys
import time
from typing import TYPE_CHECKING, Final, Self

from taskdash.cli.output import speech, talk
from taskdash.domain.durations import duration

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.cli.screen import Rewritten
    from taskdash.results.downloads import DownloadStatus

EVERY_S: Final = 0.1
SHOWN_AFTER_S: Final = 0.4
"""Work that takes less than this shows no bar."""
PLAIN_EVERY_S: Final = 10.0


class _Bars:
    """Bars that are redrawn at intervals, in a `with` block; they are cleared when it ends."""

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

    def _draw(self, words: str, share: float | None, files: Sequence[tuple[str, float, str]] = ()) -> None:
        if not self.enabled:
            talk(words)
            return
        # Rich is imported only if something is drawn.
        from taskdash.cli.screen import Rewritten

        self._screen = self._screen or Rewritten()
        self._screen.draw(files, share, words)

    def say(self, text: str) -> None:
        """Print a line on stderr in place of the bars, which come back with the next update."""
        self.clear()
        talk(text)

    def clear(self) -> None:
        """Clear the bars."""
        if self._screen is not None:
            self._screen.clear()
            self._screen = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()


class Progress(_Bars):
    """A bar with the amount done and the time left; without a terminal, nothing or a line at intervals."""

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

        `noun`, in the plural, is shown if `total` is 0 (unknown). `left` returns the time left in words; by default,
        it is estimated from the pace. With `has_plain_lines`, lines are printed if stderr is not a terminal.
        """
        super().__init__(now_s=now_s)
        self._noun = noun
        self._left = left
        self.is_shown = self.enabled or has_plain_lines
        self.total = total

    def show(self, done: int) -> None:
        """Show how many are done, if an update is due."""
        if self.is_shown and self._is_due():
            words = self.words(done, self._now_s() - self.started_s)
            self._draw(words, done / self.total if self.total else None)

    def words(self, done: int, elapsed_s: float) -> str:
        """Return the progress in words."""
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
    """A bar for each download and one for all; without a terminal, a line at intervals."""

    def show(self, status: DownloadStatus) -> None:
        """Show the status, if an update is due."""
        if self._is_due():
            running = status.running
            files = [
                (each.name, each.got / each.whole if each.whole else 0.0, each.words) for each in running
            ]
            self._draw(status.words, status.share, files)

    def ended(self, done: int, total: int, name: str) -> None:
        """Print a line for a saved file, if there are no bars."""
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

"""The progress of downloads, in numbers and in words, for both the terminal line and the dashboard."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from taskdash.domain.durations import duration
from taskdash.domain.words import plural, size_words

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW_S: Final = 5.0
"""Speed is measured over the last seconds, not over the whole time."""
SHORTEST_S: Final = 0.5
"""No speed is reported before this."""
MAX_REASONS: Final = 3


@dataclass(frozen=True, slots=True)
class Running:
    """A download under way."""

    name: str
    got: int
    whole: int | None

    @property
    def words(self) -> str:
        """Return its progress in words."""
        if not self.whole:
            return size_words(self.got)
        return f"{100 * self.got // self.whole:>3}% of {size_words(self.whole)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadStatus:
    """The status of a round of downloads, which lasts until none is left."""

    total: int = 0
    saved: int = 0
    known: int = 0
    failed: int = 0
    cancelled: int = 0
    running: tuple[Running, ...] = ()
    speed: float | None = None
    """Bytes per second."""
    left_s: float | None = None
    resting: int = 0
    looking_up: int = 0
    """How many requests are still looking up their results in the list."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why downloads failed, with counts."""

    @property
    def done(self) -> int:
        """Return how many are over, with whatever outcome."""
        return self.saved + self.known + self.failed + self.cancelled

    @property
    def is_busy(self) -> bool:
        """Return whether any download is under way or waiting."""
        return self.looking_up > 0 or self.done < self.total

    @property
    def share(self) -> float:
        """Return the share of the round that is done, from 0 to 1."""
        parts = sum(min(1.0, each.got / each.whole) for each in self.running if each.whole)
        return (self.done + parts) / self.total if self.total else 0.0

    @property
    def words(self) -> str:
        """Return the round's progress in one line, without individual files."""
        parts = [f"{self.done:,}/{plural(self.total, 'result')}"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.resting:
            parts.append(f"{self.resting:,} not there yet")
        if self.speed is not None:
            parts.append(f"{size_words(round(self.speed))}/s")
        if self.left_s is not None:
            parts.append(f"{duration(1000 * math.ceil(self.left_s))} left")
        return " · ".join(parts)

    def summary(self, known: int = 0, where: str = "") -> str:
        """Return the round's outcome in one line; `known` more were left out because they were already saved."""
        parts = []
        known += self.known
        if self.saved or not (known or self.failed or self.cancelled):
            parts.append(f"Saved {plural(self.saved, 'file')}" + (f" to {where}" if where else ""))
        if known:
            parts.append(f"{known:,} already saved")
        if self.cancelled:
            parts.append(f"{self.cancelled:,} cancelled")
        if self.failed:
            parts.append(f"{self.failed:,} failed: {_in_words(self.reasons)}")
        return ", ".join(parts)


class Speed:
    """Bytes per second over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now_s: float, total: int) -> float | None:
        """Record how many bytes have arrived by now; return the speed, or None if it is too early to tell."""
        seen = self._seen
        if seen and total < seen[-1][1]:
            seen.clear()
        if not seen or now_s > seen[-1][0]:
            seen.append((now_s, total))
        while len(seen) > 2 and seen[1][0] <= now_s - WINDOW_S:
            seen.popleft()
        span_s = now_s - seen[0][0]
        return (total - seen[0][1]) / span_s if span_s >= SHORTEST_S else None


def left_s(
    running: tuple[Running, ...], waiting: int, sizes: Sequence[int], speed: float | None
) -> float | None:
    """Estimate how long a round still takes, in seconds, with `waiting` files not begun; None if that is unknown.

    Files of unknown size are assumed to have the average size of those under way and those done (`sizes`).
    """
    known = [*sizes, *(each.whole for each in running if each.whole is not None)]
    if not speed or not known:
        return None
    average = sum(known) // len(known)
    sizes_left = [max(0, (each.whole or max(average, each.got)) - each.got) for each in running]
    return (sum(sizes_left) + waiting * average) / speed


def _in_words(reasons: Counter[str]) -> str:
    common = reasons.most_common(MAX_REASONS)
    if len(reasons) == 1:
        return common[0][0]
    words = "; ".join(f"{reason} ({count:,})" for reason, count in common)
    return f"{words}; ..." if len(reasons) > MAX_REASONS else words

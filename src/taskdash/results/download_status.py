"""Tells how far the downloads are, in numbers and in words: the same for a terminal line and for the dashboard."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from taskdash.domain.durations import duration
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

WINDOW_S: Final = 5.0
"""Speed is that of the last seconds, not of the whole time: what counts is now."""
SHORTEST_S: Final = 0.5
"""Before so long nothing is said of speed."""
MAX_REASONS: Final = 3
_KIB: Final = 1_024
_MIB: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class Running:
    """One download under way."""

    name: str
    got: int
    whole: int | None

    @property
    def words(self) -> str:
        """Return how far it is, in words."""
        if not self.whole:
            return size_words(self.got)
        return f"{100 * self.got // self.whole:>3}% of {size_words(self.whole)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadStatus:
    """A round of downloads: from when there was none to when there is none any more."""

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
    """How many requests there are whose results are still to be looked up in the list."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why so many failed."""

    @property
    def done(self) -> int:
        """Return how many are over, whatever became of them."""
        return self.saved + self.known + self.failed + self.cancelled

    @property
    def is_busy(self) -> bool:
        """Return whether any is under way or waits."""
        return self.looking_up > 0 or self.done < self.total

    @property
    def share(self) -> float:
        """Return how much of the round is done, from 0 to 1."""
        parts = sum(min(1.0, each.got / each.whole) for each in self.running if each.whole)
        return (self.done + parts) / self.total if self.total else 0.0

    @property
    def words(self) -> str:
        """Return the round in one line, without its single files."""
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
        """Return in one line what the round came to; `known` more were left out, as they had been saved before."""
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
        """Take note of how many bytes arrived until now; return the speed, None where it is too early to tell."""
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
    """Return how long a round still takes, in seconds, with so many not begun; None where nobody can tell.

    What tells no size is taken to be as large as the others: those under way, and those done, which had these `sizes`.
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


def size_words(size: int) -> str:
    """Return a number of bytes as people read it."""
    if size < _KIB:
        return f"{size} B"
    if size < _MIB:
        return f"{size / _KIB:.0f} KiB"
    return f"{size / _MIB:.1f} MiB" if size < 1_024 * _MIB else f"{size / 1_024 / _MIB:.2f} GiB"

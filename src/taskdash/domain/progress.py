"""The progress of a batch, an estimate of the time left where it can be honest, and the figures of a label."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State
from taskdash.domain.words import ended_ms, started_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from taskdash.domain.task import Task
    from taskdash.domain.usual import Usual

KEPT_ENDS: Final = 20
"""The pace is measured from up to this many of the latest ends."""
_ENDS_FOR_A_PACE: Final = 5
_STALLED_FROM: Final = 4
"""A batch has no pace once its last end is this many mean intervals between ends ago ..."""
_STALLED_LEAST_MS: Final = 20_000
"""... and at least this long, as checks may be that far apart."""


class UnfinishedKind(NamedTuple):
    """The unfinished tasks of one model and variant in a batch."""

    model: str | None
    variant: str | None
    oldest_ms: int | None
    """When the first of them was created; None unless that is known for all."""
    youngest_ms: int | None


class Progress(NamedTuple):
    """A batch of tasks that is under way."""

    label: str
    done: int
    total: int
    ends_ms: tuple[int, ...] = ()
    """When the latest finished tasks ended, ascending."""
    kinds: tuple[UnfinishedKind, ...] = ()

    @property
    def share(self) -> float:
        """Return the finished share, 0 to 1."""
        return self.done / self.total if self.total else 0.0

    def left_ms(
        self,
        usual: Callable[[str | None, str | None], Usual | None],
        now_ms: int,
        checks_per_minute: int | None = None,
    ) -> int | None:
        """Return the estimated time left; None if neither the history nor the batch's own pace allows one.

        `checks_per_minute` sets a lower bound: each unfinished task takes at least one more check.
        """
        told = [self._left_by_history(usual, now_ms), self._left_by_pace(now_ms)]
        known = [each for each in told if each is not None]
        if known and checks_per_minute:
            known.append(math.ceil((self.total - self.done) * 60_000 / checks_per_minute))
        return max(known, default=None)

    def _left_by_history(
        self, usual: Callable[[str | None, str | None], Usual | None], now_ms: int
    ) -> int | None:
        """Return the time until three quarters of such tasks have ended; None if a task has run longer than that."""
        longest_ms = 0
        for kind in self.kinds:
            known = usual(kind.model, kind.variant)
            if known is None or known.is_more or kind.oldest_ms is None or kind.youngest_ms is None:
                return None
            if now_ms - kind.oldest_ms >= known.most_ms:
                return None
            longest_ms = max(longest_ms, known.most_ms - (now_ms - kind.youngest_ms))
        return longest_ms or None

    def _left_by_pace(self, now_ms: int) -> int | None:
        if len(self.ends_ms) < _ENDS_FOR_A_PACE:
            return None
        apart_ms = (self.ends_ms[-1] - self.ends_ms[0]) / (len(self.ends_ms) - 1)
        if now_ms - self.ends_ms[-1] > max(_STALLED_LEAST_MS, _STALLED_FROM * apart_ms):
            return None
        return math.ceil(apart_ms * (self.total - self.done)) or None


class LabelFigures(NamedTuple):
    """The figures of all tasks of a profile with the same label, or without one."""

    label: str | None
    newest_seq: int
    counts: dict[State, int]
    overdue: int
    progress: Progress
    """For an estimate of when the rest will be done."""
    credits: float | None
    """What they cost in all; None if no record says."""
    without_credits: int
    """How many have ended without a cost in their records."""
    unsaved: int
    """How many of their results are not saved."""
    expires_at_ms: int | None
    """When the next unsaved result expires, or if all have, when the last one did."""

    @property
    def total(self) -> int:
        """Return how many tasks there are."""
        return sum(self.counts.values())

    def shares(self, cells: int) -> list[int]:
        """Divide the cells of a bar, at least 3, among success, failures and the rest.

        Each of them that is not empty gets a cell; the largest gets what the others leave.
        """
        success, fail = self.counts[State.SUCCESS], self.counts[State.FAIL]
        counts = (success, fail, self.total - success - fail)
        shares = [max(1, count * cells // self.total) if count else 0 for count in counts]
        shares[counts.index(max(counts))] += cells - sum(shares)
        return shares

    @property
    def filter_text(self) -> str:
        """Return the filter that shows the tasks, in the language of `domain.query`."""
        if self.label is None:
            return 'label:=""'
        if '"' not in self.label:
            return f'label:="{self.label}"' if re.search(r"\s", self.label) else f"label:={self.label}"
        # A filter cannot express a quote, so it matches the text around it.
        pieces = [piece for piece in self.label.split('"') if piece.strip()]
        return " ".join(f'label:"{piece}"' for piece in pieces) or '!label:=""'


def progress_of(tasks: Iterable[Task]) -> Progress:
    """Return the progress of some tasks, whatever their labels.

    Only ends since the start of the oldest unfinished task count towards the pace.
    """
    kinds: dict[tuple[str | None, str | None], list[int | None]] = {}
    finished, begun_ms = [], []
    for task in tasks:
        if task.state.finished:
            finished.append(ended_ms(task))
        else:
            kinds.setdefault((task.model, task.variant), []).append(task.create_time_ms)
            begun_ms.append(started_ms(task))
    since_ms = min(begun_ms, default=0)
    ends_ms = sorted(at_ms for at_ms in finished if at_ms is not None and at_ms >= since_ms)
    return Progress(
        label="",
        done=len(finished),
        total=len(finished) + len(begun_ms),
        ends_ms=tuple(ends_ms[-KEPT_ENDS:]),
        kinds=tuple(UnfinishedKind(*kind, *_first_and_last(created)) for kind, created in kinds.items()),
    )


def _first_and_last(moments_ms: Sequence[int | None]) -> tuple[int | None, int | None]:
    known = [each for each in moments_ms if each is not None]
    return (min(known), max(known)) if len(known) == len(moments_ms) else (None, None)


def time_left(left_ms: int) -> str:
    """Return a time left in one unit, rounded up, so that it seldom changes: `under 1m left`, `2m left`, `3h left`."""
    if left_ms < 60_000:
        return "under 1m left"
    minutes = math.ceil(left_ms / 60_000)
    return f"{minutes}m left" if minutes <= 90 else f"{math.ceil(minutes / 60)}h left"

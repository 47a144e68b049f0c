"""Follows batches of tasks: how far they are, how long they still take, and what to say when tasks have finished.

An estimate of the time left is only given where the history of such tasks, or the batch's own pace, allows one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State, Task
from taskdash.domain.words import SYMBOLS, ago, duration, ended_ms, plural, started_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from taskdash.domain.usual import Usual

KEPT_ENDS: Final = 20
"""The pace is measured from up to this many of the latest ends."""
_ENDS_FOR_A_PACE: Final = 5
_STALLED_FROM: Final = 4
"""A batch has no pace once its last end is this many mean intervals between ends ago ..."""
_STALLED_LEAST_MS: Final = 20_000
"""... and at least this long, as checks may be that far apart."""

MAX_SINGLE: Final = 3
"""If more tasks than this finish at once, they share one message."""
RECENT_MS: Final = 60_000
"""If an end is older than this, the message says how long ago it was."""
_NAME_CHARS: Final = 50
_REASON_CHARS: Final = 120


class UnfinishedKind(NamedTuple):
    """Sums up the unfinished tasks of one model and variant in a batch."""

    model: str | None
    variant: str | None
    oldest_ms: int
    """When the first of them was created, else added."""
    youngest_ms: int


class Progress(NamedTuple):
    """Tells how far a batch of tasks is, and how long it still takes."""

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
            if known is None or known.is_more or now_ms - kind.oldest_ms >= known.most_ms:
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
    """Sums up all tasks of a profile with the same label, or without one."""

    label: str | None
    counts: dict[State, int]
    overdue: int
    progress: Progress
    credits: float | None
    """What they cost in all; None if no record says."""
    without_credits: int
    """How many have ended without a cost in their records."""
    unsaved: int
    expires_at_ms: int | None
    """When the next unsaved result expires, or if all have, when the last one did."""

    def shares(self, cells: int) -> list[int]:
        """Divide the cells of a bar, at least 3, among success, failures and the rest.

        Each of them that is not empty gets a cell; the largest gets what the others leave.
        """
        success, fail, total = self.counts[State.SUCCESS], self.counts[State.FAIL], sum(self.counts.values())
        counts = (success, fail, total - success - fail)
        shares = [max(1, count * cells // total) if count else 0 for count in counts]
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
    every = list(tasks)
    begun: dict[tuple[str | None, str | None], list[int]] = {}
    for task in every:
        if not task.state.finished:
            begun.setdefault((task.model, task.variant), []).append(started_ms(task))
    kinds = tuple(UnfinishedKind(*kind, min(moments), max(moments)) for kind, moments in begun.items())
    finished = [ended_ms(task) for task in every if task.state.finished]
    since_ms = min((kind.oldest_ms for kind in kinds), default=0)
    ends_ms = sorted(at_ms for at_ms in finished if at_ms is not None and at_ms >= since_ms)
    return Progress(
        label="",
        done=len(finished),
        total=len(every),
        ends_ms=tuple(ends_ms[-KEPT_ENDS:]),
        kinds=kinds,
    )


# Messages


class Way(StrEnum):
    """Names the ways to announce a finished task, each used once."""

    SCREEN = "screen"
    """A message in the dashboard, or a line from the command that waited for it."""
    COMMAND = "command"
    """The user's own command, `on_finish`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Counts tasks that belong together and have all finished."""

    label: str | None
    """None for the marked tasks."""
    success: int
    fail: int
    seqs: frozenset[int]

    @property
    def words(self) -> str:
        """Return one message for all of them."""
        count = self.success + self.fail
        name = "marked tasks" if self.label is None else f'tasks of "{self.label[:_NAME_CHARS]}"'
        return f"All {count:,} {name} finished: {_outcome(self.success, self.fail)}"


@dataclass(frozen=True, slots=True)
class Notice:
    """Says in one message what has finished, or was not saved."""

    text: str
    is_bad: bool = False
    is_batch: bool = False


def notices(news: Sequence[Task], batches: Sequence[Batch], now_ms: int) -> list[Notice]:
    """Return the messages for tasks that finished; those of a complete batch get no messages of their own."""
    said = [Notice(batch.words, is_bad=batch.fail > 0, is_batch=True) for batch in batches]
    single = [task for task in news if not any(task.seq in batch.seqs for batch in batches)]
    if len(single) > MAX_SINGLE:
        good = sum(task.state is State.SUCCESS for task in single)
        words = f"{plural(len(single), 'task')} finished: {_outcome(good, len(single) - good)}"
        return [*said, Notice(words, is_bad=good < len(single), is_batch=good < len(single))]
    return [*said, *(_notice(task, now_ms) for task in single)]


def _notice(task: Task, now_ms: int) -> Notice:
    name = ": ".join(filter(None, (task.label, task.prompt))) or task.task_id
    name = " ".join(name[: 4 * _NAME_CHARS].split())
    if len(name) > _NAME_CHARS:
        name = f"{name[: _NAME_CHARS - 1]}…"
    head = f"{SYMBOLS[task.state]} {task.state.value}: {name}{_time(task, now_ms)}"
    if task.state is State.SUCCESS:
        return Notice(head)
    reason = (task.fail_msg or task.fail_code or "")[:_REASON_CHARS]
    return Notice(f"{head}\n{reason}".rstrip(), is_bad=True)


def _time(task: Task, now_ms: int) -> str:
    words = [] if task.cost_time_ms is None else [duration(task.cost_time_ms, measured=True)]
    at_ms = ended_ms(task)
    if at_ms is not None and now_ms - at_ms > RECENT_MS:
        words.append(ago(at_ms, now_ms))
    return f" ({', '.join(words)})" if words else ""


def _outcome(success: int, fail: int) -> str:
    counts = ((success, "succeeded"), (fail, "failed"))
    return ", ".join(f"{count:,} {what}" for count, what in counts if count)

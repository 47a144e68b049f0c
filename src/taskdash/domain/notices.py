"""Decides which finished tasks are news, and groups them into messages. Pure: the store tracks what was announced.

A finished task is news if it was seen unfinished, or ended after it was added, even if the check that found out came
late, such as after a night in which nothing ran. A task that had already ended when it was added is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import State, Task
from taskdash.domain.words import SYMBOLS, ago, duration, ended_ms, plural

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MAX_SINGLE: Final = 3
"""If more tasks than this finish at once, they share one message."""
YOUNG_MS: Final = 15_000
"""A task added this soon after its creation had most likely not ended yet."""
RECENT_MS: Final = 60_000
"""If an end is older than this, the message says how long ago it was."""
_NAME_CHARS: Final = 50
_REASON_CHARS: Final = 120


class Way(StrEnum):
    """The ways to announce a finished task, each used once."""

    SCREEN = "screen"
    """A message in the dashboard, or a line from the command that waited for it."""
    COMMAND = "command"
    """The user's own command, `on_finish`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that belong together and have all finished."""

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
    """One message."""

    text: str
    is_bad: bool = False
    """Whether a task failed."""
    is_batch: bool = False


def is_news(before: Task, after: Task) -> bool:
    """Return whether the check that turned `before` into `after` found an end to be announced."""
    if before.state.finished or not after.state.finished:
        return False
    if before.state is State.WAITING:
        return True
    if after.complete_time_ms is not None:
        return after.complete_time_ms > after.added_at_ms
    # Some gateways give no completion time for failed tasks.
    return after.create_time_ms is not None and after.added_at_ms - after.create_time_ms < YOUNG_MS


def notices(news: Sequence[Task], batches: Sequence[Batch], now_ms: int) -> list[Notice]:
    """Return the messages for tasks that finished; those of a complete batch get no messages of their own."""
    told = [batch for batch in batches if not _is_repeated(batch, batches, news)]
    said = [Notice(batch.words, is_bad=batch.fail > 0, is_batch=True) for batch in told]
    single = [task for task in news if not any(task.seq in batch.seqs for batch in told)]
    if len(single) > MAX_SINGLE:
        good = sum(task.state is State.SUCCESS for task in single)
        words = f"{plural(len(single), 'task')} finished: {_outcome(good, len(single) - good)}"
        return [*said, Notice(words, is_bad=good < len(single), is_batch=good < len(single))]
    return [*said, *(_notice(task, now_ms) for task in single)]


def _is_repeated(batch: Batch, batches: Collection[Batch], news: Collection[Task]) -> bool:
    """Return whether the marked tasks are those of a label, whose message covers them."""
    if batch.label is not None:
        return False
    size = batch.success + batch.fail
    return any(
        other.label is not None
        and other.success + other.fail == size
        and all(task.seq in other.seqs for task in news if task.seq in batch.seqs)
        for other in batches
    )


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

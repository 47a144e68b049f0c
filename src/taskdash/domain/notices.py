"""Decides which ends are news, and how many become one message. Pure: the store says what nobody was told of yet.

An end is news where the task was seen unfinished, or ended after it was added: a check that comes late, or after a
night in which nothing ran, tells of it all the same. An ID that had ended when it was added is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from taskdash.domain.durations import ago, duration
from taskdash.domain.task import State, Task
from taskdash.domain.words import SYMBOLS, ended_ms, plural

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

MAX_SINGLE: Final = 3
"""More than so many ends at once are told as one."""
YOUNG_MS: Final = 15_000
"""An ID added so soon after its creation had hardly ended by then."""
RECENT_MS: Final = 60_000
"""An end that is older is told with its age."""
_NAME_CHARS: Final = 50
_REASON_CHARS: Final = 120


class Way(StrEnum):
    """Names the ways to tell somebody of an end: each way once."""

    SCREEN = "screen"
    """A message of the dashboard, or a line of the command that waited for it."""
    COMMAND = "command"
    """The user's own command, `on_finish`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks that belong together, all of which are finished now."""

    label: str | None
    """None: they are the marked ones."""
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
    """Something failed."""
    is_batch: bool = False


def is_news(before: Task, after: Task) -> bool:
    """Return whether a check that made `after` of `before` brought an end that somebody is to be told of."""
    if before.state.finished or not after.state.finished:
        return False
    if before.state is State.WAITING:
        return True
    if after.complete_time_ms is not None:
        return after.complete_time_ms > after.added_at_ms
    # Failed tasks of some gateways have no time of their end.
    return after.create_time_ms is not None and after.added_at_ms - after.create_time_ms < YOUNG_MS


def notices(news: Sequence[Task], batches: Sequence[Batch], now_ms: int) -> list[Notice]:
    """Return the messages for ends that are told now; the tasks of a batch that is complete are not told one by one."""
    told = [batch for batch in batches if not _is_repeated(batch, batches, news)]
    said = [Notice(batch.words, is_bad=batch.fail > 0, is_batch=True) for batch in told]
    single = [task for task in news if not any(task.seq in batch.seqs for batch in told)]
    if len(single) > MAX_SINGLE:
        good = sum(task.state is State.SUCCESS for task in single)
        words = f"{plural(len(single), 'task')} finished: {_outcome(good, len(single) - good)}"
        return [*said, Notice(words, is_bad=good < len(single), is_batch=good < len(single))]
    return [*said, *(_notice(task, now_ms) for task in single)]


def _is_repeated(batch: Batch, batches: Collection[Batch], news: Collection[Task]) -> bool:
    """Return whether the marked tasks are those of a label, whose message says as much."""
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

"""What `taskdash wait` waits for: when a task is asked for, what ends the waiting, and what it came to.

Pure: every moment is handed in. `cli.waiting` looks at the store and at the clock for it. Whether a task was checked
since is told by the count of its checks, and how long ago by the clock of the waiting: the times in the store are
those of a wall clock, which may be set while somebody waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.cli.following import EXIT_CODES, change_line, first_cause
from taskdash.domain.task import ProblemKind, State, Task
from taskdash.domain.words import started_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

NEW_FOR_MS: Final = 30_000
"""So long after it was added, an ID that is not found may only be too new."""
APART_MS: Final = 5_000
"""Two checks that found nothing count as two when they are so far apart."""
REFUSED_APART_MS: Final = 3_000
"""Two checks that were refused count as two when they are so far apart: a firewall's challenge may have passed."""
OLD_MS: Final = 600_000
"""The schedule knows best when to look at a young task. An older one it leaves alone ever longer, not so who waits."""
OLD_GAPS_MS: Final = ((30_000, 3_000), (120_000, 5_000), (600_000, 15_000))
"""How far apart the checks of an old task are, until so long after the waiting began; then `OLDEST_GAP_MS`."""
OLDEST_GAP_MS: Final = 30_000
_RIDDEN_OUT: Final = (ProblemKind.RATE_LIMITED, ProblemKind.SERVER_ERROR, ProblemKind.UNREACHABLE)
_CONFIRMED_AFTER_MS: Final = {
    ProblemKind.NOT_FOUND: APART_MS,
    ProblemKind.UNAUTHORIZED: REFUSED_APART_MS,
}
_SETTLED: Final = (ProblemKind.NO_CREDITS, ProblemKind.REJECTED, ProblemKind.UNREADABLE)


@dataclass(slots=True)
class _Seen:
    """What was seen of a task, in ms since the waiting began; what was before is negative."""

    added_ms: int
    first_checks: int
    """How often it had been checked when the waiting began."""
    checked_ms: int | None
    due_ms: int
    problem_ms: int
    """When the first failure of an unbroken row of this kind came."""
    refused_ms: int | None = None
    """When the first of an unbroken row of refusals of the key came; None where the last check was not refused."""


class Vigil:
    """What is waited for, and what may end the waiting. Pure: every moment is handed in."""

    def __init__(self, tasks: Sequence[Task], started_ms: int, timeout_s: float | None = None) -> None:
        """Begin to wait.

        Args:
            tasks: what for, as it is now.
            started_ms: the time by the wall clock, in Unix ms.
            timeout_s: how long.
        """
        self.tasks = list(tasks)
        self.removed: list[Task] = []
        self.timed_out = False
        self._elapsed_ms = 0
        self._timeout_ms = None if timeout_s is None else round(timeout_s * 1000)
        self._seen = {task.seq: _first_seen(task, started_ms) for task in tasks}

    @property
    def waiting_for(self) -> list[Task]:
        """Those that are still to finish."""
        return [task for task in self.tasks if not self._is_settled(task)]

    def see(
        self, tasks: Sequence[Task], now_ms: int, elapsed_ms: int, *, is_elsewhere: bool = False
    ) -> list[str]:
        """Take the tasks as they are now; return a line for each change. A task that is missing was removed.

        Args:
            tasks: as they were just read.
            now_ms: the time by the wall clock, in Unix ms: what is planned is planned by it.
            elapsed_ms: the time since the waiting began.
            is_elsewhere: whether the answers came by another key, whose refusals say nothing of ours.
        """
        now = {task.seq: task for task in tasks}
        lines = []
        for before in self.tasks:
            after = now.get(before.seq)
            # In a list that was exchanged the place may be another task's.
            if after is None or after.task_id != before.task_id:
                self.removed.append(before)
                lines.append(f"{before.task_id}: was removed from the list")
                continue
            seen = self._seen[after.seq]
            _take_note(seen, before, after, now_ms, elapsed_ms)
            if is_elsewhere:
                seen.refused_ms = None
            if line := change_line(before, after):
                lines.append(line)
        gone = {task.seq for task in self.removed}
        self.tasks = [task for task in tasks if task.seq not in gone]
        return lines

    @property
    def is_key_doubted(self) -> bool:
        """Whether the key was refused for a task that is still to finish."""
        return any(self._seen[task.seq].refused_ms is not None for task in self.waiting_for)

    def to_ask(self, elapsed_ms: int, left_to_watcher_ms: int) -> list[int]:
        """Return the `seq` of the tasks that want a check now and were not asked for yet."""
        return [
            task.seq
            for task in self.waiting_for
            if task.asked_at_ms is None and self._due_ms(task) + left_to_watcher_ms <= elapsed_ms
        ]

    def is_over(self, elapsed_ms: int) -> bool:
        """Return whether there is nothing left to wait for."""
        self._elapsed_ms = elapsed_ms
        self.timed_out = self._timeout_ms is not None and elapsed_ms >= self._timeout_ms
        hopeless = any(self._is_refused(task) or self._is_unknown(task) for task in self.tasks)
        return not self.waiting_for or hopeless or bool(self.removed) or self.timed_out

    def left_s(self, elapsed_s: float) -> float:
        """How long until the time is over, in seconds."""
        return math.inf if self._timeout_ms is None else max(0.0, self._timeout_ms / 1000 - elapsed_s)

    def exit_code(self) -> int:
        """What it came to, once `is_over`."""
        codes = {3} if self.removed else set()
        for task in self.tasks:
            problem = task.problem
            if task.state.finished:
                codes |= {1} if task.state is State.FAIL else set()
            elif self._is_refused(task) or self._is_unknown(task) or self._is_settled(task):
                assert problem is not None  # noqa: S101 - each of the three is a problem
                codes.add(EXIT_CODES[problem.kind])
            elif self.timed_out:
                codes.add(5 if problem is not None and problem.kind in _RIDDEN_OUT else 124)
        return first_cause(codes)

    def closing_line(self) -> str:
        """In words, how it ended badly."""
        unknown = sum(self._is_unknown(task) for task in self.tasks)
        counts = [
            (sum(task.state is State.SUCCESS for task in self.tasks), "succeeded"),
            (sum(task.state is State.FAIL for task in self.tasks), "failed"),
            (unknown, "unknown to the API"),
            (len(self.removed), "removed"),
            (sum(not task.state.finished for task in self.tasks) - unknown, "not finished"),
        ]
        why = "time is over: " if self.timed_out else ""
        return why + ", ".join(f"{count} {what}" for count, what in counts if count)

    def _due_ms(self, task: Task) -> int:
        seen = self._seen[task.seq]
        if task.problem is not None and not self._is_answered(task):
            # An old problem says nothing of today: ask anew.
            return 0
        if seen.checked_ms is None or task.checked_at_ms is None:
            return seen.due_ms
        if task.problem is None and task.checked_at_ms - started_ms(task) >= OLD_MS:
            return min(seen.due_ms, seen.checked_ms + _old_gap_ms(seen.checked_ms))
        gap_ms = None if task.problem is None else _CONFIRMED_AFTER_MS.get(task.problem.kind)
        # The schedule asks for these ever more rarely; here somebody waits for the answer.
        return seen.due_ms if gap_ms is None else min(seen.due_ms, seen.checked_ms + gap_ms)

    def _is_answered(self, task: Task) -> bool:
        return task.checks > self._seen[task.seq].first_checks

    def _is_settled(self, task: Task) -> bool:
        if task.state.finished:
            return True
        return task.problem is not None and task.problem.kind in _SETTLED and self._is_answered(task)

    def _is_refused(self, task: Task) -> bool:
        """Whether the key is refused for this task: two checks of it say so."""
        seen = self._seen[task.seq]
        if task.state.finished or seen.refused_ms is None or seen.checked_ms is None:
            return False
        return seen.checked_ms - seen.refused_ms >= REFUSED_APART_MS

    def _is_unknown(self, task: Task) -> bool:
        seen, problem = self._seen[task.seq], task.problem
        if task.state.finished or problem is None or problem.kind is not ProblemKind.NOT_FOUND:
            return False
        twice = seen.checked_ms is not None and seen.checked_ms - seen.problem_ms >= APART_MS
        return self._is_answered(task) and twice and self._elapsed_ms - seen.added_ms >= NEW_FOR_MS


def _first_seen(task: Task, started_ms: int) -> _Seen:
    """How it is found. Of what was before, only a wall clock can tell; if that was set back, it was just now."""

    def since_ms(at_ms: int) -> int:
        return min(0, at_ms - started_ms)

    return _Seen(
        added_ms=since_ms(task.added_at_ms),
        first_checks=task.checks,
        checked_ms=None if task.checked_at_ms is None else since_ms(task.checked_at_ms),
        due_ms=0 if task.next_check_at_ms is None else task.next_check_at_ms - started_ms,
        problem_ms=0 if task.problem is None else since_ms(task.problem.since_ms),
    )


def _take_note(seen: _Seen, before: Task, after: Task, now_ms: int, elapsed_ms: int) -> None:
    is_checked = after.checks != before.checks
    if is_checked:
        seen.checked_ms = elapsed_ms
        is_refused = after.problem is not None and after.problem.kind is ProblemKind.UNAUTHORIZED
        since_ms = elapsed_ms if seen.refused_ms is None else seen.refused_ms
        seen.refused_ms = since_ms if is_refused else None
    if after.problem is not None and _row(after) != _row(before):
        seen.problem_ms = elapsed_ms
    if is_checked or after.next_check_at_ms != before.next_check_at_ms:
        planned_ms = now_ms if after.next_check_at_ms is None else after.next_check_at_ms
        seen.due_ms = elapsed_ms + planned_ms - now_ms


def _row(task: Task) -> tuple[ProblemKind, int] | None:
    """What tells an unbroken row of failures from another one; nothing is read from the time in it."""
    return None if task.problem is None else (task.problem.kind, task.problem.since_ms)


def _old_gap_ms(waited_ms: int) -> int:
    return next((gap_ms for until_ms, gap_ms in OLD_GAPS_MS if waited_ms < until_ms), OLDEST_GAP_MS)

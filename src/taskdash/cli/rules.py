"""Decides for `wait` when to ask for a task, when to stop, and the outcome; also has exit codes for `check`.

Pure: all times are passed in; `cli.following` reads the store and the clock. A check is detected by a task's count of
checks, and dated by the monotonic clock of the wait, because the times in the store are from a wall clock, which may
be set during the wait.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.cli.output import cropped
from taskdash.domain.task import ProblemKind, State, Task
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NO_REASON, duration, plural, started_ms, state_word
from taskdash.watch.thread import WatchStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

NEW_FOR_MS: Final = 30_000
"""For this long after it was added, an ID that is not found may just be too new."""
OLD_MS: Final = 600_000
"""The schedule decides when to check a young task. It checks an older one ever more rarely, which is too slow here."""
OLD_GAPS_MS: Final = ((30_000, 3_000), (120_000, 5_000), (600_000, 15_000), (math.inf, 30_000))
"""Pairs of a time since the wait began, and the gap between checks of an old task until then."""
LEFT_TO_WATCHER_MS: Final = 1_000
"""How long a due check is left to the dashboard that watches; then it may be paused, so the check is asked for."""
_RIDDEN_OUT: Final = (ProblemKind.RATE_LIMITED, ProblemKind.SERVER_ERROR, ProblemKind.UNREACHABLE)
_CONFIRMED_AFTER_MS: Final = {ProblemKind.NOT_FOUND: 5_000, ProblemKind.UNAUTHORIZED: 3_000}
"""How far apart two checks must be to count as two: a firewall's challenge may pass in between."""
_SETTLED: Final = (ProblemKind.NO_CREDITS, ProblemKind.REJECTED, ProblemKind.UNREADABLE)
EXIT_CODES: Final = {
    ProblemKind.UNAUTHORIZED: 4,
    ProblemKind.NOT_FOUND: 3,
    **dict.fromkeys(_RIDDEN_OUT, 5),
    **dict.fromkeys(_SETTLED, 1),
}
MAX_NAME_CELLS: Final = 60
"""Enough of label and prompt to tell tasks apart."""


@dataclass(slots=True)
class _History:
    """Keeps what a wait has seen of a task, in ms since it began; earlier times are negative."""

    added_ms: int
    first_checks: int
    """Its count of checks when it was first seen."""
    checked_ms: int | None
    due_ms: int
    problem_ms: int
    """When the first failure of the current streak of one kind was seen."""

    def see(self, before: Task, after: Task, now_ms: int, elapsed_ms: int, *, is_elsewhere: bool) -> None:
        is_checked = after.checks != before.checks
        old, problem = before.problem, after.problem
        if is_checked:
            self.checked_ms = elapsed_ms
        # Kind and time are unique to a streak of failures; the time is only compared.
        is_new = (
            old is None or problem is None or (old.kind, old.since_ms) != (problem.kind, problem.since_ms)
        )
        # That another key was refused says nothing about ours.
        is_others = is_elsewhere and problem is not None and problem.kind is ProblemKind.UNAUTHORIZED
        if is_new or is_others:
            self.problem_ms = elapsed_ms
        if is_checked or after.next_check_at_ms != before.next_check_at_ms:
            planned_ms = now_ms if after.next_check_at_ms is None else after.next_check_at_ms
            self.due_ms = elapsed_ms + planned_ms - now_ms


def _history_of(task: Task, now_ms: int, elapsed_ms: int = 0) -> _History:
    # Earlier times are known only by the wall clock; if that was set back, they count as now.

    def since_ms(at_ms: int) -> int:
        return elapsed_ms + min(0, at_ms - now_ms)

    return _History(
        added_ms=since_ms(task.added_at_ms),
        first_checks=task.checks,
        checked_ms=None if task.checked_at_ms is None else since_ms(task.checked_at_ms),
        due_ms=elapsed_ms + (0 if task.next_check_at_ms is None else task.next_check_at_ms - now_ms),
        problem_ms=0 if task.problem is None else since_ms(task.problem.since_ms),
    )


class WaitRules:
    """Asks for a task when it is due, and is done with it when it is finished."""

    notice: str | None = None
    """Stays None: the changes of a wait say it all."""

    def __init__(
        self,
        tasks: Sequence[Task],
        started_ms: int,
        timeout_s: float | None = None,
        *,
        are_named: bool = True,
        is_compact: bool = False,
    ) -> None:
        """Start waiting at `started_ms` by the wall clock.

        If the wait is compact, changes are reported only for tasks that fail, or that waiting longer cannot help.

        Unless they are named, the tasks were selected, and others may join them: then one that is removed, or unknown
        to the API, does not end the wait for the rest.
        """
        self.tasks = list(tasks)
        self.removed: list[Task] = []
        self.asked: dict[int, int] = {}
        """The marks of the tasks asked for, by `seq`."""
        self.status = WatchStatus()
        self.timed_out = False
        self.is_compact = is_compact
        self._are_named = are_named
        self._elapsed_ms = 0
        self.timeout_ms = math.inf if timeout_s is None else round(timeout_s * 1000)
        self._seen = {task.seq: _history_of(task, started_ms) for task in tasks}

    @property
    def waiting_for(self) -> list[Task]:
        """Return the tasks that are still to finish."""
        return [task for task in self.tasks if not self._is_settled(task)]

    @property
    def done(self) -> int:
        """Return the number of tasks that are no longer waited for."""
        return len(self._seen) - len(self.waiting_for)

    def see(
        self, tasks: Sequence[Task], now_ms: int, elapsed_ms: int, *, is_elsewhere: bool = False
    ) -> list[str]:
        """Process the tasks' current state; return a line for each change. A missing task was removed.

        A new one joins, if the tasks were selected. Checks are planned by the wall clock, `now_ms`. If the answers came
        from elsewhere, with another key, refusals say nothing about ours.
        """
        removed = gone(self.tasks, tasks)
        self.removed += removed
        before_by_seq = {task.seq: task for task in self.tasks if task not in removed}
        if not self._are_named:
            for task in removed:
                del self._seen[task.seq]
            for task in tasks:
                if task.seq not in self._seen:
                    before_by_seq[task.seq] = task
                    self._seen[task.seq] = _history_of(task, now_ms, elapsed_ms)
        self.tasks = [task for task in tasks if task.seq in before_by_seq]
        lines = [*map(removed_line, removed)]
        for after in self.tasks:
            before, seen = before_by_seq[after.seq], self._seen[after.seq]
            seen.see(before, after, now_ms, elapsed_ms, is_elsewhere=is_elsewhere)
            is_told = not self.is_compact or after.state is State.FAIL or self._is_hopeless(after)
            if is_told and (line := change_line(before, after)):
                lines.append(line)
        return lines

    def to_ask(self, elapsed_ms: int) -> list[int]:
        """Return the `seq` of the tasks that are due and not asked for yet."""
        until_ms = elapsed_ms - (0 if self.status.leading else LEFT_TO_WATCHER_MS)
        due = (task for task in self.waiting_for if task.asked_at_ms is None)
        return [task.seq for task in due if self._due_ms(task) <= until_ms]

    def is_over(self, elapsed_ms: int) -> bool:
        """Return whether the wait ends: with nothing left, a named task lost, the key refused, or a time-out."""
        self._elapsed_ms = elapsed_ms
        self.timed_out = elapsed_ms >= self.timeout_ms
        lost = self._are_named and (bool(self.removed) or any(map(self._is_unknown, self.tasks)))
        return not self.waiting_for or lost or any(map(self._is_refused, self.tasks)) or self.timed_out

    def exit_code(self) -> int:
        """Return the exit code, once `is_over`."""
        codes = {3} if self.removed and (self._are_named or not self.tasks) else set()
        for task in self.tasks:
            problem = task.problem
            if task.state.finished:
                codes |= {1} if task.state is State.FAIL else set()
                continue
            ends = self._is_refused(task) or self._is_unknown(task) or self._is_hopeless(task)
            is_refused = (
                self._is_answered(task) and problem is not None and problem.kind is ProblemKind.UNAUTHORIZED
            )
            if problem and (ends or (self.timed_out and (is_refused or problem.kind in _RIDDEN_OUT))):
                codes.add(EXIT_CODES[problem.kind])
            elif self.timed_out:
                codes.add(124)
        return first_cause(codes)

    def untold(self) -> list[str]:
        """Return a line for each task unknown to the API, if the wait is compact: `see` did not report those."""
        unknown = filter(self._is_unknown, self.tasks) if self.is_compact else ()
        return [f"{task.task_id}: {ProblemKind.NOT_FOUND.value}" for task in unknown]

    def summary(self) -> str:
        """Return the outcome in words: `3 tasks finished: 2 succeeded, 1 failed in 1m52s`."""
        states = Counter(task.state for task in self.tasks)
        finished = states[State.SUCCESS] + states[State.FAIL]
        counts = {
            "succeeded": states[State.SUCCESS],
            "failed": states[State.FAIL],
            "unknown to the API": sum(map(self._is_unknown, self.tasks)),
            "removed": len(self.removed),
        }
        parts = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        total = plural(len(self._seen), "task")
        if finished == len(self._seen):
            took = f" in {duration(self._elapsed_ms, measured=True)}" if self._elapsed_ms else ""
            return f"{total} finished: {parts}{took}"
        why = f"timed out after {duration(self.timeout_ms, measured=True)} with " if self.timed_out else ""
        return f"{why}{finished:,} of {total} finished: {parts}" if parts else f"{why}{total} not finished"

    def _due_ms(self, task: Task) -> float:
        seen = self._seen[task.seq]
        if task.problem is not None and not self._is_answered(task):
            # The problem is from before the wait: ask again.
            return 0
        if seen.checked_ms is None or task.checked_at_ms is None:
            return seen.due_ms
        gap_ms = math.inf
        # The schedule checks these ever more rarely, but here somebody is waiting for the answer.
        if task.problem is not None:
            gap_ms = _CONFIRMED_AFTER_MS.get(task.problem.kind, math.inf)
        elif task.checked_at_ms - started_ms(task) >= OLD_MS:
            gap_ms = next(gap_ms for until_ms, gap_ms in OLD_GAPS_MS if seen.checked_ms < until_ms)
        return min(seen.due_ms, seen.checked_ms + gap_ms)

    def _is_answered(self, task: Task) -> bool:
        return task.checks > self._seen[task.seq].first_checks

    def _is_settled(self, task: Task) -> bool:
        is_lost = not self._are_named and self._is_unknown(task)
        return is_lost or task.state.finished or self._is_hopeless(task)

    def _is_hopeless(self, task: Task) -> bool:
        return task.problem is not None and task.problem.kind in _SETTLED and self._is_answered(task)

    def _is_refused(self, task: Task) -> bool:
        return self._is_confirmed(task, ProblemKind.UNAUTHORIZED)

    def _is_unknown(self, task: Task) -> bool:
        # While its mark is set, not all record paths have been tried again.
        is_lost = self._is_confirmed(task, ProblemKind.NOT_FOUND) and task.asked_at_ms is None
        return is_lost and self._elapsed_ms - self._seen[task.seq].added_ms >= NEW_FOR_MS

    def _is_confirmed(self, task: Task, kind: ProblemKind) -> bool:
        """Return whether a task has this problem by two checks, one of them of this wait."""
        seen = self._seen[task.seq]
        if task.state.finished or task.problem is None or task.problem.kind is not kind:
            return False
        apart_ms = 0 if seen.checked_ms is None else seen.checked_ms - seen.problem_ms
        return self._is_answered(task) and apart_ms >= _CONFIRMED_AFTER_MS[kind]


def change_line(before: Task, after: Task) -> str | None:
    """Return a line on a task's change, with its label and prompt; None without a change."""
    problem, was, now = after.problem, state_word(before), state_word(after)
    if problem is not None and (before.problem is None or before.problem.kind is not problem.kind):
        line = f"{after.task_id}: {problem.kind.value}: {problem.message}"
    elif was == now:
        return None
    else:
        line = f"{after.task_id}: {was} -> {now}"
        if after.state is State.SUCCESS and after.cost_time_ms is not None:
            line += f" in {duration(after.cost_time_ms, measured=True)}"
        elif after.state is State.FAIL:
            line += f": {after.fail_msg or after.fail_code or NO_REASON}"
    name = " · ".join(filter(None, (after.label, inert_line(after.prompt or ""))))
    return f"{line} ({cropped(name, MAX_NAME_CELLS)})" if name else line


def removed_line(task: Task) -> str:
    """Return the line on a task that was removed from the list."""
    return f"{task.task_id}: was removed from the list"


def first_cause(codes: set[int]) -> int:
    """Return the exit code that counts first; 0 for none."""
    return next((code for code in (4, 3, 5, 124, 1) if code in codes), 0)


def gone(before: Sequence[Task], now: Sequence[Task]) -> list[Task]:
    """Return the tasks that are gone. In a list that was replaced, their `seq` may belong to another task."""
    ids = {task.seq: task.task_id for task in now}
    return [task for task in before if ids.get(task.seq) != task.task_id]

"""Decides for `check` when to ask for each task, when to stop, and the outcome. Pure, like `cli.rules`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from taskdash.cli.rules import EXIT_CODES, first_cause, gone, removed_line
from taskdash.domain.task import ProblemKind, Task
from taskdash.domain.words import duration, plural, state_word
from taskdash.watch.thread import WatchStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

FAILURES_IN_A_ROW: Final = 3
"""After this many, the gateway is not asked for the remaining tasks."""
STOPPED_FOR_MS: Final = 3_000
"""How long to wait for a stopped (SIGSTOP) watcher to continue."""
QUIET_FOR_MS: Final = 1_000
"""How long to put up with a rate limit: the 429 may be the answer to our own check, still to reach the store."""
SHORT_HOLD_MS: Final = 10_000
"""A 429 that asks for a shorter pause than this is waited out; a second one in a row is not."""


class CheckRules:
    """Asks for each task once, and is done with it when it is answered."""

    is_compact = False
    timeout_ms = math.inf
    notice: str | None = None
    """The message about a 429 that is being waited out."""

    def __init__(self, tasks: Sequence[Task], *, are_named: bool, waits: bool = True) -> None:
        """Start checking tasks; `are_named`: given by ID, not selected; `waits`: wait out a short 429."""
        self.tasks = list(tasks)
        self.asked: dict[int, int] = {}
        """The marks of the tasks asked for, by `seq`."""
        self.status = WatchStatus()
        self._are_named = are_named
        self._waits = waits
        self._before = {task.seq: task for task in tasks}
        self._checks = {task.seq: task.checks for task in tasks}
        """Each task's count of checks at the start, or at its last answer since."""
        self._answered: dict[int, Task] = {}
        self._again: dict[int, Task] = {}
        """Tasks that failed with the key or gateway of another process, to be retried with ours."""
        self._limited: set[int] = set()
        """Tasks that got a 429 since the last other answer, and are asked for again ..."""
        self._to_retry: list[int] = []
        """... and those still to be asked for again."""
        self._resumes_at_ms: int | None = None
        """When that 429 ends, by the wall clock."""
        self._why_not: str | None = None
        self._since_ms: dict[str, int] = {}
        self._now_ms = 0

    @property
    def done(self) -> int:
        """Return the number of answered tasks."""
        return len(self._answered)

    def to_ask(self, _elapsed_ms: int) -> list[int]:
        """Return the `seq` of all tasks at first; later, of those to retry with our key or after a 429."""
        if not self.asked:
            return list(self._before)
        # The watcher holds these back until the 429 ends.
        seqs, self._to_retry = self._to_retry, []
        if self._is_ours_tried:
            seqs += self._again
            self._again = {}
        return seqs

    @property
    def _is_ours_tried(self) -> bool:
        return self.status.leading or bool(self.status.watcher_pid and not self.status.differs)

    def see(
        self, tasks: Sequence[Task], now_ms: int, elapsed_ms: int, *, is_elsewhere: bool = False
    ) -> list[str]:
        """Process the tasks' current state, as `WaitRules.see` does; return a line for each removed one."""
        removed, self._now_ms = gone(self.tasks, tasks), now_ms
        self.tasks = [task for task in tasks if self._before[task.seq].task_id == task.task_id]
        for task in sorted(self.tasks, key=lambda task: task.checked_at_ms or 0):
            is_new = task.checks != self._checks[task.seq] and task.asked_at_ms != self.asked.get(task.seq)
            if task.seq in self._answered or not is_new:
                continue
            self._checks[task.seq] = task.checks
            kind = task.problem.kind if task.problem else None
            if self._is_waited_out(task):
                self._limited.add(task.seq)
                self._to_retry.append(task.seq)
            elif is_elsewhere and kind in (ProblemKind.UNAUTHORIZED, ProblemKind.UNREACHABLE):
                self._again[task.seq] = task
            else:
                self._answered[task.seq] = task
        if not (is_elsewhere or self._is_ours_tried):
            self._answered.update(self._again)
            self._again = {}
        status, since_ms = self.status, self._since_ms
        holds = {"stopped": status.watcher_stopped, "quiet": status.problem is ProblemKind.RATE_LIMITED}
        self._since_ms = {name: since_ms.get(name, elapsed_ms) for name, is_so in holds.items() if is_so}
        return [removed_line(task) for task in removed]

    def _is_waited_out(self, task: Task) -> bool:
        """Return whether to retry a task that was just answered: with a 429, and not the second in a row."""
        if task.problem is None or task.problem.kind is not ProblemKind.RATE_LIMITED:
            self._limited, self._resumes_at_ms = set(), None
            return False
        # Checks in flight when the first 429 came may well get one, too.
        is_beside = self._resumes_at_ms is None or (task.checked_at_ms or 0) < self._resumes_at_ms
        return self._waits and task.seq not in self._limited and (not self._limited or is_beside)

    def is_over(self, elapsed_ms: int) -> bool:
        """Return whether all tasks are answered, or the rest will not be."""
        if all(task.seq in self._answered for task in self.tasks):
            return True
        self._why_not = self._hopeless(elapsed_ms)
        return self._why_not is not None

    def _hopeless(self, elapsed_ms: int) -> str | None:
        """Return why the rest will not be answered, if so; set the notice if a 429 is being waited out."""
        status, since_ms = self.status, self._since_ms
        if elapsed_ms - since_ms.get("stopped", elapsed_ms) >= STOPPED_FOR_MS:
            return f"the watcher (pid {status.watcher_pid}) is stopped"
        kinds = [task.problem.kind if task.problem else None for task in self._answered.values()]
        if ProblemKind.RATE_LIMITED in kinds:
            return "rate limited by the gateway"
        if ProblemKind.UNAUTHORIZED in kinds and status.problem is ProblemKind.UNAUTHORIZED:
            return "API key rejected"
        last = set(kinds[-FAILURES_IN_A_ROW:])
        if len(kinds) >= FAILURES_IN_A_ROW and last <= {ProblemKind.UNREACHABLE, ProblemKind.SERVER_ERROR}:
            return "the gateway is not responding"
        until_ms = status.held_until_ms
        is_quiet = self._limited or elapsed_ms - since_ms.get("quiet", elapsed_ms) >= QUIET_FOR_MS
        if "quiet" in since_ms and is_quiet and until_ms is not None and until_ms > self._now_ms:
            wait_ms = until_ms - self._now_ms
            how_long = duration(wait_ms + 999)
            if not self._waits or wait_ms >= SHORT_HOLD_MS:
                return f"rate limited by the gateway for another {how_long}"
            self.notice = self.notice or f"rate limited by the gateway; retrying in {how_long}"
            self._resumes_at_ms = until_ms
        return None

    def outcome(self) -> tuple[list[str], list[str], int]:
        """Return a line for each change (ID, a tab, old and new state), one for each error, and the exit code."""
        changes, troubles, codes = [], [], set()
        answered = self._answered.keys() | self._limited
        for task in self.tasks:
            if task.seq not in answered:
                continue
            if task.problem is not None:
                codes.add(EXIT_CODES[task.problem.kind])
                troubles.append(f"{task.task_id}: {task.problem.kind.value}: {task.problem.message}")
            was, now = state_word(self._before[task.seq]), state_word(task)
            if was != now:
                changes.append(f"{task.task_id}\t{was} -> {now}")
        if len(self.tasks) < len(self._before) and self._are_named:
            codes.add(3)
        if left := sum(task.seq not in answered for task in self.tasks):
            why = f": {self._why_not}" if self._why_not else ""
            troubles.append(f"{plural(left, 'task')} not checked{why}")
            codes.add(5 if self._why_not and not codes else 1)
        return changes, troubles, first_cause(codes)

"""Tells the user of tasks that finish: once each, in words and, if wanted, with the bell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from taskdash.domain.task import State, Task
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.ui.acting import Severity
    from taskdash.ui.desk import Desk

MAX_TOASTS: Final = 3


class Say(Protocol):
    """Shows the user one line."""

    def __call__(self, text: str, severity: Severity = "information") -> None:
        """Show it, and go on at once."""


class FinishedTasks:
    """What has ended since the dashboard was opened, and how much of it was told."""

    def __init__(self, desk: Desk, say: Say, ring: Callable[[], None]) -> None:
        self._desk = desk
        self._say = say
        self._ring = ring
        self._told_until_ms = desk.clock.now_ms()

    async def tell(self) -> None:
        """Tell of those that nobody was told of yet, and learn how long they took."""
        profile, after_ms = self._desk.profile, self._told_until_ms
        finished = await self._desk.store.run(lambda store: store.checks.finished_since(profile, after_ms))
        if not finished:
            return
        self._told_until_ms = max(task.finished_at_ms or 0 for task in finished)
        for task in finished:
            self._desk.learn(task)
        # An ID that had ended when it was added is no news.
        self._toast([task for task in finished if task.checks > 1])

    def _toast(self, finished: Sequence[Task]) -> None:
        if finished and self._desk.bell:
            self._ring()
        if len(finished) > MAX_TOASTS:
            good = sum(task.state is State.SUCCESS for task in finished)
            bad = len(finished) - good
            self._say(f"{plural(len(finished), 'task')} finished: {good:,} success, {bad:,} fail")
            return
        for task in finished:
            name = (task.label or task.prompt or task.task_id)[:60]
            if task.state is State.SUCCESS:
                self._say(f"✓ success: {name}")
            else:
                self._say(f"× fail: {name}\n{(task.fail_msg or task.fail_code or '')[:120]}", "error")

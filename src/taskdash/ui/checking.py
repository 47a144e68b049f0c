"""Requests checks for the user, each at the task's own gateway, and reports whether dead links were renewed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from taskdash.domain.words import REMOVED, are_links_dead, countdown, expiry_of, is_renewed, plural
from taskdash.ui.acts import Feedback, warning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.task import Task
    from taskdash.ui.context import Context

RENEWAL_LOOK_S: Final = 0.25
RENEWAL_WAIT_MS: Final = 60_000
"""A later answer is not reported: nobody would connect it with the key."""


class Checking:
    """Requests the checks of one dashboard."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def check(self, tasks: Sequence[Task]) -> Feedback:
        """Request a check of tasks now, finished ones included."""
        tasks, left = self._context.checkable(tasks)
        if not tasks:
            return warning(f"Nothing can be checked: {left}")
        seqs, now_ms = [task.seq for task in tasks], self._context.clock.now_ms()
        await self._context.store.run(lambda store: store.checks.ask(seqs, now_ms))
        self._context.wake()
        rest = f" The others are skipped: {left}." if left else ""
        return Feedback(f"Checking {plural(len(tasks), 'task') + ' ' if len(tasks) > 1 else ''}now.{rest}")

    async def renewed(self, asked: Sequence[Task]) -> Feedback | None:
        """Wait for the answers of tasks with dead links; return the outcome, None without any or after a minute."""
        context, now_ms = self._context, self._context.clock.now_ms()
        tasks, _ = context.checkable(asked)
        dead = {task.seq: task for task in tasks if are_links_dead(task, context.ttl_ms_of(task), now_ms)}
        if not dead:
            return None
        until_ms, tasks = now_ms + RENEWAL_WAIT_MS, list(dead.values())
        while now_ms < until_ms:
            await asyncio.sleep(RENEWAL_LOOK_S)
            tasks = await self._context.store.run(lambda store: store.tasks.by_seq(sorted(dead)))
            now_ms = self._context.clock.now_ms()
            if all(task.asked_at_ms is None for task in tasks):
                break
        else:
            return None
        return _renewal([(dead[task.seq], task) for task in tasks], context, now_ms)

    async def check_all(self, profiles: Sequence[str]) -> Feedback:
        """Request a check of every unfinished task of these profiles now."""
        checked = [name for name in profiles if not self._context.why_unchecked(name)]
        if not checked:
            return warning(f"Nothing can be checked: {self._context.why_unchecked(profiles[0])}")
        list_, now_ms = self._context.store, self._context.clock.now_ms()
        count = await list_.run(
            lambda store: sum(store.checks.ask_unfinished(name, now_ms) for name in checked)
        )
        self._context.wake()
        if not count:
            return warning("No unfinished tasks.")
        return Feedback(f"Checking {plural(count, 'unfinished task')} now.")


def _renewal(tasks: Sequence[tuple[Task, Task]], context: Context, now_ms: int) -> Feedback | None:
    fresh = [task for before, task in tasks if is_renewed(before, task, context.ttl_ms_of(task), now_ms)]
    if len(tasks) != 1:
        left = len(tasks) - len(fresh)
        rest = f" {plural(left, 'task')} had none: the results have expired." if left else ""
        said = f"Fresh links for {plural(len(fresh), 'task')}.{rest}"
        return (warning(said) if left else Feedback(said)) if tasks else None
    task = tasks[0][1]
    expiry = expiry_of(task, context.ttl_ms_of(task))
    when = countdown(expiry, now_ms) if expiry is not None else ""
    if fresh:
        return Feedback(f"Fresh links: {when}." if when else "Fresh links.")
    if task.problem is not None:
        return warning(f"No fresh links: {task.problem.kind.value}.")
    if task.purged:
        return warning(f"{REMOVED}.")
    return warning(f"No fresh links: the response has the same ones, {when}.")

"""Tells the user of tasks that finish: once each, in words and, if wanted, with the bell and a command of their own.

What is told is claimed in the store first, so that no other dashboard on this list, and no later one, tells it again.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from taskdash.domain.notices import Way, notices
from taskdash.domain.words import ended_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from taskdash.domain.notices import Batch, Notice
    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk
    from taskdash.ui.said import Severity

TELL_EVERY_S: Final = 4.0
"""What ends within so long of the last message is told together, once that has gone: a batch would cover the list."""
QUIET_S: Final = 3.0
"""What had ended before the dashboard was opened is told together, once no more of it came for so long ..."""
HOLD_S: Final = 30.0
"""... or it has waited so long."""

SET_BACK_MS: Final = 60_000
"""How far back is looked after the clock was set back."""


class Say(Protocol):
    """Shows the user one line."""

    def __call__(self, text: str, severity: Severity = "information") -> None:
        """Show it, and go on at once."""


class FinishedTasks:
    """What has ended, and what of it the user was told."""

    def __init__(
        self,
        desk: Desk,
        say: Say,
        ring: Callable[[], None],
        again: Callable[[float], None],
        marked: Callable[[], Collection[int]],
    ) -> None:
        """Prepare to tell.

        Args:
            desk: The surroundings.
            say: Shows a message.
            ring: Rings the bell.
            again: Has `tell` called once more, in so many seconds.
            marked: The `seq` of the tasks that are marked now.
        """
        self._desk = desk
        self._say = say
        self._ring = ring
        self._again = again
        self._marked = marked
        self._opened_ms = self._learned_until_ms = desk.clock.now_ms()
        self._learned: set[int] = set()
        self._told_at_s = self._again_at_s = 0.0
        self._late: set[int] = set()
        self._late_first_s = self._late_last_s = 0.0
        self._batch: Batch | None = None
        self._lock = asyncio.Lock()

    async def tell(self) -> None:
        """Tell of those that nobody was told of yet, and learn how long they took."""
        async with self._lock:
            await self._learn()
            untold = await self._desk.store.run(self._read)
            ours: list[Task] = []
            batches: list[Batch] = []
            if self._is_time(untold, asyncio.get_running_loop().time()):
                ours, batches = await self._desk.store.run(lambda store: store.news.claim_messages(untold))
                untold = []
            # Once the last of the marked ones is told, for it stands for all that end with it.
            if self._batch is not None and self._batch.seqs.isdisjoint(task.seq for task in untold):
                batches.append(self._batch)
                self._batch = None
            self._show(notices(ours, batches, self._desk.clock.now_ms()))

    def _show(self, found: Sequence[Notice]) -> None:
        if not found:
            return
        self._told_at_s = asyncio.get_running_loop().time()
        if self._desk.bell:
            self._ring()
        for notice in found:
            self._say(notice.text, "error" if notice.is_bad else "information")

    async def _learn(self) -> None:
        """Take note of all that ended, whoever tells of it: how long it took, and whether it was the last marked."""
        now_ms = self._desk.clock.now_ms()
        if now_ms < self._learned_until_ms:
            # The clock was set back, a moment ago.
            self._learned_until_ms = now_ms - SET_BACK_MS
        # From the last moment on, as more may have ended in the same one.
        profile, after_ms = self._desk.profile, self._learned_until_ms - bool(self._learned)
        since = await self._desk.store.run(lambda store: store.checks.finished_since(profile, after_ms))
        ended = [task for task in since if task.seq not in self._learned]
        if not ended:
            return
        self._learned_until_ms = max(task.finished_at_ms or 0 for task in since)
        self._learned |= {task.seq for task in ended}
        for task in ended:
            self._desk.learn(task)
        marked = frozenset(self._marked())
        if len(marked) > 1 and any(task.seq in marked for task in ended):
            self._batch = await self._desk.store.run(lambda store: store.news.batch_of(marked))

    def _is_time(self, untold: Sequence[Task], now_s: float) -> bool:
        """Whether to tell of them now; where not, see to it that there is another look."""
        if not untold:
            return False
        late = {task.seq for task in untold if (ended_ms(task) or self._opened_ms) < self._opened_ms}
        if not self._late:
            self._late_first_s = now_s
        if late - self._late:
            self._late_last_s = now_s
        self._late = late
        at_s = self._told_at_s + TELL_EVERY_S
        if late:
            at_s = max(at_s, min(self._late_last_s + QUIET_S, self._late_first_s + HOLD_S))
        if at_s > now_s and not now_s < self._again_at_s <= at_s:
            self._again_at_s = at_s
            self._again(at_s - now_s)
        if at_s > now_s:
            return False
        self._late = set()
        return True

    def _read(self, store: Store) -> list[Task]:
        """What nobody was told of on a screen yet; a command that is to run is woken for the rest."""
        profile, command = self._desk.profile, self._desk.on_finish
        if command is None:
            store.news.drop(profile, Way.COMMAND)
        elif store.news.is_any(profile, Way.COMMAND):
            command.wake()
        return store.news.untold(profile, Way.SCREEN)

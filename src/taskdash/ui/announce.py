"""Tells the user of tasks that finish, with the bell and a command if wanted, and of results that are about to expire.

Each is told once: it is claimed in the store first, so that no other dashboard on this list tells it again, nor a
later one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual.content import Content

from taskdash.domain.durations import age
from taskdash.domain.notices import Way, notices
from taskdash.domain.words import USUAL_LIFE_MS, ended_ms, expiry_of, notice_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.worker import WorkType

    from taskdash.domain.notices import Batch
    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.ui.acts import Severity
    from taskdash.ui.context import Context
    from taskdash.ui.screens.main import MainScreen

TELL_EVERY_S: Final = 4.0
"""What ends within so long of the last message is told together, once that has gone: a batch would cover the list."""
QUIET_S: Final = 3.0
"""What had ended before the dashboard was opened is told together, once no more of it came for so long ..."""
HOLD_S: Final = 30.0
"""... or it has waited so long."""

SET_BACK_MS: Final = 60_000
_LEAST_NAME_CELLS: Final = 10
LOOK_EVERY_MS: Final = 30_000


class FinishedTasks:
    """Knows what of a profile has ended, and what of it the user was told."""

    def __init__(self, context: Context, screen: MainScreen, profile: str) -> None:
        self._context = context
        self._profile = profile
        self._service = context.services[profile]
        self._screen = screen
        self._opened_ms = self._learned_until_ms = context.clock.now_ms()
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
            untold = await self._context.store.run(self._read)
            ours: list[Task] = []
            batches: list[Batch] = []
            if self._is_time(untold, asyncio.get_running_loop().time()):
                ours, batches = await self._context.store.run(lambda store: store.news.claim_messages(untold))
                untold = []
            # Once the last of the marked ones is told, for it stands for all that end with it.
            if self._batch is not None and self._batch.seqs.isdisjoint(task.seq for task in untold):
                batches.append(self._batch)
                self._batch = None
            is_counted = self._profile == self._context.profile
            missed = {task.seq for task in ours if is_counted and self._screen.away.counts(task)}
            fresh = [task for task in ours if task.seq not in missed]
            old = [batch for batch in batches if not batch.seqs.isdisjoint(missed)]
            old = [batch for batch in old if batch.seqs.isdisjoint(task.seq for task in fresh)]
            self._show([task for task in ours if task.seq in missed], old, is_told=True)
            self._show(fresh, [batch for batch in batches if batch not in old])

    def _show(self, ours: Sequence[Task], batches: Sequence[Batch], *, is_told: bool = False) -> None:
        """Tell of ends; where another line has told of them, keep for the messages what it has no room for."""
        found = notices(ours, batches, self._context.clock.now_ms())
        if not found:
            return
        self._told_at_s = asyncio.get_running_loop().time()
        if self._context.settings.bell:
            self._screen.app.bell()
        for notice in found:
            bad: Severity = "warning" if notice.is_batch else "error"
            severity: Severity = bad if notice.is_bad else "information"
            if is_told:
                self._screen.app.messages.keep(notice.text, severity)
            else:
                self._screen.say(notice.text, severity, is_batch=notice.is_batch)

    async def _learn(self) -> None:
        """Take note of all that ended, whoever tells of it: how long it took, and whether it was the last marked."""
        now_ms = self._context.clock.now_ms()
        if now_ms < self._learned_until_ms:
            # The clock was set back, a moment ago.
            self._learned_until_ms = now_ms - SET_BACK_MS
        # From the last moment on, as more may have ended in the same one.
        profile, after_ms = self._profile, self._learned_until_ms - bool(self._learned)
        since = await self._context.store.run(lambda store: store.checks.finished_since(profile, after_ms))
        ended = [task for task in since if task.seq not in self._learned]
        if not ended:
            return
        self._learned_until_ms = max(task.finished_at_ms or 0 for task in since)
        self._learned |= {task.seq for task in ended}
        for task in ended:
            self._service.learn(task)
        marked = frozenset(self._screen.table.marked)
        if len(marked) > 1 and any(task.seq in marked for task in ended):
            self._batch = await self._context.store.run(lambda store: store.news.batch_of(marked))

    def _is_time(self, untold: Sequence[Task], now_s: float) -> bool:
        """Return whether to tell of them now; where not, see to it that there is another look."""
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
            self._tell_in(at_s - now_s)
        if at_s > now_s:
            return False
        self._late = set()
        return True

    def _tell_in(self, in_s: float) -> None:
        tell: WorkType[None] = self.tell
        # A little later, so that it is not called before its time.
        self._screen.set_timer(in_s + 0.01, lambda: self._screen.run_worker(tell, group="tell"))

    def _read(self, store: Store) -> list[Task]:
        """Return what nobody was told of on a screen yet; wake the command that is to run for the rest."""
        profile, command = self._profile, self._service.on_finish
        if command is None:
            store.news.drop(profile, Way.COMMAND)
        elif store.news.is_any(profile, Way.COMMAND):
            command.wake()
        return store.news.untold(profile, Way.SCREEN)


class ExpiringResults:
    """Warns of results that are about to expire unsaved, and knows when it last looked for them."""

    def __init__(self, context: Context, screen: MainScreen) -> None:
        self._context = context
        self._screen = screen
        self._looked_at_ms: int | None = None

    @property
    def is_time(self) -> bool:
        """Return whether the last look is long ago; a clock that was set back counts as that."""
        looked_ms, now_ms = self._looked_at_ms, self._context.clock.now_ms()
        return looked_ms is None or not looked_ms <= now_ms < looked_ms + LOOK_EVERY_MS

    async def warn(self) -> None:
        """Look, and tell in one line what nobody was warned of yet."""
        context, told_ms = self._context, self._context.result_ttl_ms
        ttl_ms = told_ms or USUAL_LIFE_MS
        self._looked_at_ms = now_ms = context.clock.now_ms()
        dead_ms = now_ms - ttl_ms
        since = (dead_ms, dead_ms + notice_ms(ttl_ms))
        tasks = await context.store.run(
            lambda store: store.news.claim_expiring(
                context.profile, since, ttl_ms, is_told=told_ms is not None
            )
        )
        if tasks:
            self._screen.say(self._words(tasks, ttl_ms, now_ms), "warning")

    def _words(self, tasks: list[Task], ttl_ms: int, now_ms: int) -> str:
        first = expiry_of(tasks[0], ttl_ms)
        when = f"in {'about ' * first.is_rough}{age(first.left_ms(now_ms))}" if first else "soon"
        key = self._context.key_of("expiring")
        how = f" Press {key}." if key else ""
        if len(tasks) == 1:
            said = f"\" expires {when} and isn't saved.{how}"
            name = Content(" ".join((tasks[0].label or tasks[0].prompt or tasks[0].task_id)[:200].split()))
            # On one line, however wide its characters are, without the blanks around it and the quote before it.
            room = max(_LEAST_NAME_CELLS, self._screen.size.width - 3 - cell_len(said))
            return f'"{name.truncate(room, ellipsis=True).plain.rstrip()}{said}'
        return f"{len(tasks):,} results expire soon and aren't saved, the first {when}.{how}"

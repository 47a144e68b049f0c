"""Tells what goes on in the background: tasks that finish, results that are about to expire, and downloads.

Finished tasks and expiring results are announced once: they are claimed in the store first, so that no other dashboard
on this list announces them again, now or later.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from textual.content import Content

from taskdash import ui
from taskdash.domain.batches import Way, notices
from taskdash.domain.words import USUAL_LIFE_MS, age, expiry_of
from taskdash.ui import widgets

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from textual.worker import WorkType

    from taskdash.domain.batches import Batch
    from taskdash.domain.task import Task
    from taskdash.results.download_thread import DownloadThread
    from taskdash.store.store import Store
    from taskdash.ui.context import Context
    from taskdash.ui.messages import Severity
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.screens.task_actions import TaskActions
    from taskdash.ui.widgets.passing import DownloadBar

TELL_EVERY_S: Final = 4.0
"""Tasks that end within this time of the last message share the next one: a batch would flood the screen."""
SET_BACK_MS: Final = 60_000
_NAME_CELLS: Final = 28
"""Beside a name of this width the rest of a warning fits on a line of 80 cells."""
LOOK_EVERY_S: Final = 30.0


class FinishedTasks:
    """Announces the finished tasks of one profile, and learns from them how long tasks take."""

    def __init__(self, context: Context, screen: MainScreen, profile: str) -> None:
        self._context = context
        self._profile = profile
        self._service = context.services[profile]
        self._screen = screen
        self._learned_until_ms = context.clock.now_ms()
        self._learned: set[int] = set()
        self._told_at_s = self._again_at_s = 0.0
        self._batch: Batch | None = None
        self._lock = asyncio.Lock()

    async def tell(self) -> None:
        """Announce the tasks not announced yet, and learn how long they took."""
        async with self._lock:
            await self._learn()
            untold = await self._context.store.run(self._read)
            ours: list[Task] = []
            batches: list[Batch] = []
            if self._is_time(untold, asyncio.get_running_loop().time()):
                ours, batches = await self._context.store.run(lambda store: store.news.claim_messages(untold))
                untold = []
            # Only with the last of the marked tasks, as its message covers all of them that end now.
            if self._batch is not None and self._batch.seqs.isdisjoint(task.seq for task in untold):
                batches.append(self._batch)
                self._batch = None
            is_counted = self._profile == self._context.profile
            missed = {task.seq for task in ours if is_counted and self._screen.away.counts(task)}
            fresh = {task.seq for task in ours} - missed
            old = [
                each for each in batches if not each.seqs.isdisjoint(missed) and each.seqs.isdisjoint(fresh)
            ]
            self._show([task for task in ours if task.seq in missed], old, is_told=True)
            new = [batch for batch in batches if batch not in old]
            self._show([task for task in ours if task.seq in fresh], new)

    def _show(self, ours: Sequence[Task], batches: Sequence[Batch], *, is_told: bool = False) -> None:
        """Announce finished tasks; with `is_told` (the away line counts them) only keep them in the messages."""
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
        """Learn how long all finished tasks took, whoever announces them, and whether they complete the marked ones."""
        now_ms = self._context.clock.now_ms()
        if now_ms < self._learned_until_ms:
            # The clock was set back.
            self._learned_until_ms = now_ms - SET_BACK_MS
        # Including the last millisecond seen, as more may have ended in it.
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
        """Return whether to announce the tasks now; if not, make sure that another look is scheduled."""
        if not untold:
            return False
        at_s = self._told_at_s + TELL_EVERY_S
        if at_s <= now_s:
            return True
        if not now_s < self._again_at_s <= at_s:
            self._again_at_s = at_s
            tell: WorkType[None] = self.tell
            # A little later, so that it does not fire early.
            self._screen.set_timer(at_s - now_s + 0.01, lambda: self._screen.run_worker(tell, group="tell"))
        return False

    def _read(self, store: Store) -> list[Task]:
        """Return the tasks not announced on a screen yet; wake the user's command if it is to run for any."""
        profile, command = self._profile, self._service.on_finish
        if command is None:
            store.news.drop(profile, Way.COMMAND)
        elif store.news.is_any(profile, Way.COMMAND):
            command.wake()
        return store.news.untold(profile, Way.SCREEN)


class ExpiringResults:
    """Warns about unsaved results that are about to expire, looking for them every `LOOK_EVERY_S`."""

    def __init__(self, context: Context, screen: MainScreen) -> None:
        self._context = context
        self._screen = screen
        self._again_at_s = 0.0

    def tick(self) -> None:
        """Look for them and warn, if that is due."""
        now_s = self._context.clock.now_s()
        if now_s >= self._again_at_s:
            self._again_at_s = now_s + LOOK_EVERY_S
            warn: WorkType[None] = self._warn
            self._screen.run_worker(warn, group="expiring", exclusive=True)

    async def _warn(self) -> None:
        """Show one line on those not warned about yet."""
        context, told_ms = self._context, self._context.result_ttl_ms
        ttl_ms = told_ms or USUAL_LIFE_MS
        now_ms = context.clock.now_ms()
        tasks = await context.store.run(
            lambda store: store.news.claim_expiring(context.profile, now_ms, told_ms)
        )
        if not tasks:
            return
        first = expiry_of(tasks[0], ttl_ms)
        when = f"in {'about ' * first.is_rough}{age(first.left_ms(now_ms))}" if first else "soon"
        key = context.key_of("expiring")
        how = f" Press {key}." if key else ""
        if len(tasks) == 1:
            name = Content(ui.acts.name_of(tasks[0])).truncate(_NAME_CELLS, ellipsis=True)
            words = f'"{name.plain.rstrip()}" expires {when} and isn\'t saved.{how}'
        else:
            words = f"{len(tasks):,} results expire soon and aren't saved, the first {when}.{how}"
        self._screen.say(words, "warning")


class BackgroundDownloads:
    """Saves results for one dashboard. Threads and progress bar are created when first needed."""

    def __init__(self, context: Context, screen: TaskActions) -> None:
        self._context = context
        self._screen = screen
        self._opening = asyncio.Lock()
        self._bar: DownloadBar | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Start automatic downloads, if configured; to be called once the first frame is drawn."""
        if self._context.settings.auto_download:
            self._screen.run_worker(self._open(self._context.profile), group="downloads")

    async def save(self, seqs: Sequence[int], only: Collection[tuple[int, int]] | None = None) -> None:
        """Save the unsaved results of tasks, or `only` some of them, by `seq` and number.

        Each is saved by the rules of its own profile.
        """
        whose = {self._context.profile: list(seqs)}
        if self._context.others:
            whose = {}
            for task in await self._context.store.run(lambda store: store.tasks.heads(seqs)):
                whose.setdefault(task.profile, []).append(task.seq)
        for profile, theirs in whose.items():
            if (downloads := await self._open(profile)) is not None:
                downloads.save(theirs, only)

    @property
    def _open_ones(self) -> list[DownloadThread]:
        return [each.downloads for each in self._context.services.values() if each.downloads is not None]

    @property
    def under_way(self) -> bool:
        return any(each.status.is_busy for each in self._open_ones)

    def cancel(self) -> None:
        if not self.under_way:
            self._screen.say("No downloads running.", "warning")
        for downloads in self._open_ones:
            downloads.cancel()

    async def _open(self, profile: str) -> DownloadThread | None:
        self._loop = asyncio.get_running_loop()
        if (service := self._context.services.get(profile)) is None:
            self._screen.say(f"Not saved: {self._context.why_unchecked(profile)}.", "warning")
            return None
        async with self._opening:
            # Off the event loop, as its imports take a tenth of a second.
            return await asyncio.to_thread(service.open_downloads, self._heard)

    def _heard(self) -> None:
        """Show the news; called from the downloads' thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the dashboard has ended
                self._loop.call_soon_threadsafe(self._show)

    def _show(self) -> None:
        screen = self._screen
        if not screen.is_running or not screen.is_attached:
            return
        # The bar shows the first of those that are busy.
        statuses = [each.status for each in self._open_ones]
        status = next((each for each in statuses if each.is_busy), statuses[0])
        if self._bar is None and status.is_busy:
            self._bar = widgets.passing.DownloadBar(self._context.key_of("cancel_downloads"))
            screen.mount(self._bar, before=screen.query_one("#keys"))
        if self._bar is not None:
            self._bar.show(status)
        for news in [news for each in self._open_ones for news in each.take_news()]:
            screen.say(news.text, "error" if news.is_bad else "information")

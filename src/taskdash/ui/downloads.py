"""Downloads in the dashboard, started by a key or automatically, with a progress bar and messages."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from taskdash.ui import widgets

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from taskdash.results.download_thread import DownloadThread
    from taskdash.ui.context import Context
    from taskdash.ui.screens.task_actions import TaskActions
    from taskdash.ui.widgets.passing import DownloadBar


class BackgroundDownloads:
    """Saves results for one dashboard. Threads and progress bar are created when first needed."""

    def __init__(self, context: Context, screen: TaskActions) -> None:
        self._context = context
        self._screen = screen
        self._opening = asyncio.Lock()
        self._downloads: dict[str, DownloadThread] = {}
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
    def under_way(self) -> bool:
        return any(each.status.is_busy for each in self._downloads.values())

    def cancel(self) -> None:
        if not self.under_way:
            self._screen.say("No downloads running.", "warning")
        for downloads in self._downloads.values():
            downloads.cancel()

    async def _open(self, profile: str) -> DownloadThread | None:
        self._loop = asyncio.get_running_loop()
        if (service := self._context.services.get(profile)) is None:
            self._screen.say(f"Not saved: {self._context.why_unchecked(profile)}.", "warning")
            return None
        async with self._opening:
            if profile not in self._downloads:
                # Off the event loop, as its imports take a tenth of a second.
                downloads = await asyncio.to_thread(service.downloads, self._heard)
                if downloads is not None:
                    self._downloads[profile] = downloads
                    self._show()  # news from before it was registered here
        return self._downloads.get(profile)

    def _heard(self) -> None:
        """Show the news; called from the downloads' thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the dashboard has ended
                self._loop.call_soon_threadsafe(self._show)

    def _show(self) -> None:
        screen = self._screen
        if not self._downloads or not screen.is_running or not screen.is_attached:
            return
        # The bar shows the first of those that are busy.
        statuses = [each.status for each in self._downloads.values()]
        status = next((each for each in statuses if each.is_busy), statuses[0])
        if self._bar is None and status.is_busy:
            self._bar = widgets.passing.DownloadBar(self._context.key_of("cancel_downloads"))
            screen.mount(self._bar, before=screen.query_one("#keys"))
        if self._bar is not None:
            self._bar.show(status)
        for news in [news for each in self._downloads.values() for news in each.take_news()]:
            screen.say(news.text, "error" if news.is_bad else "information")

"""Downloads as the dashboard shows them: begun by a key or on their own, told in lines of their own and in toasts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from taskdash.ui import screens

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from taskdash.results.download_thread import DownloadThread
    from taskdash.ui.context import Context
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.widgets.download_bar import DownloadBar


class BackgroundDownloads:
    """What one dashboard saves. Nothing of it is there before it is needed."""

    def __init__(self, context: Context, screen: MainScreen) -> None:
        self._context = context
        self._screen = screen
        self._opening = asyncio.Lock()
        self._downloads: DownloadThread | None = None
        self._bar: DownloadBar | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Save what is to be saved on its own, now that the first frame is drawn."""
        if self._context.settings.auto_download:
            self._screen.run_worker(self._open(), group="downloads")

    async def save(self, seqs: Sequence[int], only: Collection[tuple[int, int]] | None = None) -> None:
        """Save the results of tasks that are not saved yet, or of these `only` some, by `seq` and number."""
        if (downloads := await self._open()) is not None:
            downloads.save(seqs, only)

    @property
    def under_way(self) -> bool:
        """Return whether something is being saved."""
        return self._downloads is not None and self._downloads.status.is_busy

    def cancel(self) -> None:
        """Break off what is under way."""
        if self._downloads is None or not self.under_way:
            self._screen.say("No downloads running.", "warning")
        else:
            self._downloads.cancel()

    async def _open(self) -> DownloadThread | None:
        self._loop = asyncio.get_running_loop()
        async with self._opening:
            if self._downloads is None:
                # What it imports takes a tenth of a second.
                self._downloads = await asyncio.to_thread(self._context.downloads, self._heard)
                self._show()  # what it had to say before we knew it
        return self._downloads

    def _heard(self) -> None:
        """Called from the downloads' thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the dashboard has ended
                self._loop.call_soon_threadsafe(self._show)

    def _show(self) -> None:
        downloads, screen = self._downloads, self._screen
        if downloads is None or not screen.is_running or not screen.is_attached:
            return
        status = downloads.status
        if self._bar is None and status.is_busy:
            self._bar = screens.DownloadBar(self._context.key_of("cancel_downloads"))
            screen.mount(self._bar, before=screen.query_one("#keys"))
        if self._bar is not None:
            self._bar.show(status)
        for news in downloads.take_news():
            screen.say(news.text, "error" if news.is_bad else "information")

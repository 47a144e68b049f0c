"""Runs downloads in a thread with its own event loop, so that a slow disk and a slow screen do not block each other."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.config.locations import download_dir
from taskdash.domain.errors import StoreError, TaskdashError, UsageError
from taskdash.domain.untrusted import inert_line
from taskdash.results.auto_download import AutoDownload
from taskdash.results.downloads import Downloads, DownloadStatus
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
from taskdash.results.renewals import Renewals
from taskdash.results.saved_results import ResultLocks, SavedResults
from taskdash.store.store import StoreThread
from taskdash.watch.machine import Clock
from taskdash.watch.thread import run_unwaited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.secret import KnownKeys
    from taskdash.results.downloads import Ended

PUBLISH_EVERY_S: Final = 0.2
RETRY_AFTER_S: Final = (0.5, 2.0)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """A line for the user."""

    text: str
    is_bad: bool = False


@asynccontextmanager
async def open_downloads(
    settings: Settings,
    keys: KnownKeys,
    path: Path,
    store_path: Path,
    on_end: Callable[[Ended], None],
    *,
    make_renewals: Callable[[StoreThread], Renewals] | None = None,
) -> AsyncIterator[Downloads]:
    """Open everything needed to save results of the profile in use to a folder; on exit, cancel unfinished downloads.

    `make_renewals` makes the object that renews dead links; without it none are renewed. Raises UsageError if the
    folder cannot be used, StoreError if the list cannot, or nothing can be written beside it.
    """
    with ExitStack() as opened:
        try:
            folder = opened.enter_context(Folder(path))
        except OSError as error:
            raise UsageError(f"{inert_line(str(path))} cannot be used: {error.strerror}") from None
        try:
            locks = opened.enter_context(ResultLocks(store_path))
        except OSError as error:
            raise StoreError(f"no lock can be made beside the store ({error.strerror})") from None
        store = StoreThread(store_path, "downloads-store")
        opened.callback(store.close)
        profile, max_mib = settings.in_use, settings.max_result_mib
        fetcher = Fetcher(
            profile.base_url,
            allow_private=profile.allow_private,
            max_bytes=None if max_mib is None else max_mib * 1_048_576,
            limited_by=", the limit that max_result_mib sets in the config",
            retry_after_s=RETRY_AFTER_S,
        )
        saved = SavedResults(store, Clock(), settings, keys)
        async with asyncio.TaskGroup() as group:
            renewals = make_renewals(store) if make_renewals is not None else None
            downloads = Downloads(folder, fetcher, saved, locks, group, on_end=on_end, renewals=renewals)
            try:
                yield downloads
            finally:
                downloads.cancel()


class DownloadThread:
    """Saves results alongside the dashboard or a command. Its methods may be called from any thread."""

    def __init__(
        self,
        settings: Settings,
        store_path: Path,
        keys: KnownKeys,
        *,
        has_key: bool = True,
        is_beside_command: bool = False,
    ) -> None:
        """Prepare to save the results of the profile in use.

        A command names the tasks itself, and each file is reported, not just the outcome of the round. In the
        dashboard, dead links are renewed if its watcher `has_key`.
        """
        self._open_downloads = partial(
            open_downloads,
            settings,
            keys,
            download_dir(settings),
            store_path,
            self._on_end,
            make_renewals=Renewals if has_key and not is_beside_command else None,
        )
        self._auto_profile = settings.profile if settings.auto_download and not is_beside_command else None
        """The profile whose results are saved as tasks finish; None: save only on request."""
        self._tells_each = is_beside_command
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._downloads: Downloads | None = None
        self._group: asyncio.TaskGroup | None = None
        self._auto: AutoDownload | None = None
        self._listener: Callable[[], None] = lambda: None
        self._news: deque[News] = deque()
        self._told: set[str] = set()
        self._asked = 0
        self._known = 0
        self._look_ups: set[asyncio.Task[None]] = set()
        self.status = DownloadStatus()

    def start(self, listener: Callable[[], None]) -> None:
        """Start automatic downloads, if any; `listener` is called from the thread when there is news."""
        self._listener = listener
        if self._auto_profile is not None:
            self._begin()

    def save(self, seqs: Sequence[int], only: Collection[tuple[int, int]] | None = None) -> None:
        """Save the unsaved results of tasks, or `only` some of them, by `seq` and number."""
        self._begin()
        self._call(lambda: self._begin_look_up(list(seqs), only))

    def cancel(self) -> None:
        """Cancel all downloads; bytes already received are kept if the download can be resumed."""
        self._call(self._cancel)

    def is_drained(self, timeout_s: float) -> bool:
        """Wait until all requested downloads are over; return whether that was within the time."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # the loop was just closed
                draining = asyncio.run_coroutine_threadsafe(self._drained(), self._loop)
                try:
                    draining.result(timeout_s)
                except TimeoutError:
                    draining.cancel()
                    return False
        return True

    def stop(self, timeout_s: float = 5.0) -> None:
        """Cancel all downloads and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive():
            self._call(lambda: self._stop.set() if self._stop else None)
            thread.join(timeout_s)

    def take_news(self) -> list[News]:
        """Return the news since the last call."""
        return [self._news.popleft() for _ in range(len(self._news))]

    # On the thread

    def _begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._ready.clear()
            self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)
            self._thread.start()
            self._ready.wait()

    def _call(self, action: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was just closed
                self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        try:
            run_unwaited(self._work())
        except TaskdashError as error:
            self._say(f"Nothing can be saved: {error}", is_bad=True)
        except Exception as error:
            _LOG.exception("the downloads have stopped")
            self._say(f"Downloads have stopped: {type(error).__name__} in taskdash", is_bad=True)

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        try:
            async with self._open_downloads() as self._downloads, asyncio.TaskGroup() as self._group:
                background = [self._group.create_task(self._publish())]
                if self._auto_profile is not None:
                    saving = self._save_on_its_own(self._downloads, self._auto_profile)
                    background.append(self._group.create_task(saving))
                await self._stop.wait()
                for each in (*background, *self._look_ups):
                    each.cancel()
        finally:
            self._downloads = self._group = self._auto = None

    def _cancel(self) -> None:
        if self._look_ups:
            self._say("Downloads cancelled before they started.")
        for each in self._look_ups:
            each.cancel()
        if self._auto is not None:
            self._auto.cancel()
        if self._downloads is not None:
            self._downloads.cancel()

    def _begin_look_up(self, seqs: list[int], only: Collection[tuple[int, int]] | None) -> None:
        if self._group is not None and self._downloads is not None:
            looking_up = self._group.create_task(self._look_up(self._downloads, seqs, only))
            self._look_ups.add(looking_up)
            looking_up.add_done_callback(self._look_ups.discard)

    async def _look_up(
        self, downloads: Downloads, seqs: list[int], only: Collection[tuple[int, int]] | None
    ) -> None:
        self._publish_status()
        try:
            wanted, known = await downloads.saved.wanted_of(seqs, only)
        except TaskdashError as error:
            self._say(f"Nothing can be saved: {error}", is_bad=True)
            return
        if wanted:
            self._asked += 1
            self._known += known
            downloads.add(wanted)
        elif not self._tells_each:
            self._say(f"Nothing to save: {known:,} already saved." if known else "Nothing to save.")

    async def _save_on_its_own(self, downloads: Downloads, profile: str) -> None:
        say = partial(self._say, is_bad=True)
        self._auto = AutoDownload(downloads, downloads.saved, profile, say)
        try:
            await self._auto.run()
        except TaskdashError as error:
            self._say(f"Results are no longer saved automatically: {error}", is_bad=True)

    def _on_end(self, ended: Ended) -> None:
        if ended.lacks and ended.path is not None and ended.lacks not in self._told:
            # Once only: on a full disk it is the same for every file.
            self._told.add(ended.lacks)
            self._say(f"{inert_line(ended.path.name)}: {ended.lacks}", is_bad=True)
        if not self._tells_each:
            return
        if ended.path is not None:
            self._say(f"saved {inert_line(str(ended.path))}")
        elif ended.error is not None:
            wanted = ended.wanted
            self._say(f"not saved: {wanted.task_id}, result {wanted.n}: {ended.error}", is_bad=True)

    async def _publish(self) -> None:
        """Publish the progress, and the outcome of each requested round."""
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            self._publish_status()
            downloads = self._downloads
            if downloads is not None and self._asked and not downloads.status.is_busy:
                known, self._asked, self._known = self._known, 0, 0
                if not self._tells_each:
                    line = downloads.status.summary(known, inert_line(str(downloads.folder.path)))
                    self._say(f"{line}.", is_bad=downloads.status.failed > 0)

    def _publish_status(self) -> None:
        status = self._downloads.status if self._downloads else DownloadStatus()
        status = replace(status, looking_up=len(self._look_ups))
        if status != self.status:
            self.status = status
            self._listener()

    async def _drained(self) -> None:
        if self._look_ups:
            await asyncio.wait(self._look_ups)
        if self._downloads is not None:
            await self._downloads.drained()

    def _say(self, text: str, *, is_bad: bool = False) -> None:
        self._news.append(News(text, is_bad))
        self._listener()

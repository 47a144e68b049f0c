"""Runs downloads in a thread with its own event loop, so that a slow disk and a slow screen do not block each other.

Results are saved on request and, if configured, as their tasks finish. Any number of processes may do the latter on one
list: locks decide which of them saves a result, and the list records what was saved and what could not be. A dead link
is tried once; passing failures are retried a few times.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter, deque
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.config.files import download_dir
from taskdash.domain.batches import Notice
from taskdash.domain.errors import StoreError, TaskdashError, UsageError
from taskdash.domain.untrusted import inert_line
from taskdash.results.downloads import Downloads, DownloadStatus, End, Ended
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
from taskdash.results.links import DiskError, DownloadError, LockedError, PrivateHostError
from taskdash.results.saved_results import ResultLocks, SavedResults
from taskdash.results.wanted import Renewals, wanted_of
from taskdash.store.store import StoreThread
from taskdash.watch.machine import Clock
from taskdash.watch.thread import run_unwaited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
    from pathlib import Path

    from taskdash.config.settings import Settings
    from taskdash.domain.secret import KnownKeys

PUBLISH_EVERY_S: Final = 0.2
LOOK_EVERY_S: Final = 1.0
BATCH: Final = 20
"""How many tasks to work on at a time: a list may have thousands of finished ones."""
RETRY_AFTER_MS: Final = (60_000, 300_000, 1_800_000, 7_200_000)
"""How long to back off after each passing failure; after the last one there is no retry."""
DISK_AFTER_MS: Final = 300_000
_ONLY_FOR_NOW: Final = ((PrivateHostError, None), (LockedError, 60_000), (DiskError, DISK_AFTER_MS))
"""Failures that say nothing about a result, and when to retry it; None: not in this run."""

_LOG = logging.getLogger(__name__)


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
        self._tells_each = is_beside_command
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._working: asyncio.Task[None] | None = None
        self._downloads: Downloads | None = None
        self._auto: AutoDownload | None = None
        self._listener: Callable[[], None] = lambda: None
        self._news: deque[Notice] = deque()
        self._told: set[str] = set()
        self._known: int | None = None
        """How many of the results asked for were already saved; None: nothing was asked for since the last outcome."""
        self._look_ups: set[asyncio.Task[None]] = set()
        self.status = DownloadStatus()

    def start(self, listener: Callable[[], None]) -> None:
        """Start automatic downloads, if any; `listener` is called from the thread when there is news."""
        self._listener = listener
        if self._auto_profile is not None:
            self._begin()

    def save(self, seqs: Sequence[int], only: Collection[tuple[int, int]] | None = None) -> None:
        """Save the unsaved results of tasks, or `only` some of them, by `seq` and number."""
        asked = tuple(seqs)

        def look_up() -> None:
            if self._downloads is not None:
                looking_up = self._downloads.group.create_task(self._look_up(self._downloads, asked, only))
                self._look_ups.add(looking_up)
                looking_up.add_done_callback(self._look_ups.discard)

        self._begin()
        self._call(look_up)

    def cancel(self) -> None:
        """Cancel all downloads; bytes already received are kept if the download can be resumed."""

        def cancel() -> None:
            if self._look_ups:
                self._say("Downloads cancelled before they started.")
            for each in self._look_ups:
                each.cancel()
            if self._auto is not None:
                self._auto.cancel()
            if self._downloads is not None:
                self._downloads.cancel()

        self._call(cancel)

    def is_drained(self, timeout_s: float) -> bool:
        """Wait until all requested downloads are over; return whether that was within the time."""

        async def drained() -> None:
            if self._look_ups:
                await asyncio.wait(self._look_ups)
            if self._downloads is not None:
                await self._downloads.drained()

        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # the loop was just closed
                draining = asyncio.run_coroutine_threadsafe(drained(), self._loop)
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
            self._call(lambda: self._working and self._working.cancel())
            thread.join(timeout_s)

    def take_news(self) -> list[Notice]:
        """Return the news since the last call."""
        return [self._news.popleft() for _ in range(len(self._news))]

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
            with suppress(asyncio.CancelledError):
                run_unwaited(self._work())
        except TaskdashError as error:
            self._say(f"Nothing can be saved: {error}", is_bad=True)
        except Exception as error:
            _LOG.exception("the downloads have stopped")
            self._say(f"Downloads have stopped: {type(error).__name__} in taskdash", is_bad=True)

    async def _work(self) -> None:
        self._loop, self._working = asyncio.get_running_loop(), asyncio.current_task()
        self._ready.set()
        try:
            async with self._open_downloads() as self._downloads:
                if self._auto_profile is not None:
                    say = partial(self._say, is_bad=True)
                    self._auto = AutoDownload(self._downloads, self._auto_profile, say)
                    self._downloads.group.create_task(self._auto.run())
                await self._publish(self._downloads)
        finally:
            self._downloads = self._auto = None

    async def _look_up(
        self, downloads: Downloads, seqs: Sequence[int], only: Collection[tuple[int, int]] | None
    ) -> None:
        self._publish_status()
        find = partial(wanted_of, seqs=seqs, only=only, file_name=downloads.saved.settings.file_name)
        try:
            wanted, known = await downloads.saved.store.run(find)
        except TaskdashError as error:
            self._say(f"Nothing can be saved: {error}", is_bad=True)
            return
        if wanted:
            self._known = (self._known or 0) + known
            downloads.add(wanted)
        elif not self._tells_each:
            self._say(f"Nothing to save: {known:,} already saved." if known else "Nothing to save.")

    def _on_end(self, ended: Ended) -> None:
        if ended.lacks and ended.path is not None and ended.lacks not in self._told:
            # Once only: on a full disk it is the same for every file.
            self._told.add(ended.lacks)
            self._say(f"{inert_line(ended.path.name)}: {ended.lacks}", is_bad=True)
        if self._tells_each and ended.path is not None:
            self._say(f"saved {inert_line(str(ended.path))}")
        elif self._tells_each and ended.error is not None:
            wanted = ended.wanted
            self._say(f"not saved: {wanted.task_id}, result {wanted.n}: {ended.error}", is_bad=True)

    async def _publish(self, downloads: Downloads) -> None:
        """Publish the progress, and the outcome of each requested round."""
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            self._publish_status()
            if self._known is not None and not downloads.status.is_busy:
                known, self._known = self._known, None
                if not self._tells_each:
                    line = downloads.status.summary(known, inert_line(str(downloads.folder.path)))
                    self._say(f"{line}.", is_bad=downloads.status.failed > 0)

    def _publish_status(self) -> None:
        status = self._downloads.status if self._downloads else DownloadStatus()
        status = replace(status, looking_up=len(self._look_ups))
        if status != self.status:
            self.status = status
            self._listener()

    def _say(self, text: str, *, is_bad: bool = False) -> None:
        self._news.append(Notice(text, is_bad))
        self._listener()


class AutoDownload:
    """Downloads the unsaved results of a profile, a few tasks at a time; calls `tell` once for each kind of trouble."""

    def __init__(
        self, downloads: Downloads, profile: str, tell: Callable[[str], None], *, clock: Clock | None = None
    ) -> None:
        self._downloads = downloads
        self._store = downloads.saved.store
        self._profile = profile
        self._tell = tell
        self._clock = clock or Clock()
        self._version: int | None = None
        self._unsaved: list[int] = []
        self._saving: set[asyncio.Task[None]] = set()
        self._put_off: dict[int, int | None] = {}
        """When to try the tasks again that were tried; None: not in this run."""
        self._tries: Counter[int] = Counter()
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look for results to save until cancelled, or the list cannot be used."""
        try:
            await self._store.run(lambda store: store.saved.forget_gone())
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._look()
                    for seq in self._due():
                        if len(self._saving) - self._downloads.resting >= BATCH:
                            break
                        self._put_off[seq] = None
                        saving = group.create_task(self._save(seq))
                        self._saving.add(saving)
                        saving.add_done_callback(self._saving.discard)
                    await self._clock.sleep(LOOK_EVERY_S)
        except* TaskdashError as errors:
            self._tell(f"Results are no longer saved automatically: {errors.exceptions[0]}")

    def cancel(self) -> None:
        """Skip everything queued or looked up for the rest of this run; tasks that finish from now on are saved."""
        self._put_off.update(dict.fromkeys(self._unsaved))
        for each in self._saving:
            each.cancel()

    async def _look(self) -> None:
        """Read which tasks have unsaved results, if another connection has changed the list."""
        version = await self._store.run(lambda store: store.data_version())
        if version != self._version:
            self._version = version
            self._unsaved = await self._store.run(lambda store: store.saved.to_try(self._profile))

    def _due(self) -> Iterator[int]:
        """Yield the tasks that were not tried yet, or are to be tried again."""
        now_ms = self._clock.now_ms()
        for seq in self._unsaved:
            at_ms = self._put_off.get(seq, now_ms)
            if at_ms is not None and at_ms <= now_ms:
                yield seq

    async def _save(self, seq: int) -> None:
        named = self._downloads.saved.settings.file_name
        wanted, _ = await self._store.run(partial(wanted_of, seqs=[seq], file_name=named))
        if wanted:
            ends = await self._downloads.save(wanted)
            errors = [each.error for each in ends if each.error is not None]
            if errors and not any(each.end is End.CANCELLED for each in ends):
                await self._settle(seq, wanted[0].task_id, errors)

    async def _settle(self, seq: int, task_id: str, errors: Sequence[DownloadError]) -> None:
        """Report what went wrong, and decide when to retry."""
        for error in errors:
            if isinstance(error, PrivateHostError | DiskError):
                self._tell_once(str(error), f"Not saved: {error}")
        for kind, after_ms in _ONLY_FOR_NOW:
            if any(isinstance(error, kind) for error in errors):
                self._put_off[seq] = None if after_ms is None else self._clock.now_ms() + after_ms
                return
        passing = next((error for error in errors if error.passing), None)
        tries = self._tries[seq]
        if passing is not None and tries < len(RETRY_AFTER_MS):
            self._tries[seq] += 1
            self._put_off[seq] = self._clock.now_ms() + RETRY_AFTER_MS[tries]
            return
        reason = str(passing or errors[0])
        self._tell_once(reason, f"Not saved, and not tried again: {task_id}: {reason}")
        try:
            # Recorded in the list, so that neither the next run nor another process tries it.
            await self._store.run(lambda store: store.saved.give_up(seq, reason))
        except StoreError:
            # It is skipped for this run. That the list cannot be written is reported where it matters.
            _LOG.warning("a failed download was not written down", exc_info=True)

    def _tell_once(self, what: str, line: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._tell(line)

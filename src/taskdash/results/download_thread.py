"""Downloads in a thread with an event loop of its own: neither a slow disk nor a slow screen holds the other up."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import TaskdashError
from taskdash.domain.untrusted import inert_line
from taskdash.results.auto_download import AutoDownload
from taskdash.results.download_status import DownloadStatus
from taskdash.results.saved_memory import wanted_of
from taskdash.watch.thread import run_unwaited

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from taskdash.results.downloads import Ended
    from taskdash.results.workshop import Workshop

PUBLISH_EVERY_S: Final = 0.2

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class News:
    """A line for the user."""

    text: str
    is_bad: bool = False


class DownloadThread:
    """Saves results beside the dashboard or a command. Its methods may be called from any thread."""

    def __init__(
        self,
        build: Callable[[Callable[[Ended], None]], Workshop],
        *,
        auto_profile: str | None = None,
        tells_each: bool = False,
    ) -> None:
        """Prepare; nothing is opened.

        Args:
            build: opens folder, list and queue on the thread's loop, given what to call when a download is over.
            auto_profile: whose results are saved as they finish; None: only what is asked for.
            tells_each: whether each file is news, and not only what came of all.
        """
        self._build = build
        self._auto_profile = auto_profile
        self._tells_each = tells_each
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._workshop: Workshop | None = None
        self._auto: AutoDownload | None = None
        self._listener: Callable[[], None] = lambda: None
        self._news: deque[News] = deque()
        self._asked = 0
        self._known = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._look_ups: set[asyncio.Task[None]] = set()
        self.status = DownloadStatus()
        """How far it is, as last published."""

    def start(self, listener: Callable[[], None]) -> None:
        """Begin with what is to be saved on its own; `listener` is called from the thread when there is news."""
        self._listener = listener
        if self._auto_profile is not None:
            self._begin()

    def save(self, seqs: Sequence[int]) -> None:
        """Save the results of tasks that are not saved yet."""
        self._begin()
        self._call(lambda: self._spawn(self._look_up(list(seqs)), self._look_ups))

    def cancel(self) -> None:
        """Break off all that is under way; what has arrived is kept where it can be gone on with."""
        self._call(self._cancel)

    def is_drained(self, timeout_s: float) -> bool:
        """Wait until nothing that was asked for is under way; return whether it was within the time."""
        if self._loop is not None and self._thread is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # the loop was closed in this very moment
                draining = asyncio.run_coroutine_threadsafe(self._drained(), self._loop)
                try:
                    draining.result(timeout_s)
                except TimeoutError:
                    draining.cancel()
                    return False
        return True

    def stop(self, timeout_s: float = 5.0) -> None:
        """Break off all and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive():
            self._call(lambda: self._stop.set() if self._stop else None)
            thread.join(timeout_s)

    def take_news(self) -> list[News]:
        """What is new since the last time."""
        taken = []
        while self._news:
            taken.append(self._news.popleft())
        return taken

    # On the thread

    def _begin(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._ready.clear()
            self._thread = threading.Thread(target=self._run, name="downloads", daemon=True)
            self._thread.start()
            self._ready.wait()

    def _call(self, action: Callable[[], object]) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed in this very moment
                self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        try:
            run_unwaited(self._work())
        except Exception as error:
            _LOG.exception("the downloads have stopped")
            said = str(error) if isinstance(error, TaskdashError) else f"{type(error).__name__} in taskdash"
            self._say(f"Downloads have stopped: {said}", is_bad=True)

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        publishing = asyncio.ensure_future(self._publish())
        if self._auto_profile is not None:
            self._spawn(self._save_on_its_own(self._auto_profile), self._tasks)
        await self._stop.wait()
        publishing.cancel()
        for each in (*self._tasks, *self._look_ups):
            each.cancel()
        await asyncio.gather(*self._tasks, *self._look_ups, return_exceptions=True)
        workshop = self._workshop
        if workshop is not None:
            workshop.downloads.cancel()
            await workshop.downloads.drained()
            workshop.close()
            self._workshop = None

    def _cancel(self) -> None:
        if self._look_ups:
            self._say("The downloads were cancelled before they began.")
        for each in self._look_ups:
            each.cancel()
        if self._auto is not None:
            self._auto.cancel()
        if self._workshop is not None:
            self._workshop.downloads.cancel()

    def _spawn(self, work: Coroutine[None, None, None], among: set[asyncio.Task[None]]) -> None:
        running = asyncio.get_running_loop().create_task(work)
        among.add(running)
        running.add_done_callback(among.discard)

    def _open(self) -> Workshop | None:
        """Folder, list and queue; None, and told, where they cannot be opened."""
        if self._workshop is None:
            try:
                self._workshop = self._build(self._on_end)
            except TaskdashError as error:
                self._say(f"Nothing can be saved: {error}", is_bad=True)
        return self._workshop

    async def _look_up(self, seqs: list[int]) -> None:
        self._publish_status()
        workshop = self._open()
        if workshop is None:
            return
        try:
            wanted, known = await workshop.store.run(lambda store: wanted_of(store, seqs))
        except TaskdashError as error:
            self._say(f"Nothing can be saved: {error}", is_bad=True)
            return
        if wanted:
            self._asked += 1
            self._known += known
            workshop.downloads.add(wanted)
        elif not self._tells_each:
            were = "was" if known == 1 else "were"
            self._say(f"Nothing to save: {known:,} {were} saved before." if known else "Nothing to save.")

    async def _save_on_its_own(self, profile: str) -> None:
        workshop = self._open()
        if workshop is not None:
            self._auto = AutoDownload(
                workshop.downloads, workshop.store, profile, lambda line: self._say(line, is_bad=True)
            )
            try:
                await self._auto.run()
            except TaskdashError as error:
                self._say(f"Results are no longer saved on their own: {error}", is_bad=True)

    def _on_end(self, ended: Ended) -> None:
        if self._auto is not None:
            self._auto.on_end(ended)
        if not self._tells_each:
            return
        if ended.path is not None:
            self._say(f"saved {inert_line(str(ended.path))}")
        elif ended.error is not None:
            wanted = ended.wanted
            self._say(f"not saved: {wanted.task_id}, result {wanted.n}: {ended.error}", is_bad=True)

    async def _publish(self) -> None:
        """Tell how far it is, and what came of a round that somebody asked for."""
        while True:
            await asyncio.sleep(PUBLISH_EVERY_S)
            self._publish_status()
            workshop = self._workshop
            if workshop is not None and self._asked and not workshop.downloads.status.is_busy:
                self._tell_round(workshop)

    def _publish_status(self) -> None:
        status = self._workshop.downloads.status if self._workshop else DownloadStatus()
        status = replace(status, looking_up=len(self._look_ups))
        if status != self.status:
            self.status = status
            self._listener()

    def _tell_round(self, workshop: Workshop) -> None:
        downloads, known = workshop.downloads, self._known
        self._asked = self._known = 0
        if not self._tells_each:
            line = downloads.summary(known, inert_line(str(workshop.folder.path)))
            self._say(f"{line}.", is_bad=downloads.status.failed > 0)

    async def _drained(self) -> None:
        if self._look_ups:
            await asyncio.wait(self._look_ups)
        if self._workshop is not None:
            await self._workshop.downloads.drained()

    def _say(self, text: str, *, is_bad: bool = False) -> None:
        self._news.append(News(text, is_bad))
        self._listener()

"""What the dashboard works with: the store, the watcher, the settings and the ways out of the terminal."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from taskdash.config.settings import View
from taskdash.domain.query import Query
from taskdash.domain.query_language import parse_sort
from taskdash.domain.secret import KnownKeys
from taskdash.domain.task import State
from taskdash.store.transaction_gate import TRANSACTIONS
from taskdash.ui.keymap import Keymap, make_keymap
from taskdash.ui.opening import Opening, read_opening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from taskdash.domain.durations import Durations
    from taskdash.domain.task import Task
    from taskdash.domain.task_ids import Paste
    from taskdash.results.desktop import ClipboardProgram, Opened
    from taskdash.results.download_status import DownloadStatus
    from taskdash.results.download_thread import News
    from taskdash.results.previews import Previews
    from taskdash.store.store import StoreThread
    from taskdash.watch.machine import Clock
    from taskdash.watch.status import WatchStatus

CLOSE_GRACE_S: Final = 2.0
"""How long a list that another program has locked is waited for at the end."""


class Watching(Protocol):
    """The watcher, as far as the dashboard needs it; see `watch.thread.WatcherThread`."""

    @property
    def status(self) -> WatchStatus:
        """What it last said of itself."""

    def start(self, listener: Callable[[], None]) -> None:
        """Begin; `listener` may be called from another thread."""

    def wake(self) -> None:
        """Something was added or asked for."""

    def pause(self, paused: bool) -> None:
        """Stop or resume scheduled checks."""

    def yield_lease(self, yielding: bool) -> None:
        """Let another process watch while this one is suspended."""

    def stop(self, timeout_s: float = ...) -> None:
        """End it."""

    def failure(self) -> BaseException | None:
        """What ended it against its will."""


def _new_uuid() -> str:
    import uuid

    return str(uuid.uuid4())


class Finishing(Protocol):
    """The user's own command for tasks that finish, as far as the dashboard needs it; see `results.on_finish`."""

    @property
    def running(self) -> int:
        """How many runs are under way."""

    def listen(self, on_trouble: Callable[[str], None]) -> None:
        """`on_trouble` may be called from another thread, with one line."""

    def wake(self) -> None:
        """There are ends to be told."""

    def close(self, grace_s: float = ...) -> None:
        """End it, and what still runs after the grace."""


class Downloading(Protocol):
    """What saves results, as far as the dashboard needs it; see `results.download_thread.DownloadThread`."""

    @property
    def status(self) -> DownloadStatus:
        """How far it is."""

    def start(self, listener: Callable[[], None]) -> None:
        """Begin; `listener` may be called from another thread."""

    def save(self, seqs: Sequence[int]) -> None:
        """Save the results of tasks that are not saved yet."""

    def cancel(self) -> None:
        """Break off all that is under way."""

    def take_news(self) -> list[News]:
        """What is to be told since the last time."""

    def stop(self, timeout_s: float = ...) -> None:
        """End it."""


class FirstKey(NamedTuple):
    """What a first start can do with a key."""

    place: str
    """The config file that would be written."""
    variable: str
    """The environment variable that may hold it instead."""
    keep: Callable[[str], Desk]
    """Writes it there and makes the surroundings anew; may raise TaskdashError."""


@dataclass(kw_only=True, eq=False, repr=False)
class Desk:
    """One dashboard's surroundings, made by `wiring`."""

    profile: str
    store: StoreThread
    watcher: Watching
    clock: Clock
    open_url: Callable[[str], Opened]
    profiles: tuple[str, ...] = ()
    """The names of all profiles that are configured."""
    desk_of: Callable[[str], Desk] | None = None
    """Makes the surroundings for another profile."""
    base_url: str = "https://aigptimage.com"
    """Of the gateway, for command lines that are copied."""
    key_variable: str = "AIGPTIMAGE_API_KEY"
    """What stands for the key in them."""
    find_clipboard: Callable[[], ClipboardProgram | None] = lambda: None
    """The program that fills the desktop's clipboard, where there is one."""
    save_copy: Callable[[str], Path | None] = lambda _: None
    """Writes what is too much for a terminal to a file."""
    new_request_id: Callable[[], str] = _new_uuid
    """An X-Request-ID that nobody used before."""
    first_key: FirstKey | None = None
    """None unless there is neither a config nor a key."""
    key_advice: str | None = None
    """How to set a key, where none is set."""
    keys: KnownKeys = field(default_factory=KnownKeys)
    """Never taken for a task ID, never copied."""
    is_demo: bool = False
    bell: bool = False
    """Whether the terminal's bell rings when a task finishes."""
    on_finish: Finishing | None = None
    """The user's own command; None where there is none."""
    result_ttl_ms: int | None = None
    """How long result links live; None where that is not known."""
    keymap: Keymap = field(default_factory=lambda: make_keymap("default", {}))
    """The keys of each action."""
    view: View = field(default_factory=View)
    """The look in force."""
    first_view: View = field(default_factory=View)
    """The look as the config has it."""
    remember: Callable[[View], str | None] = lambda _: None
    """Keeps a look for the next time; returns why it could not, for people."""
    is_view_kept: bool = True
    """Whether that was done with the look in force."""
    make_previews: Callable[[], Previews] | None = None
    """Makes what brings pictures of results; None: there are none."""
    _previews: Previews | None = None
    build_downloads: Callable[[], Downloading] | None = None
    """Makes what saves results; None where nothing can be saved."""
    find_download_dir: Callable[[], Path] | None = None
    """Finds where they are saved."""
    auto_download: bool = False
    """Whether they are saved as tasks finish."""
    durations: Durations | None = None
    """What this list's finished tasks teach; None until `read_history`."""
    adding: list[tuple[Sequence[str], Future[Any]]] = field(default_factory=list, init=False)
    """What was to be added, and what became of it, as far as the user was not told."""
    _downloads: Downloading | None = field(default=None, init=False)

    @cached_property
    def opening(self) -> Future[Opening]:
        """What the first frame shows; it is read in the store's thread from when it is first asked for."""
        query = Query(self.profile, sort=parse_sort(self.view.sort))
        return self.store.submit(partial(read_opening, query=query, now_ms=self.clock.now_ms()))

    def typical_ms(self, task: Task) -> int | None:
        """How long a task of this kind usually takes, by this list's own history."""
        return self.durations.typical_ms(task.model, task.variant) if self.durations else None

    async def read_history(self) -> None:
        """Learn how long tasks take here. Not part of the start: the first frame does not need it."""
        from taskdash.domain.durations import Durations

        finished = await self.store.run(lambda store: store.checks.durations(self.profile))
        self.durations = Durations(finished)

    def learn(self, task: Task) -> None:
        """Learn from a task that just ended."""
        if self.durations is not None and task.state is State.SUCCESS:
            self.durations.learn(task.model, task.variant, task.cost_time_ms)

    async def find_ids(self, text: str) -> Paste:
        """Search a paste off the event loop."""
        from taskdash.ui.paste_search import PasteSearch

        search = PasteSearch(text, self.keys)
        try:
            return await asyncio.to_thread(search.run)
        except asyncio.CancelledError:
            search.drop()
            raise

    async def open(self, url: str) -> Opened:
        """Open a result in the user's browser, off the event loop."""
        return await asyncio.to_thread(self.open_url, url)

    async def previews(self) -> Previews:
        """What brings pictures of results, made when it is first asked for, off the event loop."""
        if self._previews is None:
            if self.make_previews is None:
                raise LookupError("there are no pictures here")
            self._previews = await asyncio.to_thread(self.make_previews)
        return self._previews

    def retry_previews(self) -> None:
        """Try again what could not be shown."""
        if self._previews is not None:
            self._previews.forget_refusals()

    def downloads(self, listener: Callable[[], None]) -> Downloading | None:
        """What saves results, made and started when it is first asked for; None where nothing can be saved."""
        if self._downloads is None and self.build_downloads is not None:
            self._downloads = self.build_downloads()
            self._downloads.start(listener)
        return self._downloads

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """Hold neither the lease nor a lock of the list in the block: this process may be stopped in it for ever."""
        watcher = self.watcher
        try:
            await asyncio.to_thread(watcher.yield_lease, True)
            TRANSACTIONS.close()
            await asyncio.to_thread(TRANSACTIONS.wait_until_clear)
            yield
        finally:
            TRANSACTIONS.open()
            watcher.yield_lease(False)

    def close(self, grace_s: float = 0.0) -> None:
        """End the watcher, the user's own command after `grace_s` seconds, and close the store."""
        if not self.is_view_kept:
            self.remember(self.view)
        if self._previews is not None:
            self._previews.close()
        if self._downloads is not None:
            self._downloads.stop()
        impatient = threading.Timer(CLOSE_GRACE_S, self.store.interrupt)
        impatient.start()
        self.watcher.stop()
        if self.on_finish is not None:
            self.on_finish.close(grace_s)
        self.store.close()
        impatient.cancel()

    def not_added(self) -> list[str]:
        """IDs that were to be added when the store was closed, and could not be: it was locked to the end."""
        left = [ids for ids, adding in self.adding if adding.cancelled() or adding.exception()]
        return list(dict.fromkeys(each for ids in left for each in ids))

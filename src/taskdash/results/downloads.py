"""Saves results: several at once, few from each host, none twice, and none that is saved already."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.results.download_status import DownloadStatus, Running, Speed, left_s, summary
from taskdash.results.faults import DiskError, DownloadError, ExpiredError, LockedError, PassingError
from taskdash.results.part import PartFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
    from pathlib import Path

    from taskdash.results.fetch import Fetcher
    from taskdash.results.folder import Folder
    from taskdash.results.part import Sink
    from taskdash.results.renewals import Renewals
    from taskdash.results.saved_results import ResultLocks, SavedResults, Wanted

AT_ONCE: Final = 6
PER_HOST: Final = 3
RETRY_AFTER_S: Final = (0.5, 2.0)
"""How long to wait before each further try, while tries bring nothing."""
MAX_TRIES: Final = 50
"""However much each of them brings."""
LOCK_POLL_S: Final = 0.3
LOCK_WAIT_S: Final = 120.0
"""How long to wait for another process that saves the same result."""
YOUNG_FOR_S: Final = 300.0
"""How long after a task was seen to finish its links may lead nowhere because the files are not there yet."""
FIRST_REST_S: Final = 1.0
MAX_REST_S: Final = 60.0

_LOG = logging.getLogger(__name__)


class Downloader:
    """Saves results into one folder. It may be used for several at once, but not twice for the same."""

    def __init__(
        self,
        folder: Folder,
        fetcher: Fetcher,
        *,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.folder = folder
        self._fetcher = fetcher
        self._retry_after_s = tuple(retry_after_s)
        self._sleep = sleep

    async def save(
        self,
        url: str,
        stem: str,
        key: str,
        *,
        on_open: Callable[[Sink], None] = lambda _: None,
        on_whole: Callable[[PartFile, str], Awaitable[None]] | None = None,
        remember: Callable[[Path, int, str], Awaitable[None]] | None = None,
    ) -> Path:
        """Save what `url` leads to as `stem` with the ending of its content; return its path.

        What has arrived is kept when this is cancelled, or fails in a way that may pass, if it can be gone on with:
        `key` names the result over all runs. `on_open` is given the file in the making, whose size tells how far it
        is, `on_whole` the whole file and its ending before it has a name; `remember` is told path, size and SHA-256
        before anything of this try is forgotten. Raises DownloadError where it was not saved.
        """
        part = PartFile(self.folder, key)
        try:
            on_open(part)
            ending = await self._fetch(url, part)
            if on_whole is not None:
                await on_whole(part, ending)
            digest = await part.digest()
            path = part.keep(stem, ending)
            if remember is not None:
                await remember(path, part.size, digest)
        except DownloadError as error:
            if error.passing:
                part.leave()
            else:
                part.discard()
            raise
        except BaseException:
            part.leave()
            raise
        part.discard()
        return path

    async def _fetch(self, url: str, part: PartFile) -> str:
        fruitless = 0
        for _ in range(MAX_TRIES):
            before = part.size
            try:
                return await self._fetcher.fetch(url, part)
            except PassingError as error:
                goes_on = part.tag is not None and part.size > before
                fruitless = 0 if goes_on else fruitless + 1
                if not self._retry_after_s or fruitless > len(self._retry_after_s):
                    raise
                await self._sleep(max(error.after_s, self._retry_after_s[max(0, fruitless - 1)]))
        raise PassingError("the server hangs up again and again")


class End(Enum):
    """Says what became of a download."""

    SAVED = "saved"
    KNOWN = "known"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A download that is over."""

    wanted: Wanted
    end: End
    path: Path | None = None
    error: DownloadError | None = None
    why_not: str = ""
    """Why its record, asked for again, brought no fresh link; "" where nobody was asked."""
    lacks: str = ""
    """What a file that was saved is without, such as its sidecar, and why."""


@dataclass(slots=True, eq=False)
class _Download:
    """One download, from when it was asked for until it is over."""

    wanted: Wanted
    sink: Sink | None = None
    before: int = 0
    """How many bytes were there already when this try began."""
    is_renewed: bool = False

    @property
    def status(self) -> Running:
        """Return how far it is."""
        sink = self.sink
        return Running(self.wanted.stem, sink.size if sink else 0, sink.whole if sink else None)

    @property
    def arrived(self) -> int:
        """Return how many bytes arrived in this try."""
        return max(0, self.sink.size - self.before) if self.sink else 0


class Downloads:
    """Downloads in a group of tasks. All of it belongs to the group's event loop."""

    def __init__(
        self,
        downloader: Downloader,
        saved: SavedResults,
        locks: ResultLocks,
        group: asyncio.TaskGroup,
        *,
        on_end: Callable[[Ended], None] = lambda _: None,
        renewals: Renewals | None = None,
        at_once: int = AT_ONCE,
        per_host: int = PER_HOST,
        now_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.saved = saved
        self.folder = downloader.folder
        self._downloader = downloader
        self._locks = locks
        self._group = group
        self._on_end = on_end
        self._renewals = renewals
        """Where fresh links come from; None: a dead one is given up."""
        self._now_s = now_s
        self._now_ms = now_ms
        self._sleep = sleep
        self._slots = asyncio.Semaphore(at_once)
        self._slots_of_host: defaultdict[str, asyncio.Semaphore] = defaultdict(
            partial(asyncio.Semaphore, per_host)
        )
        self._tasks: dict[tuple[int, int], asyncio.Task[Ended]] = {}
        self._running: list[_Download] = []
        self.resting = 0
        self.failure: StoreError | None = None
        """The list cannot take note of what is saved, so nothing more is."""
        self._new_round()

    def _new_round(self) -> None:
        self._ends: Counter[End] = Counter()
        self._reasons: Counter[str] = Counter()
        self._total = 0
        self._arrived = 0
        self._sizes: list[int] = []
        self._speed = Speed()

    def add(self, wanted: Iterable[Wanted]) -> int:
        """Have results saved, but for those that are under way; return how many that are."""
        if not self._tasks:
            self._new_round()
        fresh = {(each.seq, each.n): each for each in wanted if (each.seq, each.n) not in self._tasks}
        for place, each in fresh.items():
            self._tasks[place] = self._group.create_task(self._run(_Download(each)))
            self._tasks[place].add_done_callback(partial(self._ended, each))
        self._total += len(fresh)
        return len(fresh)

    async def save(self, wanted: Sequence[Wanted]) -> list[Ended]:
        """Have results saved, and wait until that is over; return what became of each."""
        self.add(wanted)
        tasks = [self._tasks[each.seq, each.n] for each in wanted]
        await asyncio.wait(tasks)
        return [_outcome(each, task) for each, task in zip(wanted, tasks, strict=True)]

    async def drained(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    def cancel(self) -> int:
        """Break off all; what has arrived is kept where it can be gone on with. Return how many that were."""
        for task in self._tasks.values():
            task.cancel()
        return len(self._tasks)

    @property
    def status(self) -> DownloadStatus:
        """Return how far it is."""
        running = tuple(each.status for each in self._running)
        fresh = sum(each.arrived for each in self._running)
        speed = self._speed.see(self._now_s(), self._arrived + fresh) if self._tasks else None
        waiting = self._total - self._ends.total() - len(running)
        return DownloadStatus(
            total=self._total,
            saved=self._ends[End.SAVED],
            known=self._ends[End.KNOWN],
            failed=self._ends[End.FAILED],
            cancelled=self._ends[End.CANCELLED],
            running=running,
            speed=speed,
            left_s=left_s(running, waiting, self._sizes, speed),
            resting=self.resting,
        )

    def summary(self, known: int = 0, where: str = "") -> str:
        """Return what the round came to so far, in one line; see `download_status.summary`."""
        return summary(self.status, self._reasons, known, where)

    async def _run(self, this: _Download) -> Ended:
        rests_s = _rests_s(this.wanted.seen_ms, self._now_ms)
        while True:
            async with self._slots_of_host[this.wanted.host], self._slots:
                self._running.append(this)
                try:
                    ended = await self._try(this)
                finally:
                    self._running.remove(this)
                    self._arrived += this.arrived
            dead = ended.error if isinstance(ended.error, ExpiredError) else None
            rest_s = next(rests_s, None) if dead is not None and dead.may_come else None
            if rest_s is None and self._renewals is not None and dead is not None and not this.is_renewed:
                this.is_renewed = True
                fresh, why_not = await self._renewals.renew(this.wanted)
                if fresh is not None:
                    this.wanted, this.sink = fresh, None
                    continue
                ended = replace(ended, why_not=why_not)
            if rest_s is None:
                if this.sink is not None and ended.end is End.SAVED:
                    self._sizes.append(this.sink.size)
                return ended
            this.sink = None
            self.resting += 1
            try:
                await self._sleep(rest_s)
            finally:
                self.resting -= 1

    async def _try(self, this: _Download) -> Ended:
        try:
            return await self._save(this)
        except DownloadError as error:
            failed = error
        except StoreError as error:
            self.failure = error
            failed = DiskError(str(error))
        except Exception as error:
            # Whatever it is, the others go on.
            _LOG.exception("a download failed")
            failed = DownloadError(f"{type(error).__name__} in taskdash")
        return Ended(wanted=this.wanted, end=End.FAILED, error=failed)

    async def _save(self, this: _Download) -> Ended:
        wanted = this.wanted
        await self._acquire(wanted)
        try:
            if await self.saved.is_saved(wanted):
                return Ended(wanted=wanted, end=End.KNOWN)

            def opened(sink: Sink) -> None:
                this.sink, this.before = sink, sink.size

            said: list[str] = []

            async def mark(part: PartFile, ending: str) -> None:
                said.append(await self.saved.mark(wanted, part, ending))

            async def remember(path: Path, size: int, digest: str) -> None:
                async def keep() -> None:
                    await self.saved.keep(wanted, path, size, digest)
                    said.append(await self.saved.describe(wanted, path, self.folder))

                await _in_any_case(keep())

            path = await self._downloader.save(
                wanted.url, wanted.stem, wanted.key, on_open=opened, on_whole=mark, remember=remember
            )
            return Ended(wanted=wanted, end=End.SAVED, path=path, lacks="; ".join(filter(None, said)))
        finally:
            self._locks.release(wanted.seq, wanted.n)

    async def _acquire(self, wanted: Wanted) -> None:
        until_s = self._now_s() + LOCK_WAIT_S
        while not self._locks.acquire(wanted.seq, wanted.n):
            if self._now_s() >= until_s:
                raise LockedError("another taskdash is saving it")
            await self._sleep(LOCK_POLL_S)

    def _ended(self, wanted: Wanted, task: asyncio.Task[Ended]) -> None:
        ended = _outcome(wanted, task)
        del self._tasks[wanted.seq, wanted.n]
        self._ends[ended.end] += 1
        if ended.error is not None:
            self._reasons[str(ended.error)] += 1
        self._on_end(ended)


def _outcome(wanted: Wanted, task: asyncio.Task[Ended]) -> Ended:
    # A task that is cancelled before its first step runs nothing of its own, no `finally` either.
    return Ended(wanted=wanted, end=End.CANCELLED) if task.cancelled() else task.result()


def _rests_s(seen_ms: int | None, now_ms: Callable[[], int]) -> Iterator[float]:
    """Give how long to wait before each further try of a link that leads nowhere yet, ever longer."""
    age_s = YOUNG_FOR_S if seen_ms is None else max(0, now_ms() - seen_ms) / 1_000
    rest_s = FIRST_REST_S
    while age_s + rest_s <= YOUNG_FOR_S:
        yield rest_s
        age_s += rest_s
        rest_s = min(2 * rest_s, MAX_REST_S)


async def _in_any_case(work: Coroutine[None, None, None]) -> None:
    """Wait for what must not be broken off: the file is there, so the list has to know."""
    working = asyncio.get_running_loop().create_task(work)
    while not working.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(working)
    working.result()

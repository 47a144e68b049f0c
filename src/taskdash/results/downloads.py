"""Saves results: several at once, only a few from each host, and none twice or that is already saved."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

from taskdash.domain.errors import StoreError
from taskdash.results.download_status import DownloadStatus, Running, Speed, left_s
from taskdash.results.links import DiskError, DownloadError, ExpiredError, LockedError
from taskdash.results.part import PartFile
from taskdash.watch.machine import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
    from pathlib import Path

    from taskdash.results.fetch import Fetcher
    from taskdash.results.folder import Folder
    from taskdash.results.part import Sink
    from taskdash.results.renewals import Renewals
    from taskdash.results.saved_results import ResultLocks, SavedResults, Wanted

AT_ONCE: Final = 6
PER_HOST: Final = 3
LOCK_POLL_S: Final = 0.3
LOCK_WAIT_S: Final = 120.0
"""How long to wait for another process that is saving the same result."""
YOUNG_FOR_S: Final = 300.0
"""How long after a task was seen to finish its links may be dead because the files are not there yet."""
FIRST_REST_S: Final = 1.0
MAX_REST_S: Final = 60.0

_LOG = logging.getLogger(__name__)
T = TypeVar("T")


class End(Enum):
    """Names the ways in which a download ends."""

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
    """Why a new check of its record brought no fresh link; "" if there was none."""
    lacks: str = ""
    """What a saved file lacks, such as its sidecar, and why."""


@dataclass(slots=True, eq=False)
class _Download:
    """One download, from the request until it is over."""

    wanted: Wanted
    sink: Sink | None = None
    before: int = 0
    """How many bytes had already arrived when this try began."""
    is_renewed: bool = False

    @property
    def status(self) -> Running:
        """Return its progress."""
        sink = self.sink
        return Running(self.wanted.stem, sink.size if sink else 0, sink.whole if sink else None)

    @property
    def arrived(self) -> int:
        """Return how many bytes arrived in this try."""
        return max(0, self.sink.size - self.before) if self.sink else 0


class Downloads:
    """Saves results into a folder, in a task group, on whose event loop all of it must be used."""

    def __init__(
        self,
        folder: Folder,
        fetcher: Fetcher,
        saved: SavedResults,
        locks: ResultLocks,
        group: asyncio.TaskGroup,
        *,
        on_end: Callable[[Ended], None] = lambda _: None,
        renewals: Renewals | None = None,
        at_once: int = AT_ONCE,
        per_host: int = PER_HOST,
        clock: Clock | None = None,
    ) -> None:
        self.folder = folder
        self.saved = saved
        self._fetcher = fetcher
        self._locks = locks
        self._group = group
        self._on_end = on_end
        self._renewals = renewals
        """Gets fresh links; None: give up on dead ones."""
        self._clock = clock or Clock()
        self._slots = asyncio.Semaphore(at_once)
        self._slots_of_host: defaultdict[str, asyncio.Semaphore] = defaultdict(
            partial(asyncio.Semaphore, per_host)
        )
        self._tasks: dict[tuple[int, int], asyncio.Task[Ended]] = {}
        self._running: list[_Download] = []
        self.resting = 0
        self.failure: StoreError | None = None
        """The error, if the list could not be read or written; the caller is expected to stop."""
        self._new_round()

    def _new_round(self) -> None:
        self._ends: Counter[End] = Counter()
        self._reasons: Counter[str] = Counter()
        self._total = 0
        self._arrived = 0
        self._sizes: list[int] = []
        self._speed = Speed()

    def add(self, wanted: Iterable[Wanted]) -> int:
        """Start saving results, except those under way; return how many were started."""
        if not self._tasks:
            self._new_round()
        fresh = {(each.seq, each.n): each for each in wanted if (each.seq, each.n) not in self._tasks}
        for place, each in fresh.items():
            self._tasks[place] = self._group.create_task(self._run(_Download(each)))
            self._tasks[place].add_done_callback(partial(self._ended, each))
        self._total += len(fresh)
        return len(fresh)

    async def save(self, wanted: Sequence[Wanted]) -> list[Ended]:
        """Save results and wait for them; return how each one ended."""
        self.add(wanted)
        tasks = [self._tasks[each.seq, each.n] for each in wanted]
        await asyncio.wait(tasks)
        return [_outcome(each, task) for each, task in zip(wanted, tasks, strict=True)]

    async def drained(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    def cancel(self) -> int:
        """Cancel all downloads and return their number; bytes already received are kept if they can be resumed."""
        for task in self._tasks.values():
            task.cancel()
        return len(self._tasks)

    @property
    def status(self) -> DownloadStatus:
        """Return the progress of the round."""
        running = tuple(each.status for each in self._running)
        fresh = sum(each.arrived for each in self._running)
        speed = self._speed.see(self._clock.now_s(), self._arrived + fresh) if self._tasks else None
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
            reasons=self._reasons.copy(),
        )

    async def _run(self, this: _Download) -> Ended:
        rests_s = _rests_s(this.wanted.seen_ms, self._clock)
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
                await self._clock.sleep(rest_s)
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
            # Whatever it is, the other downloads go on.
            _LOG.exception("a download failed")
            failed = DownloadError(f"{type(error).__name__} in taskdash")
        return Ended(wanted=this.wanted, end=End.FAILED, error=failed)

    async def _save(self, this: _Download) -> Ended:
        wanted = this.wanted
        await self._acquire(wanted)
        try:
            if await self.saved.is_saved(wanted):
                return Ended(wanted=wanted, end=End.KNOWN)

            with PartFile(self.folder, wanted.key) as part:
                this.sink, this.before = part, part.size
                ending = await self._fetcher.fetch(wanted.url, part)
                unmarked = await self.saved.mark(wanted, part, ending)
                digest = await part.digest()
                path = part.keep(wanted.stem, ending)
                # The file exists now, so the list must record it.
                alone = await _in_any_case(self._remember(wanted, path, part.size, digest))
            lacks = "; ".join(filter(None, (unmarked, alone)))
            return Ended(wanted=wanted, end=End.SAVED, path=path, lacks=lacks)
        finally:
            self._locks.release(wanted.seq, wanted.n)

    async def _remember(self, wanted: Wanted, path: Path, size: int, digest: str) -> str:
        await self.saved.keep(wanted, path, size, digest)
        return await self.saved.describe(wanted, path, self.folder)

    async def _acquire(self, wanted: Wanted) -> None:
        until_s = self._clock.now_s() + LOCK_WAIT_S
        while not self._locks.acquire(wanted.seq, wanted.n):
            if self._clock.now_s() >= until_s:
                raise LockedError("another taskdash is saving it")
            await self._clock.sleep(LOCK_POLL_S)

    def _ended(self, wanted: Wanted, task: asyncio.Task[Ended]) -> None:
        ended = _outcome(wanted, task)
        del self._tasks[wanted.seq, wanted.n]
        self._ends[ended.end] += 1
        if ended.error is not None:
            self._reasons[str(ended.error)] += 1
        self._on_end(ended)


def _outcome(wanted: Wanted, task: asyncio.Task[Ended]) -> Ended:
    # A task cancelled before its first step never runs, not even a `finally`, so it could not return an `Ended`.
    return Ended(wanted=wanted, end=End.CANCELLED) if task.cancelled() else task.result()


def _rests_s(seen_ms: int | None, clock: Clock) -> Iterator[float]:
    """Yield ever longer waits before each retry of a link whose file is not there yet."""
    age_s = YOUNG_FOR_S if seen_ms is None else max(0, clock.now_ms() - seen_ms) / 1_000
    rest_s = FIRST_REST_S
    while age_s + rest_s <= YOUNG_FOR_S:
        yield rest_s
        age_s += rest_s
        rest_s = min(2 * rest_s, MAX_REST_S)


async def _in_any_case(work: Coroutine[None, None, T]) -> T:
    """Await work that must not be cancelled."""
    working = asyncio.get_running_loop().create_task(work)
    while not working.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(working)
    return working.result()

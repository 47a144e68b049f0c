"""Saves many results: several at once, few from each host, none twice, and none that is saved already."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

from taskdash.domain.errors import StoreError
from taskdash.results.download_status import DownloadStatus, Running, Speed, left_s, summary
from taskdash.results.faults import ClaimedError, DiskError, DownloadError, ExpiredError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
    from pathlib import Path

    from taskdash.results.download import Downloader
    from taskdash.results.sink import Sink

AT_ONCE: Final = 6
PER_HOST: Final = 3
CLAIMED_POLL_S: Final = 0.3
CLAIMED_FOR_S: Final = 120.0
"""How long it is waited for another process that saves the same result."""
YOUNG_FOR_S: Final = 300.0
"""How long after a task was seen to finish its links may lead nowhere because the files are not there yet."""
FIRST_REST_S: Final = 1.0
MAX_REST_S: Final = 60.0

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A result to be saved."""

    seq: int
    n: int
    """From 1."""
    url: str
    task_id: str
    stem: str
    """The file's name without its ending."""
    host: str
    key: str
    """See `part.part_key`."""
    seen_ms: int | None = None
    """When its task was seen to finish, if it had just done so; None: long ago."""


class End(Enum):
    """What became of a download."""

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


class Claiming(Protocol):
    """Who saves which result; see `claims.Claims`."""

    def take(self, seq: int, n: int) -> bool:
        """Claim a result; return whether nobody else has."""

    def give_back(self, seq: int, n: int) -> None:
        """Let others have it."""


class Memory(Protocol):
    """What is saved already; see `saved_memory.SavedMemory`."""

    async def is_saved(self, wanted: Wanted) -> bool:
        """Whether it is, and its file is still there."""

    def keep(self, wanted: Wanted, path: Path, size: int) -> Coroutine[None, None, None]:
        """Take note that it is."""


class Downloads:
    """A queue of downloads on the running event loop. All of it belongs to that loop."""

    def __init__(
        self,
        downloader: Downloader,
        memory: Memory,
        claims: Claiming,
        *,
        on_end: Callable[[Ended], None] = lambda _: None,
        at_once: int = AT_ONCE,
        per_host: int = PER_HOST,
        now_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            downloader: saves one.
            memory: knows what is saved.
            claims: keeps two processes from saving the same.
            on_end: told of each download that is over.
            at_once: how many at a time.
            per_host: how many of them from one host.
            now_s: monotonic seconds.
            now_ms: Unix milliseconds.
            sleep: waits.
        """
        self._downloader = downloader
        self._memory = memory
        self._claims = claims
        self._on_end = on_end
        self._at_once = at_once
        self._per_host = per_host
        self._now_s = now_s
        self._now_ms = now_ms
        self._sleep = sleep
        self._waiting: dict[str, deque[Wanted]] = {}
        self._queued: set[tuple[int, int]] = set()
        self._running: dict[asyncio.Task[Ended], Wanted] = {}
        self._resting: dict[asyncio.Future[None], Wanted] = {}
        """What is not there yet, by what ends when it is tried again."""
        self._rests_s: dict[tuple[int, int], Iterator[float]] = {}
        self._broken_off: set[tuple[int, int]] = set()
        self._sinks: dict[tuple[int, int], tuple[Sink, int]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
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
        if not self._queued:
            self._new_round()
        added = 0
        for each in wanted:
            if (each.seq, each.n) not in self._queued:
                self._queued.add((each.seq, each.n))
                self._waiting.setdefault(each.host, deque()).append(each)
                added += 1
        self._total += added
        self._fill()
        return added

    async def drained(self) -> None:
        """Wait until nothing is under way."""
        await self._idle.wait()

    def cancel(self) -> int:
        """Break off all; what has arrived is kept where it can be gone on with. Return how many that were."""
        waiting = [each for queue in self._waiting.values() for each in queue]
        waiting += self._resting.values()
        for resting in self._resting:
            resting.cancel()
        self._waiting.clear()
        self._resting.clear()
        self._broken_off.update((each.seq, each.n) for each in self._running.values())
        count = len(waiting) + len(self._running)
        for running in self._running:
            running.cancel()
        for each in waiting:
            self._ended(Ended(wanted=each, end=End.CANCELLED))
        self._fill()
        return count

    @property
    def status(self) -> DownloadStatus:
        """How far it is."""
        running, fresh = [], 0
        for wanted in self._running.values():
            sink, before = self._sinks.get((wanted.seq, wanted.n), (None, 0))
            got = sink.size if sink else 0
            fresh += max(0, got - before)
            running.append(Running(f"{wanted.stem}", got, sink.whole if sink else None))
        speed = self._speed.see(self._now_s(), self._arrived + fresh) if self._queued else None
        shown = tuple(running)
        waiting = self._total - sum(self._ends.values()) - len(shown)
        return DownloadStatus(
            total=self._total,
            saved=self._ends[End.SAVED],
            known=self._ends[End.KNOWN],
            failed=self._ends[End.FAILED],
            cancelled=self._ends[End.CANCELLED],
            running=shown,
            speed=speed,
            left_s=left_s(shown, waiting, self._sizes, speed),
            resting=self.resting,
        )

    @property
    def resting(self) -> int:
        """How many are not there yet, and tried again later."""
        return len(self._resting)

    def summary(self, known: int = 0, where: str = "") -> str:
        """What the round came to so far, in one line; see `download_status.summary`."""
        return summary(self.status, self._reasons, known, where)

    def _fill(self) -> None:
        """Begin what there is room for, each host in its turn."""
        busy = Counter(wanted.host for wanted in self._running.values())
        while len(self._running) < self._at_once:
            host = next((host for host in self._waiting if busy[host] < self._per_host), None)
            if host is None:
                break
            queue = self._waiting.pop(host)
            wanted = queue.popleft()
            if queue:
                self._waiting[host] = queue
            busy[host] += 1
            running = asyncio.get_running_loop().create_task(self._run(wanted))
            self._running[running] = wanted
            running.add_done_callback(self._left)
        if self._queued:
            self._idle.clear()
        else:
            self._idle.set()

    def _left(self, running: asyncio.Task[Ended]) -> None:
        wanted = self._running.pop(running)
        # A task that is cancelled before its first step runs nothing of its own, no `finally` either.
        ended = Ended(wanted=wanted, end=End.CANCELLED) if running.cancelled() else running.result()
        try:
            self._ended(ended)
        finally:
            self._fill()

    async def _run(self, wanted: Wanted) -> Ended:
        try:
            return await self._save(wanted)
        except DownloadError as error:
            return Ended(wanted=wanted, end=End.FAILED, error=error)
        except StoreError as error:
            self.failure = error
            return Ended(wanted=wanted, end=End.FAILED, error=DiskError(str(error)))
        except Exception as error:
            # Whatever it is, the others go on.
            _LOG.exception("a download failed")
            failed = DownloadError(f"{type(error).__name__} in taskdash")
            return Ended(wanted=wanted, end=End.FAILED, error=failed)

    async def _save(self, wanted: Wanted) -> Ended:
        await self._claim(wanted)
        try:
            if await self._memory.is_saved(wanted):
                return Ended(wanted=wanted, end=End.KNOWN)

            def opened(sink: Sink) -> None:
                self._sinks[wanted.seq, wanted.n] = sink, sink.size

            async def remember(path: Path, size: int) -> None:
                await _in_any_case(self._memory.keep(wanted, path, size))

            path = await self._downloader.save(
                wanted.url, wanted.stem, wanted.key, on_open=opened, remember=remember
            )
            return Ended(wanted=wanted, end=End.SAVED, path=path)
        finally:
            self._claims.give_back(wanted.seq, wanted.n)

    def _rest_s(self, ended: Ended) -> float | None:
        """Return after how long it is tried once more, None where it is not."""
        if not isinstance(ended.error, ExpiredError) or not ended.error.may_come:
            return None
        wanted = ended.wanted
        rests_s = self._rests_s.setdefault((wanted.seq, wanted.n), _rests_s(wanted.seen_ms, self._now_ms()))
        return next(rests_s, None)

    def _rested(self, resting: asyncio.Future[None]) -> None:
        wanted = self._resting.pop(resting, None)
        if wanted is not None:
            self._waiting.setdefault(wanted.host, deque()).append(wanted)
            self._fill()

    async def _claim(self, wanted: Wanted) -> None:
        until_s = self._now_s() + CLAIMED_FOR_S
        while not self._claims.take(wanted.seq, wanted.n):
            if self._now_s() >= until_s:
                raise ClaimedError("another taskdash is saving it")
            await self._sleep(CLAIMED_POLL_S)

    def _ended(self, ended: Ended) -> None:
        place = (ended.wanted.seq, ended.wanted.n)
        if place not in self._broken_off and (rest_s := self._rest_s(ended)) is not None:
            self._sinks.pop(place, None)
            resting = asyncio.ensure_future(self._sleep(rest_s))
            self._resting[resting] = ended.wanted
            resting.add_done_callback(self._rested)
            return
        self._broken_off.discard(place)
        self._rests_s.pop(place, None)
        self._queued.discard(place)
        sink, before = self._sinks.pop(place, (None, 0))
        if sink is not None:
            self._arrived += max(0, sink.size - before)
            if ended.end is End.SAVED:
                self._sizes.append(sink.size)
        self._ends[ended.end] += 1
        if ended.error is not None:
            self._reasons[str(ended.error)] += 1
        self._on_end(ended)


def _rests_s(seen_ms: int | None, now_ms: int) -> Iterator[float]:
    """Give how long to wait before each further try of a link that leads nowhere yet, ever longer."""
    age_s = YOUNG_FOR_S if seen_ms is None else max(0, now_ms - seen_ms) / 1_000
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

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
from taskdash.results.faults import DownloadError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from pathlib import Path

    from taskdash.results.download import Downloader
    from taskdash.results.sink import Sink

AT_ONCE: Final = 6
PER_HOST: Final = 3
CLAIMED_POLL_S: Final = 0.3
CLAIMED_FOR_S: Final = 120.0
"""How long it is waited for another process that saves the same result."""

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
            sleep: waits.
        """
        self._downloader = downloader
        self._memory = memory
        self._claims = claims
        self._on_end = on_end
        self._at_once = at_once
        self._per_host = per_host
        self._now_s = now_s
        self._sleep = sleep
        self._waiting: dict[str, deque[Wanted]] = {}
        self._queued: set[tuple[int, int]] = set()
        self._running: dict[asyncio.Task[None], Wanted] = {}
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
        self._waiting.clear()
        count = len(waiting) + len(self._running)
        for each in waiting:
            self._ended(Ended(wanted=each, end=End.CANCELLED))
        for running in self._running:
            running.cancel()
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
        )

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

    def _left(self, running: asyncio.Task[None]) -> None:
        del self._running[running]
        self._fill()

    async def _run(self, wanted: Wanted) -> None:
        ended = Ended(wanted=wanted, end=End.CANCELLED)
        try:
            ended = await self._save(wanted)
        except DownloadError as error:
            ended = Ended(wanted=wanted, end=End.FAILED, error=error)
        except StoreError as error:
            self.failure = error
            ended = Ended(wanted=wanted, end=End.FAILED, error=DownloadError(str(error)))
        except Exception as error:
            # Whatever it is, the others go on.
            _LOG.exception("a download failed")
            ended = Ended(
                wanted=wanted, end=End.FAILED, error=DownloadError(f"{type(error).__name__} in taskdash")
            )
        finally:
            self._ended(ended)

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

    async def _claim(self, wanted: Wanted) -> None:
        until_s = self._now_s() + CLAIMED_FOR_S
        while not self._claims.take(wanted.seq, wanted.n):
            if self._now_s() >= until_s:
                raise DownloadError("another taskdash is saving it")
            await self._sleep(CLAIMED_POLL_S)

    def _ended(self, ended: Ended) -> None:
        place = (ended.wanted.seq, ended.wanted.n)
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


async def _in_any_case(work: Coroutine[None, None, None]) -> None:
    """Wait for what must not be broken off: the file is there, so the list has to know."""
    working = asyncio.get_running_loop().create_task(work)
    while not working.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(working)
    working.result()

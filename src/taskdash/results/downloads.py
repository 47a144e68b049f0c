"""Saves results: several at once, and none twice or that is already saved.

The progress of a round, in numbers and in words, serves both the terminal line and the dashboard.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.domain.words import duration, plural, size_words
from taskdash.results.links import DiskError, DownloadError, ExpiredError, LockedError, PassingError
from taskdash.results.part import PartFile
from taskdash.watch.machine import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from taskdash.results.fetch import Fetcher
    from taskdash.results.folder import Folder
    from taskdash.results.part import Sink
    from taskdash.results.saved_results import ResultLocks, SavedResults
    from taskdash.results.wanted import Renewals, Wanted

AT_ONCE: Final = 4
LOCK_POLL_S: Final = 0.3
LOCK_WAIT_S: Final = 120.0
"""How long to wait for another process that is saving the same result."""
YOUNG_FOR_S: Final = 300.0
"""How long after a task was seen to finish its links may be dead because the files are not there yet."""
RETRY_AFTER_S: Final = (0.5, 2.0)
"""How long to wait before each retry after a passing failure, while tries bring nothing."""
MAX_TRIES: Final = 50
"""Even if each of them brings more bytes."""
FIRST_REST_S: Final = 1.0
MAX_REST_S: Final = 60.0
SPEED_AFTER_S: Final = 0.5
"""No speed is reported before this."""
MAX_REASONS: Final = 3

_LOG = logging.getLogger(__name__)


class End(Enum):
    """Names the ways in which a download ends."""

    SAVED = "saved"
    KNOWN = "known"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Tells how a download ended."""

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
    """Follows one download from the request until it is over."""

    wanted: Wanted
    sink: Sink | None = None
    before: int = 0
    """How many bytes had already arrived when this try began."""

    @property
    def status(self) -> Running:
        """Return how far it is."""
        sink = self.sink
        return Running(self.wanted.stem, sink.size if sink else 0, sink.whole if sink else None)

    @property
    def arrived(self) -> int:
        """Return how many bytes arrived in this try."""
        return max(0, self.sink.size - self.before) if self.sink else 0

    @property
    def goes_on(self) -> bool:
        """Return whether another try may go on from what arrived in this one."""
        return self.sink is not None and self.sink.tag is not None and self.arrived > 0


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
        clock: Clock | None = None,
    ) -> None:
        self.folder = folder
        self.saved = saved
        self._fetcher = fetcher
        self._locks = locks
        self.group = group
        self._on_end = on_end
        self._renewals = renewals
        self._clock = clock or Clock()
        self._slots = asyncio.Semaphore(at_once)
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
        self._began_s = self._clock.now_s()

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Start saving results, except those under way."""
        if not self._tasks:
            self._new_round()
        fresh = {(each.seq, each.n): each for each in wanted if (each.seq, each.n) not in self._tasks}
        for place, each in fresh.items():
            self._tasks[place] = self.group.create_task(self._run(_Download(each)))
            self._tasks[place].add_done_callback(partial(self._ended, each))
        self._total += len(fresh)

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

    def cancel(self) -> None:
        """Cancel all downloads; bytes already received are kept if they can be resumed."""
        for task in self._tasks.values():
            task.cancel()

    @property
    def status(self) -> DownloadStatus:
        """Return the progress of the round."""
        running = tuple(each.status for each in self._running)
        fresh = sum(each.arrived for each in self._running)
        took_s = self._clock.now_s() - self._began_s
        speed = (self._arrived + fresh) / took_s if self._tasks and took_s >= SPEED_AFTER_S else None
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
        rests_s, fruitless, is_renewed = _rests_s(this.wanted.seen_ms, self._clock), 0, False
        for left in reversed(range(MAX_TRIES)):
            async with self._slots:
                self._running.append(this)
                try:
                    ended = await self._try(this)
                finally:
                    self._running.remove(this)
                    self._arrived += this.arrived
            error = ended.error if left else None
            if isinstance(error, PassingError):
                fruitless = 0 if this.goes_on else fruitless + 1
                if fruitless <= len(RETRY_AFTER_S):
                    await self._clock.sleep(max(error.after_s, RETRY_AFTER_S[max(0, fruitless - 1)]))
                    continue
            if isinstance(error, ExpiredError):
                rest_s = next(rests_s, None) if error.may_come else None
                if rest_s is not None:
                    await self._rest(this, rest_s)
                    continue
                if self._renewals is not None and not is_renewed:
                    is_renewed = True
                    fresh, why_not = await self._renewals.renew(this.wanted)
                    if fresh is not None:
                        this.wanted, this.sink = fresh, None
                        continue
                    ended = replace(ended, why_not=why_not)
            break
        if this.sink is not None and ended.end is End.SAVED:
            self._sizes.append(this.sink.size)
        return ended

    async def _rest(self, this: _Download, rest_s: float) -> None:
        """Wait for a file that is not there yet."""
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
        until_s = self._clock.now_s() + LOCK_WAIT_S
        while not self._locks.acquire(wanted.seq, wanted.n):
            if self._clock.now_s() >= until_s:
                raise LockedError("another taskdash is saving it")
            await self._clock.sleep(LOCK_POLL_S)
        try:
            if await self.saved.is_saved(wanted):
                return Ended(wanted=wanted, end=End.KNOWN)
            with PartFile(self.folder, wanted.key) as part:
                this.sink, this.before = part, part.size
                ending = await self._fetcher.fetch(wanted.url, part)
                unmarked = await self.saved.mark(wanted, part, ending)
                digest = await part.digest()
                path = part.keep(wanted.stem, ending)
                # The file exists now, so the list must record it, even if this is cancelled.
                keeping = asyncio.ensure_future(self.saved.keep(wanted, path, part.size, digest, self.folder))
                while not keeping.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.shield(keeping)
            lacks = "; ".join(filter(None, (unmarked, keeping.result())))
            return Ended(wanted=wanted, end=End.SAVED, path=path, lacks=lacks)
        finally:
            self._locks.release(wanted.seq, wanted.n)

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


@dataclass(frozen=True, slots=True)
class Running:
    """Tells how far a download is."""

    name: str
    got: int
    whole: int | None

    @property
    def words(self) -> str:
        """Return that in words."""
        if not self.whole:
            return size_words(self.got)
        return f"{100 * self.got // self.whole:>3}% of {size_words(self.whole)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadStatus:
    """Counts a round of downloads, which lasts until none is left, and puts its progress into words."""

    total: int = 0
    saved: int = 0
    known: int = 0
    failed: int = 0
    cancelled: int = 0
    running: tuple[Running, ...] = ()
    speed: float | None = None
    """Bytes per second since the round began."""
    left_s: float | None = None
    resting: int = 0
    looking_up: int = 0
    """How many requests are still looking up their results in the list."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why downloads failed, with counts."""

    @property
    def done(self) -> int:
        """Return how many are over, whatever the outcome."""
        return self.saved + self.known + self.failed + self.cancelled

    @property
    def is_busy(self) -> bool:
        """Return whether any download is under way or waiting."""
        return self.looking_up > 0 or self.done < self.total

    @property
    def share(self) -> float:
        """Return the share of the round that is done, from 0 to 1."""
        parts = sum(min(1.0, each.got / each.whole) for each in self.running if each.whole)
        return (self.done + parts) / self.total if self.total else 0.0

    @property
    def words(self) -> str:
        """Return the round's progress in one line, without individual files."""
        parts = [f"{self.done:,}/{plural(self.total, 'result')}"]
        if self.failed:
            parts.append(f"{self.failed:,} failed")
        if self.resting:
            parts.append(f"{self.resting:,} not there yet")
        if self.speed is not None:
            parts.append(f"{size_words(round(self.speed))}/s")
        if self.left_s is not None:
            parts.append(f"{duration(1000 * math.ceil(self.left_s))} left")
        return " · ".join(parts)

    def summary(self, known: int = 0, where: str = "") -> str:
        """Return the round's outcome in one line; `known` more were left out because they were already saved."""
        parts = []
        known += self.known
        if self.saved or not (known or self.failed or self.cancelled):
            parts.append(f"Saved {plural(self.saved, 'file')}" + (f" to {where}" if where else ""))
        if known:
            parts.append(f"{known:,} already saved")
        if self.cancelled:
            parts.append(f"{self.cancelled:,} cancelled")
        if self.failed:
            common = [f"{reason} ({count:,})" for reason, count in self.reasons.most_common(MAX_REASONS)]
            if len(self.reasons) == 1:
                common = list(self.reasons)
            elif len(self.reasons) > MAX_REASONS:
                common.append("...")
            parts.append(f"{self.failed:,} failed: {'; '.join(common)}")
        return ", ".join(parts)


def left_s(
    running: tuple[Running, ...], waiting: int, sizes: Sequence[int], speed: float | None
) -> float | None:
    """Estimate how long a round still takes, in seconds, with `waiting` files not begun; None if that is unknown.

    Files of unknown size are assumed to have the average size of those under way and those done (`sizes`).
    """
    known = [*sizes, *(each.whole for each in running if each.whole is not None)]
    if not speed or not known:
        return None
    average = sum(known) // len(known)
    sizes_left = [max(0, (each.whole or max(average, each.got)) - each.got) for each in running]
    return (sum(sizes_left) + waiting * average) / speed

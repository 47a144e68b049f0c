"""Virtual time for a watcher, with a store and a gateway that live in it: hours pass in seconds, always the same.

    world = World(tmp_path)
    world.gateway.add("task_a", ends_at_s=world.clock.s + 30)
    world.add("task_a")
    async with world.watching():
        await world.clock.run_for(60)

Nothing here waits: `run_for` lets everything run that can, then moves the clock to the next moment that somebody
waits for.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from taskdash.domain.gateways import RECORD_PATH, TIERS, Limits
from taskdash.domain.record import Answer, Record, Throttle
from taskdash.domain.task import ProblemKind, State
from taskdash.store.store import Store, StoreThread
from taskdash.watch.accounts import WatchPolicy
from taskdash.watch.machine import Clock
from taskdash.watch.peers import Access
from taskdash.watch.watcher import Fetch, Watcher

T = TypeVar("T")

START_MS = 1_790_000_000_000


class FakeClock(Clock):
    """A clock that moves only when `run_for` says so. Both of its times may be set as one likes."""

    def __init__(self) -> None:
        self.s = 10_000.0
        """The monotonic clock."""
        self.wall_ahead_ms = START_MS - 10_000_000
        self._sleepers: list[tuple[float, int, asyncio.Future[bool]]] = []
        self._numbers = itertools.count()

    def now_s(self) -> float:
        return self.s

    def now_ms(self) -> int:
        return int(self.s * 1000) + self.wall_ahead_ms

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        if event.is_set() or timeout_s <= 0:
            return
        waiter = self._sleeper(timeout_s)
        # As Event.wait does it, but without a task of its own for each.
        waiters: deque[asyncio.Future[bool]] = event._waiters
        waiters.append(waiter)
        try:
            await waiter
        finally:
            waiters.remove(waiter)

    async def sleep(self, wait_s: float) -> None:
        if wait_s > 0:
            await self._sleeper(wait_s)

    def _sleeper(self, wait_s: float) -> asyncio.Future[bool]:
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.s + wait_s, next(self._numbers), waiter))
        return waiter

    async def run_for(self, span_s: float, until: Callable[[], bool] = lambda: False) -> None:
        """Let `span_s` virtual seconds pass, or as many as it takes until `until` holds."""
        end_s = self.s + span_s
        while True:
            await settle()
            if until():
                return
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > end_s:
                break
            at_s, _, waiter = heapq.heappop(self._sleepers)
            self.s = max(self.s, at_s)
            waiter.set_result(True)
        self.s = max(self.s, end_s)

    def stall(self, span_s: float) -> None:
        """The process stands still: time passes and nobody runs."""
        self.s += span_s


async def settle() -> None:
    """Let everything run that can run now."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        if not loop._ready:  # type: ignore[attr-defined] # the only way to know that nothing is left to run
            return


class InlineStore(StoreThread):
    """A store without its thread. `fail_with` is raised instead of whatever is asked, while it is set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.opened = Store(path, busy_timeout_s=0.0)
        self.opened.connection.execute("PRAGMA synchronous = OFF")
        self.fail_with: Exception | None = None
        self.calls = 0
        self.is_closed = False

    async def run(self, work: Callable[[Store], T]) -> T:
        self.calls += 1
        if self.fail_with is not None:
            raise self.fail_with
        return work(self.opened)

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        self.opened.close()
        self.is_closed = True


@dataclass
class FakeGateway:
    """Answers checks in virtual time, and counts what arrives as a gateway does."""

    clock: FakeClock
    latency_s: float = 0.2
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    """Those that were asked, in the order of `arrivals`, but for the API's own."""
    known_under: dict[str, str] = field(default_factory=dict)
    """The one path that knows a task; all do where none is named."""
    fails: dict[str, Answer] = field(default_factory=dict)
    """What a path answers, whatever it is asked."""
    ends_at_s: dict[str, float] = field(default_factory=dict)
    created_ms: dict[str, int] = field(default_factory=dict)
    model: str = "gpt-image-2"
    override: Callable[[str], Answer | None] | None = None
    """Answers in place of the record where it gives one."""
    most_under_way: int = 0
    _under_way: int = 0

    def add(self, task_id: str, *, ends_at_s: float, age_s: float = 0.0) -> None:
        self.ends_at_s[task_id] = ends_at_s
        self.created_ms[task_id] = self.clock.now_ms() - round(1000 * age_s)

    async def fetch(self, task_id: str, path: str) -> Answer:
        self._under_way += 1
        self.most_under_way = max(self.most_under_way, self._under_way)
        try:
            await self.clock.sleep(self.latency_s / 2)
            self.arrivals.append((self.clock.s, task_id))
            if path != RECORD_PATH:
                self.paths.append(path)
            is_there = self.known_under.get(task_id, path) == path
            answer = self._answer(task_id) if is_there else problem(ProblemKind.NOT_FOUND)
            answer = self.fails.get(path, answer)
            await self.clock.sleep(self.latency_s / 2)
            return answer
        finally:
            self._under_way -= 1

    def _answer(self, task_id: str) -> Answer:
        answer = self.override(task_id) if self.override else None
        if answer is not None:
            return answer
        if task_id not in self.ends_at_s:
            return problem(ProblemKind.NOT_FOUND)
        ends_at_s, created_ms = self.ends_at_s[task_id], self.created_ms[task_id]
        if self.clock.s < ends_at_s:
            return Answer(
                record=Record(
                    task_id=task_id,
                    state=State.WAITING,
                    raw_state="waiting",
                    model=self.model,
                    create_time_ms=created_ms,
                ),
                raw=b"{}",
            )
        cost_ms = max(1, round(1000 * ends_at_s) + self.clock.wall_ahead_ms - created_ms)
        return success(task_id, model=self.model, created_ms=created_ms, cost_ms=cost_ms)

    def count(self, task_id: str | None = None) -> int:
        """How many checks arrived, of this task or in all."""
        return sum(task_id in (None, each) for _, each in self.arrivals)

    def counts(self) -> Counter[str]:
        """How many checks arrived per task."""
        return Counter(each for _, each in self.arrivals)

    def most_within(self, window_s: float) -> int:
        """The most arrivals in any sliding window of this length."""
        return most_within([at_s for at_s, _ in self.arrivals], window_s)


def most_within(times_s: list[float], window_s: float) -> int:
    """The most of these rising times that lie in any sliding window of this length."""
    most = first = 0
    for last, at_s in enumerate(times_s):
        while times_s[first] <= at_s - window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def problem(kind: ProblemKind, message: str = "as scripted") -> Answer:
    """A check that brought no record."""
    return Answer(problem=kind, message=message)


def throttled(
    retry_after_s: float, *, limit: int | None = None, tier: str | None = None, window_s: int | None = None
) -> Answer:
    """A 429."""
    throttle = Throttle(retry_after_s=retry_after_s, limit=limit, tier=tier, window_s=window_s)
    return Answer(problem=ProblemKind.RATE_LIMITED, message="rate limit exceeded", throttle=throttle)


def success(
    task_id: str, *, model: str = "gpt-image-2", created_ms: int = START_MS, cost_ms: int = 32_241
) -> Answer:
    record = Record(
        task_id=task_id,
        state=State.SUCCESS,
        raw_state="success",
        model=model,
        prompt="a robot painter",
        result_urls=("https://cdn.example.com/1.png",),
        cost_time_ms=cost_ms,
        create_time_ms=created_ms,
        complete_time_ms=created_ms + cost_ms,
    )
    return Answer(record=record, raw=b'{"code": 200}')


class World:
    """A list, a gateway and a clock."""

    def __init__(
        self, folder: Path, *, limits: Limits = TIERS["basic"], share: float = 0.5, latency_s: float = 0.2
    ) -> None:
        self.clock = FakeClock()
        self.gateway = FakeGateway(self.clock, latency_s)
        self.path = folder / "tasks.db"
        self.policy = WatchPolicy(profile="p", limits=limits, share=share, tier="as set")
        self.seed = random.Random(7)  # noqa: S311 - the same jitter in every run
        self.mine = Store(self.path)
        """Another process's view of the list."""
        self.mine.connection.execute("PRAGMA synchronous = OFF")
        self.store: InlineStore
        """That of the last watcher."""

    def watcher(
        self,
        *,
        policy: WatchPolicy | None = None,
        fetch: Fetch | None = None,
        has_key: bool = True,
        on_change: Callable[[], None] = lambda: None,
    ) -> Watcher:
        """A watcher of this world, not running."""
        self.store = InlineStore(self.path)
        policy = policy or self.policy
        return Watcher(
            self.store,
            policy,
            Access("https://example.com", None),
            (fetch or self.gateway.fetch) if has_key else None,
            clock=self.clock,
            chance=self.seed.random,
            on_change=on_change,
        )

    @asynccontextmanager
    async def watching(self, watcher: Watcher | None = None) -> AsyncIterator[Watcher]:
        """Run a watcher for the length of a block; raises what it ended with."""
        watcher = watcher or self.watcher()
        running = asyncio.create_task(watcher.run())
        try:
            yield watcher
        finally:
            watcher.stop()
            await self.clock.run_for(120, until=running.done)
            await running

    def add(self, *task_ids: str, ends_in_s: float | None = None) -> None:
        """Add IDs to the list. Where it is told when they end, the gateway knows them too."""
        if ends_in_s is not None:
            for task_id in task_ids:
                self.gateway.add(task_id, ends_at_s=self.clock.s + ends_in_s)
        self.mine.additions.add("p", task_ids, self.clock.now_ms())

    def ask(self, *task_ids: str) -> None:
        """Ask for a check of tasks on the list, as another process does."""
        seqs = [self.mine.tasks.find("p", task_id).seq for task_id in task_ids]
        self.mine.checks.ask(seqs, self.clock.now_ms())

    def state(self, task_id: str) -> State:
        """Where a task stands by the list."""
        return self.mine.tasks.find("p", task_id).state

"""What is saved on its own: each result once, a dead link never again, what may pass a few times, each told once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.bodies import success_body
from tests.store_lists import replied
from tests.unit.results.fakes import StillClock

from taskdash.config.settings import Settings
from taskdash.domain.secret import KnownKeys
from taskdash.results.download_thread import DISK_AFTER_MS, RETRY_AFTER_MS, AutoDownload
from taskdash.results.downloads import End, Ended
from taskdash.results.links import (
    DiskError,
    DownloadError,
    ExpiredError,
    LockedError,
    PassingError,
    PrivateHostError,
)
from taskdash.results.saved_results import SavedResults
from taskdash.results.wanted import Wanted
from taskdash.store.store import Store, StoreThread

PROFILE = "p"
NOW_MS = 1_777_475_100_000


class FakeQueue:
    """Takes what it is given, and ends it as a test says."""

    resting = 0
    saved: SavedResults

    def __init__(self) -> None:
        self.given: list[Wanted] = []
        self._ends: list[asyncio.Future[Ended]] = []

    async def save(self, wanted: Sequence[Wanted]) -> list[Ended]:
        ends: list[asyncio.Future[Ended]] = [asyncio.get_running_loop().create_future() for _ in wanted]
        self.given += wanted
        self._ends += ends
        return await asyncio.gather(*ends)

    def end(self, error: DownloadError | None, end: End) -> None:
        for wanted, waiting in zip(self.given, self._ends, strict=True):
            waiting.set_result(Ended(wanted=wanted, end=end, error=error))
        self.given, self._ends = [], []


class Scene:
    """A list, a clock that a test moves, and everything that was told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = Store(path)
        self.clock = StillClock(NOW_MS, self._rest)
        self.queue = FakeQueue()
        self.told: list[str] = []
        self.rounds = 0
        self.auto: AutoDownload | None = None

    async def _rest(self, _: float) -> None:
        self.rounds += 1
        await asyncio.sleep(0.002)

    def finish(self, task_id: str, count: int = 1) -> None:
        """Have a task end with so many results."""
        self.store.additions.add(PROFILE, [task_id], self.clock.at_ms)
        body = success_body(task_id, [f"https://cdn.test/{task_id}/{n}" for n in range(count)])
        replied(self.store, body, PROFILE, self.clock.at_ms)

    def end(self, error: DownloadError | None = None, end: End = End.FAILED) -> None:
        self.queue.end(error, end)

    @property
    def given(self) -> list[str]:
        return [wanted.task_id for wanted in self.queue.given]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """One run of the program."""
        store = StoreThread(self.path, "store")
        self.queue.saved = SavedResults(store, self.clock, Settings(), KnownKeys())
        self.auto = AutoDownload(
            self.queue,  # type: ignore[arg-type] # it needs no more of a queue
            PROFILE,
            self.told.append,
            clock=self.clock,
        )
        running = asyncio.ensure_future(self.auto.run())
        try:
            await self.look()
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            store.close()

    async def look(self, later_ms: int = 0) -> None:
        """Wait until it has looked at the list, as it is now or after a while."""
        self.clock.at_ms += later_ms
        seen = self.rounds
        async with asyncio.timeout(10):
            while self.rounds < seen + 3:  # noqa: ASYNC110 - rounds are counted elsewhere
                await asyncio.sleep(0.002)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "tasks.db")
    yield made
    made.store.close()


@pytest.mark.parametrize("jump_ms", [-3_600_000, -61_000, 3_600_000])
async def test_what_finishes_after_the_clock_was_set_is_saved(scene: Scene, jump_ms: int) -> None:
    async with scene.running():
        for n in range(3):
            await scene.look(5_000)
            scene.clock.at_ms += jump_ms
            scene.finish(f"after_{n}")
            await scene.look(500)
    assert scene.given == ["after_0", "after_1", "after_2"]


async def test_what_finished_before_and_what_finishes_now_is_saved_once(scene: Scene, tmp_path: Path) -> None:
    scene.finish("before", count=2)
    async with scene.running():
        assert scene.given == ["before", "before"]
        scene.clock.at_ms += 5_000
        scene.finish("now")
        await scene.look()
        assert scene.given == ["before", "before", "now"]
        for wanted in scene.queue.given:
            scene.store.saved.keep(wanted.seq, wanted.n, tmp_path / "x", None, NOW_MS)
        scene.end(end=End.SAVED)
        await scene.look()
        assert scene.given == []
    async with scene.running():
        assert scene.given == []


async def test_a_dead_link_is_tried_once_over_all_runs_and_told_once(scene: Scene) -> None:
    scene.finish("one")
    scene.finish("two")
    async with scene.running():
        scene.end(ExpiredError("the link has probably expired"))
        await scene.look()
        assert scene.given == []
        assert len(scene.told) == 1
        assert "the link has probably expired" in scene.told[0]
    async with scene.running():
        await scene.look(10 * RETRY_AFTER_MS[-1])
        assert scene.given == []


async def test_what_may_pass_is_tried_again_ever_later_and_then_given_up(scene: Scene) -> None:
    scene.finish("one")
    async with scene.running():
        for wait_ms in RETRY_AFTER_MS:
            scene.end(PassingError("the server says HTTP 503"))
            await scene.look()
            await scene.look(wait_ms - 1)
            assert scene.given == []
            assert scene.told == []
            await scene.look(1)
            assert scene.given == ["one"]
        scene.end(PassingError("the server says HTTP 503"))
        await scene.look()
        assert scene.told == ["Not saved, and not tried again: one: the server says HTTP 503"]
        await scene.look(100 * RETRY_AFTER_MS[-1])
        assert scene.given == []


@pytest.mark.parametrize(
    ("error", "end", "after_ms"),
    [
        (PrivateHostError("cdn.test is a private address"), End.FAILED, None),
        (DiskError("it cannot be written: No space left on device"), End.FAILED, DISK_AFTER_MS),
        (LockedError("another taskdash is saving it"), End.FAILED, 60_000),
        (None, End.CANCELLED, None),
    ],
)
async def test_what_says_nothing_of_the_results_is_told_once_and_tried_again_by_the_next_run_at_the_latest(
    scene: Scene, error: DownloadError | None, end: End, after_ms: int | None
) -> None:
    scene.finish("one")
    scene.finish("two")
    async with scene.running():
        scene.end(error, end)
        await scene.look()
        is_told = isinstance(error, PrivateHostError | DiskError)
        assert (scene.given, scene.told) == ([], [f"Not saved: {error}"] if is_told else [])
        if after_ms is not None:
            await scene.look(after_ms)
            assert sorted(scene.given) == ["one", "two"]
            scene.end(error, end)
    async with scene.running():
        assert sorted(scene.given) == ["one", "two"]


async def test_a_long_list_is_fed_in_small_portions(scene: Scene) -> None:
    for n in range(50):
        scene.finish(f"task_{n}")
    async with scene.running():
        assert len(scene.queue.given) == 20
        scene.end(end=End.KNOWN)
        await scene.look()
        assert len(scene.queue.given) == 20

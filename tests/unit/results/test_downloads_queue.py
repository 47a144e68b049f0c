"""Many results: so many at once and no more, each once, told as they end, broken off without loss."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.file_server import PNG, FileServer, Ranges, picture
from tests.servers import Peer, Request, http_reply, sends
from tests.unit.results.fakes import FakeFetcher, FakeLocks, QuickClock, StillClock

from taskdash.config.settings import Settings
from taskdash.domain.errors import StoreError
from taskdash.domain.words import size_words
from taskdash.results.downloads import (
    LOCK_WAIT_S,
    YOUNG_FOR_S,
    Downloads,
    DownloadStatus,
    End,
    Ended,
    Running,
    left_s,
)
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
from taskdash.results.links import DiskError, DownloadError, LockedError
from taskdash.results.part import part_key
from taskdash.results.saved_results import ResultLocks, SavedResults
from taskdash.results.wanted import Renewals, Wanted

NOW_MS: Final = 1_777_475_100_000


class Memory(SavedResults):
    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], Path] = {}
        self.settings = Settings()
        self.failure: StoreError | None = None

    async def is_saved(self, wanted: Wanted) -> bool:
        return (wanted.seq, wanted.n) in self.kept

    async def keep(self, wanted: Wanted, path: Path, size: int, digest: str, _: Folder) -> str:
        data = path.read_bytes()  # noqa: ASYNC240 - a test may block
        assert (size, digest) == (len(data), hashlib.sha256(data).hexdigest())
        await asyncio.sleep(0.01)
        if self.failure:
            raise self.failure
        self.kept[wanted.seq, wanted.n] = path
        return ""


def wanted_at(seq: int, host: str, path: str) -> Wanted:
    name, key = f"task_{seq}", part_key(str(seq))
    return Wanted(seq=seq, n=1, url=f"http://{host}{path}", task_id=name, stem=f"{name}-1", key=key)


def young(bench: Bench, seq: int, path: str) -> Wanted:
    """A result whose task was seen to finish at `NOW_MS`."""
    return replace(bench.wanted(seq, path), seen_ms=NOW_MS)


class Bench:
    """A queue with everything around it."""

    def __init__(
        self, folder: Folder, locks: ResultLocks, server: FileServer, group: asyncio.TaskGroup
    ) -> None:
        self.folder, self.locks, self.server, self.group = folder, locks, server, group
        self.memory = Memory()
        self.ends: list[Ended] = []

    def queue(self, **options: Any) -> Downloads:
        fetcher = Fetcher(self.server.url, allow_private=True)
        more: dict[str, Any] = {"locks": self.locks, "at_once": 2} | options
        return Downloads(self.folder, fetcher, self.memory, group=self.group, on_end=self.ends.append, **more)

    async def save(self, *wanted: Wanted, **options: Any) -> Downloads:
        """Have a queue save results, and wait until it has nothing left to do."""
        queue = self.queue(**options)
        queue.add(wanted)
        await queue.drained()
        return queue

    def wanted(self, seq: int, path: str) -> Wanted:
        return wanted_at(seq, f"127.0.0.1:{self.server.port}", path)

    def counts(self) -> Counter[End]:
        return Counter(ended.end for ended in self.ends)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    with (
        FileServer() as server,
        Folder(tmp_path / "results") as folder,
        ResultLocks(tmp_path / "tasks.db") as locks,
    ):
        async with asyncio.TaskGroup() as group:
            yield Bench(folder, locks, server, group)


async def until(holds: Callable[[], object], timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 - it waits for files and threads
            await asyncio.sleep(0.005)


async def test_so_many_at_once_and_no_more_even_if_they_were_waited_for(bench: Bench) -> None:
    open_now: list[str] = []
    most = 0
    asked: Counter[str] = Counter()

    async def slow(peer: Peer, request: Request) -> None:
        nonlocal most
        asked[request.path] += 1
        open_now.append(request.path)
        most = max(most, len(open_now))
        await asyncio.sleep(0.03)
        open_now.remove(request.path)
        # Every other result is not there yet when it is asked for first.
        is_there = asked[request.path] > int(request.path[1:]) % 2
        await peer.send(http_reply(200, PNG) if is_there else http_reply(404))
        peer.close()

    bench.server.files |= {f"/{n}": slow for n in range(12)}
    queue = bench.queue(clock=StillClock(NOW_MS), at_once=3)
    wanted = [young(bench, n, f"/{n}") for n in range(12)]
    queue.add(wanted)
    queue.add(wanted)
    await queue.drained()
    assert bench.counts() == {End.SAVED: 12}
    assert most == 3
    assert asked.total() == 18
    assert queue.status.done == queue.status.total == 12
    assert len(list(bench.folder.path.iterdir())) == 12


async def test_what_is_saved_already_is_not_asked_for(bench: Bench) -> None:
    bench.memory.kept[1, 1] = Path("/there")
    bench.server.files["/x"] = http_reply(200, PNG)
    queue = await bench.save(bench.wanted(1, "/x"), bench.wanted(2, "/x"), bench.wanted(3, "/gone"))
    assert bench.counts() == {End.SAVED: 1, End.KNOWN: 1, End.FAILED: 1}
    assert len(bench.server.requests) == 2
    assert queue.status.summary(2, "/pictures") == (
        "Saved 1 file to /pictures, 3 already saved, 1 failed: the link has probably expired (HTTP 404)"
    )


async def test_who_waits_for_a_result_that_is_under_way_is_told_what_became_of_it(bench: Bench) -> None:
    bench.server.files["/x"] = http_reply(200, PNG)
    queue = bench.queue()
    wanted = [bench.wanted(1, "/x"), bench.wanted(2, "/gone")]
    queue.add(wanted)
    assert [ended.end for ended in await queue.save(wanted)] == [End.SAVED, End.FAILED]
    assert len(bench.server.requests) == 2
    waiting = asyncio.ensure_future(queue.save([bench.wanted(3, "/x")]))
    await asyncio.sleep(0)
    queue.cancel()
    assert [ended.end for ended in await waiting] == [End.CANCELLED]


async def test_cancelling_keeps_what_has_arrived_and_forgets_what_waits(bench: Bench) -> None:
    data = picture(100_000)
    reply = http_reply(200, data, {"ETag": '"one"', "Accept-Ranges": "bytes"})
    bench.server.files["/x"] = sends(reply[:-50_000])
    queue = bench.queue()
    queue.add([bench.wanted(n, "/x") for n in range(6)])
    await until(lambda: [each.got for each in queue.status.running] == [50_000, 50_000])
    assert queue.status.is_busy
    queue.cancel()
    await queue.drained()
    assert bench.counts() == {End.CANCELLED: 6}
    assert queue.status.summary() == "6 cancelled"
    names = sorted(path.suffix for path in bench.folder.path.iterdir())
    assert names == [".json", ".json", ".part", ".part"]

    bench.server.files["/x"] = Ranges(data)
    queue.add([bench.wanted(0, "/x")])
    await queue.drained()
    assert bench.server.ranges[-1] == "bytes=50000-"
    assert (queue.status.total, queue.status.saved, queue.status.cancelled) == (1, 1, 0), "a new round"


@settings(max_examples=15)
@example(steps=["add", "cancel", "add", "wait"])
@given(steps=st.lists(st.sampled_from(("add", "cancel", "step", "wait")), max_size=12))
def test_whenever_it_is_cancelled_everything_ends_once(steps: list[str]) -> None:
    """No server is needed: what is saved fails at once, or waits until it is cancelled."""

    class Failing(FakeFetcher):
        async def fetch(self, url: str, _: object) -> str:
            if url.endswith("/slow"):
                await asyncio.Event().wait()
            raise DownloadError("it is gone")

    async def play(folder: Folder, group: asyncio.TaskGroup) -> None:
        ends: list[Ended] = []
        queue = Downloads(folder, Failing(), Memory(), FakeLocks(), group, on_end=ends.append, at_once=2)
        for number, step in enumerate(steps):
            if step == "add":
                paths = enumerate(("/fast", "/slow", "/fast", "/fast"), 4 * number)
                queue.add(wanted_at(seq, "cdn.test", path) for seq, path in paths)
            elif step == "cancel":
                queue.cancel()
            else:
                await asyncio.sleep(0 if step == "step" else 0.001)
        queue.cancel()
        async with asyncio.timeout(10):
            await queue.drained()
        assert len(ends) == len({ended.wanted.seq for ended in ends}) == 4 * steps.count("add")
        assert not queue.status.is_busy

    async def play_in_group() -> None:
        with TemporaryDirectory() as path, Folder(Path(path)) as folder:
            async with asyncio.TaskGroup() as group:
                await play(folder, group)

    asyncio.run(play_in_group())


async def test_what_another_process_saves_is_waited_for_and_not_saved_twice(bench: Bench) -> None:
    held = FakeLocks(is_free=False)
    queue = bench.queue(locks=held, clock=StillClock(sleep=lambda _: asyncio.sleep(0.001)))
    queue.add([bench.wanted(1, "/x")])
    await asyncio.sleep(0.02)
    assert bench.ends == []
    bench.memory.kept[1, 1] = Path("/there")
    held.is_free = True
    await queue.drained()
    assert (bench.counts(), bench.server.connections) == ({End.KNOWN: 1}, 0)


async def test_what_another_process_saves_for_too_long_is_no_fault_of_the_result(bench: Bench) -> None:
    clock = QuickClock()
    (ended,) = await bench.queue(locks=FakeLocks(is_free=False), clock=clock).save([bench.wanted(1, "/x")])
    assert isinstance(ended.error, LockedError)
    assert clock.at_ms == pytest.approx(1_000 * LOCK_WAIT_S, abs=1_000)


async def test_a_list_that_takes_no_note_is_told_and_the_file_is_not_lost(bench: Bench) -> None:
    bench.server.files["/x"] = Ranges(picture(5_000))
    bench.memory.failure = StoreError("the disk is full")
    queue = await bench.save(bench.wanted(1, "/x"))
    assert bench.counts() == {End.FAILED: 1}
    assert isinstance(bench.ends[0].error, DiskError), "it may be tried again"
    assert queue.failure is bench.memory.failure
    bench.memory.failure = None
    queue.add([bench.wanted(1, "/x")])
    await queue.drained()
    assert [path.name for path in bench.folder.path.iterdir()] == ["task_1-1.png"], "saved twice"
    assert len(bench.server.requests) == 1


async def test_a_result_is_remembered_even_if_it_is_cancelled_in_that_moment(bench: Bench) -> None:
    bench.server.files["/x"] = http_reply(200, PNG)
    queue = bench.queue()
    queue.add([bench.wanted(1, "/x")])
    await until(lambda: list(bench.folder.path.glob("*.png")))
    queue.cancel()
    await queue.drained()
    assert list(bench.memory.kept) == [(1, 1)]
    assert [path.suffix for path in bench.folder.path.iterdir()] == [".png"]


def test_claims_are_each_process_s_own_and_end_with_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from taskdash.results.saved_results import ResultLocks\n"
        "locks = ResultLocks(Path(sys.argv[1]))\n"
        "print(locks.acquire(-5, 1), locks.acquire(-5, 2), locks.acquire(7, 1), flush=True); sys.stdin.read()"
    )
    store = tmp_path / "tasks.db"
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(store)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    try:
        with ResultLocks(store) as locks:
            assert other.stdout.readline() == "True True True\n"
            assert [locks.acquire(-5, n) for n in (1, 2, 3)] == [False, False, True]
            assert not locks.acquire(-5, 3), "twice in one process"
            other.communicate()
            assert locks.acquire(-5, 1)
            locks.release(-5, 1)
            assert locks.acquire(-5, 1)
    finally:
        other.kill()
        other.communicate()


def test_the_time_left_counts_what_is_not_begun() -> None:
    running = (Running("a", 50, 100), Running("b", 0, None))
    assert left_s(running, 2, [200, 300], 10.0) == (50 + 200 + 2 * 200) / 10
    assert left_s(running, 2, [], None) is None
    assert left_s((Running("b", 0, None),), 2, [], 10.0) is None


def test_a_status_in_words() -> None:
    status = DownloadStatus(
        total=12, saved=2, failed=1, running=(Running("a", 50, 100),), speed=2_097_152.0, left_s=61
    )
    assert status.words == "3/12 results · 1 failed · 2.0 MiB/s · 1m1s left"
    assert status.running[0].words == " 50% of 100 B"
    assert status.share == pytest.approx(3.5 / 12)
    reasons = Counter({"a": 5, "b": 2, "c": 1, "d": 1})
    assert (
        DownloadStatus(total=9, failed=9, reasons=reasons).summary() == "9 failed: a (5); b (2); c (1); ..."
    )
    assert DownloadStatus().summary() == "Saved 0 files"
    sizes = map(size_words, (7, 2_048, 3 * 2**20, 5 * 2**30))
    assert [*sizes] == ["7 B", "2 KiB", "3.0 MiB", "5.00 GiB"]


@pytest.mark.parametrize("status", [404, 403])
async def test_a_young_result_that_is_not_there_yet_is_waited_for(bench: Bench, status: int) -> None:
    async def late(peer: Peer, request: Request) -> None:  # noqa: ARG001 - a handler's signature
        is_there = len(bench.server.requests) > 5
        await peer.send(http_reply(200, PNG) if is_there else http_reply(status))
        peer.close()

    bench.server.files["/x"] = late
    clock = StillClock(NOW_MS + 2_000)
    await bench.save(young(bench, 1, "/x"), clock=clock)
    assert bench.counts() == {End.SAVED: 1}
    assert clock.waits_s == sorted(set(clock.waits_s)), "the gaps grow"
    assert len(clock.waits_s) == 5


@pytest.mark.parametrize(
    ("status", "age_s", "least_s", "most_s"),
    [
        (404, 0, 120, YOUNG_FOR_S),
        (404, -3_600, 120, YOUNG_FOR_S),  # the clock was set back
        (404, YOUNG_FOR_S, 0, 0),
        (404, None, 0, 0),  # it finished long ago
        (410, 0, 0, 0),
    ],
)
async def test_it_counts_as_expired_after_some_minutes_and_few_requests(
    bench: Bench, status: int, age_s: int | None, least_s: int, most_s: int
) -> None:
    bench.server.files["/gone"] = http_reply(status)
    clock = StillClock(NOW_MS + round(1_000 * (age_s or 0)))
    await bench.save(bench.wanted(1, "/gone") if age_s is None else young(bench, 1, "/gone"), clock=clock)
    assert bench.counts() == {End.FAILED: 1}
    assert least_s <= sum(clock.waits_s) <= most_s
    assert len(bench.server.requests) == len(clock.waits_s) + 1 <= 12


@pytest.mark.parametrize(
    ("cuts", "requests", "end"), [([10, 20, 30, 40], 5, End.SAVED), ([50] * 50, 4, End.FAILED)]
)
async def test_a_server_that_hangs_up_is_asked_again_while_it_brings_something(
    bench: Bench, cuts: list[int], requests: int, end: End
) -> None:
    bench.server.files["/x"] = Ranges(picture(60_000), cuts=[1_000 * cut for cut in cuts])
    await bench.save(bench.wanted(1, "/x"), clock=StillClock())
    assert (bench.counts(), len(bench.server.requests)) == ({end: 1}, requests)


async def test_waiting_for_some_holds_up_no_others_and_ends_with_all(bench: Bench) -> None:
    bench.server.files["/x"] = http_reply(200, PNG)

    async def for_ever(_: float) -> None:
        await asyncio.Event().wait()

    queue = bench.queue(clock=StillClock(NOW_MS, for_ever))
    queue.add([young(bench, n, f"/gone{n}") for n in range(20)])
    queue.add([bench.wanted(100 + n, "/x") for n in range(10)])
    await until(lambda: bench.counts()[End.SAVED] == 10 and queue.resting == 20)
    assert "20 not there yet" in queue.status.words
    assert queue.status.is_busy
    queue.cancel()
    await asyncio.wait_for(queue.drained(), 10)
    assert bench.counts() == {End.SAVED: 10, End.CANCELLED: 20}
    assert queue.resting == 0


class Fresh(Renewals):
    """Gives what the test says."""

    def __init__(self, *given: tuple[Wanted | None, str]) -> None:
        self.given = list(given)
        self.asked: list[Wanted] = []

    async def renew(self, wanted: Wanted) -> tuple[Wanted | None, str]:
        self.asked.append(wanted)
        return self.given.pop(0)


async def test_a_dead_link_and_no_other_is_renewed_once_before_it_is_given_up(bench: Bench) -> None:
    bench.server.files["/x"] = http_reply(200, PNG)
    dead, fresh = bench.wanted(1, "/gone"), bench.wanted(1, "/x")
    good = Fresh((fresh, ""))
    queue = bench.queue(renewals=good)
    (ended,) = await queue.save([dead])
    assert (ended.end, good.asked) == (End.SAVED, [dead])

    for other, why_not in ((bench.wanted(2, "/gone2"), ""), (None, "it has no other one"), (None, "")):
        bad = Fresh((other, why_not))
        (ended,) = await bench.queue(renewals=bad).save([bench.wanted(2, "/gone")])
        assert (ended.end, len(bad.asked), ended.why_not) == (End.FAILED, 1, why_not)
        assert str(ended.error) == "the link has probably expired (HTTP 404)"

    bench.server.files["/odd"] = http_reply(200, b'{"error": "no"}')
    otherwise = Fresh()
    (ended,) = await bench.queue(renewals=otherwise).save([bench.wanted(3, "/odd")])
    assert (ended.end, otherwise.asked) == (End.FAILED, [])

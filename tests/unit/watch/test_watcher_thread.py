"""The watcher beside a dashboard: a real thread, a real store, and a gateway that is scripted."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tests.command import wait_until
from tests.fake_clock import success

from taskdash.domain.gateways import TIERS
from taskdash.domain.record import Answer
from taskdash.domain.task import State
from taskdash.store.store import Store, StoreThread
from taskdash.watch.accounts import WatchPolicy
from taskdash.watch.machine import Clock
from taskdash.watch.peers import Access, Lease
from taskdash.watch.thread import WatcherThread, run_unwaited
from taskdash.watch.watcher import Fetch, Watcher


async def fetch(task_id: str, _: str) -> Answer:
    return success(task_id)


def thread_for(path: Path, fetch: Fetch = fetch) -> WatcherThread:
    async def build(on_change: Callable[[], None]) -> Watcher:
        store = StoreThread(path, "watcher-store", is_patient=True)
        access = Access("https://example.com", None)
        policy = WatchPolicy(profile="p", limits=TIERS["basic"], share=0.5)
        return Watcher(store, policy, access, fetch, clock=Clock(), on_change=on_change)

    return WatcherThread(build)


def test_it_checks_what_is_added_tells_of_it_and_leaves_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    told = threading.Event()
    with Store(tmp_path / "tasks.db") as store:
        watcher = thread_for(store.path)
        watcher.start(told.set)
        store.additions.add("p", ["task_a"], time.time_ns() // 1_000_000)
        watcher.wake()
        wait_until(lambda: store.tasks.find("p", "task_a").state is State.SUCCESS)
        assert told.is_set()
        watcher.stop()
        assert watcher.status.failure is None
        assert not watcher.status.leading
        assert store.gateways.viewers("p") == []
        watcher.wake()  # late words are no error
        watcher.stop()
    assert threading.active_count() == before


def test_a_pause_before_it_has_begun_counts(tmp_path: Path) -> None:
    with Store(tmp_path / "tasks.db") as store:
        store.additions.add("p", ["task_a"], time.time_ns() // 1_000_000)
        watcher = thread_for(store.path)
        watcher.pause(True)
        watcher.start(lambda: None)
        wait_until(lambda: watcher.status.leading and watcher.status.paused)
        watcher.stop()
        assert store.tasks.find("p", "task_a").state is State.NEW


def test_it_stops_in_time_while_another_process_has_locked_the_store(tmp_path: Path) -> None:
    with Store(tmp_path / "tasks.db") as store:
        watcher = thread_for(store.path)
        watcher.start(lambda: None)
        wait_until(lambda: watcher.status.leading)
        with store.writing():
            watcher.pause(True)  # which it has to write down
            began_s = time.monotonic()
            watcher.stop()
            assert time.monotonic() - began_s < 5
            assert watcher.status.failure is None
            assert Lease(store.path, "p").acquire()


def test_yielding_returns_when_the_lease_is_free(tmp_path: Path) -> None:
    with Store(tmp_path / "tasks.db") as store:
        watcher = thread_for(store.path)
        watcher.start(lambda: None)
        wait_until(lambda: watcher.status.leading)
        watcher.yield_lease(True)
        other = Lease(store.path, "p")
        assert other.acquire()
        other.release()
        watcher.yield_lease(False)
        wait_until(lambda: watcher.status.leading)
        watcher.stop()


def test_a_store_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    watcher = thread_for(tmp_path)  # a folder
    watcher.start(lambda: None)
    wait_until(lambda: "cannot be used" in (watcher.status.store_problem or ""))
    assert watcher.status.failure is None
    watcher.stop()


def test_what_nobody_expected_is_told_as_its_failure(tmp_path: Path) -> None:
    async def broken(_: str, __: str) -> Answer:
        raise KeyError("oops")

    with Store(tmp_path / "tasks.db") as store:
        store.additions.add("p", ["task_a"], time.time_ns() // 1_000_000)
        watcher = thread_for(store.path, broken)
        watcher.start(lambda: None)
        wait_until(lambda: watcher.status.failure is not None)
        assert watcher.status.failure == "the watcher has stopped: KeyError in taskdash"


def test_what_a_thread_of_the_loop_is_still_at_does_not_hold_up_its_end() -> None:
    """As a look-up of an address that nobody waits for any more."""
    is_over = threading.Event()
    has_begun = threading.Event()

    def hang() -> None:
        has_begun.set()
        is_over.wait(60)

    async def main() -> str:
        asyncio.get_running_loop().run_in_executor(None, hang)
        await asyncio.to_thread(has_begun.wait, 20)
        return "done"

    began_s = time.monotonic()
    try:
        assert run_unwaited(main()) == "done"
        assert time.monotonic() - began_s < 30
    finally:
        is_over.set()

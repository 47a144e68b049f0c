"""Real processes on one list: together they send what one would, whoever is killed, stopped or told to wait."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from tests.command import wait_until
from tests.fake_clock import most_within
from tests.servers import FakeApi, error_reply, success_body, waiting_body
from tests.warm import Forked

from taskdash.domain.task import ProblemKind, State
from taskdash.store.store import Store

PER_SECOND, PER_MINUTE = 4, 45
RETRY_AFTER_S = 2.0
# The server's clock reads a request when its head is whole, ours when it is sent: what lies between is ours too.
_SLACK_S = 0.01

CHILD = """
import asyncio, sys
from pathlib import Path
from taskdash.config.profile import Profile
from taskdash.domain.secret import Secret
from taskdash.watch.machine import Clock
from taskdash.watch.watcher import build_watcher

# A wall clock that the test sets, as an administrator or a time server would: by what stands in a file, in ms.
wall = Path(sys.argv[2] + ".wall")
real_now_ms = Clock.now_ms
Clock.now_ms = lambda self: real_now_ms(self) + (int(wall.read_text()) if wall.exists() else 0)

async def main(url, store, per_second, per_minute):
    profile = Profile(
        name="p", base_url=url, per_second=int(per_second), per_minute=int(per_minute), share=1.0
    )
    said = ""
    def tell():
        nonlocal said
        status = watcher.status
        words = "leading" if status.leading else "stopped" if status.watcher_stopped else "following"
        if words != said:
            said = words
            print(words, flush=True)
    watcher = await build_watcher(profile, Secret("sk-made-up"), Path(store), tell)
    await watcher.run()

asyncio.run(main(*sys.argv[1:]))
"""


class Child:
    """A process without a screen that watches a list."""

    def __init__(
        self, api: FakeApi, store: Path, per_second: int = PER_SECOND, per_minute: int = PER_MINUTE
    ) -> None:
        arguments = [api.url, str(store), str(per_second), str(per_minute)]
        self.output = store.parent.with_name(f"child-{time.monotonic_ns()}.txt")
        with self.output.open("wb") as out, Path(os.devnull).open("r+b") as null:
            streams = [null.fileno(), out.fileno(), null.fileno()]
            self.process = Forked(
                ["watcher", *arguments], cwd=store.parent, env=os.environ, streams=streams, first=CHILD
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> list[str]:
        """What it has been so far: leading, following, or following one that is stopped."""
        return self.output.read_text().split()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()


def times(api: FakeApi) -> list[float]:
    return [request.at_s for request in list(api.requests)]


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    folder = tmp_path / "list"
    folder.mkdir()
    return folder / "tasks.db"


def test_three_processes_a_storm_a_clock_jump_a_kill_and_a_stop_never_exceed_either_window(
    store_path: Path,
) -> None:
    done = [f"task_done_{n}" for n in range(10)]
    running = [f"task_run_{n}" for n in range(60)]
    with FakeApi({task_id: success_body(task_id) for task_id in done}) as api, Store(store_path) as store:
        for task_id in running:
            api.set(task_id, waiting_body(task_id))
        store.additions.add("p", [*done, *running], time.time_ns() // 1_000_000)

        def watcher_pid() -> int | None:
            watcher = store.gateways.note("p").watcher
            return watcher.pid if watcher else None

        with Child(api, store_path) as a, Child(api, store_path) as b, Child(api, store_path) as c:
            children = {child.pid: child for child in (a, b, c)}
            api.wait_for(lambda: api.count() >= 14, 15)

            # A storm: nobody sends before its time is over.
            api.override = error_reply(429, None, {"retryAfter": RETRY_AFTER_S})
            api.wait_for(lambda: api.count() >= 15, 5)
            stormy = api.count()
            while api.count() == stormy:  # those that were under way are refused with the first
                if time.monotonic() > times(api)[-1] + RETRY_AFTER_S / 2:
                    break
                time.sleep(0.01)
            last_s, stormy = times(api)[-1], api.count()
            api.wait_for(lambda: api.count() > stormy, 10)
            assert times(api)[stormy] >= last_s + RETRY_AFTER_S
            api.override = None
            api.wait_for(lambda: api.count() >= stormy + 3, 10)

            # The wall clock is set back a day, then ahead: the checks go on, and the windows hold (see the end).
            for day in (-1, 1):
                # In one step: a child may read it at any moment.
                new_wall = store_path.with_name("wall.part")
                new_wall.write_text(str(day * 86_400_000))
                new_wall.replace(store_path.with_name(store_path.name + ".wall"))
                wanted = api.count() + 2
                wait_until(lambda: api.count() >= wanted, 10)  # noqa: B023 - it is called before the next round

            # The watcher dies: another takes over within 2 s.
            first = watcher_pid()
            assert first in children
            children.pop(first).process.kill()
            assert wait_until(lambda: watcher_pid() in children, 5) <= 2.0
            sent = api.count()
            api.wait_for(lambda: api.count() >= sent + 3, 10)

            # The next one is stopped: it keeps the lease, the other one says so, and nothing is sent.
            second = watcher_pid()
            assert second in children
            other = next(child for pid, child in children.items() if pid != second)
            os.kill(second, signal.SIGSTOP)
            wait_until(lambda: other.said()[-1] == "stopped", 3)
            sent = api.count()
            time.sleep(2.0)  # a stop that lasts longer than the short window, as that is what is tested
            assert api.count() == sent
            assert watcher_pid() == second
            os.kill(second, signal.SIGCONT)
            api.wait_for(lambda: api.count() >= sent + 4, 10)
            wait_until(lambda: other.said()[-1] == "following", 3)

        arrivals = times(api)
        assert most_within(arrivals, 1.0 - _SLACK_S) <= PER_SECOND
        assert most_within(arrivals, 60.0 - _SLACK_S) <= PER_MINUTE
        assert all(api.count(task_id) == 1 for task_id in done)
        assert all(store.tasks.find("p", task_id).state is State.SUCCESS for task_id in done)


def test_a_killed_watchers_429_silences_its_successor(store_path: Path) -> None:
    with FakeApi(default=error_reply(429, None, {"retryAfter": 300})) as api, Store(store_path) as store:
        store.additions.add("p", ["task_a"], time.time_ns() // 1_000_000)
        with Child(api, store_path) as first:
            wait_until(lambda: bool(store.gateways.note("p").quiet), 10)
            with Child(api, store_path) as second:
                wait_until(lambda: second.said() == ["following"], 10)
                first.process.kill()
                wait_until(lambda: second.said()[-1] == "leading", 2)
                store.checks.ask([store.tasks.find("p", "task_a").seq], time.time_ns() // 1_000_000)
                time.sleep(0.8)  # three rounds, in any of which it might send
        assert api.count() == 1
        problem = store.tasks.find("p", "task_a").problem
        assert problem is not None
        assert problem.kind is ProblemKind.RATE_LIMITED


def _restore(store: Path) -> None:
    """The folder as it was a while ago, without what was sent since."""
    folder, backup = store.parent, store.parent.with_name("backup")
    folder.rename(folder.with_name("before"))
    shutil.copytree(backup, folder)


def _remove_and_restore(store: Path) -> None:
    shutil.rmtree(store.parent)
    time.sleep(0.2)
    shutil.copytree(store.parent.with_name("backup"), store.parent, dirs_exist_ok=True)


def _remove_locks(store: Path) -> None:
    for each in store.parent.glob("*.lock"):
        each.unlink()


def _sent_by(path: Path) -> int:
    """Return the checks that a list knows of."""
    with Store(path) as store:
        return sum(entry.sent.checks for entry in store.gateways.entries("p"))


@pytest.mark.parametrize("change", [_restore, _remove_and_restore, _remove_locks])
def test_a_list_that_is_exchanged_under_a_watcher_has_two_of_them_keep_one_budget(
    store_path: Path, change: Callable[[Path], None]
) -> None:
    per_second, per_minute = 8, 12
    running = [f"task_run_{n}" for n in range(60)]
    with FakeApi({task_id: waiting_body(task_id) for task_id in running}) as api:
        with Store(store_path) as store:
            store.additions.add("p", running, time.time_ns() // 1_000_000)
        shutil.copytree(store_path.parent, store_path.parent.with_name("backup"))
        with Child(api, store_path, per_second, per_minute) as first:
            api.wait_for(lambda: api.count() >= per_minute, 20)
            change(store_path)
            # The list that came in its place knows nothing of them, until the first one has noticed and written.
            wait_until(lambda: _sent_by(store_path) >= per_minute, 20)
            with Child(api, store_path, per_second, per_minute) as second:
                wait_until(lambda: bool(second.said()), 20)
                time.sleep(2)  # in which another budget would be spent
                assert most_within(times(api), 60.0 - _SLACK_S) <= per_minute
                assert most_within(times(api), 1.0 - _SLACK_S) <= per_second
                assert sorted([first.said()[-1], second.said()[-1]]) == ["following", "leading"]
                assert first.process.poll() is None

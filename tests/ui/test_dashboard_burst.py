"""A long list and keys that come faster than it can be read: of what is overtaken nothing is left to be done."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from tests.ui.driven_dashboard import driven

from taskdash.store.store import StoreThread
from taskdash.store.tasks import TaskList

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from lists import build
from taskdash.domain.query import Query
from taskdash.domain.task import Task
from taskdash.store.store import Store
from taskdash.ui.context import Context

COUNT: Final = 5_000
MOST_LEFT: Final = 10
"""What holds the store up, rows, what is not seen of them, the detail, looks at what others wrote; of 214 keys."""


class Queue:
    """What a store's thread is given to do: how much of it is not done, and what was read since `forget`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.windows: list[tuple[Query, int]] = []
        """The query of each window of rows, and the first row of it."""
        submit, rows = StoreThread.submit, TaskList.rows

        def counting(thread: StoreThread, work: Callable[[Store], object]) -> Future[object]:
            self.left += 1
            future = submit(thread, work)
            future.add_done_callback(self._one_less)
            return future

        def noting_rows(tasks: TaskList, query: Query, now_ms: int, **window: Any) -> list[Task]:
            self.windows.append((query, window["offset"]))
            return rows(tasks, query, now_ms, **window)

        monkeypatch.setattr(StoreThread, "submit", counting)
        monkeypatch.setattr(TaskList, "rows", noting_rows)

    def _one_less(self, _: object) -> None:
        self.left -= 1

    def forget(self) -> None:
        self.windows = []


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    return Queue(monkeypatch)


@pytest.fixture
def store_path(store_path: Path) -> Path:
    """A long list of tasks that have ended."""
    build(store_path, COUNT, waiting=0, raw=b"{}")
    return store_path


@contextmanager
def held(desk: Context) -> Iterator[None]:
    """The store's thread has its hands full, as on a slow disk."""
    go_on = threading.Event()
    desk.store.submit(lambda _: go_on.wait(60))
    try:
        yield
    finally:
        go_on.set()


async def test_of_a_burst_of_jumps_only_the_last_is_read_and_only_the_next_filter_searched_for(
    desk: Context, queue: Queue
) -> None:
    async with driven(desk, (160, 40), total=COUNT) as dash:
        await dash.until(lambda: queue.left == 0, "the store at rest")
        queue.forget()
        with held(desk):
            await dash.press(*"jjk" * 67)
            await dash.press(*"Gg" * 6, "G")
            assert queue.left <= MOST_LEFT
        await dash.until(
            lambda: dash.cursor is not None and dash.table.window.cursor == COUNT - 1, "the last task"
        )
        await dash.until_in_pane(dash.cursor or "?")
        # A tick may have read it once more.
        assert {first for _, first in queue.windows} == {dash.table.window.first}
        await dash.press("/", *"cat")
        await dash.until(lambda: 0 < dash.table.window.total < COUNT, "what the first filter finds")
        await dash.press("enter")
        await dash.until(lambda: queue.left == 0, "the store at rest")
        queue.forget()
        with held(desk):
            await dash.press(*"jjk" * 67)
            await dash.press(*"Gg" * 6, "G")
            await dash.press("/", *" policies")
            assert queue.left <= MOST_LEFT
        wanted = dash.table.wanted
        await dash.until_query(wanted)
        await dash.until(lambda: queue.left == 0, "the store at rest")
        assert dash.main.filter_box.text == "cat policies"
        assert {query for query, _ in queue.windows} == {wanted}

"""What grows with time is drawn every second: a few cells, at their place, whatever lies over them."""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

from tests.servers import success_body, waiting_body
from tests.ui.driven_dashboard import NOW_MS, PROFILE, DrivenDashboard, FrozenClock, add, answer, driven, uuid

from taskdash.domain.query import Query
from taskdash.ui.columns import COLUMNS, Moment

if TYPE_CHECKING:
    import pytest

    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk

TASKS = [uuid(n) for n in range(3)]
CREATED_MS = NOW_MS - 100_000


def begin(store: Store) -> None:
    add(store, *TASKS)
    for n, task_id in enumerate(TASKS):
        answer(store, task_id, waiting_body(task_id, createTime=CREATED_MS - 1000 * n))


def tick(dash: DrivenDashboard, clock: FrozenClock, seconds: int) -> None:
    clock.at_ms += 1000 * seconds
    dash.table.tick()
    dash.main.pane.tick()


async def test_a_second_later_the_row_and_the_pane_say_so(
    desk: Desk, other: Store, clock: FrozenClock
) -> None:
    begin(other)
    async with driven(desk, total=3) as dash:
        assert "1:40" in dash.row(TASKS[0][:8])
        before = dash.row(TASKS[0][:8])
        tick(dash, clock, 7)
        assert dash.row(TASKS[0][:8]).replace("1:47", "1:40").replace(" 7s", " 0s") == before
        assert "for 1:47" in dash.pane
        assert "for 1:47" in dash.screen


async def test_only_the_cells_that_differ_are_written(
    desk: Desk, other: Store, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(other)
    async with driven(desk, total=3) as dash:
        written: list[str] = []

        def display(screen: object, update: object) -> None:
            del screen
            written.append(update.render_segments(dash.app.console))  # type: ignore[attr-defined] # the compositor's

        monkeypatch.setattr(dash.app, "_display", display)
        tick(dash, clock, 7)
        await dash.settle()
        said = "".join(written)
        assert "1:47" in said
        assert "1:49" in said
        assert "00000001" not in said


async def test_under_a_toast_the_rows_are_drawn_in_the_usual_way(
    desk: Desk, other: Store, clock: FrozenClock
) -> None:
    begin(other)
    async with driven(desk, total=3) as dash:
        dash.main.say("something")
        await dash.until_shown("something")
        tick(dash, clock, 7)
        await dash.until_shown("1:49")
        assert "something" in dash.screen


def test_a_cell_says_the_same_for_as_long_as_its_column_promises(other: Store) -> None:
    begin(other)
    add(other, uuid(10), uuid(11))
    answer(other, uuid(10), success_body(uuid(10), createTime=NOW_MS - 200_000, costTime=90_500))
    day_ms, tasks = 86_400_000, other.tasks.rows(Query(PROFILE), NOW_MS)
    moving = set()
    for column, task in product(COLUMNS.values(), tasks):
        for ago_ms in (0, 1, 999, 59_000, 3_599_999, 2 * day_ms, -5_000):
            then_ms = NOW_MS + ago_ms
            stands_ms = column.stands_ms(task, then_ms)
            ages_ms = (0, max(0, int(min(stands_ms, day_ms)) - 1))
            said = [column.cell(task, Moment(then_ms + ms, lambda _: 32_000, day_ms), 30) for ms in ages_ms]
            assert said[0] == said[1], (column.name, task.state, ago_ms)
            if stands_ms < math.inf:
                moving.add(column.name)
    assert moving == {"cost", "created", "checked", "added", "completed", "expires"}

"""What grows with time is drawn every second: a few cells, at their place, whatever lies over them."""

from __future__ import annotations

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


def test_a_column_that_is_not_said_to_move_reads_the_same_a_day_later(other: Store) -> None:
    begin(other)
    add(other, uuid(10))
    answer(other, uuid(10), success_body(uuid(10)))
    tasks = other.tasks.rows(Query(PROFILE), NOW_MS)
    now, later = (Moment(NOW_MS + ms, lambda _: 32_000, 86_400_000) for ms in (0, 86_400_000))
    moving = {
        column.name
        for column in COLUMNS.values()
        for task in tasks
        if column.cell(task, now, 30) != column.cell(task, later, 30)
    }
    assert moving == {column.name for column in COLUMNS.values() if column.moves}

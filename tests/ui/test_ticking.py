"""What grows with time is drawn again when it says something else, and only then, whatever lies over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.servers import waiting_body
from tests.ui.driven_dashboard import NOW_MS, DrivenDashboard, FrozenClock, add, answer, driven, uuid

if TYPE_CHECKING:
    import pytest

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

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


async def test_a_while_later_the_row_and_the_pane_say_so(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    begin(other)
    async with driven(desk, total=3) as dash:
        assert "1m40s" in dash.row(TASKS[0][:8])
        tick(dash, clock, 17)
        await dash.settle()
        assert "1m50s" in dash.row(TASKS[0][:8])
        assert "for 1m50s" in dash.pane
        await dash.until_shown("for 1m50s")


async def test_no_frame_is_drawn_where_no_text_differs(
    desk: Context, other: Store, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(other)
    async with driven(desk, total=3) as dash:
        frames: list[object] = []
        monkeypatch.setattr(dash.app, "_display", lambda _screen, update: frames.append(update))
        for task in dash.table.window.rows:
            assert task.checked_at_ms == clock.at_ms
        tick(dash, clock, 0)
        await dash.settle()
        assert not frames
        tick(dash, clock, 20)
        await dash.settle()
        assert frames


async def test_under_a_toast_the_rows_go_on(desk: Context, other: Store, clock: FrozenClock) -> None:
    begin(other)
    async with driven(desk, total=3) as dash:
        dash.main.say("something")
        await dash.until_shown("something")
        tick(dash, clock, 27)
        await dash.until_shown("2m00s")
        assert "something" in dash.screen

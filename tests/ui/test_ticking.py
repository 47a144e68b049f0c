"""What grows with time is drawn again when it says something else, and only then, whatever lies over it."""

from __future__ import annotations

import asyncio

import pytest
from tests.servers import waiting_body
from tests.ui.driven_dashboard import NOW_MS, Dash, FrozenClock, add_answered, uuid

from taskdash.store.store import Store

TASKS = [uuid(n) for n in range(3)]
CREATED_MS = NOW_MS - 100_000


@pytest.fixture(autouse=True)
def frames_left_out() -> None:
    """Compose all frames, unlike elsewhere, as they are counted."""


@pytest.fixture
def listed(other: Store) -> int:
    add_answered(
        other, *(waiting_body(task_id, createTime=CREATED_MS - 1000 * n) for n, task_id in enumerate(TASKS))
    )
    return len(TASKS)


def tick(dash: Dash, clock: FrozenClock, seconds: int) -> None:
    clock.at_ms += 1000 * seconds
    dash.table.tick()
    dash.main.pane.tick()


async def test_a_while_later_the_row_and_the_pane_say_so_under_a_toast_too(
    clock: FrozenClock, dash: Dash
) -> None:
    assert "1m40s" in dash.row(TASKS[0][:8])
    tick(dash, clock, 17)
    await dash.until(lambda: "1m50s" in dash.row(TASKS[0][:8]), "the row says so")
    assert "◐ waiting 1m50s" in dash.pane
    await dash.until_shown("◐ waiting 1m50s")
    dash.main.say("something")
    await dash.until_shown("something")
    tick(dash, clock, 10)
    await dash.until_shown("◐ waiting 2m")
    assert "something" in dash.screen


async def test_no_frame_is_drawn_where_no_text_differs(
    clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, dash: Dash
) -> None:
    frames: list[object] = []

    def note(_screen: object, update: object) -> None:
        if update is not None:
            frames.append(update)

    monkeypatch.setattr(dash.app, "_display", note)
    frames.append("what the start left to be drawn")
    while frames:
        frames.clear()
        await asyncio.sleep(0.1)
        await dash.settle()
    for task in dash.table.window.rows:
        assert task.checked_at_ms == clock.at_ms
    tick(dash, clock, 0)
    await dash.settle()
    assert not frames
    tick(dash, clock, 20)
    await dash.settle()
    assert frames

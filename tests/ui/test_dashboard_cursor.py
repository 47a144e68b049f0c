"""The cursor belongs to a task: whatever happens to the list, it stands on the same one, on the same line if it can."""

from __future__ import annotations

import threading

import pytest
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import PROFILE, Dash, add, answer, answer_all, driven, uuid
from textual.screen import Screen
from textual.widget import Widget

from taskdash.domain.query import Query
from taskdash.store.store import Store
from taskdash.ui.context import Context

MANY = [uuid(n) for n in range(100)]


async def go_to(dash: Dash, task_id: str) -> None:
    await dash.press(*["j"] * (dash.shown_ids.index(task_id) - (dash.cursor_line or 0)), cursor=task_id)


@pytest.mark.dashboard(tasks=100)
async def test_a_reader_at_the_head_sees_what_is_added_and_keeps_the_task(other: Store, dash: Dash) -> None:
    assert dash.cursor == MANY[0]
    add(other, uuid(1000), uuid(1001))
    await dash.until_total(102)
    assert dash.shown_ids[:3] == [uuid(1000), uuid(1001), MANY[0]]
    assert (dash.cursor, dash.cursor_line) == (MANY[0], 2)
    # More than the screen holds.
    add(other, *(uuid(2000 + n) for n in range(300)))
    await dash.until_total(402)
    assert dash.cursor == MANY[0]
    assert dash.cursor_line is not None


def remove(store: Store, *task_ids: str) -> None:
    """Take tasks off the list, as another process does."""
    store.edits.remove([store.tasks.find(PROFILE, task_id).seq for task_id in task_ids], 0)


@pytest.mark.dashboard(tasks=100)
async def test_where_tasks_are_removed_the_cursor_stays_or_goes_to_the_next(other: Store, dash: Dash) -> None:
    await dash.press("G", cursor=MANY[99])
    await dash.press("pageup", "k", "k", "k")
    await dash.until(lambda: dash.cursor is not None and dash.cursor_line not in (None, 0), "the cursor")
    task_id, line = dash.cursor, dash.cursor_line
    remove(other, *MANY[:10])
    await dash.until_total(90)
    assert (dash.cursor, dash.cursor_line) == (task_id, line)
    await dash.press("g", cursor=MANY[10])
    await go_to(dash, MANY[15])
    line = dash.cursor_line
    remove(other, MANY[15])
    await dash.until_total(89)
    assert (dash.cursor, dash.cursor_line) == (MANY[16], line)
    await dash.press("G", cursor=MANY[99])
    remove(other, MANY[99])
    await dash.until_total(88)
    assert dash.cursor == MANY[98]
    assert dash.cursor_line is not None


@pytest.mark.dashboard(tasks=3)
async def test_the_list_emptied_and_filled_again_gets_its_cursor_back(other: Store, dash: Dash) -> None:
    removal = other.edits.remove([task.seq for task in other.tasks.rows(Query(PROFILE), 0)], 0)
    await dash.until_total(0)
    await dash.until_cursor(None)
    await dash.press("j", "k", "G", "g", "pagedown", "pageup", "space", "enter", "o", "1", "y")
    other.edits.restore(removal)
    await dash.until_total(3)
    assert dash.cursor in MANY[:3]
    await dash.press("G", cursor=MANY[2])


async def test_a_row_that_leaves_the_tab_above_the_cursor_keeps_it_on_its_task(
    desk: Context, other: Store
) -> None:
    add(other, *MANY[:10])
    answer_all(other, {each: waiting_body(each) for each in MANY[:10]})
    async with driven(desk, total=10) as dash:
        await dash.press("right_square_bracket", "right_square_bracket", tab="[◐ Waiting 10]")
        await go_to(dash, MANY[5])
        answer(other, MANY[2], fail_body(MANY[2]))
        await dash.until_total(9)
        assert dash.cursor == MANY[5]
        answer(other, MANY[5], success_body(MANY[5]))
        await dash.until_total(8)
        assert dash.cursor == MANY[6]


@pytest.mark.dashboard(tasks=100)
async def test_resizing_keeps_the_cursor_on_its_task_and_in_view(dash: Dash) -> None:
    await go_to(dash, MANY[20])
    for size in ((80, 24), (200, 60), (60, 12), (120, 36)):
        await dash.pilot.resize_terminal(*size)
        await dash.until_size(*size)
        await dash.reload()
        await dash.until(lambda: dash.cursor_line is not None, "the cursor in view")
        assert dash.cursor == MANY[20]


@pytest.mark.dashboard(tasks=100)
async def test_the_wheel_moves_the_cursor_only_to_keep_it_in_view(dash: Dash) -> None:
    await go_to(dash, MANY[10])
    dash.table.scroll_to(y=5, animate=False)
    await dash.until(lambda: dash.cursor_line == 5, "the cursor's row five lines up")
    assert dash.cursor == MANY[10]
    dash.table.scroll_to(y=40, animate=False)
    await dash.until_cursor(MANY[40])
    await dash.until(lambda: dash.cursor_line == 0, "the cursor on the first line")


async def test_of_a_long_list_only_a_window_is_read(desk: Context, other: Store) -> None:
    count = 10_000
    add(other, *(uuid(n) for n in range(count)))
    async with driven(desk, total=count) as dash:
        height = dash.table.size.height
        assert len(dash.table.window.rows) < 4 * height
        await dash.press("G", cursor=uuid(count - 1))
        assert len(dash.table.window.rows) < 4 * height
        await dash.until(lambda: dash.shown_ids[-1] == uuid(count - 1), "the last row in view")
        await dash.press("pageup", "pageup", cursor=uuid(count - 1 - 2 * height))
        assert len(dash.shown_ids) == height
        await dash.press("g", cursor=uuid(0))
        assert len(dash.table.window.rows) < 4 * height
        assert f"[All {count:,}]" in dash.tabs


@pytest.mark.dashboard(tasks=100)
async def test_the_screen_is_laid_out_in_no_other_thread(monkeypatch: pytest.MonkeyPatch, dash: Dash) -> None:
    """Asked for its size, a widget may lay out the screen: in two threads at once that ended the dashboard."""
    askers = set()
    find_widget = Screen.find_widget

    def note(screen: Screen[object], widget: Widget) -> object:
        askers.add(threading.current_thread())
        return find_widget(screen, widget)

    monkeypatch.setattr(Screen, "find_widget", note)
    await dash.press("/", *MANY[42][:8], total=1)
    assert askers == {threading.main_thread()}

"""The keys that move, arrange and leave; what acts on tasks is in test_dashboard_acts."""

from __future__ import annotations

import pytest
from tests.servers import success_body, waiting_body
from tests.ui.driven_dashboard import (
    PAGE_FAIL,
    PAGE_SUCCESS,
    Dash,
    add,
    add_answered,
    answer,
    driven,
    fill_with_the_page,
    uuid,
)

from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.keymap import make_keymap

MANY = [uuid(n) for n in range(100)]


@pytest.mark.dashboard(tasks=100)
async def test_keys_that_move_the_cursor(dash: Dash) -> None:
    for keys, index in (
        *(("j", 1), ("down", 2), ("k", 1), ("up", 0), ("k", 0), ("up", 0), ("pageup", 0)),
        *(("G", 99), ("j", 99), ("down", 99), ("pagedown", 99), ("k", 98), ("g", 0), ("end", 99)),
        *(("home", 0), ("pagedown", dash.table.size.height), ("home", 0)),
    ):
        await dash.press(keys, cursor=MANY[index])
        await dash.until(lambda: dash.cursor_line is not None, "the cursor in view")
    await dash.until(lambda: MANY[0] in dash.pane, "the pane follows")
    # The arrows move the cursor and not the list.
    await dash.press("down", "down", "down", "up", cursor=MANY[2])
    assert dash.cursor_line == 2
    assert dash.shown_ids[0] == MANY[0]
    await dash.press(*["pagedown"] * 9, cursor=MANY[99])
    await dash.press(*["pageup"] * 9, cursor=MANY[0])


async def test_brackets_and_clicks_go_to_the_state_tabs(dash: Dash) -> None:
    await dash.press("]", tab="[○ New 0]", shown="No tasks in this state")
    await dash.until(lambda: dash.pane == "", "an empty pane")
    for key, tab in zip("]r]r", ("[◐ Waiting 1]", "[✓ Success 1]", "[× Fail 1]", "[All 3]"), strict=True):
        await dash.press("right" if key == "r" else key, tab=tab)
    for key, tab in (("left", "[× Fail 1]"), ("[", "[✓ Success 1]")):
        await dash.press(key, tab=tab)
    await dash.until_total(1)
    assert "✓ success" in dash.table_lines[0]
    await dash.pilot.click("#tabs", offset=(dash.tabs.index("× Fail"), 0))
    await dash.until_tab("[× Fail 1]")


@pytest.mark.dashboard(tasks=100)
async def test_a_click_puts_the_cursor_and_a_second_one_opens_the_detail(dash: Dash) -> None:
    await dash.pilot.click("#table", offset=(10, 7))
    await dash.until_cursor(MANY[7])
    await dash.pilot.click("#table", offset=(10, 7), times=2)
    await dash.until(lambda: not dash.main.query_one("#list").display, "the detail full screen")


async def until_position(dash: Dash, wanted: str) -> None:
    """Wait until the detail is drawn right, below or not at all."""
    pane, table = dash.main.pane, dash.table

    def position() -> str:
        if not pane.display:
            return "hidden"
        return "right" if pane.region.x > table.region.x else "below"

    await dash.until(lambda: position() == wanted, f"the detail {wanted}")


async def until_pane_at(dash: Dash, top: int) -> None:
    """Wait until the detail is scrolled down by so many lines."""
    pane = dash.main.pane
    await dash.until(lambda: round(pane.scroll_offset.y) == top, f"the pane at line {top}")


@pytest.mark.parametrize(
    ("size", "first", "then"),
    [
        ((120, 36), "right", ["below", "hidden", "right"]),
        ((80, 24), "below", ["hidden", "right", "below"]),
        ((200, 60), "right", ["below", "hidden", "right"]),
        ((80, 12), "hidden", ["right", "below", "hidden"]),
    ],
)
async def test_v_moves_the_detail_and_the_size_chooses_where_it_is_first(
    size: tuple[int, int], first: str, then: list[str], dash: Dash
) -> None:
    await dash.pilot.resize_terminal(*size)
    await until_position(dash, first)
    for position in then:
        await dash.press("v")
        await until_position(dash, position)


@pytest.mark.dashboard(size=(80, 24))
async def test_enter_shows_the_detail_full_screen_and_goes_back(dash: Dash) -> None:
    for back in ("enter", "escape"):
        await dash.press("enter")
        await dash.until(lambda: dash.main.pane.size.width >= 76, "the whole width")
        assert not dash.main.query_one("#list").display
        assert dash.main.pane.has_focus
        assert "Enter list" in dash.lines[-1]
        await dash.press(back)
        await dash.until(lambda: dash.main.query_one("#list").display, "the list again")
        assert dash.table.has_focus
        assert "Enter detail" in dash.lines[-1]


async def test_tab_goes_to_the_detail_where_the_keys_scroll_it(desk: Context, other: Store) -> None:
    add(other, *MANY)
    answer(other, MANY[0], success_body(MANY[0], [f"https://cdn.example.com/{n}" for n in range(50)]))
    async with driven(desk, (80, 24), total=100) as dash:
        await dash.press("tab")
        pane = dash.main.pane
        assert pane.has_focus
        page = pane.size.height - 1
        for key, top in (("j", 1), ("down", 2), ("k", 1), ("up", 0), ("pagedown", page), ("g", 0)):
            await dash.press(key)
            await until_pane_at(dash, top)
        await dash.press("G")
        await dash.until(lambda: pane.scroll_offset.y == pane.max_scroll_y, "the pane at its end")
        assert dash.cursor == MANY[0]
        await dash.press("shift+tab")
        assert dash.table.has_focus


@pytest.mark.dashboard(tasks=100)
async def test_space_marks_tasks_and_esc_clears_the_marks(other: Store, dash: Dash) -> None:
    await dash.press("space", "j", "space", marked=[0, 2])
    assert dash.cursor == MANY[3]
    assert "2 tasks marked" in dash.lines[-1]
    await dash.reload()
    assert dash.marked_lines == [0, 2]
    await dash.press("k", "space", marked=[0])
    await dash.press("k", "space", "g")
    add(other, uuid(1000))
    await dash.until_total(101)
    await dash.until_marked([1, 3])
    # The full screen is closed first.
    await dash.press("enter", "escape")
    await dash.until(lambda: dash.main.query_one("#list").display, "the list again")
    assert dash.marked_lines == [1, 3]
    await dash.press("escape", marked=[])
    assert "marked" not in dash.lines[-1]


@pytest.mark.parametrize("opener", ["question_mark", "a", "x"])
async def test_ctrl_c_leaves_from_within_a_dialog_too(opener: str, dash: Dash) -> None:
    await dash.press(opener)
    await dash.until(lambda: dash.dialog is not None, "a dialog")
    await dash.press("ctrl+c", shown="Press Ctrl+C again to quit")
    assert not dash.app._exit
    await dash.press("ctrl+c")
    await dash.until(lambda: dash.app._exit, "the end")
    assert (dash.app.return_code or 0) == 0


async def test_ctrl_c_copies_what_is_selected_and_stays(dash: Dash) -> None:
    dash.main.text_select_all()
    await dash.until(lambda: bool(dash.main.get_selected_text()), "a selection")
    await dash.press("ctrl+c")
    await dash.until(lambda: "robot painter" in dash.app.clipboard, "the selection copied")
    await dash.until_said("Copied the selection")
    assert not dash.app._exit
    await dash.press("ctrl+c", "ctrl+c")
    await dash.until(lambda: dash.app._exit, "the end")


async def test_p_pauses_scheduled_checks_and_goes_on(desk: Context, other: Store) -> None:
    add_answered(other, waiting_body(MANY[0]))
    async with driven(desk, total=1) as dash:
        await dash.press("p", shown="Paused: no automatic checks")
        assert "paused" in dash.lines[0]
        await dash.press("p", gone="Paused: no automatic checks")
        assert dash.desk.watcher.pauses == [True, False]  # type: ignore[attr-defined] # it is the fake one


async def test_keys_of_ones_own_do_what_the_footer_says_and_the_old_ones_do_not(
    desk: Context, other: Store
) -> None:
    own = {"remove": ("f8",), "edit": ("x",), "cursor_down": ("k",), "cursor_up": ("j",), "pause": ()}
    desk.keymap = make_keymap("vim", own)
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("k", "k", cursor=PAGE_FAIL)
        await dash.press("j", "p", cursor=PAGE_SUCCESS)
        assert dash.said == []
        await dash.press("x", dialog="EditLabel")
        await dash.press("escape", dialog=None)
        await dash.press("f8", dialog="Confirm")
        await dash.press("y", total=2)
        await dash.press("u")  # vim's undo
        await dash.until_total(3)
        await dash.press("tab", "l")  # whatever has the focus
        await dash.until_tab("[○ New")

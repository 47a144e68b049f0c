"""The help says what can be done where the focus is, and what cannot be done now."""

from __future__ import annotations

import pytest
from tests.servers import fail_body, success_body
from tests.ui.driven_dashboard import Dash, add_answered, driven, uuid
from textual import events
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList

from taskdash.store.store import Store
from taskdash.ui.actions import ACTIONS, RESULT_KEYS
from taskdash.ui.context import Context


@pytest.mark.dashboard(size=(80, 24))
async def test_the_help_begins_with_where_the_focus_is(dash: Dash) -> None:
    await dash.press("?", dialog="Help", shown="In the list")
    await dash.press("pagedown", gone="In the list")
    await dash.press("G", shown="Esc restores the previous one")
    await dash.press("g", shown="In the list")
    await dash.press("escape", dialog=None)
    await dash.press("tab")
    await dash.press("?", dialog="Help", shown="In the detail")
    await dash.press("escape", dialog=None)
    # Before any text `?` asks for help, behind some it is text.
    await dash.press("/", "?", dialog="Help")
    assert "Filter" in dash.lines[1]
    await dash.press("escape", dialog=None)
    await dash.press("f", "?", "f1", dialog="Help")
    assert dash.main.filter_box.text == "f?"


@pytest.mark.dashboard(size=(80, 24))
async def test_the_help_is_searched(dash: Dash) -> None:
    await dash.press("?", "/", *"clip", dialog="Help", shown='Nothing matches "clip"')
    await dash.press("escape", "/", *"copy_id", shown="copy the task ID", gone="In the list")
    await dash.press("enter", "q", dialog=None)
    await dash.press("?", "/", *"mark", "escape", shown="In the list")
    assert dash.dialog == "Help"
    await dash.press("escape", dialog=None)


@pytest.mark.dashboard(tasks=1, size=(120, 36))
async def test_the_help_is_one_page_of_two_columns(dash: Dash) -> None:
    await dash.press("?", dialog="Help")
    said = dash.screen.split()
    names = {action.name for action in ACTIONS if action.name not in RESULT_KEYS}
    assert names - set(said) == set()
    for words in ("Esc restores the previous one.", "Customise keys under [keys] in the config."):
        assert words in dash.screen
    assert not dash.app.screen.query_one(VerticalScroll).show_vertical_scrollbar
    assert "1 .. 9" in dash.screen
    await dash.press("question_mark", dialog=None)


@pytest.mark.dashboard(size=(120, 60))
async def test_the_palette_finds_actions_and_settings_and_says_what_they_are_for(dash: Dash) -> None:
    await dash.press("?", shown="undo the last change (nothing to undo)")
    await dash.press("escape", dialog=None)
    for typed, found in (
        ("undo the last", "Undo the last change  nothing to undo"),
        ("next state", "Next state tab"),
        ("link 3", "Open result link 3"),
        ("copy_id", "Copy the task ID"),
        ("setting bell", "Setting bell"),
    ):
        if dash.dialog is not None:
            await dash.press("escape", dialog=None)
        await dash.open_palette(typed, shown=found)
    # One line has no room for it: Enter tells the whole.
    assert "Setting bell  Whether to ring the terminal bell when a task finishes" in dash.screen
    await dash.press("enter", dialog="TextDialog", shown="Set it in the config file")


async def test_enter_typed_too_often_in_the_palette_leaves_the_list_where_it_is(dash: Dash) -> None:
    await dash.open_palette("statistics")
    await dash.press("down")
    palette = dash.app.screen
    entered = Input.Submitted(palette.query_one(Input), "statistics")
    await dash.until(lambda: palette.query_one(OptionList).highlighted is not None, "a command")
    for _ in range(4):
        palette.post_message(entered)
    await dash.until_dialog("Statistics")
    await dash.press("escape")
    await dash.until(lambda: dash.app.screen is dash.main, "the list")


@pytest.mark.parametrize("size", [(80, 24), (60, 50)])
async def test_a_long_dialog_still_says_how_to_leave_it(
    desk: Context, other: Store, size: tuple[int, int]
) -> None:
    links = [f"https://cdn.example.com/results/{n}.png" for n in range(60)]
    add_answered(other, success_body(uuid(1), links), fail_body(uuid(0)))
    async with driven(desk, size, total=2) as dash:
        for key, hint in (
            *((each, "Esc closes") for each in "?JocsFt"),
            *((each, "Esc cancel") for each in "Cea"),
        ):
            await dash.press(key)
            await dash.until(lambda: dash.dialog is not None, "the dialog")
            await dash.until_shown(hint)
            await dash.press("escape", dialog=None)
        await dash.paste("\n".join(uuid(n) for n in range(2, 80)), shown="Found 78 new IDs")
        await dash.until_shown("Esc cancels")


@pytest.mark.dashboard(tasks=0)
async def test_what_is_pasted_into_a_help_that_is_just_being_left_is_for_the_list(dash: Dash) -> None:
    await dash.press("?", dialog="Help")
    page = dash.app.screen
    page.dismiss(None)
    page.post_message(events.Paste(uuid(7)))
    await dash.until_shown("Found 1 new ID")

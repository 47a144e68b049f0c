"""The help says what can be done where the focus is, and what cannot be done now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers import success_body
from tests.ui.driven_dashboard import add, answer, driven, fill_with_the_page, uuid
from textual.app import App
from textual.widgets import Input, OptionList

from taskdash.ui.actions import ACTIONS
from taskdash.ui.palette import Palette

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.context import Context


@pytest.mark.parametrize(
    ("keys", "key", "title"),
    [((), "?", "In the list"), (("tab",), "?", "In the detail"), (("/",), "f1", "In the filter")],
)
async def test_the_help_begins_with_where_the_focus_is(
    desk: Context, other: Store, keys: tuple[str, ...], key: str, title: str
) -> None:
    fill_with_the_page(other)
    async with driven(desk, (80, 24), total=3) as dash:
        await dash.press(*keys)
        await dash.until(lambda: keys != ("/",) or dash.main.filter_box.has_focus_within, "the box")
        await dash.press(key)
        await dash.until_dialog("Help")
        await dash.until_shown(title)
        await dash.press("escape")
        await dash.until_dialog(None)


async def test_the_help_is_read_by_pages_and_from_its_end(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, (80, 24), total=3) as dash:
        await dash.press("?")
        await dash.until_shown("In the list")
        await dash.press("pagedown")
        await dash.until(lambda: not any("In the list" in line for line in dash.lines), "the second page")
        await dash.press("G")
        await dash.until_shown("previous_tab")
        await dash.press("g")
        await dash.until_shown("In the list")


async def test_the_help_names_the_actions_for_the_config(desk: Context, other: Store) -> None:
    add(other, uuid(1))
    async with driven(desk, (120, 60), total=1) as dash:
        await dash.press("?")
        await dash.until_dialog("Help")
        await dash.press("G")
        await dash.until_shown("Names for [keys]")
        said = dash.screen[dash.screen.index("Names for [keys]") :].replace("│", " ").split()
        assert [action.name for action in ACTIONS if action.name not in said] == []


async def test_a_long_line_of_the_help_goes_on_beside_its_key(desk: Context, other: Store) -> None:
    add(other, uuid(1))
    async with driven(desk, (80, 60), total=1) as dash:
        await dash.press("?")
        await dash.until_shown("only what expires soon")
        lines = [line.strip("│┃ ") for line in dash.lines]
        first = next(number for number, line in enumerate(lines) if "only what expires soon" in line)
        assert "E                only what expires soon and is not saved, and" in lines[first]
        assert lines[first + 1] == "back (not now: the profile sets no result_ttl)"
        begins = [dash.lines[line].index(word) for line, word in ((first, "only"), (first + 1, "back"))]
        assert begins[0] == begins[1]


async def test_help_and_palette_say_why_a_key_would_do_nothing(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, (120, 60), total=3) as dash:
        await dash.press("?")
        await dash.until_shown("undo the last removal or edit (not now: nothing to take back)")
        await dash.press("escape")
        await dash.until_dialog(None)
        await dash.press(":")
        await dash.until(lambda: dash.dialog == "Palette", "the palette")
        await dash.settle()
        await dash.press(*"undo the last")
        await dash.until_shown("(not now: nothing to take back)")


@pytest.mark.parametrize(
    ("typed", "found"),
    [("next state", "Next state tab"), ("link 3", "Open result link 3"), ("copy_id", "Copy the task ID")],
)
async def test_the_palette_finds_every_action_by_title_or_name(
    desk: Context, other: Store, typed: str, found: str
) -> None:
    fill_with_the_page(other)
    async with driven(desk, (120, 36), total=3) as dash:
        await dash.press(":")
        await dash.until(lambda: dash.dialog == "Palette", "the palette")
        await dash.settle()
        await dash.press(*typed)
        await dash.until_shown(found)


async def test_the_palette_finds_every_setting_and_says_what_it_is_for(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, (120, 36), total=3) as dash:
        await dash.press(":")
        await dash.until(lambda: dash.dialog == "Palette", "the palette")
        await dash.settle()
        await dash.press(*"setting bell")
        await dash.until_shown("Setting bell")
        await dash.press("enter")
        await dash.until_said("bell: Whether the terminal's bell rings when a task finishes")


async def test_enter_typed_too_often_in_the_palette_leaves_the_list_where_it_is(
    desk: Context, other: Store
) -> None:
    fill_with_the_page(other)
    async with driven(desk, (120, 36), total=3) as dash:
        await dash.press(":")
        await dash.until(lambda: dash.dialog == "Palette", "the palette")
        await dash.press(*"statistics", "down")
        palette = dash.app.screen
        entered = Input.Submitted(palette.query_one(Input), "statistics")
        await dash.until(lambda: palette.query_one(OptionList).highlighted is not None, "a command")
        for _ in range(4):
            palette.post_message(entered)
        await dash.until_dialog("Statistics")
        await dash.press("escape")
        await dash.until(lambda: dash.app.screen is dash.main, "the list")


@pytest.mark.parametrize("rows", [24, 36])
@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("?", "Esc closes"),
        ("J", "Esc closes"),
        ("o", "Esc closes"),
        ("c", "Esc closes"),
        ("s", "Esc closes"),
        ("C", "Esc drop"),
        ("paste", "Esc drops it all"),
    ],
)
async def test_a_long_dialog_still_says_how_to_leave_it(
    desk: Context, other: Store, key: str, hint: str, rows: int
) -> None:
    links = [f"https://cdn.example.com/results/{n}.png" for n in range(60)]
    add(other, uuid(1))
    answer(other, uuid(1), success_body(uuid(1), links))
    async with driven(desk, (80, rows), total=1) as dash:
        if key == "paste":
            await dash.paste("\n".join(uuid(n) for n in range(2, 80)))
            await dash.until_shown("78 new")
        else:
            await dash.press(key)
        await dash.until(lambda: dash.dialog is not None, "the dialog")
        await dash.settle()
        await dash.until_shown(hint)


async def test_no_message_lies_over_the_foot_of_a_dialog(desk: Context, other: Store) -> None:
    add(other, uuid(1))
    async with driven(desk, (80, 24), total=1) as dash:
        dash.main.say("A message of a length that takes several lines: " + "again and " * 8)
        await dash.until_shown("A message of a length")
        await dash.press("?")
        await dash.until_dialog("Help")
        await dash.until_shown("A message of a length")
        assert dash.screen.count("A message of a length") == 1
        assert "Keys of your own: [keys] in the config." in dash.screen
        await dash.press("escape")
        await dash.until_dialog(None)
        await dash.until_shown("A message of a length")


async def test_a_palette_that_is_left_twice_takes_nothing_else_away() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        palette = Palette()
        app.push_screen(palette)
        await pilot.pause()
        palette.query_one(Input).value = "theme"
        palette.dismiss()
        palette.dismiss()
        # The search for what was typed last begins as the list of what it finds goes.
        palette.query_one(Input).value = "theme x"
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert app.is_running

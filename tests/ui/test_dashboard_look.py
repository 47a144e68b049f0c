"""What the reader makes of the screen: the columns, the line between table and detail, and what is remembered."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.ui.driven_dashboard import Dash, add, driven, fill_with_the_page, uuid

from taskdash.config.settings import View
from taskdash.store.store import Store
from taskdash.ui import context
from taskdash.ui.context import Context
from taskdash.ui.widgets.panes import Splitter


def titles(dash: Dash) -> list[str]:
    return str(dash.main.query_one("#titles").render()).split()


async def until_titles(dash: Dash, *wanted: str) -> None:
    await dash.until(lambda: titles(dash) == list(wanted), f"the titles {wanted}, they are {titles(dash)}")


async def drag(dash: Dash, start: tuple[int, int], end: tuple[int, int]) -> None:
    await dash.pilot.mouse_down(offset=start)
    await dash.pilot.hover(offset=end)
    await dash.pilot.mouse_up(offset=end)


# The titles of the panels


async def test_the_panel_with_the_focus_has_a_heavy_title_line(dash: Dash) -> None:
    await dash.until_shown("━ Tasks 1–3 of 3 ━")
    assert "┬─ Detail ─" in dash.screen
    await dash.press("tab", shown="─ Tasks 1–3 of 3 ─")
    assert "┬━ Detail ━" in dash.screen
    await dash.press("enter")
    await dash.until(lambda: dash.main.panes.zoomed, "the detail alone")
    await dash.until_shown("━ Detail ━")
    assert "Tasks 1–3" not in dash.screen


@pytest.mark.dashboard(tasks=40, size=(80, 24))
async def test_the_title_says_which_lines_are_seen_and_below_the_table_it_is_the_divider(dash: Dash) -> None:
    height = dash.table.size.height
    await dash.until_shown(f"━ Tasks 1–{height} of 40 ━")
    await dash.press("G", shown=f"━ Tasks {41 - height}–40 of 40 ━")
    splitter = dash.main.query_one(Splitter)
    assert dash.lines[splitter.region.y].startswith("─ Detail ─")
    assert dash.main.pane.region.y == splitter.region.bottom
    await dash.press("tab", shown="━ Detail ━")
    assert dash.lines[splitter.region.y].startswith("━ Detail ━")
    # The wheel moves what is seen, and the title with it.
    await dash.press("tab")
    dash.table.scroll_to(y=0, animate=False)
    await dash.until_shown(f"━ Tasks 1–{height} of 40 ━")


async def test_a_click_on_a_title_sorts_by_it_and_a_second_one_reverses(dash: Dash) -> None:
    for title in ("Duration ▲", "Duration ▼"):
        drawn = str(dash.main.query_one("#titles").render())
        await dash.pilot.click("#titles", offset=(drawn.index("Duration"), 0))
        await dash.until_shown(title)


# The line between table and detail


async def test_the_line_is_dragged_and_stays_where_it_was_let_go(remembered: list[View], dash: Dash) -> None:
    splitter = dash.main.query_one(Splitter)
    assert splitter.region.width == 1
    await drag(dash, (splitter.region.x, 10), (60, 12))
    await dash.until(lambda: abs(splitter.region.x - 60) <= 1, "the line at the mouse")
    assert dash.main.pane.region.x == splitter.region.right
    await until_percent(dash, remembered, 49)
    assert remembered[-1].detail == "auto"
    assert not dash.app.mouse_captured
    # Moving on without the button leaves it alone, and no text is selected.
    await dash.pilot.hover(offset=(80, 12))
    assert abs(splitter.region.x - 60) <= 1
    assert not dash.app.screen.get_selected_text()
    # It stops before either pane is gone.
    for x, percent in ((0, 90), (119, 10)):
        await drag(dash, (splitter.region.x, 10), (x, 10))
        await until_percent(dash, remembered, percent)
    assert dash.main.pane.size.width >= 10


async def until_percent(dash: Dash, remembered: list[View], percent: int) -> None:
    await dash.until(
        lambda: bool(remembered) and remembered[-1].detail_percent == percent, f"{percent} percent"
    )


async def test_plus_and_minus_move_the_line_where_there_is_one(remembered: list[View], dash: Dash) -> None:
    before = dash.main.pane.region.width
    await dash.press("+")
    await dash.until(lambda: dash.main.pane.region.width == before + 6, "5 percent of 120 more")
    await dash.press("-", "-")
    await dash.until(lambda: dash.main.pane.region.width < before, "less than at first")
    await until_percent(dash, remembered, View().detail_percent - 5)
    await dash.press("v", "v")
    await dash.until(lambda: remembered[-1].detail == "hidden", "the place remembered")
    await dash.press("+", said="The detail pane is hidden (v).")
    assert remembered[-1].detail_percent == View().detail_percent - 5
    assert not dash.main.query_one(Splitter).display


# The columns


@pytest.mark.dashboard(size=(200, 40))
async def test_columns_are_hidden_moved_and_widened_and_remembered(
    remembered: list[View], dash: Dash
) -> None:
    assert titles(dash)[:3] == ["State", "Prompt", "Model"]
    await dash.press("C", dialog="ChooseColumns")
    # Hide the state, put the prompt last of the shown, and widen the model by two cells.
    await dash.press("space", "j", "J", "J", "J", "J", "k", "k", "k", "k", "right", "right")
    await dash.press("enter", dialog=None)
    await until_titles(dash, "Model", "Duration", "Age", "Prompt")
    await dash.until(lambda: bool(remembered), "the columns remembered")
    assert remembered[-1].columns == ("model", "cost", "created", "id", "label")
    assert remembered[-1].widths == {"model": 28}


async def test_a_click_shows_a_column_and_r_takes_the_configs(
    desk: Context, other: Store, remembered: list[View]
) -> None:
    fill_with_the_page(other)
    desk.view = View(columns=("state", "id"))
    async with driven(desk, total=3) as dash:
        await until_titles(dash, "State", "ID")
        await dash.press("C", dialog="ChooseColumns")
        line = next(y for y, text in enumerate(dash.lines) if "Prompt" in text and "hidden" in text)
        await dash.pilot.click(offset=(dash.lines[line].index("Prompt"), line))
        await dash.until_shown("✓ Prompt")
        await dash.press("enter")
        await until_titles(dash, "State", "ID", "Prompt")
        await dash.press("C", dialog="ChooseColumns")
        await dash.press("r", "enter")
        await dash.until(lambda: remembered[-1].columns == View().columns, "the config's own columns")


async def test_the_look_goes_back_to_the_configs(desk: Context, other: Store, remembered: list[View]) -> None:
    fill_with_the_page(other)
    desk.view = View(columns=("id",), sort="-id", detail="below", detail_percent=60, theme="nord")
    async with driven(desk, total=3) as dash:
        await until_titles(dash, "ID", "▼")
        assert dash.app.theme == "nord"
        await dash.app.run_action("screen.reset_look")
        await dash.until(lambda: titles(dash)[0] == "State", "the config's columns")
        await dash.until(lambda: dash.main.pane.region.x > dash.table.region.x, "the detail at the right")
        await dash.until(lambda: dash.app.theme == View().theme, "the config's theme")
        await dash.until_query(dash.table.wanted)
        assert str(dash.table.wanted.sort) == "added"
        await dash.until(lambda: remembered[-1] == View(), "the config's look remembered")


async def test_a_change_made_right_before_leaving_is_remembered(
    desk: Context, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(other, uuid(1))
    kept: list[View] = []
    may_write = threading.Event()

    def save_view(_: Path, view: View, __: View) -> None:
        if threading.current_thread() is not threading.main_thread():
            may_write.wait(10)
        kept.append(view)

    desk.view_path = tmp_path / "view.toml"
    monkeypatch.setattr(context, "save_view", save_view)
    async with driven(desk, (120, 36), total=1) as dash:
        before = desk.view
        await dash.press("v")
        await dash.until(lambda: desk.view != before, "another place of the detail")
    desk.close()
    assert kept == [desk.view]
    may_write.set()

"""The filter box: results as one types, the error under it, Esc brings back what was before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers import fail_body
from tests.ui.driven_dashboard import add, answer, driven, uuid

if TYPE_CHECKING:
    from tests.ui.driven_dashboard import FakeWatcher

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

SEA, FOX = [uuid(n) for n in range(3)], [uuid(n) for n in range(3, 5)]


@pytest.fixture
def listed(other: Store) -> Store:
    """Three tasks of the sea, one of them failed, above two of foxes."""
    add(other, *FOX, label="fox")
    add(other, *SEA, label="sea")
    answer(other, SEA[1], fail_body(SEA[1]))
    return other


@pytest.mark.usefixtures("listed")
async def test_rows_and_tabs_follow_as_one_types_and_esc_restores(desk: Context) -> None:
    async with driven(desk, total=5) as dash:
        await dash.press("/", *"fo")
        await dash.until_total(2)
        await dash.until_tab("[All 2]")
        await dash.press("x")
        await dash.until(lambda: dash.main.filter_box.text == "fox", "the letter in the box")
        await dash.press("escape")
        await dash.until_total(5)
        await dash.until_tab("[All 5]")
        assert dash.table.has_focus
        assert not dash.main.filter_box.display


@pytest.mark.usefixtures("listed")
async def test_the_status_line_counts_the_whole_list_and_the_tabs_what_the_filter_finds(
    desk: Context,
) -> None:
    async with driven(desk, total=5) as dash:
        await dash.press("/", *"fox")
        await dash.until_tab("[All 2]")
        await dash.until(lambda: "○ 4  × 1" in dash.lines[0], f"all five on top: {dash.lines[0]}")


@pytest.mark.usefixtures("listed")
async def test_enter_keeps_the_filter_and_esc_in_the_box_brings_it_back(desk: Context) -> None:
    async with driven(desk, total=5) as dash:
        await dash.press("/", *"sea", "enter")
        await dash.until_total(3)
        await dash.until_tab("× Fail 1")
        assert dash.table.has_focus
        await dash.press("/", *" nothing")
        await dash.until_total(0)
        await dash.until_shown("No task matches the filter")
        await dash.press("escape")
        await dash.until_total(3)
        assert dash.main.filter_box.text == "sea"
        await dash.press("escape")
        await dash.until_total(5)


@pytest.mark.usefixtures("listed")
async def test_an_error_stands_under_the_box_and_leaves_the_rows(desk: Context) -> None:
    async with driven(desk, total=5) as dash:
        await dash.press("/")
        # Not letter by letter: "cost" alone is a filter.
        await dash.paste("cost:x")
        await dash.until_shown("is no length of time")
        box = next(y for y, line in enumerate(dash.lines) if "cost:x" in line)
        assert "is no length of time" in dash.lines[box + 1]
        assert dash.table.window.total == 5
        await dash.press(*["backspace"] * 6)
        await dash.until_gone("is no length of time")


@pytest.mark.usefixtures("listed")
async def test_letters_typed_at_once_with_the_slash_are_text_and_no_keys(
    desk: Context, watcher: FakeWatcher
) -> None:
    async with driven(desk, total=5) as dash:
        await dash.press("/", *"pRax q sea", "enter")
        await dash.until(lambda: dash.main.filter_box.text == "pRax q sea", "all of it in the box")
        await dash.until_total(0)
        assert (watcher.pauses, watcher.wakes, dash.dialog, dash.said) == ([], 0, None, [])


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(("key", "dialog"), [("e", "EditLabel"), ("a", "AddIds")])
async def test_letters_typed_at_once_with_a_dialogs_key_are_text(
    desk: Context, watcher: FakeWatcher, key: str, dialog: str
) -> None:
    async with driven(desk, total=5) as dash:
        before = "sea" if key == "e" else ""
        await dash.press(key, *"paqrx")
        await dash.until_dialog(dialog)
        await dash.until(lambda: dash.typed == f"{before}paqrx", "all of it in the box")
        assert (watcher.pauses, watcher.wakes) == ([], 0)

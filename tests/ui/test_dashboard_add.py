"""Adding by paste and by hand: the preview, what Enter adds, and what Esc drops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_WAITING,
    PROFILE,
    FakeWatcher,
    add,
    driven,
    fill_with_the_page,
    uuid,
)
from textual import events
from textual.widgets import Input

from taskdash.domain.query import Query
from taskdash.domain.secret import Secret
from taskdash.ui.screens import add_ids
from taskdash.ui.terminal import MAX_LINE_CHARS

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.context import Context

A, B, C = uuid(1), uuid(2), uuid(3)
LOG = f"""\
$ python generate.py
created task {A}
created task {B}
X-Request-ID: {uuid(99)}
again task {PAGE_WAITING}
"""


def listed(store: Store) -> list[str]:
    return [task.task_id for task in store.tasks.rows(Query(PROFILE), NOW_MS)]


async def test_a_paste_opens_the_preview_and_enter_adds(
    desk: Context, other: Store, watcher: FakeWatcher
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.paste(LOG)
        await dash.until_shown("2 new, 1 already listed, 1 ignored")
        await dash.until_shown(uuid(99))
        lines = [line for line in dash.lines if "line " in line]
        assert [line.split("│")[-2].split()[:2] for line in lines] == [
            ["new", A],
            ["new", B],
            ["listed", PAGE_WAITING],
            ["ignored", uuid(99)],
        ]
        assert len(listed(other)) == 3
        await dash.press("enter")
        await dash.until_total(5)
        await dash.until_said("Added 2 tasks, 1 already listed")
        assert listed(other)[:2] == [A, B]
        await dash.until_cursor(A)
        assert watcher.wakes == 1


async def test_esc_drops_the_paste(desk: Context, other: Store) -> None:
    async with driven(desk) as dash:
        await dash.paste(LOG)
        await dash.until_shown("3 new")
        await dash.press("escape")
        await dash.until_dialog(None)
        assert listed(other) == []


async def test_a_dialog_closed_while_it_searches_does_no_harm(desk: Context) -> None:
    async with driven(desk) as dash:
        for _ in range(5):
            await dash.press("a", "escape")
        for _ in range(5):
            dash.app.post_message(events.Paste(LOG))
            await dash.press("escape")
        for _ in range(5):
            await dash.paste(LOG)
            await dash.press("escape")
        await dash.until_dialog(None)
        await dash.press("question_mark")
        await dash.until_dialog("Help")


async def test_enter_right_after_the_paste_adds_what_was_pasted(desk: Context, other: Store) -> None:
    async with driven(desk) as dash:
        await dash.paste(A)
        await dash.press("enter")
        await dash.until_total(1)
        assert listed(other) == [A]


@pytest.mark.parametrize("focused", ["table", "detail"])
async def test_a_paste_is_taken_whatever_pane_has_the_focus(
    desk: Context, other: Store, focused: str
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press(*(["tab"] if focused == "detail" else []))
        await dash.paste(A)
        await dash.until_dialog("AddIds")
        await dash.until_shown(A)


@pytest.mark.parametrize("key", ["question_mark", "enter"])
async def test_a_paste_over_the_help_or_the_full_screen_opens_the_add_dialog(
    desk: Context, other: Store, key: str
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press(key)
        await dash.settle()
        await dash.paste(A)
        await dash.until_dialog("AddIds")
        await dash.until_shown("1 new")


async def test_a_paste_into_the_dialog_is_added_to_the_one_before(desk: Context, other: Store) -> None:
    async with driven(desk) as dash:
        await dash.paste(A)
        await dash.until_shown("1 new")
        await dash.paste(f"{B}\n{C}\n")
        await dash.until_shown("3 new")
        await dash.press("enter")
        await dash.until_total(3)
        assert listed(other) == [A, B, C]


async def test_a_opens_it_empty_and_what_is_typed_is_searched(desk: Context, other: Store) -> None:
    async with driven(desk) as dash:
        await dash.press("a")
        await dash.until_dialog("AddIds")
        assert dash.typed == ""
        await dash.press(*A)
        await dash.until_shown("1 new")
        assert dash.typed == A
        await dash.press("enter")
        await dash.until_total(1)
        assert listed(other) == [A]


async def test_letters_in_the_box_are_text_and_not_keys(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("a")
        await dash.until_dialog("AddIds")
        await dash.press(*"qxzrpjkoyu19?[]")
        assert dash.typed == "qxzrpjkoyu19?[]"
        assert dash.dialog == "AddIds"
        assert len(listed(other)) == 3


async def test_enter_in_an_empty_box_closes_it(desk: Context) -> None:
    async with driven(desk) as dash:
        await dash.press("a")
        await dash.until_dialog("AddIds")
        await dash.press("enter")
        await dash.until_dialog(None)
        assert dash.said == []


@pytest.mark.parametrize(("key", "added"), [("y", ["my-task-7"]), ("n", []), ("escape", [])])
async def test_a_single_word_of_unknown_form_is_asked_about(
    desk: Context, other: Store, key: str, added: list[str]
) -> None:
    async with driven(desk) as dash:
        await dash.press("a")
        await dash.until_dialog("AddIds")
        await dash.press(*"my-task-7")
        await dash.until_shown("unknown form: Enter asks")
        await dash.press("enter")
        await dash.until_dialog("Confirm")
        await dash.press("enter")
        await dash.settle()
        assert dash.dialog == "Confirm"
        await dash.press(key)
        await dash.until_dialog(None if added else "AddIds")
        await dash.until_total(len(added))
        assert listed(other) == added


async def test_the_only_id_in_a_url_is_asked_about(desk: Context, other: Store) -> None:
    async with driven(desk) as dash:
        await dash.paste(f"see https://example.com/dashboard/tasks/{A}")
        await dash.until_shown("part of a path or URL: Enter asks")
        await dash.press("enter")
        await dash.until_dialog("Confirm")
        await dash.press("y")
        await dash.until_total(1)
        assert listed(other) == [A]


async def test_of_several_ids_in_urls_none_is_asked_about(desk: Context) -> None:
    async with driven(desk) as dash:
        await dash.paste(f"https://example.com/tasks/{A}\nhttps://example.com/tasks/{B}")
        await dash.until_shown("2 ignored")
        assert not any("Enter asks" in line for line in dash.lines)


async def test_text_without_an_id_stays_open_and_says_so(desk: Context, other: Store) -> None:
    async with driven(desk) as dash:
        await dash.paste("nothing to see here, really")
        await dash.until_shown("0 new")
        await dash.press("enter")
        await dash.until_said("No task ID found")
        assert dash.dialog == "AddIds"
        assert listed(other) == []


async def test_ids_that_are_all_listed_move_the_cursor_there(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    add(other, *(uuid(100 + n) for n in range(50)))
    async with driven(desk, total=53) as dash:
        await dash.paste(PAGE_WAITING)
        await dash.until_shown("0 new, 1 already listed")
        await dash.press("enter")
        await dash.until_cursor(PAGE_WAITING)
        assert dash.cursor_line is not None
        assert len(listed(other)) == 53


async def test_an_id_added_from_a_tab_that_does_not_hold_it_is_still_added(
    desk: Context, other: Store
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("left_square_bracket")
        await dash.until(lambda: "[× Fail 1]" in dash.tabs, "the tab Fail")
        await dash.paste(A)
        await dash.until_shown("1 new")
        await dash.press("enter")
        await dash.until(lambda: "○ New 1" in dash.tabs, "the new task counted")


async def test_a_configured_key_in_a_paste_is_neither_added_nor_shown(desk: Context, other: Store) -> None:
    desk.keys.add(Secret(uuid(77)))
    async with driven(desk) as dash:
        await dash.paste(f"{uuid(77)} and sk-CANARY-0123456789abcdef")
        await dash.until_shown("ignored")
        assert uuid(77) not in dash.screen
        assert "CANARY" not in dash.screen
        await dash.press("enter")
        await dash.until_said("No task ID found")
        assert listed(other) == []


async def test_a_paste_that_is_too_long_is_refused_with_the_way_out(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(add_ids, "MAX_PASTE_CHARS", 1000)
    async with driven(desk) as dash:
        await dash.paste(f"{A}\n" * 100)
        await dash.until_shown(
            "More than 1,000 characters are too many for a paste: use `taskdash add - < file`"
        )
        await dash.press("enter")
        await dash.until_dialog(None)
        assert listed(other) == []


async def test_thousands_of_ids_are_added_in_one_go_and_the_preview_scrolls(
    desk: Context, other: Store
) -> None:
    ids = [uuid(n) for n in range(3000)]
    async with driven(desk) as dash:
        await dash.paste("\n".join(ids))
        await dash.until_shown("3,000 new")
        await dash.press("pagedown", "down", "up", "pageup", "pagedown")
        await dash.until_gone(f"new     {ids[0]}")
        await dash.press("enter")
        await dash.until_total(3000)
        assert listed(other) == ids
        await dash.until_cursor(ids[0])


async def test_a_box_of_one_line_takes_one_inert_line_of_a_paste(desk: Context, other: Store) -> None:
    add(other, A)
    async with driven(desk, total=1) as dash:
        await dash.press("slash")
        await dash.until(lambda: isinstance(dash.pilot.app.focused, Input), "a filter box")
        await dash.paste("  label:\x1b[31mx\u202ey\nand more\n")
        await dash.until(lambda: "label:" in dash.typed, "the line in the box")
        assert dash.typed == "label:\ufffd[31mxy"
        await dash.press("escape")
        await dash.press("ctrl+p")
        await dash.until(lambda: isinstance(dash.pilot.app.focused, Input), "the palette's box")
        await dash.paste("z" * 5_000_000)
        await dash.until(lambda: len(dash.typed) == MAX_LINE_CHARS, "a cut line in the palette's box")

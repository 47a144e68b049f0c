"""Adding by paste and by hand: the preview, what Enter adds, and what Esc does."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_WAITING,
    PROFILE,
    Dash,
    FakeWatcher,
    add,
    driven,
    fill_with_the_page,
    uuid,
)
from textual.await_complete import AwaitComplete
from textual.widgets import Input

from taskdash.domain.query import Query
from taskdash.domain.secret import Secret
from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.screens.add_ids import AddIds
from taskdash.ui.terminal import MAX_LINE_CHARS

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
    other: Store, watcher: FakeWatcher, dash: Dash
) -> None:
    await dash.paste(LOG, shown="(1 already listed, 1 ignored)")
    await dash.until_shown(uuid(99))
    lines = [line for line in dash.lines if "line " in line]
    assert [line.split("│")[-2].split()[:2] for line in lines] == [
        ["new", A],
        ["new", B],
        ["listed", PAGE_WAITING],
        ["ignored", uuid(99)],
    ]
    assert len(listed(other)) == 3
    await dash.press("enter", total=5, said="Added 2 tasks, 1 already listed")
    assert listed(other)[:2] == [A, B]
    await dash.until_cursor(A)
    assert watcher.wakes == 1


async def test_whoever_quits_with_the_key_after_enter_has_the_ids_added(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    dismiss = AddIds.dismiss

    def leave(dialog: AddIds, result: Any = None) -> AwaitComplete:
        # As Textual does when it ends.
        dialog.app.workers.cancel_all()
        dialog.app.exit()
        return dismiss(dialog, result)

    monkeypatch.setattr(AddIds, "dismiss", leave)
    async with driven(desk) as dash:
        await dash.paste(LOG, shown="1 ignored")
        await dash.press("enter")
    desk.store.close()
    assert listed(other) == [A, B, PAGE_WAITING]


@pytest.mark.parametrize("key", ["tab", "question_mark", "enter"], ids=["detail", "help", "full screen"])
async def test_a_paste_is_taken_wherever_the_focus_is(key: str, dash: Dash) -> None:
    await dash.press(key)
    await dash.paste(A, dialog="AddIds", shown="Found 1 new")


@pytest.mark.dashboard(tasks=0)
async def test_pastes_add_up_enter_right_after_one_adds_and_esc_drops(other: Store, dash: Dash) -> None:
    await dash.paste(LOG, shown="Found 3 new")
    await dash.press("escape", dialog=None)
    assert listed(other) == []
    await dash.paste(A, shown="Found 1 new")
    await dash.paste(f"{B}\n{C}\n", shown="Found 3 new")
    await dash.press("enter", total=3)
    assert listed(other) == [A, B, C]
    await dash.paste(uuid(4))
    await dash.press("enter", total=4)
    assert listed(other)[0] == uuid(4)


@pytest.mark.dashboard(tasks=0)
async def test_a_opens_it_empty_and_what_is_typed_is_searched(other: Store, dash: Dash) -> None:
    await dash.press("a", dialog="AddIds")
    await dash.press("enter", dialog=None)
    assert dash.said == []
    await dash.press("a", dialog="AddIds")
    assert dash.typed == ""
    # Text and not keys.
    await dash.press(*"qxzrpjkoyu19?[]")
    assert dash.typed == "qxzrpjkoyu19?[]"
    assert (dash.dialog, listed(other)) == ("AddIds", [])
    await dash.press(" ", *A, shown="Found 1 new")
    assert dash.typed == f"qxzrpjkoyu19?[] {A}"
    await dash.press("enter", total=1)
    assert listed(other) == [A]


@pytest.mark.dashboard(tasks=0)
async def test_a_single_word_of_unknown_form_is_asked_about(other: Store, dash: Dash) -> None:
    await dash.press("a", dialog="AddIds")
    await dash.press(*"my-task-7", shown="unknown form, Enter asks")
    for key in ("n", "escape", "y"):
        await dash.press("enter", dialog="Confirm")
        await dash.press("enter")
        assert dash.dialog == "Confirm"
        assert listed(other) == []
        await dash.press(key, dialog=None if key == "y" else "AddIds")
    await dash.until_total(1)
    assert listed(other) == ["my-task-7"]


@pytest.mark.dashboard(tasks=0)
async def test_the_only_id_in_a_url_is_asked_about_but_none_of_several(other: Store, dash: Dash) -> None:
    await dash.paste(f"https://example.com/tasks/{A}\nhttps://example.com/tasks/{B}", shown="2 ignored")
    assert not any("Enter asks" in line for line in dash.lines)
    await dash.press("escape", dialog=None)
    await dash.paste(f"see https://example.com/dashboard/tasks/{A}")
    await dash.until_shown("part of a path or URL: Enter asks")
    await dash.press("enter", dialog="Confirm")
    await dash.press("y", total=1)
    assert listed(other) == [A]


async def test_ids_that_are_all_listed_move_the_cursor_there_and_new_ones_go_where_they_belong(
    desk: Context, other: Store
) -> None:
    fill_with_the_page(other)
    add(other, *(uuid(100 + n) for n in range(50)))
    async with driven(desk, total=53) as dash:
        await dash.paste(PAGE_WAITING, shown="Found no new IDs")
        await dash.press("enter", cursor=PAGE_WAITING)
        assert dash.cursor_line is not None
        assert len(listed(other)) == 53
        # From a tab that does not hold them.
        await dash.press("[", tab="[× Fail 1]")
        await dash.paste(A, shown="Found 1 new")
        await dash.press("enter", tab="○ New 51")


async def test_text_without_an_id_stays_open_and_a_key_is_neither_added_nor_shown(
    desk: Context, other: Store
) -> None:
    desk.keys.add(Secret(uuid(77)))
    async with driven(desk) as dash:
        await dash.paste("nothing to see here, really", shown="Found no task IDs")
        await dash.press("enter", said="No task IDs found")
        assert dash.dialog == "AddIds"
        await dash.press("escape", dialog=None)
        await dash.paste(f"{uuid(77)} and sk-CANARY-0123456789abcdef", shown="ignored")
        assert uuid(77) not in dash.screen
        assert "CANARY" not in dash.screen
        await dash.press("enter", said_times=2)
        assert listed(other) == []


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

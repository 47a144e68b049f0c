"""What the keys do to tasks, to the marked ones, else to the one at the cursor: check, remove, open, copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.servers import success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_FAIL,
    PAGE_LINK,
    PAGE_SUCCESS,
    PAGE_WAITING,
    PROFILE,
    FakeBrowser,
    FakeWatcher,
    add,
    answer,
    driven,
    fill_with_the_page,
    uuid,
)

from taskdash.domain.query import Query
from taskdash.results.desktop import MAX_TERMINAL_BYTES

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.context import Context

MANY = [uuid(n) for n in range(20)]
LINKS = [f"https://cdn.example.com/{n}.png" for n in range(1, 12)]


def asked(store: Store) -> list[str]:
    """The IDs that somebody wants checked now, in the order of the list."""
    return [task.task_id for task in store.tasks.rows(Query(PROFILE), NOW_MS) if task.asked_at_ms is not None]


# Checking


async def test_r_asks_for_the_task_at_the_cursor_and_wakes_the_watcher(
    desk: Context, other: Store, watcher: FakeWatcher
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j", "r")
        await dash.until_said("Checking it now")
        assert asked(other) == [PAGE_SUCCESS]
        assert watcher.wakes == 1
        await dash.until(lambda: "✓ success …" in dash.row("A cat"), "the row says so")


async def test_r_asks_for_every_marked_task(desk: Context, other: Store) -> None:
    add(other, *MANY)
    async with driven(desk, total=20) as dash:
        await dash.press("space", "j", "space", "r")
        await dash.until_said("Checking 2 tasks now")
        assert asked(other) == [MANY[0], MANY[2]]


async def test_shift_r_asks_for_every_unfinished_task(
    desk: Context, other: Store, watcher: FakeWatcher
) -> None:
    fill_with_the_page(other)
    add(other, MANY[0])
    async with driven(desk, total=4) as dash:
        await dash.press("R")
        await dash.until_said("Checking 2 unfinished tasks now")
        assert asked(other) == [MANY[0], PAGE_WAITING]
        assert watcher.wakes == 1


async def test_shift_r_says_so_where_everything_is_finished(desk: Context, other: Store) -> None:
    add(other, PAGE_SUCCESS)
    answer(other, PAGE_SUCCESS, success_body(PAGE_SUCCESS))
    async with driven(desk, total=1) as dash:
        await dash.press("R")
        await dash.until_said("No unfinished task")


# Removing


@pytest.mark.parametrize("key", ["n", "escape", "enter", "space"])
async def test_x_asks_and_anything_but_y_removes_nothing(desk: Context, other: Store, key: str) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("x")
        await dash.until_dialog("Confirm")
        await dash.until_shown("Remove this task from the list?")
        await dash.press(key)
        await dash.settle()
        assert dash.dialog == (None if key in ("n", "escape") else "Confirm")
        assert len(other.tasks.rows(Query(PROFILE), NOW_MS)) == 3


async def test_y_removes_the_task_and_z_brings_it_back_with_its_record(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j", "x")
        await dash.until_dialog("Confirm")
        await dash.press("y")
        await dash.until_total(2)
        await dash.until_said("Removed 1 task")
        assert dash.cursor == PAGE_FAIL
        await dash.press("z")
        await dash.until_total(3)
        await dash.until_said("Brought back 1 task")
        assert dash.shown_ids == [PAGE_WAITING, PAGE_SUCCESS, PAGE_FAIL]
        assert "32.2 s" in dash.row("✓ success")


async def test_x_removes_the_marked_tasks_and_leaves_no_mark(desk: Context, other: Store) -> None:
    add(other, *MANY)
    async with driven(desk, total=20) as dash:
        await dash.press("space", "j", "space", "x")
        await dash.until_shown("Remove 2 tasks from the list?")
        await dash.press("y")
        await dash.until_total(18)
        assert dash.shown_ids[:2] == [MANY[1], MANY[3]]
        assert dash.marked_lines == []
        await dash.until(lambda: "marked" not in dash.lines[-1], "no marks in the footer")


async def test_z_brings_back_marked_what_was_removed_marked(desk: Context, other: Store) -> None:
    add(other, *MANY)
    async with driven(desk, total=20) as dash:
        await dash.press("space", "space", "x")
        await dash.until_dialog("Confirm")
        await dash.press("y")
        await dash.until_total(18)
        await dash.press("x")
        await dash.until_dialog("Confirm")
        await dash.press("y")
        await dash.until_total(17)
        await dash.press("z")
        await dash.until_total(18)
        assert dash.marked_lines == []
        await dash.press("z")
        await dash.until_total(20)
        await dash.until(lambda: dash.marked_lines == [0, 1], "the marks back")
        await dash.until(lambda: "2 tasks marked" in dash.lines[-1], "the marks in the footer")


async def test_z_undoes_one_removal_after_the_other(desk: Context, other: Store) -> None:
    add(other, *MANY)
    async with driven(desk, total=20) as dash:
        for total in (19, 18):
            await dash.press("x")
            await dash.until_dialog("Confirm")
            await dash.press("y")
            await dash.until_total(total)
        for total in (19, 20):
            await dash.press("z")
            await dash.until_total(total)
        assert dash.shown_ids == MANY
        await dash.press("z")
        await dash.until_said("Nothing to undo")


async def test_a_marked_task_that_another_process_removes_is_marked_no_more(
    desk: Context, other: Store
) -> None:
    add(other, *MANY)
    async with driven(desk, total=20) as dash:
        await dash.press("space")
        other.tasks.remove([other.tasks.find(PROFILE, MANY[0]).seq], NOW_MS)
        await dash.until_total(19)
        await dash.until(lambda: "marked" not in dash.lines[-1], "no marks in the footer", 2.0)
        await dash.press("y")
        await dash.until(lambda: dash.app.clipboard == MANY[1], "the task at the cursor copied", 2.0)


# Opening


async def test_o_opens_the_only_link_at_once(desk: Context, other: Store, browser: FakeBrowser) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j", "o")
        await dash.until_said("Result 1: opened in the browser")
        assert browser.opened == [PAGE_LINK]


@pytest.mark.parametrize(
    ("keys", "opened"),
    [
        (["enter"], LINKS[:1]),
        (["j", "down", "enter"], LINKS[2:3]),
        (["j", "k", "enter"], LINKS[:1]),
        (["3"], LINKS[2:3]),
        (["escape"], []),
        (["q"], []),
    ],
)
async def test_o_lets_choose_among_several_links(
    desk: Context, other: Store, browser: FakeBrowser, keys: list[str], opened: list[str]
) -> None:
    add(other, MANY[0])
    answer(other, MANY[0], success_body(MANY[0], LINKS))
    async with driven(desk, total=1) as dash:
        await dash.press("o")
        await dash.until_dialog("ChooseLink")
        assert all(link in dash.screen for link in LINKS)
        await dash.press(*keys)
        await dash.until_dialog(None)
        if opened:
            await dash.until_said("opened in the browser")
        assert browser.opened == opened
        assert not dash.app._exit


async def test_a_number_opens_that_link(desk: Context, other: Store, browser: FakeBrowser) -> None:
    add(other, MANY[0])
    answer(other, MANY[0], success_body(MANY[0], LINKS))
    async with driven(desk, total=1) as dash:
        for number in (1, 4, 9):
            await dash.press(str(number))
            await dash.until_said(f"Result {number}: opened in the browser")
        assert browser.opened == [LINKS[0], LINKS[3], LINKS[8]]


async def test_a_number_without_a_link_says_how_many_there_are(
    desk: Context, other: Store, browser: FakeBrowser
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j", "2")
        await dash.until_said("There is no result 2: this task has 1")
        assert browser.opened == []


async def test_the_keys_open_links_from_the_full_screen_too(
    desk: Context, other: Store, browser: FakeBrowser
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j", "enter", "o")
        await dash.until_said("opened in the browser")
        await dash.press("1")
        await dash.until(lambda: browser.opened == [PAGE_LINK] * 2, "opened by number too")


@pytest.mark.parametrize(
    ("steps", "why"), [(0, "No result link: it is not finished."), (2, "No result link: it ended as fail.")]
)
async def test_a_task_without_links_says_why(
    desk: Context, other: Store, browser: FakeBrowser, steps: int, why: str
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press(*["j"] * steps, "o", "1", "u")
        await dash.until(lambda: dash.said == [why] * 3, f"{why} for each key")
        assert browser.opened == []
        assert dash.app.clipboard == ""


async def test_a_link_that_no_browser_takes_is_copied_and_shown(
    desk: Context, other: Store, browser: FakeBrowser
) -> None:
    browser.refusal = "no browser here"
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j", "o")
        await dash.until_said("no browser here")
        await dash.until_said(PAGE_LINK)
        assert dash.app.clipboard == PAGE_LINK


# Copying


async def test_y_copies_the_task_id(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("y")
        await dash.until_said("Copied 1 task ID")
        assert dash.app.clipboard == PAGE_WAITING


async def test_y_copies_the_marked_ids_in_the_order_of_the_list(desk: Context, other: Store) -> None:
    add(other, *MANY)
    async with driven(desk, total=20) as dash:
        await dash.press("j", "j", "space", "g", "space", "y")
        await dash.until_said("Copied 2 task IDs")
        assert dash.app.clipboard == f"{MANY[0]}\n{MANY[2]}"


async def test_u_copies_every_link_of_the_task_one_a_line(desk: Context, other: Store) -> None:
    add(other, MANY[0])
    answer(other, MANY[0], success_body(MANY[0], LINKS))
    async with driven(desk, total=1) as dash:
        await dash.press("u")
        await dash.until_said("Copied 11 links")
        assert dash.app.clipboard == "\n".join(LINKS)


async def test_u_copies_the_links_of_the_marked_tasks(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    for n in (1, 3):
        answer(other, MANY[n], success_body(MANY[n], LINKS[n : n + 1]))
    answer(other, MANY[2], waiting_body(MANY[2]))
    async with driven(desk, total=4) as dash:
        await dash.press("j", "space", "space", "space", "u")
        await dash.until_said("Copied 2 links")
        assert dash.app.clipboard == f"{LINKS[1]}\n{LINKS[3]}"


async def test_more_than_a_terminal_takes_is_not_copied(desk: Context, other: Store) -> None:
    add(other, MANY[0])
    long_links = [
        f"https://cdn.example.com/{n:04d}{'x' * 4000}" for n in range(MAX_TERMINAL_BYTES // 4000 + 1)
    ]
    answer(other, MANY[0], success_body(MANY[0], long_links))
    async with driven(desk, total=1) as dash:
        await dash.press("u")
        await dash.until_said("too much for a terminal's clipboard")
        assert dash.app.clipboard == ""


async def test_keys_on_an_empty_list_do_no_harm(desk: Context) -> None:
    async with driven(desk) as dash:
        for number, key in enumerate(("x", "r", "o", "1", "y", "u", "z"), 1):
            await dash.press("space", "enter", key)
            await dash.until_said_times(number)
            assert dash.dialog is None
        assert not dash.app._exit

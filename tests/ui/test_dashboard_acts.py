"""What the keys do to tasks, to the marked ones, else to the one at the cursor: check, remove, open, copy."""

from __future__ import annotations

import pytest
from tests.servers import success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_FAIL,
    PAGE_LINK,
    PAGE_SUCCESS,
    PAGE_WAITING,
    PROFILE,
    Dash,
    FakeBrowser,
    FakeWatcher,
    add,
    add_answered,
    answer,
    answer_all,
    driven,
    uuid,
)

from taskdash.domain.query import Query
from taskdash.store.store import Store
from taskdash.ui.context import Context

MANY = [uuid(n) for n in range(20)]
LINKS = [f"https://cdn.example.com/{n}.png" for n in range(1, 12)]


def asked(store: Store) -> list[str]:
    """The IDs that somebody wants checked now, in the order of the list."""
    return [task.task_id for task in store.tasks.rows(Query(PROFILE), NOW_MS) if task.asked_at_ms is not None]


# Checking


async def test_r_asks_for_the_task_at_the_cursor_and_shift_r_for_every_unfinished_one(
    other: Store, watcher: FakeWatcher, dash: Dash
) -> None:
    await dash.press("j", "r", said="Checking now.")
    assert asked(other) == [PAGE_SUCCESS]
    assert watcher.wakes == 1
    await dash.until(lambda: "✓ success …" in dash.row("A cat"), "the row says so")
    add(other, MANY[0])
    await dash.until_total(4)
    await dash.press("R", said="Checking 2 unfinished tasks now")
    assert asked(other) == [MANY[0], PAGE_WAITING, PAGE_SUCCESS]
    assert watcher.wakes == 2
    answer_all(other, {each: success_body(each) for each in (MANY[0], PAGE_WAITING)})
    await dash.until_tab("✓ Success 3")
    await dash.press("R", said="No unfinished task")


# Removing


async def test_x_asks_y_removes_the_task_alone_and_z_brings_it_back_with_its_record(
    other: Store, dash: Dash
) -> None:
    await dash.press("j")
    for key in ("n", "escape", "enter", "space"):
        if dash.dialog is None:
            await dash.press("x", dialog="Confirm", shown="Remove this task from the list?")
        await dash.press(key)
        assert dash.dialog == (None if key in ("n", "escape") else "Confirm")
        assert len(other.tasks.rows(Query(PROFILE), NOW_MS)) == 3
    await dash.press("y", total=2, said="Removed 1 task")
    assert dash.cursor == PAGE_FAIL
    await dash.press("z", total=3, said="Restored 1 task")
    assert dash.shown_ids == [PAGE_WAITING, PAGE_SUCCESS, PAGE_FAIL]
    assert "32s" in dash.row("✓ success")


@pytest.mark.dashboard(tasks=20)
async def test_x_removes_the_marked_tasks_z_brings_them_back_marked_and_r_asks_for_them(
    other: Store, dash: Dash
) -> None:
    await dash.press("space", "j", "space", "x", shown="Remove 2 tasks from the list?")
    await dash.press("y", total=18)
    assert dash.shown_ids[:2] == [MANY[1], MANY[3]]
    assert dash.marked_lines == []
    await dash.until(lambda: "marked" not in dash.lines[-1], "no marks in the footer")
    await dash.press("x", dialog="Confirm")
    await dash.press("y", total=17)
    await dash.press("z", total=18)
    assert dash.marked_lines == []
    await dash.press("z", total=20)
    await dash.until_marked([0, 2])
    await dash.until(lambda: "2 tasks marked" in dash.lines[-1], "the marks in the footer")
    await dash.press("z", said="Nothing to undo")
    await dash.press("r", said="Checking 2 tasks now")
    assert asked(other) == [MANY[0], MANY[2]]


@pytest.mark.dashboard(tasks=20)
async def test_a_marked_task_that_another_process_removes_is_marked_no_more(other: Store, dash: Dash) -> None:
    await dash.press("space")
    other.edits.remove([other.tasks.find(PROFILE, MANY[0]).seq], NOW_MS)
    await dash.until_total(19)
    await dash.until(lambda: "marked" not in dash.lines[-1], "no marks in the footer")
    await dash.press("y")
    await dash.until_copied(MANY[1])


# Opening


async def test_o_and_numbers_open_the_only_link_at_once(browser: FakeBrowser, dash: Dash) -> None:
    await dash.press("j", "2", said="No result 2: this task has 1")
    assert browser.opened == []
    await dash.press("o", said="Result 1: opened in the browser")
    assert browser.opened == [PAGE_LINK]
    # From the full screen too.
    await dash.press("enter", "o", "1")
    await dash.until(lambda: browser.opened == [PAGE_LINK] * 3, "opened by number too")


async def until_opened(dash: Dash, browser: FakeBrowser, links: list[str]) -> None:
    await dash.until(lambda: browser.opened == links, f"{links} opened, there are {browser.opened}")


async def test_o_lets_choose_among_several_links(desk: Context, other: Store, browser: FakeBrowser) -> None:
    add_answered(other, success_body(MANY[0], LINKS))
    async with driven(desk, total=1) as dash:
        for keys, opened in (
            (("escape",), []),
            (("q",), []),
            (("enter",), LINKS[:1]),
            (("j", "down", "enter"), LINKS[2:3]),
            (("j", "k", "enter"), LINKS[:1]),
            (("3",), LINKS[2:3]),
        ):
            await dash.press("o", dialog="ChooseLink")
            assert all(link in dash.screen for link in LINKS)
            browser.opened.clear()
            await dash.press(*keys, dialog=None)
            await until_opened(dash, browser, opened)
            assert not dash.app._exit


async def test_a_number_opens_that_link_and_u_copies_all(
    desk: Context, other: Store, browser: FakeBrowser
) -> None:
    add_answered(other, success_body(MANY[0], LINKS))
    async with driven(desk, total=1) as dash:
        for number in (1, 4, 9):
            await dash.press(str(number), said=f"Result {number}: opened in the browser")
        assert browser.opened == [LINKS[0], LINKS[3], LINKS[8]]
        await dash.press("u", said="Copied 11 links", copied="\n".join(LINKS))


async def test_a_task_without_links_says_why(browser: FakeBrowser, dash: Dash) -> None:
    unfinished, failed = "No result yet.", "No result: the task failed."
    await dash.press("o", "1", "u", said_times=3)
    await dash.press("G", "o", "1", "u", said_times=6)
    assert dash.said == [unfinished] * 3 + [failed] * 3
    assert browser.opened == []
    assert dash.app.clipboard == ""


# Copying


@pytest.mark.dashboard(tasks=20)
async def test_y_copies_the_task_id_or_those_marked_in_the_order_of_the_list(dash: Dash) -> None:
    await dash.press("y", said="Copied 1 task ID", copied=MANY[0])
    await dash.press("j", "j", "space", "g", "space", "y", said="Copied 2 task IDs")
    assert dash.app.clipboard == f"{MANY[0]}\n{MANY[2]}"


async def test_u_copies_the_links_of_the_marked_tasks(desk: Context, other: Store) -> None:
    add(other, *MANY[:4])
    answer_all(other, {MANY[n]: success_body(MANY[n], LINKS[n : n + 1]) for n in (1, 3)})
    answer(other, MANY[2], waiting_body(MANY[2]))
    async with driven(desk, total=4) as dash:
        await dash.press("j", "space", "space", "space", "u", said="Copied 2 links")
        assert dash.app.clipboard == f"{LINKS[1]}\n{LINKS[3]}"


@pytest.mark.dashboard(tasks=0)
async def test_keys_on_an_empty_list_do_no_harm(dash: Dash) -> None:
    for number, key in enumerate(("x", "r", "o", "1", "y", "u", "z"), 1):
        await dash.press("space", "enter", key, said_times=number)
        assert dash.dialog is None
    assert not dash.app._exit

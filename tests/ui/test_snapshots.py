"""The main states as pictures. `make snapshots` accepts them as they are now; look at each before it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.servers import error_body, fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    DrivenDashboard,
    FakeWatcher,
    add,
    answer,
    configure_profile,
    driven_by,
    fill_with_the_page,
    uuid,
)
from textual.widgets import Input

from taskdash.domain.query import Query
from taskdash.domain.task import ProblemKind
from taskdash.ui.app import Dashboard
from taskdash.ui.screens.choose_columns import ChooseColumns
from taskdash.ui.widgets import task_table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

    Compare = Callable[..., bool]
    Act = Callable[[DrivenDashboard], Awaitable[object]]

SIZES = {"80x24": (80, 24), "120x36": (120, 36), "200x60": (200, 60)}
LINKS = [f"https://cdn.example.com/results/lighthouse-{n}.png" for n in range(1, 5)]
PASTE = f"created task {uuid(40)}\nX-Request-ID: {uuid(41)}\nagain {uuid(1)}\n"


@pytest.fixture
def desk(desk: Context, other: Store) -> Context:
    """A desk with tasks in every state, the API's page's own three among them."""
    fill_with_the_page(other)
    history = [uuid(60 + n) for n in range(6)]
    add(other, *history)
    for n, task_id in enumerate(history):
        answer(
            other, task_id, success_body(task_id, costTime=30_000 + 1_000 * n, **prompt(f"Sea number {n}"))
        )
    add(other, *(uuid(n) for n in range(1, 9)), now_ms=NOW_MS - 40_000)
    answer(other, uuid(2), waiting_body(uuid(2), createTime=NOW_MS - 12_000, **prompt("A fox in the snow")))
    answer(other, uuid(3), waiting_body(uuid(3), state="generating", progress=60, createTime=NOW_MS - 95_000))
    answer(other, uuid(4), success_body(uuid(4), LINKS, **prompt("Four lighthouses at dusk, oil on canvas")))
    answer(other, uuid(5), fail_body(uuid(5), failCode="504", failMsg="Provider timeout: no result"))
    answer(other, uuid(6), error_body(404, "task not found"), status=404)
    answer(
        other, uuid(7), waiting_body(uuid(7), createTime=NOW_MS - 30_000, **prompt("灯台と猫 🐈 wide text"))
    )
    answer(other, uuid(7), error_body(500, "server error"), status=500)
    return desk


def prompt(text: str) -> dict[str, str]:
    return {"param": json.dumps({"model": "m", "input": {"prompt": text, "size": "1024x1024", "n": 4}})}


def picture(
    snap_compare: Compare, desk: Context, act: Act, size: str = "120x36", total: int | None = 17
) -> bool:
    """Compare a dashboard with its picture, once `act` has brought it where the picture is taken."""
    return snap_compare(Dashboard(desk), terminal_size=SIZES[size], run_before=driven_by(desk, act, total))


async def nothing(dash: DrivenDashboard) -> None:
    """Only wait for the usual times."""
    await dash.until(lambda: dash.desk.durations is not None, "the history read")


@pytest.mark.parametrize("size", SIZES)
def test_list(snap_compare: Compare, desk: Context, size: str) -> None:
    assert picture(snap_compare, desk, nothing, size)


def test_detail_below(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("v", "j", "j", "j")
        await dash.until_shown(LINKS[0])

    assert picture(snap_compare, desk, act)


def test_detail_full_screen_of_a_failure(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("G", "enter")
        await dash.until_shown("content policies")

    assert picture(snap_compare, desk, act, "80x24")


def test_marks_and_a_toast(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("space", "j", "space", "y")
        await dash.until_said("Copied 2 task IDs")
        await dash.until_shown("Copied 2 task IDs")

    assert picture(snap_compare, desk, act)


@pytest.mark.parametrize("size", ["80x24", "120x36"])
def test_marks_that_a_filter_hides(snap_compare: Compare, desk: Context, size: str) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("space", "space", "space", "/", *"lighthouses", "enter")
        await dash.until_total(1)
        await dash.until_shown("3 tasks marked, 3 of them hidden")
        await dash.until(lambda: dash.table.has_focus, "back at the list")
        await dash.until_in_pane(uuid(4))

    assert picture(snap_compare, desk, act, size)


def test_a_filter_that_cannot_be_read(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("/", *"sea cost:soon")
        await dash.until_shown("no length of time")
        dash.steady_cursor()

    assert picture(snap_compare, desk, act, "80x24")


def test_a_row_that_others_changed_flashes(
    snap_compare: Compare, desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_table, "FLASH_S", 1_000.0)

    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        answer(other, uuid(1), success_body(uuid(1), **prompt("A fox, at last")))
        await dash.until_shown("A fox, at last")
        await dash.until(lambda: bool(dash.table.flashing), "a row flashing")
        await dash.until_in_pane("A fox, at last")

    assert picture(snap_compare, desk, act, "80x24")


def test_new_tasks_above_the_screen(snap_compare: Compare, desk: Context, other: Store) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("G")
        await dash.until_in_pane("content policies")
        add(other, *(uuid(80 + n) for n in range(3)))
        await dash.until_total(20)
        await dash.until_shown("↑ 3 new: g")

    assert picture(snap_compare, desk, act, "80x24")


@pytest.mark.parametrize("size", ["80x24", "120x36"])
def test_choose_columns(snap_compare: Compare, desk: Context, size: str) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("C")
        await dash.until_dialog("ChooseColumns")
        dialog = dash.app.screen
        assert isinstance(dialog, ChooseColumns)
        await dash.until(lambda: dash.app.focused is not None, "the list of columns in focus")
        await dash.press("j", "j", "space", "j", "right")
        # Not by what is shown: to read the screen under a dialog that is not drawn yet would draw it without the list.
        await dash.until(lambda: dialog.chosen.widths == {"cost": 21}, "the width of the column")

    assert picture(snap_compare, desk, act, size)


def test_labels_that_differ(snap_compare: Compare, desk: Context, other: Store) -> None:
    other.tasks.edit([other.tasks.find("aigptimage", uuid(2)).seq], label="fox", note="")

    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("A", "e")
        await dash.until_dialog("EditLabel")
        for box in dash.app.screen.query(Input):
            box.cursor_blink = False

    assert picture(snap_compare, desk, act, "80x24")


def test_add(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.paste(PASTE)
        await dash.until_shown("1 new, 1 already listed, 1 ignored")
        dash.steady_cursor()

    assert picture(snap_compare, desk, act)


def test_confirm(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("j", "x")
        await dash.until_dialog("Confirm")

    assert picture(snap_compare, desk, act)


def test_choose_a_link(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("j", "j", "j", "o")
        await dash.until_dialog("ChooseLink")

    assert picture(snap_compare, desk, act)


@pytest.mark.parametrize(
    ("key", "text"), [("F", "newest, "), ("t", "ended per hour")], ids=["failures", "statistics"]
)
def test_review(snap_compare: Compare, desk: Context, key: str, text: str) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press(key)
        await dash.until_shown(text)

    assert picture(snap_compare, desk, act, "80x24")


def test_copy_menu(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("j", "c")
        await dash.until_dialog("CopyMenu")
        await dash.press("k")
        note = dash.app.screen.query_one("#copy-note")
        await dash.until(lambda: "X-Request-ID" in str(note.render()), "the note on the last choice")

    assert picture(snap_compare, desk, act)


def test_copy_menu_on_marks(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("A", "c")
        await dash.until_dialog("CopyMenu")

    assert picture(snap_compare, desk, act, "80x24")


def test_help(snap_compare: Compare, desk: Context) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.press("question_mark")
        await dash.until_dialog("Help")

    assert picture(snap_compare, desk, act)


def test_offline(snap_compare: Compare, desk: Context, watcher: FakeWatcher) -> None:
    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        message = "connection to 127.0.0.1 refused"
        watcher.say(problem=ProblemKind.UNREACHABLE, message=message, held_until_ms=NOW_MS + 9_000)
        await dash.until_shown("Offline")

    assert picture(snap_compare, desk, act, "80x24")


def test_no_key(snap_compare: Compare, desk: Context, watcher: FakeWatcher) -> None:
    desk.key_advice = "set AIGPTIMAGE_API_KEY to your key and start again"
    watcher.say(has_key=False, leading=False)
    assert picture(snap_compare, desk, nothing, "80x24")


def test_empty(snap_compare: Compare, desk: Context, other: Store) -> None:
    other.tasks.remove([task.seq for task in other.tasks.rows(Query(None), NOW_MS)], NOW_MS)
    assert picture(snap_compare, desk, nothing, "80x24", total=0)


def test_results_that_expire(snap_compare: Compare, desk: Context) -> None:
    configure_profile(desk, result_ttl_ms=5 * 3_600_000)

    async def act(dash: DrivenDashboard) -> None:
        await nothing(dash)
        await dash.until_said("expire soon and are not saved")
        await dash.press("j", "j", "j")
        await dash.until_in_pane("not saved")

    assert picture(snap_compare, desk, act)

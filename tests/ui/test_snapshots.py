"""The main states as pictures. `make snapshots` accepts them as they are now; look at each before it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.servers import error_body, fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    Dash,
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
from taskdash.ui.screens.questions import ChooseColumns
from taskdash.ui.widgets import task_table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskdash.store.store import Store
    from taskdash.ui.context import Context

    Compare = Callable[..., bool]
    Act = Callable[[Dash], Awaitable[object]]

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


@pytest.fixture
def picture(snap_compare: Compare, desk: Context) -> Compare:
    """Compares a dashboard with its picture, once the usual times are there and `act` has done its part."""

    def compare(act: Act | None = None, size: str = "120x36", total: int = 17) -> bool:
        async def run(dash: Dash) -> None:
            await dash.until(lambda: dash.desk.durations is not None, "the history read")
            if act is not None:
                await act(dash)
            for box in dash.app.screen.query(Input):
                box.cursor_blink = False  # a picture would be taken in either phase

        return snap_compare(
            Dashboard(desk), terminal_size=SIZES[size], run_before=driven_by(desk, run, total)
        )

    return compare


HIDDEN = {"total": 1, "shown": "3 tasks marked, 3 of them hidden", "in_pane": uuid(4)}
UNREADABLE = {"shown": "cost:soon is not a duration", "total": 6}
COPIED = {"said": "Copied 2 task IDs", "shown": "Copied 2 task IDs"}
SCREENS: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {
    "list-80x24": ("80x24", (), {}),
    "list-120x36": ("120x36", (), {}),
    "list-200x60": ("200x60", (), {}),
    "detail-below": ("120x36", ("v", "j", "j", "j"), {"shown": LINKS[0]}),
    "detail-full-screen": ("80x24", ("G", "enter"), {"shown": "content policies"}),
    "marks-and-a-toast": ("120x36", ("space", "j", "space", "y"), COPIED),
    "hidden-marks-80x24": ("80x24", ("space", "space", "space", "/", *"lighthouses", "enter"), HIDDEN),
    "hidden-marks-120x36": ("120x36", ("space", "space", "space", "/", *"lighthouses", "enter"), HIDDEN),
    "unreadable-filter": ("80x24", ("/", *"sea cost:soon"), UNREADABLE),
    "labels-that-differ": ("80x24", ("A", "e"), {"dialog": "EditLabel"}),
    "confirm": ("120x36", ("j", "x"), {"dialog": "Confirm"}),
    "choose-a-link": ("120x36", ("j", "j", "j", "o"), {"dialog": "ChooseLink"}),
    "failures": ("80x24", ("F",), {"shown": "Latest ("}),
    "statistics": ("80x24", ("t",), {"shown": "Finished per hour"}),
    "copy-menu-on-marks": ("80x24", ("A", "c"), {"dialog": "CopyMenu"}),
    "help": ("120x36", ("?",), {"dialog": "Help"}),
}
"""What is seen: the size of the terminal, the keys that lead there, and what to wait for after them."""


@pytest.mark.parametrize("name", SCREENS)
def test_screen(picture: Compare, other: Store, name: str) -> None:
    size, keys, until = SCREENS[name]
    if name == "labels-that-differ":
        other.edits.edit([other.tasks.find("aigptimage", uuid(2)).seq], label="fox", note="")

    async def act(dash: Dash) -> None:
        await dash.press(*keys, **until)
        if "filter" not in name:
            await dash.until(lambda: not dash.main.filter_box.has_focus_within, "back at the list")
        # Half a word may find as much as all of it.
        await dash.until(lambda: dash.table.window.query == dash.table.wanted, "the last filter read")

    assert picture(act, size)


def test_a_row_that_others_changed_flashes(
    picture: Compare, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_table, "FLASH_S", 1_000.0)

    async def act(dash: Dash) -> None:
        answer(other, uuid(1), success_body(uuid(1), **prompt("A fox, at last")))
        await dash.until_shown("A fox, at last")
        await dash.until(lambda: bool(dash.table.flashing), "a row flashing")
        await dash.until_in_pane("A fox, at last")

    assert picture(act, "80x24")


@pytest.mark.parametrize("size", ["80x24", "120x36"])
def test_choose_columns(picture: Compare, size: str) -> None:
    async def act(dash: Dash) -> None:
        await dash.press("C", dialog="ChooseColumns")
        dialog = dash.app.screen
        assert isinstance(dialog, ChooseColumns)
        await dash.until(lambda: dash.app.focused is not None, "the list of columns in focus")
        await dash.press("j", "j", "space", "j", "right")
        # Not by what is shown: to read the screen under a dialog that is not drawn yet would draw it without the list.
        await dash.until(lambda: dialog._widths == {"cost": 14}, "the width of the column")

    assert picture(act, size)


def test_add(picture: Compare) -> None:
    assert picture(lambda dash: dash.paste(PASTE, shown="(1 already listed, 1 ignored)"))


def test_copy_menu(picture: Compare) -> None:
    async def act(dash: Dash) -> None:
        await dash.press("j", "c", dialog="CopyMenu")
        await dash.press("k")
        note = dash.app.screen.query_one("#copy-note")
        await dash.until(lambda: "X-Request-ID" in str(note.render()), "the note on the last choice")

    assert picture(act)


def test_offline(picture: Compare, watcher: FakeWatcher) -> None:
    async def act(dash: Dash) -> None:
        message = "connection to 127.0.0.1 refused"
        watcher.say(problem=ProblemKind.UNREACHABLE, message=message, held_until_ms=NOW_MS + 9_000)
        await dash.until_shown("Offline")

    assert picture(act, "80x24")


def test_no_key(picture: Compare, desk: Context, watcher: FakeWatcher) -> None:
    desk.key_advice = "set AIGPTIMAGE_API_KEY to your key and start again"
    watcher.say(has_key=False, leading=False)
    assert picture(size="80x24")


def test_empty(picture: Compare, other: Store) -> None:
    other.edits.remove([task.seq for task in other.tasks.rows(Query(None), NOW_MS)], NOW_MS)
    assert picture(size="80x24", total=0)


def test_results_that_expire(picture: Compare, desk: Context) -> None:
    configure_profile(desk, result_ttl_ms=5 * 3_600_000)

    async def act(dash: Dash) -> None:
        await dash.until_said("expire soon and aren't saved")
        await dash.press("j", "j", "j", in_pane="not saved")

    assert picture(act)

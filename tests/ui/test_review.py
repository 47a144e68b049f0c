"""The review, driven by its keys and the mouse: pictures side by side, verdicts in the store, back to the list."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.pictures import halves, kept_picture
from tests.servers import Body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    PROFILE,
    Dash,
    FakeBrowser,
    FakeWatcher,
    add,
    answer_all,
    driven,
    uuid,
)
from tests.ui.picture_source import Source, link

from taskdash.domain.task import Verdict
from taskdash.results.links import ExpiredError
from taskdash.results.previews import OtherKindError, PreviewFiles, Previews
from taskdash.store.saved import SavedFile
from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.screens.review import Review
from taskdash.ui.widgets import picture
from taskdash.ui.widgets.picture import UPPER_HALF, PictureView
from taskdash.ui.widgets.preview import LargeResult
from taskdash.ui.widgets.review_grid import ReviewGrid

PICKED, REJECTED = Verdict.PICKED, Verdict.REJECTED
TASKS = [uuid(number) for number in range(1, 9)]
FOUR, RUNNING = uuid(90), uuid(91)


def body(task_id: str, prompt: str, count: int = 1) -> Body:
    """The record of a task that succeeded with so many results."""
    param = json.dumps({"model": "gpt-image-2", "input": {"prompt": prompt}})
    return success_body(task_id, [link(task_id, n) for n in range(1, count + 1)], param=param)


LINKS = [*map(link, TASKS), *(link(FOUR, n) for n in range(1, 5))]
PICTURE = kept_picture()


@pytest.fixture
def desk(desk: Context, other: Store, source: Source, tmp_path: Path) -> Context:
    """Ten tasks: eight with a result, one with four, one that runs; their pictures are kept."""
    add(other, *TASKS, FOUR, RUNNING)
    bodies = {task_id: body(task_id, f"A mug on a desk, number {n}") for n, task_id in enumerate(TASKS, 1)}
    answer_all(other, {**bodies, FOUR: body(FOUR, "Four cats", 4), RUNNING: waiting_body(RUNNING)})
    files = PreviewFiles(tmp_path / "previews")
    for url in LINKS:
        files.keep(url, PICTURE)
    desk.make_previews = lambda: Previews(source, files)
    return desk


@pytest.fixture
def all_to_be_fetched(desk: Context, source: Source, tmp_path: Path) -> None:
    """Have no picture there but what is fetched and decoded."""
    desk.make_previews = lambda: Previews(source, PreviewFiles(tmp_path / "none"))


@asynccontextmanager
async def reviewing(desk: Context, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Dash]:
    async with driven(desk, size, total=10) as dash:
        await dash.press("b", dialog="Review")
        await dash.settle()
        yield dash


def review(dash: Dash) -> Review:
    screen = dash.app.screen
    assert isinstance(screen, Review)
    return screen


def at_cursor(dash: Dash) -> int | None:
    result = review(dash).results.at_cursor
    return result.number if result else None


async def until_at(dash: Dash, number: int) -> None:
    await dash.until(lambda: at_cursor(dash) == number, f"the cursor on {number}, it is on {at_cursor(dash)}")


async def until_pictures(dash: Dash) -> None:
    await dash.until(lambda: UPPER_HALF in dash.screen and "loading" not in dash.screen, "pictures", 30)


def verdicts(store: Store) -> dict[str, list[Verdict | None]]:
    """The verdicts there are, by task."""
    found = {}
    for task_id in (*TASKS, FOUR):
        task = store.tasks.find(PROFILE, task_id)
        if given := store.verdicts.of([task.seq]).get(task.seq):
            found[task_id] = [given.get(n) for n in range(1, task.result_count + 1)]
    return found


async def until_verdicts(dash: Dash, other: Store, wanted: dict[str, list[Verdict | None]]) -> None:
    await dash.until(lambda: verdicts(other) == wanted, f"verdicts {wanted}, there are {verdicts(other)}")


@pytest.mark.usefixtures("all_to_be_fetched")
async def test_results_stand_side_by_side_with_what_is_said_of_them(desk: Context, source: Source) -> None:
    # The pane fetches one more at a time, large.
    desk.view = replace(desk.view, preview=False)
    async with reviewing(desk) as dash:
        await until_pictures(dash)
        assert "[All 12]" in dash.lines[0]
        assert "of 9 tasks" in dash.lines[0].replace("all ", "")
        await dash.until_shown("3 …number 3")
        await dash.until_shown("2/4 gpt-image-2")
        assert set(source.asked) == set(LINKS)
        assert 1 < source.most_at_once <= picture.MAX_AT_ONCE


async def test_keys_move_in_rows_and_columns_and_esc_goes_back_to_that_task(desk: Context) -> None:
    async with reviewing(desk) as dash:
        assert at_cursor(dash) == 1
        for keys, number in (
            *(
                ("l", 2),
                ("right", 3),
                ("j", 9),
                ("h", 8),
                ("left", 7),
                ("k", 1),
                ("up", 1),
                ("down", 7),
                ("j", 7),
            ),
            *(("G", 12), ("g", 1), ("pagedown", 12), ("pageup", 1), ("end", 12), ("l", 12)),
        ):
            await dash.press(keys)
            await until_at(dash, number)
        await dash.press("h", "escape", dialog=None)
        await dash.until_cursor(FOUR)


async def test_verdicts_are_kept_at_once_and_undone(desk: Context, other: Store) -> None:
    async with reviewing(desk) as dash:
        await dash.press("p", said="Picked result 1.")
        await until_verdicts(dash, other, {TASKS[0]: [PICKED]})
        await dash.press("l", "x", "G", "+", "h", "-")
        wanted: dict[str, list[Verdict | None]] = {
            TASKS[0]: [PICKED],
            TASKS[1]: [REJECTED],
            FOUR: [None, None, REJECTED, PICKED],
        }
        await until_verdicts(dash, other, wanted)
        await dash.until_shown("+ picked", times=2)
        assert "+ Picked 2" in dash.lines[0]
        assert "- Rejected 2" in dash.lines[0]
        await dash.press("z", said="Restored 1 verdict.")
        await until_verdicts(dash, other, {**wanted, FOUR: [None, None, None, PICKED]})
        await dash.press("g", "u", said="Took back the verdict on result 1.")
        await dash.until(lambda: "+ Picked 1" in dash.lines[0], "the counts follow")
        await dash.press("z")
        await until_verdicts(dash, other, {**wanted, FOUR: [None, None, None, PICKED]})
        await dash.press("escape", dialog=None)
        await dash.press("z", said_times=len(dash.said) + 1)
        await until_verdicts(dash, other, {TASKS[0]: [PICKED], TASKS[1]: [REJECTED]})


async def test_undo_leaves_alone_what_others_have_decided_since(desk: Context, other: Store) -> None:
    async with reviewing(desk) as dash:
        await dash.press("space", "space", "p", said="Picked 2 results.")
        await dash.press("x", said="Rejected result 3.")
        first, _, third = (other.tasks.find(PROFILE, each).seq for each in TASKS[:3])
        other.verdicts.give([(first, 1, REJECTED), (third, 1, PICKED)], 1)
        await dash.press("z", said="Nothing restored: these results were decided on elsewhere since.")
        await dash.press("z", said="Restored 1 verdict.")
        await until_verdicts(dash, other, {TASKS[0]: [REJECTED], TASKS[2]: [PICKED]})


async def test_a_disk_that_does_not_answer_holds_up_no_verdict(
    desk: Context, other: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, asked = threading.Event(), []

    def is_there(file: SavedFile) -> bool:
        asked.append(file.path)
        answers.wait(30)
        return False

    monkeypatch.setattr(SavedFile, "is_there", is_there)
    other.saved.keep(other.tasks.find(PROFILE, TASKS[0]).seq, 1, Path("/far/away.png"), 1, 1)
    desk.settings = replace(desk.settings, download_dir=tmp_path / "saved")
    async with driven(desk, total=10) as dash:
        try:
            await dash.press("b", dialog="Review")
            await dash.until(lambda: bool(asked), "the disk is asked")
            await dash.press("p")
            await until_verdicts(dash, other, {TASKS[0]: [PICKED]})
            before = len(asked)
            await dash.press("e")
            await dash.until(lambda: len(asked) > before, "the disk is asked for the sheet")
            await dash.press("x")
            await until_verdicts(dash, other, {TASKS[0]: [REJECTED]})
        finally:
            answers.set()
        await until_pictures(dash)
        await dash.until_said("Saved a contact sheet of 12 results")


async def test_one_large_with_its_prompt_and_the_neighbours_by_the_same_keys(
    desk: Context, other: Store
) -> None:
    async with reviewing(desk) as dash:
        await dash.press("enter")
        large = review(dash).query_one(LargeResult)
        await dash.until(lambda: large.query_one(PictureView).drawn is not None, "the picture", 20)
        await dash.until_shown("Result 1 of 12")
        await dash.until_shown("A mug on a desk, number 1")
        await dash.press("l", "p")
        await dash.until_shown("Result 2 of 12  + picked")
        await until_verdicts(dash, other, {TASKS[1]: [PICKED]})
        await dash.press("G")
        await dash.until_shown("Result 12 of 12 · 4/4")
        await dash.until_shown("Four cats")
        await dash.press("g", "escape")
        assert dash.dialog == "Review"
        assert not large.display
        await dash.press("enter", "f", "f", "f")
        await dash.until(lambda: not large.display, "nothing is shown: back to the grid")


async def test_the_marked_tasks_are_reviewed_alone_and_none_is_told(desk: Context) -> None:
    async with driven(desk, total=10) as dash:
        await dash.press("G", "b", dialog="Review")
        await dash.press("escape", dialog=None)
        await dash.press("g", "space", "space", "b", dialog="Review")
        assert len(review(dash).results.results) == 2
        await dash.press("escape", dialog=None)
        await dash.press("escape", "right", "right", "b", said="No results to review in this view.")
        assert dash.dialog is None


async def test_links_are_opened_and_copied(desk: Context, browser: FakeBrowser) -> None:
    async with reviewing(desk) as dash:
        await dash.press("G", "o", said="Result 4: opened in the browser.")
        assert browser.opened == [link(FOUR, 4)]
        await dash.press("y", copied=link(FOUR, 4))
        await dash.press("g", "space", "space", "y", copied=f"{link(TASKS[0])}\n{link(TASKS[1])}")


@pytest.mark.usefixtures("all_to_be_fetched")
async def test_what_cannot_be_shown_has_a_card_with_the_reason(
    desk: Context, source: Source, watcher: FakeWatcher
) -> None:
    source.bodies[link(TASKS[0])] = halves()[:-30]
    source.refusals[link(TASKS[1])] = ExpiredError("the link has probably expired (HTTP 403)")
    source.refusals[link(TASKS[2])] = OtherKindError("MP3 sound, 1.2 MiB")
    async with reviewing(desk) as dash:
        await dash.until_shown("MP3 sound", 20)
        await dash.until_shown("it is damaged", 20)
        await dash.until_shown("expired", 20)
        await dash.until_shown("r asks again")
        await dash.press("l", "enter")
        await dash.until_shown("the link has expired")
        del source.refusals[link(TASKS[1])]
        await dash.press("escape", "r", said="Checking now.")
        assert watcher.wakes == 1
        await dash.until_gone("expired")


async def test_without_the_extra_it_says_what_to_install_and_lists_by_name(
    desk: Context, source: Source, other: Store
) -> None:
    desk.make_previews = lambda: Previews(source, None, is_installed=False)
    async with reviewing(desk) as dash:
        await dash.until_shown(" 1            A mug on a desk, number 1")
        assert "Pictures need one more package: " in dash.lines[1]
        assert all(f" {number} " in dash.lines[number + 1] for number in range(1, 13))
        await dash.press("j", "p")
        await until_verdicts(dash, other, {TASKS[1]: [PICKED]})
        await dash.until(lambda: "+ picked" in dash.lines[3], "its line says so")
        await dash.press("enter")
        await dash.until_shown("pictures need one more package")
        assert source.asked == []


async def test_the_mouse_selects_opens_scrolls_and_shows_kinds(desk: Context) -> None:
    async with reviewing(desk, (80, 24)) as dash:
        await until_pictures(dash)
        grid = review(dash).query_one(ReviewGrid)
        await dash.pilot.click(grid, offset=(22, 3))
        await until_at(dash, 2)
        # The cursor is brought into view once more when the click is over.
        await dash.settle()
        grid.scroll_to(y=10, animate=False)
        await dash.until(lambda: grid.scroll_offset.y == 10, "scrolled")
        await dash.pilot.click(grid, offset=(2, 3), times=2)
        await dash.until(lambda: review(dash).query_one(LargeResult).display, "large")
        await until_at(dash, 5)
        await dash.press("escape")
        await dash.pilot.click(offset=(dash.lines[0].index("Undecided") + 2, 0))
        await dash.until(lambda: "[Undecided 12]" in dash.lines[0], "the undecided")


async def test_help_lists_the_keys_and_other_keys_may_be_given(desk: Context) -> None:
    desk.keymap = {**desk.keymap, "review_pick": ("w",)}
    async with reviewing(desk) as dash:
        assert "w pick" in dash.lines[-1]
        await dash.press("w", said="Picked result 1.")
        await dash.press("?", dialog="Help")
        await dash.until_shown("next undecided result")
        await dash.until_shown("review_take_back")
        await dash.press("escape", dialog="Review")


@pytest.mark.parametrize("keys", [(), ("enter",)])
async def test_a_paste_is_for_the_list(desk: Context, keys: tuple[str, ...]) -> None:
    async with reviewing(desk) as dash:
        await dash.press(*keys)
        await dash.paste(uuid(500), dialog="AddIds")
        await dash.press("escape", dialog=None)


async def test_of_many_only_those_on_screen_are_fetched_and_few_kept(
    desk: Context, other: Store, source: Source
) -> None:
    many = [uuid(number) for number in range(1_000, 1_300)]
    add(other, *many)
    answer_all(other, {task_id: success_body(task_id, [link(task_id)]) for task_id in many})
    async with driven(desk, (80, 24), total=310) as dash:
        await dash.press("b", dialog="Review")
        await until_pictures(dash)
        assert len(set(source.asked)) == 8
        grid = review(dash).query_one(ReviewGrid)
        for key in ("G", "g", "pagedown", "pagedown", "pagedown", "pagedown", "pagedown"):
            await dash.press(key)
            await until_pictures(dash)
        assert len(grid.pictures._shown) <= 8 * picture.KEPT_SCREENS
        assert len(set(source.asked)) <= 8 * 8

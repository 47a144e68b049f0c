"""Views of the user's own: tabs behind those of the states, each with its filter, order, columns and profiles."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from typing import cast

import pytest
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PROFILE,
    Dash,
    FakeDownloads,
    FakeWatcher,
    add,
    answer_all,
    configure,
    driven,
    uuid,
)

from taskdash.api.wire import parse_answer
from taskdash.config.own import OwnView
from taskdash.config.profile import Profile
from taskdash.domain.batches import Way
from taskdash.domain.query import Query, Sort, SortKey
from taskdash.domain.record import apply_answer
from taskdash.results.download_thread import DownloadThread
from taskdash.store.store import Store
from taskdash.ui.context import Context, Service
from taskdash.watch.thread import WatcherThread

MANY = [uuid(n) for n in range(12)]
THEIRS = [uuid(n) for n in range(100, 103)]
VIEWS = (
    OwnView(name="to redo", filter="state:fail", sort="-id", columns=("state", "id", "label")),
    OwnView(name="all profiles", profiles=None),
    OwnView(name="theirs", profiles=("kie",), filter="saved:no"),
    OwnView(name="both", profiles=(PROFILE, "kie"), filter="state:success"),
)


@pytest.fixture
async def dash(desk: Context, other: Store) -> AsyncIterator[Dash]:
    add(other, *MANY)
    bodies = {each: waiting_body(each) for each in MANY}
    bodies |= {each: fail_body(each) for each in MANY[:3]} | {
        MANY[3]: success_body(MANY[3], ["https://cdn.example/r"])
    }
    answer_all(other, bodies)
    other.additions.add("kie", THEIRS, NOW_MS)
    other.additions.add("gone", [uuid(200)], NOW_MS)
    kie = Profile(name="kie", base_url="https://api.kie.ai", result_ttl_ms=3_600_000)
    configure(desk, views=VIEWS, profiles={PROFILE: desk.settings.in_use, "kie": kie})
    async with driven(desk, total=12) as made:
        yield made


async def test_each_stands_behind_the_states_with_its_count(dash: Dash, other: Store) -> None:
    for text in ("[All 12]", "to redo 3", "all profiles 16", "theirs 0", "both 1"):
        await dash.until_tab(text)
    answer_all(other, {MANY[4]: fail_body(MANY[4])})
    await dash.until_tab("to redo 4")


async def test_keys_and_mouse_go_to_them_and_round_again(dash: Dash) -> None:
    await dash.press("left", tab="[both 1]")
    assert dash.shown_ids == [MANY[3]]
    await dash.press("]", tab="[All 12]")
    await dash.press(*["right"] * 5, tab="[to redo 3]")
    assert dash.shown_ids == [MANY[2], MANY[1], MANY[0]]
    await dash.until_tab("× Fail 3")
    line = dash.lines[1]
    assert await dash.pilot.click(offset=(line.index("all profiles"), 1))
    await dash.until_tab("[all profiles 16]")
    assert dash.shown_ids[0] == uuid(200)


async def test_it_has_its_own_order_and_columns_and_leaves_those_of_the_list_alone(dash: Dash) -> None:
    await dash.press(*["]"] * 5, tab="[to redo 3]")
    assert "Duration" not in dash.screen
    assert dash.desk.view.columns == dash.desk.first_view.columns
    await dash.press("S")
    await dash.until(lambda: dash.shown_ids == MANY[:3], "the reversed order")
    await dash.press("C", said="The columns of this view are set in the config.")
    await dash.press("[", tab="[× Fail 3]")
    await dash.until_shown("Duration")
    assert dash.table.wanted.sort == Sort(SortKey.ADDED)
    await dash.press("s", dialog="ChooseSort")
    await dash.press("enter", dialog=None)
    await dash.press("]", tab="[to redo 3]")
    assert dash.table.wanted.sort == Sort(SortKey.ID)


async def test_what_stands_in_the_filter_box_is_added_to_it(dash: Dash) -> None:
    await dash.press(*["]"] * 5, tab="[to redo 3]")
    await dash.press("/", *f"id:{MANY[1]}", "enter", tab="[to redo 1]")
    await dash.until_tab("× Fail 1")
    await dash.until_tab("all profiles 1")
    await dash.press("/", *"x", "enter", tab="[to redo 0]")
    await dash.until_shown(f'No tasks match "id:{MANY[1]}x". Esc clears the filter.')
    await dash.press("escape", tab="[to redo 3]")
    await dash.press("]", "]", tab="[theirs 0]")
    await dash.until_shown("No tasks in this view.")


# What is done to tasks of other profiles


@pytest.fixture
def kie(desk: Context) -> FakeWatcher:
    """The watcher of the other profile, which is watched as a view shows it."""
    watcher = FakeWatcher()
    desk.others = {"kie": Service(watcher=cast("WatcherThread", watcher))}
    return watcher


def asked(store: Store, profile: str) -> list[str]:
    """The tasks of a profile that somebody asked to have checked."""
    rows = store.tasks.rows(Query(profile), NOW_MS)
    return [task.task_id for task in rows if task.asked_at_ms is not None]


async def test_each_task_is_checked_by_its_own_gateway(
    kie: FakeWatcher, watcher: FakeWatcher, dash: Dash, other: Store
) -> None:
    await dash.press(*["]"] * 6, tab="[all profiles 16]")
    await dash.press("A", "r")
    await dash.until_said(
        "Checking 15 tasks now. The others are skipped: the profile gone is not watched here."
    )
    assert (asked(other, "kie"), asked(other, "gone")) == (THEIRS, [])
    assert (kie.wakes, watcher.wakes) == (1, 1)
    await dash.press("escape", "p", said="Automatic checks paused.")
    assert (kie.pauses, watcher.pauses) == ([True], [True])


async def test_all_watchers_give_way_at_once_to_a_stop(
    desk: Context, kie: FakeWatcher, watcher: FakeWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    yielded: list[bool] = []

    def give_way(yielding: bool) -> None:
        if yielding:
            both.wait(10)
        yielded.append(yielding)

    for each in (kie, watcher):
        monkeypatch.setattr(each, "yield_lease", give_way)
    # Each may take seconds: whoever pressed Ctrl+Z waits for the slowest alone.
    async with desk.at_rest():
        assert yielded == [True, True]
    assert yielded == [True, True, False, False]


async def test_all_unfinished_tasks_of_the_view_are_checked(
    kie: FakeWatcher, dash: Dash, other: Store
) -> None:
    await dash.press("R", said="Checking 8 unfinished tasks now.")
    assert asked(other, "kie") == []
    await dash.press(*["]"] * 7, tab="[theirs 0]")
    await dash.press("R", said="Checking 3 unfinished tasks now.")
    assert (asked(other, "kie"), kie.wakes) == (THEIRS, 2)


async def test_a_profile_without_a_key_is_shown_and_not_checked_and_that_is_said(
    kie: FakeWatcher, dash: Dash, other: Store
) -> None:
    kie.say(has_key=False, leading=False)
    await dash.until(lambda: "kie: no API key" in dash.lines[0], "the trouble of the other profile")
    await dash.press(*["]"] * 6, tab="[all profiles 16]")
    await dash.press("A", "r", said="is not watched here; no API key for the profile kie.")
    assert asked(other, "kie") == []
    await dash.press("escape", "/", *"id:00000064", "enter", tab="[all profiles 1]")
    await dash.press("r", said="Nothing can be checked: no API key for the profile kie")
    await dash.open_palette("status", shown="Status: watcher")
    await dash.press("enter", dialog="Status")
    await dash.until_shown("Also kie")


@pytest.mark.usefixtures("kie")
async def test_results_are_saved_shown_and_copied_by_the_rules_of_their_profile(
    desk: Context, dash: Dash, other: Store
) -> None:
    done = FakeDownloads(), FakeDownloads()
    desk.make_downloads, desk.others["kie"].make_downloads = (
        lambda: cast("DownloadThread", done[0]),
        lambda: cast("DownloadThread", done[1]),
    )
    task = other.tasks.find("kie", THEIRS[0])
    body = json.dumps(success_body(THEIRS[0], ["https://cdn.example/k.png"], completeTime=NOW_MS - 60_000))
    parsed = parse_answer(200, {"content-type": "application/json"}, body.encode(), THEIRS[0])
    other.checks.record([apply_answer(task, parsed, NOW_MS)])
    await dash.press(*["]"] * 8, tab="[both 2]")
    await dash.press("A", marked=[0, 1])
    await dash.press("d", said="Saving 2 results")
    ours = other.tasks.find(PROFILE, MANY[3]).seq
    await dash.until(lambda: done[1].asked == [[task.seq]], "saved by the other's rules")
    assert done[0].asked == [[ours]]
    await dash.press("escape", "g", cursor=THEIRS[0])
    # Links of that gateway live for an hour, of ours nobody knows how long.
    await dash.until_in_pane("expires")
    await dash.press("c", dialog="CopyMenu")
    await dash.press("c")
    await dash.until(lambda: "https://api.kie.ai/" in dash.app.clipboard, "the other's address")
    await dash.press("j", cursor=MANY[3])
    await dash.until(lambda: "expires" not in dash.pane, "a task that does not expire")


async def test_an_end_at_another_gateway_is_told_and_told_once(
    kie: FakeWatcher, dash: Dash, desk: Context, other: Store
) -> None:
    assert kie.status.leading
    for body in (waiting_body(THEIRS[0]), success_body(THEIRS[0])):
        task = other.tasks.find("kie", THEIRS[0])
        parsed = parse_answer(200, {"content-type": "application/json"}, json.dumps(body).encode(), THEIRS[0])
        other.checks.record([apply_answer(task, parsed, NOW_MS)])
    await dash.until_said("✓ success: A cinematic portrait of a robot painter")
    assert other.news.untold("kie", Way.SCREEN) == []
    # How long its tasks take is learned apart from ours.
    durations = desk.others["kie"].durations
    assert durations is not None
    assert durations is not desk.durations
    assert desk.usual(task) is None

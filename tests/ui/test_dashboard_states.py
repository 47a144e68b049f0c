"""Each state as the dashboard shows it, the API's page's own three bodies first."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING

import pytest
from tests.servers import error_body, fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_FAIL,
    PAGE_LINK,
    PAGE_SUCCESS,
    PAGE_WAITING,
    FakeWatcher,
    FrozenClock,
    add,
    answer,
    answer_all,
    driven,
    fill_with_the_page,
    uuid,
)

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.context import Context

A, B, C = uuid(1), uuid(2), uuid(3)


async def test_the_pages_three_bodies_show_as_waiting_success_and_fail(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, (200, 60), total=3) as dash:
        await dash.press("v")
        await dash.until(lambda: PAGE_WAITING in dash.table_lines[0], "the table at its full width")
        assert dash.shown_ids == [PAGE_WAITING, PAGE_SUCCESS, PAGE_FAIL]
        waiting, success, fail = dash.row("◐ waiting"), dash.row("✓ success"), dash.row("× fail")
        assert PAGE_WAITING in waiting
        assert "A cinematic portrait of a robot painter" in waiting
        assert "6m50s" in waiting  # createTime 1777474689024 to NOW_MS
        assert "A cat" in success
        assert "32.2 s" in success
        assert "32.2 s" not in fail + waiting
        assert " – " in fail
        assert dash.tabs.split() == [
            "[All",
            "3]",
            "○",
            "New",
            "0",
            "◐",
            "Waiting",
            "1",
            "✓",
            "Success",
            "1",
            "×",
            "Fail",
            "1",
        ]


async def test_the_pages_waiting_body_in_the_detail(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        assert "◐ waiting  for 6m50s" in dash.pane
        assert "gpt-image-2-text-to-image" in dash.pane
        assert "A cinematic portrait of a robot painter" in dash.pane
        assert "2026-04-29 14:58:09" in dash.pane
        assert "completed" not in dash.pane
        assert "costTime" not in dash.pane


async def test_the_pages_success_body_in_the_detail(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("j")
        await dash.until(lambda: "✓ success  in 32.2 s" in dash.pane, "the success in the pane")
        assert f"1 result\n1 {PAGE_LINK}" in dash.pane
        assert "A cat" in dash.pane
        assert "2026-04-29 10:53:20" in dash.pane  # completeTime 1777460000000


async def test_the_pages_fail_body_in_the_detail(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press("G")
        await dash.until(lambda: "× fail" in dash.pane, "the failure in the pane")
        assert "code 400" in dash.pane
        assert "Sorry, but the image we created may violate OpenAI's content policies." in dash.pane
        costs = [line for line in dash.pane.splitlines() if line.startswith("costTime")]
        assert [line.split() for line in costs] == [["costTime", "–"]]
        assert "360 equirectangular panorama" in dash.pane


async def test_a_new_task_says_that_it_was_not_checked_yet(desk: Context, other: Store) -> None:
    add(other, A)
    async with driven(desk, total=1) as dash:
        assert "○ new" in dash.row("not checked yet")
        assert "not answered yet" in dash.pane


@pytest.mark.parametrize("word", ["queuing", "generating", "some-word"])
async def test_an_unfinished_task_shows_the_apis_own_word_and_is_filed_under_waiting(
    desk: Context, other: Store, word: str
) -> None:
    add(other, A)
    answer(other, A, waiting_body(A, state=word))
    async with driven(desk, total=1) as dash:
        assert f"◐ {word}" in dash.table_lines[0]
        assert f"◐ {word}" in dash.pane
        assert "◐ Waiting 1" in dash.tabs


async def test_waiting_rows_tick_with_the_clock(desk: Context, other: Store, clock: FrozenClock) -> None:
    add(other, A)
    answer(other, A, waiting_body(A, createTime=NOW_MS - 11_000))
    async with driven(desk, total=1) as dash:
        assert "11s" in dash.screen
        clock.at_ms += 31_000
        await dash.until(lambda: "42s" in dash.row("00000001"), "42s in the row", 2.5)
        await dash.until_shown("for 42s")


async def test_a_finished_row_does_not_tick(desk: Context, other: Store, clock: FrozenClock) -> None:
    add(other, PAGE_SUCCESS, A)
    answer(other, A, waiting_body(A, createTime=NOW_MS - 11_000))
    answer(other, PAGE_SUCCESS, success_body(PAGE_SUCCESS))
    async with driven(desk, (200, 60), total=2) as dash:
        clock.at_ms += 31_000
        await dash.until_shown("42s", 2.5)
        assert "32.2 s" in dash.row(PAGE_SUCCESS)


@pytest.mark.parametrize("finished", [4, 8])
async def test_a_usual_time_is_shown_only_once_the_history_has_enough(
    desk: Context, other: Store, finished: int
) -> None:
    ids = [uuid(100 + n) for n in range(finished)]
    add(other, *ids)
    answer_all(other, {each: success_body(each, costTime=32_000) for each in ids})
    add(other, A)
    answer(other, A, waiting_body(A, createTime=NOW_MS - 16_000))
    async with driven(desk, (200, 60), total=finished + 1) as dash:
        if finished < 5:
            await dash.until(lambda: "for 16s" in dash.pane, "the time so far")
            assert "usually" not in dash.pane
            assert "▱" not in dash.screen
        else:
            await dash.until(lambda: "usually 32.0 s" in dash.pane, "the usual time in the pane", 2.5)
            await dash.until(lambda: "▰▰▱▱" in dash.row("16s"), "half of the bar", 2.5)


async def test_a_problem_stands_beside_the_record_and_never_replaces_it(desk: Context, other: Store) -> None:
    add(other, A, B)
    answer(other, A, waiting_body(A))
    answer(other, A, error_body(500, "server error"), status=500)
    answer(other, B, error_body(404, "task not found"), status=404)
    async with driven(desk, (200, 60), total=2) as dash:
        # Below the table the detail leaves it the whole width.
        await dash.press("v")
        await dash.until(lambda: "◐ waiting !" in dash.table_lines[0], "the problem in the row")
        assert "A cinematic portrait of a robot painter" in dash.row("◐ waiting !")
        assert "not found: " in dash.row("○ new !")
        assert "! server error (since just now)" in dash.pane


async def test_a_task_with_many_results_numbers_its_links(desk: Context, other: Store) -> None:
    urls = [f"https://cdn.example.com/{n}.png" for n in range(1, 13)]
    add(other, A)
    answer(other, A, success_body(A, urls))
    async with driven(desk, total=1) as dash:
        lines = dash.pane.splitlines()
        start = lines.index("12 results")
        assert [line.split() for line in lines[start + 1 : start + 13]] == [
            *([str(n), url] for n, url in enumerate(urls[:9], 1)),
            *([url] for url in urls[9:]),
        ]


async def test_the_inputs_of_a_task_are_listed_as_key_and_value(desk: Context, other: Store) -> None:
    param = {"model": "m", "input": {"prompt": "A fox", "size": "1024x1024", "n": 2, "seeds": [1, 2]}}
    add(other, A)
    answer(other, A, waiting_body(A, param=json.dumps(param)))
    async with driven(desk, total=1) as dash:
        pairs = [line.split(maxsplit=1) for line in dash.pane.splitlines()]
        assert ["size", "1024x1024"] in pairs
        assert ["n", "2"] in pairs
        assert ["seeds", "[1, 2]"] in pairs


async def test_a_label_stands_in_place_of_the_prompt(desk: Context, other: Store) -> None:
    add(other, A, label="hero shot")
    answer(other, A, waiting_body(A))
    async with driven(desk, total=1) as dash:
        assert "hero shot" in dash.table_lines[0]
        assert "robot painter" not in dash.table_lines[0]
        assert "robot painter" in dash.pane


async def test_a_task_that_finishes_is_told_once(desk: Context, other: Store, clock: FrozenClock) -> None:
    add(other, A, B, C)
    for task_id in (A, B):
        answer(other, task_id, waiting_body(task_id))
    async with driven(desk, total=3) as dash:
        clock.at_ms += 5_000
        answer(other, A, success_body(A), now_ms=clock.at_ms)
        await dash.until_said("success: A cinematic portrait of a robot painter")
        clock.at_ms += 1_000
        answer(other, B, fail_body(B), now_ms=clock.at_ms)
        await dash.until_said("fail: A cinematic portrait of a robot painter\nSorry, but")
        clock.at_ms += 1_000
        answer(other, C, success_body(C), now_ms=clock.at_ms)
        await dash.until(lambda: "✓ Success 2" in dash.tabs, "both successes counted")
        # C had ended when it was added: no news.
        assert len(dash.said) == 2


async def test_many_that_finish_at_once_are_told_in_one_line(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    ids = [uuid(n) for n in range(6)]
    add(other, *ids)
    for task_id in ids:
        answer(other, task_id, waiting_body(task_id))
    async with driven(desk, total=6) as dash:
        clock.at_ms += 5_000
        bodies = {task_id: success_body(task_id) for task_id in ids[1:]}
        answer_all(other, {ids[0]: fail_body(ids[0]), **bodies}, now_ms=clock.at_ms)
        await dash.until_said("6 tasks finished: 5 success, 1 fail")
        assert len(dash.said) == 1


async def test_the_status_line_tells_profile_counts_and_budget(
    desk: Context, other: Store, watcher: FakeWatcher
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        watcher.say(used=7, per_minute=90, tier="standard", next_check_at_ms=NOW_MS + 12_000)
        await dash.until(lambda: "7/90 checks a minute, standard" in dash.lines[0], "the budget")
        line = dash.lines[0]
        assert "aigptimage" in line
        assert "◐ 1  ✓ 1  × 1" in line
        assert "watching" in line
        assert "next in 12s" in line


@pytest.mark.parametrize("width", [40, 60, 80])
async def test_the_status_line_never_wraps_or_loses_the_profile(
    desk: Context, other: Store, width: int
) -> None:
    fill_with_the_page(other)
    async with driven(desk, (width, 24), total=3) as dash:
        assert "aigptimage" in dash.lines[0]
        assert len(dash.lines) == 24


async def test_a_follower_says_whom_it_follows(desk: Context, watcher: FakeWatcher) -> None:
    watcher.say(leading=False, watcher_pid=4321)
    async with driven(desk) as dash:
        await dash.until(lambda: "following pid 4321" in dash.lines[0], "the other's pid")


async def test_garbage_is_collected_again_once_the_first_frame_is_drawn(desk: Context) -> None:
    gc.disable()
    try:
        async with driven(desk) as dash:
            await dash.until(gc.isenabled, "the collector at work")
    finally:
        gc.enable()

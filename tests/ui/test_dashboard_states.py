"""Each state as the dashboard shows it, the API's page's own three bodies first."""

from __future__ import annotations

import gc

import pytest
from tests.servers import error_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_FAIL,
    PAGE_LINK,
    PAGE_SUCCESS,
    PAGE_WAITING,
    Dash,
    FakeWatcher,
    FrozenClock,
    add,
    add_answered,
    answer,
    driven,
    uuid,
)

from taskdash.store.store import Store
from taskdash.ui.context import Context

A, B, C = uuid(1), uuid(2), uuid(3)


@pytest.mark.dashboard(size=(200, 60))
async def test_the_pages_three_bodies_show_as_waiting_success_and_fail(dash: Dash) -> None:
    await dash.press("v")
    await dash.until(lambda: PAGE_WAITING[:8] in dash.table_lines[0], "the table at its full width")
    assert dash.shown_ids == [PAGE_WAITING, PAGE_SUCCESS, PAGE_FAIL]
    waiting, success, fail = dash.row("◐ waiting"), dash.row("✓ success"), dash.row("× fail")
    assert waiting.rstrip().endswith(PAGE_WAITING[:8])
    assert "A cinematic portrait of a robot painter" in waiting
    assert "6m50s" in waiting  # createTime 1777474689024 to NOW_MS
    assert "A cat" in success
    assert "32s" in success
    assert "32s" not in fail + waiting
    assert " – " in fail
    assert " ".join(dash.tabs.split()) == "[All 3] ○ New 0 ◐ Waiting 1 ✓ Success 1 × Fail 1"


@pytest.mark.dashboard(size=(80, 24))
async def test_in_a_small_terminal_prompt_and_reason_are_seen_without_scrolling(dash: Dash) -> None:
    for key, seen in (
        ("g", ["A cinematic portrait of a robot painter", "◐ waiting 6m50s"]),
        ("j", ["A cat", f"1 {PAGE_LINK}", "✓ success in 32s"]),
        ("G", ["360 equirectangular panorama", "× fail · content policy · code 400"]),
    ):
        await dash.press(key)
        for text in seen:
            below = next(y for y, line in enumerate(dash.lines) if "Detail" in line)
            await dash.until(lambda t=text, y=below: t in "\n".join(dash.lines[y:]), text)  # type: ignore[misc] # defaults bind them


async def test_an_unfinished_task_shows_the_apis_own_word_and_is_filed_under_waiting(
    desk: Context, other: Store
) -> None:
    words = ("queuing", "generating", "some-word")
    add(other, A)
    add_answered(other, *(waiting_body(uuid(n), state=word) for n, word in enumerate(words, 2)))
    async with driven(desk, total=4) as dash:
        for word in words:
            await dash.until_in_pane(f"◐ {word}")
            assert f"◐ {word}" in dash.table_lines[dash.cursor_line or 0]
            await dash.press("j")
        assert "◐ Waiting 3" in dash.tabs
        await dash.until_in_pane("not answered yet")
        assert "○ new" in dash.row("not checked yet")


async def test_waiting_rows_tick_with_the_clock_and_finished_ones_do_not(
    desk: Context, other: Store, clock: FrozenClock
) -> None:
    add_answered(other, waiting_body(A, createTime=NOW_MS - 11_000), success_body(PAGE_SUCCESS))
    async with driven(desk, (200, 60), total=2) as dash:
        assert "11s" in dash.row("◐")
        clock.at_ms += 31_000
        await dash.until(lambda: "42s" in dash.row("◐"), "42s in the row")
        await dash.until_shown("◐ waiting 42s")
        assert "32s" in dash.row(PAGE_SUCCESS)


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
        assert "! server error · first seen just now" in dash.pane


async def test_the_line_on_top_is_quiet_and_the_status_view_tells_the_rest(
    watcher: FakeWatcher, dash: Dash
) -> None:
    watcher.say(used=7, per_minute=90, tier="standard", next_check_at_ms=NOW_MS + 12_000)
    assert dash.lines[0].strip() == "taskdash aigptimage"
    await dash.open_palette("status", shown="Status: watcher, budget, gateway")
    await dash.press("enter", dialog="Status", shown="7 of 90 checks in the last minute")
    for text in ("https://aigptimage.com", "standard", "in 12s", "this process", "tasks.db", "automatic"):
        assert text in dash.screen
    # It is kept up to date.
    watcher.say(used=8, paused=True)
    await dash.until_shown("8 of 90 checks in the last minute", 2.5)
    assert "paused" in dash.screen
    await dash.press("escape", dialog=None)
    watcher.say(paused=False, leading=False, watcher_pid=4321)
    await dash.until(lambda: "watched by process 4321" in dash.lines[0], "the other's pid")
    # A click on the line asks for the rest, too.
    await dash.pilot.click(offset=(dash.lines[0].index("process"), 0))
    await dash.until_shown("process 4321")
    await dash.until_dialog("Status")
    await dash.press("q", dialog=None)
    for width in (80, 60, 40):
        await dash.pilot.resize_terminal(width, 24)
        await dash.until(lambda: len(dash.lines) == 24, "the other size")
        assert "aigptimage" in dash.lines[0]


async def test_garbage_is_collected_again_once_the_first_frame_is_drawn(desk: Context) -> None:
    gc.disable()
    try:
        async with driven(desk) as dash:
            await dash.until(gc.isenabled, "the collector at work")
    finally:
        gc.enable()

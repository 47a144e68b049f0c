"""What is said when something is wrong as a whole; the list stays usable through all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_LINK,
    PAGE_SUCCESS,
    FakeBrowser,
    FakeWatcher,
    add,
    driven,
    fill_with_the_page,
    uuid,
)

from taskdash.domain.task import ProblemKind

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.context import Context

ADVICE = "set AIGPTIMAGE_API_KEY to the key and start again"


async def test_without_a_key_a_banner_names_the_variable_and_the_list_works(
    desk: Context, other: Store, watcher: FakeWatcher, browser: FakeBrowser
) -> None:
    desk.key_advice = ADVICE
    watcher.say(has_key=False, leading=False)
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        assert "AIGPTIMAGE_API_KEY" in dash.lines[1]
        assert "no key" in dash.lines[0]
        await dash.press("j", "o")
        await dash.until_said("opened in the browser")
        assert browser.opened == [PAGE_LINK]
        await dash.press("y")
        await dash.until(lambda: dash.app.clipboard == PAGE_SUCCESS, "the ID copied")
        await dash.paste(uuid(1))
        await dash.until_shown("1 new")
        await dash.press("enter")
        await dash.until_total(4)


@pytest.mark.parametrize("key", ["r", "R"])
async def test_without_a_key_a_check_says_what_is_missing(desk: Context, other: Store, key: str) -> None:
    desk.key_advice = ADVICE
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        await dash.press(key)
        await dash.until_said("Nothing can be checked")
        await dash.until_said("AIGPTIMAGE_API_KEY")


async def test_an_empty_list_says_what_to_do_first(desk: Context) -> None:
    async with driven(desk) as dash:
        await dash.until_shown("Nothing on this list yet")
        assert "Paste task IDs" in dash.screen
        assert "taskdash add" in dash.screen
        assert "State" not in dash.screen


async def test_the_first_task_replaces_the_advice(desk: Context, other: Store) -> None:
    async with driven(desk) as dash:
        add(other, uuid(1))
        await dash.until_gone("Nothing on this list yet")
        await dash.until_shown("not checked yet")


@pytest.mark.parametrize(
    ("changes", "said", "word"),
    [
        (
            {
                "problem": ProblemKind.UNREACHABLE,
                "message": "connection refused",
                "held_until_ms": NOW_MS + 9_000,
            },
            "Offline: connection refused; trying again in 9s",
            "offline",
        ),
        (
            {"problem": ProblemKind.UNAUTHORIZED, "message": "invalid key"},
            "Unauthorized: the server refuses this key: set the right one and start again",
            "unauthorized",
        ),
        (
            {"problem": ProblemKind.RATE_LIMITED, "held_until_ms": NOW_MS + 17_000},
            "Rate limited: all checks wait; trying again in 17s",
            "rate limited",
        ),
        ({"problem": ProblemKind.NO_CREDITS}, "No credits", ""),
        ({"problem": ProblemKind.SERVER_ERROR}, "Server error", ""),
        ({"paused": True}, "Paused: nothing is checked on its own", "paused"),
        (
            {"leading": False, "watcher_pid": 77, "watcher_stopped": True},
            "(pid 77) is stopped",
            "following pid 77",
        ),
        (
            {"over_budget": True, "due": 12, "tier": "free (assumed)"},
            "12 checks wait for the budget of tier free (assumed): set tier",
            "12 due",
        ),
        ({"learned": "the server says 90 a minute"}, "the server says 90 a minute", ""),
    ],
)
async def test_one_banner_says_what_is_wrong_and_goes_when_it_is_over(
    desk: Context, other: Store, watcher: FakeWatcher, changes: dict[str, Any], said: str, word: str
) -> None:
    fill_with_the_page(other)
    healthy = {name: getattr(watcher.status, name) for name in changes}
    async with driven(desk, total=3) as dash:
        watcher.say(**changes)
        await dash.until(lambda: said in dash.lines[1], said)
        assert word in dash.lines[0]
        await dash.press("j")
        await dash.until_cursor(PAGE_SUCCESS)
        watcher.say(**healthy)
        await dash.until_gone(said)
        await dash.until(lambda: "All 3" in dash.lines[1], "the tabs below the status line again")


async def test_a_banner_too_long_for_the_screen_is_told_whole(
    desk: Context, other: Store, watcher: FakeWatcher
) -> None:
    fill_with_the_page(other)
    async with driven(desk, (60, 24), total=3) as dash:
        watcher.say(problem=ProblemKind.UNREACHABLE, message="no route to host " * 4 + "at last")
        await dash.until_shown("at last")
        assert "All 3" in dash.screen


async def test_the_countdown_of_a_banner_runs(
    desk: Context, other: Store, watcher: FakeWatcher, clock: Any
) -> None:
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        watcher.say(problem=ProblemKind.UNREACHABLE, held_until_ms=NOW_MS + 9_000)
        await dash.until_shown("trying again in 9s")
        clock.at_ms += 4_000
        await dash.until_shown("trying again in 5s", 2.5)

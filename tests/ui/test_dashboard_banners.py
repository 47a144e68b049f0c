"""What is said when something is wrong as a whole; the list stays usable through all of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_FAIL,
    PAGE_WAITING,
    Dash,
    FakeWatcher,
    FrozenClock,
    add,
    driven,
    fill_with_the_page,
    uuid,
)
from textual.color import Color

from taskdash.domain.task import ProblemKind
from taskdash.store.store import Store
from taskdash.ui.context import Context

ADVICE = "set AIGPTIMAGE_API_KEY to the key and start again"


async def test_without_a_key_a_check_says_what_is_missing(desk: Context, other: Store) -> None:
    desk.key_advice = ADVICE
    fill_with_the_page(other)
    async with driven(desk, total=3) as dash:
        for number, key in enumerate("rR", 1):
            await dash.press(key, said_times=number)
            assert "Nothing can be checked" in dash.said[-1]
            assert "AIGPTIMAGE_API_KEY" in dash.said[-1]


@pytest.mark.dashboard(tasks=0)
async def test_an_empty_list_says_what_to_do_first(other: Store, dash: Dash) -> None:
    await dash.until_shown("No tasks yet")
    assert "Paste anything containing task IDs" in dash.screen
    assert "taskdash add" in dash.screen
    assert "State" not in dash.screen
    add(other, uuid(1))
    await dash.until_gone("No tasks yet")
    await dash.until_shown("not checked yet")


async def test_one_banner_says_what_is_wrong_and_goes_when_it_is_over(
    watcher: FakeWatcher, clock: FrozenClock, dash: Dash
) -> None:
    offline = failing("UNREACHABLE", message="connection refused", held_until_ms=NOW_MS + 9_000)
    for word, said, changes in (
        ("offline", "Offline: connection refused; trying again in 9s", offline),
        ("paused", "Paused: no automatic checks", {"paused": True}),
        ("", "the server says 90 a minute", {"learned": "the server says 90 a minute"}),
    ):
        healthy = {name: getattr(watcher.status, name) for name in changes}
        watcher.say(**changes)
        await dash.until(lambda said=said: said in dash.lines[1], said)  # type: ignore[misc] # the default binds it
        assert word in dash.lines[0]
        # Its ground is that of problems where it is one.
        banner, problem = dash.main.query_one("#banner"), dash.app.theme_variables["warning-muted"]
        assert (banner.styles.background == Color.parse(problem)) is bool(word)
        # The list stays usable.
        await dash.press("G", cursor=PAGE_FAIL)
        await dash.press("g", cursor=PAGE_WAITING)
        watcher.say(**healthy)
        await dash.until_gone(said)
        await dash.until(lambda: "All 3" in dash.lines[1], "the tabs below the status line again")
    watcher.say(**failing("UNREACHABLE", held_until_ms=NOW_MS + 9_000))
    await dash.until_shown("trying again in 9s")
    clock.at_ms += 4_000
    await dash.until_shown("trying again in 5s", 2.5)


def failing(problem: str, **more: Any) -> dict[str, Any]:
    return {"problem": ProblemKind[problem], **more}


@pytest.mark.dashboard(size=(60, 24))
async def test_a_banner_too_long_for_the_screen_is_told_whole(watcher: FakeWatcher, dash: Dash) -> None:
    watcher.say(problem=ProblemKind.UNREACHABLE, message="no route to host " * 4 + "at last")
    await dash.until_shown("at last")
    assert "All 3" in dash.screen

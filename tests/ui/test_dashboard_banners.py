"""What is said when something is wrong as a whole; the list stays usable through all of it."""

from __future__ import annotations

from typing import Any

from tests.ui.driven_dashboard import (
    NOW_MS,
    PAGE_FAIL,
    PAGE_WAITING,
    Dash,
    FakeWatcher,
    FrozenClock,
)
from textual.color import Color

from taskdash.domain.task import ProblemKind


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

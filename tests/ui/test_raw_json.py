"""The raw response of a task: laid out to be read, as it was sent, and searched."""

from __future__ import annotations

import re

import pytest
from tests.servers import success_body
from tests.ui.driven_dashboard import Dash, add, add_answered, answer, driven, uuid
from textual.containers import VerticalScroll

from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.screens import inspect


@pytest.fixture
def listed(other: Store) -> int:
    """One task whose answer is longer than a screen, and has two keys after each other."""
    add_answered(other, success_body(uuid(1), extra=[{"part": f"p{n:04}"} for n in range(200)]))
    return 1


def parts_shown(dash: Dash) -> list[int]:
    return [int(found) for found in re.findall(r'"p(\d{4})"', dash.screen)]


@pytest.mark.dashboard(size=(80, 24))
async def test_it_is_indented_and_r_shows_it_as_it_was_sent(dash: Dash) -> None:
    await dash.press("J", dialog="RawJson", shown=f"Raw response for {uuid(1)}")
    assert '    "data": {' in dash.screen
    await dash.press("r", shown="r indents it")
    assert '"data": {' in dash.screen
    assert '    "data"' not in dash.screen
    await dash.press("r", shown='    "data": {')
    assert "Esc closes" in dash.screen
    await dash.press("J", dialog=None)


@pytest.mark.dashboard(size=(80, 24))
async def test_a_search_leads_from_match_to_match_and_round(dash: Dash) -> None:
    await dash.press("J", dialog="RawJson")
    await dash.press("/", *"P00", shown="Match 1 of 100")
    await dash.press("enter", "n", "n", shown="Match 3 of 100")
    await dash.until(lambda: 2 in parts_shown(dash), "the third match on the screen")
    await dash.press("N", "N", "N", shown="Match 100 of 100")
    await dash.until(lambda: 99 in parts_shown(dash), "the last match on the screen")
    await dash.press("escape", shown="Esc closes.")
    assert dash.dialog == "RawJson"
    await dash.press("/", *"nowhere", shown="No match")
    await dash.press("escape", "/", *"p0177", shown="Match 1 of 1")
    await dash.until(lambda: 177 in parts_shown(dash), "it on the screen")
    await dash.press("enter", "r", shown="Match 1 of 1")
    await dash.until(lambda: "p0177" in dash.screen, "it on the screen as it was sent")


async def test_how_to_close_it_is_never_cut(
    desk: Context, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect, "MAX_CHARS", 3_000)
    task_id = "a-name-as-long-as-a-task-may-have-it." + "x" * 90
    add(other, task_id)
    answer(other, task_id, success_body(task_id, extra=["long"] * 500))
    async with driven(desk, (20, 10), total=1) as dash:
        for size in ((20, 10), (200, 60)):
            await dash.pilot.resize_terminal(*size)
            await dash.press("J", dialog="RawJson", shown="Esc closes")
            assert dash.app.screen.query_one(VerticalScroll).size.height > 0
            await dash.press("G", "G")
            await dash.until(
                lambda: "--raw`" in "".join(dash.screen.replace("│", "").split()), "how to see the rest"
            )
            await dash.press("escape", dialog=None)

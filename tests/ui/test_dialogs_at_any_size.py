"""Every dialog at every size of the terminal, from a single cell on, with every key: none of it ends the dashboard."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest
from tests.servers import success_body
from tests.ui.driven_dashboard import (
    PAGE_LINK,
    PAGE_SUCCESS,
    Dash,
    add,
    answer,
    driven,
    fill_with_the_page,
    uuid,
)

from taskdash.store.store import Store
from taskdash.ui.app import Dashboard
from taskdash.ui.context import Context

OPENED_BY: Final = {
    "a": "AddIds",
    "x": "Confirm",
    "e": "EditLabel",
    "s": "ChooseSort",
    "C": "ChooseColumns",
    "c": "CopyMenu",
    "o": "ChooseLink",
    "F": "Failures",
    "B": "Batches",
    "t": "Statistics",
    "J": "RawJson",
    "?": "Help",
    ":": "Palette",
}
"""The key of each dialog."""
MOVES: Final = (
    *("up", "down", "left", "right", "pageup", "pagedown", "home", "end"),
    *("tab", "shift+tab", "backspace", "delete", "ctrl+home", "ctrl+end"),
    *("ctrl+u", "ctrl+w", "ctrl+a", "ctrl+l", *"jkJK+-0G"),
)
"""What moves in lists and text boxes, or edits; most dialogs stay open."""
ENDS: Final = ("enter", "escape", "y", "q", "i", "r", "space", "1", "f1")
"""What may close a dialog or open another. Those that quit are left out."""
SMALL: Final = [(columns, rows) for columns in range(1, 16) for rows in range(1, 12)]


async def reopen(dash: Dash, key: str) -> None:
    """Open the dialog of a key on the task with results, where none is open."""
    for _ in range(5):
        if dash.dialog is not None:
            return
        # What was typed last may have gone to the list: back to the table, and to its second task.
        await dash.press(*["escape"] * 3, "g", "j")
        await dash.press(key)
        with suppress(AssertionError):
            await dash.until(lambda: dash.dialog is not None, f"a dialog by {key}", 2)
    raise AssertionError(
        f"{key} opens no dialog: {dash.app.focused} {dash.cursor} {dash.said}\n{dash.screen}"
    )


@pytest.mark.parametrize("key", OPENED_BY)
async def test_no_key_in_a_dialog_ends_the_dashboard_however_small_it_is(
    key: str, desk: Context, other: Store
) -> None:
    add(other, *(uuid(n) for n in range(20)))
    fill_with_the_page(other)
    answer(other, PAGE_SUCCESS, success_body(PAGE_SUCCESS, [PAGE_LINK, f"{PAGE_LINK}?2"]))
    # Enter in the palette may well be for "Quit".
    ends = [each for each in ENDS if (key, each) != (":", "enter")]
    chance = random.Random(key)  # noqa: S311 - which keys come first
    chance.shuffle(ends)
    async with driven(desk, (80, 24), total=23) as dash:
        for n, size in enumerate([(1, 1), (80, 1), chance.choice(SMALL)]):
            await dash.pilot.resize_terminal(*size)
            for pressed in [chance.sample(MOVES, len(MOVES)), *([each] for each in ends[n::3])]:
                await reopen(dash, key)
                await dash.press(*pressed)
                assert dash.lines  # drawn at this size
                assert isinstance(dash.app, Dashboard)
                assert dash.app.crash is None, f"{pressed} at {size}"


async def test_no_key_in_the_welcome_ends_the_dashboard_however_small_it_is(desk: Context) -> None:
    desk.key_advice, desk.config_path = "set a key", Path("/home/you/config.toml")
    async with driven(desk, (80, 24), total=0) as dash:
        await dash.until_dialog("Welcome")
        for size in [(1, 1), (9, 24), (80, 1), (14, 6)]:
            await dash.pilot.resize_terminal(*size)
            for pressed in (*MOVES, "k", *MOVES, "s", "k", "escape"):
                await dash.press(pressed)
                assert dash.lines  # drawn at this size
                assert isinstance(dash.app, Dashboard)
                assert dash.app.crash is None, f"{pressed} at {size}"

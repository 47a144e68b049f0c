"""Commands of the user's own in the dashboard: key, palette, help and footer, what is asked, said and shown of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from tests.ui.driven_dashboard import PAGE_SUCCESS, Dash, configure, driven, fill_with_the_page

from taskdash.config.own import OwnCommand
from taskdash.results.own_commands import OwnCommands, Programs
from taskdash.store.store import Store
from taskdash.ui.context import Context
from taskdash.ui.keymap import make_keymap


@pytest.fixture
async def dash(desk: Context, other: Store, store_path: Path) -> AsyncIterator[Dash]:
    fill_with_the_page(other)
    gate = store_path.parent / "gate"
    os.mkfifo(gate)
    commands = {
        "show": OwnCommand(name="show", keys=("U",), command=("sh", "-c", 'echo "[b]$TASKDASH_TASK_ID"')),
        "count": OwnCommand(
            name="count",
            keys=("f8",),
            command=("sh", "-c", 'grep -o taskId | wc -l; read line <"$0"', str(gate)),
            runs_for="all",
            confirm=True,
        ),
        "bad": OwnCommand(name="bad", command=("no-such-program",)),
    }
    configure(desk, commands=commands)
    desk.keymap = make_keymap("default", {}, None, commands)
    programs = Programs(store_path=store_path, environ={"PATH": os.environ["PATH"]}, keys=desk.keys)
    desk.make_commands = partial(OwnCommands, programs)
    async with driven(desk, (160, 45), total=3) as made:
        yield made


async def test_a_key_runs_it_for_the_task_at_the_cursor_and_m_shows_what_it_printed(dash: Dash) -> None:
    await dash.press("j", "U", said="Running show for 1 task.")
    await dash.until_said("show: ended (exit 0); m shows its output")
    await dash.press("m", dialog="Messages")
    await dash.until_shown(f"[b]{PAGE_SUCCESS}")


async def test_one_for_all_asks_where_it_is_to_and_leaves_the_dashboard_usable(
    dash: Dash, store_path: Path
) -> None:
    await dash.press("A", marked=[0, 1, 2])
    await dash.press("f8", dialog="Confirm")
    await dash.until_shown("Run count for 3 tasks?")
    await dash.press("n", dialog=None)
    assert dash.said == []
    await dash.press("f8", "y", said="Running count for 3 tasks.")
    await dash.press("G", "k", "escape", marked=[])
    assert dash.desk.at_work == "count"
    # Until somebody writes to it, it waits.
    await asyncio.to_thread((store_path.parent / "gate").write_text, "go\n")
    await dash.until_said("count: ended (exit 0); m shows its output")
    await dash.until(lambda: dash.desk.at_work == "", "nothing at work")
    await dash.press("m", dialog="Messages")
    await dash.until(
        lambda: any(line.strip(" │┃▎▊").strip() == "3" for line in dash.lines), "the count of three"
    )


async def test_it_stands_in_footer_palette_and_help_like_every_action(dash: Dash) -> None:
    assert "U show" in dash.lines[-1]
    await dash.open_palette("run bad", shown="Run bad")
    await dash.press("enter", said="bad: no-such-program was not found")
    await dash.press("?", dialog="Help")
    await dash.press(*"commands.count")
    await dash.until_shown("run count")
    assert "f8" in dash.screen

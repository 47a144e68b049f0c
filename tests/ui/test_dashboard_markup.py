"""Markup in what comes from outside is text: in every cell, pane, dialog and toast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from tests.servers import fail_body, success_body
from tests.ui.driven_dashboard import (
    Dash,
    FakeWatcher,
    add,
    answer,
    configure_profile,
    driven,
    uuid,
)
from textual.widgets import Input

from taskdash.config.describe import explained_settings
from taskdash.config.settings import Settings
from taskdash.domain.errors import UsageError
from taskdash.store.store import Store
from taskdash.ui.context import Context

A, B = uuid(1), uuid(2)
HREF = "https://cdn.example.com/[red]/[@click=app.exit]x.png"


EVERYWHERE: Final = "a [b]c[/b] [/] [red] [d $primary [@click=app.exit]"


async def test_in_every_dialog_of_a_task_and_in_the_filter(desk: Context, other: Store) -> None:
    add(other, A, B, label=EVERYWHERE)
    param = json.dumps({"model": EVERYWHERE, "input": {"prompt": EVERYWHERE, EVERYWHERE: [EVERYWHERE]}})
    answer(other, A, success_body(A, [HREF, f"{HREF}?2"], param=param, model=EVERYWHERE))
    answer(other, B, fail_body(B, param=param, failMsg=EVERYWHERE, failCode="[/]", model=EVERYWHERE))
    other.edits.edit([other.tasks.find("aigptimage", A).seq], label=None, note=EVERYWHERE)
    async with driven(desk, (160, 60), total=2) as dash:
        for key, dialog, shown in (
            ("e", "EditLabel", EVERYWHERE),
            ("c", "CopyMenu", EVERYWHERE[:20]),
            ("x", "Confirm", EVERYWHERE),
            ("J", "RawJson", EVERYWHERE),
            ("o", "ChooseLink", "[@click=app.exit]x.png"),
            ("F", "Failures", EVERYWHERE),
            ("t", "Statistics", EVERYWHERE[:10]),
            ("C", "ChooseColumns", "Prompt"),
            ("s", "ChooseSort", "newest first"),
            ("?", "Help", "[/"),
        ):
            await dash.press(key, dialog=dialog, shown=shown)
            await dash.press("escape", dialog=None)
        for typed, shown in (("[b]c[/b]", "[All 2]"), ("[/nothing]", "[All 0]"), (" model:[/] [", "[All")):
            await dash.press("/", *typed, shown=shown)
        await dash.press(*" state:[/]", shown="[/]")
        assert not dash.app._exit


@pytest.mark.dashboard(tasks=1, size=(200, 160))
async def test_in_the_palette(dash: Dash) -> None:
    for typed, title, at_right in (
        ("previous state", "Previous state tab", "["),
        ("theme", "Theme", "Change the colours"),
    ):
        await dash.open_palette(typed, shown=title)
        assert at_right in next(line for line in dash.lines if title in line)
        await dash.press("escape", dialog=None)
    await dash.open_palette("setting")
    for name, about in explained_settings().items():
        await dash.until_shown(f"Setting {name}  {about}"[:80])
    await dash.press("escape", dialog=None)
    await dash.open_palette(EVERYWHERE, shown="No matches found")


async def test_in_what_others_have_to_say(desk: Context, watcher: FakeWatcher, tmp_path: Path) -> None:
    def refuse(_: Settings) -> Context:
        raise UsageError(f"no key: {EVERYWHERE}")

    desk.key_advice = EVERYWHERE
    desk.config_path, desk.reopen = tmp_path / EVERYWHERE / "config.toml", refuse
    configure_profile(desk, api_key_env="[VARIABLE]")
    async with driven(desk, (160, 40), total=0) as dash:
        await dash.until_dialog("Welcome")
        await dash.until_shown("[VARIABLE]")
        await dash.press("k")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        await dash.press(*"sk-[/]12345", "enter", shown=f"no key: {EVERYWHERE}")
        await dash.press("escape", "escape", dialog=None)
        dash.main.following.mishap = f"mishap {EVERYWHERE}"
        dash.main.say(f"mishap {EVERYWHERE}", "error")
        await dash.until_said(EVERYWHERE)
        watcher.say(has_key=False)
        await dash.until_shown(EVERYWHERE)

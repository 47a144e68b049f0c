"""Markup in what comes from outside is text: in every cell, pane, dialog and toast."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from tests.servers import error_body, fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    Dash,
    FakeBrowser,
    FakeWatcher,
    FrozenClock,
    add,
    add_answered,
    answer,
    answer_all,
    configure_profile,
    driven,
    uuid,
)
from textual.widgets import Input

from taskdash.config.describe import explained_settings
from taskdash.config.settings import Settings
from taskdash.domain.errors import UsageError
from taskdash.domain.task import ProblemKind
from taskdash.store.store import Store
from taskdash.ui.context import Context

MARKUP = ["[red]x", "[/]", "[/red]", "[@click=app.exit]X[/]", "[link=file:///x]y", "$primary", "[b", "\\[b]"]
A, B = uuid(1), uuid(2)
HREF = "https://cdn.example.com/[red]/[@click=app.exit]x.png"


EVERYWHERE: Final = "a [b]c[/b] [/] [red] [d $primary [@click=app.exit]"


async def test_in_the_table_and_the_detail(desk: Context, other: Store) -> None:
    for n, text in enumerate(MARKUP):
        failed, waiting, labelled = (uuid(3 * n + m) for m in range(3))
        add(other, failed, waiting)
        add(other, labelled, label=text)
        param = {"model": text, "input": {"prompt": text, text: text}, "extra": text}
        fields = {"model": text, "failCode": text, "failMsg": text, "more": text}
        answer(other, failed, fail_body(failed, param=json.dumps(param), **fields))
        answer(other, waiting, waiting_body(waiting, state=text, param=text))
        answer(other, failed, error_body(500, text), status=500)
    async with driven(desk, (320, 50), total=3 * len(MARKUP)) as dash:
        for text in reversed(MARKUP):
            assert text in dash.table_lines[dash.cursor_line or 0]
            await dash.press("j")
            await dash.until_in_pane(text, times=6)
            assert "× fail · " in dash.pane
            assert dash.screen.count(text) >= 6
            await dash.press("j", in_pane=f"◐ {text}")
            await dash.press("j")


async def test_in_the_toasts_of_finished_tasks(desk: Context, other: Store, clock: FrozenClock) -> None:
    ids = [uuid(n) for n in range(len(MARKUP))]
    add(other, *ids)
    params = {each: json.dumps({"input": {"prompt": text}}) for each, text in zip(ids, MARKUP, strict=True)}
    answer_all(other, {each: waiting_body(each, param=params[each]) for each in ids})
    async with driven(desk, (120, 60), total=len(ids)) as dash:
        for each, text in zip(ids, MARKUP, strict=True):
            clock.at_ms += 1_000
            answer(other, each, fail_body(each, param=params[each], failMsg=text), now_ms=clock.at_ms)
            await dash.until_shown(f"× fail: {text}")


@pytest.mark.dashboard(tasks=0)
async def test_in_a_paste(dash: Dash) -> None:
    text = " ".join(MARKUP)
    await dash.paste(f"{text}\n{text} sk-{text}-{text} task id {text}", shown="Found no task IDs")
    await dash.press("enter")
    await dash.until(lambda: bool(dash.said), "a word about it")
    assert not dash.app._exit


async def test_in_links_of_the_chooser_in_toasts_and_in_what_the_watcher_says(
    desk: Context, other: Store, browser: FakeBrowser, watcher: FakeWatcher
) -> None:
    add_answered(other, success_body(A, [HREF, "https://cdn.example.com/2.png"]))
    async with driven(desk, (200, 50), total=1) as dash:
        assert HREF in dash.pane
        browser.refusal = "[/] no browser"
        await dash.press("o", dialog="ChooseLink")
        assert HREF in dash.screen
        await dash.press("1", said="[/] no browser", shown="[/] no browser")
        watcher.say(problem=ProblemKind.UNREACHABLE, message="[/red][@click=app.exit]now[/]", tier="[/]")
        await dash.until_shown("Offline: [/red][@click=app.exit]now[/]")
        assert not dash.app._exit


async def test_a_click_on_markup_does_nothing(desk: Context, other: Store) -> None:
    param = json.dumps({"input": {"prompt": "[@click=app.exit]X[/]"}})
    add_answered(other, waiting_body(A, param=param))
    async with driven(desk, total=1) as dash:
        spots = [
            (line.index("[@click") + dx, y)
            for y, line in enumerate(dash.lines)
            if "[@click" in line
            for dx in (3, 18)
        ]
        assert spots
        for spot in spots:
            await dash.pilot.click(offset=spot)
        await dash.settle()
        assert not dash.app._exit


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

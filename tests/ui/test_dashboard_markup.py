"""Markup in what comes from outside is text: in every cell, pane, dialog and toast."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.servers import error_body, fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import (
    FakeBrowser,
    FakeWatcher,
    FrozenClock,
    add,
    answer,
    answer_all,
    driven,
    uuid,
)

from taskdash.domain.task import ProblemKind

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk

MARKUP = ["[red]x", "[/]", "[/red]", "[@click=app.exit]X[/]", "[link=file:///x]y", "$primary", "[b", "\\[b]"]
A, B = uuid(1), uuid(2)
HREF = "https://cdn.example.com/[red]/[@click=app.exit]x.png"


async def test_in_the_table_and_the_detail(desk: Desk, other: Store) -> None:
    for n, text in enumerate(MARKUP):
        failed, waiting, labelled = (uuid(3 * n + m) for m in range(3))
        add(other, failed, waiting)
        add(other, labelled, label=text)
        param = {"model": text, "input": {"prompt": text, text: text}, "extra": text}
        fields = {"model": text, "failCode": text, "failMsg": text, "more": text}
        answer(other, failed, fail_body(failed, param=json.dumps(param), **fields))
        answer(other, waiting, waiting_body(waiting, state=text, param=text))
        answer(other, failed, error_body(500, text), status=500)
    async with driven(desk, (160, 50), total=3 * len(MARKUP)) as dash:
        for text in reversed(MARKUP):
            assert text in dash.table_lines[dash.cursor_line or 0]
            await dash.press("j")
            await dash.until_in_pane(text, times=6)
            assert "Failure" in dash.pane
            assert dash.screen.count(text) >= 6
            await dash.press("j")
            await dash.until_in_pane(f"◐ {text}")
            await dash.press("j")


async def test_in_the_toasts_of_finished_tasks(desk: Desk, other: Store, clock: FrozenClock) -> None:
    ids = [uuid(n) for n in range(len(MARKUP))]
    add(other, *ids)
    params = {each: json.dumps({"input": {"prompt": text}}) for each, text in zip(ids, MARKUP, strict=True)}
    answer_all(other, {each: waiting_body(each, param=params[each]) for each in ids})
    async with driven(desk, (120, 60), total=len(ids)) as dash:
        for each, text in zip(ids, MARKUP, strict=True):
            clock.at_ms += 1_000
            answer(other, each, fail_body(each, param=params[each], failMsg=text), now_ms=clock.at_ms)
            await dash.until_shown(f"× fail: {text}")


async def test_in_the_question_before_a_removal(desk: Desk, other: Store) -> None:
    for n, text in enumerate(MARKUP):
        add(other, uuid(n), label=text)
    async with driven(desk, (160, 36), total=len(MARKUP)) as dash:
        for text in reversed(MARKUP):
            await dash.press("x")
            await dash.until_dialog("Confirm")
            assert text in dash.table_lines[dash.cursor_line or 0]
            await dash.until_shown(text)
            await dash.press("n")
            await dash.until_dialog(None)
            await dash.press("j")


async def test_in_a_paste(desk: Desk) -> None:
    async with driven(desk) as dash:
        for text in MARKUP:
            await dash.paste(f"{text}\n{text} sk-{text}-{text} task id {text}")
            await dash.until_shown("0 new")
            await dash.press("enter")
            await dash.until(lambda: bool(dash.said), "a word about it")
            await dash.press("escape")
            await dash.until_dialog(None)
        assert not dash.app._exit


async def test_in_links_of_the_chooser_and_of_the_toast(
    desk: Desk, other: Store, browser: FakeBrowser
) -> None:
    add(other, A)
    answer(other, A, success_body(A, [HREF, "https://cdn.example.com/2.png"]))
    async with driven(desk, total=1) as dash:
        assert HREF in dash.pane
        browser.refusal = "[/] no browser"
        await dash.press("o")
        await dash.until_dialog("ChooseLink")
        assert HREF in dash.screen
        await dash.press("1")
        await dash.until_said("[/] no browser")
        await dash.until_shown("[/] no browser")
        assert not dash.app._exit


async def test_in_what_the_watcher_says(desk: Desk, other: Store, watcher: FakeWatcher) -> None:
    add(other, A)
    async with driven(desk, total=1) as dash:
        watcher.say(problem=ProblemKind.UNREACHABLE, message="[/red][@click=app.exit]now[/]", tier="[/]")
        await dash.until_shown("Offline: [/red][@click=app.exit]now[/]")


async def test_a_click_on_markup_does_nothing(desk: Desk, other: Store) -> None:
    param = json.dumps({"input": {"prompt": "[@click=app.exit]X[/]"}})
    add(other, A)
    answer(other, A, waiting_body(A, param=param))
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

"""The first start with neither config nor key, and the demo's tour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.ui.driven_dashboard import FakeWatcher, add, driven, fill_with_the_page, uuid
from textual.widgets import Input

from taskdash.domain.errors import UsageError
from taskdash.store.store import StoreThread
from taskdash.ui.app import Dashboard
from taskdash.ui.desk import Desk, FirstKey
from taskdash.ui.widgets.tour import STEPS, Tour

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ui.driven_dashboard import DrivenDashboard, FakeBrowser, FrozenClock

    from taskdash.store.store import Store

PLACE = "/home/you/.config/taskdash/config.toml"


@pytest.fixture
def kept(desk: Desk, store_path: Path, clock: FrozenClock, browser: FakeBrowser) -> list[str]:
    """What was typed for a key; the desk is that of a first start."""
    typed: list[str] = []

    def keep(text: str) -> Desk:
        if " " in text:
            raise UsageError("The key has white space in it")
        typed.append(text)
        store = StoreThread(store_path, "another")
        return Desk(profile=desk.profile, store=store, watcher=FakeWatcher(), clock=clock, open_url=browser)

    desk.key_advice = "set a key"
    desk.first_key = FirstKey(PLACE, "AIGPTIMAGE_API_KEY", keep)
    return typed


async def welcomed(dash: DrivenDashboard) -> None:
    await dash.until_dialog("Welcome")
    await dash.until_shown("look around in the demo")


async def test_a_key_that_is_typed_is_kept_and_used(desk: Desk, kept: list[str]) -> None:
    async with driven(desk, (80, 24), total=0) as dash:
        await welcomed(dash)
        assert PLACE in dash.screen
        await dash.press("k")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        await dash.press(*"sk-12 34", "enter")
        await dash.until_shown("white space in it")
        assert kept == []
        assert "sk-12" not in dash.screen
        await dash.press("escape")
        await dash.until_shown("goes on without")
        await dash.press("k")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        await dash.press(*"sk-1234", "enter")
        await dash.until_dialog(None)
        await dash.until_said(f"The key is kept in {PLACE}")
        assert kept == ["sk-1234"]
        assert isinstance(dash.app, Dashboard)
        assert dash.app.desk.key_advice is None
    dash.app.desk.close()


async def test_a_pasted_key_stands_for_all_that_was_typed_and_is_taken_whole(
    desk: Desk, kept: list[str]
) -> None:
    async with driven(desk, (80, 24), total=0) as dash:
        await welcomed(dash)
        await dash.press("k")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        box = dash.app.focused
        assert isinstance(box, Input)
        await dash.paste("Hello,\nyour key is sk-1\n")
        await dash.until(lambda: box.value == "Hello, your key is sk-1", "the whole paste")
        await dash.paste(" sk-5678\n")
        await dash.until(lambda: box.value == "sk-5678", "only the key")
        await dash.press("enter")
        await dash.until_dialog(None)
        assert kept == ["sk-5678"]
        assert isinstance(dash.app, Dashboard)
    dash.app.desk.close()


async def test_esc_goes_on_without_a_key(desk: Desk, kept: list[str]) -> None:
    async with driven(desk, (80, 24), total=0) as dash:
        await welcomed(dash)
        await dash.press("escape")
        await dash.until_dialog(None)
        await dash.press("a")
        await dash.until_dialog("AddIds")
        assert kept == []


async def test_on_a_list_with_tasks_there_is_only_the_banner(
    desk: Desk, other: Store, kept: list[str]
) -> None:
    add(other, uuid(1))
    async with driven(desk, (80, 24), total=1) as dash:
        await dash.until_shown("Set a key")
        await dash.press("y")
        await dash.until(lambda: bool(dash.said), "a copy")
        assert dash.dialog is None
        assert kept == []


@pytest.mark.usefixtures("kept")
async def test_d_leaves_for_the_demo(desk: Desk) -> None:
    async with driven(desk, total=0) as dash:
        await welcomed(dash)
        await dash.press("d")
        await dash.until(lambda: not dash.app.is_running, "the end")
    assert isinstance(dash.app, Dashboard)
    assert dash.app.wants_demo


async def test_the_tour_goes_on_when_a_step_was_done_and_esc_leaves_it(desk: Desk, other: Store) -> None:
    fill_with_the_page(other)
    desk.is_demo = True
    async with driven(desk, total=3) as dash:
        await dash.until_shown(STEPS[0].text)
        await dash.press("n")
        await dash.until_shown("Tour 1/7")
        await dash.press("j")
        await dash.until_shown("Tour 2/7")
        await dash.press("[")
        await dash.until_shown("Tour 3/7")
        await dash.press("F")
        await dash.until_shown("Tour 4/7")
        await dash.press("escape")
        await dash.until_dialog(None)
        await dash.press("space", "escape")
        await dash.until(lambda: not dash.table.marked, "the mark cleared, the tour still there")
        assert "Tour 4/7" in dash.screen
        await dash.press("escape")
        await dash.until_gone("Tour 4/7")
        await dash.until_shown("With your own key:")


async def test_n_goes_through_the_whole_tour(desk: Desk, other: Store) -> None:
    fill_with_the_page(other)
    desk.is_demo = True
    async with driven(desk, total=3) as dash:
        for number in range(1, len(STEPS)):
            await dash.press("n")
            await dash.until_shown(f"Tour {number}/7")
        await dash.press("n")
        await dash.until_gone("Tour ")


async def test_the_tour_may_look_once_more_after_its_end(desk: Desk, other: Store) -> None:
    fill_with_the_page(other)
    desk.is_demo = True
    async with driven(desk, total=3) as dash:
        tour = dash.main.query_one(Tour)
        for _ in STEPS:
            tour.go_on()
        tour._look()
        await dash.until_gone("Tour ")

"""Going over to the list of another profile, by the palette."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.ui.driven_dashboard import FakeWatcher, add, driven, uuid

from taskdash.domain.errors import StoreError
from taskdash.store.store import StoreThread
from taskdash.ui.app import Dashboard
from taskdash.ui.desk import Desk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ui.driven_dashboard import DrivenDashboard, FakeBrowser, FrozenClock

    from taskdash.store.store import Store

OTHER = "kie"


async def choose(dash: DrivenDashboard, words: str) -> None:
    await dash.press(":")
    await dash.until(lambda: dash.dialog == "Palette", "the palette")
    await dash.settle()
    await dash.press(*words)
    await dash.until_shown(f"Show the tasks of {OTHER}")
    await dash.press("enter")


async def test_the_palette_goes_over_to_another_profile(
    desk: Desk, other: Store, store_path: Path, clock: FrozenClock, browser: FakeBrowser, watcher: FakeWatcher
) -> None:
    add(other, uuid(1))
    other.tasks.add(OTHER, [uuid(2), uuid(3)], clock.now_ms())
    theirs = FakeWatcher()

    def desk_of(name: str) -> Desk:
        store = StoreThread(store_path, "another")
        return Desk(profile=name, store=store, watcher=theirs, clock=clock, open_url=browser)

    desk.profiles, desk.desk_of = (desk.profile, OTHER), desk_of
    async with driven(desk, total=1) as dash:
        await choose(dash, "profile kie")
        await dash.until(lambda: dash.main.table.wanted.profile == OTHER, "the other list")
        await dash.until_total(2)
        await dash.until(lambda: watcher.stopped, "the watcher of the first is stopped")
        await dash.press("j", "r")
        await dash.until_said("Checking it now")
        assert theirs.wakes == 1
    assert isinstance(dash.app, Dashboard)
    dash.app.desk.close()


async def test_a_profile_that_cannot_be_opened_leaves_everything_as_it_is(desk: Desk, other: Store) -> None:
    add(other, uuid(1))

    def desk_of(name: str) -> Desk:
        raise StoreError(f"no store for [{name}]")

    desk.profiles, desk.desk_of = (desk.profile, OTHER), desk_of
    async with driven(desk, total=1) as dash:
        await choose(dash, "profile kie")
        await dash.until_said("no store for [kie]")
        await dash.press("r")
        await dash.until_said("Checking it now")

"""Going over to the list of another profile, by the palette."""

from __future__ import annotations

from pathlib import Path

from tests.ui.driven_dashboard import (
    PROFILE,
    Dash,
    FakeWatcher,
    FrozenClock,
    add,
    configure,
    context_on,
    driven,
    uuid,
)

from taskdash.config.profile import Profile
from taskdash.config.settings import Settings
from taskdash.domain.errors import StoreError
from taskdash.store.store import Store
from taskdash.ui.app import Dashboard
from taskdash.ui.context import Context

OTHER = "kie"


async def choose(dash: Dash, words: str) -> None:
    await dash.open_palette(words, shown=f"Show the tasks of {OTHER}")
    await dash.press("enter")


async def test_the_palette_goes_over_to_another_profile(
    desk: Context, other: Store, store_path: Path, clock: FrozenClock, watcher: FakeWatcher
) -> None:
    add(other, uuid(1))
    other.additions.add(OTHER, [uuid(2), uuid(3)], clock.now_ms())
    theirs = FakeWatcher()

    def reopen(settings: Settings) -> Context:
        again = context_on(store_path, clock, theirs)
        again.settings = settings
        return again

    desk.reopen = reopen
    configure(desk, profiles={PROFILE: desk.settings.in_use, OTHER: Profile(name=OTHER)})
    async with driven(desk, total=1) as dash:
        await choose(dash, "profile kie")
        await dash.until(lambda: dash.main.table.wanted.profile == OTHER, "the other list")
        await dash.until_total(2)
        await dash.until(lambda: watcher.stopped, "the watcher of the first is stopped")
        await dash.press("j", "r", said="Checking now.")
        assert theirs.wakes == 1
    assert isinstance(dash.app, Dashboard)
    dash.app.context.close()


async def test_a_profile_that_cannot_be_opened_leaves_everything_as_it_is(
    desk: Context, other: Store
) -> None:
    add(other, uuid(1))

    def reopen(settings: Settings) -> Context:
        raise StoreError(f"no store for [{settings.profile}]")

    desk.reopen = reopen
    configure(desk, profiles={PROFILE: desk.settings.in_use, OTHER: Profile(name=OTHER)})
    async with driven(desk, total=1) as dash:
        await choose(dash, "profile kie")
        await dash.until_said("no store for [kie]")
        await dash.press("r", said="Checking now.")

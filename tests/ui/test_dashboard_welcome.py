"""The first start with neither config nor key, and the demo's tour."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from tests.ui.driven_dashboard import (
    PROFILE,
    Dash,
    FrozenClock,
    add,
    context_on,
    driven,
    fill_with_the_page,
    uuid,
)
from textual.widgets import Input

from taskdash.config.settings import Settings
from taskdash.store.store import Store
from taskdash.ui.app import Dashboard
from taskdash.ui.context import Context
from taskdash.ui.widgets.passing import STEPS


@pytest.fixture
def config(desk: Context, store_path: Path, clock: FrozenClock) -> Path:
    """Where a key would be kept; the desk is that of a first start."""

    def reopen(settings: Settings) -> Context:
        again = context_on(store_path, clock)
        again.settings = settings
        return again

    desk.key_advice, desk.reopen = "set a key", reopen
    desk.config_path = store_path.parent / "config.toml"
    return desk.config_path


def kept_key(config: Path) -> object:
    """The key in the config; None: there is no config."""
    return tomllib.loads(config.read_text())["profiles"][PROFILE]["api_key"] if config.exists() else None


async def welcomed(dash: Dash) -> None:
    await dash.until_dialog("Welcome")
    await dash.until_shown("open the demo")


async def test_a_key_that_is_typed_is_kept_and_used(desk: Context, config: Path) -> None:
    async with driven(desk, (80, 24), total=0) as dash:
        await welcomed(dash)
        assert config.name in dash.screen
        await dash.press("k")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        await dash.press(*"sk-12 34", "enter", shown="white space in it")
        assert kept_key(config) is None
        assert "sk-12" not in dash.screen
        await dash.press("escape", shown="continue without a key")
        await dash.press("k")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        await dash.press(*"sk-12345678", "enter", dialog=None, said=f"API key saved to {config}")
        assert kept_key(config) == "sk-12345678"
        assert isinstance(dash.app, Dashboard)
        assert dash.app.context.key_advice is None
    dash.app.context.close()


async def test_a_pasted_key_stands_for_all_that_was_typed_and_is_taken_whole(
    desk: Context, config: Path
) -> None:
    async with driven(desk, (80, 24), total=0) as dash:
        await welcomed(dash)
        await dash.press("k")
        await dash.until(lambda: isinstance(dash.app.focused, Input), "the box")
        box = dash.app.focused
        assert isinstance(box, Input)
        await dash.paste("Hello,\nyour key is sk-1\n")
        await dash.until(lambda: box.value == "Hello, your key is sk-1", "the whole paste")
        await dash.paste(" sk-56789012\n")
        await dash.until(lambda: box.value == "sk-56789012", "only the key")
        await dash.press("enter", dialog=None)
        assert kept_key(config) == "sk-56789012"
        assert isinstance(dash.app, Dashboard)
    dash.app.context.close()


@pytest.mark.dashboard(tasks=0, size=(80, 24))
async def test_esc_goes_on_without_a_key(config: Path, dash: Dash) -> None:
    await welcomed(dash)
    await dash.press("escape", dialog=None)
    await dash.press("a", dialog="AddIds")
    assert kept_key(config) is None


async def test_on_a_list_with_tasks_there_is_only_the_banner(
    desk: Context, other: Store, config: Path
) -> None:
    add(other, uuid(1))
    async with driven(desk, (80, 24), total=1) as dash:
        await dash.until_shown("Set a key")
        await dash.press("y")
        await dash.until(lambda: bool(dash.said), "a copy")
        assert dash.dialog is None
        assert kept_key(config) is None


@pytest.mark.usefixtures("config")
async def test_d_leaves_for_the_demo(desk: Context) -> None:
    async with driven(desk, total=0) as dash:
        await welcomed(dash)
        await dash.press("d")
        await dash.until(lambda: not dash.app.is_running, "the end")
    assert isinstance(dash.app, Dashboard)
    assert dash.app.wants_demo


async def test_the_tour_goes_on_when_a_step_was_done_and_esc_leaves_it(desk: Context, other: Store) -> None:
    fill_with_the_page(other)
    desk.is_demo = True
    async with driven(desk, total=3) as dash:
        await dash.until_shown(STEPS[0].text)
        await dash.press("n", shown="Tour 1/7")
        # Of some themes the accent is the colour of problems.
        assert (
            dash.main.query_one("#tour").styles.background == dash.main.query_one("#status").styles.background
        )
        await dash.press("j", shown="Tour 2/7")
        await dash.press("[", shown="Tour 3/7")
        await dash.press("F", shown="Tour 4/7")
        await dash.press("escape", dialog=None)
        await dash.press("space", "escape")
        await dash.until(lambda: not dash.table.marked, "the mark cleared, the tour still there")
        assert "Tour 4/7" in dash.screen
        await dash.press("escape", gone="Tour 4/7", shown="To use your own key:")

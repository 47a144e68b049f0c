"""Themes in the running dashboard: the user's own, and the one that follows the terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.ui.driven_dashboard import driven
from textual.widgets import Input

from taskdash.config.settings import View
from taskdash.ui.context import Context


def own_themes(desk: Context, folder: Path, **texts: str) -> None:
    """Put themes beside the config of a desk."""
    desk.config_path = folder / "config.toml"
    (folder / "themes").mkdir()
    for name, text in texts.items():
        (folder / "themes" / f"{name}.toml").write_text(text)


async def test_an_own_theme_is_there_from_the_first_frame_and_the_others_after_it(
    desk: Context, tmp_path: Path, remembered: list[View]
) -> None:
    own_themes(desk, tmp_path, mine='primary = "#8a2be2"', other='primary = "#2be28a"', broken="primary = 1")

    desk.view = replace(desk.view, theme="mine")
    async with driven(desk, total=0) as dash:
        assert dash.main.app.theme == "mine"
        await dash.until(lambda: "other" in dash.main.app.available_themes, "the other theme")
        await dash.until_shown("Theme not used: ")
        (told,) = dash.main.app.messages.kept
        assert told.text == "Theme not used: broken.toml: line 1: primary: must be text in quotes"
        dash.main.app.search_themes()
        await dash.until(lambda: bool(dash.main.app.screen.query(Input)), "the palette")
        await dash.press(*"other")
        await dash.until_shown("other")
        await dash.press("enter")
        await dash.until(lambda: dash.main.app.theme == "other", "the theme chosen")
        await dash.until(lambda: bool(remembered) and remembered[-1].theme == "other", "the theme remembered")


async def test_a_broken_theme_leaves_the_default_and_is_told(desk: Context, tmp_path: Path) -> None:
    own_themes(desk, tmp_path, mine='primary = "#8a2be2"\nforeground = 3')
    desk.view = replace(desk.view, theme="mine")
    async with driven(desk, total=0) as dash:
        assert dash.main.app.theme == "textual-dark"
        await dash.until_shown("foreground: must be text")


async def test_auto_follows_the_background_and_stays_auto(
    desk: Context, tmp_path: Path, remembered: list[View]
) -> None:
    own_themes(desk, tmp_path)
    desk.view = replace(desk.view, theme="auto")
    async with driven(desk, total=0) as dash:
        assert dash.main.app.theme == "textual-dark"
        dash.main.app.themes.follow(is_light=True)
        assert dash.main.app.theme == "textual-light"
        assert remembered == []
        dash.main.app.themes.use("nord")
        dash.main.app.themes.follow(is_light=False)
        assert dash.main.app.theme == "nord"
        dash.main.app.themes.use("auto")
        assert dash.main.app.theme == "textual-dark"
        await dash.until(lambda: bool(remembered) and remembered[-1].theme == "auto", "auto remembered")

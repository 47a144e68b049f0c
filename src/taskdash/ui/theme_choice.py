"""Chooses the dashboard's theme: the one named, or with `auto` the one that fits the terminal's background."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from taskdash.config.locations import themes_dir
from taskdash.domain.errors import ConfigError
from taskdash.ui.screens.main import MainScreen
from taskdash.ui.themes import AUTO, FOLLOWING, THEMES

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from taskdash.ui.app import Dashboard


def _own_themes() -> ModuleType:
    # Most users have none.
    from taskdash.ui import own_themes

    return own_themes


class ThemeChoice:
    """Registers themes, the user's own among them, and chooses one."""

    def __init__(self, app: Dashboard) -> None:
        self._app = app
        self._is_light = False
        """Whether the terminal's background is."""
        self._has_own = False

    @property
    def folder(self) -> Path | None:
        """Return where the user's own themes are, if anywhere."""
        config = self._app.context.config_path
        return themes_dir(config) if config else None

    def begin(self) -> None:
        """Choose the first theme. Only a theme that is none of Textual's costs anything before the first frame.

        Raises:
            ConfigError: the config names a theme that there is not.
        """
        name = self._app.context.view.theme
        if name != AUTO and name not in self._app.available_themes:
            self.register_ours()
            if name not in self._app.available_themes:
                self._load_one(name)
        self._show(name)

    def _load_one(self, name: str) -> None:
        own_themes = _own_themes()
        context = self._app.context
        if self.folder and (path := self.folder / f"{name}.toml").is_file():
            with suppress(ConfigError):  # `add_own` tells of it
                self._app.register_theme(own_themes.load_theme(path))
        elif context.view.theme == context.first_view.theme:
            own_themes.refuse_unknown(context.settings, own_themes.known_themes(self.folder))

    def register_ours(self) -> None:
        """Add our own themes to Textual's; the first frame seldom needs them."""
        for theme in THEMES:
            self._app.register_theme(theme)

    async def add_own(self) -> None:
        """Add the themes of the user's own, and tell what is wrong with them."""
        folder = self.folder
        if self._has_own or folder is None or not await asyncio.to_thread(folder.is_dir):
            return
        self._has_own = True
        found, faults = await asyncio.to_thread(_own_themes().load_themes, folder)
        for theme in found:
            self._app.register_theme(theme)
        for fault in faults:
            self._app.messages.tell(f"Theme not used: {fault.removeprefix(f'{folder}/')}", "warning")

    def use(self, name: str) -> None:
        """Show a theme, or with `auto` the one that fits the terminal, and remember that for the next time."""
        self._show(name)
        screen = self._app.screen_stack[0]
        if isinstance(screen, MainScreen):
            screen.remember(theme=name)

    def follow(self, *, is_light: bool) -> None:
        """Take note of the terminal's background."""
        self._is_light = is_light
        self._show(self._app.context.view.theme)

    def _show(self, name: str) -> None:
        name = FOLLOWING[self._is_light] if name == AUTO else name
        if name in self._app.available_themes:
            self._app.theme = name

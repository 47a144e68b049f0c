"""Adds our own themes, applies the chosen one, and makes the colours of every theme legible.

Besides Textual's themes there are two of high contrast, and two whose colours the colour-blind can tell apart: the
palette of Okabe and Ito (jfly.uni-koeln.de/color), blue for success, vermillion for failure, never green against red.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from textual.color import BLACK, WHITE, Color, ColorParseError
from textual.theme import Theme

from taskdash import ui
from taskdash.config.files import themes_dir
from taskdash.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from taskdash.ui.app import Dashboard
    from taskdash.ui.screens.main import MainScreen

THEMES: Final = (
    Theme(
        name="high-contrast-dark",
        primary="#3d8bff",
        secondary="#c9a0ff",
        warning="#ffd500",
        error="#ff6060",
        success="#30ff60",
        accent="#00e5ff",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#202020",
        text_alpha=1.0,
        variables={"text-muted": "#e0e0e0", "text-disabled": "#c0c0c0"},
    ),
    Theme(
        name="high-contrast-light",
        primary="#0040c0",
        secondary="#52008f",
        warning="#7a4a00",
        error="#b00000",
        success="#006020",
        accent="#8a0070",
        foreground="#000000",
        background="#ffffff",
        surface="#ffffff",
        panel="#e6e6e6",
        dark=False,
        text_alpha=1.0,
        variables={"text-muted": "#202020", "text-disabled": "#404040"},
    ),
    Theme(
        name="colour-blind-dark",
        primary="#0072b2",
        secondary="#999999",
        warning="#f0e442",
        error="#d55e00",
        success="#56b4e9",
        accent="#cc79a7",
        foreground="#e8e8e8",
        background="#121212",
        surface="#1e1e1e",
        panel="#2a2a2a",
    ),
    Theme(
        name="colour-blind-light",
        primary="#0072b2",
        secondary="#666666",
        warning="#8a6d00",
        error="#b34700",
        success="#005b8f",
        accent="#8f3f6b",
        foreground="#1a1a1a",
        background="#fafafa",
        surface="#f0f0f0",
        panel="#e2e2e2",
        dark=False,
    ),
)
AUTO: Final = "auto"
"""In place of a name: the one of `FOLLOWING` that fits the terminal's background."""
FOLLOWING: Final = ("textual-dark", "textual-light")
LEAST_CONTRAST: Final = 4.5
"""The minimum of the Web Content Accessibility Guidelines; black or white text reaches it on any background."""
TEXT_CONTRAST: Final = 6.0
"""The minimum for plain text, if black or white reaches it, so that muted text can be dimmer."""
TEXTS: Final = (
    "foreground",
    "text-primary",
    "text-secondary",
    "text-accent",
    "text-warning",
    "text-error",
    "text-success",
)
GROUNDS: Final = ("background", "surface", "panel")
CHOSEN_SHARE: Final = 0.2
"""The share of `$primary` in the background of a dialog's selected option; the style sheet has the same value."""
TOLD_APART: Final = 24
"""The minimum distance, in degrees, between two hues that mean different things."""
LEAST_LIGHTNESS: Final = 0.4
GREY: Final = 0.05
"""A colour whose parts differ by less has no hue to speak of."""
DIMMEST: Final = 0.45
"""How far muted text may be blended from plain text towards the background."""
_HUES: Final = (172, 270, 315, 212, 90)
"""Teal, violet, pink, blue, lime: for meanings that a theme has no distinct hue for."""
_OWN_COLOURS: Final = {
    "accent": "ansi_magenta",
    "text-accent": "ansi_magenta",
    "text-primary": "ansi_blue",
    "text-secondary": "ansi_cyan",
}
"""For themes of the terminal's own colours, of which only the names are known."""


def legible_theme(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a theme that must change for its text to be legible and each hue to mean one thing.

    `text-error`, `text-warning` and `text-success` keep their hues; `text-accent` (focus and keys), `text-primary`
    (waiting tasks) and `text-secondary` (labels) get others if they would look like one of those. `text-muted` becomes
    a plain colour: in styled text Textual's `auto 60%` is mere black or white.
    """
    try:
        grounds = grounds_of(variables)
        texts = {name: Color.parse(variables[name]) for name in TEXTS}
    except (ColorParseError, KeyError):
        return {}
    if any(colour.ansi is not None for colour in (*grounds, *texts.values())):
        return _OWN_COLOURS
    told = _told_apart(texts, Color.parse(variables["primary"]))
    moved = {
        name: legible(colour, grounds, TEXT_CONTRAST if name == "foreground" else LEAST_CONTRAST)
        for name, colour in told.items()
    }
    changed = {name: colour.hex for name, colour in moved.items() if colour is not texts[name]}
    if told["text-accent"] is not texts["text-accent"]:
        changed["accent"] = changed["text-accent"]
    own_muted = variables["text-muted"]
    if own_muted.startswith("auto"):
        changed["text-muted"] = muted(moved["foreground"], grounds).hex
    else:
        changed["text-muted"] = legible(Color.parse(own_muted), grounds).hex
    return changed


def _told_apart(texts: Mapping[str, Color], primary: Color) -> dict[str, Color]:
    """Return the text colours, each with a hue distinct from those before it."""
    told = {name: texts[name] for name in ("text-error", "text-warning", "text-success")}
    hues = [hue for colour in told.values() if (hue := _hue(colour)) is not None]
    for name, own in (
        ("text-accent", (texts["text-accent"], primary)),
        ("text-primary", (texts["text-primary"], texts["text-secondary"])),
        ("text-secondary", (texts["text-secondary"],)),
    ):
        first = next((colour for colour in own if _degrees_apart(colour, hues) >= TOLD_APART), None)
        told[name] = first or _of_own(texts["text-warning"], hues)
        hues.append(_hue(told[name]) or 0.0)
    return {**texts, **told}


def _hue(colour: Color) -> float | None:
    """Return a hue in degrees; None for a grey."""
    red, green, blue = colour.normalized
    return colour.hsl.h * 360 if max(red, green, blue) - min(red, green, blue) >= GREY else None


def _degrees_apart(colour: Color, hues: Sequence[float]) -> float:
    """Return a colour's distance from the nearest of other hues; -1 for a grey, which resembles all of them."""
    hue = _hue(colour)
    if hue is None:
        return -1.0
    return min((min(abs(hue - each), 360 - abs(hue - each)) for each in hues), default=180.0)


def _of_own(like: Color, hues: Sequence[float]) -> Color:
    """Return a colour about as light as another one, with a hue distinct from `hues`."""
    _, saturation, lightness = like.hsl
    # A darker colour looks black; `legible` darkens it later if need be.
    lightness = max(lightness, LEAST_LIGHTNESS)
    free = [Color.from_hsl(hue / 360, min(saturation, 0.6), lightness) for hue in _HUES]
    first = next((colour for colour in free if _degrees_apart(colour, hues) >= TOLD_APART), None)
    return first or max(free, key=lambda colour: _degrees_apart(colour, hues))


def muted(text: Color, grounds: Sequence[Color]) -> Color:
    """Return a dimmer shade of a text colour, the dimmest that is still legible on every background."""
    shares = (hundredths / 100 for hundredths in range(round(100 * DIMMEST), 0, -1))
    dimmer = (text.blend(grounds[0], share) for share in shares)
    return next((colour for colour in dimmer if _least(colour, grounds) >= LEAST_CONTRAST), text)


def grounds_of(variables: Mapping[str, str]) -> list[Color]:
    """Return the backgrounds of a theme's text."""
    grounds = {name: Color.parse(variables[name]) for name in (*GROUNDS, "primary")}
    chosen = grounds["surface"].blend(grounds["primary"], CHOSEN_SHARE)
    return [*(grounds[name] for name in GROUNDS), chosen]


def legible(text: Color, grounds: Sequence[Color], least: float = LEAST_CONTRAST) -> Color:
    """Return a text colour, moved only as far towards black or white as it takes to stand out from every background."""
    if _least(text, grounds) >= least:
        return text
    end = max(BLACK, WHITE, key=lambda each: _least(each, grounds))
    steps = (text.blend(end, tenths / 10) for tenths in range(1, 10))
    return next((colour for colour in steps if _least(colour, grounds) >= least), end)


def _least(text: Color, grounds: Sequence[Color]) -> float:
    return min(contrast(text, ground) for ground in grounds)


def contrast(one: Color, other: Color) -> float:
    """Return the contrast of two colours, 1 to 21, as defined by the same guidelines."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@lru_cache(256)
def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class ThemeChoice:
    """Registers themes, including the user's own, and applies the chosen one."""

    def __init__(self, app: Dashboard) -> None:
        self._app = app
        self._is_light = False
        self._has_own = False

    @property
    def folder(self) -> Path | None:
        config = self._app.context.config_path
        return themes_dir(config) if config else None

    def begin(self) -> None:
        """Register our own themes, and apply the first theme.

        Raises:
            ConfigError: the config names a theme that does not exist.
        """
        context, folder, name = self._app.context, self.folder, self._app.context.view.theme
        for theme in THEMES:
            self._app.register_theme(theme)
        if name in (AUTO, *self._app.available_themes):
            self._show(name)
        elif folder and (path := folder / f"{name}.toml").is_file():
            with suppress(ConfigError):  # `add_own` reports it
                self._app.register_theme(ui.own_themes.load_theme(path))
                self._show(name)
        elif name == context.first_view.theme:
            ui.own_themes.refuse_unknown(context.settings, folder)

    async def add_own(self) -> None:
        """Register the user's own themes, and warn about those that are invalid."""
        folder = self.folder
        if self._has_own or folder is None or not await asyncio.to_thread(folder.is_dir):
            return
        self._has_own = True
        found, faults = await asyncio.to_thread(ui.own_themes.load_themes, folder)
        for theme in found:
            self._app.register_theme(theme)
        for fault in faults:
            self._app.messages.tell(f"Theme not used: {fault.removeprefix(f'{folder}/')}", "warning")

    def use(self, name: str) -> None:
        """Apply a theme, or with `auto` the one that fits the terminal, and remember it for the next run."""
        self._show(name)
        cast("MainScreen", self._app.screen_stack[0]).remember(theme=name)

    def follow(self, *, is_light: bool) -> None:
        self._is_light = is_light
        self._show(self._app.context.view.theme)

    def _show(self, name: str) -> None:
        name = FOLLOWING[self._is_light] if name == AUTO else name
        if name in self._app.available_themes:
            self._app.theme = name

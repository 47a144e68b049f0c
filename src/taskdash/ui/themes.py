"""Themes of our own, and colours that can be read in every theme.

Beside Textual's themes there are two of high contrast and two of colours that the colour-blind tell apart: the palette
of Okabe and Ito (jfly.uni-koeln.de/color), blue for success, vermillion for failure, never green against red.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual.color import BLACK, WHITE, Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIGHT: Final = "light"
_DARK: Final = "dark"

THEMES: Final = (
    Theme(
        name=f"high-contrast-{_DARK}",
        primary="#3d8bff",
        secondary="#c0c0c0",
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
        name=f"high-contrast-{_LIGHT}",
        primary="#0040c0",
        secondary="#303030",
        warning="#7a4a00",
        error="#b00000",
        success="#006020",
        accent="#004c80",
        foreground="#000000",
        background="#ffffff",
        surface="#ffffff",
        panel="#e6e6e6",
        dark=False,
        text_alpha=1.0,
        variables={"text-muted": "#202020", "text-disabled": "#404040"},
    ),
    Theme(
        name=f"colour-blind-{_DARK}",
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
        name=f"colour-blind-{_LIGHT}",
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


def theme_names() -> tuple[str, ...]:
    """Return the names that a theme may be chosen by, Textual's own and ours."""
    return (*BUILTIN_THEMES, *(theme.name for theme in THEMES))


LEAST_CONTRAST: Final = 4.5
"""What the Web Content Accessibility Guidelines want of text; black or white has it on any ground."""
TEXTS: Final = (
    "foreground",
    "text-primary",
    "text-accent",
    "text-warning",
    "text-error",
    "text-success",
    "text-muted",
)
GROUNDS: Final = ("background", "surface", "panel")
CHOSEN_SHARE: Final = 0.2
"""How much of `$primary` is in the ground of what is chosen in a dialog; its style sheet says the same."""
_AUTO: Final = re.compile(r"auto (\d+)%")


def legible_theme(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of a theme's variables that must be otherwise for its texts to be read on its grounds.

    The terminal's own colours are left alone: nobody knows what they look like.
    """
    try:
        grounds = grounds_of(variables)
        moved = {name: _legible_value(variables[name], grounds) for name in TEXTS}
    except (ColorParseError, KeyError):
        return {}
    if any(ground.ansi is not None for ground in grounds):
        return {}
    return {name: value for name, value in moved.items() if value != variables[name]}


def _legible_value(value: str, grounds: Sequence[Color]) -> str:
    share = _AUTO.fullmatch(value)
    if share is None:
        text = Color.parse(value)
        seen = text if text.ansi is not None else legible(text, grounds)
        return value if seen is text else seen.hex
    shares = range(int(share[1]), 100, 5)
    enough = (
        n for n in shares if all(_contrast(muted(ground, n), ground) >= LEAST_CONTRAST for ground in grounds)
    )
    return f"auto {next(enough, 100)}%"


def muted(ground: Color, share: int) -> Color:
    """Return what Textual makes of `auto 60%` on a ground: so much of black or white, whichever stands out."""
    return ground + ground.get_contrast_text(share / 100)


def grounds_of(variables: Mapping[str, str]) -> list[Color]:
    """Return what a theme's texts are written on."""
    grounds = {name: Color.parse(variables[name]) for name in (*GROUNDS, "primary")}
    chosen = grounds["surface"].blend(grounds["primary"], CHOSEN_SHARE)
    return [*(grounds[name] for name in GROUNDS), chosen]


def legible(text: Color, grounds: Sequence[Color]) -> Color:
    """Return a colour, as far towards black or white as it must go to stand out from every ground."""
    if _least(text, grounds) >= LEAST_CONTRAST:
        return text
    end = max(BLACK, WHITE, key=lambda each: _least(each, grounds))
    steps = (text.blend(end, tenths / 10) for tenths in range(1, 10))
    return next((colour for colour in steps if _least(colour, grounds) >= LEAST_CONTRAST), end)


def _least(text: Color, grounds: Sequence[Color]) -> float:
    return min(_contrast(text, ground) for ground in grounds)


def _contrast(one: Color, other: Color) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: Color) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in color.normalized
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

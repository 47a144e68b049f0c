"""Text that can be read: a theme's colours, moved as far as it takes to stand out from what they are written on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from textual.color import BLACK, WHITE, Color, ColorParseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    """What of a theme's variables must be otherwise for its texts to be read on its grounds.

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
    """A variable's value, as it is or moved: a colour, or so much of black or white as in `auto 60%`."""
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
    """What Textual makes of `auto 60%` on a ground: black or white, whichever stands out, so many hundredths of it."""
    return ground + ground.get_contrast_text(share / 100)


def grounds_of(variables: Mapping[str, str]) -> list[Color]:
    """What a theme's texts are written on."""
    grounds = {name: Color.parse(variables[name]) for name in (*GROUNDS, "primary")}
    chosen = grounds["surface"].blend(grounds["primary"], CHOSEN_SHARE)
    return [*(grounds[name] for name in GROUNDS), chosen]


def legible(text: Color, grounds: Sequence[Color]) -> Color:
    """The colour, as far towards black or white as it must go to stand out from every ground."""
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

"""Our themes can be read: what is written stands out from what it is written on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.color import Color

from taskdash.ui.themes import THEMES

if TYPE_CHECKING:
    from textual.theme import Theme

TEXTS = ("foreground", "text-success", "text-warning", "text-error", "text-accent", "text-muted")


def luminance(color: Color) -> float:
    """Relative luminance, as the Web Content Accessibility Guidelines define it."""
    parts = [
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in color.normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(text: Color, ground: Color) -> float:
    lighter, darker = sorted((luminance(ground + text), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def resolved(value: str, ground: Color) -> Color:
    """Textual's `auto 87%` is black or white, whichever stands out."""
    if value.startswith("auto"):
        return ground.get_contrast_text(int(value.split()[1].rstrip("%")) / 100)
    return Color.parse(value)


@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_every_text_stands_out(theme: Theme, ground: str) -> None:
    variables = theme.to_color_system().generate()
    colour = Color.parse(variables[ground])
    wanted = 7.0 if theme.name.startswith("high") else 4.5
    weak = {
        name: round(contrast(resolved(variables[name], colour), colour), 1)
        for name in TEXTS
        if contrast(resolved(variables[name], colour), colour) < wanted
    }
    assert weak == {}

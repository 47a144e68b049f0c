"""Our own themes beside Textual's: of high contrast, and of colours that the colour-blind tell apart.

The palette of the latter is that of Okabe and Ito (jfly.uni-koeln.de/color): blue for success, vermillion for failure,
never green against red.
"""

from __future__ import annotations

from typing import Final

from textual.theme import BUILTIN_THEMES, Theme

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

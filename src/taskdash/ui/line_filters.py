"""The last look at what is drawn. Text is made inert where it enters; this is the net for what slipped through.

A filter runs after widths were measured, so it keeps harm from the terminal, not columns aligned.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rich.segment import Segment
from rich.style import Style
from textual.filter import LineFilter

from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from textual.color import Color


_REVERSE: Final = Style(reverse=True, strike=False)


class InertLines(LineFilter):
    """Leaves nothing that a terminal acts on: controls become U+FFFD, format characters go."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's
        if all(text.isprintable() for text, _, _ in segments):
            return segments
        return [
            segment if segment.text.isprintable() else Segment(_inert(segment.text), segment.style)
            for segment in segments
        ]


class Colourless(InertLines):
    """Leaves bold, reverse and the like, but no colour: Textual's own way of it, shades of grey, is colours.

    Textual's lists lose `reverse` from the style of what is chosen in them. The style sheets ask for it by `strike`,
    which nothing else has.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            Segment(text, style and _without_colour(style))
            for text, style, _ in super().apply(segments, background)
        ]


@lru_cache(1024)
def _without_colour(style: Style) -> Style:
    return style.without_color + _REVERSE if style.strike else style.without_color


def _inert(text: str) -> str:
    # Blanks at the ends are part of the drawing.
    return "".join(char if char == " " else inert_line(f".{char}.")[1:-1] for char in text)

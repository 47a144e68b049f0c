"""A text with hyperlinks that a terminal can open itself (OSC 8), each the same link on all the lines it takes.

Rich gives every piece of a link an ID of its own, at random, and another one with each drawing. A terminal would take
a link that is wrapped over three lines for three, and the screen would never be the same twice.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.filter import LineFilter
from textual.widgets import Static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.style import Style
    from textual.color import Color


class LinkIds(LineFilter):
    """Gives each link an ID that follows from where it leads."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        """Return the line with its links named."""
        if not any(segment.style is not None and segment.style.link for segment in segments):
            return segments
        return [
            Segment(text, _named(style) if style is not None and style.link else style, control)
            for text, style, control in segments
        ]


@lru_cache(maxsize=256)
def link_id(url: str) -> str:
    """The ID of a link: short, and plain enough to stand between `id=` and a semicolon."""
    return f"{zlib.crc32(url.encode('utf-8', 'replace')):08x}"


def _named(style: Style) -> Style:
    named = style.copy()
    named._link_id = link_id(style.link or "")  # noqa: SLF001 - Rich has no other way; a test watches the name
    return named


class HyperText(Static):
    """A text whose links may be links to the terminal."""

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters, which name links anew, and then ours."""
        return [*super().get_line_filters(), _LINK_IDS]


_LINK_IDS = LinkIds()

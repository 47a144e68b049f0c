"""Writes styled text for the terminal, and of each style only what differs from the one before.

Textual writes every piece of text with all of its attributes and colours, and a reset behind it: with 24 bits a colour
that is most of a frame.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.color import ColorSystem
from textual.strip import SGR_STYLES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.color import Color
    from rich.segment import Segment
    from rich.style import Style

Piece = tuple[int, int, "Iterable[Segment]"]
"""A column and a line of the screen, from 0, and what is written from there on."""


class _Pen(NamedTuple):
    """What the terminal writes with: parameters of its escape sequence SGR."""

    attributes: str
    colour: str
    ground: str


_PLAIN: Final = _Pen("", "39", "49")
"""After a reset."""


def written(pieces: Iterable[Piece], color_system: ColorSystem | None) -> str:
    """The pieces, each at its place; before and after them the terminal writes plainly."""
    system = ColorSystem.TRUECOLOR if color_system is None else color_system
    out: list[str] = []
    pen, last = _PLAIN, None
    for x, y, segments in pieces:
        out.append(f"\x1b[{y + 1};{x + 1}H")
        for text, style, _ in segments:
            if style is not last:
                wanted = _PLAIN if style is None else _pen_of(style, system)
                out.append(_change(pen, wanted))
                pen, last = wanted, style
            if style is not None and style.link:
                out.append(f"\x1b]8;id={style.link_id};{style.link}\x1b\\{text}\x1b]8;;\x1b\\")
            else:
                out.append(text)
    out.append(_change(pen, _PLAIN))
    return "".join(out)


@lru_cache(maxsize=4096)
def _pen_of(style: Style, color_system: ColorSystem) -> _Pen:
    bits = style._attributes & style._set_attributes  # noqa: SLF001 - as Textual's own; a test watches the names
    attributes = ";".join(code for bit, code in enumerate(SGR_STYLES) if bits >> bit & 1)
    return _Pen(
        attributes,
        _codes(style.color, color_system, foreground=True) or _PLAIN.colour,
        _codes(style.bgcolor, color_system, foreground=False) or _PLAIN.ground,
    )


def _codes(color: Color | None, color_system: ColorSystem, *, foreground: bool) -> str:
    return ";".join(color.downgrade(color_system).get_ansi_codes(foreground)) if color is not None else ""


@lru_cache(maxsize=4096)
def _change(before: _Pen, now: _Pen) -> str:
    """What turns one pen into another. Attributes are taken off by a reset: how else, terminals do not agree on."""
    if before.attributes != now.attributes:
        codes, before = ["0", now.attributes] if now.attributes else ["0"], _PLAIN
    else:
        codes = []
    codes += [code for code, was in zip(now[1:], before[1:], strict=True) if code != was]
    if now == _PLAIN and codes:
        codes = ["0"]
    return f"\x1b[{';'.join(codes)}m" if codes else ""

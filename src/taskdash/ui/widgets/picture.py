"""Draws one picture on the terminal, and takes it away again.

Half blocks are there always, as text. A kitty picture takes their place while this screen is the one on top: another
one over it would change the colours, which are the picture's number. Sixels come with the text of each line, over it.
Both go when the text of those cells is written anew, which Textual does with whatever moves, covers or hides this
widget.
"""

from __future__ import annotations

import secrets
import zlib
from base64 import standard_b64encode
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.color import Color
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.dom import NoScreen
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.app import App
    from textual.geometry import Region

    from taskdash.ui.app import Dashboard
    from taskdash.ui.widgets.drawing import Drawn

UPPER_HALF: Final = "▀"
SHADES: Final = " ░▒▓█"
"""From dark to bright, as most terminals write bright on dark."""
_WEIGHTS: Final = (299, 587, 114)
"""How bright red, green and blue are, of 1000."""
_BRIGHTEST: Final = 2 * 255 * 1000 + 1
# Textual counts no cells for what is marked as a control sequence; this one does nothing.
_NO_WIDTH: Final = ((ControlType.CURSOR_FORWARD, 0),)


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture as it goes to the terminal."""

    drawn: Drawn
    blocks: list[Strip]
    packed: str
    """Its pixels for kitty; "" for others."""


def prepare(drawn: Drawn, *, in_shades: bool = False) -> Ready:
    """Make a picture ready: what takes too long for the event loop. `in_shades`: it has no colours."""
    blocks = shades(drawn) if in_shades else half_blocks(drawn)
    return Ready(drawn, blocks, packed(drawn.pixels) if drawn.pixels else "")


class PictureView(Widget, can_focus=False):
    """A picture as large as its cells; nothing while there is none."""

    ALLOW_SELECT = False
    app: Dashboard

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._ready: Ready | None = None
        self._placeholders: list[Strip] = []
        self._number = 0

    @property
    def drawn(self) -> Drawn | None:
        """Return the picture that is shown, None where there is none."""
        return self._ready.drawn if self._ready else None

    def on_mount(self) -> None:
        # Whoever suspended the dashboard comes back to a terminal that knows no picture.
        self.app.app_resume_signal.subscribe(self, self._resend)

    def on_unmount(self) -> None:
        self._forget()

    def show(self, ready: Ready | None) -> None:
        """Show a picture in place of the last one; None leaves its cells empty."""
        if ready is self._ready:
            return
        self._forget()
        self._ready = ready
        self._placeholders = []
        if ready is not None:
            self.styles.width, self.styles.height = ready.drawn.columns, ready.drawn.rows
            if ready.packed:
                self._send(ready)
        self.refresh()

    def _resend(self, _app: App[object]) -> None:
        if self._ready is not None and self._number:
            self._forget()
            self._send(self._ready)

    def _send(self, ready: Ready) -> None:
        # A number of its own for each picture: cells that are not yet written anew must not show the next one.
        self._number = secrets.randbelow(MAX_NUMBER) + 1
        drawn = ready.drawn
        self.app.write_to_terminal(send(self._number, ready.packed, drawn.size, drawn.columns, drawn.rows))
        red, green, blue = self._number.to_bytes(3, "big")
        style = Style(color=Color.from_rgb(red, green, blue))
        self._placeholders = [
            Strip([Segment(placeholders(drawn.columns, row), style)], drawn.columns)
            for row in range(drawn.rows)
        ]
        self.refresh()

    def _forget(self) -> None:
        if self._number:
            self.app.write_to_terminal(remove(self._number))
            self._number = 0

    # Lines

    def render_line(self, y: int) -> Strip:
        if self._ready is None or y >= len(self._ready.blocks):
            return Strip.blank(self.size.width, self.rich_style)
        return self._ready.blocks[y]

    def render_lines(self, crop: Region) -> list[Strip]:
        drawn = self.drawn
        if drawn is None or not self._is_on_top():
            return super().render_lines(crop)
        if self._placeholders:
            blank = Strip.blank(crop.width, self.rich_style)
            rows = self._placeholders[crop.y : crop.bottom]
            lines = [row.crop(crop.x, crop.right).apply_style(self.rich_style) for row in rows]
            return lines + [blank] * (crop.height - len(lines))
        if drawn.sixels and crop.width == drawn.columns == self.size.width:
            return self._with_sixels(drawn, crop, super().render_lines(crop))
        return super().render_lines(crop)

    def _is_on_top(self) -> bool:
        try:
            return self.screen.is_active
        except NoScreen:
            return False

    def _with_sixels(self, drawn: Drawn, crop: Region, lines: list[Strip]) -> list[Strip]:
        """Half blocks with sixels after them, but for the lines that a toast lies over."""
        top = self.region.y
        toasts = [toast.region for toast in self.screen.query("Toast") if toast.region.overlaps(self.region)]
        for at, line in enumerate(lines):
            row = crop.y + at
            if row < drawn.rows and not any(toast.y <= top + row < toast.bottom for toast in toasts):
                # From the end of the line back to its start; the cursor must be again where Textual leaves it.
                text = f"\x1b7\x1b[{drawn.columns}D\x1bP{drawn.sixels[row]}\x1b\\\x1b8"
                lines[at] = Strip([*line, Segment(text, None, _NO_WIDTH)], line.cell_length)
        return lines


def half_blocks(drawn: Drawn) -> list[Strip]:
    """Return a picture as characters whose upper and lower halves have colours of their own."""
    line_bytes = drawn.columns * 3
    return [
        Strip(_half_block_line(drawn.blocks, row * 2 * line_bytes, line_bytes), drawn.columns)
        for row in range(drawn.rows)
    ]


def _half_block_line(blocks: bytes, start: int, length: int) -> list[Segment]:
    cells = (
        blocks[at : at + 3] + blocks[at + length : at + length + 3] for at in range(start, start + length, 3)
    )
    return [
        Segment(
            UPPER_HALF * len(list(run)),
            Style(color=Color.from_rgb(*colours[:3]), bgcolor=Color.from_rgb(*colours[3:])),
        )
        for colours, run in groupby(cells)
    ]


def shades(drawn: Drawn) -> list[Strip]:
    """Return a picture as characters that fill more or less of their cells, without a colour."""
    line_bytes = drawn.columns * 3
    lines = []
    for row in range(drawn.rows):
        pair = drawn.blocks[2 * row * line_bytes : 2 * (row + 1) * line_bytes]
        greys = [
            sum(weight * pair[at + n] for n, weight in enumerate(_WEIGHTS)) for at in range(0, len(pair), 3)
        ]
        both = zip(greys[: drawn.columns], greys[drawn.columns :], strict=True)
        text = "".join(SHADES[(upper + lower) * len(SHADES) // _BRIGHTEST] for upper, lower in both)
        lines.append(Strip([Segment(text)], drawn.columns))
    return lines


# The sequences of kitty's graphics protocol, as far as one picture in placeholder characters needs them:
# https://sw.kovidgoyal.net/kitty/graphics-protocol/

PLACEHOLDER: Final = "\U0010eeee"
MAX_NUMBER: Final = 0xFFFFFF
_CHUNK: Final = 4_096
# Marks that stand for 0, 1, 2 ...: the order is the protocol's.
_MARKS: Final = """\
305 30d-30e 310 312 33d-33f 346 34a-34c 350-352 357 35b 363-36f 483-487 592-595 597-599 59c-5a1 5a8-5a9
5ab-5ac 5af 5c4 610-617 657-65b 65d-65e 6d6-6dc 6df-6e2 6e4 6e7-6e8 6eb-6ec 730 732-733 735-736 73a 73d
73f-741 743 745 747 749-74a 7eb-7f1 7f3 816-819 81b-823 825-827 829-82d 951 953-954 f82-f83 f86-f87
135d-135f 17dd 193a 1a17 1a75-1a7c 1b6b 1b6d-1b73 1cd0-1cd2 1cda-1cdb 1ce0 1dc0-1dc1 1dc3-1dc9 1dcb-1dcc
1dd1-1de6 1dfe 20d0-20d1 20d4-20d7 20db-20dc 20e1 20e7 20e9 20f0 2cef-2cf1 2de0-2dff a66f a67c-a67d
a6f0-a6f1 a8e0-a8f1 aab0 aab2-aab3 aab7-aab8 aabe-aabf aac1 fe20-fe26 10a0f 10a38 1d185-1d189
1d1aa-1d1ad 1d242-1d244"""


MARKS: Final = "".join(
    chr(code)
    for first, _, last in (part.partition("-") for part in _MARKS.split())
    for code in range(int(first, 16), int(last or first, 16) + 1)
)
"""One for each column and row a picture can have."""


def packed(rgb: bytes) -> str:
    """Return red, green and blue, row by row, as they are sent; this takes a while."""
    return standard_b64encode(zlib.compress(rgb, 1)).decode("ascii")


def send(number: int, data: str, size: tuple[int, int], columns: int, rows: int) -> str:
    """Return what gives the terminal a picture, to be shown in placeholders; it answers nothing.

    Args:
        number: 1 to `MAX_NUMBER`.
        data: from `packed`.
        size: width and height in pixels.
        columns: how many cells it is wide.
        rows: how many cells it is high.
    """
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    what = f"a=T,q=2,f=24,o=z,t=d,s={size[0]},v={size[1]},i={number},U=1,c={columns},r={rows},"
    sent = []
    for n, chunk in enumerate(chunks, 1):
        sent.append(f"\x1b_G{what if n == 1 else 'q=2,'}m={int(n < len(chunks))};{chunk}\x1b\\")
    return "".join(sent)


def remove(number: int) -> str:
    """Return what has the terminal forget a picture and whatever shows it."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def placeholders(columns: int, row: int) -> str:
    """Return the cells of one row; each names its place itself, so that any part of them can be covered."""
    mark = MARKS[row]
    return "".join(f"{PLACEHOLDER}{mark}{MARKS[column]}" for column in range(columns))

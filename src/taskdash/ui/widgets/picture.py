"""Draws one picture on the terminal, and takes it away again.

Half blocks are there always, as text. A kitty picture takes their place while this screen is the one on top: another
one over it would change the colours, which are the picture's number. Sixels come with the text of each line, over it.
Both go when the text of those cells is written anew, which Textual does with whatever moves, covers or hides this
widget.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.color import Color
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.dom import NoScreen
from textual.strip import Strip
from textual.widget import Widget

from taskdash.ui import kitty

if TYPE_CHECKING:
    from textual.app import App
    from textual.geometry import Region

    from taskdash.ui.app import Dashboard
    from taskdash.ui.drawing import Drawn

UPPER_HALF: Final = "▀"
# Textual counts no cells for what is marked as a control sequence; this one does nothing.
_NO_WIDTH: Final = ((ControlType.CURSOR_FORWARD, 0),)


@dataclass(frozen=True, slots=True)
class Ready:
    """A picture as it goes to the terminal."""

    drawn: Drawn
    blocks: list[Strip]
    packed: str
    """Its pixels for kitty; "" for others."""


def prepare(drawn: Drawn) -> Ready:
    """Make a picture ready: what takes too long for the event loop."""
    return Ready(drawn, half_blocks(drawn), kitty.packed(drawn.pixels) if drawn.pixels else "")


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
        """What is shown."""
        return self._ready.drawn if self._ready else None

    def on_mount(self) -> None:
        """Whoever suspended the dashboard comes back to a terminal that knows no picture."""
        self.app.app_resume_signal.subscribe(self, self._resend)

    def on_unmount(self) -> None:
        """Leave nothing in the terminal's memory."""
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
        self._number = secrets.randbelow(kitty.MAX_NUMBER) + 1
        drawn = ready.drawn
        self._write(kitty.send(self._number, ready.packed, drawn.size, drawn.columns, drawn.rows))
        red, green, blue = self._number.to_bytes(3, "big")
        style = Style(color=Color.from_rgb(red, green, blue))
        self._placeholders = [
            Strip([Segment(kitty.placeholders(drawn.columns, row), style)], drawn.columns)
            for row in range(drawn.rows)
        ]
        self.refresh()

    def _forget(self) -> None:
        if self._number:
            self._write(kitty.remove(self._number))
            self._number = 0

    def _write(self, text: str) -> None:
        self.app.write_to_terminal(text)

    # Lines

    def render_line(self, y: int) -> Strip:
        """A line of half blocks."""
        if self._ready is None or y >= len(self._ready.blocks):
            return Strip.blank(self.size.width, self.rich_style)
        return self._ready.blocks[y]

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines that are asked for, by whatever shows them best."""
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
    """A picture as characters whose upper and lower halves have colours of their own."""
    line_bytes = drawn.columns * 3
    return [
        Strip(_half_block_line(drawn.blocks, row * 2 * line_bytes, line_bytes), drawn.columns)
        for row in range(drawn.rows)
    ]


def _half_block_line(blocks: bytes, start: int, length: int) -> list[Segment]:
    segments = []
    last, run = b"", 0
    for at in range(start, start + length, 3):
        colours = blocks[at : at + 3] + blocks[at + length : at + length + 3]
        if colours != last and run:
            segments.append(_half_block(last, run))
            run = 0
        last, run = colours, run + 1
    segments.append(_half_block(last, run))
    return segments


def _half_block(colours: bytes, count: int) -> Segment:
    return Segment(
        UPPER_HALF * count, Style(color=Color.from_rgb(*colours[:3]), bgcolor=Color.from_rgb(*colours[3:]))
    )

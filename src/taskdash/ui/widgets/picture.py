"""Shows a picture on the terminal, and removes it again.

Half blocks are always present, as text. kitty's placeholders replace them while this screen is on top: a screen above
would change the colours, which encode the picture's number. Sixels follow the text of each line and are drawn over it.
Both disappear when Textual rewrites the text of those cells, as it does when this widget moves, is covered or hidden.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections import OrderedDict
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Final, cast

from rich.color import Color
from rich.segment import ControlType, Segment
from rich.style import Style
from textual.dom import NoScreen
from textual.strip import Strip
from textual.widget import Widget

from taskdash.results.links import Refused
from taskdash.ui.line_filters import FEW_COLOURS
from taskdash.ui.widgets.drawing import (
    CELL,
    MAX_NUMBER,
    Drawing,
    Room,
    cell_size,
    draw,
    find_drawing,
    kitty_picture,
    kitty_removal,
    packed,
    placeholders,
    through_tmux,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from textual.app import App
    from textual.geometry import Region
    from textual.worker import Worker, WorkType

    from taskdash.results.previews import Picture
    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context
    from taskdash.ui.review_list import Place
    from taskdash.ui.widgets.drawing import Drawn

MAX_AT_ONCE: Final = 3
"""How many thumbnails are fetched at a time."""
KEPT_SCREENS: Final = 3
UPPER_HALF: Final = "▀"
SHADES: Final = " ░▒▓█"
"""From dark to bright, assuming bright text on a dark background."""
_WEIGHTS: Final = (299, 587, 114)
"""Shares of red, green and blue in the brightness, out of 1000."""
_BRIGHTEST: Final = 2 * 255 * 1000 + 1
# Textual counts no cells for a segment marked as a control sequence; this one is a no-op.
_NO_WIDTH: Final = ((ControlType.CURSOR_FORWARD, 0),)


class Canvas:
    """Prepares pictures for this terminal, detecting only once how it can show them."""

    def __init__(self, widget: Widget, context: Context) -> None:
        self._widget = widget
        self._context = context
        self._found: Drawing | None = None

    async def ready(self, picture: Picture | Refused, columns: int, rows: int) -> TerminalPicture | Refused:
        """Return a picture prepared for up to `columns` x `rows` cells, or why there is none."""
        if isinstance(picture, Refused):
            return picture
        app, (_, background) = cast("Dashboard", self._widget.app), self._widget.background_colors
        # No colours, or too few for a picture.
        in_shades = app.no_color or app.has_class(FEW_COLOURS)
        drawing, cell = Drawing.BLOCKS, None
        if not in_shades and not app.is_headless and sys.__stderr__ is not None:
            cell = cell_size(sys.__stderr__.fileno())
            if self._found is None:
                says = await app.terminal_says.answers()
                find = partial(find_drawing, self._context.view.preview_as, os.environ, says)
                has_colours = app.console.color_system == "truecolor"
                self._found = await asyncio.to_thread(
                    find, true_colour=has_colours, knows_cells=cell is not None
                )
            drawing = self._found
        room = Room(columns, rows, cell or CELL, drawing, background.rgb)
        try:
            return await asyncio.to_thread(
                lambda: TerminalPicture(draw(picture, room), app.write_to_terminal, in_shades=in_shades)
            )
        except Exception:  # Pillow may raise anything, and no picture may crash the dashboard
            return Refused("it is damaged")


class TerminalPicture:
    """Prepares a picture for the terminal, and sends it to one that can store pictures."""

    def __init__(self, drawn: Drawn, write: Callable[[str], None], *, in_shades: bool = False) -> None:
        """Prepare it, without colours if `in_shades`. Too slow for the event loop."""
        self.drawn, self._write = drawn, write
        self.blocks = shades(drawn) if in_shades else half_blocks(drawn)
        self._packed = packed(drawn.pixels) if drawn.pixels else ""
        # Each picture has its own number: cells not yet rewritten must not show the next one.
        self._number = secrets.randbelow(MAX_NUMBER) + 1
        style = Style(color=Color.from_rgb(*self._number.to_bytes(3, "big")))
        self.placeholders = [
            Strip([Segment(placeholders(drawn.columns, row), style)], drawn.columns)
            for row in range(drawn.rows if self._packed else 0)
        ]
        """The characters that show it once it is sent, a strip for each row; empty if it cannot be sent."""

    def lines(self, *, is_on_top: bool) -> list[Strip]:
        """Return its rows of cells, as plain characters if another screen is on top and would change the colours."""
        return self.placeholders if self.placeholders and is_on_top else self.blocks

    def send(self) -> None:
        """Send it, again to a terminal that may have lost it."""
        if self._packed:
            drawn = self.drawn
            self._tell(kitty_picture(self._number, self._packed, drawn.size, drawn.columns, drawn.rows))

    def forget(self) -> None:
        if self._packed:
            self._tell(kitty_removal(self._number))

    def _tell(self, text: str) -> None:
        self._write(through_tmux(text) if os.environ.get("TMUX") else text)


class PictureView(Widget, can_focus=False):
    """Shows one picture, and takes its size; blank without one."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._shown: TerminalPicture | None = None

    @property
    def drawn(self) -> Drawn | None:
        return self._shown.drawn if self._shown else None

    def on_mount(self) -> None:
        # After a suspend, the terminal has lost its pictures.
        self.app.app_resume_signal.subscribe(self, self._send_again)

    def on_unmount(self) -> None:
        self.show(None)

    def show(self, picture: TerminalPicture | None) -> None:
        if picture is self._shown:
            return
        if self._shown is not None:
            self._shown.forget()
        self._shown = picture
        if picture is not None:
            picture.send()
            self.styles.width, self.styles.height = picture.drawn.columns, picture.drawn.rows
        self.refresh()

    def _send_again(self, _app: App[object]) -> None:
        if self._shown is not None:
            self._shown.send()
            self.refresh()

    def render_line(self, y: int) -> Strip:
        if self._shown is None or y >= len(self._shown.blocks):
            return Strip.blank(self.size.width, self.rich_style)
        return self._shown.blocks[y]

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._shown is None or not self._is_on_top():
            return super().render_lines(crop)
        drawn, sent = self._shown.drawn, self._shown.placeholders
        if sent:
            blank = Strip.blank(crop.width, self.rich_style)
            rows = sent[crop.y : crop.bottom]
            lines = [row.crop(crop.x, crop.right).apply_style(self.rich_style) for row in rows]
            return lines + [blank] * (crop.height - len(lines))
        lines = super().render_lines(crop)
        if drawn.sixels and crop.width == drawn.columns == self.size.width:
            for at, line in enumerate(lines):
                row = crop.y + at
                if row < drawn.rows and not is_under_toast(self, row):
                    lines[at] = Strip([*line, sixels_over(drawn, row, self.region.x)], line.cell_length)
        return lines

    def _is_on_top(self) -> bool:
        try:
            return self.screen.is_active
        except NoScreen:
            return False


class Thumbnails:
    """Fetches and keeps the pictures of one grid, by the places of their results."""

    def __init__(self, widget: Widget, context: Context, on_change: Callable[[Place], None]) -> None:
        """`on_change` is called with the place of each picture that has arrived."""
        self._widget = widget
        self._context = context
        self._on_change = on_change
        self._canvas = Canvas(widget, context)
        self._shown: OrderedDict[Place, tuple[str, TerminalPicture | Refused]] = OrderedDict()
        """Each with the link it was made from; the least recently wanted is dropped first."""
        self._size = (0, 0)
        self._wanted: Mapping[Place, tuple[str, str | None]] = {}
        self._fetching: dict[Place, Worker[None]] = {}

    def of(self, place: Place) -> TerminalPicture | Refused | None:
        """Return the picture of a result, or why there is none; None while it loads."""
        return self._shown[place][1] if place in self._shown else None

    def want(self, wanted: Mapping[Place, tuple[str, str | None]], size: tuple[int, int]) -> None:
        """Fetch the missing ones of these pictures, each by its link and saved path; cancel all other fetches."""
        if size != self._size:
            self.forget()
            self._size = size
        self._wanted = wanted
        for place in [each for each in self._fetching if each not in wanted]:
            self._fetching.pop(place).cancel()
        for place, (url, _) in wanted.items():
            if place in self._shown and self._shown[place][0] != url:
                self._drop(place)
            elif place in self._shown:
                self._shown.move_to_end(place)
        self._go_on()

    def _go_on(self) -> None:
        missing = [each for each in self._wanted if each not in self._shown and each not in self._fetching]
        for place in missing[: MAX_AT_ONCE - len(self._fetching)]:
            load: WorkType[None] = partial(self._load, place, *self._wanted[place])
            self._fetching[place] = self._widget.run_worker(load, group="thumbnails")

    async def _load(self, place: Place, url: str, saved: str | None) -> None:
        # From Python 3.12, a worker may start before `run_worker` returns and `_fetching` has it.
        await asyncio.sleep(0)
        previews = await self._context.previews_for(place[0])
        outcome = await previews.look(url, saved, is_small=True)
        shown = await self._canvas.ready(outcome, *self._size)
        if isinstance(shown, TerminalPicture):
            shown.send()
        del self._fetching[place]
        self._shown[place] = url, shown
        while len(self._shown) > KEPT_SCREENS * max(1, len(self._wanted)):
            self._drop(next(iter(self._shown)))
        self._on_change(place)
        self._go_on()

    def _drop(self, place: Place) -> None:
        _, shown = self._shown.pop(place)
        if isinstance(shown, TerminalPicture):
            shown.forget()

    def retry(self) -> None:
        """Retry the pictures that could not be shown."""
        for place in [each for each, (_, shown) in self._shown.items() if isinstance(shown, Refused)]:
            self._drop(place)
        for service in self._context.services.values():
            service.retry_previews()
        self._go_on()

    def forget(self) -> None:
        """Drop all pictures: the tiles have another size, or the grid is closed."""
        for worker in self._fetching.values():
            worker.cancel()
        self._fetching.clear()
        for place in list(self._shown):
            self._drop(place)

    def send_again(self, _app: App[object]) -> None:
        """Send all pictures again to a terminal that has lost them, as after a suspend."""
        for _, shown in self._shown.values():
            if isinstance(shown, TerminalPicture):
                shown.send()
        self._widget.refresh()


def is_under_toast(widget: Widget, line: int) -> bool:
    """Return whether a toast covers part of a line of a widget."""
    y, across = widget.region.y + line, widget.region
    toasts = (toast.region for toast in widget.screen.query("Toast"))
    return any(toast.y <= y < toast.bottom and toast.overlaps(across) for toast in toasts)


def sixels_over(drawn: Drawn, row: int, column: int) -> Segment:
    """Return a segment that draws a row of a picture over its line, from a terminal column (from 0) on."""
    # The cursor must end up where Textual left it.
    text = f"\x1b7\x1b[{column + 1}G\x1bP{drawn.sixels[row]}\x1b\\\x1b8"
    return Segment(text, None, _NO_WIDTH)


def half_blocks(drawn: Drawn) -> list[Strip]:
    """Return a picture as characters whose upper and lower halves differ in colour."""
    lines = []
    for row in _rows(drawn):
        segments = []
        for (upper, lower), run in groupby(row):
            style = Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))
            segments.append(Segment(UPPER_HALF * len(list(run)), style))
        lines.append(Strip(segments, drawn.columns))
    return lines


def shades(drawn: Drawn) -> list[Strip]:
    """Return a picture in shade characters, without colours."""
    # Textual's filter for terminals without colours requires a style.
    texts = ("".join(map(_shade, row)) for row in _rows(drawn))
    return [Strip([Segment(text, Style.null())], drawn.columns) for text in texts]


def _rows(drawn: Drawn) -> Iterator[list[tuple[bytes, bytes]]]:
    """Yield each row of cells, with the colours of the upper and lower half of each cell."""
    halves = [drawn.blocks[at : at + 3] for at in range(0, len(drawn.blocks), 3)]
    for start in range(0, len(halves), 2 * drawn.columns):
        middle, end = start + drawn.columns, start + 2 * drawn.columns
        yield list(zip(halves[start:middle], halves[middle:end], strict=True))


def _shade(cell: tuple[bytes, bytes]) -> str:
    brightness = sum(weight * (upper + lower) for weight, upper, lower in zip(_WEIGHTS, *cell, strict=True))
    return SHADES[brightness * len(SHADES) // _BRIGHTEST]

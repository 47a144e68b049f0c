"""Shows a tile or a line for each result of a review, read and drawn only when on screen or close to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import set_cell_size
from rich.segment import Segment
from textual import work
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from taskdash.results.links import Refused
from taskdash.ui.review_list import (
    Names,
    Tiles,
    caption_of,
    line_of,
    read_cards,
    seqs_of,
    tiles_for,
    why_no_picture,
)
from taskdash.ui.text.columns import fitted
from taskdash.ui.widgets.drawing import CELL
from taskdash.ui.widgets.picture import TerminalPicture, Thumbnails, is_under_toast, sixels_over
from taskdash.ui.widgets.row_drawing import RowStyles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.style import Style
    from textual import events
    from textual.timer import Timer

    from taskdash.ui.context import Context
    from taskdash.ui.review_list import Place, Result, ReviewList, TaskCard
    from taskdash.ui.text.columns import Cell

REST_S: Final = 0.1
"""How long scrolling must have stopped before pictures are fetched."""
MAX_CARDS: Final = 400


class ReviewGrid(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows results as tiles or lines in a grid that scrolls, with a cursor."""

    ALLOW_SELECT = False
    # The free line below it is for messages.
    DEFAULT_CSS = (
        "ReviewGrid { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; "
        "scrollbar-gutter: stable; margin-bottom: 1; }"
    )

    class Opened(Message):
        """Posted when a result is double-clicked."""

    class Moved(Message):
        """Posted when the cursor has moved or the grid was scrolled."""

    class Look(NamedTuple):
        """Holds everything that a tile's strips depend on."""

        result: Result
        card: TaskCard | None
        picture: TerminalPicture | Refused | None
        is_cursor: bool
        is_marked: bool
        is_on_top: bool

    def __init__(self, context: Context, results: ReviewList, *, has_pictures: bool) -> None:
        super().__init__(id="grid")
        self.context = context
        self.results = results
        self._has_pictures = has_pictures
        self.pictures = Thumbnails(self, context, self._refresh_place)
        self._tiles = Tiles(1, 1, 1)
        self.cards: dict[int, TaskCard | None] = {}
        """None for a task that is off the list."""
        self._names = Names((), 1)
        self._strips: dict[Place, tuple[ReviewGrid.Look, list[Strip]]] = {}
        self._styles = RowStyles(self)
        self._rest: Timer | None = None

    def on_mount(self) -> None:
        super().on_mount()  # type: ignore[no-untyped-call] # Textual's
        self.app.app_resume_signal.subscribe(self, self.pictures.send_again)
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self.lay_out))

    def on_unmount(self) -> None:
        self.pictures.forget()
        for service in self.context.services.values():
            service.rest_previews()

    # What is on screen

    @property
    def seen(self) -> range:
        """Return the indices of the results that are at least partly on screen."""
        height, columns = self._tiles.height, self._tiles.columns
        y = int(self.scroll_offset.y)
        last = -(-(y + self._lines_seen) // height)
        return range(y // height * columns, min(last * columns, len(self.results.shown)))

    @property
    def _lines_seen(self) -> int:
        """Return how many lines are drawn: whole rows only, if the first row is whole."""
        is_whole = self.scroll_offset.y % self._tiles.height == 0
        return self._rows_seen * self._tiles.height if is_whole else self.size.height

    def lay_out(self) -> None:
        """Lay the results out for the current size, keeping the cursor visible."""
        size = self.scrollable_content_region.size
        self._tiles = tiles_for(size.width, size.height, CELL, has_pictures=self._has_pictures)
        self._strips.clear()
        self._styles.forget()
        self.follow()

    def follow(self, *, is_read_anew: bool = False) -> None:
        """Redraw the list; if it `is_read_anew`, its tasks may have changed and are read again too."""
        rows = -(-len(self.results.shown) // self._tiles.columns)
        # Includes the lines left over below the rows that fit: scrolled to the end, the first row is whole too.
        left = self.size.height % self._tiles.height if rows > self._rows_seen else 0
        self.virtual_size = Size(self.size.width, rows * self._tiles.height + left)
        self._show_cursor()
        self.refresh()
        self._see()
        if is_read_anew and self.is_attached:
            # After `_see`: this read includes and cancels the one that it may have started.
            self._read(self._near())

    def _show_cursor(self) -> None:
        height = self._tiles.height
        top = self.results.cursor // self._tiles.columns * height
        y = max(min(int(self.scroll_offset.y), top), top - (self._rows_seen - 1) * height)
        if y != self.scroll_offset.y:
            self.scroll_to(y=y, animate=False, force=True, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._see(after_s=REST_S)
        self.post_message(self.Moved())

    def _see(self, *, after_s: float = 0.0) -> None:
        """Read the tasks on screen, and fetch their pictures after `after_s` without scrolling."""
        if self.is_attached and any(seq not in self.cards for seq in self._seqs(self.seen)):
            self._read([seq for seq in self._near() if seq not in self.cards])
        if self._rest is not None:
            self._rest.stop()
        if after_s:
            self._rest = self.set_timer(after_s, self._want)
        else:
            self._want()

    def _seqs(self, indices: Iterable[int]) -> list[int]:
        return seqs_of(self.results.shown[index] for index in indices)

    def _near(self) -> list[int]:
        """Return the tasks on screen, then those one screen after and before."""
        seen = self.seen
        start, stop = max(0, seen.start - len(seen)), min(seen.stop + len(seen), len(self.results.shown))
        return self._seqs([*seen, *range(seen.stop, stop), *range(start, seen.start)])

    @work(group="cards", exclusive=True)
    async def _read(self, seqs: list[int]) -> None:
        cards = await read_cards(self.context.store, seqs)
        if len(self.cards) > MAX_CARDS:
            self.cards.clear()
        self.cards |= {seq: cards.get(seq) for seq in seqs}
        near = (self.cards.get(seq) for seq in self._near())
        self._names = Names((card.task for card in near if card), self._tiles.width)
        self.refresh()
        self._see()

    def _want(self) -> None:
        columns, rows = self._tiles.picture
        if not rows or not self.is_attached:
            return
        wanted = {}
        for index in self.seen:
            result = self.results.shown[index]
            if (card := self.cards.get(result.seq)) is not None and result.n <= len(card.urls):
                wanted[result.place] = card.urls[result.n - 1], card.path_of(result.n)
        self.pictures.want(wanted, (columns, rows))

    # Moving

    def move(self, columns: int, rows: int) -> None:
        """Move the cursor by columns and rows of tiles; past the end of a row it goes on in the next."""
        before, last, across = self.results.cursor, len(self.results.shown) - 1, self._tiles.columns
        index = before + columns + rows * across
        if rows and not 0 <= index <= last:
            # Up from the first row it stays; down from the last but one it may have to go to the last tile.
            index = last if rows > 0 and last // across > before // across else before
        self.move_to(index)

    @property
    def _rows_seen(self) -> int:
        """Return how many whole rows of tiles fit, at least one."""
        return max(1, self.size.height // self._tiles.height)

    def move_page(self, pages: int) -> None:
        self.move_to(self.results.cursor + pages * self._rows_seen * self._tiles.columns)

    def move_to(self, index: int) -> None:
        before = self.results.cursor
        self.results.move_to(index)
        self.draw_cursor(before)

    def draw_cursor(self, before: int) -> None:
        """Redraw the tile that the cursor left and the one it is on."""
        for each in (before, self.results.cursor):
            self._refresh_tile(each, is_cursor=True)
        self._show_cursor()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        self.lay_out()

    def on_click(self, event: events.Click) -> None:
        column = event.x // self._tiles.width
        row = (int(self.scroll_offset.y) + event.y) // self._tiles.height
        index = row * self._tiles.columns + column
        if column < self._tiles.columns and index < len(self.results.shown):
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Opened())

    # Drawing

    def _refresh_place(self, place: Place) -> None:
        for index in self.seen:
            if self.results.shown[index].place == place:
                self._refresh_tile(index)

    def _refresh_tile(self, index: int, *, is_cursor: bool = False) -> None:
        """Redraw a tile; with `is_cursor`, only the cursor has moved onto or off it."""
        tiles = self._tiles
        row, column = divmod(index, tiles.columns)
        y = row * tiles.height - int(self.scroll_offset.y)
        region = Region(column * tiles.width, y, tiles.width, tiles.height)
        if self._sixels_of(index) is not None:
            # Sixels are long and come with the whole line: the cursor shows only in the lines below them.
            region = Region(0, y, self.size.width, tiles.height)
            above = tiles.picture[1] if is_cursor else 0
            region = region.shrink((above, 0, 0, 0))
        self.refresh(region.intersection(self.size.region))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()
        self._styles.forget()

    def render_line(self, y: int) -> Strip:
        row, at = divmod(int(self.scroll_offset.y) + y, self._tiles.height)
        first = row * self._tiles.columns
        indices = range(first, min(first + self._tiles.columns, len(self.results.shown)))
        if y >= self._lines_seen:
            return Strip.blank(self.size.width, self._styles.row("row"))
        line = Strip.join([self._tile(self.results.shown[index], index)[at] for index in indices])
        return line.adjust_cell_length(self.size.width, self._styles.row("row"))

    def render_lines(self, crop: Region) -> list[Strip]:
        lines = super().render_lines(crop)
        if crop.width < self.size.width or not self.screen.is_active:
            return lines
        for at, line in enumerate(lines):
            y = crop.y + at
            row, of_tile = divmod(int(self.scroll_offset.y) + y, self._tiles.height)
            first = row * self._tiles.columns
            drawn = [(column, self._sixels_of(first + column)) for column in range(self._tiles.columns)]
            over = [
                sixels_over(each.drawn, of_tile, self.region.x + column * self._tiles.width + 1)
                for column, each in drawn
                if each is not None and of_tile < each.drawn.rows
            ]
            if over and y < self._lines_seen and not is_under_toast(self, y):
                # Before the final blank: anything at the very end is cut off for a scroll bar.
                *written, blank = line
                lines[at] = Strip([*written, *over, blank], line.cell_length)
        return lines

    def _sixels_of(self, index: int) -> TerminalPicture | None:
        """Return the picture of a shown result if it is drawn with sixels."""
        if index >= len(self.results.shown):
            return None
        picture = self.pictures.of(self.results.shown[index].place)
        return picture if isinstance(picture, TerminalPicture) and picture.drawn.sixels else None

    def _tile(self, result: Result, index: int) -> list[Strip]:
        look = self.Look(
            result,
            self.cards.get(result.seq),
            self.pictures.of(result.place),
            index == self.results.cursor,
            result.place in self.results.marked,
            self.screen.is_active,
        )
        drawn = self._strips.get(result.place)
        if drawn is None or drawn[0] != look:
            if len(self._strips) > MAX_CARDS:
                self._strips.clear()
            drawn = self._strips[result.place] = (look, self._draw(look))
        return drawn[1]

    def _draw(self, look: Look) -> list[Strip]:
        width, (columns, rows) = self._tiles.width, self._tiles.picture
        plain = self._styles.row("row")
        name = "row-cursor" if look.is_cursor else "row-marked" if look.is_marked else "row"
        row = self._styles.row(name)
        mark = "•" if look.is_marked else " "
        bar = "▌" if look.is_cursor else " "
        edge = [Segment(bar, self._styles.piece("focus", row)), Segment(mark, row)]
        if not rows:
            of = len(self.results.results)
            line = line_of(look.result, look.card, self._names, width - 3, of)
            return [self._text(edge, line, row)]
        has_sixels = isinstance(look.picture, TerminalPicture) and look.picture.drawn.sixels
        left = Strip([Segment(" " if has_sixels else bar, self._styles.piece("focus", plain))], 1)
        strips = [
            Strip.join([left, line]).adjust_cell_length(width, plain)
            for line in self._picture(look, columns, rows)
        ]
        for cell in caption_of(look.result, look.card, self._names, width - 3):
            text = self._text(edge, cell, row).crop(0, width - 1)
            strips.append(Strip([*text, Segment(" ", plain)], width))
            edge = [edge[0], Segment(" ", row)]
        return strips

    def _picture(self, look: Look, columns: int, rows: int) -> list[Strip]:
        if isinstance(look.picture, TerminalPicture):
            lines = look.picture.lines(is_on_top=look.is_on_top)
            return [*lines, *[Strip.blank(columns, self._styles.row("row"))] * (rows - len(lines))]
        refused = look.picture
        if look.card is not None and look.result.n > len(look.card.urls):
            refused = Refused("its record has no link")
        style = self._styles.row("row-updated")
        said = why_no_picture(refused, self.context.key_of("review_renew"), columns, rows)
        return [Strip([Segment(set_cell_size(text, columns), style)], columns) for text in said]

    def _text(self, edge: list[Segment], cell: Cell, row: Style) -> Strip:
        """Return a text after its edge, padded to the width of a tile and ending in a blank."""
        drawn = self._styles.segments(fitted(cell, max(0, self._tiles.width - len(edge) - 1)), row)
        return Strip([*edge, *drawn]).adjust_cell_length(self._tiles.width, row)

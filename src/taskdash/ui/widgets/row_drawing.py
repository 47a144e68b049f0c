"""Draws the rows of the table: margin, columns and styles. Rendered rows are cached.

Styles use the theme's colours, adjusted as far as it takes to be legible on the background of each row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.style import Style as VisualStyle

from taskdash.domain.words import tells_seconds
from taskdash.ui.line_filters import FEW_COLOURS
from taskdash.ui.text.columns import GAP, Moment, Placed, fitted, place_columns
from taskdash.ui.text.prompts import shared_of, sought_words
from taskdash.ui.themes import contrast, legible, muted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.widget import Widget

    from taskdash.domain.task import Task
    from taskdash.ui.text.columns import Cell
    from taskdash.ui.widgets.task_table import TaskTable
    from taskdash.ui.widgets.window import Window

    _Look = tuple[tuple[str, str], list[Cell], list[Placed], Style]
    """Everything that a row's strip depends on: margin, cells, their columns, the row's style."""

MARGIN: Final = 2
"""Cells left of the first column, for the cursor and the mark."""
MAX_STRIPS: Final = 400
"""How many rendered rows are cached: a few screens of them."""
CHANGED: Final = "»"
"""Marks a row that others have changed, in the margin: colour alone is not enough."""
UNSEEN: Final = "*"
"""Marks a finished task that nobody has looked at yet, in the place of the mark."""
ROWS: Final = {
    "row": "$foreground on $background",
    "row-cursor": "bold $foreground on $primary 35%",
    "row-cursor-blurred": "$foreground on $primary 18%",
    "row-marked": "$foreground on $foreground 15%",
    "row-updated": "$foreground on $foreground 8%",
}
ANSI_ROWS: Final = ROWS | {
    "row-cursor": "bold ansi_bright_white on ansi_blue",
    "row-cursor-blurred": "bold $foreground on $background",
    "row-marked": "bold $foreground on $background",
    "row-updated": "$foreground on $background",
}
"""For the terminal's own colours, which have no shades, and whose contrast is unknown."""
ROWS_IN_16: Final = ANSI_ROWS | {"row-cursor": "bold #ffffff on #0000c0"}
COLOURLESS_ROWS: Final = ROWS | {"row-cursor": "bold reverse $foreground on $background"}
PIECES: Final = {
    "state-new": "$text-muted",
    "state-waiting": "$text-primary",
    "state-success": "$text-success",
    "state-fail": "$text-error",
    "muted": "$text-muted",
    "label": "$text-secondary",
    "live": "$text-primary",
    "focus": "$text-accent",
    "overdue": "$text-warning",
    "problem": "$text-warning",
    "match": "bold underline",
    "picked": "bold reverse",
}
"""The styles that pieces of a cell add to their row, in theme colours with one meaning each (see `themes`).

Not component classes: finding the CSS rules of so many takes longer than drawing the rows.
"""


class RowDrawing:
    """Draws the tasks of a table, all as of the same moment, so that none is ahead of another."""

    def __init__(self, table: TaskTable) -> None:
        self._table = table
        self._styles = RowStyles(table)
        self._placed: list[Placed] = []
        self._placed_cells = 0
        self._strips: dict[int, tuple[_Look, Strip]] = {}
        self._shared: Mapping[int, int] = {}
        self.as_of_now()

    @property
    def columns(self) -> list[Placed]:
        table = self._table
        cells = max(10, table.scrollable_content_region.width - MARGIN)
        if cells != self._placed_cells:
            self._placed = place_columns(
                table.columns, cells, table.widths, has_labels=table.window.has_labels
            )
            self._placed_cells = cells
            self._share()
        return self._placed

    def place_columns(self) -> None:
        """Recompute the columns on the next draw, since they have changed."""
        self._placed_cells = 0
        self._table.refresh()

    def follow(self, before: Window) -> bool:
        """Switch from the window `before` to the current one; return whether prompts start at the same places."""
        self.as_of_now()
        shared_before, window = self._shared, self._table.window
        if before.has_labels != window.has_labels:
            self.place_columns()
        elif before.rows != window.rows:
            self._share()
        return self._shared == shared_before

    def forget(self, *, styles: bool = True) -> None:
        """Drop all cached rows, and the cached styles unless `styles` is False."""
        self._strips.clear()
        if styles:
            self._styles.forget()

    def is_stale(self, task: Task, *, is_cursor: bool, is_whole: bool) -> bool:
        """Return whether a row has changed with time; unless `is_whole`, check only rows that show seconds."""
        drawn = self._strips.get(task.seq)
        moments_ms = task.create_time_ms, task.added_at_ms, task.complete_time_ms
        if drawn is None or not (is_whole or tells_seconds(self._moment.now_ms, *moments_ms)):
            return False
        return drawn[0] != self._look(task, is_cursor=is_cursor)

    def strip(self, task: Task, *, is_cursor: bool) -> Strip:
        """Return a rendered row, from the cache if it still looks the same."""
        look, drawn = self._look(task, is_cursor=is_cursor), self._strips.get(task.seq)
        if drawn is None or drawn[0] != look:
            if len(self._strips) >= MAX_STRIPS:
                self._strips.clear()
            drawn = self._strips[task.seq] = (look, self._draw(*look))
        return drawn[1]

    def _share(self) -> None:
        """Find the beginnings that prompts have in common, so that rows can show where they differ."""
        for place in self._placed:
            if place.column.flexible:
                self._shared = shared_of(self._table.window.rows, place.width)
        self.as_of_now()

    def as_of_now(self) -> None:
        context, window = self._table.context, self._table.window
        has_column = any(each.column.name == "label" and not each.column.flexible for each in self._placed)
        self._moment = Moment(
            context.clock.now_ms(),
            context.usual,
            context.settings.ttls_ms(None),
            self._shared,
            says_label=len(window.labels) > 1 and not has_column,
            words=sought_words(window.query.terms),
        )

    def _look(self, task: Task, *, is_cursor: bool) -> _Look:
        table, placed = self._table, self.columns
        is_marked, is_changed = task.seq in table.marked, task.seq in table.flashing
        is_unseen = task.unseen and task.seq not in table.context.looked_at
        margin = ["▌" if is_cursor else " ", "•" if is_marked else UNSEEN if is_unseen else " "]
        if is_changed:
            margin[is_cursor] = CHANGED
        name = "row-updated" if is_changed else "row-marked" if is_marked else "row"
        if is_cursor:
            name = "row-cursor" if table.has_focus else "row-cursor-blurred"
        cells = [place.column.cell(task, self._moment, place.width) for place in placed]
        return (margin[0], margin[1]), cells, placed, self._styles.row(name)

    def _draw(self, margin: tuple[str, str], cells: list[Cell], placed: list[Placed], row: Style) -> Strip:
        segments = [Segment(margin[0], self._styles.piece("focus", row)), Segment(margin[1], row)]
        for cell, place in zip(cells, placed, strict=True):
            segments += [*self._styles.segments(fitted(cell, place.width), row), Segment(" " * GAP, row)]
        return Strip(segments).adjust_cell_length(self._table.size.width, row)


class RowStyles:
    """Makes the styles of rows and of the pieces of their cells, and keeps them until the theme changes."""

    def __init__(self, widget: Widget) -> None:
        self._widget = widget
        self._rows: dict[str, Style] = {}
        self._pieces: dict[tuple[str, Style], Style] = {}

    def forget(self) -> None:
        """Drop all styles, since the theme has changed."""
        self._rows.clear()
        self._pieces.clear()

    def row(self, name: str) -> Style:
        if name not in self._rows:
            style = VisualStyle(self._ground) + VisualStyle.parse(self._texts[name])
            self._rows[name] = _legible(style.rich_style)
        return self._rows[name]

    @property
    def _ground(self) -> Color:
        return self._widget.background_colors[1]

    @property
    def _texts(self) -> Mapping[str, str]:
        if self._widget.app.no_color:
            return COLOURLESS_ROWS
        if self._widget.app.has_class(FEW_COLOURS):
            return ROWS_IN_16
        return ROWS if self._ground.ansi is None else ANSI_ROWS

    def segments(self, cell: Cell, row: Style) -> list[Segment]:
        """Return the segments of a cell on a row of style `row`."""
        return [Segment(text, self.piece(name, row) if name else row) for text, name in cell]

    def piece(self, name: str, row: Style) -> Style:
        """Return the style of a piece of a cell, one of `PIECES`, on a row of style `row`."""
        if (style := self._pieces.get((name, row))) is None:
            style, ground = row, row.bgcolor
            # On the terminal's own background colours, only the row's own text is sure to be legible.
            if name == "match":
                # Visible without colours too, on every row.
                style = row + Style(bold=True, underline=True)
            elif name == "picked":
                style = row + Style(bold=True, reverse=not row.reverse)
            elif ground is None or ground.is_default or ground.triplet:
                colour = (VisualStyle(self._ground) + VisualStyle.parse(PIECES[name])).rich_style.color
                style = _legible(row + Style(color=colour))
                if PIECES[name] == "$text-muted":
                    style = _dimmer(style, row)
            self._pieces[name, row] = style
        return style


def _legible(style: Style) -> Style:
    text, ground = (color and color.triplet for color in (style.color, style.bgcolor))
    if text is None or ground is None:
        return style
    colour = Color(*text)
    seen = legible(colour, [Color(*ground)])
    return style if seen is colour else style + Style(color=RichColor.from_rgb(*seen.rgb))


def _dimmer(style: Style, row: Style) -> Style:
    """Return a muted style, dimmed further if it would stand out as much as the row's own text."""
    own, text, ground = (color and color.triplet for color in (style.color, row.color, row.bgcolor))
    if own is None or text is None or ground is None:
        return style
    on = Color(*ground)
    # As dim as is still legible.
    dimmed = muted(Color(*text), [on])
    if contrast(Color(*own), on) <= 0.9 * contrast(Color(*text), on):
        return style
    return style + Style(color=RichColor.from_rgb(*dimmed.rgb))

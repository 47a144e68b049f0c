"""The table: rows of tasks, drawn line by line, with marks. Only what is on the screen is ever drawn."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.segment import Segment
from textual.message import Message

from taskdash.ui.columns import GAP, Moment, Placed, place_columns
from taskdash.ui.compositor import stacked
from taskdash.ui.flash import FLASH_S, SIGN, Flash
from taskdash.ui.redrawing import redraw
from taskdash.ui.widgets.row_brush import RowBrush, cut
from taskdash.ui.widgets.row_styles import RowStyles
from taskdash.ui.widgets.task_rows import TaskRows
from taskdash.ui.widgets.unframed import BareLines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.style import Style
    from textual import events
    from textual.color import Color
    from textual.filter import LineFilter
    from textual.geometry import Region

    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk
    from taskdash.ui.window import Window

MARGIN: Final = 2
"""Cells left of the first column: the mark, and one blank."""


class _Part(NamedTuple):
    """The part of each row that is drawn."""

    left: int
    right: int
    begins: int
    """Where the first piece that is in it begins, which may be further left."""
    ends: int
    """Where the last column ends; behind it is nothing."""
    indexes: list[int]
    """The columns that are in it."""

    @classmethod
    def of(cls, crop: Region, placed: Sequence[Placed]) -> _Part:
        """The part of rows with such columns that is in `crop`."""
        begins = [MARGIN + place.x for place in placed]
        ends = [x + place.width + GAP for x, place in zip(begins, placed, strict=True)]
        indexes = [i for i, x in enumerate(begins) if x < crop.right and ends[i] > crop.x]
        first = 0 if crop.x < MARGIN else min([crop.x, *(begins[i] for i in indexes[:1])])
        return cls(crop.x, crop.right, first, ends[-1] if ends else MARGIN, indexes)


class TaskTable(BareLines, TaskRows, can_focus=True, inherit_bindings=False):
    """The list of tasks."""

    # Its lines are drawn, not laid out: what is to be copied of them has keys of its own.
    ALLOW_SELECT = False

    DEFAULT_CSS = (
        "TaskTable { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; "
        # Else titles and rows would disagree for a frame when the bar comes or goes.
        "scrollbar-gutter: stable; }"
    )

    class Opened(Message):
        """A row was clicked twice."""

    def __init__(self, desk: Desk, window: Window, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(desk, window, id=id)
        self._styles = RowStyles(lambda: self.background_colors[1])
        self._filters: tuple[Sequence[LineFilter], Color] = ((), self.background_colors[1])
        self._brush = RowBrush(self._styles.piece, self._filtered)
        self._moment = self._moment_now()
        """As of when the rows are drawn; all of them, so that none is ahead of another."""
        self._placed: list[Placed] = []
        self._placed_cells = 0
        self._removals = -1
        self.marked: set[int] = set()
        self.flash = Flash()

    @property
    def placed_columns(self) -> list[Placed]:
        """The columns with their widths, as they are drawn."""
        cells = max(10, self.scrollable_content_region.width - MARGIN)
        if cells != self._placed_cells:
            view = self._desk.view
            self._placed = place_columns(view.columns, cells, view.widths)
            self._placed_cells = cells
        return self._placed

    async def follow_store(self) -> None:
        """Forget the marks of tasks that were removed."""
        asked, removals = sorted(self.marked), self._removals

        def gone(store: Store) -> tuple[int, set[int]]:
            last = store.tasks.removals()
            return last, set() if last == removals else set(asked) - store.tasks.listed_seqs(asked)

        if asked:
            self._removals, removed = await self._desk.store.run(gone)
            self.marked -= removed

    def change_to(self, window: Window) -> None:
        """Flash what others have changed, and draw as of now."""
        self._moment = self._moment_now()
        before = self._window
        if window.query != before.query or not window.others_wrote_since(before):
            return
        shown = window.rows[window.top - window.first :][: self.size.height]
        if self.app.animation_level != "none" and (changed := self.flash.take(before.rows, shown)):
            self.set_timer(FLASH_S, partial(self._fade, changed))

    def _fade(self, seqs: set[int]) -> None:
        self.flash.fade(seqs)
        for line in self._lines_on_screen():
            if (task := self._window.row(line)) and task.seq in seqs:
                self._refresh_line(line)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the click was; a second click opens."""
        line = self.top + event.y
        if line < self._window.total:
            self.move_to(line)
            if event.chain == 2:
                self.post_message(self.Opened())

    # Marks

    def toggle_mark(self) -> None:
        """Mark the row under the cursor, or unmark it, and go to the next."""
        if task := self.task_at_cursor:
            self.marked ^= {task.seq}
            self._refresh_line(self._place.cursor)
            self.move(1)

    def mark_and_move(self, steps: int) -> None:
        """Mark the row under the cursor and go on."""
        if task := self.task_at_cursor:
            self.marked.add(task.seq)
            self._refresh_line(self._place.cursor)
            self.move(steps)

    def mark(self, seqs: Iterable[int]) -> None:
        """Mark tasks, on the screen or not."""
        self.marked.update(seqs)
        self.refresh()

    def clear_marks(self) -> None:
        """Unmark every row."""
        self.marked.clear()
        self.refresh()

    # Drawing

    def tick(self) -> None:
        """Draw again the cells whose text grows with time."""
        self._moment, top = self._moment_now(), self.top
        moved = [
            (line - top, MARGIN + x, cells, segment)
            for line in self._lines_on_screen()
            if (task := self._window.row(line)) is not None
            for x, cells, segment in self._brush.moved(task, self._moment)
        ]
        if moved:
            redraw(self, stacked(moved))

    def _moment_now(self) -> Moment:
        known: dict[tuple[str | None, str | None], int | None] = {}

        def typical_ms(task: Task) -> int | None:
            # Asked once for each kind of task: a median is sorted for.
            kind = (task.model, task.variant)
            if kind not in known:
                known[kind] = self._desk.typical_ms(task)
            return known[kind]

        return Moment(self._desk.clock.now_ms(), typical_ms, self._desk.result_ttl_ms)

    def place_columns(self) -> None:
        """Give the columns their widths anew: the look has others now."""
        self._placed_cells = 0
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget the styles of the old theme."""
        super().notify_style_update()
        self._styles.forget()
        self._brush.forget()

    def draw_lines(self, crop: Region) -> list[list[Segment]]:
        """Lines of the screen, of each the cells from `crop.x` on."""
        filters = (self.get_line_filters(), self.background_colors[1])
        if filters != self._filters:
            self._filters = filters
            self._brush.forget()
        placed, top = self.placed_columns, self.top
        part = _Part.of(crop, placed)
        return [self._segments(top + y, placed, part) for y in crop.line_range]

    def _filtered(self, segments: list[Segment]) -> list[Segment]:
        filters, background = self._filters
        for each in filters:
            segments = each.apply(segments, background)
        return segments

    def _segments(self, line: int, placed: Sequence[Placed], part: _Part) -> list[Segment]:
        left, right, begins, ends, indexes = part
        task = self._window.row(line)
        if task is None:
            return self._filtered([Segment(" " * (right - left), self.rich_style)])
        is_cursor = line == self._place.cursor
        row_style = self._styles.row(self._row_style_name(task, is_cursor))
        pieces = self._brush.draw(task, placed, self._moment, row_style)
        segments = self._filtered(self._margin(task, row_style, is_cursor=is_cursor)) if left < MARGIN else []
        for index in indexes:
            segments += pieces[index]
        if ends < right:
            segments += self._filtered([Segment(" " * (right - max(left, ends)), row_style)])
        return cut(segments, left - begins, right - left)

    def _margin(self, task: Task, row_style: Style, *, is_cursor: bool) -> list[Segment]:
        cursor, mark = "▌" if is_cursor else " ", "•" if task.seq in self.marked else " "
        if task.seq in self.flash.seqs:
            cursor, mark = (cursor, SIGN) if is_cursor else (SIGN, mark)
        return [Segment(cursor, self._styles.piece("live", row_style)), Segment(mark, row_style)]

    def _row_style_name(self, task: Task, is_cursor: bool) -> str:
        if is_cursor:
            return "row-cursor" if self.has_focus else "row-cursor-blurred"
        if task.seq in self.flash.seqs:
            return "row-updated"
        return "row-marked" if task.seq in self.marked else "row"

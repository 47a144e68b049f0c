"""The table: a window onto a query of the store, drawn line by line.

Only the rows around the cursor are ever read or drawn, so a key costs the same at 100 and at 100,000 tasks. The
cursor belongs to a task, not to a line: whatever happens to the list, it is found again by its `seq`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style as VisualStyle

from taskdash.domain.errors import ReadAbandonedError
from taskdash.ui.columns import GAP, Moment, Placed, place_columns
from taskdash.ui.flash import FLASH_S, SIGN, Flash
from taskdash.ui.widgets.row_brush import RowBrush, cut
from taskdash.ui.window import Place, Window, read_window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from textual import events

    from taskdash.domain.query import Query
    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk

MARGIN: Final = 2
"""Cells left of the first column: the mark, and one blank."""
STYLES: Final = {
    "state-new": "$text-muted",
    "state-waiting": "$text-warning",
    "state-success": "$text-success",
    "state-fail": "$text-error",
    "muted": "$text-muted",
    "label": "$text-accent",
    "live": "$text-accent",
    "late": "$text-warning",
    "problem": "$text-warning",
}
"""What a piece of a cell adds to its row, in the colours of the theme.

Not component classes of the style sheet: to find the rules of fourteen of them takes longer than to draw the rows.
"""
ROW_STYLES: Final = {
    "row": "$foreground on $background",
    "row-cursor": "bold $foreground on $primary 35%",
    "row-cursor-blurred": "$foreground on $primary 18%",
    "row-marked": "$foreground on $accent 15%",
    "row-updated": "$foreground on $success 12%",
}


class TaskTable(ScrollView, can_focus=True, inherit_bindings=False):
    """The list of tasks."""

    # Its lines are drawn, not laid out: what is to be copied of them has keys of its own.
    ALLOW_SELECT = False

    DEFAULT_CSS = (
        "TaskTable { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; "
        # Else titles and rows would disagree for a frame when the bar comes or goes.
        "scrollbar-gutter: stable; }"
    )

    class CursorMoved(Message):
        """The cursor stands on another task, or its task has changed. `task` None: the list shown is empty."""

        def __init__(self, task: Task | None) -> None:
            self.task = task
            super().__init__()

    class Loaded(Message):
        """Another window was read: counts and total may differ."""

        def __init__(self, window: Window) -> None:
            self.window = window
            super().__init__()

    class Opened(Message):
        """A row was clicked twice."""

    def __init__(self, desk: Desk, window: Window, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._desk = desk
        self._query = window.query
        self._window = window
        task = window.row(window.cursor)
        seq = task.seq if task else None
        self._place = Place(chosen_seq=seq, cursor_seq=seq)
        self.virtual_size = Size(0, window.total)
        self._styles: dict[str, Style] = {}
        self._brush = RowBrush(self._style)
        self._moment = self._moment_now()
        """As of when the rows are drawn; all of them, so that none is ahead of another."""
        self._placed: list[Placed] = []
        self._placed_cells = 0
        self._loading = False
        self._load_again = False
        self._moved_only = True
        self._removals = -1
        self.read_s = 0.0
        """How long the last window took to be read, in seconds."""
        self.marked: set[int] = set()
        self.flash = Flash()

    # What is shown

    @property
    def window(self) -> Window:
        """The rows that were read last."""
        return self._window

    @property
    def wanted(self) -> Query:
        """What is asked for; `window.query` is what is on screen."""
        return self._query

    @property
    def task_at_cursor(self) -> Task | None:
        """The task under the cursor."""
        return self._window.row(self._place.cursor)

    @property
    def top(self) -> int:
        """The first line on screen."""
        return self._place.top

    @property
    def placed_columns(self) -> list[Placed]:
        """The columns with their widths, as they are drawn."""
        cells = max(10, self.scrollable_content_region.width - MARGIN)
        if cells != self._placed_cells:
            view = self._desk.view
            self._placed = place_columns(view.columns, cells, view.widths)
            self._placed_cells = cells
        return self._placed

    def show(self, query: Query, *, seq: int | None = None) -> None:
        """Show another query; the cursor stays on its task where that is in it, or goes to `seq`."""
        self._query = query
        if seq is not None:
            self._place = replace(self._place, chosen_seq=seq, cursor_seq=seq, home=False)
        self.reload()

    def reload(self, *, moved_only: bool = False) -> None:
        """Read the window again, soon; requests while one is under way become one more.

        Where it is `moved_only`, that a filter still finds the same is taken for granted for a moment.
        """
        self._moved_only = self._moved_only and moved_only
        if self._loading:
            self._load_again = True
        elif self.is_attached:
            self._loading = True
            self.run_worker(self._load(), group="table", exit_on_error=True)

    async def _load(self) -> None:
        try:
            while True:
                self._load_again = False
                query, place, may_lag = self._query, self._place_now(), self._moved_only
                self._moved_only = True
                began_s = self._desk.clock.now_s()
                window = await self._read(query, place, may_lag)
                self.read_s = self._desk.clock.now_s() - began_s
                if window is None:
                    self._moved_only = False
                    continue
                await self._forget_marks_of_removed()
                # A key pressed meanwhile has moved the cursor: its place counts, so read again.
                if place == self._place_now() and query == self._query:
                    self.adopt(window)
                    if not self._load_again:
                        return
        finally:
            self._loading = False

    async def _read(self, query: Query, place: Place, may_lag: bool) -> Window | None:
        """Read a window; None as soon as another query is wanted instead."""
        now_ms = self._desk.clock.now_ms()

        def read(store: Store) -> Window | None:
            try:
                with store.database.while_wanted(lambda: self._query is query):
                    return read_window(store, query, place, now_ms, may_lag=may_lag)
            except ReadAbandonedError:
                return None

        return await self._desk.store.run(read)

    async def _forget_marks_of_removed(self) -> None:
        asked, removals = sorted(self.marked), self._removals

        def gone(store: Store) -> tuple[int, set[int]]:
            last = store.tasks.removals()
            return last, set() if last == removals else set(asked) - store.tasks.listed_seqs(asked)

        if asked:
            self._removals, removed = await self._desk.store.run(gone)
            self.marked -= removed

    def adopt(self, window: Window) -> None:
        """Take over what was read and draw what differs from what is on screen."""
        self._moment = self._moment_now()
        self._flash_changes(window)
        shown, self._window = self._window, window
        task = window.row(window.cursor)
        seq = task.seq if task else None
        before = self._place
        chosen_seq = seq if before.chosen_seq is None else before.chosen_seq
        self._place = replace(
            self._place, cursor=window.cursor, top=window.top, chosen_seq=chosen_seq, cursor_seq=seq
        )
        self.virtual_size = Size(self.size.width, window.total)
        if window.top == int(self.scroll_offset.y) and shown.total == window.total:
            moved = {before.cursor, window.cursor} if before.cursor != window.cursor else set()
            for line in moved.union(self._changed_lines(shown)):
                self._refresh_line(line)
        else:
            self.scroll_to(y=window.top, animate=False, force=True, immediate=True)
            self.refresh()
        self.post_message(self.Loaded(window))
        self.post_message(self.CursorMoved(task))

    def _flash_changes(self, window: Window) -> None:
        before = self._window if window.query == self._window.query else Window(query=window.query)
        shown = window.rows[window.top - window.first :][: self.size.height]
        if changed := self.flash.take(before.rows, shown, last=not self._load_again):
            self.set_timer(FLASH_S, partial(self._fade, changed))

    def _fade(self, seqs: set[int]) -> None:
        self.flash.fade(seqs)
        for line in self._lines_on_screen():
            if (task := self._window.row(line)) and task.seq in seqs:
                self._refresh_line(line)

    def _changed_lines(self, shown: Window) -> Iterator[int]:
        for line in range(self._window.top, self._window.top + self.size.height):
            if shown.row(line) != self._window.row(line):
                yield line

    def _place_now(self) -> Place:
        height = max(1, self.size.height)
        return replace(self._place, height=height)

    # Moving

    def move(self, steps: int) -> None:
        """Move the cursor by lines."""
        self.move_to(self._place.cursor + steps)

    def move_to(self, line: int) -> None:
        """Move the cursor to a line of the query, scrolling as little as that needs."""
        total = self._window.total
        line = max(0, min(line, total - 1))
        height = max(1, self.size.height)
        top = max(min(self._place.top, line), line - height + 1)
        self._go(line, max(0, min(top, total - height)))

    def page(self, pages: int) -> None:
        """Move by screens."""
        height = max(1, self.size.height)
        top = max(0, min(self._place.top + pages * height, self._window.total - height))
        self._go(max(0, min(self._place.cursor + pages * height, self._window.total - 1)), top)

    def _go(self, line: int, top: int) -> None:
        before, home = self._place, line == 0 and top == 0
        task = self._window.row(line)
        seq = task.seq if task else None
        self._place = replace(before, cursor=line, top=top, home=home, chosen_seq=seq, cursor_seq=seq)
        if task is None or not self._window.covers(top, self.size.height):
            # What is to be seen is not here yet: the old rows stay on screen until it is.
            self.reload(moved_only=True)
            return
        if top != int(self.scroll_offset.y):
            self.scroll_to(y=top, animate=False, force=True, immediate=True)
            self.refresh()
        else:
            self._refresh_line(before.cursor)
            self._refresh_line(line)
        self.post_message(self.CursorMoved(task))
        if not self._window.covers(top - self.size.height // 2, 2 * self.size.height):
            self.reload(moved_only=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:  # noqa: ARG002 - as Textual calls it
        """Follow the wheel and the scroll bar: they move what is seen, and the cursor only to stay in it."""
        # Textual's own would lay out the screen anew; nothing in here is laid out.
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value
        top = round(new_value)
        if top == self._place.top:
            return
        height = max(1, self.size.height)
        line = max(top, min(self._place.cursor, top + height - 1))
        self._go(min(line, max(0, self._window.total - 1)), top)

    def on_resize(self) -> None:
        """Read what the new height shows, where it is not here yet."""
        if self._window.total:
            self._place = replace(self._place, height=self.size.height)
        if not (self._place.home and self._window.covers(0, self.size.height)):
            self.reload()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the click was; a second click opens."""
        line = int(self.scroll_offset.y) + event.y
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
        self._moment, top = self._moment_now(), int(self.scroll_offset.y)
        moved = [
            Region(MARGIN + x, line - top, cells, 1)
            for line in self._lines_on_screen()
            if (task := self._window.row(line)) is not None
            for x, cells in self._brush.moved(task, self._moment)
        ]
        if moved:
            self.refresh(*moved)

    def _moment_now(self) -> Moment:
        return Moment(self._desk.clock.now_ms(), self._desk.typical_ms, self._desk.result_ttl_ms)

    def _lines_on_screen(self) -> range:
        top = int(self.scroll_offset.y)
        return range(top, min(top + self.size.height, self._window.total))

    def _refresh_line(self, line: int) -> None:
        y = line - int(self.scroll_offset.y)
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def place_columns(self) -> None:
        """Give the columns their widths anew: the look has others now."""
        self._placed_cells = 0
        self.refresh()

    def notify_style_update(self) -> None:
        """Forget the styles of the old theme."""
        super().notify_style_update()
        self._styles = {}
        self._brush.forget()

    def _style(self, name: str) -> Style:
        if name not in self._styles:
            ground = VisualStyle(background=self.background_colors[1])
            style = (ground + VisualStyle.parse(ROW_STYLES.get(name) or STYLES[name])).rich_style
            # A piece of a cell has the ground of its row.
            self._styles[name] = style if name in ROW_STYLES else Style(color=style.color)
        return self._styles[name]

    def render_lines(self, crop: Region) -> list[Strip]:
        """Lines of the screen, of each the cells from `crop.x` on."""
        placed, filters, background = self.placed_columns, self.get_line_filters(), self.background_colors[1]
        top = int(self.scroll_offset.y)
        strips = []
        for y in crop.line_range:
            segments = self._segments(top + y, placed, crop.x, crop.right)
            for each in filters:
                segments = each.apply(segments, background)
            strips.append(Strip(segments, crop.width))
        return strips

    def _segments(self, line: int, placed: Sequence[Placed], left: int, right: int) -> list[Segment]:
        task = self._window.row(line)
        if task is None:
            return [Segment(" " * (right - left), self.rich_style)]
        is_cursor = line == self._place.cursor
        row_style = self._style(self._row_style_name(task, is_cursor))
        segments, begins, ends = [], left, MARGIN
        if left < MARGIN:
            segments, begins = self._margin(task, row_style, is_cursor=is_cursor), 0
        for place, piece in zip(placed, self._brush.draw(task, placed, self._moment, row_style), strict=True):
            x, ends = MARGIN + place.x, MARGIN + place.x + place.width + GAP
            if x < right and ends > left:
                begins = min(begins, x)
                segments += piece
        if ends < right:
            segments.append(Segment(" " * (right - max(left, ends)), row_style))
        return cut(segments, left - begins, right - left)

    def _margin(self, task: Task, row_style: Style, *, is_cursor: bool) -> list[Segment]:
        cursor, mark = "▌" if is_cursor else " ", "•" if task.seq in self.marked else " "
        if task.seq in self.flash.seqs:
            cursor, mark = (cursor, SIGN) if is_cursor else (SIGN, mark)
        return [Segment(cursor, row_style + self._style("live")), Segment(mark, row_style)]

    def _row_style_name(self, task: Task, is_cursor: bool) -> str:
        if is_cursor:
            return "row-cursor" if self.has_focus else "row-cursor-blurred"
        if task.seq in self.flash.seqs:
            return "row-updated"
        return "row-marked" if task.seq in self.marked else "row"

"""Lists tasks in a table: a window onto a query of the store, with a cursor and marks.

Only the rows around the cursor are read and only those on the screen are drawn, so a key costs the same at 100 and at
100,000 tasks. The cursor belongs to a task, not to a line: however the list changes, it is found again by its `seq`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from taskdash.ui.actions import bindings
from taskdash.ui.widgets.row_drawing import RowDrawing
from taskdash.ui.widgets.window import Place, Window, changed_tasks, read_window

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from textual import events
    from textual.binding import BindingType

    from taskdash.domain.query import Query
    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.ui.context import Context

FLASH_S: Final = 1.0
"""How long a row changed by others stays highlighted."""


class TaskTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Lists tasks, with a cursor and marks."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane")]
    ALLOW_SELECT = False
    DEFAULT_CSS = (
        "TaskTable { height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; "
        # Otherwise titles and rows would be misaligned for a frame when the bar comes or goes.
        "scrollbar-gutter: stable; }"
    )

    class CursorMoved(Message):
        """Posted when the cursor moves to another task, or its task changes; `task` is None if the list is empty."""

        def __init__(self, task: Task | None) -> None:
            super().__init__()
            self.task = task

    class Loaded(Message):
        """Posted when counts, total or visible rows may have changed."""

    class Opened(Message):
        """Posted when a row is double-clicked."""

    def __init__(self, context: Context, window: Window) -> None:
        super().__init__(id="table")
        self.context = context
        self.wanted = window.query
        """The query asked for; `window.query` is the one on screen."""
        self.window = window
        task = window.row(window.cursor)
        seq = task.seq if task else None
        self._place = Place(chosen_seq=seq, cursor_seq=seq)
        self.virtual_size = Size(0, window.total)
        self.top = 0
        """The first line on screen. The scroll bar may be ahead of it, until the lines there are read."""
        self._loading = False
        # Numbers of requests, which the store's thread reads but never changes.
        self._asked = self._asked_afresh = self._answered = 0
        self.read_s = 0.0
        """How long the last window took to be read, in seconds."""
        self._removals = -1
        self.marked: set[int] = set()
        self.flashing: set[int] = set()
        """The tasks just changed by others, by `seq`."""
        self.columns = context.view.columns
        self.widths = context.view.widths
        """Fixed widths of columns, in cells; the others shrink as needed."""
        self.rows = RowDrawing(self)

    @property
    def task_at_cursor(self) -> Task | None:
        return self.window.row(self._place.cursor)

    @property
    def lines_seen(self) -> range:
        return range(self.top, min(self.top + self.size.height, self.window.total))

    # Reading

    def show(self, query: Query, *, seq: int | None = None) -> None:
        """Show another query; the cursor goes to `seq`, or stays on its task if that is in it."""
        self.wanted = query
        if seq is not None:
            self._place = Place(seq, seq, self._place.cursor, self._place.top, home=False)
        self.reload()

    def reload(self, *, moved_only: bool = False) -> None:
        """Schedule another read of the window; requests during a read are merged into one more.

        With `moved_only`, recent matches of a filter may be reused.
        """
        self._asked += 1
        if not moved_only:
            self._asked_afresh = self._asked
        if not self._loading and self.is_attached:
            self._loading = True
            self._load()

    @work(group="table")
    async def _load(self) -> None:
        try:
            while True:
                query = self.wanted
                began_s = self.context.clock.now_s()
                read = await self._read(query)
                self.read_s = self.context.clock.now_s() - began_s
                if read is None:
                    continue
                self._answered, seen, window = read
                await self._forget_removed_marks()
                # If a key has moved the cursor meanwhile, that place counts: read again.
                if seen == (self._place, self.size.height) and query == self.wanted:
                    self.adopt(window)
                    if self._answered == self._asked:
                        return
        finally:
            self._loading = False

    async def _read(self, query: Query) -> tuple[int, tuple[Place, int], Window] | None:
        """Read a window; return it with the request it answers, its place and its height.

        Return None if another query is wanted by now.
        """
        # Read here: `size` may lay out the screen, which the store's thread must not.
        now_ms, height = self.context.clock.now_ms(), self.size.height

        def read(store: Store) -> tuple[int, tuple[Place, int], Window]:
            # As of when the store runs this, so that superseded requests are not read.
            asked, may_lag, place = self._asked, self._asked_afresh <= self._answered, self._place
            window = read_window(store, query, place, max(1, height), now_ms, may_lag=may_lag)
            return asked, (place, height), window

        return await self.context.store.run_while(lambda: self.wanted is query, read)

    async def _forget_removed_marks(self) -> None:
        asked, removals = sorted(self.marked), self._removals

        def gone(store: Store) -> tuple[int, set[int]]:
            last = store.tasks.removals()
            return last, set() if last == removals else set(asked) - store.tasks.listed_seqs(asked)

        if asked:
            self._removals, removed = await self.context.store.run(gone)
            self.marked -= removed

    def adopt(self, window: Window) -> None:
        """Switch to a window and redraw the lines that differ from those on screen."""
        self._flash_changes(window)
        shown, self.window = self.window, window
        is_shared_alike = self.rows.follow(shown)
        task = window.row(window.cursor)
        seq = task.seq if task else None
        before, chosen_seq = self._place, seq if self._place.chosen_seq is None else self._place.chosen_seq
        self._place = Place(chosen_seq, seq, window.cursor, window.top, before.home)
        self.virtual_size = Size(self.size.width, window.total)
        is_in_place = window.top == self.top == int(self.scroll_offset.y)
        is_alike = shown.total == window.total and shown.query.terms == window.query.terms
        if is_in_place and is_alike and is_shared_alike:
            lines = range(window.top, window.top + self.size.height)
            changed = {line for line in lines if shown.row(line) != window.row(line)}
            for line in changed | ({before.cursor} ^ {window.cursor}):
                self._refresh_line(line)
        else:
            self._draw_from(window.top)
        self.post_message(self.Loaded())
        self.post_message(self.CursorMoved(task))

    def _flash_changes(self, window: Window) -> None:
        before = self.window
        is_by_others = window.query == before.query and window.others_wrote_since(before)
        if not is_by_others or self.app.animation_level == "none":
            return
        shown = window.rows[window.top - window.first :][: self.size.height]
        if changed := changed_tasks(before.rows, shown) - self.flashing:
            self.flashing |= changed
            self.set_timer(FLASH_S, partial(self._fade, changed))

    def _fade(self, seqs: set[int]) -> None:
        self.flashing -= seqs
        for line, task in self._tasks_seen():
            if task.seq in seqs:
                self._refresh_line(line)

    # Moving

    def action_move(self, steps: int) -> None:
        self.move_to(self._place.cursor + steps)

    def action_move_to_end(self, end: int) -> None:
        self.move_to(0 if end < 0 else self.window.total - 1)

    def move_to(self, line: int) -> None:
        """Move the cursor to a line of the query, scrolling as little as possible."""
        total = self.window.total
        line = max(0, min(line, total - 1))
        height = max(1, self.size.height)
        top = max(min(self._place.top, line), line - height + 1)
        self._go(line, max(0, min(top, total - height)))

    def action_move_page(self, pages: int) -> None:
        height = max(1, self.size.height)
        top = max(0, min(self._place.top + pages * height, self.window.total - height))
        self._go(max(0, min(self._place.cursor + pages * height, self.window.total - 1)), top)

    def _go(self, line: int, top: int) -> None:
        before, task = self._place, self.window.row(line)
        self.look_at(filter(None, (self.task_at_cursor, task)))
        seq, home = task.seq if task else None, line == top == 0
        self._place = Place(seq, seq, line, top, home)
        if task is None or not self.window.covers(top, self.size.height):
            # Not read yet: the old rows stay on screen until it is.
            self.reload(moved_only=True)
            return
        if top != self.top:
            self._draw_from(top)
        else:
            self._refresh_line(before.cursor)
            self._refresh_line(line)
        self.post_message(self.CursorMoved(task))
        if not self.window.covers(top - self.size.height // 2, 2 * self.size.height):
            self.reload(moved_only=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        # Wheel and scroll bar move the viewport; the cursor moves only to stay in it.
        super().watch_scroll_y(old_value, new_value)
        top = round(new_value)
        if top == self._place.top:
            return
        height = max(1, self.size.height)
        line = max(top, min(self._place.cursor, top + height - 1))
        self._go(min(line, max(0, self.window.total - 1)), top)

    def on_resize(self) -> None:
        self.rows.forget(styles=False)
        if not (self._place.home and self.window.covers(0, self.size.height)):
            self.reload()
        elif self.is_mounted:
            # All rows are here, but the visible ones change, and the title shows which they are.
            self.post_message(self.Loaded())

    def on_click(self, event: events.Click) -> None:
        line = self.top + event.y
        if line < self.window.total:
            self.move_to(line)
            if event.chain == 2:
                self.post_message(self.Opened())

    def look_at(self, tasks: Iterable[Task]) -> None:
        """Note that the user has moved to tasks, or on from them, or acted on the one at the cursor."""
        self.context.looked_at.update(task.seq for task in tasks if task.unseen)

    # Marks

    def mark_and_move(self, steps: int, *, unmarks: bool = False) -> None:
        """Mark the row under the cursor, or unmark it if it is marked and `unmarks`, and move on."""
        if task := self.task_at_cursor:
            self.marked = self.marked ^ {task.seq} if unmarks else self.marked | {task.seq}
            self._refresh_line(self._place.cursor)
            self.action_move(steps)

    def mark(self, seqs: Iterable[int]) -> None:
        self.marked.update(seqs)
        self.refresh()

    def clear_marks(self) -> None:
        self.marked.clear()
        self.refresh()

    # Drawing

    def tick(self, *, is_whole: bool = True) -> None:
        """Redraw the rows that have changed with time; unless `is_whole`, only those that show seconds.

        Rows that show minutes change at different moments: redrawn together, they cost one frame and not fifty.
        """
        self.rows.as_of_now()
        for line, task in self._tasks_seen():
            if self.rows.is_stale(task, is_cursor=line == self._place.cursor, is_whole=is_whole):
                self._refresh_line(line)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.rows.forget()

    def render_line(self, y: int) -> Strip:
        line = self.top + y
        task = self.window.row(line)
        if task is None:
            return Strip.blank(self.size.width, self.rich_style)
        return self.rows.strip(task, is_cursor=line == self._place.cursor)

    def _draw_from(self, top: int) -> None:
        self.top = top
        if round(self.scroll_y) != top:
            # Only if it is not there already: a running animation would be ended within its own step.
            self.scroll_to(y=top, animate=False, force=True, immediate=True)
        self.refresh()

    def _tasks_seen(self) -> Iterator[tuple[int, Task]]:
        return ((line, task) for line in self.lines_seen if (task := self.window.row(line)))

    def _refresh_line(self, line: int) -> None:
        y = line - self.top
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

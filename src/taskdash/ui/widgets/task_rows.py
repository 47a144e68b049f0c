"""The rows under the table: a window onto a query of the store, and a cursor in it.

Only the rows around the cursor are ever read, so a key costs the same at 100 and at 100,000 tasks. The cursor belongs
to a task, not to a line: whatever happens to the list, it is found again by its `seq`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView

from taskdash.ui.window import Place, Window, read_window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.worker import WorkType

    from taskdash.domain.query import Query
    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk


class TaskRows(ScrollView, can_focus=True, inherit_bindings=False):
    """What is read of the list and where in it one is; how a row looks is for the class on top."""

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

    def __init__(self, desk: Desk, window: Window, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._desk = desk
        self._query = window.query
        self._window = window
        task = window.row(window.cursor)
        seq = task.seq if task else None
        self._place = Place(chosen_seq=seq, cursor_seq=seq)
        self.virtual_size = Size(0, window.total)
        self._loading = False
        # Requests are numbered: the store's thread looks at the numbers, and changes none.
        self._asked = self._asked_afresh = self._answered = 0
        self._drawn_from = 0
        self.read_s = 0.0
        """How long the last window took to be read, in seconds."""

    async def follow_store(self) -> None:
        """Read what else has to be known before other rows are shown."""

    def change_to(self, window: Window) -> None:
        """Be ready for other rows; those from before are still there."""

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
        """The first line on screen. The scroll bar may be ahead of it, until the lines there are read."""
        return self._drawn_from

    # Reading

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
        self._asked += 1
        if not moved_only:
            self._asked_afresh = self._asked
        if not self._loading and self.is_attached:
            self._loading = True
            work: WorkType[None] = self._load  # begun by the worker, which may be ended first
            self.run_worker(work, group="table", exit_on_error=True)

    async def _load(self) -> None:
        try:
            while True:
                query = self._query
                began_s = self._desk.clock.now_s()
                read = await self._read(query)
                self.read_s = self._desk.clock.now_s() - began_s
                if read is None:
                    continue
                self._answered, place, window = read
                await self.follow_store()
                # A key pressed meanwhile has moved the cursor: its place counts, so read again.
                if place == self._place_now() and query == self._query:
                    self.adopt(window)
                    if self._answered == self._asked:
                        return
        finally:
            self._loading = False

    async def _read(self, query: Query) -> tuple[int, Place, Window] | None:
        """Read a window: return which request it answers, for which place; None once another query is wanted."""
        now_ms = self._desk.clock.now_ms()

        def read(store: Store) -> tuple[int, Place, Window]:
            # As of when its turn comes: what was asked for and passed over before is not read.
            asked, may_lag, place = self._asked, self._asked_afresh <= self._answered, self._place_now()
            return asked, place, read_window(store, query, place, now_ms, may_lag=may_lag)

        return await self._desk.store.run_while(lambda: self._query is query, read)

    def adopt(self, window: Window) -> None:
        """Take over what was read and draw what differs from what is on screen."""
        self.change_to(window)
        shown, self._window = self._window, window
        task = window.row(window.cursor)
        seq = task.seq if task else None
        before = self._place
        chosen_seq = seq if before.chosen_seq is None else before.chosen_seq
        self._place = replace(
            self._place, cursor=window.cursor, top=window.top, chosen_seq=chosen_seq, cursor_seq=seq
        )
        self.virtual_size = Size(self.size.width, window.total)
        if window.top == self._drawn_from == int(self.scroll_offset.y) and shown.total == window.total:
            moved = {before.cursor, window.cursor} if before.cursor != window.cursor else set()
            for line in moved.union(self._changed_lines(shown)):
                self._refresh_line(line)
        else:
            self._draw_from(window.top)
        self.post_message(self.Loaded(window))
        self.post_message(self.CursorMoved(task))

    def _changed_lines(self, shown: Window) -> Iterator[int]:
        for line in range(self._window.top, self._window.top + self.size.height):
            if shown.row(line) != self._window.row(line):
                yield line

    def _place_now(self) -> Place:
        height = max(1, self.size.height)
        return replace(self._place, height=height)

    def _draw_from(self, top: int) -> None:
        self._drawn_from = top
        self.scroll_to(y=top, animate=False, force=True, immediate=True)
        self.refresh()

    def _lines_on_screen(self) -> range:
        return range(self._drawn_from, min(self._drawn_from + self.size.height, self._window.total))

    def _refresh_line(self, line: int) -> None:
        y = line - self._drawn_from
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

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
        if top != self._drawn_from:
            self._draw_from(top)
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

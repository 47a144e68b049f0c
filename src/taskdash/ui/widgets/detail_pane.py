"""The pane with one task in full. It reads the task itself, skipping those the cursor only passes over."""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from taskdash.domain.durations import tells_seconds
from taskdash.ui import widgets
from taskdash.ui.actions import bindings
from taskdash.ui.text.detail import detail_text, result_target
from taskdash.ui.widgets.panes import Titled

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size
    from textual.worker import WorkType

    from taskdash.domain.task import Task, TaskDetail
    from taskdash.store.store import Store
    from taskdash.ui.context import Context
    from taskdash.ui.widgets.preview import Preview


MOVES_APART_S: Final = 0.15


class DetailPane(Titled, VerticalScroll, can_focus=True, inherit_bindings=False):
    """A pane with the full detail of the task under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane")]

    class LinkClicked(Message):
        """Posted when a result is clicked; `number` counts from 1."""

        def __init__(self, detail: TaskDetail, number: int) -> None:
            super().__init__()
            self.detail, self.number = detail, number

    def __init__(self, context: Context) -> None:
        super().__init__(id="detail")
        self.context = context
        self._current: Task | None = None
        self._read_as: Task | None = None
        """The value of `_current` when `_detail` was read."""
        self._detail: TaskDetail | None = None
        self._loading = False
        self._drawn_at_s = -inf
        self._said = Content("")
        self._text = Static(self._said, id="detail-text", markup=False)
        self.preview: Preview | None = None
        """The picture of a result; None until the first frame is drawn."""

    def compose(self) -> ComposeResult:
        yield self._text

    def on_mount(self) -> None:
        # Transparent pictures are drawn on the theme's background.
        self.app.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self.draw))
        if self.context.make_previews is not None:
            self.call_after_refresh(self._begin_previews)

    def _begin_previews(self) -> None:
        if not self.is_attached:
            return  # closed before its first frame
        self.preview = widgets.preview.Preview(self.context)
        self.mount(self.preview)
        self.call_after_refresh(self.draw)

    def action_move(self, steps: int) -> None:
        self.scroll_relative(y=steps, animate=False)

    def action_move_page(self, pages: int) -> None:
        self.action_move(pages * max(1, self.size.height - 1))

    def action_move_to_end(self, end: int) -> None:
        (self.scroll_home if end < 0 else self.scroll_end)(animate=False)

    def on_resize(self) -> None:
        self.draw()

    def open(self, detail: TaskDetail | None) -> None:
        self._detail = detail
        self._current = self._read_as = detail.task if detail else None
        self.draw()

    def show_task(self, task: Task | None) -> None:
        """Schedule a task to be shown. Of tasks passed over quickly only the last is read, and none while hidden."""
        self._current = task
        if task is None:
            self._read_as = self._detail = None
            self._say(Content(""))
            self._show_preview()
        elif self._is_behind and not self._loading:
            self._loading = True
            work: WorkType[None] = self._load  # not a coroutine: the worker may be cancelled before it starts
            self.run_worker(work, group="detail")

    @property
    def _is_behind(self) -> bool:
        """Return whether the task to be shown is not the one last read."""
        return self.display and self._current is not None and self._current != self._read_as

    async def _load(self) -> None:
        try:
            while self._is_behind:
                # Show the first move at once; while keys keep coming, the table goes first.
                await asyncio.sleep(max(0.0, self._drawn_at_s + MOVES_APART_S - monotonic()))
                task, detail = await self._read()
                if task is None or self._current is None or self._current.seq != task.seq:
                    continue
                moved = self._detail is None or detail is None or detail.task.seq != self._detail.task.seq
                self._read_as, self._detail = task, detail
                self.draw()
                self._drawn_at_s = monotonic()
                if moved:
                    self.scroll_home(animate=False)
        finally:
            self._loading = False

    async def _read(self) -> tuple[Task | None, TaskDetail | None]:
        def read(store: Store) -> tuple[Task | None, TaskDetail | None]:
            # Looked up only when the store runs this, so that tasks passed over meanwhile are not read.
            task = self._current
            return task, store.tasks.detail(task.seq, raw=False) if task is not None else None

        return await self.context.store.run(read)

    def on_click(self, event: events.Click) -> None:
        # Not if the mouse was dragged to select text.
        url = event.style.link
        if url is None or self._detail is None or event.chain > 1 or self.screen.get_selected_text():
            return
        numbers = {
            *range(1, len(self._detail.result_urls) + 1),
            *(each.number for each in self._detail.saved),
        }
        for number in sorted(numbers):
            if result_target(self._detail, number) == url:
                self.post_message(self.LinkClicked(self._detail, number))
                return

    def tick(self, *, is_whole: bool = True) -> None:
        """Redraw the times and countdowns in the text; unless `is_whole`, only if some show seconds."""
        detail, context = self._detail, self.context
        now_ms = context.clock.now_ms()
        if detail is None or not self.display or not (is_whole or _tells_seconds(detail.task, now_ms)):
            return
        width = self._room.width - (self.preview.cells_beside if self.preview else 0)
        self._say(detail_text(detail, now_ms, context.usual, context.ttl_ms_of(detail.task), width))

    @property
    def _room(self) -> Size:
        """Return the room for text and picture. It never includes the scroll bar's column: the bar depends on both."""
        return self.outer_size - self.gutter.totals - (1, 0)

    def _say(self, content: Content) -> None:
        if content.is_same(self._said):
            return
        before, self._said = self._said, content
        width = self._text.content_size.width
        # Laying out the screen costs more than drawing the frame for a key.
        same_height = width and before.get_height({}, width) == content.get_height({}, width)
        self._text.update(content, layout=not same_height)

    def catch_up(self) -> None:
        """Redraw for another size, and read the task that was skipped while the pane was hidden."""
        self.draw()
        self.show_task(self._current)

    def draw(self) -> None:
        self._show_preview()
        self.tick()

    def _show_preview(self) -> None:
        if self.preview is None:
            return
        self.preview.want(self._detail if self.display else None, self._room)


def _tells_seconds(task: Task, now_ms: int) -> bool:
    return tells_seconds(
        now_ms,
        task.create_time_ms,
        task.added_at_ms,
        task.complete_time_ms,
        task.checked_at_ms,
        task.next_check_at_ms,
    )

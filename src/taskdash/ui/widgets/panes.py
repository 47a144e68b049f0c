"""Lays out the list, the detail pane and the line between them, and keeps the detail on the task at the cursor."""

from __future__ import annotations

import asyncio
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, ClassVar, Final, Self

from rich.segment import Segment
from textual import work
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from taskdash.domain.words import tells_seconds
from taskdash.ui import widgets
from taskdash.ui.actions import bindings
from taskdash.ui.text.detail import detail_text, result_target

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.config.settings import View
    from taskdash.domain.task import Task, TaskDetail
    from taskdash.store.store import Store
    from taskdash.ui.context import Context
    from taskdash.ui.widgets.preview import Preview

    _Widget = Widget
else:
    # With a real Widget before it among the bases, a container would lose its default CSS.
    _Widget = object

WIDE_COLUMNS: Final = 118
"""From this width, the detail pane is at the right: it fits an ID, and the table every short column."""
TALL_LINES: Final = 20
"""From this height, a narrow screen has the detail pane below the table."""
POSITIONS: Final = ("right", "below", "hidden")
MIN_PERCENT: Final = 10
MAX_PERCENT: Final = 90
STEP_PERCENT: Final = 5
DETAIL: Final = "Detail"
MOVES_APART_S: Final = 0.15
"""How far apart the detail is drawn while the cursor keeps moving."""


class Titled(_Widget):
    """Renders only the first two lines of a widget: all the others are like the second."""

    def render_lines(self, crop: Region) -> list[Strip]:
        title, under = super().render_lines(Region(crop.x, 0, crop.width, 2))
        return [title if y == 0 else under for y in crop.line_range]


class Tasks(Titled, Vertical):
    """Shows the table with its column titles, or why there are no tasks."""

    def __init__(self, titles: Widget, table: Widget) -> None:
        self._is_titling = False
        super().__init__(id="list")
        self._titles = titles
        self._table = table
        self._empty: Static | None = None
        self._title = Content("")

    def compose(self) -> ComposeResult:
        yield self._titles
        if self._empty is not None:
            yield self._empty
        yield self._table

    def show_title(self, title: Content) -> None:
        if title != self._title:
            self._title, self._is_titling = title, True
            self.border_title = Content.assemble(" ", title, " ")
            self._is_titling = False

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Redraw only the title line for a new title, which changes with each line scrolled."""
        if self._is_titling:
            regions = (Region(0, -1, self.outer_size.width, 1),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def tell_empty(self, why: str) -> None:
        """Show why there are no tasks; "" if there are some."""
        if self._empty is not None:
            self._empty.display = bool(why)
            self._empty.update(why)
        elif why:
            self._empty = Static(why, id="empty", markup=False)
            if self.children:  # already composed
                self.mount(self._empty, before=self._table)


class Splitter(Titled, Widget):
    """Draws the line between the panes, vertical or horizontal.

    When horizontal, it is the top line of the detail pane, with its title.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Splitter { width: 1; height: 1fr; color: $text-muted; pointer: ew-resize; }
    Splitter.-focused { color: $text-accent; }
    Splitter:hover, Splitter.-dragged { color: $text-accent; }
    Splitter.-dragged { text-style: bold; }
    """

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        self.capture_mouse()
        self.add_class("-dragged")

    def render_line(self, y: int) -> Strip:
        # Heavier, not just coloured, while it is dragged or the pane below has the focus.
        width, is_heavy = self.size.width, self.has_class("-dragged") or self.has_class("-focused")
        if width == 1:
            line = "┬" if y == 0 else "│┃"[self.has_class("-dragged")]
        else:
            rule = "─━"[is_heavy]
            line = f"{rule} {DETAIL} {rule * width}"[:width]
        return Strip([Segment(line, self.rich_style)], width)


class Panes(Container):
    """Places list, splitter and detail pane, by a CSS class such as `-detail-right`."""

    BLANK = True

    class Rearranged(Message):
        """Posted when the user has moved or resized the detail pane."""

    def __init__(self, tasks: Widget, detail: DetailPane, view: View) -> None:
        super().__init__(id="body")
        self._tasks = tasks
        self._detail = detail
        detail.border_title = Content(f" {DETAIL} ")
        self._splitter = Splitter(id="splitter")
        self.follow(view)
        self._room = Size(0, 0)

    def compose(self) -> ComposeResult:
        yield self._tasks
        yield self._splitter
        yield self._detail

    def follow(self, view: View) -> None:
        """Take position and share from `view`; `fit_screen` applies them."""
        self.chosen, self.percent = view.detail, view.detail_percent

    @property
    def position(self) -> str:
        """Return where the detail pane is when not zoomed: one of `POSITIONS`."""
        if self.chosen != "auto":
            return self.chosen
        if self._room.width >= WIDE_COLUMNS:
            return "right"
        return "below" if self._room.height >= TALL_LINES else "hidden"

    @property
    def zoomed(self) -> bool:
        return self.has_class("-zoomed")

    def fit_screen(self, size: Size) -> None:
        """Place the detail pane where a screen of this size has room for it."""
        self._room = size
        for name in POSITIONS:
            # Before mounting there are no styles to update.
            self.set_class(self.position == name, f"-detail-{name}", update=self.is_mounted)
        self._apply()

    def _apply(self) -> None:
        share = f"{self.percent}%"
        position = None if self.zoomed else self.position
        self._detail.styles.width = share if position == "right" else None
        self._detail.styles.height = share if position == "below" else None
        if self.is_mounted:
            self.call_after_refresh(self._detail.catch_up)

    def zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self._apply()

    def next_position(self) -> None:
        """Cycle the detail pane through right, below and hidden."""
        self.chosen = POSITIONS[(POSITIONS.index(self.position) + 1) % len(POSITIONS)]
        self.remove_class("-zoomed")
        self.fit_screen(self._room)
        self.post_message(self.Rearranged())

    def grow_detail(self, steps: int) -> bool:
        """Grow or shrink the detail pane; return False if it is hidden or zoomed."""
        if self.position == "hidden" or self.zoomed:
            return False
        self._share(self.percent + steps * STEP_PERCENT, done=True)
        return True

    def on_descendant_focus(self) -> None:
        self._splitter.set_class(self._detail.has_focus and self.position == "below", "-focused")

    def on_descendant_blur(self) -> None:
        self.on_descendant_focus()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self._splitter:
            self._drag(event, done=False)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self.app.mouse_captured is self._splitter:
            self._splitter.capture_mouse(False)
            self._splitter.remove_class("-dragged")
            self._drag(event, done=True)

    def _drag(self, mouse: events.MouseEvent, *, done: bool) -> None:
        if self.position == "right":
            part, whole = self.region.right - 1 - round(mouse.screen_x), self.region.width
        else:
            part, whole = self.region.bottom - 1 - round(mouse.screen_y), self.region.height
        if whole:
            self._share(round(100 * part / whole), done=done)

    def _share(self, percent: int, *, done: bool) -> None:
        self.percent = max(MIN_PERCENT, min(percent, MAX_PERCENT))
        self._apply()
        if done:
            self.post_message(self.Rearranged())


class DetailPane(Titled, VerticalScroll, can_focus=True, inherit_bindings=False):
    """Shows the task under the cursor in full. Reads it itself, skipping those the cursor only passes over."""

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
            self._load()

    @property
    def _is_behind(self) -> bool:
        """Return whether the task to be shown is not the one last read."""
        return self.display and self._current is not None and self._current != self._read_as

    @work(group="detail")
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
        detail, context, now_ms = self._detail, self.context, self.context.clock.now_ms()
        if detail is None or not self.display:
            return
        task = detail.task
        moments_ms = (task.create_time_ms, task.added_at_ms, task.complete_time_ms)
        if is_whole or tells_seconds(now_ms, *moments_ms, task.checked_at_ms, task.next_check_at_ms):
            width = self._room.width - (self.preview.cells_beside if self.preview else 0)
            self._say(detail_text(detail, now_ms, context.usual, context.ttl_ms_of(task), width))

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
        if self.preview is not None:
            self.preview.want(self._detail if self.display else None, self._room)

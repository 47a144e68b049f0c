"""The layout of table and detail pane, and how they share the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from rich.segment import Segment
from textual.containers import Container, Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

    from taskdash.config.settings import View
    from taskdash.ui.widgets.detail_pane import DetailPane

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


class Titled(_Widget):
    """A mixin that renders only the first two lines of a widget: all the others are like the second."""

    def render_lines(self, crop: Region) -> list[Strip]:
        title, under = super().render_lines(Region(crop.x, 0, crop.width, 2))
        return [title if y == 0 else under for y in crop.line_range]


class Tasks(Titled, Vertical):
    """The table with its column titles, or the reason why there are no tasks."""

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
    """The line between the panes, vertical or horizontal. It reports where it is dragged, but moves nothing itself.

    When horizontal, it is the top line of the detail pane, with its title.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Splitter { width: 1; height: 1fr; color: $text-muted; pointer: ew-resize; }
    Splitter.-focused { color: $text-accent; }
    Splitter:hover, Splitter.-dragged { color: $text-accent; }
    Splitter.-dragged { text-style: bold; }
    """

    class Dragged(Message):
        """Posted while the line is dragged to `x`, `y` on the screen; `done` if it was released there."""

        def __init__(self, x: int, y: int, done: bool) -> None:
            super().__init__()
            self.x, self.y, self.done = x, y, done

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        self.capture_mouse()
        self.add_class("-dragged")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self.post_message(self.Dragged(round(event.screen_x), round(event.screen_y), done=False))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        event.stop()
        if self.app.mouse_captured is self:
            self.capture_mouse(False)
            self.remove_class("-dragged")
            self.post_message(self.Dragged(round(event.screen_x), round(event.screen_y), done=True))

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
    """The list, the splitter and the detail pane, whose place is set by a CSS class such as `-detail-right`."""

    BLANK = True

    class Rearranged(Message):
        """Posted when the user has moved or resized the detail pane."""

        def __init__(self, position: str, percent: int) -> None:
            super().__init__()
            self.position, self.percent = position, percent

    def __init__(self, tasks: Widget, detail: DetailPane, view: View) -> None:
        super().__init__(id="body")
        self._tasks = tasks
        self._detail = detail
        detail.border_title = Content(f" {DETAIL} ")
        self._splitter = Splitter(id="splitter")
        self.follow(view)
        self._room = (0, 0)
        self._applied: tuple[str | None, str] | None = None

    def compose(self) -> ComposeResult:
        yield self._tasks
        yield self._splitter
        yield self._detail

    def follow(self, view: View) -> None:
        """Take position and share from `view`; `fit_screen` applies them."""
        self._chosen = None if view.detail == "auto" else view.detail
        self._percent = view.detail_percent

    @property
    def position(self) -> str:
        """Return where the detail pane is when not zoomed: one of `POSITIONS`."""
        width, height = self._room
        fitting = "right" if width >= WIDE_COLUMNS else "below" if height >= TALL_LINES else "hidden"
        return self._chosen or fitting

    @property
    def zoomed(self) -> bool:
        return self.has_class("-zoomed")

    def fit_screen(self, width: int, height: int) -> None:
        """Place the detail pane where a screen of this size has room for it."""
        self._room = (width, height)
        for name in POSITIONS:
            # Before mounting there are no styles to update.
            self.set_class(self.position == name, f"-detail-{name}", update=self.is_mounted)
        self._apply()

    def _apply(self) -> None:
        share = f"{self._percent}%"
        position = None if self.zoomed else self.position
        if (position, share) != self._applied:
            self._applied = (position, share)
            self._detail.styles.width = share if position == "right" else None
            self._detail.styles.height = share if position == "below" else None
        if self.is_mounted:
            self.call_after_refresh(self._detail.catch_up)

    def zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self._apply()

    def next_position(self) -> None:
        """Cycle the detail pane through right, below and hidden."""
        self._chosen = POSITIONS[(POSITIONS.index(self.position) + 1) % len(POSITIONS)]
        self.remove_class("-zoomed")
        self.fit_screen(*self._room)
        self.post_message(self.Rearranged(self._chosen, self._percent))

    def grow_detail(self, steps: int) -> bool:
        """Grow or shrink the detail pane; return False if it is hidden or zoomed."""
        if self.position == "hidden" or self.zoomed:
            return False
        self._share(self._percent + steps * STEP_PERCENT, done=True)
        return True

    def on_descendant_focus(self) -> None:
        self._splitter.set_class(self._detail.has_focus and self.position == "below", "-focused")

    def on_descendant_blur(self) -> None:
        self.on_descendant_focus()

    def on_splitter_dragged(self, event: Splitter.Dragged) -> None:
        region = self.region
        if self.position == "right":
            part, whole = region.right - 1 - event.x, region.width
        else:
            part, whole = region.bottom - 1 - event.y, region.height
        if whole:
            self._share(round(100 * part / whole), done=event.done)

    def _share(self, percent: int, *, done: bool) -> None:
        self._percent = max(MIN_PERCENT, min(percent, MAX_PERCENT))
        self._apply()
        if done:
            self.post_message(self.Rearranged(self._chosen or "auto", self._percent))

"""A list of lines to choose from, of which only those on the screen are made: a thousand cost no more than ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.binding import BindingType
    from textual.geometry import Size

_WHEEL_LINES = 3


class LineList(Widget, can_focus=True):
    """Lines with a cursor. It is as high as they are, or as there is room."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-list--cursor"}
    DEFAULT_CSS = "LineList { height: auto; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("down,j", "move(1)", "down"),
        ("up,k", "move(-1)", "up"),
        ("pagedown,space", "move_pages(1)", "a page down"),
        ("pageup", "move_pages(-1)", "a page up"),
        ("home,g", "move(-1_000_000)", "to the start"),
        ("end,G", "move(1_000_000)", "to the end"),
        ("enter", "choose", "choose"),
    ]

    class Moved(Message):
        """Other lines are seen, or the cursor is on another one."""

    class Chosen(Message):
        """The line under the cursor is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self._line: Callable[[int], Content] = lambda _: Content("")
        self.count = 0
        self.cursor = 0
        self._top = 0

    def show(self, count: int, line: Callable[[int], Content], cursor: int) -> None:
        """Show so many lines, each of which is made when it is seen, with the cursor on one of them."""
        is_other = count != self.count
        self.count, self._line = count, line
        self._go(cursor)
        self.refresh(layout=is_other)

    @property
    def seen(self) -> range:
        return range(self._top, min(self.count, self._top + max(1, self.content_size.height)))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        return max(1, self.count)

    def render(self) -> Content:
        lines = [self._line(n) for n in self.seen]
        if lines:
            at = self.cursor - self._top
            whole = lines[at].pad_right(max(0, self.content_size.width - lines[at].cell_length))
            lines[at] = whole.stylize_before(self.get_visual_style("line-list--cursor"))
        return Content("\n").join(lines)

    def on_resize(self) -> None:
        self._go(self.cursor)

    def action_move(self, steps: int) -> None:
        self._go(self.cursor + steps)
        self.refresh()

    def action_move_pages(self, pages: int) -> None:
        self.action_move(pages * max(1, self.content_size.height - 1))

    def action_choose(self) -> None:
        if self.count:
            self.post_message(self.Chosen())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(_WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-_WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        line = self._top + event.y
        if line < self.count:
            is_there = line == self.cursor
            self._go(line)
            self.refresh()
            if is_there or event.chain == 2:
                self.action_choose()

    def _go(self, line: int) -> None:
        """Put the cursor on a line, with as little scrolling as that needs."""
        self.cursor = max(0, min(line, self.count - 1))
        height = max(1, self.content_size.height)
        top = max(min(self._top, self.cursor), self.cursor - height + 1)
        self._top = max(0, min(top, self.count - height))
        self.post_message(self.Moved())

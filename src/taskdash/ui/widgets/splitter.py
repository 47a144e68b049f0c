"""The line between table and detail, to be dragged with the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual import events


class Splitter(Widget):
    """A line, upright or lying as its place is; it tells where it is dragged to and moves nothing itself."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Splitter { width: 1; height: 1fr; background: $surface; color: $primary-muted; pointer: ew-resize; }
    Splitter:hover { color: $primary; }
    Splitter.-dragged { color: $primary; text-style: bold; }
    """

    class Dragged(Message):
        """The mouse holds the line at `x`, `y` of the screen; `done`: it let go there."""

        def __init__(self, x: int, y: int, *, done: bool) -> None:
            self.x, self.y, self.done = x, y, done
            super().__init__()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold."""
        event.stop()
        self.capture_mouse()
        self.add_class("-dragged")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Move along."""
        if self.app.mouse_captured is self:
            self.post_message(self.Dragged(round(event.screen_x), round(event.screen_y), done=False))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go."""
        event.stop()
        if self.app.mouse_captured is self:
            self.capture_mouse(False)
            self.remove_class("-dragged")
            self.post_message(self.Dragged(round(event.screen_x), round(event.screen_y), done=True))

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - each is like the others
        """Draw a line of it; heavier, and not only in another colour, while it is dragged."""
        width = self.size.width
        light, heavy = ("─", "━") if width > 1 else ("│", "┃")
        text = (heavy if self.has_class("-dragged") else light) * width
        return Strip([Segment(text, self.rich_style)], width)

"""The last body with a record, as it was sent, on a screen of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from taskdash.ui.screens.dialog import Dialog
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

MAX_CHARS: Final = 100_000


class RawJson(Dialog[None]):
    """Shows a text; keys scroll it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,J", "dismiss(None)", "close"),
        ("j,down", "scroll_by(1)", "down"),
        ("k,up", "scroll_by(-1)", "up"),
        ("pagedown,space", "scroll_by(20)", "a page down"),
        ("pageup", "scroll_by(-20)", "a page up"),
    ]

    def __init__(self, task_id: str, text: str) -> None:
        super().__init__()
        self._task_id, self._text = task_id, text

    def compose(self) -> ComposeResult:
        """The text."""
        cut = len(self._text) > MAX_CHARS
        with Vertical(classes="dialog wide"):
            yield Line(Content.styled(f"The answer for {self._task_id}, as it was sent", "bold"))
            with VerticalScroll(can_focus=False):
                yield Static(Content(self._text[:MAX_CHARS]))
            rest = f"Cut here: `taskdash show {self._task_id} --raw` prints it all. " if cut else ""
            yield Line(Content.styled(f"{rest}Esc closes", "$text-muted"))

    def action_scroll_by(self, lines: int) -> None:
        """Scroll the text."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

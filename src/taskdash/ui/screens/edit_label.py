"""The dialog for a label and a note, of one task or of all that are marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from taskdash.domain.words import plural
from taskdash.ui.screens.dialog import Dialog
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


@dataclass(frozen=True, slots=True)
class Labels:
    """What was typed; "" takes the label or note away."""

    label: str
    note: str


class EditLabel(Dialog[Labels | None]):
    """Dismissed with what was typed, None for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "dismiss(None)", "close"),
        ("down", "app.focus_next", "next"),
        ("up", "app.focus_previous", "previous"),
    ]

    def __init__(self, count: int, label: str | None, note: str | None) -> None:
        super().__init__()
        self._count, self._label, self._note = count, label, note

    def compose(self) -> ComposeResult:
        """Two boxes."""
        with Vertical(classes="dialog small"):
            title = (
                "Label and note" if self._count == 1 else f"Label and note of {plural(self._count, 'task')}"
            )
            yield Line(Content.styled(title, "bold"))
            yield Input(
                self._label or "", placeholder="label", id="label", max_length=200, select_on_focus=False
            )
            yield Input(self._note or "", placeholder="note", id="note", select_on_focus=False)
            yield Line(Content.styled("Enter saves, Tab goes to the other box, Esc closes", "$text-muted"))

    def on_input_submitted(self) -> None:
        """Enter in either box saves both."""
        self.dismiss(Labels(self.query_one("#label", Input).value, self.query_one("#note", Input).value))

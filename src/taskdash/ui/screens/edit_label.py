"""The dialog for a label and a note, of one task or of all that are marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding

from taskdash.domain.words import plural
from taskdash.ui.screens.dialog import Dialog
from taskdash.ui.widgets.filter_box import TextBox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import Input

    from taskdash.domain.task import Task

TAKE_AWAY: Final = "-"
"""Typed for tasks that differ: takes all their labels or notes away, as an empty box keeps them."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What was typed; "" takes the label or note away, None keeps those there are by now."""

    label: str | None
    note: str | None


class EditLabel(Dialog[Labels]):
    """Two boxes; the result is what was typed, or None if the user went back."""

    SIZE = "small"
    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority, so that the letters typed behind them are for the other box.
        Binding("tab,down", "app.focus_next", priority=True),
        Binding("shift+tab,up", "app.focus_previous", priority=True),
    ]

    def __init__(self, tasks: Sequence[Task]) -> None:
        of = f" of {plural(len(tasks), 'task')}" if len(tasks) > 1 else ""
        super().__init__(f"Label and note{of}", "Enter saves, Tab next field, Esc cancels")
        self._label_before = _shared([task.label for task in tasks])
        self._note_before = _shared([task.note for task in tasks])
        self._label = _box("label", self._label_before, max_length=200)
        self._note = _box("note", self._note_before)

    def compose_body(self) -> ComposeResult:
        yield self._label
        yield self._note

    def on_input_submitted(self) -> None:
        label = _typed(self._label.value, self._label_before)
        self.dismiss(Labels(label, _typed(self._note.value, self._note_before)))


def _shared(values: Sequence[str | None]) -> str | None:
    """Return what all have, "" where none has any; None where they differ."""
    return (values[0] or "") if len(set(values)) == 1 else None


def _box(name: str, shared: str | None, max_length: int = 0) -> Input:
    hint = (
        name if shared is not None else f"{name}s differ: leave empty to keep them, {TAKE_AWAY} removes them"
    )
    return TextBox(shared or "", placeholder=hint, id=name, max_length=max_length, select_on_focus=False)


def _typed(text: str, shared: str | None) -> str | None:
    if shared is not None:
        return None if text == shared else text
    stripped = text.strip()
    return None if not stripped else "" if stripped == TAKE_AWAY else text

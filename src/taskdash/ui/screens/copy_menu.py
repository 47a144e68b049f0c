"""The copy menu: what can be copied of a task, and what it is good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from taskdash.ui.screens.dialog import Choices, Dialog
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.ui.copying import Choice


class CopyMenu(Dialog[str | None]):
    """Which of these to copy. Dismissed with the letter of the choice."""

    LINES_AROUND: ClassVar[int] = 13
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q", "dismiss(None)", "close"),
        ("j", "down", "down"),
        ("k", "up", "up"),
        *((letter, f"choose('{letter}')", "copy") for letter in "ilparcn"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._note = Static(Content(""), id="copy-note")

    def compose(self) -> ComposeResult:
        """The choices, and what the one at the cursor is."""
        width = max(len(choice.title) for choice in self._choices)
        with Vertical(classes="dialog"):
            yield Line(Content.styled(self._title, "bold"))
            yield Choices(*(_option(choice, width) for choice in self._choices), id="copy-list")
            yield self._note
            yield Line(Content.styled("A letter or Enter copies, Esc closes", "$text-muted"))

    def action_down(self) -> None:
        """The next choice."""
        self.query_one(Choices).action_cursor_down()

    def action_up(self) -> None:
        """The choice before."""
        self.query_one(Choices).action_cursor_up()

    def action_choose(self, letter: str) -> None:
        """Choose by letter."""
        choice = next(choice for choice in self._choices if choice.key == letter)
        if choice.reason:
            self._tell(choice)
        else:
            self.dismiss(letter)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what the choice at the cursor is."""
        self._tell(self._choices[event.option_index])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Choose with Enter or the mouse."""
        self.dismiss(self._choices[event.option_index].key)

    def _tell(self, choice: Choice) -> None:
        words = f"Nothing to copy: {choice.title}: {choice.reason}." if choice.reason else choice.note
        # Its place is kept for it: the dialog does not change its size with each step.
        self._note.update(Content(words), layout=False)


def _option(choice: Choice, width: int) -> Option:
    head = f"{choice.title:<{width}}  "
    if choice.reason:
        return Option(Content(f"{choice.key}  {head}– {choice.reason}"), disabled=True)
    return Option(
        Content.assemble((f"{choice.key}  ", "$text-accent bold"), head, (choice.preview, "$text-muted"))
    )

"""The copy menu: what can be copied of a task, and what it is good for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from taskdash.ui.screens.dialog import Choices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import OptionList

    from taskdash.ui.copying import Choice


class CopyMenu(Choices[str]):
    """Which of these to copy. Dismissed with the letter of the choice."""

    LINES_AROUND: ClassVar[int] = 13
    BINDINGS: ClassVar[list[BindingType]] = [(letter, f"choose('{letter}')", "copy") for letter in "ilparcnb"]

    def __init__(self, title: str, choices: Sequence[Choice]) -> None:
        width = max(len(choice.title) for choice in choices)
        super().__init__(
            title,
            "Press a letter, or Enter, to copy. Esc closes",
            [(choice.key, _option(choice, width)) for choice in choices],
        )
        self._choices = choices
        self._note = Static(Content(""), id="copy-note")

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._note

    def action_choose(self, letter: str) -> None:
        choice = next(choice for choice in self._choices if choice.key == letter)
        if choice.reason:
            self._tell(choice)
        else:
            self.dismiss(letter)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._tell(self._choices[event.option_index])

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

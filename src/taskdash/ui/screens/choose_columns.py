"""The dialog for the table's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from taskdash.ui.column_choice import ChosenColumns, ColumnChoice
from taskdash.ui.columns import COLUMNS
from taskdash.ui.screens.dialog import Choices, Dialog
from taskdash.ui.widgets.lines import Line

if TYPE_CHECKING:
    from collections.abc import Collection

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from taskdash.config.settings import View

_KEYS: Final = (
    (("Space", "show or hide"), ("J K", "move"), ("← →", "width")),
    (("0", "width as it fits"), ("r", "all as in the config")),
    (("Enter", "keep"), ("Esc", "drop")),
)


class ColumnList(Choices):
    """A list in which Enter is no click."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "screen.keep", "keep")]


class ChooseColumns(Dialog[ChosenColumns | None]):
    """Dismissed with the columns to show, None for Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,C", "dismiss(None)", "close"),
        ("j", "step(1)", "down"),
        ("k", "step(-1)", "up"),
        ("space,x", "show_or_hide", "show or hide"),
        ("J,shift+down", "move(1)", "move down"),
        ("K,shift+up", "move(-1)", "move up"),
        ("left,h,minus", "widen(-1)", "narrower"),
        ("right,l,plus", "widen(1)", "wider"),
        ("0", "fit", "width as it fits"),
        ("r", "reset", "as in the config"),
    ]

    def __init__(self, view: View, first: View, drawn: Collection[str]) -> None:
        super().__init__()
        self._drawn = drawn
        self._choice = ColumnChoice.of(view)
        self._first = ColumnChoice.of(first)
        self._first_shown = self._choice.shown
        self._list = ColumnList()

    def compose(self) -> ComposeResult:
        """The columns and the keys."""
        with Vertical(classes="dialog small", id="columns"):
            yield Line(Content.styled("Columns, from left to right", "bold"))
            yield self._list
            yield Static(_key_text())

    def on_mount(self) -> None:
        """Begin at the first column."""
        self._list.add_options([Option(text) for text in self._texts()])
        self._list.highlighted = 0

    @property
    def chosen(self) -> ChosenColumns:
        """The columns as they are chosen now."""
        return self._choice.chosen

    @property
    def _index(self) -> int:
        return self._list.highlighted or 0

    def _take(self, choice: ColumnChoice, index: int) -> None:
        self._choice = choice
        for line, text in enumerate(self._texts()):
            self._list.replace_option_prompt_at_index(line, text)
        self._list.highlighted = index

    def _texts(self) -> list[Content]:
        return [self._text(name) for name in self._choice.order]

    def _text(self, name: str) -> Content:
        shown, cells = name in self._choice.shown, self._choice.widths.get(name)
        width = f"{cells} cells" if cells else "as it fits"
        if shown and name in self._first_shown and name not in self._drawn:
            width = "no room for it now"
        return Content.assemble(
            (f"{'✓' if shown else ' '} {COLUMNS[name].title:<12}", "" if shown else "$text-muted"),
            (f"{'shown' if shown else 'hidden':<8}", "$text-accent" if shown else "$text-muted"),
            (width, "$text-muted"),
        )

    def action_step(self, lines: int) -> None:
        """Another column."""
        self._list.highlighted = (self._index + lines) % len(self._choice.order)

    def action_show_or_hide(self) -> None:
        """Show it, or hide it."""
        self._take(self._choice.toggle(self._index), self._index)

    def action_move(self, steps: int) -> None:
        """Put it elsewhere."""
        index = max(0, min(self._index + steps, len(self._choice.order) - 1))
        self._take(self._choice.move(self._index, steps), index)

    def action_widen(self, cells: int) -> None:
        """Give it another width."""
        self._take(self._choice.widen(self._index, cells), self._index)

    def action_fit(self) -> None:
        """Leave its width to the table."""
        self._take(self._choice.fit(self._index), self._index)

    def action_reset(self) -> None:
        """All columns as the config has them."""
        self._take(self._first, 0)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click shows or hides."""
        event.stop()
        self._take(self._choice.toggle(event.option_index), event.option_index)

    def action_keep(self) -> None:
        """Take the choice over."""
        self.dismiss(self.chosen)


def _key_text() -> Content:
    return Content("\n").join(
        Content("   ").join(
            Content.assemble((key, "bold $text-accent"), (f" {what}", "$text-muted")) for key, what in line
        )
        for line in _KEYS
    )

"""The dialog for choosing the table's columns, their order and their widths."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.content import Content
from textual.widgets.option_list import Option

from taskdash.domain.words import plural
from taskdash.ui.screens.dialog import ChoiceList, Dialog
from taskdash.ui.text.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widgets import OptionList

    from taskdash.config.settings import View

MIN_CELLS: Final = 3
MAX_CELLS: Final = 200
FLEXIBLE_CELLS: Final = 40
"""The width from which a column without a default width is resized."""

_KEYS: Final = (
    (("Space", "show or hide"), ("J K", "move"), ("← →", "width")),
    (("0", "auto width"), ("r", "reset")),
    (("Enter", "apply"), ("Esc", "cancel")),
)


class ColumnList(ChoiceList):
    """A list in which Enter applies the dialog, whereas a click toggles a column."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "screen.keep", "apply")]


class ChooseColumns(Dialog[tuple[tuple[str, ...], dict[str, int]] | None]):
    """A dialog to show, hide, move and resize columns. Dismissed with their names and fixed widths; None on Esc."""

    SIZE = "small full"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q,C", "dismiss(None)", "close"),
        ("space,x", "show_or_hide", "show or hide"),
        ("J,shift+down", "move(1)", "move down"),
        ("K,shift+up", "move(-1)", "move up"),
        ("left,h,minus", "widen(-1)", "narrower"),
        ("right,l,plus", "widen(1)", "wider"),
        ("0", "fit", "auto width"),
        ("r", "reset", "reset"),
    ]

    def __init__(self, view: View, first: View, drawn: Collection[str]) -> None:
        super().__init__("Columns, left to right", _key_text())
        self._first, self._drawn, self._first_shown = first, drawn, view.columns
        self._follow(view)
        self._list = ColumnList(*map(Option, self._texts()))

    def compose_body(self) -> ComposeResult:
        yield self._list

    def _follow(self, view: View) -> None:
        """List the columns that `view` shows, then the hidden ones."""
        self._order = [*view.columns, *(name for name in COLUMNS if name not in view.columns)]
        self._shown, self._widths = frozenset(view.columns), dict(view.widths)

    @property
    def _index(self) -> int:
        return self._list.highlighted or 0

    def _draw(self, index: int) -> None:
        for line, text in enumerate(self._texts()):
            self._list.replace_option_prompt_at_index(line, text)
        self._list.highlighted = index

    def _texts(self) -> list[Content]:
        return [self._text(name) for name in self._order]

    def _text(self, name: str) -> Content:
        shown, cells = name in self._shown, self._widths.get(name)
        width = plural(cells, "cell") if cells else "auto"
        if shown and name in self._first_shown and name not in self._drawn:
            width = "no room"
        return Content.assemble(
            (f"{'✓' if shown else ' '} {COLUMNS[name].title:<12}", "" if shown else "$text-muted"),
            (f"{'shown' if shown else 'hidden':<8}", "$text-accent" if shown else "$text-muted"),
            (width, "$text-muted"),
        )

    def action_show_or_hide(self) -> None:
        self._toggle(self._index)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._toggle(event.option_index)

    def _toggle(self, index: int) -> None:
        # The last visible column cannot be hidden.
        self._shown = self._shown ^ {self._order[index]} or self._shown
        self._draw(index)

    def action_move(self, steps: int) -> None:
        index = max(0, min(self._index + steps, len(self._order) - 1))
        self._order.insert(index, self._order.pop(self._index))
        self._draw(index)

    def action_widen(self, cells: int) -> None:
        name = self._order[self._index]
        before = self._widths.get(name) or COLUMNS[name].widths[0] or FLEXIBLE_CELLS
        self._widths[name] = max(MIN_CELLS, min(before + cells, MAX_CELLS))
        self._draw(self._index)

    def action_fit(self) -> None:
        self._widths.pop(self._order[self._index], None)
        self._draw(self._index)

    def action_reset(self) -> None:
        self._follow(self._first)
        self._draw(0)

    def action_keep(self) -> None:
        self.dismiss((tuple(name for name in self._order if name in self._shown), self._widths))


def _key_text() -> Content:
    return Content("\n").join(
        Content("   ").join(
            Content.assemble((key, "bold $text-accent"), (f" {what}", "$text-muted")) for key, what in line
        )
        for line in _KEYS
    )

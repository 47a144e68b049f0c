"""The dialog for the table's columns: which, in which order, how wide."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
"""Where the width of a column begins that has none of its own."""

_KEYS: Final = (
    (("Space", "show or hide"), ("J K", "move"), ("← →", "width")),
    (("0", "auto width"), ("r", "reset")),
    (("Enter", "apply"), ("Esc", "cancel")),
)


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Every column there is from left to right, which of them are shown, and widths that are not left to the table."""

    order: tuple[str, ...]
    shown: frozenset[str]
    widths: dict[str, int]

    @classmethod
    def of(cls, view: View) -> ColumnChoice:
        """Return the columns of a look, and after them those that it does not show."""
        others = tuple(name for name in COLUMNS if name not in view.columns)
        return cls((*view.columns, *others), frozenset(view.columns), dict(view.widths))

    @property
    def names(self) -> tuple[str, ...]:
        """Return what is shown."""
        return tuple(name for name in self.order if name in self.shown)

    def toggle(self, index: int) -> ColumnChoice:
        """Show a column or hide it; the last one that is shown stays."""
        shown = self.shown ^ {self.order[index]}
        return replace(self, shown=shown) if shown else self

    def move(self, index: int, steps: int) -> ColumnChoice:
        """Put a column further left (negative) or right, as far as that goes."""
        order = list(self.order)
        name = order.pop(index)
        order.insert(max(0, min(index + steps, len(order))), name)
        return replace(self, order=tuple(order))

    def widen(self, index: int, cells: int) -> ColumnChoice:
        """Give a column a width of its own, `cells` more than it has or wants."""
        name = self.order[index]
        before = self.widths.get(name) or COLUMNS[name].widths[0] or FLEXIBLE_CELLS
        return replace(self, widths={**self.widths, name: max(MIN_CELLS, min(before + cells, MAX_CELLS))})

    def fit(self, index: int) -> ColumnChoice:
        """Leave the width of a column to the table again."""
        name = self.order[index]
        return replace(self, widths={key: cells for key, cells in self.widths.items() if key != name})


class ColumnList(ChoiceList):
    """A list in which Enter is no click."""

    BINDINGS: ClassVar[list[BindingType]] = [("enter", "screen.keep", "apply")]


class ChooseColumns(Dialog[ColumnChoice | None]):
    """Dismissed with the columns to show, None for Esc."""

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
        self._drawn = drawn
        self.chosen = ColumnChoice.of(view)
        self._first = ColumnChoice.of(first)
        self._first_shown = self.chosen.shown
        self._list = ColumnList(*map(Option, self._texts()))

    def compose_body(self) -> ComposeResult:
        yield self._list

    @property
    def _index(self) -> int:
        return self._list.highlighted or 0

    def _take(self, choice: ColumnChoice, index: int) -> None:
        self.chosen = choice
        for line, text in enumerate(self._texts()):
            self._list.replace_option_prompt_at_index(line, text)
        self._list.highlighted = index

    def _texts(self) -> list[Content]:
        return [self._text(name) for name in self.chosen.order]

    def _text(self, name: str) -> Content:
        shown, cells = name in self.chosen.shown, self.chosen.widths.get(name)
        width = plural(cells, "cell") if cells else "auto"
        if shown and name in self._first_shown and name not in self._drawn:
            width = "no room"
        return Content.assemble(
            (f"{'✓' if shown else ' '} {COLUMNS[name].title:<12}", "" if shown else "$text-muted"),
            (f"{'shown' if shown else 'hidden':<8}", "$text-accent" if shown else "$text-muted"),
            (width, "$text-muted"),
        )

    def action_show_or_hide(self) -> None:
        self._take(self.chosen.toggle(self._index), self._index)

    def action_move(self, steps: int) -> None:
        index = max(0, min(self._index + steps, len(self.chosen.order) - 1))
        self._take(self.chosen.move(self._index, steps), index)

    def action_widen(self, cells: int) -> None:
        self._take(self.chosen.widen(self._index, cells), self._index)

    def action_fit(self) -> None:
        self._take(self.chosen.fit(self._index), self._index)

    def action_reset(self) -> None:
        self._take(self._first, 0)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(self.chosen.toggle(event.option_index), event.option_index)

    def action_keep(self) -> None:
        self.dismiss(self.chosen)


def _key_text() -> Content:
    return Content("\n").join(
        Content("   ").join(
            Content.assemble((key, "bold $text-accent"), (f" {what}", "$text-muted")) for key, what in line
        )
        for line in _KEYS
    )

"""A choice of columns while it is being made: which, in which order, how wide."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from taskdash.ui.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.config.settings import View

MIN_CELLS: Final = 3
MAX_CELLS: Final = 200
FLEXIBLE_CELLS: Final = 40
"""Where the width of a column begins that has none of its own."""


@dataclass(frozen=True, slots=True)
class ChosenColumns:
    """What the table is to show: names from left to right, and the widths that are not left to it."""

    names: tuple[str, ...]
    widths: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """Every column there is in a row, and which of them are shown."""

    order: tuple[str, ...]
    shown: frozenset[str]
    widths: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, view: View) -> ColumnChoice:
        """The columns of a look, and after them those that it does not show."""
        others = tuple(name for name in COLUMNS if name not in view.columns)
        return cls((*view.columns, *others), frozenset(view.columns), dict(view.widths))

    @property
    def chosen(self) -> ChosenColumns:
        """The result."""
        names = tuple(name for name in self.order if name in self.shown)
        return ChosenColumns(names, dict(self.widths))

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

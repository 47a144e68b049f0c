"""What the tasks under one label come to: how far they are, what waits too long, what it cost, what is unsaved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from taskdash.domain.task import State

if TYPE_CHECKING:
    from taskdash.domain.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """All tasks of a profile that have the same label, or none."""

    label: str | None
    newest_seq: int
    """The one of them that was added last."""
    counts: dict[State, int]
    overdue: int
    progress: Progress
    """When the rest of them may be done."""
    credits: float | None
    """What they cost; None where no record says so."""
    without_credits: int
    """How many that ended have a record that does not."""
    unsaved: int
    """How many of their results are not saved."""
    expires_at_ms: int | None
    """When the first of those that are not saved expires, of those that have not: else when the last did."""

    @property
    def total(self) -> int:
        """Return how many tasks there are."""
        return sum(self.counts.values())

    def shares(self, cells: int) -> tuple[int, int, int]:
        """Return how many of so many cells of a bar stand for success, for failures and for the rest.

        What there is any of has a cell, as long as there are cells for it.
        """
        success, fail = self.counts[State.SUCCESS], self.counts[State.FAIL]
        rest = self.total - success - fail
        fail_cells = _share(fail, self.total, cells - min(cells, (success > 0) + (rest > 0)))
        rest_cells = _share(rest, self.total, cells - fail_cells - (success > 0))
        return cells - fail_cells - rest_cells, fail_cells, rest_cells

    @property
    def filter_text(self) -> str:
        """Return the filter that shows the tasks, in the language of `domain.query_language`."""
        if self.label is None:
            return 'label:=""'
        if '"' not in self.label:
            return f'label:="{self.label}"' if " " in self.label else f"label:={self.label}"
        # The language has no way to write a quote: what is around it has to do.
        pieces = [piece for piece in self.label.split('"') if piece.strip()]
        return " ".join(f'label:"{piece}"' for piece in pieces) or '!label:=""'


def _share(count: int, total: int, most: int) -> int:
    return max(0, min(most, max(1, round(count / total * (most + 1))))) if count else 0

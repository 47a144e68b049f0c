"""Tells what the tasks of a label come to: how far they are, what waits too long, what it cost, what is unsaved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from taskdash.domain.task import State

if TYPE_CHECKING:
    from taskdash.domain.progress import Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """Adds up all tasks of a profile that have the same label, or none."""

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
    """How many have ended whose records do not say what they cost."""
    unsaved: int
    """How many of their results are not saved."""
    expires_at_ms: int | None
    """When the first of the unsaved ones expires; where all of them have, when the last did."""

    @property
    def total(self) -> int:
        """Return how many tasks there are."""
        return sum(self.counts.values())

    def shares(self, cells: int) -> list[int]:
        """Return how many of so many cells of a bar, at least 3, stand for success, failures and the rest.

        What there is any of has a cell; the largest has what the others leave.
        """
        success, fail = self.counts[State.SUCCESS], self.counts[State.FAIL]
        counts = (success, fail, self.total - success - fail)
        shares = [max(1, count * cells // self.total) if count else 0 for count in counts]
        shares[counts.index(max(counts))] += cells - sum(shares)
        return shares

    @property
    def filter_text(self) -> str:
        """Return the filter that shows the tasks, in the language of `domain.query_language`."""
        if self.label is None:
            return 'label:=""'
        if '"' not in self.label:
            return f'label:="{self.label}"' if re.search(r"\s", self.label) else f"label:={self.label}"
        # The language has no way to write a quote: what is around it has to do.
        pieces = [piece for piece in self.label.split('"') if piece.strip()]
        return " ".join(f'label:"{piece}"' for piece in pieces) or '!label:=""'

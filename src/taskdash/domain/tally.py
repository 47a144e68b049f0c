"""What a list adds up to: how many tasks in which state, how often they succeed, how long they take."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from taskdash.domain.task import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Some tasks, counted."""

    model: str | None
    """None for tasks of every model, or of one that is not known."""
    counts: dict[State, int]
    cost_p50_ms: int | None
    """Of the successes whose `costTime` is known: half of them took no longer."""
    cost_p90_ms: int | None

    @property
    def total(self) -> int:
        """How many tasks there are."""
        return sum(self.counts.values())

    @property
    def success_rate(self) -> float | None:
        """Successes out of all that ended, 0 to 1; None where none has."""
        ended = self.counts[State.SUCCESS] + self.counts[State.FAIL]
        return self.counts[State.SUCCESS] / ended if ended else None


def tally(rows: Iterable[tuple[str | None, State, int | None]]) -> tuple[Tally, list[Tally]]:
    """Count tasks, given as model, state and `costTime` in ms: all together, and by model, the commonest first."""
    everything = list(rows)
    by_model: dict[str | None, list[tuple[State, int | None]]] = {}
    for model, state, cost_ms in everything:
        by_model.setdefault(model, []).append((state, cost_ms))
    models = [_tally(model, some) for model, some in by_model.items()]
    models.sort(key=lambda each: (-each.total, each.model is None, each.model or ""))
    return _tally(None, [(state, cost_ms) for _, state, cost_ms in everything]), models


def percentile(values: Sequence[int], percent: float) -> int | None:
    """The least of the sorted `values` that is no less than `percent` of them (nearest rank); None of none."""
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)] if values else None


def _tally(model: str | None, rows: Sequence[tuple[State, int | None]]) -> Tally:
    found = Counter(state for state, _ in rows)
    costs = sorted(cost_ms for state, cost_ms in rows if state is State.SUCCESS and cost_ms is not None)
    return Tally(
        model=model,
        counts={state: found[state] for state in State},
        cost_p50_ms=percentile(costs, 50),
        cost_p90_ms=percentile(costs, 90),
    )

"""What a list adds up to: how many tasks in which state, how often they succeed, how long they take, what they cost."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_MS: Final = 3_600_000
DAY_HOURS: Final = 24


class TaskFigures(NamedTuple):
    """What counts of one task in the statistics."""

    model: str | None
    state: State
    cost_ms: int | None = None
    """`costTime`."""
    ended_at_ms: int | None = None
    """When it ended, as far as that is known."""
    credits_consumed: str | None = None
    """As the gateway reports it: a number as text, or whatever else it sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Some tasks, counted."""

    model: str | None
    """None for tasks of every model, or of one that is not known."""
    counts: dict[State, int]
    costs_ms: tuple[int, ...]
    """The known `costTime`s of the successes, ascending."""
    credits_consumed: float | None
    """The sum of what was reported; None where nothing was."""

    @property
    def total(self) -> int:
        """Return how many tasks there are."""
        return sum(self.counts.values())

    @property
    def success_rate(self) -> float | None:
        """Return successes out of all that ended, 0 to 1; None where none has."""
        ended = self.counts[State.SUCCESS] + self.counts[State.FAIL]
        return self.counts[State.SUCCESS] / ended if ended else None

    @property
    def cost_p50_ms(self) -> int | None:
        """Return the time that half of the successes stayed within; None where no `costTime` is known."""
        return percentile(self.costs_ms, 50)

    @property
    def cost_p90_ms(self) -> int | None:
        """Return the time that nine of ten successes stayed within; None where no `costTime` is known."""
        return percentile(self.costs_ms, 90)


def tally(outcomes: Iterable[TaskFigures]) -> tuple[Tally, list[Tally]]:
    """Count tasks: all together, and by model, the commonest first."""
    everything = list(outcomes)
    by_model: dict[str | None, list[TaskFigures]] = {}
    for outcome in everything:
        by_model.setdefault(outcome.model, []).append(outcome)
    models = [_tally(model, some) for model, some in by_model.items()]
    models.sort(key=lambda each: (-each.total, each.model is None, each.model or ""))
    return _tally(None, everything), models


def percentile(values: Sequence[int], percent: float) -> int | None:
    """Return the least of the sorted `values` that is no less than `percent` of them (nearest rank); None of none."""
    return values[max(0, math.ceil(len(values) * percent / 100) - 1)] if values else None


def histogram(costs_ms: Sequence[int], bars: int, least_ms: int, most_ms: int) -> list[int]:
    """Return how many of `costs_ms` fall into each of `bars` equal parts of the span from `least_ms` to `most_ms`."""
    found = [0] * bars
    width_ms = max(1, most_ms - least_ms) / bars
    for cost_ms in costs_ms:
        found[min(bars - 1, max(0, int((cost_ms - least_ms) / width_ms)))] += 1
    return found


def ended_per_hour(outcomes: Iterable[TaskFigures], now_ms: int, hours: int = DAY_HOURS) -> list[int]:
    """Return how many tasks ended in each of the last `hours` hours, the oldest first, the one that ends now last."""
    found = [0] * hours
    for outcome in outcomes:
        if outcome.ended_at_ms is not None and outcome.state.finished:
            back = (now_ms - outcome.ended_at_ms) // HOUR_MS
            if 0 <= back < hours:
                found[hours - 1 - back] += 1
    return found


def _tally(model: str | None, outcomes: Sequence[TaskFigures]) -> Tally:
    found = Counter(outcome.state for outcome in outcomes)
    reported = [_number(outcome.credits_consumed) for outcome in outcomes]
    credits_consumed = [number for number in reported if number is not None]
    costs_ms = [outcome.cost_ms for outcome in outcomes if outcome.state is State.SUCCESS]
    return Tally(
        model=model,
        counts={state: found[state] for state in State},
        costs_ms=tuple(sorted(cost_ms for cost_ms in costs_ms if cost_ms is not None)),
        credits_consumed=round(math.fsum(credits_consumed), 6) if credits_consumed else None,
    )


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e12 else None

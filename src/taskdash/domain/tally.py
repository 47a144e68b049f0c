"""Adds up tasks: how many are in which state, how often they succeed, how long they take, what they cost."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.durations import amount
from taskdash.domain.task import State
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_MS: Final = 3_600_000
DAY_HOURS: Final = 24
QUARTER_MS: Final = 900_000
"""A quarter of an hour: nowhere in the world does a day begin within one."""


class By(StrEnum):
    """Names what tasks are counted by."""

    DAY = "day"
    """On which they were created, else added, in local time."""
    LABEL = "label"
    MODEL = "model"
    PROFILE = "profile"


class TaskFigures(NamedTuple):
    """Holds what counts of one task in the statistics."""

    name: str | None
    """Of its model, or of what else it is counted by; None where that is not known."""
    state: State
    cost_ms: int | None = None
    """`costTime`."""
    ended_at_ms: int | None = None
    credits: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Some tasks, counted."""

    name: str | None
    """Of their model, or of what else they have in common; None where that is not known, and for all together."""
    counts: dict[State, int]
    costs_ms: tuple[int, ...]
    """The known `costTime`s of the successes, ascending."""
    credits: float | None
    """The sum of what was reported; None where nothing was."""
    mean_credits: float | None
    """What a success cost on average, of those of which it was reported."""
    without_credits: int
    """How many that ended have a record that reports none."""
    charged_fails: int
    """How many failed and cost credits all the same."""
    lost_credits: float

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

    @property
    def remarks(self) -> list[str]:
        """Return what is to be told of the credits beside their sum."""
        said = []
        if self.mean_credits is not None:
            said.append(f"{amount(self.mean_credits)} credits per success on average")
        if self.charged_fails:
            said.append(f"{self.charged_fails:,} failed but charged ({amount(self.lost_credits)} credits)")
        if self.without_credits and self.credits is not None:
            said.append(f"{plural(self.without_credits, 'finished task')} without credits")
        return said


def tally(outcomes: Iterable[TaskFigures], by: By = By.MODEL) -> tuple[Tally, list[Tally]]:
    """Count tasks: all together, and by what they have in common, the commonest first, of days the last."""
    everything = list(outcomes)
    groups: dict[str | None, list[TaskFigures]] = {}
    for outcome in everything:
        groups.setdefault(outcome.name, []).append(outcome)
    parts = [_tally(name, some) for name, some in groups.items()]
    if by is By.DAY:
        parts.sort(key=lambda each: each.name or "", reverse=True)
    else:
        parts.sort(key=lambda each: (-each.total, each.name is None, each.name or ""))
    return _tally(None, everything), parts


@lru_cache(10_000)
def day_of(quarter: int) -> str | None:
    """Return the local day of a moment, given in `QUARTER_MS`, as ISO 8601 has it; None where there is none."""
    try:
        return datetime.fromtimestamp(quarter * QUARTER_MS / 1000).astimezone().strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return None


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


def _tally(name: str | None, outcomes: Sequence[TaskFigures]) -> Tally:
    found = Counter(outcome.state for outcome in outcomes)
    costs_ms = [outcome.cost_ms for outcome in outcomes if outcome.state is State.SUCCESS]
    paid = [(outcome.state, outcome.credits) for outcome in outcomes if outcome.credits is not None]
    good = [each for state, each in paid if state is State.SUCCESS]
    bad = [each for state, each in paid if state is State.FAIL]
    lost = [each for each in bad if each > 0]
    return Tally(
        name=name,
        counts={state: found[state] for state in State},
        costs_ms=tuple(sorted(cost_ms for cost_ms in costs_ms if cost_ms is not None)),
        credits=round(math.fsum(each for _, each in paid), 6) if paid else None,
        mean_credits=round(math.fsum(good) / len(good), 6) if good else None,
        without_credits=found[State.SUCCESS] + found[State.FAIL] - len(good) - len(bad),
        charged_fails=len(lost),
        lost_credits=round(math.fsum(lost), 6),
    )

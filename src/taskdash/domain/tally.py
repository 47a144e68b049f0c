"""Works out statistics of tasks: their number by state, success rate, durations and costs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State
from taskdash.domain.words import amount, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HOUR_MS: Final = 3_600_000
DAY_HOURS: Final = 24
QUARTER_MS: Final = 900_000
"""A quarter of an hour: in no time zone does a day begin in the middle of one."""


class By(StrEnum):
    """Names the ways to group tasks."""

    DAY = "day"
    """The local day on which they were created, else added."""
    LABEL = "label"
    MODEL = "model"
    PROFILE = "profile"


class TaskFigures(NamedTuple):
    """Gives the figures of one task for the statistics."""

    name: str | None
    """The name of its group, such as its model; None if unknown."""
    state: State
    cost_ms: int | None = None
    ended_at_ms: int | None = None
    credits: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums up some tasks."""

    name: str | None
    """The name of their group, such as their model; None if unknown, and for all tasks together."""
    counts: dict[State, int]
    costs_ms: tuple[int, ...]
    """The known `costTime`s of the successes, ascending."""
    credits: float | None
    """The sum of the reported costs; None if there are none."""
    mean_credits: float | None
    without_credits: int
    """How many finished tasks have a record without a cost."""
    charged_fails: int
    lost_credits: float

    @property
    def total(self) -> int:
        """Return the number of tasks."""
        return sum(self.counts.values())

    @property
    def success_rate(self) -> float | None:
        """Return the share of successes among finished tasks, 0 to 1; None if none has finished."""
        ended = self.counts[State.SUCCESS] + self.counts[State.FAIL]
        return self.counts[State.SUCCESS] / ended if ended else None

    @property
    def cost_p50_ms(self) -> int | None:
        """Return the time within which half of the successes finished; None if no `costTime` is known."""
        return percentile(self.costs_ms, 50)

    @property
    def cost_p90_ms(self) -> int | None:
        """Return the time within which nine of ten successes finished; None if no `costTime` is known."""
        return percentile(self.costs_ms, 90)

    @property
    def remarks(self) -> list[str]:
        """Return remarks on the credits, to be shown beside their sum."""
        said = []
        if self.mean_credits is not None:
            said.append(f"{amount(self.mean_credits)} credits per success on average")
        if self.charged_fails:
            said.append(f"{self.charged_fails:,} failed but charged ({amount(self.lost_credits)} credits)")
        if self.without_credits and self.credits is not None:
            said.append(f"{plural(self.without_credits, 'finished task')} without credits")
        return said


def tally(outcomes: Iterable[TaskFigures], by: By = By.MODEL) -> tuple[Tally, list[Tally]]:
    """Count tasks, in total and by group. The largest group comes first; of days, the latest."""
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
    """Return the local day, in ISO 8601, of a moment in units of `QUARTER_MS`; None if it is out of range."""
    try:
        return datetime.fromtimestamp(quarter * QUARTER_MS / 1000).astimezone().strftime("%Y-%m-%d")
    except (OverflowError, OSError, ValueError):
        return None


def percentile(values: Sequence[int], percent: float) -> int | None:
    """Return the least of the sorted `values` that `percent` of them do not exceed (nearest rank); None if empty."""
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

"""The best next check, by dynamic programming.

A plan for one survival curve S and one price q (seconds of delay that one check is worth) answers, for every
age at which a task was seen unfinished, at which age to look again, so that

    E[delay between the end and its detection] + q * E[checks]

is as small as it can be. With W(t) the cost still to come of a task unfinished at t, times S(t), and A(t)
the integral of
S up to t:

    W(t) = min over s > t of  q S(t) + [(s - t) S(t) - (A(s) - A(t))] + W(s)

The bracket is the delay of what ends between t and s. Apart from terms in t alone this is the lowest of the
lines `s * x + (W(s) - A(s))` at x = S(t). Going backwards in t the slopes s fall and x rises, so the lower
envelope is kept on a stack and its best line is found by a pointer that only moves on: linear in the number
of ages, a few milliseconds in plain Python, where the obvious double loop takes seconds.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from taskdash.domain.survival import AGES_S, Curve

if TYPE_CHECKING:
    from collections.abc import Sequence

MIN_GAP_S: Final = 1.0
"""No task is checked more often than this, however big the budget."""
_LATE_PART: Final = 24.0


class _Envelope:
    """The lowest of a growing set of lines: slopes are added falling, and x is asked for rising."""

    __slots__ = ("_best", "_lines")

    def __init__(self) -> None:
        self._lines: list[tuple[float, float, int]] = []
        self._best = 0

    def add(self, slope: float, offset: float, index: int) -> None:
        lines = self._lines
        while len(lines) >= 2:
            (slope_1, offset_1, _), (slope_2, offset_2, _) = lines[-2], lines[-1]
            if (offset - offset_1) * (slope_1 - slope_2) > (offset_2 - offset_1) * (slope_1 - slope):
                break
            lines.pop()
        lines.append((slope, offset, index))
        self._best = min(self._best, len(lines) - 1)

    def lowest(self, x: float) -> tuple[float, int]:
        lines, best = self._lines, self._best
        slope, offset, index = lines[best]
        value = slope * x + offset
        while best + 1 < len(lines):
            slope, offset, following = lines[best + 1]
            other = slope * x + offset
            if other > value:
                break
            value, index, best = other, following, best + 1
        self._best = best
        return value, index


def solve(
    ages_s: Sequence[float], alive: Sequence[float], price_s: float, gaps_s: Sequence[float]
) -> list[int]:
    """Return for each age the index of the age at which to look again, at a price in seconds of delay.

    The ages rise, `alive` is the share of tasks unfinished at each, and the least gaps to the next check never fall.
    """
    last = len(ages_s) - 1
    area = [0.0]
    for i in range(last):
        area.append(area[-1] + (alive[i] + alive[i + 1]) / 2 * (ages_s[i + 1] - ages_s[i]))
    following = [last] * (last + 1)
    costs = [0.0] * (last + 1)
    # What outlives the last age costs one more check, found out after some while.
    costs[last] = alive[last] * (price_s + gaps_s[last] / 2)
    envelope = _Envelope()
    envelope.add(ages_s[last], costs[last] - area[last], last)
    entering = last - 1
    for i in range(last - 1, -1, -1):
        while entering > i and ages_s[entering] >= ages_s[i] + gaps_s[i]:
            envelope.add(ages_s[entering], costs[entering] - area[entering], entering)
            entering -= 1
        value, following[i] = envelope.lowest(alive[i])
        costs[i] = alive[i] * (price_s - ages_s[i]) + area[i] + value
    return following


class Plan:
    """Says when to look again at a task of one curve, at one price."""

    __slots__ = ("_following",)

    def __init__(self, curve: Curve, price_s: float) -> None:
        gaps_s = [least_gap_s(curve, age_s) for age_s in AGES_S]
        self._following = solve(AGES_S, curve.alive, price_s, gaps_s)

    def next_s(self, seen_s: float) -> float:
        """Return the age of the next check of a task that was seen unfinished at `seen_s` seconds."""
        i = max(0, bisect_right(AGES_S, seen_s) - 1)
        return AGES_S[self._following[i]]


def least_gap_s(curve: Curve, age_s: float) -> float:
    """Return the least time between checks at an age: a late task that ends is not missed by a 24th of its age."""
    return max(MIN_GAP_S, age_s / _LATE_PART) if age_s >= curve.late_s else MIN_GAP_S


@lru_cache(maxsize=512)
def plan_for(curve: Curve, price_s: float) -> Plan:
    """Return the plan for `curve` at `price_s`, remembered: a list has few models, and prices come in steps."""
    return Plan(curve, price_s)

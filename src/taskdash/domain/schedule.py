"""Decides when a task is checked next, and which of the due tasks goes first. Pure: no clock, no I/O, no state.

**The design.** A check uses up part of a budget shared with the user's own program, and in return finds out
earlier that a task has ended. So each check has a *price*, in seconds of expected delay, and a task is
checked once that saves as much. For a task of known age and model the best sequence of checks follows by
dynamic programming (`solve`) from a survival curve (`Curve`), which `domain.usual` learns from this list's own
finished tasks: none before a task can be done, many around the time when tasks of its
model usually end, fewer when it is late. For the same number of checks that finds the end about 40 % sooner
than polling every 5 s.

**The price** follows from the budget (`price_for`). A task whose hazard (chance to end per second) is h is
best checked every sqrt(2 price / h), so all running tasks together take the sum of sqrt(h) over sqrt(2
price) checks a second. The price is the lowest at which that fits the rest of the budget for the next 10,
20, 40 and 60 s; a price based on the mean alone would spend the minute in its first half and then be blind.
As prices move, a task that comes due is planned again at the current price before it is checked. A check
that saves less than `FLOOR_PRICE_S` is not worth the traffic. If more is due than may be sent, `urgency`
picks the checks that save most.

**Beyond the curve** other rules apply. A delay in noticing the end of a late task matters in proportion to
its age: its checks are a 24th of its age apart, at most `HOUR_S`, and after two days a 48th of it, at most a
day. An ID that is not found is retried every 5 s until 30 s after it was added (a task created a moment ago
is often not found), then after another half of its age, up to the same limits. If its record may be under
several paths, they are tried in turn: at first a second apart, after a full round one per such check. After
any other failure the wait is as long as the failure has lasted, within bounds for its kind, with a jitter
that depends only on the ID, so that tasks that failed together are not retried together. `rejected` is
final for an ID. The gateway's own pauses (429, 401, outages) are not handled here: the watcher then sends
nothing, whatever is due.

**Clocks.** Ages come from `createTime`, by the gateway's clock. A time after the task was added, or long
before such an API existed, is not believed. A task that looks late when it is added may be new if our clock
runs ahead, so its next check is never further away than it has been on the list. Nothing is ever scheduled
more than a day ahead.
"""

from __future__ import annotations

import math
import zlib
from bisect import bisect_left, bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import Problem, ProblemKind, State, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskdash.domain.usual import Durations

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
FLOOR_PRICE_S: Final = 0.1
"""At this price a task of about 30 s is checked every 1.5 s around its likeliest end, about 11 times in all."""
CEILING_PRICE_S: Final = 6.4
"""At this price a task of about 30 s is checked about twice; higher ones would leave checks unused in a crowd."""

MIN_GAP_S: Final = 1.0
"""No task is checked more often than this, however big the budget."""
_LATE_PART: Final = 24.0

KNOWN_WORDS: Final = frozenset(
    {"waiting", "wait", "pending", "submitted", "created", "queuing", "queueing", "queued"}
    | {"starting", "started", "processing", "running", "generating", "in_progress", "in-progress"}
)
"""The states, in lower case, that this API and kie.ai-like gateways give unfinished tasks."""

_GRACE_S: Final = 30.0
_GRACE_GAP_S: Final = 5.0
_NEXT_PATH_S: Final = 1.0
_UNKNOWN_WORD_GAP_S: Final = 30.0
_OLDEST_MS: Final = 1_262_304_000_000  # 2010
_PRICE_STEPS: Final = 4
# Strict priority for a few, a fair share for a crowd: see `urgency`.
_FEW: Final = 20
_ASKED_WORTH_S: Final = 60.0
_NEW_WORTH_S: Final = 10.0
_ASKED_FIRST_S: Final = 1e12
_NEW_FIRST_S: Final = 1e9

_BACKOFF_S: Final = {
    # The least and the most time to the next try. The most is short where the watcher pauses the whole
    # gateway: once it resumes, no task should have to wait out a backoff of its own.
    ProblemKind.RATE_LIMITED: (1.0, 5.0),
    ProblemKind.UNAUTHORIZED: (5.0, 60.0),
    ProblemKind.UNREACHABLE: (5.0, 60.0),
    ProblemKind.SERVER_ERROR: (5.0, 900.0),
    ProblemKind.NO_CREDITS: (60.0, 900.0),
    ProblemKind.UNREADABLE: (10.0, HOUR_S),
}


def next_check_ms(task: Task, now_ms: int, durations: Durations, price_s: float) -> int | None:
    """Return when to check a task: `now_ms` at the earliest, a day later at the latest; None: never unless asked."""
    if task.asked_at_ms is not None:
        return now_ms
    if task.state.finished or (task.problem and task.problem.kind is ProblemKind.REJECTED):
        return None
    if task.checked_at_ms is None:
        return now_ms
    # If the clock was set back, the task must not freeze until it has caught up.
    checked_ms = min(task.checked_at_ms, now_ms)
    gap_s = _gap_s(task, checked_ms, durations, price_s)
    return max(now_ms, checked_ms + math.ceil(1000 * min(gap_s, DAY_S)))


def _gap_s(task: Task, checked_ms: int, durations: Durations, price_s: float) -> float:
    problem = task.problem
    if problem is None and task.path_misses:
        return _NEXT_PATH_S
    if problem is not None and problem.kind is ProblemKind.NOT_FOUND:
        return _not_found_gap_s(task, problem, checked_ms)
    if problem is not None:
        return backoff_s(problem.kind, (checked_ms - problem.since_ms) / 1000, task.task_id)
    curve = durations.curve(task.model, task.variant)
    age_s = age_ms(task, checked_ms) / 1000
    gap_s = next_age_s(curve, price_s, age_s) - age_s
    gap_s = min(max(gap_s, least_gap_s(curve, age_s)), _most_gap_s(age_s))
    if age_s >= curve.late_s:
        gap_s = min(gap_s, max(10.0, (checked_ms - task.added_at_ms) / 1000))
    if task.raw_state is not None and task.raw_state.strip().lower() not in KNOWN_WORDS:
        gap_s = max(gap_s, _UNKNOWN_WORD_GAP_S)
    return gap_s


def _most_gap_s(age_s: float) -> float:
    """Return the longest time between checks at an age: an hour, or after two days a 48th of the age, up to a day."""
    return max(HOUR_S, min(age_s / 48, DAY_S))


def _not_found_gap_s(task: Task, problem: Problem, checked_ms: int) -> float:
    # A task that once had a record is missed since it vanished, a new ID since it was added.
    anchor_ms = task.added_at_ms if task.state is State.NEW else problem.since_ms
    missed_s = max(0.0, (checked_ms - anchor_ms) / 1000)
    if missed_s < _GRACE_S:
        return _GRACE_GAP_S
    gap_s = max(_GRACE_GAP_S, missed_s / 2 * (1 + jitter(task.task_id) / 5))
    return min(gap_s, _most_gap_s(missed_s))


def backoff_s(kind: ProblemKind, lasted_s: float, key: str) -> float:
    """Return how long to wait after a failed check: as long as failures have lasted, within the bounds of their kind.

    That is exponential backoff without a counter. The `key` (a task ID, a gateway) spreads the retries of what failed
    together, by up to a quarter.
    """
    least_s, most_s = _BACKOFF_S.get(kind, _BACKOFF_S[ProblemKind.SERVER_ERROR])
    return min(max(lasted_s, least_s) * (1 + jitter(key) / 4), most_s)


def jitter(key: str) -> float:
    """Return a number from 0 to 1 that depends on `key` only."""
    return zlib.crc32(key.encode("utf-8", "replace")) / 0xFFFFFFFF


def age_ms(task: Task, now_ms: int) -> int:
    """Return how long a task has run at `now_ms`: since `createTime` if that is plausible, else since it was added."""
    start_ms = task.added_at_ms
    if task.create_time_ms is not None and _OLDEST_MS <= task.create_time_ms < start_ms:
        start_ms = task.create_time_ms
    return max(0, now_ms - start_ms)


def is_urgent(task: Task) -> bool:
    """Return whether a check may use the reserved part of the budget: it was requested, or the ID is unchecked."""
    return task.asked_at_ms is not None or task.checked_at_ms is None


def urgency(
    task: Task, now_ms: int, durations: Durations, *, asked_in_line: int = 1, new_in_line: int = 1
) -> float:
    """Return what a check saves now, in seconds; of the due tasks the one with the highest value goes first.

    Requested checks come first, then unchecked IDs, then the rest by expected gain. But if one of the first two is a
    crowd (5,000 pasted IDs, `R` on a long list), its bonus is small enough for a running task to exceed it after a
    long wait, so that a crowd cannot starve it.
    """
    gain_s = _gain_s(task, now_ms, durations)
    if task.asked_at_ms is not None:
        return gain_s + (_ASKED_FIRST_S if asked_in_line <= _FEW else _ASKED_WORTH_S)
    if task.checked_at_ms is None:
        return gain_s + (_NEW_FIRST_S if new_in_line <= _FEW else _NEW_WORTH_S)
    return gain_s


def _gain_s(task: Task, now_ms: int, durations: Durations) -> float:
    if task.checked_at_ms is None or task.state.finished:
        return 0.0
    unseen_s = max(0.0, (now_ms - task.checked_at_ms) / 1000)
    if task.state is State.NEW:
        # If the task exists by now, the delay is half the time unseen; the older the ID, the less likely that is.
        missed_s = max(1.0, (now_ms - task.added_at_ms) / 1000)
        return unseen_s / 2 * min(0.3, max(0.0005, 10.0 / missed_s))
    curve = durations.curve(task.model, task.variant)
    seen_s, age_s = _ages_s(task, now_ms)
    return curve.gain_s(seen_s, age_s) * _weight(curve, seen_s)


def _ages_s(task: Task, now_ms: int) -> tuple[float, float]:
    checked_ms = now_ms if task.checked_at_ms is None else min(task.checked_at_ms, now_ms)
    return age_ms(task, checked_ms) / 1000, age_ms(task, now_ms) / 1000


def _weight(curve: Curve, seen_s: float) -> float:
    """Return the weight of a second of delay for a task seen unfinished at an age: the later, the less."""
    return min(1.0, curve.late_s / seen_s) if seen_s > 0 else 1.0


def price_for(
    tasks: Iterable[Task], now_ms: int, durations: Durations, capacity: Mapping[float, int]
) -> float:
    """Return what a check must save now, in seconds of delay, for the budget to go where it saves most.

    Tasks that are finished, new or in trouble are left out, as their checks follow other rules. The price comes in
    steps, so that plans can be cached.
    """
    efforts = dict.fromkeys(capacity, 0.0)
    for task in tasks:
        if task.state is not State.WAITING or task.problem is not None:
            continue
        curve = durations.curve(task.model, task.variant)
        seen_s, age_s = _ages_s(task, now_ms)
        weight = _weight(curve, seen_s)
        for span_s in efforts:
            efforts[span_s] += weight * curve.effort(seen_s, age_s, span_s)
    # Counting half a check where there is none keeps the price finite.
    price_s = max((effort / max(capacity[s], 0.5)) ** 2 / 2 for s, effort in efforts.items())
    step = math.ceil(_PRICE_STEPS * math.log2(max(price_s, FLOOR_PRICE_S) / FLOOR_PRICE_S))
    return float(min(CEILING_PRICE_S, FLOOR_PRICE_S * 2 ** (step / _PRICE_STEPS)))


# The survival curve, and the best next check by dynamic programming


def _ages() -> tuple[float, ...]:
    ages = [0.0]
    while ages[-1] < 7 * DAY_S:
        ages.append(ages[-1] + max(0.25, ages[-1] * 0.01))
    return tuple(ages)


AGES_S: Final = _ages()
"""The ages at which a curve is sampled: a quarter of a second apart, later a hundredth of the age."""


class Curve:
    """Gives the share of tasks unfinished at each of `AGES_S`, a survival curve, and figures derived from it."""

    __slots__ = ("_area", "_effort", "alive", "late_s")

    def __init__(self, alive: Sequence[float]) -> None:
        self.alive = tuple(alive)
        area, effort = [0.0], [0.0]
        for i in range(1, len(AGES_S)):
            before, now, step = self.alive[i - 1], self.alive[i], AGES_S[i] - AGES_S[i - 1]
            middle = (before + now) / 2
            area.append(area[-1] + middle * step)
            effort.append(effort[-1] + math.sqrt(max(0.0, before - now) * middle * step))
        self._area = tuple(area)
        self._effort = tuple(effort)
        self.late_s = self.quantile_s(0.99)
        """The age by which 99 of 100 tasks have ended."""

    def quantile_s(self, share: float) -> float:
        """Return the age at which `share` (0 to 1) of the tasks is finished, in seconds."""
        i = bisect_left(self.alive, share - 1.0, key=lambda alive: -alive)
        return AGES_S[min(i, len(AGES_S) - 1)]

    def gain_s(self, seen_s: float, age_s: float) -> float:
        """Return the worth of a check at `age_s`, in seconds of delay, for a task seen unfinished at `seen_s`.

        It is the price per check at which checking now is as good as a moment later: with p(u) the chance
        that the task ended between `seen_s` and u, the area between p(age_s) and p. It grows with the square
        of the time since the last check, and fastest around the time when tasks usually end.
        """
        before = _between(self.alive, seen_s)
        if age_s <= seen_s or before <= 0.0:
            return 0.0
        seen_area = _between(self._area, age_s) - _between(self._area, seen_s)
        return max(0.0, (seen_area - (age_s - seen_s) * _between(self.alive, age_s)) / before)

    def effort(self, seen_s: float, age_s: float, span_s: float) -> float:
        """Return the integral of the root of the hazard over `span_s`, for a task seen unfinished at `seen_s`.

        At a price of q seconds per check a task is best checked every sqrt(2 q / hazard), so this over
        sqrt(2 q) is the expected number of checks from `age_s` on; after the task has ended there are none.
        """
        alive = _between(self.alive, seen_s)
        ahead = _between(self._effort, age_s + span_s) - _between(self._effort, age_s)
        return ahead / alive if alive > 0 else 0.0


def _between(values: Sequence[float], age_s: float) -> float:
    i = bisect_right(AGES_S, age_s)
    if i >= len(AGES_S):
        return values[-1]
    part = (age_s - AGES_S[i - 1]) / (AGES_S[i] - AGES_S[i - 1])
    return values[i - 1] + part * (values[i] - values[i - 1])


class _Envelope:
    """Keeps the lower envelope of a growing set of lines, added with falling slopes and queried with rising x."""

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

    Ages ascend, `alive` is the share of tasks unfinished at each (S), and `gaps_s`, the least times to the next check,
    never decrease. With q the price of a check, the plan minimises

        E[delay between the end and its detection] + q * E[checks]

    With W(t) the future cost of a task unfinished at t, times S(t), and A(t) the integral of S up to t:

        W(t) = min over s > t of  q S(t) + [(s - t) S(t) - (A(s) - A(t))] + W(s)

    The bracket is the delay of tasks that end between t and s. Apart from terms in t alone this is the lowest of
    the lines `s * x + (W(s) - A(s))` at x = S(t). Going backwards in t the slopes s fall and x rises, so the lower
    envelope is kept on a stack and its best line found by a pointer that only moves forward: linear in the number
    of ages, a few milliseconds in plain Python, where the obvious double loop takes seconds.
    """
    last = len(ages_s) - 1
    area = [0.0]
    for i in range(last):
        area.append(area[-1] + (alive[i] + alive[i + 1]) / 2 * (ages_s[i + 1] - ages_s[i]))
    following = [last] * (last + 1)
    costs = [0.0] * (last + 1)
    # A task that outlives the last age costs one more check, and half a gap of delay.
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


def least_gap_s(curve: Curve, age_s: float) -> float:
    """Return the least time between checks at an age: for a late task a 24th of its age, a delay that nobody feels."""
    return max(MIN_GAP_S, age_s / _LATE_PART) if age_s >= curve.late_s else MIN_GAP_S


@lru_cache(maxsize=512)
def plan_for(curve: Curve, price_s: float) -> list[int]:
    """Return the solution for a curve at a price; cached, as a list has few models and prices come in steps."""
    return solve(AGES_S, curve.alive, price_s, [least_gap_s(curve, age_s) for age_s in AGES_S])


def next_age_s(curve: Curve, price_s: float, seen_s: float) -> float:
    """Return the age in seconds at which to look again at a task that was seen unfinished at `seen_s`."""
    return AGES_S[plan_for(curve, price_s)[max(0, bisect_right(AGES_S, seen_s) - 1)]]

"""Tracks how many checks may be sent, and when, in the two sliding windows that the gateway keeps per key.

The gateway counts what *arrives* in 1 s and in 60 s; we only know when a check left and when its answer
came. A check therefore occupies a window from when it is sent until the window's length after its answer:

    Let k arrivals lie within one window W at the gateway, and let j be the one that we sent last. Any other
    i of them was sent before j and was, when j left, either unanswered (it occupies) or answered at r_i >=
    a_i, and then r_i + W >= a_i + W >= a_j >= sent_j (it still occupies). So j found all k - 1 others in its
    way, and it was only sent because k - 1 < limit.

That holds for any latency, even one that varies from check to check. A check without an answer is given up
`DEADLINE_S` after it was sent, as the request itself is.

The clock is the caller's, in monotonic seconds, and is trusted only so far: a step backwards counts as zero,
a step of more than `MAX_STEP_S` as `MAX_STEP_S`. So no clock jump, suspended laptop or stalled process
empties a window that may still be full at the gateway. The price: a waiting caller must ask again at least
every `MAX_STEP_S`, which is why `Budget.wait_s` never returns more.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskdash.domain.gateways import Limits

DEADLINE_S: Final = 15.0
"""The total timeout of one check; one that is never settled counts as over after this."""
MAX_STEP_S: Final = 5.0
"""The most time that is believed to have passed between two calls."""
AHEAD_S: Final = (10.0, 20.0, 40.0, 60.0)
"""The spans that `Budget.capacity` looks ahead."""
# The gateway's clock may tick a little faster or slower than ours, and may round.
_GUARD_S: Final = 0.02
# A shorter wait could be lost to float rounding, and the caller would spin.
_LEAST_WAIT_S: Final = 0.001
_SECOND_S: Final = 1.0
_MINUTE_S: Final = 60.0


@dataclass(slots=True)
class Spent:
    """A check that was sent: when, when its answer (or failure) came, and whether it was urgent."""

    sent_s: float
    answered_s: float | None = None
    urgent: bool = False


def kept_for_urgent(limits: Limits) -> int:
    """Return how many checks a minute are reserved for urgent ones: a fifth, at least 2; 0 if the limit is below 5."""
    return max(2, limits.per_minute // 5) if limits.per_minute >= 5 else 0


def _later(rising: Iterable[float], than: float) -> int:
    return sum(value > than for value in rising)


def _wait_s(remaining_s: float) -> float:
    return max(_LEAST_WAIT_S, remaining_s) if remaining_s > 0 else 0.0


class Budget:
    """Counts checks sent and answered against the limits, to which the share is already applied.

    `past` holds those sent earlier, by this process or another, on the clock of later calls: those without an answer
    count as still in flight, times in the future as now.
    """

    def __init__(self, limits: Limits, past: Iterable[Spent] = ()) -> None:
        self.limits = limits
        """May be replaced at any time; checks already sent still count."""
        self._past: list[Spent] = list(past)
        self._last_s: float | None = None  # the caller's clock at its last call
        self._now_s = 0.0  # our clock: the caller's, minus steps that were not believed
        self._held_s = -math.inf
        self._hold_asked_s = -math.inf
        # In order of sending; settled ones are dropped once they reach the front.
        self._under_way: deque[Spent] = deque()
        self._open: dict[int, Spent] = {}
        self._open_scheduled = 0
        # When each answered check came back, oldest first, per window.
        self._second: deque[float] = deque()
        self._minute: deque[float] = deque()
        self._minute_scheduled: deque[float] = deque()
        self._sent: deque[float] = deque()

    def hold(self, until_s: float) -> None:
        """Block all checks until `until_s`, urgent ones too. A later call never shortens a hold."""
        if not math.isfinite(until_s):
            return
        if self._last_s is None:
            self._hold_asked_s = max(self._hold_asked_s, until_s)
        else:
            self._held_s = max(self._held_s, self._now_s + (until_s - self._last_s))

    def wait_s(self, now_s: float, *, urgent: bool) -> float:
        """Return how long to wait before asking again: 0.0 if one check may be sent now, else at most `MAX_STEP_S`.

        A check is urgent if the user asked for it or its ID is new.
        """
        self._advance(now_s)
        limits, under_way = self.limits, len(self._open)
        waits_s = [
            _wait_s(self._held_s - self._now_s),
            self._window_wait_s(self._second, under_way, limits.per_second, _SECOND_S),
            self._window_wait_s(self._minute, under_way, limits.per_minute, _MINUTE_S),
        ]
        if not urgent:
            ours = limits.per_minute - kept_for_urgent(limits)
            waits_s.append(self._window_wait_s(self._minute_scheduled, self._open_scheduled, ours, _MINUTE_S))
        return min(max(waits_s), MAX_STEP_S)

    def spend(self, now_s: float, *, urgent: bool = False) -> Spent:
        """Count a check that is being sent now, and return the ticket to pass to `settle`.

        It is counted whether or not it was allowed: `wait_s` decides, this only records.
        """
        self._advance(now_s)
        ticket = Spent(self._now_s, None, urgent)
        self._begin(ticket)
        return ticket

    def settle(self, ticket: Spent, now_s: float) -> None:
        """Record that a check was answered or failed. Settling twice counts it twice for a while, never too little."""
        self._advance(now_s)
        if self._open.pop(id(ticket), None) is not None and not ticket.urgent:
            self._open_scheduled -= 1
        self._end(ticket)

    def used(self, now_s: float) -> int:
        """Return how many checks were sent in the last 60 s."""
        self._advance(now_s)
        return len(self._sent)

    def capacity(self, now_s: float) -> dict[float, int]:
        """Return how many scheduled checks could be sent within each span of `AHEAD_S`.

        Checks in flight are taken to be answered now.
        """
        self._advance(now_s)
        limits, under_way = self.limits, len(self._open)
        ours = limits.per_minute - kept_for_urgent(limits)
        capacity = {}
        for span_s in AHEAD_S:
            gone_s = self._now_s + span_s - _MINUTE_S - _GUARD_S
            left = under_way + _later(self._minute, gone_s)
            ours_left = self._open_scheduled + _later(self._minute_scheduled, gone_s)
            free = min(limits.per_minute - left, ours - ours_left, int(limits.per_second * span_s))
            capacity[span_s] = max(0, free)
        return capacity

    def _begin(self, ticket: Spent) -> None:
        self._open[id(ticket)] = ticket
        self._under_way.append(ticket)
        self._sent.append(ticket.sent_s)
        if not ticket.urgent:
            self._open_scheduled += 1

    def _end(self, ticket: Spent) -> None:
        ticket.answered_s = self._now_s
        self._second.append(self._now_s)
        self._minute.append(self._now_s)
        if not ticket.urgent:
            self._minute_scheduled.append(self._now_s)

    def _window_wait_s(self, answered: deque[float], under_way: int, limit: int, window_s: float) -> float:
        """Return how long until fewer than `limit` checks occupy a window of `window_s`."""
        too_many = len(answered) + under_way - limit
        if too_many < 0:
            return 0.0
        # If expiring answered ones is not enough, one in flight must be answered first: now, at the earliest.
        freed_by_s = answered[too_many] if too_many < len(answered) else self._now_s
        return max(_LEAST_WAIT_S, freed_by_s + window_s + _GUARD_S - self._now_s)

    def _advance(self, now_s: float) -> None:
        if self._last_s is None:
            self._start(now_s)
        elif now_s > self._last_s:
            self._now_s += min(now_s - self._last_s, MAX_STEP_S)
        self._last_s = now_s
        self._give_up_overdue()
        for answered, window_s in (
            (self._second, _SECOND_S),
            (self._minute, _MINUTE_S),
            (self._minute_scheduled, _MINUTE_S),
        ):
            while answered and answered[0] + window_s + _GUARD_S <= self._now_s:
                answered.popleft()
        while self._sent and self._sent[0] + _MINUTE_S <= self._now_s:
            self._sent.popleft()

    def _give_up_overdue(self) -> None:
        while self._under_way:
            ticket = self._under_way[0]
            if id(ticket) in self._open:
                if ticket.sent_s + DEADLINE_S > self._now_s:
                    return
                del self._open[id(ticket)]
                self._open_scheduled -= not ticket.urgent
                self._end(ticket)
            self._under_way.popleft()

    def _start(self, now_s: float) -> None:
        """Set our clock and take over the past checks."""
        self._now_s = now_s
        self._held_s = self._hold_asked_s
        past = [Spent(min(s.sent_s, now_s), s.answered_s, s.urgent) for s in self._past]
        self._past = []
        answered: list[tuple[float, bool]] = []
        for spent in sorted(past, key=lambda s: s.sent_s):
            if spent.answered_s is None and spent.sent_s + DEADLINE_S > now_s:
                self._begin(spent)
                continue
            end_s = spent.sent_s + DEADLINE_S if spent.answered_s is None else spent.answered_s
            answered.append((min(max(end_s, spent.sent_s), now_s), spent.urgent))
            self._sent.append(spent.sent_s)
        for end_s, urgent in sorted(answered):
            self._second.append(end_s)
            self._minute.append(end_s)
            if not urgent:
                self._minute_scheduled.append(end_s)

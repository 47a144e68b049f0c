"""Paces the checks with one key: within the gateway's limits, and with pauses while it or the key is in trouble. Pure.

**Limits.** The gateway counts what *arrives* in 1 s and in 60 s, in two sliding windows; we only know when a check left
and when its answer came. A check therefore occupies a window from when it is sent until the window's length after its
answer:

    Let k arrivals lie within one window W at the gateway, and let j be the one that we sent last. Any other
    i of them was sent before j and was, when j left, either unanswered (it occupies) or answered at r_i >=
    a_i, and then r_i + W >= a_i + W >= a_j >= sent_j (it still occupies). So j found all k - 1 others in its
    way, and it was only sent because k - 1 < limit.

That holds for any latency, even one that varies from check to check. A check without an answer is given up
`DEADLINE_S` after it was sent, as the request itself is.

The clock is the caller's, in monotonic seconds, and is trusted only so far: a step backwards counts as zero, a step of
more than `MAX_STEP_S` as `MAX_STEP_S`. So no clock jump, suspended laptop or stalled process empties a window that may
still be full at the gateway. The price: a waiting caller must ask again at least every `MAX_STEP_S`, which is why
`Budget.wait_s` never returns more.

**Pauses.** Four things hold up checks. A 429 stops everything until its time is over. A refused key stops the profile,
except for an occasional retry and for explicit requests; a refusal is believed once a second check confirms it: for
another ID, as one ID may belong to another key, or for the same one after a pause, as a firewall's challenge passes.
Missing credits slow the profile down. A gateway that fails or is unreachable is left alone, for twice as long each
time. After any of these, checks go out one at a time until one of them gets a proper answer: a probe, not a storm.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskdash.domain.gateways import Limits
    from taskdash.domain.record import Answer

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

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
NO_CREDITS_PAUSE_S: Final = 60.0
KEY_PAUSE_S: Final = 3.0
"""The pause after which the same ID may confirm that the key is refused."""
KEY_RETRIES_S: Final = (300.0, 900.0, 3600.0)
"""The delays between retries of a refused key; the last one repeats."""
_MOST_JITTER_S: Final = 1.0
_FAILING: Final = (ProblemKind.UNREACHABLE, ProblemKind.SERVER_ERROR)
_REFUSING: Final = (ProblemKind.RATE_LIMITED, ProblemKind.NO_CREDITS)
# Answers about a task that only a gateway that accepts the key gives.
_PROPER: Final = (None, ProblemKind.NOT_FOUND, ProblemKind.REJECTED)

# Limits


@dataclass(slots=True)
class Spent:
    """Records when a check was sent, and whether it was urgent."""

    sent_s: float
    urgent: bool


def kept_for_urgent(limits: Limits) -> int:
    """Return how many checks a minute are reserved for urgent ones: a fifth, at least 2; 0 if the limit is below 5."""
    return max(2, limits.per_minute // 5) if limits.per_minute >= 5 else 0


class Budget:
    """Counts checks sent and answered against the limits, to which the share is already applied.

    `past` holds when earlier processes had the answers to their checks, on the clock of `now_s`; times in the future
    count as now.
    """

    def __init__(self, limits: Limits, past: Iterable[float] = (), now_s: float = 0.0) -> None:
        self.limits = limits
        """May be replaced at any time; checks already sent still count."""
        self._last_s = now_s  # the caller's clock at its last call
        self._now_s = now_s  # our clock: the caller's, minus steps that were not believed
        self._open: dict[int, Spent] = {}  # by identity, in order of sending
        answered = sorted(min(answered_s, now_s) for answered_s in past)
        # When each answered check came back, oldest first, per window.
        self._second, self._minute, self._minute_scheduled = deque(answered), deque(answered), deque(answered)

    def wait_s(self, now_s: float, *, urgent: bool) -> float:
        """Return how long to wait before asking again: 0.0 if one check may be sent now, else at most `MAX_STEP_S`.

        A check is urgent if the user asked for it or its ID is new.
        """
        self._advance(now_s)
        limits, under_way = self.limits, len(self._open)
        waits_s = [
            self._window_wait_s(self._second, under_way, limits.per_second, _SECOND_S),
            self._window_wait_s(self._minute, under_way, limits.per_minute, _MINUTE_S),
        ]
        if not urgent:
            ours = limits.per_minute - kept_for_urgent(limits)
            waits_s.append(self._window_wait_s(self._minute_scheduled, self._scheduled(), ours, _MINUTE_S))
        return min(max(waits_s), MAX_STEP_S)

    def spend(self, now_s: float, *, urgent: bool = False) -> Spent:
        """Count a check that is being sent now, and return the ticket to pass to `settle`.

        It is counted whether or not it was allowed: `wait_s` decides, this only records.
        """
        self._advance(now_s)
        ticket = Spent(self._now_s, urgent)
        self._open[id(ticket)] = ticket
        return ticket

    def settle(self, ticket: Spent, now_s: float) -> None:
        """Record that a check was answered or failed. Settling twice counts it twice for a while, never too little."""
        self._advance(now_s)
        self._end(ticket, self._now_s)

    def used(self, now_s: float) -> int:
        """Return how many checks occupy the last 60 s."""
        self._advance(now_s)
        return len(self._minute) + len(self._open)

    def capacity(self, now_s: float) -> dict[float, int]:
        """Return how many scheduled checks could be sent within each span of `AHEAD_S`.

        Checks in flight are taken to be answered now.
        """
        self._advance(now_s)
        limits = self.limits
        ours = limits.per_minute - kept_for_urgent(limits)
        capacity = {}
        for span_s in AHEAD_S:
            gone_s = self._now_s + span_s - _MINUTE_S - _GUARD_S
            left = len(self._open) + sum(at_s > gone_s for at_s in self._minute)
            ours_left = self._scheduled() + sum(at_s > gone_s for at_s in self._minute_scheduled)
            free = min(limits.per_minute - left, ours - ours_left, int(limits.per_second * span_s))
            capacity[span_s] = max(0, free)
        return capacity

    def _scheduled(self) -> int:
        """Return how many checks in flight are not urgent."""
        return sum(not ticket.urgent for ticket in self._open.values())

    def _end(self, ticket: Spent, at_s: float) -> None:
        self._open.pop(id(ticket), None)
        self._second.append(at_s)
        self._minute.append(at_s)
        if not ticket.urgent:
            self._minute_scheduled.append(at_s)

    def _window_wait_s(self, answered: deque[float], under_way: int, limit: int, window_s: float) -> float:
        """Return how long until fewer than `limit` checks occupy a window of `window_s`."""
        too_many = len(answered) + under_way - limit
        if too_many < 0:
            return 0.0
        # If expiring answered ones is not enough, one in flight must be answered first: now, at the earliest.
        freed_by_s = answered[too_many] if too_many < len(answered) else self._now_s
        return max(_LEAST_WAIT_S, freed_by_s + window_s + _GUARD_S - self._now_s)

    def _advance(self, now_s: float) -> None:
        if now_s > self._last_s:
            self._now_s += min(now_s - self._last_s, MAX_STEP_S)
        self._last_s = now_s
        for ticket in list(self._open.values()):
            if ticket.sent_s > self._now_s - DEADLINE_S:
                break
            self._end(ticket, self._now_s)
        windows = ((self._second, _SECOND_S), (self._minute, _MINUTE_S), (self._minute_scheduled, _MINUTE_S))
        for times_s, window_s in windows:
            while times_s and times_s[0] <= self._now_s - window_s - _GUARD_S:
                times_s.popleft()


# Pauses


class Hold(NamedTuple):
    """Limits what is sent: nothing for `wait_s`, then at most `in_flight` checks at once (None: no limit)."""

    wait_s: float = 0.0
    in_flight: int | None = None


@dataclass(slots=True)
class Health:
    """Judges the health of one gateway by its answers so far. Times are monotonic seconds."""

    throttled_until_s: float = -math.inf
    no_credits_until_s: float = -math.inf
    refused_since_s: float | None = None
    """When the key was first refused, with no proper answer since; None while it is good."""
    refused_at_s: float = -math.inf
    refused_asked: int = 0
    """The mark of the latest request known at the last refusal."""
    refused_ids: set[str] = field(default_factory=set)
    key_tries: int = 0
    """How many refusals were confirmed, not counting those within the delay of an earlier one."""
    key_retry_at_s: float = -math.inf
    failures: int = 0
    """Gateway failures in a row, counting only checks sent after the failure before."""
    failed_at_s: float = -math.inf
    failed_asked: int = 0
    """As `refused_asked`, at the last failure."""
    retry_at_s: float = -math.inf
    is_doubtful: bool = False
    """Whether something was wrong and no proper answer has come since: checks go one at a time."""
    kind: ProblemKind | None = None
    message: str = ""

    @property
    def is_key_doubted(self) -> bool:
        """Return whether the key was refused, confirmed or not, with no proper answer since."""
        return self.refused_since_s is not None

    def answered(
        self,
        answer: Answer,
        now_s: float,
        chance: float,
        *,
        task_id: str = "",
        sent_s: float = math.inf,
        asked: int = 0,
    ) -> None:
        """Record the answer to the check of a task.

        `chance`, in [0, 1), spreads the retries of several machines; `asked` is the mark of the latest known request
        (`store.checks`).
        """
        problem = answer.problem
        if problem in _PROPER:
            self._recovered()
        elif problem in _FAILING:
            self._failed(now_s, chance, sent_s, asked)
        elif problem is ProblemKind.UNREADABLE:
            # It says nothing about the key.
            self._reached()
        elif problem is ProblemKind.RATE_LIMITED:
            pause_s = answer.throttle.retry_after_s if answer.throttle else FIRST_PAUSE_S
            jitter_s = chance * min(_MOST_JITTER_S, 0.1 + pause_s / 10)
            self.throttled_until_s = max(self.throttled_until_s, now_s + pause_s + jitter_s)
        elif problem is ProblemKind.UNAUTHORIZED:
            self._refused(answer, task_id, now_s, sent_s, asked)
        elif problem is ProblemKind.NO_CREDITS:
            self.no_credits_until_s = now_s + NO_CREDITS_PAUSE_S
        if problem in _FAILING or problem in _REFUSING:
            self.is_doubtful = True
            self.kind, self.message = problem, answer.message

    def expect_refusal(self, now_s: float) -> None:
        """Take the next refusal as confirmed, because another process was refused with the same key."""
        if self.refused_since_s is None:
            self.refused_since_s = self.refused_at_s = now_s
            self.refused_ids = {""}
            self.is_doubtful = True

    def hold(self, now_s: float, asked: int | None = None, *, task_id: str | None = None) -> Hold:
        """Return how much may be sent now, by the schedule or for the request marked `asked`, for one task or any.

        A request made after the last failure is served at once, with one check, as the user may have fixed the cause.
        A 429 cannot be fixed that way.
        """
        in_flight = 1 if self.is_doubtful else None
        if now_s < self.throttled_until_s:
            return Hold(self.throttled_until_s - now_s, in_flight)
        if self.refused_since_s is not None:
            is_news = asked is not None and asked > self.refused_asked
            return Hold(0.0 if is_news else self._key_wait_s(now_s, task_id), in_flight)
        is_news = asked is not None and asked > self.failed_asked
        if self.failures and not is_news and now_s < self.retry_at_s:
            return Hold(self.retry_at_s - now_s, in_flight)
        if now_s < self.no_credits_until_s and asked is None:
            return Hold(self.no_credits_until_s - now_s, in_flight)
        return Hold(0.0, in_flight)

    def key_retry_s(self, now_s: float) -> float:
        """Return how long until a refused key is tried again with the tasks it was refused for."""
        return max(0.0, self.key_retry_at_s - now_s)

    def problem(self, now_s: float) -> ProblemKind | None:
        """Return the current problem of the gateway or the key; a 429 whose time is over does not count."""
        if self.kind is ProblemKind.RATE_LIMITED and now_s >= self.throttled_until_s:
            return None
        return self.kind

    def _recovered(self) -> None:
        self.failures = 0
        self.refused_since_s, self.refused_at_s = None, -math.inf
        self.refused_ids.clear()
        self.key_tries, self.key_retry_at_s = 0, -math.inf
        self.no_credits_until_s = -math.inf
        self.is_doubtful = False
        self.kind, self.message = None, ""

    def _reached(self) -> None:
        # Any answer shows that the gateway is reachable.
        self.failures = 0
        if self.kind in _FAILING:
            self.kind, self.message = None, ""

    def _refused(self, answer: Answer, task_id: str, now_s: float, sent_s: float, asked: int) -> None:
        self.is_doubtful = True
        self._reached()
        if self.refused_since_s is None:
            self.refused_since_s = now_s
        elif sent_s < self.refused_at_s:
            # It was in flight when the last refusal came, and may have met the same firewall.
            return
        self.refused_ids.add(task_id)
        self.refused_at_s, self.refused_asked = now_s, asked
        if len(self.refused_ids) == 1 and now_s < self.refused_since_s + KEY_PAUSE_S:
            return
        self.kind, self.message = ProblemKind.UNAUTHORIZED, answer.message
        if now_s >= self.key_retry_at_s:
            self.key_retry_at_s = now_s + KEY_RETRIES_S[min(self.key_tries, len(KEY_RETRIES_S) - 1)]
            self.key_tries += 1

    def _key_wait_s(self, now_s: float, task_id: str | None) -> float:
        """Return how long a refused key must not be tried with a task, or with any (None)."""
        assert self.refused_since_s is not None  # noqa: S101 - called only for a refused key
        is_one_alone = len(self.refused_ids) == 1
        if is_one_alone and task_id not in self.refused_ids:
            return 0.0
        if not self.key_tries:
            return max(0.0, self.refused_since_s + KEY_PAUSE_S - now_s) if is_one_alone else 0.0
        return self.key_retry_s(now_s)

    def _failed(self, now_s: float, chance: float, sent_s: float, asked: int) -> None:
        # Checks in flight when the gateway goes down fail together: that is one failure.
        if self.failures and sent_s < self.failed_at_s:
            return
        self.failures += 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self.failures - 1, 10))
        self.failed_at_s, self.failed_asked = now_s, asked
        self.retry_at_s = now_s + pause_s * (0.75 + 0.5 * chance)

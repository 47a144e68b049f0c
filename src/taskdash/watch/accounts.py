"""Keeps the accounts of one key: its budget, the gateway's health, and the state passed on to the next watcher.

A check is tracked here from the moment it is chosen until its answer is on disk.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.gateways import RECORD_PATH, TIERS, Limits, allowed, learned
from taskdash.domain.pacing import DEADLINE_S, Budget, Health, Spent
from taskdash.domain.record import Answer, RecordPaths, Throttle
from taskdash.domain.schedule import is_urgent
from taskdash.domain.task import ProblemKind, Task
from taskdash.watch.machine import Clock, boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from taskdash.config.profile import Profile
    from taskdash.store.checks import Entry, GatewayNote, Sent

MAX_IN_FLIGHT: Final = 32
RESERVATION_S: Final = 5.0
"""How long writing a reservation may take; after that its checks are not sent."""
LONGEST_HOLD_S: Final = 3600.0
LEDGER_S: Final = 80.0
"""How long a reservation can matter: a minute, plus the time its answers may take."""
_LATENCY_WEIGHT: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchPolicy:
    """Sets limits for the checks of a profile."""

    profile: str
    limits: Limits
    """The key's limits, before the share is applied."""
    share: float
    tier: str | None = None
    """For display; None if the profile has its limits in numbers."""
    written: Limits | None = None
    """Limits that the profile has in numbers; the server may only lower them."""
    record_paths: tuple[str, ...] = (RECORD_PATH,)
    scheduled: bool = True
    """Says to check the tasks that are due. False: only those that somebody asks for, unless a dashboard follows."""


def policy_of(profile: Profile, *, scheduled: bool = True) -> WatchPolicy:
    """Return the limits that a profile sets for its checks."""
    written, tier = None, profile.tier or "free"
    if profile.per_second is not None and profile.per_minute is not None:
        written = Limits(profile.per_second, profile.per_minute)
    words = f"{tier} (assumed)" if profile.tier_assumed else tier
    return WatchPolicy(
        profile=profile.name,
        limits=written or TIERS[tier],
        share=profile.share,
        tier=None if written else words,
        written=written,
        record_paths=profile.record_paths,
        scheduled=scheduled,
    )


@dataclass(frozen=True, slots=True)
class Learned:
    """Holds the key's limits as reported by the gateway."""

    per_second: int
    per_minute: int
    tier: str | None
    under: list[str | int | None]
    """The settings in force at the time: once the user changes them, they apply again."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Says how long a 429 holds checks up, by this boot's monotonic clock and by the wall clock."""

    boot: str
    until_s: float
    until_ms: int
    message: str


@dataclass(slots=True)
class _Check:
    """Tracks a chosen check: its slot in the budget, and when it was chosen, by the watcher's own clock."""

    ticket: Spent
    sent_s: float
    is_answered: bool = False


class Accounts:
    """Keeps the accounts of one profile. Used on one event loop."""

    def __init__(self, policy: WatchPolicy, clock: Clock, chance: Callable[[], float]) -> None:
        self.health = Health()
        self.learned: Learned | None = None
        self.paths = RecordPaths(policy.record_paths)
        self._policy = policy
        self._clock = clock
        self._chance = chance
        self._budget = Budget(allowed(policy.limits, policy.share))
        self._checks: dict[int, _Check] = {}
        self._latency_s = 0.5
        self._asked = 0
        self.last: Entry | None = None
        """The last known reservation in the store."""
        self._ledger: deque[Sent] = deque()

    def take_over(self, note: GatewayNote, entries: Sequence[Entry], *, has_same_key: bool) -> None:
        """Start from what earlier watchers spent and learned, with the last one's key or another."""
        sent = [entry.sent for entry in entries]
        self.last, self._ledger = (entries[-1] if entries else None), deque(sent)
        now_s, now_ms = self._clock.now_s(), self._clock.now_ms()
        self.learned = _learned_in(note.learned, self._under())
        past: list[float] = []
        for row in sent:
            # Its requests were answered or died with their process; when is unknown, but not in the future.
            sent_s = now_s - _age_s(row, now_s)
            answered_s = min(now_s, sent_s + RESERVATION_S + DEADLINE_S)
            past += [answered_s] * min(row.checks, MAX_IN_FLIGHT)
        self._budget = Budget(allowed(self.key_limits, self._policy.share), past, now_s)
        self._checks.clear()
        held_s = _held_s(note.quiet, now_s, now_ms)
        if held_s > 0:
            message = str(note.quiet.get("message", ""))
            self.health.kind, self.health.message = ProblemKind.RATE_LIMITED, message
            self.health.throttled_until_s = max(self.health.throttled_until_s, now_s + held_s)
        if note.status.get("problem"):
            self.health.is_doubtful = True
        if has_same_key and note.status.get("problem") == ProblemKind.UNAUTHORIZED:
            self.health.expect_refusal(now_s)

    @property
    def key_limits(self) -> Limits:
        """Return the limits of the key, as reported by the gateway or else by the profile."""
        learned = self.learned
        return Limits(learned.per_second, learned.per_minute) if learned else self._policy.limits

    @property
    def limits(self) -> Limits:
        """Return the limits of the budget, which are the key's times the share."""
        return self._budget.limits

    def used(self) -> int:
        """Return how many checks were sent in the last 60 s; call it often, as the budget distrusts clock jumps."""
        return self._budget.used(self._clock.now_s())

    def capacity(self) -> dict[float, int]:
        """Return how many scheduled checks the budget has left for each of the spans that the price looks at."""
        return self._budget.capacity(self._clock.now_s())

    def room(self) -> int:
        """Return how many more checks may be in flight: enough to use the budget per second at this latency."""
        wanted = math.ceil(self.limits.per_second * (self._latency_s + 0.1) * 1.5) + 1
        return max(0, min(MAX_IN_FLIGHT, wanted) - self._under_way())

    def _under_way(self) -> int:
        """Return how many checks were chosen and are not answered yet."""
        return sum(not check.is_answered for check in self._checks.values())

    def is_busy(self, seq: int) -> bool:
        """Return whether a check of this task is in flight, or its answer is not on disk yet."""
        return seq in self._checks

    @property
    def busy(self) -> int:
        """Return how many tasks are busy."""
        return len(self._checks)

    def gets_nowhere(self) -> bool:
        """Return whether the key is refused or the gateway unreachable."""
        return self.health.is_key_doubted or self.health.kind is ProblemKind.UNREACHABLE

    def hold_s(self) -> float:
        """Return how long the gateway's state forbids all scheduled checks."""
        return self.health.hold(self._clock.now_s()).wait_s

    def told_hold_s(self) -> float:
        """Return the hold to display; a refused key counts until its next retry, even if other tasks may try it."""
        now_s = self._clock.now_s()
        is_refused = self.health.problem(now_s) is ProblemKind.UNAUTHORIZED
        return self.health.key_retry_s(now_s) if is_refused else self.hold_s()

    def wait_s(self, task: Task) -> tuple[float, bool]:
        """Return how long this check has to wait (0: not at all), and whether it waits for the budget."""
        now_s = self._clock.now_s()
        hold = self.health.hold(now_s, task.asked_at_ms, task_id=task.task_id)
        if hold.wait_s > 0:
            return hold.wait_s, False
        if hold.in_flight is not None and self._under_way() >= hold.in_flight:
            return math.inf, False
        wait_s = self._budget.wait_s(now_s, urgent=is_urgent(task))
        return wait_s, wait_s > 0

    def begin(self, task: Task) -> None:
        """Charge a check that is about to be reserved and sent."""
        now_s = self._clock.now_s()
        self._checks[task.seq] = _Check(self._budget.spend(now_s, urgent=is_urgent(task)), now_s)

    def ledger(self) -> list[Sent]:
        """Return recent reservations, made by this process or before it took over."""
        now_s = self._clock.now_s()
        while self._ledger and _age_s(self._ledger[0], now_s) >= LEDGER_S:
            self._ledger.popleft()
        return list(self._ledger)

    def reserving(self, sent: Sent) -> None:
        """Note a reservation before it is written, as it may be on disk even if the write fails."""
        self.ledger()
        self._ledger.append(sent)

    def learn_of(self, others: Iterable[Sent]) -> bool:
        """Charge the reservations of another process as if sent just now; return whether there were any.

        That only happens if two processes watched for a moment, because the list was replaced under them.
        """
        now_s, known = self._clock.now_s(), self.ledger()
        unknown = [each for each in others if each not in known and _age_s(each, now_s) < LEDGER_S]
        for each in unknown:
            for _ in range(each.checks):
                self._budget.settle(self._budget.spend(now_s), now_s)
        self._ledger += unknown
        return bool(unknown)

    def see_requests(self, tasks: Iterable[Task]) -> None:
        """Note the latest request for a check, to tell requests made before a later failure from those after it."""
        self._asked = max((self._asked, *(task.asked_at_ms or 0 for task in tasks)))

    def drop(self, tasks: Iterable[Task]) -> None:
        """Forget checks that were begun but never sent. They stay charged, as a reservation may be on disk."""
        for task in tasks:
            self.answered(task, None)
            self._checks.pop(task.seq, None)

    def answered(self, task: Task, answer: Answer | None) -> None:
        """Account for an answer; None: the request was dropped."""
        check = self._checks.get(task.seq)
        if check is None or check.is_answered:
            return
        now_s = self._clock.now_s()
        check.is_answered = True
        self._budget.settle(check.ticket, now_s)
        if answer is None:
            return
        self.paths = self.paths.seen(self.paths.next_for(task), answer)
        if self.paths.is_miss(task, answer):
            # Another path may know the task, so whatever the answer said is not about the gateway or the key.
            answer = Answer(problem=ProblemKind.NOT_FOUND)
        self._latency_s += _LATENCY_WEIGHT * (
            min(DEADLINE_S, max(0.0, now_s - check.sent_s)) - self._latency_s
        )
        self.health.answered(
            answer, now_s, self._chance(), task_id=task.task_id, sent_s=check.sent_s, asked=self._asked
        )
        if answer.problem is ProblemKind.RATE_LIMITED and answer.throttle is not None:
            self._learn(answer.throttle)

    def recorded(self, seq: int) -> None:
        """Note that the answer is on disk, so the task may be checked again."""
        self._checks.pop(seq, None)

    def quiet(self) -> Quiet | None:
        """Return the hold of a 429, for the next watcher; None without one."""
        left_s = self.health.throttled_until_s - self._clock.now_s()
        if left_s <= 0:
            return None
        # To the second, as it is worked out from two clocks.
        until_ms = 1000 * math.ceil(self._clock.now_ms() / 1000 + left_s)
        return Quiet(boot_id(), self.health.throttled_until_s, until_ms, self.health.message)

    def _learn(self, throttle: Throttle) -> None:
        limits = learned(throttle, self.key_limits, self._policy.written)
        tier = throttle.tier or (self.learned.tier if self.learned else None)
        if limits == self.key_limits and tier is None:
            return
        self.learned = Learned(limits.per_second, limits.per_minute, tier, self._under())
        self._budget.limits = allowed(limits, self._policy.share)

    def _under(self) -> list[str | int | None]:
        limits = self._policy.limits
        return [self._policy.tier, limits.per_second, limits.per_minute]


def _learned_in(note: Mapping[str, Any], under: list[str | int | None]) -> Learned | None:
    """Return the limits that an earlier watcher learned under the same settings, if they make sense."""
    per_second, per_minute, tier = note.get("per_second"), note.get("per_minute"), note.get("tier")
    if not (isinstance(per_second, int) and isinstance(per_minute, int) and min(per_second, per_minute) > 0):
        return None
    if note.get("under") != under:
        return None
    return Learned(per_second, per_minute, tier if isinstance(tier, str) else None, under)


def _age_s(row: Sent, now_s: float) -> float:
    """Return the least age of a reservation, without the wall clock, which may have been set."""
    if row.boot and row.boot == boot_id():
        return max(0.0, now_s - row.clock_s)
    if row.boot and boot_id():
        # From an earlier boot, so at least as old as the current one.
        return max(0.0, now_s)
    return now_s - row.clock_s if row.clock_s <= now_s else max(0.0, now_s)


def used_lately(sent: Iterable[Sent], now_s: float) -> int:
    """Return how many checks were reserved in the last 60 s."""
    return sum(row.checks for row in sent if _age_s(row, now_s) < 60.0)


def _held_s(quiet: Mapping[str, Any], now_s: float, now_ms: int) -> float:
    """Return how much of a 429's hold is left, in seconds."""
    until_s, until_ms = quiet.get("until_s"), quiet.get("until_ms")
    if not isinstance(until_s, int | float) or not isinstance(until_ms, int | float):
        return 0.0
    same_boot = quiet.get("boot") and quiet.get("boot") == boot_id()
    left_s = until_s - now_s if same_boot else (until_ms - now_ms) / 1000
    return min(max(0.0, left_s), LONGEST_HOLD_S)

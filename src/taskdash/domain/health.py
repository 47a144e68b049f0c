"""Tracks the health of a gateway, and so when checks must pause. Pure: the caller passes in the time.

Four things hold up checks. A 429 stops everything until its time is over. A refused key stops the profile, except for
an occasional retry and for explicit requests; a refusal is believed once a second check confirms it: for another ID,
as one ID may belong to another key, or for the same one after a pause, as a firewall's challenge passes. Missing
credits slow the profile down. A gateway that fails or is unreachable is left alone, for twice as long each time. After
any of these, checks go out one at a time until one of them gets a proper answer: a probe, not a storm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import ProblemKind

if TYPE_CHECKING:
    from taskdash.domain.record import Answer

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


@dataclass(frozen=True, slots=True)
class Hold:
    """A limit on sending: nothing for `wait_s`, then at most `in_flight` checks at once (None: no limit)."""

    wait_s: float = 0.0
    in_flight: int | None = None


@dataclass(slots=True)
class Health:
    """The health of one gateway, judged by its answers so far. Times are monotonic seconds."""

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
        sent_s: float | None = None,
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
            self._failed(now_s, chance, now_s if sent_s is None else sent_s, asked)
        elif problem is ProblemKind.UNREADABLE:
            # It says nothing about the key.
            self._reached()
        elif problem is ProblemKind.RATE_LIMITED:
            pause_s = answer.throttle.retry_after_s if answer.throttle else FIRST_PAUSE_S
            jitter_s = chance * min(_MOST_JITTER_S, 0.1 + pause_s / 10)
            self.throttled_until_s = max(self.throttled_until_s, now_s + pause_s + jitter_s)
        elif problem is ProblemKind.UNAUTHORIZED:
            self._refused(answer, task_id, now_s, now_s if sent_s is None else sent_s, asked)
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

"""The API's rate limits, counted as it counts them: per key, in a window of 1 s and in one of 60 s."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from taskdash.domain.values import value

if TYPE_CHECKING:
    from collections.abc import Callable

TIERS: Final = {
    "free": (2, 60),
    "basic": (20, 1000),
    "standard": (50, 3000),
    "pro": (100, 6000),
    "ultra": (200, 12000),
    "enterprise": (500, 30000),
}
"""Requests to `recordInfo` in 1 s and in 60 s, by tier, as the API documents them."""
WINDOWS_S: Final = (1, 60)


@value(frozen=True, slots=True)
class Refusal:
    """What a 429 tells its reader."""

    retry_after_s: int
    """Whole seconds, at least 1, until a request will be let through."""
    limit: int
    window_s: int


class RequestCounter:
    """Lets requests through while both windows of the tier have room. Safe to use from several threads."""

    def __init__(self, tier: str, clock: Callable[[], float]) -> None:
        """Take a tier's name and a clock in seconds; the windows slide.

        Raises:
            ValueError: there is no such tier.
        """
        if tier not in TIERS:
            raise ValueError(f"no tier {tier!r}; there are {', '.join(TIERS)}")
        self.tier = tier
        self._clock = clock
        self._passed_at: deque[float] = deque()
        self._lock = threading.Lock()

    def admit(self) -> Refusal | None:
        """Count a request, or say why it has to wait; a refused one does not count."""
        with self._lock:
            now = self._clock()
            passed = self._passed_at
            while passed and not now - WINDOWS_S[-1] < passed[0] <= now:
                passed.popleft()
            # A wall clock may be set back: what lies in the future can be no request of the last minute.
            while passed and passed[-1] > now:
                passed.pop()
            refusals = [
                refusal
                for window_s, limit in zip(WINDOWS_S, TIERS[self.tier], strict=True)
                if (refusal := self._refusal(now, window_s, limit)) is not None
            ]
            if refusals:
                return max(refusals, key=lambda refusal: (refusal.retry_after_s, refusal.window_s))
            passed.append(now)
            return None

    def _refusal(self, now: float, window_s: int, limit: int) -> Refusal | None:
        passed = self._passed_at
        if len(passed) < limit or passed[-limit] <= now - window_s:
            return None
        return Refusal(max(1, math.ceil(passed[-limit] + window_s - now)), limit, window_s)

"""How many checks a key is granted, and how many of them are ours: the gateway's tiers, the share, what a 429 says."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.domain.task import Throttle


@dataclass(frozen=True, slots=True)
class Limits:
    """Checks in any 1 s and in any 60 s."""

    per_second: int
    per_minute: int


TIERS: Final[Mapping[str, Limits]] = MappingProxyType(
    {
        "free": Limits(2, 60),
        "basic": Limits(20, 1000),
        "standard": Limits(50, 3000),
        "pro": Limits(100, 6000),
        "ultra": Limits(200, 12000),
        "enterprise": Limits(500, 30000),
    }
)
"""What AI GPT Image grants `recordInfo` per key, by the key's tier (its rate limit page)."""


def allowed(limits: Limits, share: float) -> Limits:
    """Our part of a key's limits: each times `share` (0 to 1), rounded down, never below 1."""
    # 0.29 * 100 is 28.999... in binary: the share is meant as it is written.
    part = Decimal(repr(share))

    def times(limit: int) -> int:
        return max(1, int((part * limit).to_integral_value(ROUND_FLOOR)))

    return Limits(times(limits.per_second), times(limits.per_minute))


def kept_for_urgent(limits: Limits) -> int:
    """How many of the minute's checks are kept: a fifth, at least 2; none where it has fewer than 5."""
    return max(2, limits.per_minute // 5) if limits.per_minute >= 5 else 0


def learned(throttle: Throttle, current: Limits, written: Limits | None) -> Limits:
    """The key's limits after the gateway refused a check with a 429 that says what they are.

    Args:
        throttle: What the 429's body said. Its `limit` counts for its window and beats the tier's table; its
            `tier` fills in the other window; what it does not say stays as it is.
        current: The key's limits as they were believed until now (before the share).
        written: The limits the user wrote in the profile, which are only ever lowered; None for a mere tier.
    """
    limits = TIERS.get((throttle.tier or "").strip().lower(), current)
    if throttle.limit is not None and throttle.limit > 0:
        limits = _with_limit(limits, throttle.limit, max(1, throttle.window_s or 60))
    if written is not None:
        limits = Limits(
            min(limits.per_second, written.per_second), min(limits.per_minute, written.per_minute)
        )
    return limits


def _with_limit(limits: Limits, limit: int, window_s: int) -> Limits:
    """`limits` with `limit` checks in `window_s` put in; windows other than 1 and 60 s are met from below."""
    if window_s == 1:
        return Limits(limit, limits.per_minute)
    if window_s >= 60:
        return Limits(limits.per_second, max(1, limit * 60 // window_s))
    if limit < window_s:
        # Less than one a second: only spreading this window's checks over a whole minute is surely enough.
        return Limits(1, limit)
    return Limits(limit // window_s, limit * 60 // window_s)

from __future__ import annotations

import pytest

from taskdash.domain.budget import (
    TIERS,
    Limits,
    allowed,
    kept_for_urgent,
    learned,
)
from taskdash.domain.task import Throttle


@pytest.mark.parametrize(
    ("tier", "share", "expected"),
    [
        ("free", 0.5, Limits(1, 30)),
        ("free", 0.01, Limits(1, 1)),
        ("basic", 0.29, Limits(5, 290)),
        ("pro", 0.29, Limits(29, 1740)),
        ("enterprise", 1.0, Limits(500, 30000)),
        ("standard", 0.07, Limits(3, 210)),
    ],
)
def test_the_share_of_a_tier_is_rounded_down_and_never_below_one(
    tier: str, share: float, expected: Limits
) -> None:
    assert allowed(TIERS[tier], share) == expected


@pytest.mark.parametrize(
    ("per_minute", "kept"), [(1, 0), (4, 0), (5, 2), (14, 2), (15, 3), (30, 6), (500, 100)]
)
def test_a_fifth_of_the_minute_is_kept_at_least_two_where_it_has_five(per_minute: int, kept: int) -> None:
    assert kept_for_urgent(Limits(1, per_minute)) == kept


@pytest.mark.parametrize(
    ("throttle", "written", "expected"),
    [
        (Throttle(retry_after_s=1), None, Limits(2, 60)),
        (Throttle(retry_after_s=1, tier="basic"), None, Limits(20, 1000)),
        (Throttle(retry_after_s=1, tier=" BASIC "), None, Limits(20, 1000)),
        (Throttle(retry_after_s=1, tier="platinum"), None, Limits(2, 60)),
        (Throttle(retry_after_s=1, limit=1200, tier="basic", window_s=60), None, Limits(20, 1200)),
        (Throttle(retry_after_s=1, limit=7, tier="basic", window_s=1), None, Limits(7, 1000)),
        (Throttle(retry_after_s=1, limit=45), None, Limits(2, 45)),
        (Throttle(retry_after_s=1, limit=0, window_s=60), None, Limits(2, 60)),
        (Throttle(retry_after_s=1, limit=-5, window_s=1), None, Limits(2, 60)),
        (Throttle(retry_after_s=1, limit=20, window_s=10), None, Limits(2, 120)),
        (Throttle(retry_after_s=1, limit=3, window_s=10), None, Limits(1, 3)),
        (Throttle(retry_after_s=1, limit=3600, window_s=3600), None, Limits(2, 60)),
        (Throttle(retry_after_s=1, limit=1, window_s=3600), None, Limits(2, 1)),
        (Throttle(retry_after_s=1, tier="basic"), Limits(10, 300), Limits(10, 300)),
        (Throttle(retry_after_s=1, limit=100, window_s=60), Limits(10, 300), Limits(2, 100)),
        (Throttle(retry_after_s=1, tier="free"), Limits(10, 300), Limits(2, 60)),
    ],
)
def test_limits_are_learned_from_a_refusal(
    throttle: Throttle, written: Limits | None, expected: Limits
) -> None:
    assert learned(throttle, TIERS["free"], written) == expected

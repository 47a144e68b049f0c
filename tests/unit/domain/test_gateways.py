"""Tests what is known of gateways: paths, the key's header, limits."""

from __future__ import annotations

import pytest

from taskdash.domain.gateways import TIERS, Limits, allowed, family_of, header_of, learned, target_of
from taskdash.domain.record import Throttle


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/api/v1/jobs/recordInfo", "jobs"),
        ("/api/v1/veo/record-info", "veo"),
        ("/api/v1/generate/record-info", "generate"),
        ("/api/v1/flux/kontext/record-info", "flux/kontext"),
        ("/api/v1/runway/record-detail", "runway"),
        ("/v1/videos/image2video/{id}", "videos/image2video"),
        ("/v1/get_result?id={id}", "get_result"),
        ("/api/v1/tasks/{id}", "tasks"),
        ("/v2/{id}", "/v2/{id}"),
        (None, None),
    ],
)
def test_a_path_has_the_name_of_its_family(path: str | None, family: str | None) -> None:
    assert family_of(path) == family


def test_an_id_and_a_key_are_put_where_the_config_says() -> None:
    assert target_of("/v1/{id}/x?y=1", "a/b") == "/v1/a%2Fb/x?y=1"
    assert target_of("/v1/{id}", "..") == "/v1/%2E%2E"
    assert target_of("/v1?a=1", "b c") == "/v1?a=1&taskId=b%20c"
    assert header_of("x-key: {key}", "secret") == ("x-key", "secret")


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
        (Throttle(retry_after_s=1, limit=100, window_s=90), None, Limits(2, 50)),
        (Throttle(retry_after_s=1, tier="basic"), Limits(10, 300), Limits(10, 300)),
        (Throttle(retry_after_s=1, limit=100, window_s=60), Limits(10, 300), Limits(2, 100)),
        (Throttle(retry_after_s=1, tier="free"), Limits(10, 300), Limits(2, 60)),
    ],
)
def test_limits_are_learned_from_a_refusal(
    throttle: Throttle, written: Limits | None, expected: Limits
) -> None:
    assert learned(throttle, TIERS["free"], written) == expected

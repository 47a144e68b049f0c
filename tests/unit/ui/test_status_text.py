"""The status line and the banner in words."""

from __future__ import annotations

from typing import Any

import pytest

from taskdash.domain.task import ProblemKind, State
from taskdash.ui.text.status import banner_text, status_text
from taskdash.watch.status import WatchStatus

NOW_MS = 1_777_475_100_000
COUNTS = {State.NEW: 1, State.WAITING: 22, State.SUCCESS: 1333, State.FAIL: 0}
HEALTHY = WatchStatus(leading=True, used=7, per_minute=30, tier="basic", next_check_at_ms=NOW_MS + 12_000)


def status(width: int = 200, **changes: Any) -> str:
    said = WatchStatus(**{field: getattr(HEALTHY, field) for field in HEALTHY.__dataclass_fields__} | changes)
    return status_text("kie", COUNTS, said, NOW_MS, width).plain


def banner(advice: str | None = None, **changes: Any) -> str:
    return banner_text(WatchStatus(**changes), advice, NOW_MS).plain.strip()


def test_a_wide_line_tells_everything() -> None:
    for part in ("kie", "○ 1", "◐ 22", "✓ 1,333", "watching", "7/30 checks a minute, basic", "next in 12s"):
        assert part in status()
    assert "×" not in status()


@pytest.mark.parametrize("width", range(16, 140))
def test_it_fits_and_keeps_the_profile_to_the_last(width: int) -> None:
    line = status(width)
    assert "kie" in line
    assert len(line) <= max(width, len(" taskdash  kie"))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"has_key": False}, "no key"),
        ({"problem": ProblemKind.UNREACHABLE}, "offline"),
        ({"problem": ProblemKind.UNAUTHORIZED}, "unauthorized"),
        ({"problem": ProblemKind.RATE_LIMITED}, "rate limited"),
        ({"paused": True}, "paused"),
        ({"leading": False, "watcher_pid": 12}, "following pid 12"),
        (
            {"leading": False, "watcher_pid": 12, "differs": "API key"},
            "following pid 12 with another API key",
        ),
        ({"leading": False}, "starting"),
        ({"due": 3}, "3 due"),
        ({"next_check_at_ms": None}, "nothing to check"),
        ({"next_check_at_ms": NOW_MS - 5_000}, "next now"),
    ],
)
def test_what_the_watcher_does(changes: dict[str, Any], said: str) -> None:
    assert said in status(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"problem": ProblemKind.NOT_FOUND}, ""),
        ({"problem": ProblemKind.UNREACHABLE, "held_until_ms": NOW_MS + 2_000}, "trying again in 2s"),
        ({"problem": ProblemKind.UNREACHABLE, "held_until_ms": NOW_MS - 2_000}, "trying again now"),
        ({"problem": ProblemKind.UNREACHABLE}, "the server cannot be reached"),
        ({"problem": ProblemKind.UNAUTHORIZED}, "API key rejected. Fix it and restart, or press r to retry."),
        (
            {"problem": ProblemKind.UNAUTHORIZED, "message": "the API refused the key (HTTP 401: bad key)"},
            "API key rejected (HTTP 401). Fix it",
        ),
        (
            {"problem": ProblemKind.NO_CREDITS, "message": "top up"},
            "No credits: checks are slowed down (top up)",
        ),
        ({"paused": True}, "Paused"),
        # What stops everything comes before what somebody chose.
        ({"paused": True, "problem": ProblemKind.UNREACHABLE}, "Offline"),
        ({"over_budget": True, "due": 5, "tier": "free (assumed)"}, "set tier"),
        ({"learned": "60 a minute"}, "60 a minute"),
    ],
)
def test_the_banner_says_the_worst_of_it(changes: dict[str, Any], said: str) -> None:
    assert said in banner(**changes)
    assert bool(banner(**changes)) == bool(said)


def test_a_missing_key_comes_first() -> None:
    said = banner("set AIGPTIMAGE_API_KEY", problem=ProblemKind.UNREACHABLE, has_key=False)
    assert "AIGPTIMAGE_API_KEY" in said
    assert "Offline" not in said


def test_a_tier_that_somebody_set_is_not_nagged_about() -> None:
    assert banner(over_budget=True, due=5, tier="free") == ""


def test_a_narrow_banner_leaves_out_the_comfort_not_the_end_of_a_sentence() -> None:
    offline = WatchStatus(
        problem=ProblemKind.UNREACHABLE, message="api.kie.ai cut the connection", held_until_ms=NOW_MS + 6_000
    )
    whole = banner_text(offline, None, NOW_MS, width=120).plain
    narrow = banner_text(offline, None, NOW_MS, width=80).plain
    assert whole == f"{narrow} Your list still works."
    assert narrow == "Offline: api.kie.ai cut the connection; trying again in 6s."


def test_a_narrow_line_of_new_ids_still_says_what_would_make_it_quicker() -> None:
    crowd = WatchStatus(leading=True, new=276, per_second=1, per_minute=30, tier="free (assumed)")
    assert len(banner_text(crowd, None, NOW_MS, crowd=300, width=80).plain) <= 80
    for width in (80, 160):
        said = banner_text(crowd, None, NOW_MS, crowd=300, width=width).plain
        assert "24 of 300" in said
        assert "9m12s" in said
        assert said.strip().rstrip(")").endswith("set tier in the config if your key allows more")

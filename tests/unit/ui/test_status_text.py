"""The banner in words."""

from __future__ import annotations

from typing import Any

import pytest

from taskdash.domain.task import ProblemKind
from taskdash.ui.text.status import banner_of
from taskdash.watch.thread import WatchStatus

NOW_MS = 1_777_475_100_000


def banner(advice: str | None = None, **changes: Any) -> str:
    return banner_of(WatchStatus(**changes), advice, NOW_MS).text.plain.strip()


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
        (
            {"problem": ProblemKind.RATE_LIMITED, "held_until_ms": NOW_MS + 17_000},
            "Rate limited: checks are on hold; trying again in 17s",
        ),
        ({"problem": ProblemKind.SERVER_ERROR}, "Server error"),
        ({"leading": False, "watcher_pid": 77, "watcher_stopped": True}, "(77) is stopped"),
        ({"paused": True}, "Paused: no automatic checks"),
        # What stops everything comes before what somebody chose.
        ({"paused": True, "problem": ProblemKind.UNREACHABLE}, "Offline"),
        (
            {"over_budget": True, "due": 5, "tier": "free (assumed)"},
            "5 checks wait for the budget of tier free (assumed): set tier",
        ),
        (
            {"over_budget": True, "due": 1, "tier": "free (assumed)"},
            "1 check waits for the budget of tier free (assumed): set tier",
        ),
        ({"learned": "60 a minute"}, "60 a minute"),
        (
            {"paths_remark": "/a answers 404 to everything: look at record_paths"},
            "/a answers 404 to everything",
        ),
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
    whole = banner_of(offline, None, NOW_MS, width=120).text.plain
    narrow = banner_of(offline, None, NOW_MS, width=80).text.plain
    assert whole == f"{narrow} Your list still works."
    assert narrow == "Offline: api.kie.ai cut the connection; trying again in 6s."


def test_a_narrow_line_of_new_ids_still_says_what_would_make_it_quicker() -> None:
    crowd = WatchStatus(leading=True, new=276, per_second=1, per_minute=30, tier="free (assumed)")
    assert len(banner_of(crowd, None, NOW_MS, crowd=300, width=80).text.plain) <= 80
    for width in (80, 160):
        said = banner_of(crowd, None, NOW_MS, crowd=300, width=width).text.plain
        assert "24 of 300" in said
        assert "9m12s" in said
        assert said.strip().rstrip(")").endswith("set tier in the config if your key allows more")


def test_only_what_is_wrong_looks_like_it() -> None:
    """Its colour is that of problems: progress, a hint and limits that the server told are none."""

    def is_problem(
        status: WatchStatus, *, advice: str | None = None, crowd: int = 0, remark: str = ""
    ) -> bool:
        return banner_of(status, advice, NOW_MS, crowd, remark).is_problem

    slow = WatchStatus(over_budget=True, due=5, tier="free (assumed)")
    crowd = slow._replace(leading=True, new=276, per_second=1, per_minute=30)
    assert is_problem(slow)
    assert is_problem(WatchStatus(paused=True), remark="a hint")
    assert is_problem(WatchStatus(), advice="set AIGPTIMAGE_API_KEY")
    assert is_problem(WatchStatus(paths_remark="/a answers 404 to everything"))
    assert not is_problem(crowd, crowd=300)
    assert not is_problem(slow, remark="a hint")
    assert not is_problem(WatchStatus(learned="60 a minute"))
    assert not is_problem(WatchStatus())

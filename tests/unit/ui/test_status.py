"""The line on top, the banner, the title of the list, and what the status view tells."""

from __future__ import annotations

from typing import Any

import pytest

from taskdash.domain.batches import Progress
from taskdash.domain.query import Sort, SortKey
from taskdash.domain.task import ProblemKind
from taskdash.ui.text.status import banner_of, list_title, status_rows, top_line, unseen_order
from taskdash.watch.thread import WatchStatus

NOW_MS = 1_777_475_100_000
HEALTHY = WatchStatus(
    leading=True, used=7, per_second=1, per_minute=30, tier="basic", next_check_at_ms=NOW_MS + 12_000
)
MUGS = Progress(label="mugs", done=88, total=300)
FOLLOWER: dict[str, Any] = {"leading": False, "watcher_pid": 77}
ASSUMED: dict[str, Any] = {"over_budget": True, "due": 12, "tier": "free (assumed)"}


def line(
    width: int = 120, progress: Progress | None = None, left_ms: int | None = None, **changes: Any
) -> str:
    return top_line("kie", progress, left_ms, HEALTHY._replace(**changes), width, {}).plain


def rows(advice: str | None = None, checked_ms: int | None = None, **changes: Any) -> dict[str, str]:
    return dict(status_rows(HEALTHY._replace(**changes), advice, checked_ms, NOW_MS, 4321))


def test_while_all_is_well_and_no_batch_is_under_way_it_is_quiet() -> None:
    assert line() == " taskdash kie"
    assert line(next_check_at_ms=None, used=30, due=5) == " taskdash kie"
    # Before it is known who watches, nothing is said that would flicker by.
    assert line(leading=False) == " taskdash kie"


def test_a_batch_shows_how_far_it_is_and_what_is_left_where_that_is_known() -> None:
    assert line(progress=MUGS, left_ms=110_000) == " taskdash kie   mugs ▰▰▱▱▱▱▱▱ 88/300 · 2m left"
    assert line(progress=MUGS) == " taskdash kie   mugs ▰▰▱▱▱▱▱▱ 88/300"
    assert line(progress=MUGS._replace(done=299)).count("▰") == 7
    assert "満月の夜満月の夜満月の… ▰" in line(progress=MUGS._replace(label="満月の夜" * 9))
    assert line(progress=MUGS._replace(label="x" * 60)).count("x") == 23


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"has_key": False}, "no API key"),
        ({"problem": ProblemKind.UNREACHABLE}, "offline"),
        ({"problem": ProblemKind.UNAUTHORIZED}, "API key rejected"),
        ({"problem": ProblemKind.RATE_LIMITED}, "rate limited"),
        ({"problem": ProblemKind.NO_CREDITS}, "no credits"),
        ({"problem": ProblemKind.SERVER_ERROR}, "server error"),
        ({"problem": ProblemKind.NOT_FOUND}, ""),
        ({"failure": "it ended"}, "watcher ended"),
        ({"store_problem": "the disk is full"}, "list unavailable"),
        ({"paused": True}, "paused"),
        ({"paused": True, "problem": ProblemKind.UNREACHABLE}, "offline · paused"),
        (FOLLOWER, "watched by process 77"),
        (FOLLOWER | {"differs": "API key"}, "watched by process 77 with another API key"),
        (FOLLOWER | {"watcher_stopped": True}, "watcher stopped · watched by process 77"),
        # The banner tells it, with what to do about it.
        (ASSUMED, ""),
    ],
)
def test_at_the_right_stands_what_keeps_checks_from_being_sent(changes: dict[str, Any], said: str) -> None:
    shown = line(**changes)
    assert shown.removeprefix(" taskdash kie").strip() == said
    assert len(shown) == 119 or not said


def test_it_fits_and_keeps_the_profile_to_the_last_and_trouble_before_a_batch() -> None:
    for width in range(16, 140):
        shown = line(width, MUGS, 110_000, problem=ProblemKind.UNREACHABLE, paused=True, **FOLLOWER)
        assert shown.startswith(" taskdash kie")
        assert len(shown) <= width
        assert "offline" in shown or width < 25
        for less, more in (("mugs", "offline"), ("▱", "mugs"), ("left", "▱")):
            assert more in shown or less not in shown


def test_the_title_of_the_list() -> None:
    assert list_title(range(11, 44), 1340, "posters").plain == "Tasks 12–44 of 1,340 · posters"
    assert list_title(range(3), 3, None).plain == "Tasks 1–3 of 3"
    assert list_title(range(0), 0, "posters").plain == "Tasks"
    assert (
        list_title(range(3), 3, "mugs", filtered_from=340).plain == "Tasks 1–3 of 3, filtered from 340 · mugs"
    )
    assert list_title(range(0), 0, None, filtered_from=340, order="x").plain == "Tasks, filtered from 340"


@pytest.mark.parametrize(
    ("sort", "seen", "said"),
    [
        (Sort(), [], ""),
        (Sort(reverse=True), [], "oldest first"),
        (Sort(SortKey.MODEL), [SortKey.STATE, None], "by model ▲"),
        (Sort(SortKey.COST, reverse=True), [], "by duration ▼"),
        (Sort(SortKey.COST), [SortKey.COST], ""),
    ],
)
def test_an_order_without_a_column_is_told_in_the_title(
    sort: Sort, seen: list[SortKey | None], said: str
) -> None:
    assert unseen_order(sort, seen) == said
    shown = list_title(range(3), 3, "mugs", order=unseen_order(sort, seen)).plain
    assert shown == f"Tasks 1–3 of 3{f', {said}' if said else ''} · mugs"


def test_the_status_view_tells_all_that_the_line_left_out() -> None:
    assert rows(checked_ms=NOW_MS - 9_000) == {
        "Watcher": "this process (4321)",
        "API key": "set",
        "Tier": "basic",
        "Budget": "7 of 30 checks in the last minute",
        "Per second": "up to 1",
        "Next check": "in 12s",
        "Last check": "9s ago",
        "Checks": "automatic",
    }


@pytest.mark.parametrize(
    ("changes", "name", "value"),
    [
        (FOLLOWER, "Watcher", "process 77"),
        (FOLLOWER | {"differs": "API key"}, "Watcher", "process 77 with another API key"),
        (FOLLOWER | {"watcher_stopped": True}, "Watcher", "process 77, stopped"),
        ({"leading": False}, "Watcher", "starting"),
        ({"problem": ProblemKind.UNAUTHORIZED}, "API key", "rejected by the gateway"),
        ({"has_key": False}, "API key", "missing"),
        ({"has_key": False, "leading": False}, "Watcher", "none without a key"),
        ({"tier": None}, "Tier", "your own limits"),
        ({"learned": "60 a minute"}, "Server limits", "60 a minute"),
        ({"due": 3}, "Next check", "3 are due"),
        ({"next_check_at_ms": None}, "Next check", "nothing left to check"),
        ({"paused": True}, "Next check", "none is planned"),
        ({"paused": True}, "Checks", "paused"),
        ({"held_until_ms": NOW_MS + 240_000}, "Next try", "in 4m"),
        ({}, "Last check", "none yet"),
    ],
)
def test_the_status_view_tells_of_the_watcher(changes: dict[str, Any], name: str, value: str) -> None:
    assert rows(**changes)[name] == value


def test_the_status_view_tells_trouble_whole() -> None:
    told = rows(problem=ProblemKind.UNREACHABLE, message="connection refused by 127.0.0.1")
    assert "connection refused by 127.0.0.1" in told["Trouble"]
    assert "free (assumed)" in rows(**ASSUMED)["Trouble"]
    assert "AIGPTIMAGE_API_KEY" in rows("set AIGPTIMAGE_API_KEY")["Trouble"]


def test_new_ids_that_wait_their_turn_and_limits_that_the_server_told_are_no_trouble() -> None:
    assert "Trouble" not in rows(new=213, due=213)
    assert "Trouble" not in rows(learned="60 a minute")
    assert "gets no answer" in rows(new=213, paths_remark="/a gets no answer")["Trouble"]


# The banner


def banner(advice: str | None = None, **changes: Any) -> str:
    return banner_of(WatchStatus(**changes), advice, NOW_MS)[0].strip()


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
    whole = banner_of(offline, None, NOW_MS, width=120)[0]
    narrow = banner_of(offline, None, NOW_MS, width=80)[0]
    assert whole == f"{narrow} Your list still works."
    assert narrow == "Offline: api.kie.ai cut the connection; trying again in 6s."


def test_a_narrow_line_of_new_ids_still_says_what_would_make_it_quicker() -> None:
    crowd = WatchStatus(leading=True, new=276, per_second=1, per_minute=30, tier="free (assumed)")
    assert len(banner_of(crowd, None, NOW_MS, crowd=300, width=80)[0]) <= 80
    for width in (80, 160):
        said = banner_of(crowd, None, NOW_MS, crowd=300, width=width)[0]
        assert "24 of 300" in said
        assert "9m12s" in said
        assert said.strip().rstrip(")").endswith("set tier in the config if your key allows more")


def test_only_what_is_wrong_looks_like_it() -> None:
    """Its colour is that of problems: progress, a hint and limits that the server told are none."""

    def is_problem(
        status: WatchStatus, *, advice: str | None = None, crowd: int = 0, remark: str = ""
    ) -> bool:
        return banner_of(status, advice, NOW_MS, crowd, remark)[1]

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

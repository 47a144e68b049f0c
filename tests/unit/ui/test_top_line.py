"""The line on top, and what the status view tells."""

from __future__ import annotations

from typing import Any

import pytest

from taskdash.domain.progress import Progress
from taskdash.domain.query import Sort, SortKey
from taskdash.domain.task import ProblemKind
from taskdash.ui.text.status import list_title, status_rows, top_line, unseen_order
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


@pytest.mark.parametrize("width", range(16, 140))
def test_it_fits_and_keeps_the_profile_to_the_last_and_trouble_before_a_batch(width: int) -> None:
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

"""What ends a `wait`, and when it wants a check, with every moment handed in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taskdash.cli.vigil import Vigil
from taskdash.domain.task import Problem, ProblemKind, State, Task

START_MS = 1_780_000_000_000
S = 1_000


def a_task(**changes: object) -> Task:
    task = Task(
        seq=1, profile="p", task_id="task_a", added_at_ms=START_MS - 60 * S, next_check_at_ms=START_MS
    )
    return replace(task, **changes)  # type: ignore[arg-type] # the names are Task's own


def with_problem(kind: ProblemKind, *, since_ms: int, checked_ms: int, **changes: object) -> Task:
    return a_task(problem=Problem(kind, "message", since_ms), checked_at_ms=checked_ms, checks=1, **changes)


def ended(task: Task, now_ms: int, *, timeout_s: float | None = None) -> int | None:
    """The exit code of a wait for one task, which it finds like this; None while it goes on."""
    vigil = Vigil([a_task()], START_MS, timeout_s)
    vigil.see([task])
    return vigil.exit_code() if vigil.is_over(now_ms, now_ms - START_MS) else None


def test_only_success_is_0() -> None:
    now_ms = START_MS + 9 * S
    assert ended(a_task(state=State.SUCCESS), now_ms) == 0
    assert ended(a_task(state=State.FAIL), now_ms) == 1
    assert ended(a_task(state=State.WAITING), now_ms) is None
    assert ended(a_task(), now_ms) is None


def test_two_checks_that_find_nothing_5_s_apart_end_it_with_3() -> None:
    since_ms = START_MS + S

    def lost(checked_ms: int, added_ms: int) -> Task:
        return with_problem(
            ProblemKind.NOT_FOUND, since_ms=since_ms, checked_ms=checked_ms, added_at_ms=added_ms
        )

    now_ms = START_MS + 40 * S
    assert ended(lost(since_ms, START_MS), now_ms) is None
    assert ended(lost(since_ms + 4_999, START_MS), now_ms) is None
    assert ended(lost(since_ms + 5_000, START_MS), now_ms) == 3
    assert ended(lost(since_ms + 6_000, START_MS), START_MS + 29_999) is None
    assert ended(lost(since_ms + 6_000, START_MS), START_MS + 30_000) == 3
    assert ended(lost(since_ms + 6_000, START_MS - 90 * S), START_MS + 8 * S) == 3


def test_an_old_not_found_counts_as_one_of_the_two_but_not_alone() -> None:
    old = with_problem(ProblemKind.NOT_FOUND, since_ms=START_MS - 50 * S, checked_ms=START_MS - S)
    assert ended(old, START_MS + S) is None
    assert ended(replace(old, checked_at_ms=START_MS + S), START_MS + S) == 3


@pytest.mark.parametrize(
    "kind", [ProblemKind.RATE_LIMITED, ProblemKind.SERVER_ERROR, ProblemKind.UNREACHABLE]
)
def test_what_is_ridden_out_is_5_when_time_is_over(kind: ProblemKind) -> None:
    task = with_problem(kind, since_ms=START_MS + S, checked_ms=START_MS + S)
    assert ended(task, START_MS + 3600 * S) is None
    assert ended(task, START_MS + 10 * S, timeout_s=10) == 5
    assert ended(a_task(state=State.WAITING), START_MS + 10 * S, timeout_s=10) == 124


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ProblemKind.UNAUTHORIZED, 4),
        (ProblemKind.NO_CREDITS, 1),
        (ProblemKind.REJECTED, 1),
        (ProblemKind.UNREADABLE, 1),
    ],
)
def test_problems_that_waiting_does_not_mend_end_it_but_not_if_they_are_old(
    kind: ProblemKind, code: int
) -> None:
    since_ms = START_MS - 50 * S
    assert ended(with_problem(kind, since_ms=since_ms, checked_ms=START_MS + S), START_MS + S) == code
    old = with_problem(kind, since_ms=since_ms, checked_ms=START_MS - S, next_check_at_ms=None)
    assert ended(old, START_MS + S) is None
    assert Vigil([old], START_MS).to_ask(START_MS, 0) == [1]


def test_of_several_causes_the_first_of_4_3_5_124_1_counts() -> None:
    moment = START_MS + S
    tasks = {
        1: a_task(seq=1, state=State.FAIL),
        124: a_task(seq=2, state=State.WAITING),
        5: with_problem(ProblemKind.UNREACHABLE, since_ms=moment, checked_ms=moment, seq=3),
        3: with_problem(ProblemKind.NOT_FOUND, since_ms=moment - 9 * S, checked_ms=moment, seq=4),
        4: with_problem(ProblemKind.UNAUTHORIZED, since_ms=moment, checked_ms=moment, seq=5),
    }
    order = [4, 3, 5, 124, 1]
    for place in range(len(order)):
        vigil = Vigil([tasks[code] for code in reversed(order[place:])], START_MS, 1.0)
        assert vigil.is_over(START_MS + 2 * S, 2 * S)
        assert vigil.exit_code() == order[place]


def test_a_settled_task_does_not_end_the_wait_for_the_others() -> None:
    moment = START_MS + S
    rejected = with_problem(ProblemKind.REJECTED, since_ms=moment, checked_ms=moment)
    running = a_task(seq=2, state=State.WAITING)
    vigil = Vigil([rejected, running], START_MS)
    assert not vigil.is_over(moment)
    vigil.see([rejected, replace(running, state=State.SUCCESS)])
    assert vigil.is_over(moment)
    assert vigil.exit_code() == 1


def test_a_task_that_was_removed_meanwhile_ends_it_with_3() -> None:
    vigil = Vigil([a_task()], START_MS)
    assert vigil.see([]) == ["task_a: was removed from the list"]
    assert vigil.is_over(START_MS)
    assert vigil.exit_code() == 3


def test_each_change_is_told_once() -> None:
    vigil = Vigil([a_task()], START_MS)
    waiting = a_task(state=State.WAITING, raw_state="generating")
    assert vigil.see([waiting]) == ["task_a: new -> generating"]
    assert vigil.see([waiting]) == []
    troubled = replace(waiting, problem=Problem(ProblemKind.SERVER_ERROR, "HTTP 503", START_MS))
    assert vigil.see([troubled]) == ["task_a: server error: HTTP 503"]
    assert (
        vigil.see([replace(troubled, problem=Problem(ProblemKind.SERVER_ERROR, "HTTP 500", START_MS))]) == []
    )
    assert vigil.see([replace(waiting, state=State.FAIL, fail_msg="no")]) == [
        "task_a: generating -> fail: no"
    ]


def test_what_is_due_is_asked_for_once_and_left_to_a_watcher_for_a_moment() -> None:
    task = a_task(
        next_check_at_ms=START_MS + 10 * S,
        create_time_ms=START_MS,
        state=State.WAITING,
        checked_at_ms=START_MS,
    )
    vigil = Vigil([task], START_MS)
    assert vigil.to_ask(START_MS + 10 * S - 1, 0) == []
    assert vigil.to_ask(START_MS + 10 * S, 0) == [1]
    assert vigil.to_ask(START_MS + 10 * S, 1_000) == []
    assert vigil.to_ask(START_MS + 11 * S, 1_000) == [1]
    asked = Vigil([replace(task, asked_at_ms=START_MS + 10 * S)], START_MS)
    assert asked.to_ask(START_MS + 60 * S, 0) == []


def test_an_old_task_is_asked_for_more_often_than_the_schedule_would() -> None:
    old = a_task(
        state=State.WAITING,
        create_time_ms=START_MS - 900 * S,
        checked_at_ms=START_MS + S,
        checks=1,
        next_check_at_ms=START_MS + 40 * S,
    )
    vigil = Vigil([old], START_MS)
    assert vigil.to_ask(START_MS + 3_999, 0) == []
    assert vigil.to_ask(START_MS + 4_000, 0) == [1]
    late = Vigil(
        [replace(old, checked_at_ms=START_MS + 700 * S, next_check_at_ms=START_MS + 4_000 * S)], START_MS
    )
    assert late.to_ask(START_MS + 729 * S, 0) == []
    assert late.to_ask(START_MS + 730 * S, 0) == [1]


def test_a_lost_id_is_asked_for_again_after_5_s() -> None:
    lost = with_problem(
        ProblemKind.NOT_FOUND,
        since_ms=START_MS + S,
        checked_ms=START_MS + S,
        next_check_at_ms=START_MS + 1800 * S,
    )
    vigil = Vigil([lost], START_MS)
    assert vigil.to_ask(START_MS + 5_999, 0) == []
    assert vigil.to_ask(START_MS + 6_000, 0) == [1]

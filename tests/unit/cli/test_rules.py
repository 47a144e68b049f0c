"""What ends `wait` and `check`, and when they want a check, with every moment handed in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taskdash.cli.check_rules import CheckRules
from taskdash.cli.rules import WaitRules, change_line
from taskdash.domain.task import Problem, ProblemKind, State, Task
from taskdash.watch.thread import WatchStatus

START_MS = 1_780_000_000_000
S = 1_000


def a_task(**changes: object) -> Task:
    task = Task(
        seq=1, profile="p", task_id="task_a", added_at_ms=START_MS - 60 * S, next_check_at_ms=START_MS
    )
    return replace(task, **changes)  # type: ignore[arg-type] # the names are Task's own


def with_problem(kind: ProblemKind, *, since_ms: int, checked_ms: int, **changes: object) -> Task:
    """A task whose last check, the first of this wait, failed."""
    return a_task(problem=Problem(kind, "message", since_ms), checked_at_ms=checked_ms, checks=1, **changes)


def again(task: Task, elapsed_ms: int, kind: ProblemKind | None, jump_ms: int = 0) -> Task:
    """Return the task as one more check left it; a problem of the same kind goes on."""
    at_ms = START_MS + elapsed_ms + jump_ms
    problem = task.problem
    if problem is None or problem.kind is not kind:
        problem = None if kind is None else Problem(kind, "no", at_ms)
    return replace(task, checks=task.checks + 1, checked_at_ms=at_ms, problem=problem)


def a_wait(*tasks: Task, timeout_s: float | None = None) -> WaitRules:
    """A wait for tasks that were found like this, and not checked yet where nothing else is said."""
    rules = WaitRules(tasks or (a_task(),), START_MS, timeout_s)
    rules.status = WatchStatus(leading=True)
    return rules


def see(rules: WaitRules, task: Task, at_ms: int) -> list[str]:
    """Let the wait see a task at a moment."""
    return rules.see([task], at_ms, at_ms - START_MS)


def problem_now(kind: ProblemKind) -> Task:
    """A task that the first check of the wait, after a second, brought this for."""
    return with_problem(kind, since_ms=START_MS + S, checked_ms=START_MS + S)


SETTLED = (ProblemKind.NO_CREDITS, ProblemKind.REJECTED, ProblemKind.UNREADABLE)
RIDDEN_OUT = (ProblemKind.RATE_LIMITED, ProblemKind.SERVER_ERROR, ProblemKind.UNREACHABLE)
ENDS: list[tuple[Task, int | None, int | None]] = [
    (a_task(state=State.SUCCESS), 0, 0),
    (a_task(state=State.FAIL), 1, 1),
    (a_task(state=State.WAITING), None, 124),
    (a_task(), None, 124),
    (problem_now(ProblemKind.UNAUTHORIZED), None, 4),
    (problem_now(ProblemKind.NOT_FOUND), None, 124),
    *((problem_now(kind), None, 5) for kind in RIDDEN_OUT),
    *((problem_now(kind), 1, 1) for kind in SETTLED),
]


@pytest.mark.parametrize(("task", "code", "when_time_is_over"), ENDS)
def test_a_wait_for_one_task_ends_with_its_code(
    task: Task, code: int | None, when_time_is_over: int | None
) -> None:
    for timeout_s, wanted in ((None, code), (10, when_time_is_over)):
        rules = a_wait(timeout_s=timeout_s)
        see(rules, task, START_MS + 9 * S)
        assert (rules.exit_code() if rules.is_over(10 * S) else None) == wanted


@pytest.mark.parametrize("kind", SETTLED)
def test_a_problem_from_before_the_wait_does_not_end_it(kind: ProblemKind) -> None:
    old = with_problem(kind, since_ms=START_MS - 50 * S, checked_ms=START_MS - S, next_check_at_ms=None)
    rules = a_wait(old)
    assert not rules.is_over(S)
    assert rules.to_ask(0) == [1]


def lost_at(moments_ms: list[int], *, added_ms: int, jump_ms: int = 0) -> WaitRules:
    """A wait for an ID that checks at these moments did not find; the wall clock jumps after the first of them."""
    task = a_task(added_at_ms=added_ms)
    rules = a_wait(task)
    for n, elapsed_ms in enumerate(moments_ms):
        task = again(task, elapsed_ms, ProblemKind.NOT_FOUND, jump_ms if n else 0)
        rules.see([task], START_MS + elapsed_ms + (jump_ms if n else 0), elapsed_ms)
    return rules


@pytest.mark.parametrize("jump_ms", [0, -3_600 * S, 3_600 * S])
def test_two_checks_that_find_nothing_5_s_apart_end_it_with_3(jump_ms: int) -> None:
    assert not lost_at([S], added_ms=START_MS).is_over(40 * S)
    assert not lost_at([S, S + 4_999], added_ms=START_MS, jump_ms=jump_ms).is_over(40 * S)
    rules = lost_at([S, 6 * S], added_ms=START_MS, jump_ms=jump_ms)
    assert not rules.is_over(29_999)
    assert rules.is_over(30_000)
    assert rules.exit_code() == 3
    assert lost_at([S, 6 * S], added_ms=START_MS - 90 * S, jump_ms=jump_ms).is_over(8 * S)
    # Added by a clock that was ahead of today's: it may be as new as it says.
    assert not lost_at([S, 6 * S], added_ms=START_MS + 3_600 * S).is_over(29_999)


def test_an_old_not_found_counts_as_one_of_the_two_but_not_alone() -> None:
    old = with_problem(ProblemKind.NOT_FOUND, since_ms=START_MS - 50 * S, checked_ms=START_MS - S)
    rules = a_wait(old)
    assert not rules.is_over(S)
    see(rules, replace(old, checked_at_ms=START_MS + S, checks=2), START_MS + S)
    assert rules.is_over(S)
    assert rules.exit_code() == 3


def test_a_request_that_is_not_answered_ends_nothing_as_other_paths_are_asked() -> None:
    old = with_problem(ProblemKind.NOT_FOUND, since_ms=START_MS - 50 * S, checked_ms=START_MS - S)
    rules = a_wait(old)
    again = replace(old, checks=old.checks + 1, checked_at_ms=START_MS + 40 * S)
    see(rules, replace(again, asked_at_ms=7), START_MS + 40 * S)
    assert not rules.is_over(40 * S)
    see(rules, replace(again, checks=again.checks + 1), START_MS + 40 * S)
    assert rules.is_over(40 * S)
    assert rules.exit_code() == 3


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
        found = [tasks[code] for code in reversed(order[place:])]
        before = [
            task if task.problem is None or task.problem.since_ms < START_MS else replace(task, problem=None)
            for task in found
        ]
        rules = a_wait(*(replace(task, checks=0, state=State.WAITING) for task in before), timeout_s=1.0)
        rules.see(found, moment, S)
        confirmed = [replace(task, checks=2) if task.seq == 5 else task for task in found]
        rules.see(confirmed, moment + 3 * S, 4 * S)
        assert rules.is_over(4 * S)
        assert rules.exit_code() == order[place]


def test_a_settled_task_does_not_end_the_wait_for_the_others() -> None:
    moment = START_MS + S
    rejected = with_problem(ProblemKind.REJECTED, since_ms=moment, checked_ms=moment)
    running = a_task(seq=2, state=State.WAITING)
    rules = a_wait(a_task(), running)
    rules.see([rejected, running], moment, S)
    assert not rules.is_over(S)
    rules.see([rejected, replace(running, state=State.SUCCESS)], moment, S)
    assert rules.is_over(S)
    assert rules.exit_code() == 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_task_that_was_removed_meanwhile_ends_it_with_3(*, is_gone: bool) -> None:
    rules = a_wait()
    assert see(rules, a_task(), START_MS) == []
    # Another task in its place, as in a list that was exchanged, is not it.
    found = [] if is_gone else [a_task(task_id="task_b", state=State.SUCCESS)]
    assert rules.see(found, START_MS, 0) == ["task_a: was removed from the list"]
    assert rules.is_over(0)
    assert rules.exit_code() == 3


def test_each_change_is_told_once() -> None:
    rules = a_wait()
    waiting = a_task(state=State.WAITING, raw_state="generating")
    assert see(rules, waiting, START_MS) == ["task_a: new -> generating"]
    assert see(rules, waiting, START_MS) == []
    troubled = replace(waiting, problem=Problem(ProblemKind.SERVER_ERROR, "HTTP 503", START_MS))
    assert see(rules, troubled, START_MS) == ["task_a: server error: HTTP 503"]
    again = replace(troubled, problem=Problem(ProblemKind.SERVER_ERROR, "HTTP 500", START_MS))
    assert see(rules, again, START_MS) == []
    failed = replace(waiting, state=State.FAIL, fail_msg="no")
    assert see(rules, failed, START_MS) == ["task_a: generating -> fail: no"]


def test_a_line_names_label_and_prompt() -> None:
    task = a_task(state=State.WAITING, label="mugs", prompt="Product photo\nof a " + "very " * 20 + "red mug")
    name = "(mugs · Product photo of a very very very very very very ver…)"
    done, failed = replace(task, state=State.SUCCESS, cost_time_ms=112_000), replace(task, state=State.FAIL)
    assert change_line(task, done) == f"task_a: waiting -> success in 1m52s {name}"
    assert change_line(task, failed) == f"task_a: waiting -> fail: no reason given {name}"
    problem = Problem(ProblemKind.SERVER_ERROR, "HTTP 503", 0)
    troubled = replace(task, label=None, prompt="a mug", problem=problem)
    assert change_line(task, troubled) == "task_a: server error: HTTP 503 (a mug)"


def test_a_wait_ends_with_what_it_came_to() -> None:
    success, fail, waiting = (
        a_task(seq=seq, state=state) for seq, state in enumerate((State.SUCCESS, State.FAIL, State.WAITING))
    )

    def said(*tasks: Task, elapsed_ms: int = 112 * S, timeout_s: float | None = None) -> str:
        rules = a_wait(*tasks, timeout_s=timeout_s)
        rules.is_over(elapsed_ms)
        return rules.summary()

    assert said(success, replace(success, seq=7), fail) == "3 tasks finished: 2 succeeded, 1 failed in 1m52s"
    assert said(success, elapsed_ms=0) == "1 task finished: 1 succeeded"
    late = "timed out after 1m with"
    assert said(success, waiting, timeout_s=60) == f"{late} 1 of 2 tasks finished: 1 succeeded"
    assert said(waiting, timeout_s=60) == f"{late} 1 task not finished"
    rules = a_wait(success, waiting)
    rules.see([success], START_MS, S)
    assert rules.summary() == "1 of 2 tasks finished: 1 succeeded, 1 removed"


def test_of_selected_tasks_one_that_is_lost_does_not_end_the_wait_for_the_rest() -> None:
    lost = a_task(added_at_ms=START_MS - 90 * S)
    running = a_task(seq=2, task_id="task_b", state=State.WAITING)
    rules = WaitRules([lost, running], START_MS, are_named=False)
    for elapsed_ms in (S, 7 * S):
        lost = again(lost, elapsed_ms, ProblemKind.NOT_FOUND)
        rules.see([lost, running], START_MS + elapsed_ms, elapsed_ms)
    assert not rules.is_over(8 * S)
    assert [task.seq for task in rules.waiting_for] == [2]
    success = replace(running, state=State.SUCCESS)
    rules.see([lost, success], START_MS + 9 * S, 9 * S)
    assert rules.is_over(9 * S)
    assert rules.exit_code() == 3
    assert rules.summary() == "1 of 2 tasks finished: 1 succeeded, 1 unknown to the API"
    assert rules.see([success], START_MS + 10 * S, 10 * S) == ["task_a: was removed from the list"]
    assert rules.is_over(10 * S)
    assert (rules.exit_code(), rules.done) == (0, 1)
    rules.see([], START_MS + 11 * S, 11 * S)
    assert rules.is_over(11 * S)
    assert rules.exit_code() == 3, "a success that nobody can see is none"


def test_tasks_join_a_wait_for_selected_ones_and_are_asked_for_like_the_others() -> None:
    first = a_task(state=State.WAITING, next_check_at_ms=START_MS + 60 * S)
    rules = WaitRules([first], START_MS, are_named=False)
    rules.status = WatchStatus(leading=True)
    added_ms = START_MS + 20 * S
    late = a_task(seq=0, task_id="task_b", added_at_ms=added_ms, next_check_at_ms=added_ms)
    assert rules.see([first, late], added_ms, 20 * S) == []
    assert rules.to_ask(20 * S) == [0]
    assert (rules.done, len(rules.waiting_for)) == (0, 2)
    for elapsed_ms in (21 * S, 27 * S):
        late = again(late, elapsed_ms, ProblemKind.NOT_FOUND)
        rules.see([first, late], START_MS + elapsed_ms, elapsed_ms)
    rules.is_over(49 * S)
    assert len(rules.waiting_for) == 2, "it may only be too new"
    rules.is_over(50 * S)
    assert len(rules.waiting_for) == 1
    named = a_wait(first)
    named.see([first, late], added_ms, 20 * S)
    assert len(named.tasks) == 1


def test_what_is_due_is_asked_for_once_and_left_to_a_watcher_for_a_moment() -> None:
    times = {"create_time_ms": START_MS, "checked_at_ms": START_MS, "next_check_at_ms": START_MS + 10 * S}
    task = a_task(state=State.WAITING, **times)
    rules = a_wait(task)
    assert rules.to_ask(10 * S - 1) == []
    assert rules.to_ask(10 * S) == [1]
    rules.status = WatchStatus(leading=False)
    assert rules.to_ask(10 * S) == []
    assert rules.to_ask(11 * S) == [1]
    assert a_wait(replace(task, asked_at_ms=START_MS + 10 * S)).to_ask(60 * S) == []


@pytest.mark.parametrize("jump_ms", [0, -3_600 * S, 3_600 * S])
@pytest.mark.parametrize(
    ("checked_ms", "kind", "gap_ms"),
    [
        (S, None, 3 * S),
        (700 * S, None, 30 * S),
        (S, ProblemKind.NOT_FOUND, 5 * S),
        (S, ProblemKind.UNAUTHORIZED, 3 * S),
    ],
)
def test_an_old_lost_or_refused_task_is_asked_for_sooner_than_the_schedule_would(
    checked_ms: int, kind: ProblemKind | None, gap_ms: int, jump_ms: int
) -> None:
    found = a_task(state=State.WAITING, create_time_ms=START_MS - 9_000 * S, checks=1)
    rules = a_wait(found)
    wall_ms = START_MS + checked_ms + jump_ms
    task = again(found, checked_ms, kind, jump_ms)
    rules.see([replace(task, next_check_at_ms=wall_ms + 1800 * S)], wall_ms, checked_ms)
    assert rules.to_ask(checked_ms + gap_ms - 1) == []
    assert rules.to_ask(checked_ms + gap_ms) == [1]


def test_a_refused_key_ends_it_with_4_when_a_second_check_after_a_pause_says_so() -> None:
    rules = a_wait()
    task = a_task(create_time_ms=START_MS, state=State.WAITING)
    refused = ProblemKind.UNAUTHORIZED
    checks = ((S, refused, False), (2 * S, refused, False), (5 * S, None, False), (6 * S, refused, False))
    for elapsed_ms, kind, is_over in (*checks, (9 * S, refused, True)):
        task = again(task, elapsed_ms, kind)
        see(rules, task, START_MS + elapsed_ms)
        assert rules.is_over(elapsed_ms) == is_over, elapsed_ms
    assert rules.exit_code() == 4


@pytest.mark.parametrize(("is_elsewhere", "is_over"), [(False, True), (True, False)])
def test_a_refusal_of_another_key_does_not_count(*, is_elsewhere: bool, is_over: bool) -> None:
    rules, task = a_wait(), a_task()
    for elapsed_ms, elsewhere in ((S, is_elsewhere), (5 * S, is_elsewhere), (6 * S, False)):
        task = again(task, elapsed_ms, ProblemKind.UNAUTHORIZED)
        rules.see([task], START_MS + elapsed_ms, elapsed_ms, is_elsewhere=elsewhere)
    assert rules.is_over(6 * S) == is_over


def test_a_compact_wait_tells_what_failed_and_what_nobody_knows_and_nothing_else() -> None:
    rules = WaitRules([a_task()], START_MS, is_compact=True)
    for state, line in ((State.WAITING, []), (State.FAIL, ["task_a: new -> fail: no reason given"])):
        assert see(rules, a_task(state=state, checks=1), START_MS) == line
        rules = WaitRules([a_task()], START_MS, is_compact=True)
    for kind, told in ((ProblemKind.UNREACHABLE, False), (ProblemKind.REJECTED, True)):
        rules = WaitRules([a_task()], START_MS, is_compact=True)
        lines = see(rules, with_problem(kind, since_ms=START_MS, checked_ms=START_MS), START_MS)
        assert bool(lines) == told, kind
    for is_compact in (True, False):
        rules = WaitRules([a_task()], START_MS, is_compact=is_compact)
        for at_ms in (0, 9 * S):
            lost = with_problem(ProblemKind.NOT_FOUND, since_ms=START_MS, checked_ms=START_MS + at_ms)
            see(rules, replace(lost, checks=at_ms + 1), START_MS + at_ms)
        assert rules.is_over(60 * S)
        assert rules.untold() == (["task_a: not found"] if is_compact else [])


def checked(
    kinds: list[ProblemKind | None], *, left: int = 0, are_named: bool = False, waits: bool = True
) -> CheckRules:
    """A check whose first tasks were answered, and as many as `left` not yet."""
    tasks = [a_task(seq=seq, task_id=f"task_{seq}") for seq in range(len(kinds) + left)]
    rules = CheckRules(tasks, are_named=are_named, waits=waits)
    assert not rules.is_over(0)
    assert rules.to_ask(0) == [task.seq for task in tasks]
    rules.asked = dict.fromkeys(rules.to_ask(0), 7)
    for seq, kind in enumerate(kinds):
        problem = None if kind is None else Problem(kind, "no", START_MS)
        tasks[seq] = replace(tasks[seq], checks=1, checked_at_ms=START_MS + seq, problem=problem)
    tasks[len(kinds) :] = [replace(task, asked_at_ms=7) for task in tasks[len(kinds) :]]
    assert rules.see(tasks, START_MS, S) == []
    return rules


@pytest.mark.parametrize(
    ("kinds", "left", "code", "why"),
    [
        ([None, None], 0, 0, None),
        ([None, ProblemKind.NOT_FOUND], 0, 3, None),
        ([ProblemKind.REJECTED], 0, 1, None),
        ([ProblemKind.RATE_LIMITED], 2, 5, "rate limited by the gateway"),
        ([ProblemKind.SERVER_ERROR] * 2, 2, None, None),
        ([ProblemKind.SERVER_ERROR] * 3, 2, 5, "2 tasks not checked: the gateway is not responding"),
        ([ProblemKind.UNREACHABLE] * 3 + [None], 1, None, None),
    ],
)
def test_a_check_is_over_when_all_is_answered_or_the_rest_is_hopeless(
    kinds: list[ProblemKind | None], left: int, code: int | None, why: str | None
) -> None:
    rules = checked(kinds, left=left, waits=False)
    assert rules.is_over(S) == (code is not None)
    changes, troubles, found = rules.outcome()
    assert changes == []
    if code is not None:
        assert (found, any((why or "") in line for line in troubles)) == (code, bool(code))


def held(until_ms: int) -> WatchStatus:
    """Return what a watcher says of itself that met a 429."""
    return WatchStatus(leading=True, problem=ProblemKind.RATE_LIMITED, held_until_ms=until_ms)


def answer_again(rules: CheckRules, at_ms: int, kind: ProblemKind | None = None) -> None:
    """Let the check see the second answer for its first task."""
    rules.asked[0] = 8
    problem = None if kind is None else Problem(kind, "no", START_MS)
    task = replace(rules.tasks[0], checks=2, checked_at_ms=at_ms, problem=problem)
    rules.see([task], at_ms, at_ms - START_MS)


@pytest.mark.parametrize(("again", "code"), [(None, 0), (ProblemKind.RATE_LIMITED, 5)])
def test_a_check_waits_a_short_429_out_once(again: ProblemKind | None, code: int) -> None:
    rules = checked([ProblemKind.RATE_LIMITED])
    assert not rules.is_over(S)  # how long it is to wait, the watcher has not said yet
    rules.status = held(START_MS + 9 * S)
    rules.see(rules.tasks, START_MS + S, S)
    assert not rules.is_over(S)
    assert rules.notice == "rate limited by the gateway; retrying in 8s"
    assert (rules.to_ask(S), rules.to_ask(S)) == ([0], [])
    answer_again(rules, START_MS + 9 * S, again)
    assert rules.is_over(9 * S)
    assert rules.outcome()[2] == code


def test_a_check_that_met_another_answer_waits_the_next_429_out() -> None:
    rules = checked([ProblemKind.RATE_LIMITED, None, ProblemKind.RATE_LIMITED])
    rules.status = held(START_MS + 2 * S)
    rules.see(rules.tasks, START_MS + S, S)
    assert not rules.is_over(S)
    assert rules.to_ask(S) == [0, 2]


def test_a_check_does_not_wait_a_long_429_out() -> None:
    rules = checked([ProblemKind.RATE_LIMITED], left=1)
    rules.status = held(START_MS + 30 * S)
    rules.see(rules.tasks, START_MS, S)
    assert rules.is_over(S)
    why = "1 task not checked: rate limited by the gateway for another 30s"
    assert rules.outcome() == ([], ["task_0: rate limited: no", why], 5)


def test_a_check_gives_a_watcher_that_is_stopped_three_seconds() -> None:
    rules = checked([], left=1)
    for elapsed_ms, is_stopped in ((1_000, True), (2_000, False), (3_000, True), (5_999, True)):
        rules.status = WatchStatus(watcher_pid=9, watcher_stopped=is_stopped)
        rules.see(rules.tasks, START_MS, elapsed_ms)
        assert not rules.is_over(elapsed_ms)
    rules.see(rules.tasks, START_MS, 6_000)
    assert rules.is_over(6_000)
    assert rules.outcome() == ([], ["1 task not checked: the watcher (pid 9) is stopped"], 5)


@pytest.mark.parametrize(("are_named", "code"), [(True, 3), (False, 0)])
def test_a_task_removed_during_a_check_counts_where_it_was_named(*, are_named: bool, code: int) -> None:
    rules = checked([None], left=1, are_named=are_named)
    assert rules.see(rules.tasks[:1], START_MS, S) == ["task_1: was removed from the list"]
    assert rules.is_over(S)
    assert rules.outcome()[2] == code


def test_what_another_key_got_nowhere_with_is_asked_for_again_with_ours() -> None:
    rules = checked([], left=1)
    rules.status = WatchStatus(watcher_pid=9, differs="API key")
    problem = Problem(ProblemKind.UNAUTHORIZED, "no", START_MS)
    task = replace(rules.tasks[0], checks=1, asked_at_ms=None, problem=problem)
    rules.see([task], START_MS, S, is_elsewhere=True)
    assert (rules.is_over(S), rules.to_ask(S)) == (False, [])
    rules.status = WatchStatus(leading=True)
    assert rules.to_ask(S) == [0]
    assert rules.to_ask(S) == []

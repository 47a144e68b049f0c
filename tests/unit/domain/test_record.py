"""Tests what one check makes of a task, which path it is asked for under, and what is said of paths."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taskdash.api.wire import parse_answer
from taskdash.domain.record import Answer, Outcome, Record, RecordPaths, apply_answer
from taskdash.domain.task import Problem, ProblemKind, State, Task

JOBS, VEO, MUSIC = "/api/v1/jobs/recordInfo", "/api/v1/veo/record-info", "/api/v1/generate/record-info"
PATHS = RecordPaths((JOBS, VEO, MUSIC))
TASK = Task(seq=1, profile="p", task_id="t", added_at_ms=0)
MISS = Answer(problem=ProblemKind.NOT_FOUND, message="null")
FOUND = Answer(record=Record(state=State.WAITING, raw_state="waiting"))


def asked(task: Task, *answers: Answer, paths: RecordPaths = PATHS) -> tuple[list[str], Task]:
    """The paths that were asked, and what the answers made of a task."""
    order = []
    for at_ms, answer in enumerate(answers):
        order.append(paths.next_for(task))
        task = apply_answer(task, answer, at_ms, paths).task
    return order, task


def problem_of(task: Task) -> Problem:
    assert task.problem is not None
    return task.problem


def test_paths_are_asked_in_their_order_and_the_hint_first() -> None:
    assert asked(TASK, *[MISS] * 4)[0] == [JOBS, VEO, MUSIC, JOBS]
    assert asked(replace(TASK, path_hint=MUSIC), *[MISS] * 4)[0] == [MUSIC, JOBS, VEO, MUSIC]
    assert asked(replace(TASK, task_id="task_veo3_1777474689024"), MISS)[0] == [VEO]
    written_out = RecordPaths((JOBS, f"/kie{VEO}?taskId={{id}}"))
    assert asked(replace(TASK, path_hint=VEO), MISS, paths=written_out)[0] == [written_out.paths[1]]
    assert asked(replace(TASK, path_hint="/not/in/the/config"), MISS)[0] == [JOBS]


def test_not_found_is_said_once_all_were_asked_and_stays_said() -> None:
    for count in (1, 2):
        assert asked(TASK, *[MISS] * count)[1].problem is None
    for count in (3, 4, 7):
        problem = problem_of(asked(TASK, *[MISS] * count)[1])
        assert (problem.kind, problem.since_ms) == (ProblemKind.NOT_FOUND, 2)
        assert problem.message == "null; asked under 3 record paths"


def test_the_path_that_knew_a_task_is_asked_alone() -> None:
    order, task = asked(TASK, MISS, FOUND, MISS, MISS, FOUND)
    assert order == [JOBS, VEO, VEO, VEO, VEO]
    assert (task.record_path, task.problem) == (VEO, None)
    problem = problem_of(asked(TASK, MISS, FOUND, MISS)[1])
    assert problem.message == "null"
    # A path that the config no longer has is not asked: a list may come from anywhere.
    assert asked(replace(TASK, record_path="/elsewhere"), MISS, FOUND)[0] == [JOBS, VEO]


def test_a_request_is_answered_once_all_paths_were_asked() -> None:
    task = replace(TASK, asked_at_ms=7)
    for count in (1, 2):
        assert asked(task, *[MISS] * count)[1].asked_at_ms == 7
    assert asked(task, *[MISS] * 3)[1].asked_at_ms is None
    assert asked(task, MISS, FOUND)[1].asked_at_ms is None
    # What was said before stands until a round of its own is over.
    again = replace(asked(TASK, *[MISS] * 3)[1], asked_at_ms=7, path_misses=0)
    assert asked(again, MISS)[1].problem == again.problem


def test_a_path_may_reject_the_ids_of_another_and_what_fails_is_asked_again() -> None:
    rejected, failed = (
        Answer(problem=kind, message=kind.value) for kind in (ProblemKind.REJECTED, ProblemKind.SERVER_ERROR)
    )
    order, task = asked(TASK, rejected, failed, failed, FOUND)
    assert (order, task.record_path) == ([JOBS, VEO, VEO, VEO], VEO)
    problem = problem_of(asked(TASK, rejected, rejected, rejected)[1])
    assert problem.kind is ProblemKind.NOT_FOUND
    problem = problem_of(asked(TASK, rejected, paths=RecordPaths())[1])
    assert problem.kind is ProblemKind.REJECTED


@pytest.mark.parametrize("kind", [ProblemKind.SERVER_ERROR, ProblemKind.UNREADABLE, ProblemKind.UNAUTHORIZED])
def test_a_path_that_fails_on_the_ids_of_others_keeps_none_from_its_own(kind: ProblemKind) -> None:
    failed = Answer(problem=kind, message="HTTP 500")
    spoken = PATHS.seen(JOBS, MISS)
    order, task = asked(TASK, MISS, failed, FOUND, paths=spoken)
    assert (order, task.record_path) == ([JOBS, VEO, MUSIC], MUSIC)
    # Where it has answered before, or nobody has, the failure is the gateway's: the same is asked again.
    for paths in (PATHS, spoken.seen(VEO, MISS)):
        order, task = asked(TASK, MISS, failed, FOUND, paths=paths)
        assert order == [JOBS, VEO, VEO]
    problem = problem_of(asked(TASK, MISS, MISS, failed, paths=spoken)[1])
    assert problem.kind is kind


@pytest.mark.parametrize(
    ("status", "body", "is_bare"),
    [
        (404, b'{"code":404,"msg":"task not found","data":null}', False),
        (404, b'{"code":404,"msg":"Not found: taskId","data":null}', False),
        (404, b'{"code":422,"msg":"recordInfo is null"}', False),
        (404, b'{"error":{"message":"No such job"}}', False),
        (404, b'{"code":404,"msg":"not found","data":null}', True),
        (404, b'{"detail":"Not Found"}', True),
        (404, b'{"message":"Cannot GET /api/v1/jobs/recordInfo?taskId=1"}', True),
        (404, b"<html>404 Not Found</html>", True),
        (404, b"", True),
        (200, b'{"code":404,"msg":"not found"}', False),
        (200, b'{"code":422,"msg":"recordInfo is null"}', False),
    ],
)
def test_a_404_for_a_path_is_told_from_one_for_a_task(status: int, body: bytes, is_bare: bool) -> None:
    answer = parse_answer(status, {}, body, "t")
    assert (answer.problem, answer.is_bare_404) == (ProblemKind.NOT_FOUND, is_bare)


def test_a_path_that_answers_404_to_everything_is_named() -> None:
    bare = replace(MISS, is_bare_404=True)
    paths = RecordPaths((JOBS, VEO)).seen(VEO, bare).seen(JOBS, MISS)
    assert paths.remark == f"{VEO} answers 404 to everything: look at record_paths in the config"
    problem = problem_of(asked(TASK, MISS, MISS, paths=paths)[1])
    assert problem.message == f"null; asked under 2 record paths; {paths.remark}"
    assert paths.seen(JOBS, bare).remark == paths.remark
    assert paths.seen(VEO, FOUND).remark == ""
    assert RecordPaths().seen(JOBS, bare).told(TASK, "null") == (
        f"null; {JOBS} answers 404 to everything: look at record_paths in the config"
    )


NEW = replace(TASK, added_at_ms=1_000_000)
ENDED = replace(NEW, state=State.SUCCESS, finished_at_ms=1_009_000)
SEEN = replace(NEW, state=State.WAITING)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (SEEN, ENDED, True),
        (SEEN, replace(ENDED, complete_time_ms=NEW.added_at_ms - 1), True),
        (SEEN, SEEN, False),
        (ENDED, ENDED, False),
        (NEW, replace(ENDED, complete_time_ms=NEW.added_at_ms), False),
        (NEW, replace(ENDED, complete_time_ms=NEW.added_at_ms + 1), True),
        (NEW, replace(ENDED, state=State.FAIL), False),
        (NEW, replace(ENDED, state=State.FAIL, create_time_ms=NEW.added_at_ms - 5_000), True),
        (NEW, replace(ENDED, state=State.FAIL, create_time_ms=NEW.added_at_ms - 3_600_000), False),
    ],
)
def test_an_end_is_news_unless_the_task_had_ended_when_it_was_added(
    before: Task, after: Task, expected: bool
) -> None:
    assert Outcome(before, after, None, b"").is_news is expected


NOW = 1_790_000_000_000
ADDED = Task(seq=-1, profile="p", task_id="task_a", added_at_ms=NOW - 5000, asked_at_ms=NOW - 10)
DONE = Record(
    state=State.SUCCESS, raw_state="success", model="m", cost_time_ms=32_241, result_urls=("https://x/1.png",)
)


def test_the_first_record_makes_a_new_task_what_it_says() -> None:
    outcome = apply_answer(ADDED, Answer(record=DONE, raw=b"{}"), NOW)
    task = outcome.task
    assert (task.state, task.model, task.cost_time_ms, task.result_count) == (State.SUCCESS, "m", 32_241, 1)
    assert (task.checked_at_ms, task.finished_at_ms, task.checks, task.asked_at_ms) == (NOW, NOW, 1, None)
    assert outcome.finished
    assert outcome.changed
    assert (outcome.record, outcome.raw) == (DONE, b"{}")


def test_a_record_of_a_task_that_has_not_begun_counts_as_waiting() -> None:
    record = Record(state=State.NEW, raw_state="queued")
    assert apply_answer(ADDED, Answer(record=record), NOW).task.state is State.WAITING


def test_a_problem_stands_beside_the_record_and_keeps_when_it_began() -> None:
    waiting = apply_answer(
        ADDED, Answer(record=Record(state=State.WAITING, raw_state="running", model="m")), NOW
    ).task
    answer = Answer(problem=ProblemKind.UNREACHABLE, message="refused")
    first = apply_answer(waiting, answer, NOW + 1)
    second = apply_answer(first.task, answer, NOW + 2)
    assert (second.task.state, second.task.raw_state, second.task.model) == (State.WAITING, "running", "m")
    assert second.task.problem == Problem(ProblemKind.UNREACHABLE, "refused", NOW + 1)
    assert (second.task.misses, second.task.checked_at_ms, second.record) == (2, NOW + 2, None)
    assert (first.changed, second.changed) == (True, False)
    other = apply_answer(second.task, Answer(problem=ProblemKind.NOT_FOUND, message="no"), NOW + 3)
    assert other.task.problem == Problem(ProblemKind.NOT_FOUND, "no", NOW + 3)
    assert apply_answer(other.task, Answer(record=DONE), NOW + 4).task.problem is None


@pytest.mark.parametrize("state", [State.WAITING, State.NEW, State.FAIL])
def test_an_end_is_final_and_a_gateway_that_takes_it_back_is_reported(state: State) -> None:
    done = apply_answer(ADDED, Answer(record=DONE, raw=b"done"), NOW).task
    outcome = apply_answer(done, Answer(record=Record(state=state, raw_state="other"), raw=b"x"), NOW + 1)
    assert (outcome.task.state, outcome.task.cost_time_ms, outcome.task.finished_at_ms) == (
        State.SUCCESS,
        32_241,
        NOW,
    )
    assert (outcome.record, outcome.raw, outcome.finished) == (None, b"", False)
    problem = problem_of(outcome.task)
    assert problem.kind is ProblemKind.UNREADABLE
    assert "other" in problem.message


def test_the_same_end_again_keeps_when_it_was_learned() -> None:
    done = apply_answer(ADDED, Answer(record=DONE), NOW).task
    again = apply_answer(done, Answer(record=DONE), NOW + 9)
    assert again.task.finished_at_ms == NOW
    assert not again.finished
    assert not again.changed


def test_what_a_later_record_leaves_out_of_the_request_is_kept() -> None:
    first = Record(state=State.WAITING, raw_state="waiting", model="m", prompt="a fox", create_time_ms=5)
    task = apply_answer(ADDED, Answer(record=first), NOW).task
    task = apply_answer(task, Answer(record=Record(state=State.WAITING, raw_state="running")), NOW + 1).task
    assert (task.model, task.prompt, task.create_time_ms, task.raw_state) == ("m", "a fox", 5, "running")

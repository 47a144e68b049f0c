"""What one check makes of a task, and what its ID and its variant are."""

from __future__ import annotations

import pytest

from taskdash.domain.record import Answer, Record, apply_answer
from taskdash.domain.task import Problem, ProblemKind, State, Task, is_task_id, variant_of

NOW = 1_790_000_000_000
NEW = Task(seq=-1, profile="p", task_id="task_a", added_at_ms=NOW - 5000, asked_at_ms=NOW - 10)
DONE = Record(
    state=State.SUCCESS, raw_state="success", model="m", cost_time_ms=32_241, result_urls=("https://x/1.png",)
)


def test_the_first_record_makes_a_new_task_what_it_says() -> None:
    outcome = apply_answer(NEW, Answer(record=DONE, raw=b"{}"), NOW)
    task = outcome.task
    assert (task.state, task.model, task.cost_time_ms, task.result_count) == (State.SUCCESS, "m", 32_241, 1)
    assert (task.checked_at_ms, task.finished_at_ms, task.checks, task.asked_at_ms) == (NOW, NOW, 1, None)
    assert outcome.finished
    assert outcome.changed
    assert (outcome.record, outcome.raw) == (DONE, b"{}")


def test_a_record_of_a_task_that_has_not_begun_counts_as_waiting() -> None:
    record = Record(state=State.NEW, raw_state="queued")
    assert apply_answer(NEW, Answer(record=record), NOW).task.state is State.WAITING


def test_a_problem_stands_beside_the_record_and_keeps_when_it_began() -> None:
    waiting = apply_answer(
        NEW, Answer(record=Record(state=State.WAITING, raw_state="running", model="m")), NOW
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
    done = apply_answer(NEW, Answer(record=DONE, raw=b"done"), NOW).task
    outcome = apply_answer(done, Answer(record=Record(state=state, raw_state="other"), raw=b"x"), NOW + 1)
    assert (outcome.task.state, outcome.task.cost_time_ms, outcome.task.finished_at_ms) == (
        State.SUCCESS,
        32_241,
        NOW,
    )
    assert (outcome.record, outcome.raw, outcome.finished) == (None, b"", False)
    assert outcome.task.problem is not None
    assert outcome.task.problem.kind is ProblemKind.UNREADABLE
    assert "other" in outcome.task.problem.message


def test_the_same_end_again_keeps_when_it_was_learned() -> None:
    done = apply_answer(NEW, Answer(record=DONE), NOW).task
    again = apply_answer(done, Answer(record=DONE), NOW + 9)
    assert again.task.finished_at_ms == NOW
    assert not again.finished
    assert not again.changed


def test_what_a_later_record_leaves_out_of_the_request_is_kept() -> None:
    first = Record(state=State.WAITING, raw_state="waiting", model="m", prompt="a fox", create_time_ms=5)
    task = apply_answer(NEW, Answer(record=first), NOW).task
    task = apply_answer(task, Answer(record=Record(state=State.WAITING, raw_state="running")), NOW + 1).task
    assert (task.model, task.prompt, task.create_time_ms, task.raw_state) == ("m", "a fox", 5, "running")


@pytest.mark.parametrize(
    ("param", "variant"),
    [
        ({"model": "gpt-image-2", "input": {"size": "1:1", "quality": "High"}}, "size=1:1 quality=high"),
        ({"input": {"prompt": "x"}}, None),
        ({"model": "gpt-image-2", "aspect_ratio": "16:9", "n": 2}, "aspect_ratio=16:9 n=2"),
        ({"input": "not an object", "quality": "low"}, "quality=low"),
        ({"input": {"size": None, "quality": "", "resolution": ["4K"]}}, None),
        ("text", None),
        (None, None),
        ([1, 2], None),
    ],
)
def test_the_variant_is_made_of_what_changes_a_duration(param: object, variant: str | None) -> None:
    assert variant_of(param) == variant  # type: ignore[arg-type]  # literals are not seen as Json


@pytest.mark.parametrize("text", ["a", "A.b_c:d-9", "x" * 128, "..", "task_xxx"])
def test_an_id_may_have_letters_digits_and_five_marks(text: str) -> None:
    assert is_task_id(text)


@pytest.mark.parametrize("text", ["", "x" * 129, "a b", "a\n", "a/b", "é", "a&b", "a\x00"])
def test_an_id_may_not_have_anything_else(text: str) -> None:
    assert not is_task_id(text)

"""The detail's text: what has to stay on one line does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.task import Problem, ProblemKind, State, Task, TaskDetail
from taskdash.ui.detail_text import detail_text

if TYPE_CHECKING:
    from taskdash.ui.growing_text import GrowingText

NOW_MS = 1_777_475_100_000
PANE_CELLS = 39
"""The detail's text in a terminal 120 columns wide: 35 percent, less its margins and the scroll bar."""
AGES_MS = [0, 9_000, 59_000, 3_599_000, 86_399_000, 206 * 86_400_000]


def text_of(task: Task) -> str:
    return detail_text(TaskDetail(task=task), lambda _: None).at(NOW_MS).plain


def task(state: State, **fields: Any) -> Task:
    known: dict[str, Any] = {"seq": 1, "profile": "kie", "task_id": "task_one", "added_at_ms": NOW_MS}
    return Task(state=state, **known | fields)


@pytest.mark.parametrize("age_ms", AGES_MS)
def test_each_time_and_its_age_fit_on_one_line(age_ms: int) -> None:
    names = ["added_at_ms", "create_time_ms", "complete_time_ms", "checked_at_ms"]
    moments = dict.fromkeys(names, NOW_MS - age_ms)
    text = text_of(task(State.SUCCESS, cost_time_ms=3_599_000, checks=12_345, **moments))
    lines = text.partition("Times\n")[2].splitlines()
    assert len(lines) == len(names) + len(["costTime", "checks"])
    assert max(map(len, lines)) <= PANE_CELLS


@pytest.mark.parametrize(("in_ms", "said"), [(-1, "now"), (0, "now"), (999, "now"), (7_000, "in 7s")])
def test_the_next_check_is_still_to_come(in_ms: int, said: str) -> None:
    text = text_of(task(State.WAITING, next_check_at_ms=NOW_MS + in_ms))
    assert text.splitlines()[-1] == f"next check {said}"


@given(
    st.sampled_from(State),
    st.lists(
        st.integers(-100_000, 200_000) | st.sampled_from([0, 40, 999, 1_000, 59_999, 86_400_000]), max_size=12
    ),
    st.integers(-70_000, 4_000_000),
    st.booleans(),
)
def test_as_time_goes_by_it_reads_as_if_it_were_made_anew(
    state: State, steps_ms: list[int], age_ms: int, has_problem: bool
) -> None:
    at_ms = NOW_MS - age_ms
    problem = Problem(ProblemKind.UNREACHABLE, "no answer", since_ms=at_ms + 500) if has_problem else None
    told = task(
        state,
        create_time_ms=at_ms,
        checked_at_ms=at_ms + 700,
        next_check_at_ms=at_ms + 90_000,
        complete_time_ms=at_ms + 5_000 if state.finished else None,
        result_count=int(state is State.SUCCESS),
        problem=problem,
    )
    links = ("https://cdn.example.com/a.png",) if state is State.SUCCESS else ()
    detail, now_ms = TaskDetail(task=told, result_urls=links), NOW_MS

    def text() -> GrowingText:
        return detail_text(detail, lambda _: 32_000, 3_600_000)

    growing = text()
    for step_ms in (0, *steps_ms):
        now_ms += step_ms
        grown, made = growing.at(now_ms), text().at(now_ms)
        assert (grown.plain, grown.spans) == (made.plain, made.spans)

"""The detail's text: what has to stay on one line does."""

from __future__ import annotations

from typing import Any

import pytest

from taskdash.domain.task import State, Task, TaskDetail
from taskdash.ui.text.detail import detail_text

NOW_MS = 1_777_475_100_000
PANE_CELLS = 39
"""The detail's text in a terminal 120 columns wide: 35 percent, less its margins and the scroll bar."""
AGES_MS = [0, 9_000, 59_000, 3_599_000, 86_399_000, 206 * 86_400_000]


def text_of(task: Task) -> str:
    return detail_text(TaskDetail(task=task), NOW_MS, lambda _: None).plain


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

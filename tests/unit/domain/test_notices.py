"""Which ends are news, and what one is told of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.notices import MAX_SINGLE, Batch, Notice, is_news, notices
from taskdash.domain.task import State, Task

ADDED_MS = 1_000_000_000
NEW = Task(seq=-1, profile="p", task_id="task_one", added_at_ms=ADDED_MS)
WAITING = replace(NEW, state=State.WAITING, checks=1)
ENDED = replace(NEW, state=State.SUCCESS, checks=2, finished_at_ms=ADDED_MS + 9_000)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (WAITING, ENDED, True),
        (WAITING, replace(ENDED, complete_time_ms=ADDED_MS - 1), True),
        (WAITING, WAITING, False),
        (ENDED, ENDED, False),
        (NEW, replace(ENDED, complete_time_ms=ADDED_MS), False),
        (NEW, replace(ENDED, complete_time_ms=ADDED_MS + 1), True),
        (NEW, replace(ENDED, state=State.FAIL), False),
        (NEW, replace(ENDED, state=State.FAIL, create_time_ms=ADDED_MS - 5_000), True),
        (NEW, replace(ENDED, state=State.FAIL, create_time_ms=ADDED_MS - 3_600_000), False),
    ],
)
def test_an_end_is_news_unless_the_task_had_ended_when_it_was_added(
    before: Task, after: Task, expected: bool
) -> None:
    assert is_news(before, after) is expected


FAILED = replace(ENDED, state=State.FAIL, fail_msg="no such size")


@pytest.mark.parametrize(
    ("task", "age_ms", "text"),
    [
        (
            replace(ENDED, label="poster", prompt="a red\n fox", cost_time_ms=32_241),
            1_000,
            "✓ success: poster: a red fox (32s)",
        ),
        (FAILED, 7_200_000, "× fail: task_one (2h ago)\nno such size"),
        (replace(FAILED, fail_msg=None, fail_code="E17"), 0, "× fail: task_one\nE17"),
    ],
)
def test_an_end_is_told_with_name_time_age_and_reason(task: Task, age_ms: int, text: str) -> None:
    (notice,) = notices([task], [], ADDED_MS + 9_000 + age_ms)
    assert (notice.text, notice.is_bad) == (text, task.state is State.FAIL)


def test_the_last_of_a_label_is_told_as_the_label() -> None:
    task = replace(ENDED, label="poster")
    other = replace(ENDED, seq=-2, task_id="task_two")
    found = notices([task, other], [Batch("poster", 22, 2, frozenset({-1}))], ADDED_MS)
    assert found == [
        Notice('All 24 tasks of "poster" finished: 22 succeeded, 2 failed', is_bad=True, is_batch=True),
        Notice("✓ success: task_two"),
    ]


def test_marked_tasks_that_are_a_label_are_told_once() -> None:
    task = replace(ENDED, label="poster")
    marked = Batch(None, 2, 0, frozenset({-1, -7}))
    found = notices([task], [Batch("poster", 2, 0, frozenset({-1})), marked], ADDED_MS)
    assert [notice.text for notice in found] == ['All 2 tasks of "poster" finished: 2 succeeded']
    found = notices([task], [Batch("poster", 3, 0, frozenset({-1})), marked], ADDED_MS)
    assert [notice.text for notice in found][1:] == ["All 2 marked tasks finished: 2 succeeded"]


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([None, "a", "b"]), st.text()), max_size=20),
    st.sets(st.sampled_from(["a", "b"])),
)
def test_messages_stay_few_and_leave_no_end_out(
    ends: list[tuple[bool, str | None, str]], complete: set[str]
) -> None:
    news = [
        replace(ENDED if good else FAILED, seq=n, task_id=f"id-{n}", label=label, prompt=prompt)
        for n, (good, label, prompt) in enumerate(ends)
    ]
    batches = [
        Batch(label, 2, 0, frozenset(task.seq for task in news if task.label == label))
        for label in sorted(complete)
    ]
    found = notices(news, batches, ADDED_MS)
    single = [task for task in news if task.label not in complete]
    rest = found[len(batches) :]
    assert len(rest) == (len(single) if len(single) <= MAX_SINGLE else 1)
    if len(single) > MAX_SINGLE:
        good = sum(task.state is State.SUCCESS for task in single)
        bad = len(single) - good
        told = [f"{good} succeeded"] * (good > 0) + [f"{bad} failed"] * (bad > 0)
        assert rest[0].text == f"{len(single)} tasks finished: {', '.join(told)}"
        assert rest[0].is_bad == rest[0].is_batch == (bad > 0)
    else:
        assert [notice.is_bad for notice in rest] == [task.state is State.FAIL for task in single]

"""Tests how far a batch is, how long it still takes, and what is said when its tasks have finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.batches import MAX_SINGLE, Batch, Notice, Progress, UnfinishedKind, notices, progress_of
from taskdash.domain.task import State, Task
from taskdash.domain.usual import Usual

NOW_MS = 1_777_475_100_000
USUAL = Usual(30_000, 40_000, 90_000)
"""Three quarters of such tasks stay within 40 s."""


def waiting(oldest_s: int, youngest_s: int, model: str = "image") -> UnfinishedKind:
    return UnfinishedKind(model, None, NOW_MS - oldest_s * 1000, NOW_MS - youngest_s * 1000)


def knowing(usual: Usual | None) -> Callable[[str | None, str | None], Usual | None]:
    return lambda model, _: usual if model == "image" else None


def ends(*ago_s: int) -> tuple[int, ...]:
    return tuple(NOW_MS - s * 1000 for s in ago_s)


@pytest.mark.parametrize(
    ("kinds", "ended", "usual", "left_s"),
    [
        # By the history: the youngest is what is waited for.
        ([waiting(20, 10)], (), USUAL, 30),
        ([waiting(20, 20)], ends(3, 2, 1), USUAL, 20),
        # Nobody knows: no history, a thin one, one that fewer than half of them bear out, a task beyond it.
        ([waiting(20, 10)], (), None, None),
        ([waiting(20, 10)], (), Usual(30_000, 40_000, 90_000, is_more=True), None),
        ([waiting(41, 10)], (), USUAL, None),
        ([waiting(20, 10), waiting(20, 10, "video")], (), USUAL, None),
        # By its own pace: 12 left, one every 10 s. A task beyond the usual does not matter then.
        ([waiting(500, 500)], ends(42, 32, 22, 12, 2), USUAL, 120),
        ([waiting(500, 500)], ends(32, 22, 12, 2), USUAL, None),
        # Nothing ended for a while: it has none any more.
        ([waiting(500, 500)], ends(142, 132, 122, 112, 102), USUAL, None),
        # Where both tell, the longer one.
        ([waiting(20, 10)], ends(42, 32, 22, 12, 2), USUAL, 120),
    ],
)
def test_the_time_left_is_told_only_where_something_tells_it(
    kinds: Sequence[UnfinishedKind], ended: tuple[int, ...], usual: Usual | None, left_s: int | None
) -> None:
    batch = Progress(label="mugs", done=88, total=100, ends_ms=ended, kinds=tuple(kinds))
    assert batch.left_ms(knowing(usual), NOW_MS) == (left_s and left_s * 1000)


def test_tasks_of_any_labels_are_counted_as_a_batch_is() -> None:
    def task(seq: int, state: State, **more: int | str | None) -> Task:
        given = {"profile": "p", "task_id": f"task_{seq}", "added_at_ms": 1_500, "model": "image", **more}
        return Task(seq=seq, state=state, **given)  # type: ignore[arg-type] # the names are Task's own

    batch = progress_of(
        [
            task(1, State.SUCCESS, create_time_ms=1_000, cost_time_ms=30_000),
            task(2, State.FAIL, complete_time_ms=9_000),
            task(9, State.FAIL, complete_time_ms=1_499),
            task(3, State.FAIL),
            task(4, State.WAITING, create_time_ms=2_000),
            task(5, State.WAITING, create_time_ms=7_000),
            task(6, State.WAITING, model="video", create_time_ms=3_000),
            task(7, State.WAITING, model="video"),
            task(8, State.NEW, model=None),
        ]
    )
    assert (batch.done, batch.total, batch.ends_ms) == (4, 9, (9_000, 31_000))
    assert batch.kinds == (
        UnfinishedKind("image", None, 2_000, 7_000),
        UnfinishedKind("video", None, 1_500, 3_000),
        UnfinishedKind(None, None, 1_500, 1_500),
    )


def test_it_takes_no_less_than_one_check_for_each_task_that_is_left() -> None:
    batch = Progress(label="mugs", done=0, total=120, kinds=(waiting(20, 10),))
    assert batch.left_ms(knowing(USUAL), NOW_MS) == 30_000
    assert batch.left_ms(knowing(USUAL), NOW_MS, 30) == 240_000
    assert batch.left_ms(knowing(USUAL), NOW_MS, 3_000) == 30_000
    assert batch.left_ms(knowing(None), NOW_MS, 30) is None


ADDED_MS = 1_000_000_000
NEW = Task(seq=-1, profile="p", task_id="task_one", added_at_ms=ADDED_MS)
ENDED = replace(NEW, state=State.SUCCESS, checks=2, finished_at_ms=ADDED_MS + 9_000)


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

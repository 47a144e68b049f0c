"""How far a batch is, and how long it still takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from taskdash.domain.progress import Progress, UnfinishedKind, progress_of, time_left
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
        ([UnfinishedKind("image", None, None, None)], (), USUAL, None),
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


@pytest.mark.parametrize(
    ("left_s", "words"),
    [
        (1, "under 1m"),
        (59, "under 1m"),
        (60, "1m"),
        (61, "2m"),
        (5_400, "90m"),
        (5_401, "2h"),
        (90_000, "25h"),
    ],
)
def test_a_time_left_is_rounded_up_to_what_seldom_changes(left_s: int, words: str) -> None:
    assert time_left(left_s * 1000) == f"{words} left"


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
        UnfinishedKind("video", None, None, None),
        UnfinishedKind(None, None, None, None),
    )


def test_it_takes_no_less_than_one_check_for_each_task_that_is_left() -> None:
    batch = Progress(label="mugs", done=0, total=120, kinds=(waiting(20, 10),))
    assert batch.left_ms(knowing(USUAL), NOW_MS) == 30_000
    assert batch.left_ms(knowing(USUAL), NOW_MS, 30) == 240_000
    assert batch.left_ms(knowing(USUAL), NOW_MS, 3_000) == 30_000
    assert batch.left_ms(knowing(None), NOW_MS, 30) is None

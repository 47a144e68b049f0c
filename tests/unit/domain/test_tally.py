"""Counts, rates and percentiles."""

from __future__ import annotations

import pytest

from taskdash.domain.tally import HOUR_MS, TaskFigures, ended_per_hour, histogram, percentile, tally
from taskdash.domain.task import State


@pytest.mark.parametrize(
    ("values", "percent", "result"),
    [
        ([], 50, None),
        ([7], 90, 7),
        ([1, 2], 50, 1),
        ([1, 2, 3], 50, 2),
        (list(range(1, 11)), 90, 9),
        ([1, 2], 100, 2),
    ],
)
def test_percentiles_are_by_nearest_rank(values: list[int], percent: float, result: int | None) -> None:
    assert percentile(values, percent) == result


def test_tasks_are_counted_by_model_the_commonest_first() -> None:
    rows = [
        TaskFigures("b", State.SUCCESS, 30),
        TaskFigures("b", State.FAIL, 99),
        TaskFigures("b", State.SUCCESS, 10),
        TaskFigures("a", State.WAITING),
    ]
    everything, models = tally([*rows, TaskFigures(None, State.NEW)])
    assert [(each.model, each.total) for each in models] == [("b", 3), ("a", 1), (None, 1)]
    assert (models[0].success_rate, models[0].cost_p50_ms, models[0].cost_p90_ms) == (2 / 3, 10, 30)
    assert (models[1].success_rate, models[1].cost_p50_ms) == (None, None)
    assert everything.counts == {State.NEW: 1, State.WAITING: 1, State.SUCCESS: 2, State.FAIL: 1}


def test_of_no_tasks_nothing_is_known() -> None:
    everything, models = tally([])
    assert (everything.total, everything.success_rate, everything.cost_p50_ms, models) == (0, None, None, [])


def test_credits_are_summed_as_far_as_they_are_numbers() -> None:
    said = ["4", "0.5", None, "many", "-3", "nan", "1e400"]
    everything, _ = tally(TaskFigures("m", State.SUCCESS, credits_consumed=text) for text in said)
    assert everything.credits_consumed == 4.5
    assert tally([TaskFigures("m", State.SUCCESS)])[0].credits_consumed is None


def test_a_histogram_counts_every_value_once() -> None:
    assert histogram([0, 1, 4, 5, 9, 10], 2, 0, 10) == [3, 3]
    assert histogram([7, 7, 7], 4, 7, 7) == [3, 0, 0, 0]


def test_ends_are_counted_by_the_hour_back_from_now() -> None:
    now_ms = 100 * HOUR_MS
    ends_ms = [now_ms, now_ms - 1, now_ms - HOUR_MS, now_ms - 3 * HOUR_MS, now_ms + 5]
    outcomes = [TaskFigures("m", State.SUCCESS, ended_at_ms=at_ms) for at_ms in ends_ms]
    waiting = TaskFigures("m", State.WAITING, ended_at_ms=now_ms)
    assert ended_per_hour([*outcomes, waiting, TaskFigures("m", State.FAIL)], now_ms, 3) == [0, 1, 2]

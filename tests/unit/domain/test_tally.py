"""Counts, rates and percentiles."""

from __future__ import annotations

import pytest

from taskdash.domain.tally import percentile, tally
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
        ("b", State.SUCCESS, 30),
        ("b", State.FAIL, 99),
        ("b", State.SUCCESS, 10),
        ("a", State.WAITING, None),
    ]
    everything, models = tally([*rows, (None, State.NEW, None)])
    assert [(each.model, each.total) for each in models] == [("b", 3), ("a", 1), (None, 1)]
    assert (models[0].success_rate, models[0].cost_p50_ms, models[0].cost_p90_ms) == (2 / 3, 10, 30)
    assert (models[1].success_rate, models[1].cost_p50_ms) == (None, None)
    assert everything.counts == {State.NEW: 1, State.WAITING: 1, State.SUCCESS: 2, State.FAIL: 1}


def test_of_no_tasks_nothing_is_known() -> None:
    everything, models = tally([])
    assert (everything.total, everything.success_rate, everything.cost_p50_ms, models) == (0, None, None, [])

"""Counts, rates and percentiles."""

from __future__ import annotations

import time

import pytest

from taskdash.domain.tally import (
    HOUR_MS,
    QUARTER_MS,
    By,
    TaskFigures,
    day_of,
    ended_per_hour,
    histogram,
    percentile,
    tally,
)
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
    assert [(each.name, each.total) for each in models] == [("b", 3), ("a", 1), (None, 1)]
    assert (models[0].success_rate, models[0].cost_p50_ms, models[0].cost_p90_ms) == (2 / 3, 10, 30)
    assert (models[1].success_rate, models[1].cost_p50_ms) == (None, None)
    assert everything.counts == {State.NEW: 1, State.WAITING: 1, State.SUCCESS: 2, State.FAIL: 1}


def test_of_no_tasks_nothing_is_known() -> None:
    everything, models = tally([])
    assert (everything.total, everything.success_rate, everything.cost_p50_ms, models) == (0, None, None, [])


def test_of_credits_what_is_not_told_counts_as_unknown_and_never_as_none() -> None:
    rows = [
        *(TaskFigures("m", State.SUCCESS, credits=amount) for amount in (4.0, 5.5, None)),
        *(TaskFigures("m", State.FAIL, credits=amount) for amount in (2.0, 0.0, None, None)),
        TaskFigures("m", State.WAITING),
    ]
    (everything, _) = tally(rows)
    assert (everything.credits, everything.mean_credits) == (11.5, 4.75)
    assert (everything.without_credits, everything.charged_fails, everything.lost_credits) == (3, 1, 2.0)
    assert everything.remarks == [
        "4.75 credits per success on average",
        "1 failed but charged (2 credits)",
        "3 finished tasks without credits",
    ]
    (small, _) = tally([TaskFigures("m", State.SUCCESS, credits=amount) for amount in (0.004, 0.005)])
    assert (small.credits, small.mean_credits) == (0.009, 0.0045)
    untold, _ = tally([TaskFigures("m", State.SUCCESS), TaskFigures("m", State.FAIL)])
    assert (untold.credits, untold.mean_credits, untold.without_credits, untold.remarks) == (
        None,
        None,
        2,
        [],
    )


def test_days_are_told_the_last_first_and_all_else_the_commonest_first() -> None:
    rows = [TaskFigures(name, State.NEW) for name in ("2026-03-28", "2026-03-28", None, "2026-03-29")]
    assert [(each.name, each.total) for each in tally(rows, By.DAY)[1]] == [
        *(("2026-03-29", 1), ("2026-03-28", 2), (None, 1))
    ]
    assert tally(rows, By.LABEL)[1][0].name == "2026-03-28"


def test_a_day_is_a_local_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    # Of the day on which summer time begins in Berlin.
    midnight = 1_774_738_800_000 // QUARTER_MS
    found = [day_of(midnight - 1), day_of(midnight), day_of(midnight + 4 * 22), day_of(midnight + 4 * 23)]
    monkeypatch.undo()
    time.tzset()
    assert found == ["2026-03-28", "2026-03-29", "2026-03-29", "2026-03-30"]
    assert day_of(10**15) is None


def test_a_histogram_counts_every_value_once() -> None:
    assert histogram([0, 1, 4, 5, 9, 10], 2, 0, 10) == [3, 3]
    assert histogram([7, 7, 7], 4, 7, 7) == [3, 0, 0, 0]


def test_ends_are_counted_by_the_hour_back_from_now() -> None:
    now_ms = 100 * HOUR_MS
    ends_ms = [now_ms, now_ms - 1, now_ms - HOUR_MS, now_ms - 3 * HOUR_MS, now_ms + 5]
    outcomes = [TaskFigures("m", State.SUCCESS, ended_at_ms=at_ms) for at_ms in ends_ms]
    waiting = TaskFigures("m", State.WAITING, ended_at_ms=now_ms)
    assert ended_per_hour([*outcomes, waiting, TaskFigures("m", State.FAIL)], now_ms, 3) == [0, 1, 2]

from __future__ import annotations

import math
import random
import time
from bisect import bisect_left
from dataclasses import replace
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.gateways import TIERS, Limits, allowed
from taskdash.domain.pacing import Budget
from taskdash.domain.schedule import (
    CEILING_PRICE_S,
    FLOOR_PRICE_S,
    age_ms,
    backoff_s,
    is_urgent,
    jitter,
    next_age_s,
    next_check_ms,
    plan_for,
    price_for,
    solve,
    urgency,
)
from taskdash.domain.task import Problem, ProblemKind, State, Task
from taskdash.domain.usual import Durations

IMAGE = "gpt-image-2-text-to-image"
NOW = 1_777_474_689_024
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
PRICE_S = 0.4


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311  # a simulation, no secret


def learned(count: int = 50) -> Durations:
    rng = seeded(1)
    return Durations((IMAGE, None, round(32_000 * math.exp(0.4 * rng.gauss(0, 1)))) for _ in range(count))


LEARNED = learned()


NEW = Task(seq=0, profile="p", task_id="5064bd1a", added_at_ms=NOW)


def with_problem(task: Task, kind: ProblemKind, since_ms: int = NOW) -> Task:
    return replace(task, problem=Problem(kind, "", since_ms))


def waiting(**changes: object) -> Task:
    """A task that was added when it was created, just now, and answered `waiting`."""
    task = replace(
        NEW, state=State.WAITING, raw_state="waiting", model=IMAGE, create_time_ms=NOW, checked_at_ms=NOW
    )
    return replace(task, **changes)  # type: ignore[arg-type]  # the tests name fields of Task


LOST = with_problem(replace(NEW, checked_at_ms=NOW), ProblemKind.NOT_FOUND)


def due_ms(task: Task, now_ms: int, durations: Durations = LEARNED, price_s: float = PRICE_S) -> int:
    following = next_check_ms(task, now_ms, durations, price_s)
    assert following is not None
    return following


def ages_checked(task: Task, until_s: float, durations: Durations = LEARNED) -> list[float]:
    """The seconds after NOW at which a task is checked whose answer never changes."""
    ages: list[float] = []
    while not ages or ages[-1] < until_s:
        assert task.checked_at_ms is not None
        following = due_ms(task, task.checked_at_ms, durations, PRICE_S)
        assert following > task.checked_at_ms
        ages.append((following - NOW) / 1000)
        task = replace(task, checked_at_ms=following)
    return ages


@pytest.mark.parametrize(
    ("task", "following_ms"),
    [
        (NEW, NOW),
        *((waiting(state=state), None) for state in (State.SUCCESS, State.FAIL)),
        *((waiting(state=state, asked_at_ms=NOW), NOW) for state in State),
        *((with_problem(waiting(asked_at_ms=NOW), kind), NOW) for kind in ProblemKind),
        (with_problem(waiting(), ProblemKind.REJECTED), None),
        # A task that vanished has the same grace as a new ID.
        (with_problem(waiting(added_at_ms=NOW - DAY_MS), ProblemKind.NOT_FOUND), NOW + 5000),
    ],
)
def test_what_is_new_or_asked_for_is_checked_at_once_and_what_ended_only_then(
    task: Task, following_ms: int | None
) -> None:
    assert next_check_ms(task, NOW, LEARNED, PRICE_S) == following_ms


def test_no_check_comes_before_a_task_could_be_done() -> None:
    assert ages_checked(waiting(), 20)[0] > 15


def test_checks_are_dense_where_tasks_end_and_thin_out_when_they_are_late() -> None:
    ages = ages_checked(waiting(), 2 * 86_400)
    gaps = {age: following - age for age, following in pairwise(ages)}
    usual = [gap for age, gap in gaps.items() if 25 < age < 50]
    late = [gap for age, gap in gaps.items() if 150 < age < 300]
    stuck = [gap for age, gap in gaps.items() if age > 86_400]
    assert max(usual) < 5
    assert min(late) > max(usual)
    assert min(stuck) >= 3600
    assert len([age for age in ages if age < 3600]) < 120


def test_what_waits_for_weeks_is_checked_ever_more_rarely_but_daily() -> None:
    month_ms = 30 * DAY_MS
    task = waiting(added_at_ms=NOW - month_ms, create_time_ms=NOW - month_ms)
    following = due_ms(task, NOW)
    assert HOUR_MS < following - NOW <= DAY_MS


def test_a_higher_price_buys_fewer_checks() -> None:
    counts = []
    for price_s in (0.1, 0.4, 1.6, 6.4):
        age_s, count = 0.0, 0
        while age_s < 60:
            age_s, count = next_age_s(LEARNED.curve(IMAGE), price_s, age_s), count + 1
        counts.append(count)
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 2 * counts[-1]


@pytest.mark.parametrize("price_s", [0.0, 1e-9, 0.1])
def test_no_task_is_checked_more_than_once_a_second(price_s: float) -> None:
    task, ages = waiting(), []
    for _ in range(100):
        following = due_ms(task, task.checked_at_ms or 0, LEARNED, price_s)
        ages.append(following)
        task = replace(task, checked_at_ms=following)
    assert all(later - before >= 1000 for before, later in pairwise(ages))


def test_the_plan_is_the_optimum() -> None:
    # Against the plain double loop, on a grid small enough for it, with two modes.
    ages = [float(i) for i in range(81)]
    alive = [0.5 * math.exp(-((i / 20) ** 4)) + 0.5 * math.exp(-((i / 60) ** 8)) for i in range(81)]
    price, gap = 0.7, 2.0
    following = solve(ages, alive, price, [gap] * 81)
    area = [sum((alive[j] + alive[j + 1]) / 2 for j in range(i)) for i in range(81)]
    costs = [0.0] * 81
    costs[80] = alive[80] * (price + gap / 2)

    def cost(i: int, j: int) -> float:
        return alive[i] * (price + j - i) - (area[j] - area[i]) + costs[j]

    for i in range(79, -1, -1):
        choices = [j for j in range(i + 1, 81) if j >= i + gap] or [80]
        costs[i] = min(cost(i, j) for j in choices)
        assert cost(i, following[i]) == pytest.approx(costs[i], abs=1e-9)


def test_the_goal_against_asking_every_five_seconds_is_reached() -> None:
    rng = seeded(7)
    lasting_s = [32 * math.exp(0.4 * rng.gauss(0, 1)) for _ in range(4000)]
    fives = fmean(math.ceil(s / 5) for s in lasting_s)
    five_s = fmean(math.ceil(s / 5) * 5 - s for s in lasting_s)

    def tried(price_s: float) -> tuple[float, float]:
        """The mean checks per task, and the mean delay."""
        ages = [0.0]
        while ages[-1] < 3600:
            ages.append(next_age_s(LEARNED.curve(IMAGE), price_s, ages[-1]))
        found = [bisect_left(ages, s) for s in lasting_s]
        return fmean(found), fmean(ages[i] - s for i, s in zip(found, lasting_s, strict=True))

    prices = [0.15 * 1.04**i for i in range(20)]
    checks, delay_s = max(result for result in map(tried, prices) if result[0] <= fives)
    assert checks > fives - 0.3
    assert delay_s <= 0.65 * five_s


def test_an_id_that_is_not_found_is_retried_every_five_seconds_for_half_a_minute() -> None:
    task = LOST
    ages = ages_checked(task, 3 * 86_400)
    assert ages[:6] == [5, 10, 15, 20, 25, 30]
    gaps = [later - before for before, later in pairwise(ages)]
    assert all(later >= before - 0.001 for before, later in pairwise(gaps))
    assert all(gap >= 3600 for age, gap in zip(ages, gaps, strict=False) if age > 4 * 3600)
    assert len(ages) < 90


@pytest.mark.parametrize(
    ("kind", "least_s", "most_s"),
    [
        (ProblemKind.RATE_LIMITED, 1, 5),
        (ProblemKind.UNAUTHORIZED, 5, 60),
        (ProblemKind.UNREACHABLE, 5, 60),
        (ProblemKind.SERVER_ERROR, 5, 900),
        (ProblemKind.NO_CREDITS, 60, 900),
        (ProblemKind.UNREADABLE, 10, 3600),
    ],
)
def test_a_failed_check_is_repeated_ever_more_slowly(
    kind: ProblemKind, least_s: float, most_s: float
) -> None:
    task = with_problem(waiting(), kind)
    ages = [0.0, *ages_checked(task, 6 * 3600)]
    gaps = [later - before for before, later in pairwise(ages)]
    assert least_s <= gaps[0] <= least_s * 1.25 + 0.001
    assert all(later >= before - 0.001 for before, later in pairwise(gaps))
    assert gaps[-1] == pytest.approx(most_s, abs=0.002)


def test_what_failed_together_does_not_come_back_together() -> None:
    waits = {backoff_s(ProblemKind.SERVER_ERROR, 60.0, f"task_{i}") for i in range(100)}
    assert len(waits) == 100
    assert 60 <= min(waits) < 65
    assert 70 < max(waits) <= 75
    assert backoff_s(ProblemKind.SERVER_ERROR, 60.0, "a") == backoff_s(ProblemKind.SERVER_ERROR, 60.0, "a")
    assert 0 <= jitter("\ud800") <= 1


def test_a_state_that_nobody_knows_is_checked_slowly() -> None:
    usual = ages_checked(waiting(), 120)
    assert (
        ages_checked(waiting(raw_state=" GENERATING "), 120)
        == ages_checked(waiting(raw_state=None), 120)
        == usual
    )
    slow = ages_checked(waiting(raw_state="pondering"), 120)
    assert min(later - before for before, later in pairwise(slow)) >= 30
    assert len(slow) < len(usual) / 2


@pytest.mark.parametrize("created_ms", [None, 0, -1, 1_777_474_689, NOW + 5 * DAY_MS, 10**20])
def test_a_create_time_that_cannot_be_is_replaced_by_when_the_task_was_added(created_ms: int | None) -> None:
    assert age_ms(waiting(create_time_ms=created_ms), NOW + 7000) == 7000
    assert ages_checked(waiting(create_time_ms=created_ms), 60) == ages_checked(waiting(), 60)


def test_a_task_that_looks_old_on_arrival_is_not_left_alone_longer_than_it_was_listed() -> None:
    task = waiting(create_time_ms=NOW - 5 * DAY_MS)
    ages = [0.0, *ages_checked(task, 3600)]
    assert all(later - before <= max(10, before) + 0.001 for before, later in pairwise(ages))
    assert len(ages) < 15


def test_a_clock_that_was_set_back_freezes_nothing() -> None:
    task = waiting(
        checked_at_ms=NOW + 10 * DAY_MS, added_at_ms=NOW + 10 * DAY_MS, create_time_ms=NOW + 10 * DAY_MS
    )
    following = due_ms(task, NOW)
    assert NOW <= following <= NOW + 120_000


instants = st.one_of(st.integers(-(10**15), 10**15), st.integers(NOW - 10 * DAY_MS, NOW + 10 * DAY_MS))


@given(
    task=st.builds(
        Task,
        seq=st.just(0),
        profile=st.just("p"),
        task_id=st.text(max_size=20),
        added_at_ms=instants,
        state=st.sampled_from(State),
        raw_state=st.sampled_from([None, "waiting", "odd"]),
        problem=st.none() | st.builds(Problem, st.sampled_from(ProblemKind), st.just(""), instants),
        model=st.sampled_from([None, IMAGE, "sora-2"]),
        create_time_ms=st.none() | instants,
        checked_at_ms=st.none() | instants,
        asked_at_ms=st.none() | instants,
    ),
    now_ms=instants,
)
def test_whatever_the_clocks_say_a_check_is_due_between_now_and_a_day(task: Task, now_ms: int) -> None:
    following = next_check_ms(task, now_ms, LEARNED, PRICE_S)
    if following is None:
        assert task.state.finished or (task.problem and task.problem.kind is ProblemKind.REJECTED)
    else:
        assert now_ms <= following <= now_ms + DAY_MS
    assert math.isfinite(urgency(task, now_ms, LEARNED))
    assert FLOOR_PRICE_S <= price_for([task], now_ms, LEARNED, {10.0: 0, 60.0: 24}) <= CEILING_PRICE_S


def test_what_was_asked_for_goes_first_then_new_ids_then_what_a_check_buys_most() -> None:
    now_ms = NOW + 60_000
    tasks = {
        "asked": waiting(asked_at_ms=NOW, checked_at_ms=now_ms),
        "new": replace(NEW, added_at_ms=now_ms),
        "likely to end": waiting(
            create_time_ms=NOW + 25_000, added_at_ms=NOW + 25_000, checked_at_ms=NOW + 52_000
        ),
        "just started": waiting(
            create_time_ms=NOW + 50_000, added_at_ms=NOW + 50_000, checked_at_ms=NOW + 50_000
        ),
        "stuck": waiting(create_time_ms=NOW - DAY_MS, added_at_ms=NOW - DAY_MS, checked_at_ms=NOW),
    }
    order = sorted(tasks, key=lambda name: -urgency(tasks[name], now_ms, LEARNED))
    assert order[:3] == ["asked", "new", "likely to end"]
    assert [name for name in order if is_urgent(tasks[name])] == ["asked", "new"]


def test_a_crowd_of_new_ids_goes_before_the_running_but_does_not_starve_them() -> None:
    fresh = waiting(create_time_ms=NOW - 30_000, added_at_ms=NOW - 30_000, checked_at_ms=NOW - 3_000)
    starved = replace(fresh, checked_at_ms=NOW - 28_000)
    assert urgency(fresh, NOW, LEARNED) < urgency(NEW, NOW, LEARNED, new_in_line=5000)
    later_ms = NOW + 20_000
    assert urgency(starved, later_ms, LEARNED) > urgency(NEW, later_ms, LEARNED, new_in_line=5000)
    assert urgency(starved, later_ms, LEARNED) < urgency(NEW, later_ms, LEARNED, new_in_line=20)


def test_a_crowd_that_was_asked_for_still_goes_before_a_crowd_of_new_ids() -> None:
    asked = waiting(asked_at_ms=NOW)
    assert urgency(asked, NOW, LEARNED, asked_in_line=5000) > urgency(NEW, NOW, LEARNED, new_in_line=5000)


def test_an_id_that_is_long_not_found_waits_for_those_that_run() -> None:
    lost = replace(LOST, added_at_ms=NOW - 2 * DAY_MS, checked_at_ms=NOW - HOUR_MS)
    running = waiting(create_time_ms=NOW - 32_000, added_at_ms=NOW - 32_000, checked_at_ms=NOW - 8_000)
    assert 0 < urgency(lost, NOW, LEARNED) < urgency(running, NOW, LEARNED) + 1


def test_the_price_rises_with_the_crowd_and_falls_with_the_budget() -> None:
    prices = {
        (tier, active): price_for(
            [waiting()] * active, NOW, LEARNED, Budget(allowed(TIERS[tier], 0.5)).capacity(0.0)
        )
        for tier in ("free", "basic", "standard")
        for active in (0, 1, 15, 50, 300)
    }
    assert prices["standard", 15] == prices["free", 0] == FLOOR_PRICE_S
    assert prices["free", 300] == CEILING_PRICE_S
    for tier in ("free", "basic", "standard"):
        row = [prices[tier, active] for active in (0, 1, 15, 50, 300)]
        assert row == sorted(row)
    for active in (1, 15, 50, 300):
        assert prices["free", active] >= prices["basic", active] >= prices["standard", active]


def test_five_thousand_stuck_or_lost_tasks_do_not_raise_the_price_for_those_that_run() -> None:
    stuck = waiting(create_time_ms=NOW - 5 * DAY_MS, added_at_ms=NOW - 5 * DAY_MS)
    capacity = Budget(Limits(10, 500)).capacity(0.0)
    alone = price_for([waiting()] * 10, NOW, LEARNED, capacity)
    assert price_for([waiting()] * 10 + [stuck, LOST] * 2500, NOW, LEARNED, capacity) == alone


def test_prices_come_in_few_steps_so_that_plans_are_kept() -> None:
    prices = {price_for([waiting()] * active, NOW, LEARNED, {60.0: 24}) for active in range(200)}
    assert len(prices) <= 26
    curve = LEARNED.curve(IMAGE)
    assert plan_for(curve, PRICE_S) is plan_for(curve, PRICE_S)


def test_rescheduling_five_thousand_tasks_is_quick() -> None:
    tasks = [
        waiting(task_id=str(i), model=f"image-{i % 30}", create_time_ms=NOW - 7 * i, checked_at_ms=NOW)
        for i in range(5000)
    ]
    durations = Durations((f"image-{i % 30}", None, 20_000 + 100 * i) for i in range(300))
    for task in tasks[:30]:
        next_check_ms(task, NOW, durations, PRICE_S)
    start_s = time.process_time()
    for task in tasks:
        next_check_ms(task, NOW, durations, PRICE_S)
    # 0.05 s are usual; a plan per task would take ten.
    assert time.process_time() - start_s < 1.0

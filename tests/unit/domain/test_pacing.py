"""Tests how many checks may be sent, and when they pause."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.gateways import Limits
from taskdash.domain.pacing import (
    DEADLINE_S,
    KEY_PAUSE_S,
    LONGEST_PAUSE_S,
    MAX_STEP_S,
    Budget,
    Health,
    Spent,
    kept_for_urgent,
)
from taskdash.domain.record import Answer, Record, Throttle
from taskdash.domain.task import ProblemKind, State


def send(budget: Budget, now_s: float, *, urgent: bool = False) -> bool:
    """Send one check that is answered at once, if it may be sent."""
    if budget.wait_s(now_s, urgent=urgent) > 0:
        return False
    budget.settle(budget.spend(now_s, urgent=urgent), now_s)
    return True


def sent_between(budget: Budget, start_s: float, end_s: float, *, urgent: bool = False) -> int:
    """Ask ten times a second, and count what is let through."""
    ticks = range(round((end_s - start_s) * 10))
    return sum(send(budget, start_s + tick / 10, urgent=urgent) for tick in ticks)


def test_a_check_occupies_its_second_until_a_second_after_its_answer() -> None:
    budget = Budget(Limits(1, 30))
    ticket = budget.spend(0.0)
    assert budget.wait_s(4.0, urgent=True) > 0
    budget.settle(ticket, 4.0)
    assert budget.wait_s(4.9, urgent=True) == pytest.approx(0.12)
    assert budget.wait_s(5.03, urgent=True) == 0.0


def test_scheduled_checks_leave_a_fifth_of_the_minute_to_urgent_ones() -> None:
    budget = Budget(Limits(10, 30))
    assert sent_between(budget, 0.0, 20.0) == 24
    assert budget.wait_s(20.0, urgent=False) > 0
    assert sent_between(budget, 20.0, 40.0, urgent=True) == 6
    assert budget.wait_s(40.0, urgent=True) > 0
    assert budget.used(40.0) == 30


def test_a_crowd_of_urgent_checks_leaves_scheduled_ones_their_turn() -> None:
    budget = Budget(Limits(10, 30))
    assert sent_between(budget, 0.0, 10.0, urgent=True) == 30
    # Whoever asks first when the first of them is a minute old gets the place.
    freed_s = 60.03
    for tick in range(1, 12):
        budget.used(5.0 * tick)
    assert budget.wait_s(freed_s, urgent=False) == 0.0


def test_no_wait_is_longer_than_the_step_that_is_believed() -> None:
    budget = Budget(Limits(1, 1))
    assert send(budget, 0.0)
    assert budget.wait_s(1.0, urgent=False) == MAX_STEP_S


def test_a_check_that_nobody_settles_is_given_up_after_its_deadline() -> None:
    budget = Budget(Limits(1, 30))
    budget.spend(0.0)
    for second in range(int(DEADLINE_S) + 1):
        assert budget.wait_s(float(second), urgent=True) > 0
    assert budget.wait_s(DEADLINE_S + 1.1, urgent=True) == 0.0


def test_what_a_former_process_sent_counts() -> None:
    budget = Budget(Limits(1, 30), [100.5 + i for i in range(24)], 130.0)
    assert budget.used(130.0) == 24
    assert budget.wait_s(130.0, urgent=False) > 0
    assert budget.wait_s(130.0, urgent=True) == 0.0


def test_checks_of_the_future_count_as_sent_now() -> None:
    budget = Budget(Limits(5, 30), [9_001.0 + i for i in range(30)], 100.0)
    assert sent_between(budget, 100.0, 160.0, urgent=True) == 0
    assert send(budget, 160.1, urgent=True)


def test_a_lower_limit_counts_what_was_sent_before() -> None:
    budget = Budget(Limits(10, 60))
    assert sent_between(budget, 0.0, 10.0, urgent=True) == 60
    budget.limits = Limits(10, 30)
    assert budget.limits == Limits(10, 30)
    assert sent_between(budget, 10.0, 60.0, urgent=True) == 0
    assert sent_between(budget, 60.0, 63.0, urgent=True) == 0


@pytest.mark.parametrize("jump_s", [61.0, 3600.0, 1e9])
def test_a_jump_forward_frees_no_more_than_the_step_that_is_believed(jump_s: float) -> None:
    budget = Budget(Limits(10, 30))
    assert sent_between(budget, 0.0, 57.0, urgent=True) == 30
    # The first of the 30 were sent 57 s ago: a believed step of 5 s makes room for them, not for all.
    assert 0 < sum(send(budget, 57.0 + jump_s, urgent=True) for _ in range(40)) <= 20
    just_filled = Budget(Limits(10, 30))
    assert sent_between(just_filled, 0.0, 5.0, urgent=True) == 30
    assert sent_between(just_filled, 5.0 + jump_s, 50.0 + jump_s, urgent=True) == 0


@pytest.mark.parametrize("jump_s", [0.5, 61.0, 1e9])
def test_a_jump_backward_frees_nothing_and_blocks_nothing_for_long(jump_s: float) -> None:
    budget = Budget(Limits(1, 5))
    assert sent_between(budget, 0.0, 10.0, urgent=True) == 5
    assert sent_between(budget, 10.0 - jump_s, 55.0 - jump_s, urgent=True) == 0
    assert sent_between(budget, 55.0 - jump_s, 75.0 - jump_s, urgent=True) == 5


def test_a_clock_that_says_nothing_lets_no_time_pass() -> None:
    budget = Budget(Limits(1, 30))
    assert send(budget, 0.0)
    assert not send(budget, float("nan"))
    assert not send(budget, 0.5)


def test_capacity_counts_what_is_left_and_what_comes_free() -> None:
    budget = Budget(Limits(1, 30))
    assert budget.capacity(0.0) == {10.0: 10, 20.0: 20, 40.0: 24, 60.0: 24}
    assert sent_between(budget, 0.0, 40.0) == 24
    assert budget.capacity(40.0) == {10.0: 0, 20.0: 0, 40.0: pytest.approx(19, abs=1), 60.0: 24}


def test_memory_does_not_grow_with_the_number_of_checks() -> None:
    budget = Budget(Limits(50, 3000))
    for i in range(100_000):
        budget.settle(budget.spend(i / 50), i / 50 + 0.2)
    kept = (budget._minute, budget._minute_scheduled, budget._second, budget._open)
    assert all(len(each) <= 3100 for each in kept)
    assert not budget._open


@dataclass(frozen=True)
class Sending:
    gap_s: float
    latency_s: float
    arrives: float
    urgent: bool


sendings = st.builds(
    Sending,
    gap_s=st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 90)),
    latency_s=st.one_of(st.just(0.0), st.floats(0, 1), st.floats(0, DEADLINE_S)),
    arrives=st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 1)),
    urgent=st.booleans(),
)


def most_within(arrivals_s: list[float], window_s: float) -> int:
    """The most arrivals in any closed window of that length."""
    arrivals_s = sorted(arrivals_s)
    return max(
        (sum(first <= a <= first + window_s for a in arrivals_s[i:]) for i, first in enumerate(arrivals_s)),
        default=0,
    )


@given(
    plan=st.lists(sendings, max_size=60),
    limits=st.builds(Limits, st.integers(1, 4), st.integers(1, 12)),
    restart_at=st.integers(0, 60),
)
def test_no_window_at_the_gateway_ever_holds_more_than_the_limit(
    plan: list[Sending], limits: Limits, restart_at: int
) -> None:
    now_s = 1000.0
    budget = Budget(limits, (), now_s)
    arrivals: list[float] = []
    tickets: list[Spent] = []
    answered_s: list[float] = []
    under_way: list[tuple[float, int]] = []
    for number, sending in enumerate(plan):
        if number == restart_at:
            # Killed and taken over: what has no answer yet died with its process.
            answered_s = [min(at_s, now_s) for at_s in answered_s]
            arrivals = [min(arrival_s, now_s) for arrival_s in arrivals]
            budget, under_way = Budget(limits, answered_s, now_s), []
        goal_s = now_s + sending.gap_s
        while True:
            while under_way and under_way[0][0] <= now_s:
                _, sent = heapq.heappop(under_way)
                budget.settle(tickets[sent], now_s)
                answered_s[sent] = now_s
            wait_s = budget.wait_s(now_s, urgent=sending.urgent)
            if now_s >= goal_s and wait_s == 0:
                break
            soonest = min(now_s + (wait_s or MAX_STEP_S), max(goal_s, now_s + wait_s))
            now_s = max(min([soonest, *[at for at, _ in under_way[:1]]]), now_s + 1e-6)
        tickets.append(budget.spend(now_s, urgent=sending.urgent))
        answered_s.append(math.inf)
        arrivals.append(now_s + sending.arrives * sending.latency_s)
        heapq.heappush(under_way, (now_s + sending.latency_s, len(tickets) - 1))
    assert most_within(arrivals, 1.0) <= limits.per_second
    assert most_within(arrivals, 60.0) <= limits.per_minute


@given(
    steps=st.lists(
        st.one_of(st.floats(0, 0.5), st.floats(-1e6, 1e6), st.floats(allow_nan=True, allow_infinity=True)),
        max_size=200,
    )
)
def test_no_clock_makes_a_burst(steps: list[float]) -> None:
    # Whatever the clock claims, a step is worth 5 s at most.
    budget, now_s, sent, believed_s = Budget(Limits(20, 20)), 0.0, 0, 0.0
    for step in [0.0, *steps]:
        before_s, now_s = now_s, now_s + step
        believed_s += min(now_s - before_s, MAX_STEP_S) if now_s > before_s else 0.0
        sent += sum(send(budget, now_s, urgent=True) for _ in range(25))
    assert sent <= 20 * (1 + believed_s // 60)


@pytest.mark.parametrize(
    ("per_minute", "kept"), [(1, 0), (4, 0), (5, 2), (14, 2), (15, 3), (30, 6), (500, 100)]
)
def test_a_fifth_of_the_minute_is_kept_at_least_two_where_it_has_five(per_minute: int, kept: int) -> None:
    assert kept_for_urgent(Limits(1, per_minute)) == kept


# Pauses

GOOD = Answer(record=Record(state=State.WAITING, raw_state="waiting"))


def says(kind: ProblemKind, retry_after_s: float | None = None) -> Answer:
    throttle = None if retry_after_s is None else Throttle(retry_after_s=retry_after_s)
    return Answer(problem=kind, message=f"it is {kind}", throttle=throttle)


def test_a_good_gateway_forbids_nothing() -> None:
    hold = Health().hold(5.0)
    assert (hold.wait_s, hold.in_flight) == (0.0, None)


def test_a_429_stops_all_until_its_time_is_over_and_is_never_cut_short_by_another() -> None:
    health = Health()
    health.answered(says(ProblemKind.RATE_LIMITED, 17), 100.0, 0.0)
    health.answered(says(ProblemKind.RATE_LIMITED, 2), 101.0, 0.99)
    assert health.hold(101.0, asked=7).wait_s == pytest.approx(16.0)
    assert health.problem(116.9) is ProblemKind.RATE_LIMITED
    assert health.hold(117.0).wait_s == 0.0
    assert health.problem(117.0) is None
    assert health.hold(117.0).in_flight == 1
    health.answered(GOOD, 118.0, 0.0)
    assert health.hold(118.0).in_flight is None


NO = says(ProblemKind.UNAUTHORIZED)


def refused(
    health: Health, task_id: str, at_s: float, *, sent_s: float | None = None, asked: int = 0
) -> None:
    health.answered(NO, at_s, 0.0, task_id=task_id, sent_s=at_s if sent_s is None else sent_s, asked=asked)


def test_one_refusal_is_not_believed_and_has_the_same_id_wait_and_others_go_one_at_a_time() -> None:
    health = Health()
    refused(health, "a", 100.0)
    assert (health.problem(100.0), health.is_key_doubted) == (None, True)
    assert health.hold(100.0, task_id="a").wait_s == pytest.approx(KEY_PAUSE_S)
    assert health.hold(100.0 + KEY_PAUSE_S, task_id="a").wait_s == 0.0
    for hold in (health.hold(100.0), health.hold(100.0, task_id="b"), health.hold(100.0, 1, task_id="a")):
        assert (hold.wait_s, hold.in_flight) == (0.0, 1)
    health.answered(GOOD, 101.0, 0.0, task_id="b")
    assert not health.is_key_doubted
    assert health.hold(101.0, task_id="a").in_flight is None


def test_what_was_under_way_at_the_first_refusal_is_no_second_opinion() -> None:
    health = Health()
    for n in range(8):
        refused(health, f"task_{n}", 100.0 + n / 100, sent_s=99.0)
    assert health.problem(101.0) is None


@pytest.mark.parametrize(("second", "at_s"), [("b", 100.1), ("a", 100.0 + KEY_PAUSE_S)])
def test_a_refusal_is_believed_when_another_id_or_the_same_after_a_pause_says_so(
    second: str, at_s: float
) -> None:
    health = Health()
    refused(health, "a", 100.0)
    refused(health, "a", 100.1, sent_s=100.0)
    assert health.problem(101.0) is None
    refused(health, second, at_s)
    assert health.problem(at_s) is ProblemKind.UNAUTHORIZED
    assert health.key_retry_s(at_s) == pytest.approx(300.0)
    assert health.hold(at_s, task_id="a").wait_s == pytest.approx(300.0)


def test_a_key_that_one_id_alone_speaks_against_is_tried_with_every_other() -> None:
    health = Health()
    refused(health, "a", 100.0)
    refused(health, "a", 110.0)
    hold = health.hold(111.0, task_id="b")
    assert (hold.wait_s, hold.in_flight) == (0.0, 1)
    assert health.hold(111.0).wait_s == 0.0  # so it is worth to look for one
    refused(health, "b", 112.0)
    assert health.hold(113.0, task_id="c").wait_s == pytest.approx(297.0)
    assert health.hold(113.0).wait_s == pytest.approx(297.0)


def test_a_refused_key_is_tried_again_after_5_15_and_60_minutes_and_then_every_hour() -> None:
    health, now_s = Health(), 100.0
    refused(health, "a", now_s)
    pauses_min = []
    for n in range(5):
        refused(health, f"b{n}", now_s)
        pauses_min.append(health.hold(now_s).wait_s / 60)
        now_s += health.hold(now_s).wait_s
    assert pauses_min == pytest.approx([5, 15, 60, 60, 60])
    health.answered(GOOD, now_s, 0.0)
    assert (health.problem(now_s), health.hold(now_s).wait_s) == (None, 0.0)
    refused(health, "a", now_s)
    refused(health, "b", now_s)
    assert health.hold(now_s).wait_s == pytest.approx(300.0)


def test_who_asks_after_the_refusal_is_served_once_and_delays_no_later_try() -> None:
    health = Health()
    refused(health, "a", 100.0, asked=3)
    refused(health, "b", 101.0, asked=3)
    assert health.hold(102.0, 3, task_id="c").wait_s > 0
    hold = health.hold(102.0, 4, task_id="c")
    assert (hold.wait_s, hold.in_flight) == (0.0, 1)
    refused(health, "c", 103.0, asked=4)
    assert health.hold(103.0, 4).wait_s == pytest.approx(298.0)


@pytest.mark.parametrize("answer", [GOOD, says(ProblemKind.NOT_FOUND), says(ProblemKind.REJECTED)])
@pytest.mark.parametrize(
    "kind",
    [ProblemKind.UNAUTHORIZED, ProblemKind.UNREACHABLE, ProblemKind.SERVER_ERROR, ProblemKind.NO_CREDITS],
)
def test_a_proper_answer_ends_every_trouble(kind: ProblemKind, answer: Answer) -> None:
    health = Health()
    health.answered(says(kind), 100.0, 0.0, task_id="a")
    health.answered(says(kind), 100.0, 0.0, task_id="b")
    assert health.problem(100.0) is kind
    health.answered(answer, 101.0, 0.0)
    assert (health.hold(101.0).wait_s, health.hold(101.0).in_flight, health.problem(101.0)) == (
        0.0,
        None,
        None,
    )


def test_a_page_that_is_no_answer_ends_an_outage_but_proves_no_key() -> None:
    health = Health()
    health.answered(says(ProblemKind.UNREACHABLE), 100.0, 0.0)
    health.answered(says(ProblemKind.UNREADABLE), 101.0, 0.0)
    assert health.problem(101.0) is None
    assert health.hold(101.0).in_flight == 1
    refused(health, "a", 102.0)
    refused(health, "b", 102.0)
    health.answered(says(ProblemKind.UNREADABLE), 103.0, 0.0)
    assert health.problem(103.0) is ProblemKind.UNAUTHORIZED


def test_the_pause_of_an_outage_doubles_up_to_a_minute() -> None:
    health, now_s = Health(), 100.0
    pauses = []
    for _ in range(12):
        health.answered(says(ProblemKind.SERVER_ERROR), now_s, 0.5)
        hold = health.hold(now_s)
        assert hold.in_flight == 1
        pauses.append(hold.wait_s)
        now_s += hold.wait_s
    assert pauses[:4] == pytest.approx([1.0, 2.0, 4.0, 8.0])
    assert max(pauses) == pytest.approx(LONGEST_PAUSE_S)


def test_checks_that_fail_together_are_one_failure() -> None:
    health = Health()
    for n in range(30):
        health.answered(says(ProblemKind.UNREACHABLE), 100.0 + n / 100, 0.5, sent_s=99.0)
    assert health.failures == 1
    health.answered(says(ProblemKind.UNREACHABLE), 103.0, 0.5, sent_s=102.0)
    assert health.failures == 2


def test_who_asks_after_the_last_failure_does_not_wait_for_the_pause() -> None:
    health = Health()
    for n in range(5):
        health.answered(says(ProblemKind.UNREACHABLE), 100.0 + n, 0.5, asked=20 + n)
    assert health.hold(105.0).wait_s > 10
    assert health.hold(105.0, asked=24).wait_s > 10
    assert health.hold(105.0, asked=25).wait_s == 0.0


def test_missing_credits_slow_the_schedule_and_not_who_asks() -> None:
    health = Health()
    health.answered(says(ProblemKind.NO_CREDITS), 100.0, 0.0)
    assert health.hold(100.0).wait_s == 60.0
    assert health.hold(100.0, asked=5).wait_s == 0.0
    assert health.hold(160.0).in_flight == 1

from __future__ import annotations

import heapq
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.budget import DEADLINE_S, MAX_STEP_S, Budget, Spent, kept_for_urgent
from taskdash.domain.gateways import Limits


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


def test_a_new_budget_lets_a_check_through_at_once() -> None:
    budget = Budget(Limits(1, 30))
    assert budget.wait_s(100.0, urgent=False) == 0.0
    assert budget.used(100.0) == 0


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


def test_a_hold_stops_everything_until_it_ends_and_is_never_shortened() -> None:
    budget = Budget(Limits(10, 300))
    assert send(budget, 0.0)
    budget.hold(30.0)
    budget.hold(10.0)
    assert sent_between(budget, 4.0, 29.9, urgent=True) == 0
    assert send(budget, 30.1)
    before_any_call = Budget(Limits(10, 300))
    before_any_call.hold(105.0)
    assert [send(before_any_call, now_s) for now_s in (103.0, 105.1)] == [False, True]


@pytest.mark.parametrize("until_s", [float("nan"), float("inf"), float("-inf")])
def test_a_hold_without_an_end_is_ignored(until_s: float) -> None:
    budget = Budget(Limits(10, 300))
    budget.hold(until_s)
    assert send(budget, 1.0)


@pytest.mark.parametrize("past", [(), (Spent(0.0, None),)], ids=["this process", "one that was killed"])
def test_a_check_that_nobody_settles_is_given_up_after_its_deadline(past: tuple[Spent, ...]) -> None:
    budget = Budget(Limits(1, 30), past)
    if not past:
        budget.spend(0.0)
    for second in range(int(DEADLINE_S) + 1):
        assert budget.wait_s(float(second), urgent=True) > 0
    assert budget.wait_s(DEADLINE_S + 1.1, urgent=True) == 0.0


def test_what_a_former_process_sent_counts() -> None:
    past = [Spent(100.0 + i, 100.5 + i) for i in range(24)]
    budget = Budget(Limits(1, 30), past)
    assert budget.used(130.0) == 24
    assert budget.wait_s(130.0, urgent=False) > 0
    assert budget.wait_s(130.0, urgent=True) == 0.0


def test_checks_of_the_future_count_as_sent_now() -> None:
    budget = Budget(Limits(5, 30), [Spent(9_000.0 + i, 9_001.0 + i) for i in range(30)])
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
    kept = (budget._minute, budget._minute_scheduled, budget._sent, budget._second, budget._under_way)
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
    budget, now_s = Budget(limits), 1000.0
    arrivals: list[float] = []
    log: list[Spent] = []
    under_way: list[tuple[float, int]] = []
    for number, sending in enumerate(plan):
        if number == restart_at:
            # Killed and taken over: what has no answer yet never gets one.
            past = [Spent(t.sent_s, t.answered_s, t.urgent) for t in log]
            budget, under_way = Budget(limits, past), []
        goal_s = now_s + sending.gap_s
        while True:
            while under_way and under_way[0][0] <= now_s:
                _, ticket = heapq.heappop(under_way)
                budget.settle(log[ticket], now_s)
            wait_s = budget.wait_s(now_s, urgent=sending.urgent)
            if now_s >= goal_s and wait_s == 0:
                break
            soonest = min(now_s + (wait_s or MAX_STEP_S), max(goal_s, now_s + wait_s))
            now_s = max(min([soonest, *[at for at, _ in under_way[:1]]]), now_s + 1e-6)
        log.append(budget.spend(now_s, urgent=sending.urgent))
        arrivals.append(now_s + sending.arrives * sending.latency_s)
        heapq.heappush(under_way, (now_s + sending.latency_s, len(log) - 1))
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

from __future__ import annotations

import math

import pytest

from taskdash.domain.health import LONGEST_PAUSE_S, Health
from taskdash.domain.task import Answer, ProblemKind, Record, State, Throttle

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


def test_a_refused_key_is_tried_again_once_for_each_who_asks_after_the_refusal() -> None:
    health = Health()
    health.answered(says(ProblemKind.UNAUTHORIZED), 100.0, 0.0, asked=3)
    assert health.hold(1e9).wait_s == math.inf
    assert health.hold(200.0, asked=3).wait_s == math.inf
    hold = health.hold(200.0, asked=4)
    assert (hold.wait_s, hold.in_flight) == (0.0, 1)
    health.answered(says(ProblemKind.UNAUTHORIZED), 201.0, 0.0, asked=4)
    assert health.hold(202.0, asked=4).wait_s == math.inf


@pytest.mark.parametrize("answer", [GOOD, says(ProblemKind.NOT_FOUND), says(ProblemKind.REJECTED)])
@pytest.mark.parametrize(
    "kind",
    [ProblemKind.UNAUTHORIZED, ProblemKind.UNREACHABLE, ProblemKind.SERVER_ERROR, ProblemKind.NO_CREDITS],
)
def test_a_proper_answer_ends_every_trouble(kind: ProblemKind, answer: Answer) -> None:
    health = Health()
    health.answered(says(kind), 100.0, 0.0)
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
    health.answered(says(ProblemKind.UNAUTHORIZED), 102.0, 0.0)
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

from __future__ import annotations

import pytest

from taskdash.domain.health import KEY_PAUSE_S, LONGEST_PAUSE_S, Health
from taskdash.domain.record import Answer, Record, Throttle
from taskdash.domain.task import ProblemKind, State

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

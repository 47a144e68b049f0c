"""Times and lengths in words, and when results expire."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.query import ExpiryTerm, SavedTerm
from taskdash.domain.query_language import parse_filter
from taskdash.domain.task import State, Task
from taskdash.domain.words import (
    Expiry,
    clock,
    countdown,
    elapsed,
    ended_ms,
    expiry_of,
    filter_of,
    length,
    moment,
    notice_ms,
    short_countdown,
    span,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("zone")
@pytest.mark.parametrize(
    ("utc", "shown"),
    [
        ("2026-07-01T12:00:00", "2026-07-01 09:30:00"),
        # The clock goes from 2:00 back to 1:00: in that hour a time alone says nothing.
        ("2026-11-01T03:29:59", "2026-11-01 00:59:59"),
        ("2026-11-01T03:45:00", "2026-11-01 01:15:00 -0230"),
        ("2026-11-01T04:45:00", "2026-11-01 01:15:00 -0330"),
        ("2026-11-01T05:30:00", "2026-11-01 02:00:00"),
        # And from 2:00 forward to 3:00.
        ("2026-03-08T05:29:00", "2026-03-08 01:59:00"),
        ("2026-03-08T05:31:00", "2026-03-08 03:01:00"),
    ],
)
def test_a_moment_is_local_and_not_to_be_mistaken(utc: str, shown: str) -> None:
    assert moment(round(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp() * 1000)) == shown


S, MIN, H, D = 1_000, 60_000, 3_600_000, 86_400_000
DONE = Task(
    seq=-1,
    profile="p",
    task_id="task_one",
    added_at_ms=0,
    state=State.SUCCESS,
    result_count=1,
    complete_time_ms=10 * S,
)


def test_links_live_from_the_end_of_the_task() -> None:
    assert expiry_of(DONE, H) == Expiry(H + 10 * S)


def test_where_the_end_is_not_known_it_is_taken_from_what_is() -> None:
    unknown = replace(DONE, complete_time_ms=None, finished_at_ms=50 * S)
    assert expiry_of(unknown, H) == Expiry(H + 50 * S, is_rough=True)
    counted = replace(unknown, create_time_ms=2 * S, cost_time_ms=30 * S)
    assert expiry_of(counted, H) == Expiry(H + 32 * S, is_rough=True)
    assert expiry_of(replace(unknown, finished_at_ms=None), H) is None


@pytest.mark.parametrize(
    "task",
    [
        replace(DONE, state=State.FAIL),
        replace(DONE, state=State.WAITING),
        replace(DONE, result_count=0),
    ],
)
def test_what_has_no_result_does_not_expire(task: Task) -> None:
    assert expiry_of(task, H) is None


def test_without_a_ttl_nothing_expires() -> None:
    assert expiry_of(DONE, None) is None


@pytest.mark.parametrize(
    ("left_ms", "words", "short"),
    [
        (1, "expires in 1 s", "1s"),
        (40 * S, "expires in 40 s", "40s"),
        (MIN, "expires in 1 min", "1min"),
        (12 * MIN + 59 * S, "expires in 12 min", "12min"),
        (3 * H + 12 * MIN, "expires in 3 h 12 min", "3h 12min"),
        (3 * H, "expires in 3 h", "3h"),
        (2 * D + 3 * H, "expires in 2 d 3 h", "2d 3h"),
        (0, "expired 1 s ago", "expired"),
        (-2 * H, "expired 2 h ago", "expired"),
    ],
)
def test_the_countdown_in_words(left_ms: int, words: str, short: str) -> None:
    expiry = Expiry(5 * D)
    assert countdown(expiry, 5 * D - left_ms) == words
    assert short_countdown(expiry, 5 * D - left_ms) == short


def test_a_rough_countdown_says_so() -> None:
    expiry = Expiry(5 * D, is_rough=True)
    assert countdown(expiry, 5 * D - H) == "expires in about 1 h"
    assert countdown(expiry, 5 * D + H) == "expired about 1 h ago"
    assert short_countdown(expiry, 5 * D - H) == "~1h"


@pytest.mark.parametrize(
    ("ttl_ms", "expected_ms"), [(24 * H, 6 * H), (H, 15 * MIN), (14 * D, D), (4 * D, D), (S, 250)]
)
def test_one_is_warned_a_quarter_of_the_life_before_its_end_and_a_day_at_most(
    ttl_ms: int, expected_ms: int
) -> None:
    assert notice_ms(ttl_ms) == expected_ms
    assert not Expiry(D).is_soon(ttl_ms, D - expected_ms)
    assert Expiry(D).is_soon(ttl_ms, D - expected_ms + 1)
    assert not Expiry(D).is_soon(ttl_ms, D)


@pytest.mark.parametrize(
    ("ttl_ms", "text"),
    [(24 * H, "expires:<6h saved:no"), (H, "expires:<15m saved:no"), (90 * S, "expires:<22s saved:no")],
)
def test_the_filter_for_it_is_one_that_can_be_typed(ttl_ms: int, text: str) -> None:
    assert filter_of(ttl_ms) == text


@given(st.integers(1_000, 3_650 * D))
def test_the_filter_finds_what_is_warned_of(ttl_ms: int) -> None:
    expiry, saved = parse_filter(filter_of(ttl_ms), {"p": ttl_ms})
    assert isinstance(expiry, ExpiryTerm)
    assert saved == SavedTerm(is_saved=False)
    assert expiry.operator == "<"
    assert abs(expiry.span_ms - max(S, notice_ms(ttl_ms))) < S


@given(st.integers(-4_000 * D, 4_000 * D), st.booleans())
def test_every_moment_has_words_that_fit(left_ms: int, is_rough: bool) -> None:
    expiry = Expiry(0, is_rough)
    assert countdown(expiry, -left_ms).startswith("expires in" if left_ms > 0 else "expired")
    assert 0 < len(short_countdown(expiry, -left_ms)) <= 10


def test_when_a_task_ended_is_known_as_well_as_its_times_are() -> None:
    full = replace(DONE, complete_time_ms=5, create_time_ms=1, cost_time_ms=3, finished_at_ms=9)
    without_end = replace(full, complete_time_ms=None)
    without_cost = replace(without_end, cost_time_ms=None)
    tasks = [full, without_end, without_cost, replace(without_cost, finished_at_ms=None)]
    assert [ended_ms(task) for task in tasks] == [5, 4, 9, None]


@pytest.mark.parametrize(
    ("ms", "measured", "narrow", "growing"),
    [
        (0, "0.0 s", "0s", "0s"),
        (400, "0.4 s", "0s", "0s"),
        (32_241, "32.2 s", "32s", "32s"),
        (60_000, "60.0 s", "1m", "1m00s"),
        (99_949, "99.9 s", "1m", "1m30s"),
        (125_000, "2 min 05 s", "2m", "2m00s"),
        (12 * MIN + 30 * S, "12 min 30 s", "12m", "12m"),
        (H + 12 * MIN, "1 h 12 min", "1h", "1h12m"),
        (3 * D + 4 * H, "3 d 04 h", "3d", "3d4h"),
    ],
)
def test_a_length_is_measured_narrow_or_growing(ms: int, measured: str, narrow: str, growing: str) -> None:
    assert (length(ms), span(ms), elapsed(ms)) == (measured, narrow, growing)


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (6.2, "0:07"), (760, "12:40"), (3_723, "1:02:03")]
)
def test_a_time_left_is_shown_as_a_clock_shows_it(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown

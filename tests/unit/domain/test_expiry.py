"""When results expire, and how it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.query import ExpiryTerm, SavedTerm
from taskdash.domain.query_language import parse_filter
from taskdash.domain.task import State, Task
from taskdash.domain.words import (
    Expiry,
    countdown,
    expiry_of,
    filter_of,
    notice_ms,
    short_countdown,
)

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

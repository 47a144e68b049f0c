"""Moments and states in words, and when results expire."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.query import ExpiryTerm, Flag, FlagTerm
from taskdash.domain.query_language import parse_filter
from taskdash.domain.task import State, Task
from taskdash.domain.words import (
    Expiry,
    countdown,
    ended_ms,
    expiry_of,
    filter_of,
    moment,
    notice_ms,
    short_countdown,
    waited_ms,
)


@pytest.fixture
def newfoundland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/St_Johns")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("newfoundland")
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
DONE = replace(
    Task(seq=-1, profile="p", task_id="task_one", added_at_ms=0),
    state=State.SUCCESS,
    result_count=1,
    complete_time_ms=10 * S,
)


SEEN = replace(DONE, complete_time_ms=None, finished_at_ms=50 * S)
COUNTED = replace(SEEN, create_time_ms=2 * S, cost_time_ms=30 * S)


@pytest.mark.parametrize(
    ("task", "end_ms", "expiry"),
    [
        (DONE, 10 * S, Expiry(H + 10 * S)),
        (replace(COUNTED, complete_time_ms=5 * S), 5 * S, Expiry(H + 5 * S)),
        (COUNTED, 32 * S, Expiry(H + 32 * S, is_rough=True)),
        (SEEN, 50 * S, Expiry(H + 50 * S, is_rough=True)),
        (replace(SEEN, finished_at_ms=None), None, None),
        (replace(DONE, state=State.FAIL), 10 * S, None),
        (replace(DONE, state=State.WAITING), 10 * S, None),
        (replace(DONE, result_count=0), 10 * S, None),
    ],
)
def test_links_live_from_the_end_of_a_task_as_well_as_that_is_known(
    task: Task, end_ms: int | None, expiry: Expiry | None
) -> None:
    assert (ended_ms(task), expiry_of(task, H), expiry_of(task, None)) == (end_ms, expiry, None)


@pytest.mark.parametrize(
    ("left_ms", "words", "short"),
    [
        (1, "expires in 1s", "1s"),
        (40 * S, "expires in 40s", "40s"),
        (MIN, "expires in 1m", "1m"),
        (12 * MIN + 59 * S, "expires in 12m", "12m"),
        (7 * MIN + 39 * S, "expires in 7m30s", "7m30s"),
        (3 * H + 12 * MIN, "expires in 3h12m", "3h12m"),
        (3 * H, "expires in 3h", "3h"),
        (2 * D + 3 * H, "expires in 2d3h", "2d3h"),
        (0, "expired 1s ago", "expired"),
        (-2 * H, "expired 2h ago", "expired"),
    ],
)
def test_the_countdown_in_words(left_ms: int, words: str, short: str) -> None:
    sure, rough = Expiry(5 * D), Expiry(5 * D, is_rough=True)
    now_ms = 5 * D - left_ms
    assert (countdown(sure, now_ms), short_countdown(sure, now_ms)) == (words, short)
    about = words.replace("expires in ", "expires in about ").replace("expired ", "expired about ")
    assert countdown(rough, now_ms) == about
    assert short_countdown(rough, now_ms) == (short if short == "expired" else f"~{short}")


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
    [
        (24 * H, "expires:<6h saved:no"),
        (H, "expires:<15m saved:no"),
        (90 * S, "expires:<22s saved:no"),
        (3000 * S, "expires:<12m30s saved:no"),
        (2000 * D, "expires:<24h saved:no"),
    ],
)
def test_the_filter_for_it_is_one_that_can_be_typed(ttl_ms: int, text: str) -> None:
    assert filter_of(ttl_ms) == text


@given(st.integers(1_000, 3_650 * D))
def test_the_filter_finds_what_is_warned_of(ttl_ms: int) -> None:
    expiry, saved = parse_filter(filter_of(ttl_ms), {"p": ttl_ms})
    assert isinstance(expiry, ExpiryTerm)
    assert saved == FlagTerm(Flag.SAVED, is_set=False)
    assert expiry.operator == "<"
    assert abs(expiry.span_ms - max(S, notice_ms(ttl_ms))) < S


@given(st.integers(-4_000 * D, 4_000 * D), st.booleans())
def test_every_moment_has_words_that_fit(left_ms: int, is_rough: bool) -> None:
    expiry = Expiry(0, is_rough)
    assert countdown(expiry, -left_ms).startswith("expires in" if left_ms > 0 else "expired")
    assert 0 < len(short_countdown(expiry, -left_ms)) <= 10


@pytest.mark.parametrize(
    ("waited_for_ms", "told_ms"),
    [
        (-5 * S, 0),
        (59_999, 59 * S),
        (119 * S, 110 * S),
        (599 * S, 590 * S),
        (12 * MIN + 59 * S, 12 * MIN),
        (21 * H + 37 * MIN + 1, 21 * H + 37 * MIN),
    ],
)
def test_a_wait_is_told_in_the_steps_in_which_it_is_read(waited_for_ms: int, told_ms: int) -> None:
    task = replace(DONE, state=State.WAITING, create_time_ms=D)
    assert waited_ms(task, D + waited_for_ms) == told_ms


def test_a_links_own_word_wins_over_the_profiles_and_fresh_links_live_anew() -> None:
    task = Task(
        seq=1,
        profile="p",
        task_id="t",
        added_at_ms=0,
        state=State.SUCCESS,
        result_count=1,
        complete_time_ms=H,
    )
    assert expiry_of(replace(task, result_expires_at_ms=3 * H), 24 * H) == Expiry(3 * H, life_ms=2 * H)
    assert expiry_of(replace(task, result_expires_at_ms=3 * H), None) == Expiry(3 * H, life_ms=2 * H)
    assert expiry_of(replace(task, renewed_at_ms=9 * H), 24 * H) == Expiry(33 * H)
    assert Expiry(3 * H, life_ms=2 * H).is_soon(24 * H, 3 * H - 1)
    assert not Expiry(3 * H, life_ms=2 * H).is_soon(24 * H, 2 * H)

"""Durations, moments and states in words, and when results expire."""

from __future__ import annotations

import re
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.query import ExpiryTerm, Flag, FlagTerm, parse_filter
from taskdash.domain.task import State, Task
from taskdash.domain.words import (
    Expiry,
    age,
    ago,
    amount,
    countdown,
    duration,
    ended_ms,
    expiry_of,
    filter_of,
    moment,
    notice_ms,
    short_countdown,
    time_left,
    waited_ms,
)

S, MIN, H, D = 1_000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("ms", "running", "measured"),
    [
        (None, "–", "–"),
        (-5, "0s", "0s"),
        (0, "0s", "0s"),
        (400, "0s", "0.4s"),
        (4_240, "4s", "4.2s"),
        (5_000, "5s", "5s"),
        (9_949, "9s", "9.9s"),
        (9_950, "9s", "10s"),
        (34_700, "34s", "35s"),
        (59_499, "59s", "59s"),
        (59_500, "59s", "1m"),
        (2 * MIN, "2m", "2m"),
        (112_241, "1m52s", "1m52s"),
        (MIN + 5 * S, "1m5s", "1m5s"),
        (H + 59 * S, "1h", "1h"),
        (21 * H + 37 * MIN + 59 * S, "21h37m", "21h37m"),
        (3 * D + 4 * H + 59 * MIN, "3d4h", "3d4h"),
        (206 * D, "206d", "206d"),
    ],
)
def test_a_duration_has_two_units_at_most(ms: float | None, running: str, measured: str) -> None:
    assert (duration(ms), duration(ms, measured=True)) == (running, measured)


@pytest.mark.parametrize(
    ("ms", "short", "prose"),
    [
        (0, "now", "just now"),
        (-999, "now", "just now"),
        (8 * S, "8s", "8s ago"),
        (MIN - 1, "59s", "59s ago"),
        (2 * MIN + 59 * S, "2m", "2m ago"),
        (21 * H + 37 * MIN, "21h", "21h ago"),
        (206 * D, "206d", "206d ago"),
        (-5 * S, "in 5s", "in 5s"),
        (-90 * MIN, "in 1h", "in 1h"),
    ],
)
def test_an_age_has_one_unit(ms: int, short: str, prose: str) -> None:
    assert (age(ms), ago(D, D + ms)) == (short, prose)


@pytest.mark.parametrize(
    ("left_s", "words"),
    [
        (1, "under 1m"),
        (59, "under 1m"),
        (60, "1m"),
        (61, "2m"),
        (5_400, "90m"),
        (5_401, "2h"),
        (90_000, "25h"),
    ],
)
def test_a_time_left_is_rounded_up_to_what_seldom_changes(left_s: int, words: str) -> None:
    assert time_left(left_s * 1000) == f"{words} left"


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, "–"), (0, "0"), (4.0, "4"), (0.5, "0.5"), (1_234_567.25, "1,234,567.25"), (100, "100")],
)
def test_credits_are_told_whole_and_without_an_idle_fraction(number: float | None, words: str) -> None:
    assert amount(number) == words


def test_what_is_not_known_has_no_age() -> None:
    assert (age(None), ago(None, D)) == ("–", "–")


@given(st.integers(0, 4_000 * D), st.booleans())
def test_every_duration_fits_a_column_and_is_about_right(ms: int, is_measured: bool) -> None:
    words = duration(ms, measured=is_measured)
    assert len(words) <= 8
    units = {"s": S, "m": MIN, "h": H, "d": D}
    parts = re.findall(r"([0-9.]+)([smhd])", words)
    assert "".join(map("".join, parts)) == words
    told_ms = sum(float(count) * units[unit] for count, unit in parts)
    assert abs(told_ms - ms) <= units[parts[0][1]]
    assert len(age(ms)) <= 5


def test_a_moment_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "America/St_Johns")
        time.tzset()
        # One hour before summer time ends, and when it has.
        found = [moment(1_793_500_200_000 + hours * H) for hours in (1, 2)]
    time.tzset()
    assert found == ["2026-11-01 01:00:00", "2026-11-01 01:00:00"]


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
        (2000 * D, "expires:<1d saved:no"),
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
    assert 0 <= max(S, notice_ms(ttl_ms)) - expiry.span_ms < MIN


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

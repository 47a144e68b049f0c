"""Durations and ages in words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.domain.durations import age, ago, amount, duration

S, M, H, D = 1_000, 60_000, 3_600_000, 86_400_000


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
        (2 * M, "2m", "2m"),
        (112_241, "1m52s", "1m52s"),
        (M + 5 * S, "1m5s", "1m5s"),
        (H + 59 * S, "1h", "1h"),
        (21 * H + 37 * M + 59 * S, "21h37m", "21h37m"),
        (3 * D + 4 * H + 59 * M, "3d4h", "3d4h"),
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
        (M - 1, "59s", "59s ago"),
        (2 * M + 59 * S, "2m", "2m ago"),
        (21 * H + 37 * M, "21h", "21h ago"),
        (206 * D, "206d", "206d ago"),
        (-5 * S, "in 5s", "in 5s"),
        (-90 * M, "in 1h", "in 1h"),
    ],
)
def test_an_age_has_one_unit(ms: int, short: str, prose: str) -> None:
    assert (age(ms), ago(D, D + ms)) == (short, prose)


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
    units = {"s": S, "m": M, "h": H, "d": D}
    parts = re.findall(r"([0-9.]+)([smhd])", words)
    assert "".join(map("".join, parts)) == words
    told_ms = sum(float(count) * units[unit] for count, unit in parts)
    assert abs(told_ms - ms) <= units[parts[0][1]]
    assert len(age(ms)) <= 5

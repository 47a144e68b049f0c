"""What is read of an option's value, and what is refused."""

from __future__ import annotations

import click
import pytest

from taskdash.cli.options import length_of_time, seconds_in

TIMES = {
    "0": 0, "90": 90, "1.5": 1.5, "90s": 90, "15m": 900, "2h": 7_200, "0.5h": 1_800, "1m52s": 112, "3d4h": 273_600,
}  # fmt: skip
NO_TIMES = ["", "m", "soon", "2m1h", "1h 2m", " 1", "-1", "+1", "1e3", "15min", "1_0s", "٣s", "1.s", "nan"]


def test_a_length_of_time_is_plain_seconds_or_has_units() -> None:
    assert {text: seconds_in(text) for text in [*TIMES, *NO_TIMES]} == TIMES | dict.fromkeys(NO_TIMES)


def test_what_is_none_or_too_long_is_refused_with_examples() -> None:
    read = length_of_time(365 * 86_400)
    assert read("365d") == 365 * 86_400
    for text in ("366d", "15min", "9" * 12 + "d"):
        with pytest.raises(click.BadParameter, match="use seconds, or 15m, 2h"):
            read(text)

"""Tests what the terminal's title says."""

from __future__ import annotations

import pytest

from taskdash.domain.task import State
from taskdash.ui.terminal import title_of


@pytest.mark.parametrize(
    ("counts", "title"),
    [
        ({}, "taskdash"),
        ({State.SUCCESS: 3}, "taskdash"),
        ({State.WAITING: 3, State.FAIL: 1, State.SUCCESS: 8}, "3 waiting · 1 failed"),
        ({State.NEW: 1_000, State.WAITING: 2}, "1,002 waiting"),
        ({State.FAIL: 1}, "1 failed"),
    ],
)
def test_it_says_what_waits_and_what_failed(counts: dict[State, int], title: str) -> None:
    assert title_of(counts) == title

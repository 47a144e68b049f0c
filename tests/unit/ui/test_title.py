"""The terminal's title: what it says, and that what was there before comes back."""

from __future__ import annotations

import pytest

from taskdash.domain.task import State
from taskdash.ui.terminal import TerminalTitle, title_of


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


def test_the_title_before_is_kept_once_and_brought_back_once() -> None:
    written: list[str] = []
    title = TerminalTitle(written.append, "xterm-256color")
    assert title.ending == ""
    title.take_back()
    title.is_ours = True
    for text in ("1 waiting", "1 waiting", "taskdash"):
        title.show(text)
    assert title.ending == "\x1b[23;2t"
    title.take_back()
    title.take_back()
    title.show("2 waiting")
    title.is_ours = True
    title.show("taskdash")
    expected = ["\x1b[22;2t\x1b]2;1 waiting\x1b\\", "\x1b]2;taskdash\x1b\\", "\x1b[23;2t"]
    assert written == [*expected, "\x1b[22;2t\x1b]2;taskdash\x1b\\"]


@pytest.mark.parametrize("term", ["", "dumb", "linux", "vt100", "vt220-w", "unknown"])
def test_nothing_is_written_where_a_terminal_has_no_title(term: str) -> None:
    written: list[str] = []
    title = TerminalTitle(written.append, term)
    title.show("1 waiting")
    assert (written, title.ending) == ([], "")

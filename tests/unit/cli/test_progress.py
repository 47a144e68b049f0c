"""The progress line says what is done, how fast and how long still, and nothing where no terminal is."""

from __future__ import annotations

import io
import sys

import pytest

from taskdash.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def use_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make stderr a terminal. No fixture: pytest puts its own stderr back between those and the test."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    return shown


def test_the_line_has_a_bar_a_rate_and_the_time_left() -> None:
    line = Progress("checks", 5_000).line(1_250, 62.5)
    assert line == "[#####...............]  1,250 of 5,000 checks  20.0/s  3:08 left"
    assert Progress("tasks", 0).line(30, 0.1) == "30 tasks  300/s"
    assert Progress("checks", 10).line(0, 0.0) == "[....................]  0 of 10 checks"


def test_quick_work_shows_nothing_and_long_work_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    now_s = [0.0]
    with Progress("tasks", 10, now_s=lambda: now_s[0]) as progress:
        progress.show(1)
        assert terminal.getvalue() == ""
        now_s[0] = 0.6
        progress.show(5)
        progress.show(6)
        assert terminal.getvalue().count("of 10") == 1
        assert "5 of 10 tasks" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_dumb_terminal_shows_nothing(monkeypatch: pytest.MonkeyPatch, term: str | None) -> None:
    terminal = use_terminal(monkeypatch)
    monkeypatch.setenv("TERM", term) if term else monkeypatch.delenv("TERM")
    now_s = iter(range(100))
    with Progress("tasks", 10, now_s=lambda: next(now_s)) as progress:
        progress.show(5)
    assert terminal.getvalue() == ""


def test_a_closed_stderr_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Progress("tasks", 10) as progress:
        progress.show(5)
    assert not progress.enabled

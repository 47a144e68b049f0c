"""Progress says what is done, how fast and how long still, on a terminal that can rewrite lines and nowhere else."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator

import pyte
import pytest

from taskdash.cli.output import Progress
from taskdash.results.downloads import DownloadStatus, Running

STATUS = DownloadStatus(
    total=12,
    saved=3,
    running=(Running("満月の夜-1", 50, 100), Running("hero-1", 2_048, None), Running("x" * 60, 0, 10)),
    speed=1_048_576.0,
    left_s=9.2,
)


class Terminal(io.StringIO):
    """A terminal of 80 cells and some rows, on which a screen can be read."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    def isatty(self) -> bool:
        return True

    @property
    def lines(self) -> list[str]:
        screen = pyte.Screen(80, self.rows)
        pyte.Stream(screen).feed(self.getvalue().replace("\n", "\r\n"))
        return [line.rstrip() for line in screen.display if line.strip()]


def use_terminal(monkeypatch: pytest.MonkeyPatch, rows: int = 24) -> Terminal:
    """Make stderr a terminal. No fixture: pytest puts its own stderr back between those and the test."""
    shown = Terminal(rows)
    monkeypatch.setattr(sys, "stderr", shown)
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "LINES": str(rows)}.items():
        monkeypatch.setenv(name, value)
    return shown


def seconds() -> Iterator[float]:
    return (float(n) for n in range(100))


def test_the_words_have_the_time_left() -> None:
    assert Progress(5_000).words(1_250, 62.5) == "1,250/5,000 · 3m8s left"
    assert Progress(300).words(300, 62.5) == "300/300"
    assert Progress(10).words(0, 0.0) == "0/10"
    assert Progress(10, left=lambda: "2m left").words(9, 0.1) == "9/10 · 2m left"
    assert Progress(10, left=lambda: None).words(9, 0.1) == "9/10"


def test_quick_work_shows_nothing_and_long_work_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = use_terminal(monkeypatch)
    now_s = [0.0]
    with Progress(10, now_s=lambda: now_s[0]) as progress:
        progress.show(1)
        assert terminal.getvalue() == ""
        now_s[0] = 0.6
        progress.show(5)
        progress.show(6)
        (line,) = terminal.lines
        assert line == "▰▰▰▰▱▱▱▱ 5/10 · 1s left"
    assert terminal.lines == []


@pytest.mark.parametrize("rows", [2, 4, 24])
def test_downloads_have_a_line_each_as_far_as_there_is_room_and_one_for_all(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    terminal, now_s = use_terminal(monkeypatch, rows), seconds()
    with Progress(now_s=lambda: next(now_s)) as progress:
        for _ in range(3):
            progress.show_downloads(STATUS)
        *files, total = terminal.lines
        assert len(files) == min(3, rows - 2)
        assert total == "▰▰▱▱▱▱▱▱ 3/12 results · 1.0 MiB/s · 10s left"
        if files:
            assert files[0] == "▰▰▰▰▱▱▱▱  50% of 100 B 満月の夜-1"
        progress.clear()
        assert terminal.lines == []


@pytest.mark.parametrize("term", ["dumb", None])
def test_a_dumb_terminal_shows_nothing(monkeypatch: pytest.MonkeyPatch, term: str | None) -> None:
    terminal, now_s = use_terminal(monkeypatch), seconds()
    monkeypatch.setenv("TERM", term) if term else monkeypatch.delenv("TERM")
    with Progress(10, now_s=lambda: next(now_s)) as progress:
        progress.show(5)
    assert terminal.getvalue() == ""


def test_a_closed_stderr_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with Progress(10) as progress:
        progress.show(5)
    assert not progress.enabled

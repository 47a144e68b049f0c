"""The real program in a real pseudo-terminal, against a real loopback server."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi, fail_body, success_body, waiting_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-test-0123456789abcdef"
TASKDASH = [sys.executable, "-m", "taskdash"]
WAITING = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
FAILED = "5f6ff8ea-ae97-4bb8-af5e-752ef4e96c0d"
OTHER = "7a1f0c52-9b1e-4c1b-8f5e-0d6a2f1b9c10"
LINK = "https://cdn.example.com/result.png"


class Home:
    """A user's machine in a temporary folder, with a browser that writes down what it is given."""

    def __init__(self, folder: Path, api: FakeApi) -> None:
        self.folder = folder
        self.visited_file = folder / "visited"
        browser = folder / "browser"
        browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> "{self.visited_file}"\n')
        browser.chmod(0o755)
        self.env = {
            **os.environ,
            "AIGPTIMAGE_API_KEY": KEY,
            "TASKDASH_BASE_URL": api.url,
            "TASKDASH_STORE": str(folder / "list" / "tasks.db"),
            "BROWSER": str(browser),
            "TZ": "UTC",
        }
        self.api = api

    def dashboard(self, columns: int = 120, rows: int = 36, *arguments: str) -> PtyScreen:
        return PtyScreen([*TASKDASH, *arguments], env=self.env, columns=columns, rows=rows, cwd=self.folder)

    def run(self, *arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """One command, without a terminal."""
        command = [*TASKDASH, *arguments]
        return subprocess.run(
            command, env=self.env, input=text or "", capture_output=True, text=True, timeout=30, check=False
        )

    @property
    def visited(self) -> list[str]:
        """The links the browser was given."""
        return self.visited_file.read_text().splitlines() if self.visited_file.exists() else []


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with FakeApi(key=KEY) as api:
        yield Home(tmp_path, api)


def quit_well(screen: PtyScreen, key: str = "q") -> None:
    """Leave by a key; the terminal is as it was."""
    screen.send(key)
    assert screen.wait_exit() == 0
    assert screen.left_behind == []


def test_paste_a_task_watch_it_finish_open_its_link_quit_and_find_it_again(home: Home) -> None:
    # A task that is about to finish is looked at every few seconds.
    home.api.set(WAITING, waiting_body(WAITING, createTime=time.time_ns() // 1_000_000 - 28_000))
    with home.dashboard() as screen:
        screen.wait_for("Nothing on this list yet")
        screen.paste(f"created task {WAITING}\n")
        screen.wait_for("1 new")
        screen.send("\r")
        screen.wait_for("◐ waiting")
        screen.wait_for("A cinematic portrait of a robot painter")
        home.api.set(WAITING, success_body(WAITING, [LINK]))
        screen.wait_for("✓ success", 30)
        screen.wait_for("32.2 s")
        screen.wait_for(LINK)
        screen.send("o")
        screen.wait_for("opened in the browser")
        assert home.visited == [LINK]
        assert KEY not in screen.raw.decode()
        quit_well(screen)
    checks = home.api.count(WAITING)
    with home.dashboard() as screen:
        screen.wait_for(lambda text: "✓ success" in text and "32.2 s" in text and LINK in text)
        screen.send("1")
        screen.wait_for("opened in the browser")
        assert home.visited == [LINK, LINK]
        quit_well(screen, "\x11")
    # A finished task is never asked for again.
    assert home.api.count(WAITING) == checks


def test_the_arrow_keys_of_a_terminal_move_the_cursor(home: Home) -> None:
    home.run("add", WAITING, FAILED, OTHER)
    for task_id, body in ((WAITING, waiting_body(WAITING)), (FAILED, fail_body(FAILED))):
        home.api.set(task_id, body)
    with home.dashboard() as screen:
        screen.wait_for(lambda text: "▌ ◐ waiting" in text and "× fail" in text)
        screen.send("\x1b[B")
        screen.wait_for("▌ × fail")
        screen.wait_for("code 400")
        screen.send("\x1b[A")
        screen.wait_for("▌ ◐ waiting")
        # What a terminal with the kitty keyboard protocol sends for j, and for an arrow.
        screen.send("\x1b[106u")
        screen.wait_for("▌ × fail")
        screen.send("\x1b[1;1A")
        screen.wait_for("▌ ◐ waiting")
        screen.send("\x1b[F")
        screen.wait_for("▌ ○ new")
        quit_well(screen)


def test_keys_typed_ahead_are_not_lost(home: Home) -> None:
    with home.dashboard() as screen:
        screen.wait_for("Nothing on this list yet")
        screen.send("a")
        screen.wait_for("Add tasks")
        screen.send(OTHER)
        screen.wait_for("1 new")
        screen.send("\r")
        screen.wait_for("○ new")
        assert home.run("list", "--ids").stdout.split() == [OTHER]
        screen.send("/fox")
        screen.wait_for("No task matches the filter")
        screen.send("\x1b")
        screen.wait_for("○ new")
        quit_well(screen)


def test_enter_is_enter_before_the_program_has_the_terminal(home: Home) -> None:
    home.run("add", WAITING, OTHER)
    with home.dashboard() as screen:
        # Until then the terminal turns it into a line feed.
        screen.send(f"/{OTHER[:12]}\rt")
        screen.wait_for("Statistics")
        screen.send("\x1b")
        screen.wait_for(lambda text: "Statistics" not in text and "All 1" in text)
        quit_well(screen)


@pytest.mark.parametrize("text", [OTHER, f"taskId: {OTHER}", f"{OTHER}\r", f'{{"taskId":"{OTHER}"}}'])
def test_a_paste_without_its_brackets_opens_the_dialog_and_is_no_keys(home: Home, text: str) -> None:
    home.api.set(WAITING, success_body(WAITING, [LINK, *(f"{LINK}?{n}" for n in range(9))]))
    home.run("add", WAITING)
    with home.dashboard() as screen:
        screen.wait_for("✓ success")
        screen.send(text)
        screen.wait_for(lambda shown: "Add tasks" in shown and "1 new" in shown)
        screen.send("\x1b")
        screen.wait_for_none("Add tasks")
        quit_well(screen)
    assert home.visited == []
    assert home.run("list", "--ids").stdout.split() == [WAITING]


def test_the_palette_may_be_the_first_thing_that_is_asked_for(home: Home) -> None:
    with home.dashboard() as screen:
        screen.send(":")
        screen.wait_for("Search for commands")
        screen.send("theme")
        screen.wait_for("Change the colours")
        screen.send("\r")
        screen.wait_for("Search for themes")
        screen.send("gruv")
        screen.wait_for(lambda text: "  gruvbox" in text and "nord" not in text)
        screen.send("\x1b")
        screen.wait_for("Nothing on this list yet")
        quit_well(screen)


def test_a_resize_is_followed_also_where_the_shell_exports_a_size(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    home.api.set(WAITING, success_body(WAITING, [LINK]))
    home.run("add", WAITING)
    with home.dashboard() as screen:
        screen.wait_for(lambda text: "✓ success" in text and LINK in text)
        for columns, rows in ((80, 24), (200, 60), (40, 12), (120, 36)):
            screen.resize(columns, rows)
            screen.wait_for_line(rows - 1, "q quit")
            screen.wait_for("✓ success")
            assert all(len(line) <= columns for line in screen.lines)
        quit_well(screen)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT])
def test_a_signal_ends_it_with_128_plus_its_number_and_a_good_terminal(
    home: Home, number: signal.Signals
) -> None:
    with home.dashboard() as screen:
        screen.wait_for("Nothing on this list yet")
        screen.signal(number)
        assert screen.wait_exit() == 128 + number
        assert screen.left_behind == []
        assert "Traceback" not in screen.text


def test_ctrl_c_quits_with_exit_code_0(home: Home) -> None:
    with home.dashboard() as screen:
        screen.wait_for("Nothing on this list yet")
        quit_well(screen, "\x03")


def test_a_terminal_that_goes_away_ends_it(home: Home) -> None:
    with home.dashboard() as screen:
        screen.wait_for("Nothing on this list yet")
        screen.hang_up()
        assert screen.wait_exit() == 128 + signal.SIGHUP


@pytest.mark.parametrize("arguments", [(), ("--store", "elsewhere.db")])
def test_without_a_terminal_it_says_so_in_one_line_and_exits_2(
    home: Home, arguments: tuple[str, ...]
) -> None:
    done = home.run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "terminal" in done.stderr


def test_a_script_adds_and_removes_and_the_open_dashboard_shows_it(home: Home) -> None:
    home.run("add", WAITING)
    home.api.set(WAITING, waiting_body(WAITING))
    with home.dashboard() as screen:
        screen.wait_for("▌ ◐ waiting")
        assert home.run("add", OTHER).returncode == 0
        screen.wait_for("○ new", 2)
        screen.wait_for("▌ ◐ waiting", 2)
        quit_well(screen)


def test_a_server_that_dies_is_said_and_the_list_stays_usable(tmp_path: Path) -> None:
    server = FakeApi({WAITING: waiting_body(WAITING)}, key=KEY)
    server.__enter__()
    home = Home(tmp_path, server)
    home.run("add", WAITING)
    with home.dashboard() as screen:
        try:
            screen.wait_for("◐ waiting")
        finally:
            server.__exit__(None, None, None)
        screen.send("r")
        screen.wait_for("Offline", 20)
        screen.wait_for("The list stays usable")
        screen.send("\r")
        screen.wait_for(lambda text: "Prompt" in text and "costTime" not in text)
        screen.send("\x1b")
        screen.wait_for("costTime")
        screen.paste(OTHER)
        screen.wait_for("1 new")
        screen.send("\r")
        screen.wait_for("○ new")
        with FakeApi({WAITING: success_body(WAITING, [LINK])}, key=KEY, port=server.port):
            screen.send("R")
            screen.wait_for("✓ success", 30)
            screen.wait_for(lambda text: "Offline" not in text)
        quit_well(screen)
    with home.dashboard() as again:
        again.wait_for(lambda text: "✓ success" in text and "○ new" in text)
        quit_well(again)


def test_a_kill_in_the_middle_loses_nothing(home: Home) -> None:
    home.api.set(WAITING, success_body(WAITING, [LINK]))
    with home.dashboard() as screen:
        screen.wait_for("Nothing on this list yet")
        screen.paste(f"{WAITING} {FAILED} {OTHER}")
        screen.wait_for("3 new")
        screen.send("\r")
        screen.wait_for("All 3")
        screen.wait_for("✓ success")
        screen.signal(signal.SIGKILL)
        assert screen.wait_exit() == -signal.SIGKILL
    assert home.run("list", "--ids").stdout.split() == [WAITING, FAILED, OTHER]
    with home.dashboard() as screen:
        screen.wait_for(lambda text: "All 3" in text and "✓ success" in text)
        quit_well(screen)


def test_without_a_key_the_banner_names_the_variable_and_the_list_works(home: Home) -> None:
    home.run("add", WAITING)
    del home.env["AIGPTIMAGE_API_KEY"]
    with home.dashboard() as screen:
        screen.wait_for("AIGPTIMAGE_API_KEY")
        screen.wait_for("○ new")
        screen.send("x")
        screen.wait_for("Remove this task")
        screen.send("y")
        screen.wait_for("Nothing on this list yet")
        screen.send("z")
        screen.wait_for("○ new")
        quit_well(screen)
    assert home.api.count() == 0


def test_a_wrong_key_is_said_once_and_not_tried_on_and_on(home: Home) -> None:
    home.env["AIGPTIMAGE_API_KEY"] = "sk-wrong-0123456789"
    home.run("add", WAITING, FAILED, OTHER)
    with home.dashboard() as screen:
        screen.wait_for("Unauthorized")
        assert "sk-wrong" not in screen.text
        until_s = time.monotonic() + 1.0
        with pytest.raises(AssertionError):
            home.api.wait_for(lambda: home.api.count() > 3, until_s - time.monotonic())
        quit_well(screen)


def test_removing_needs_a_y_and_a_stray_enter_does_no_harm(home: Home) -> None:
    home.run("add", WAITING)
    with home.dashboard() as screen:
        screen.wait_for("○ new")
        screen.send("x\r\r")
        screen.wait_for("Remove this task")
        screen.send("n")
        screen.wait_for(lambda text: "Remove this task" not in text)
        assert home.run("list", "--ids").stdout.split() == [WAITING]
        screen.send("x")
        screen.wait_for("Remove this task")
        screen.send("y")
        screen.wait_for("Nothing on this list yet")
        assert home.run("list", "--ids").stdout.split() == []
        quit_well(screen)


def test_the_dashboard_writes_only_where_it_was_told_and_for_its_user_only(home: Home) -> None:
    with home.dashboard() as screen:
        screen.wait_for("Nothing on this list yet")
        screen.paste(WAITING)
        screen.wait_for("1 new")
        screen.send("\r")
        screen.wait_for(lambda text: "Statistics" not in text and "All 1" in text)
        quit_well(screen)
    store = home.folder / "list"
    assert store.stat().st_mode & 0o777 == 0o700
    for written in home.folder.rglob("*"):
        if written.is_file() and written.name != "browser":
            assert written.stat().st_mode & 0o077 == 0, written


def test_on_finish_runs_beside_the_dashboard_and_may_end_after_it(home: Home) -> None:
    told = home.folder / "told"
    config = home.folder / "config.toml"
    text = (
        f"echo begun $TASKDASH_STATE >> {told}; sleep 1; echo ended ${{AIGPTIMAGE_API_KEY-no key}} >> {told}"
    )
    config.write_text(f'on_finish = ["sh", "-c", "{text}"]\n', "utf-8")
    home.env["TASKDASH_CONFIG"] = str(config)
    home.api.set(WAITING, [waiting_body(WAITING), success_body(WAITING)])
    home.run("add", WAITING)
    with home.dashboard() as screen:
        screen.wait_for("◐ waiting")
        screen.send("r")
        screen.wait_for("✓ success")
        deadline_s = time.monotonic() + 10
        while not told.exists():
            assert time.monotonic() < deadline_s, "the command does not run"
            time.sleep(0.02)
        screen.send("q")
        assert screen.wait_exit() == 0
    assert told.read_text().splitlines() == ["begun success", "ended no key"]


def test_ctrl_c_ends_the_wait_for_on_finish(home: Home) -> None:
    told = home.folder / "told"
    config = home.folder / "config.toml"
    config.write_text(f'on_finish = ["sh", "-c", "echo begun >> {told}; exec sleep 60"]\n', "utf-8")
    home.env["TASKDASH_CONFIG"] = str(config)
    home.api.set(WAITING, [waiting_body(WAITING), success_body(WAITING)])
    home.run("add", WAITING)
    with home.dashboard() as screen:
        screen.wait_for("◐ waiting")
        screen.send("r")
        screen.wait_for(lambda _: told.exists())
        screen.send("q")
        screen.wait_for("Ctrl+C ends it")
        began_s = time.monotonic()
        screen.send("\x03")
        assert screen.wait_exit() == 0
        # Of its own accord it waits 10 s.
        assert time.monotonic() - began_s < 6


@contextlib.contextmanager
def locked(home: Home) -> Iterator[sqlite3.Connection]:
    """Have another program hold the list for the block, as a long import does."""
    other = sqlite3.connect(home.folder / "list" / "tasks.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield other
    finally:
        other.close()


def test_opened_on_a_locked_list_it_says_so_at_once_and_comes_up_when_that_is_free(home: Home) -> None:
    home.run("add", WAITING)
    with contextlib.ExitStack() as lock:
        lock.enter_context(locked(home))
        with home.dashboard() as screen:
            screen.wait_for("Another program has locked the list")
            # A key of the list does nothing yet, and a resize is followed.
            screen.send("ax?")
            screen.resize(80, 24)
            screen.wait_for("Another program has locked the list")
            assert "Add tasks" not in screen.text
            screen.paste(OTHER)
            screen.wait_for("What you pasted is kept")
            lock.close()
            screen.wait_for("1 new")
            screen.send("\x1b")
            screen.wait_for(lambda text: "○ new" in text and "q quit" in text)
            screen.send("a")
            screen.wait_for("Add tasks")
            screen.send("\x1b")
            screen.wait_for_none("Add tasks")
            quit_well(screen)


@pytest.mark.parametrize("key", ["q", "\x11", "\x03"])
def test_who_does_not_want_to_wait_for_a_locked_list_quits(home: Home, key: str) -> None:
    home.run("add", WAITING)
    with locked(home), home.dashboard() as screen:
        screen.wait_for("Another program has locked the list")
        quit_well(screen, key)


def test_a_list_that_is_a_newer_one_after_the_wait_ends_it_with_a_word_and_code_6(home: Home) -> None:
    home.run("add", WAITING)
    with locked(home) as other, home.dashboard() as screen:
        screen.wait_for("Another program has locked the list")
        other.execute("PRAGMA user_version = 999")
        other.execute("COMMIT")
        assert screen.wait_exit() == 6
        assert screen.left_behind == []
        screen.wait_for("upgrade taskdash")

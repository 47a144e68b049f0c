"""The dashboard as a job of a real shell: stopped, sent to the background and brought back."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.command import Command
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi, waiting_body

SHELLS: Final = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "dash": ["dash", "-i"],
}
PROMPT: Final = "shell>"
IDS: Final = [f"task_{number:032x}" for number in range(30)]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with FakeApi() as server:
        for task_id in IDS:
            server.set(task_id, waiting_body(task_id, createTime=time.time_ns() // 1_000_000))
        yield server


@pytest.fixture
def taskdash(tmp_path: Path, api: FakeApi) -> Command:
    return Command(tmp_path, api, per_second=20)


def in_shell(taskdash: Command, shell: str = "bash") -> PtyScreen:
    """An interactive shell in a terminal of its own, in which `$dash` opens the dashboard."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    return PtyScreen(
        SHELLS[shell],
        env=taskdash.environment({"PS1": PROMPT, "PROMPT": PROMPT, "HISTFILE": "/dev/null"}),
        cwd=taskdash.folder,
    )


def dashboard(taskdash: Command) -> str:
    return shlex.join(taskdash.line())


def states(taskdash: Command) -> dict[int, str]:
    """The processes that have this list open, by number, with their states."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            if str(taskdash.store).encode() in line and b"taskdash" in b"".join(line.split(b"\0")[:2]):
                found[int(folder.name)] = state
    return found


def open_in(screen: PtyScreen, taskdash: Command, command: str = "") -> None:
    """Have the shell run a command, the dashboard by default, and wait for the list."""
    screen.wait_for(PROMPT)
    continue_with(screen, command or dashboard(taskdash))


def continue_with(screen: PtyScreen, command: str) -> None:
    """Have the shell run a command that brings the dashboard up, and wait for the list."""
    mark = len(screen.raw)
    screen.send(f"{command}\r")
    wait_until_drawn(screen, mark)


def wait_until_drawn(screen: PtyScreen, mark: int) -> None:
    """Wait until the list and the footer were drawn since so many bytes."""
    screen.wait_for(lambda _: all(each in screen.raw[mark:] for each in (b"waiting", b"quit")), 30)


def stop(screen: PtyScreen, taskdash: Command, keys: str = "\x1a") -> None:
    """Press Ctrl+Z, and wait until the shell is back."""
    prompts = screen.raw.count(PROMPT.encode())
    screen.send(keys)
    screen.wait_for(lambda _: screen.raw.count(PROMPT.encode()) > prompts, 30)
    wait_until_stopped(screen, taskdash)
    assert_given_back(screen)


def assert_given_back(screen: PtyScreen) -> None:
    """The terminal is as the shell wants it; these it has switched on itself."""
    assert set(screen.left_behind) <= {"bracketed paste", "terminal modes"}


def wait_until_stopped(screen: PtyScreen, taskdash: Command) -> None:
    screen.wait_for(lambda _: set(states(taskdash).values()) == {"T"}, 20)


def quit_well(screen: PtyScreen, taskdash: Command) -> None:
    """Leave, with exit code 0 and a terminal as the shell wants it."""
    screen.send("q", shows=lambda _: not states(taskdash))
    screen.send("echo code $?\r", shows="code 0")
    assert_given_back(screen)


def test_a_stopped_dashboard_leaves_the_list_to_everybody_else(taskdash: Command) -> None:
    taskdash("add", *IDS)
    with in_shell(taskdash) as screen:
        open_in(screen, taskdash)
        for turn in range(4):
            time.sleep(turn * 0.074)
            stop(screen, taskdash)
            for arguments in (("add", f"task_{turn + 1000:032x}"), ("list", "--ids")):
                taskdash.ok(*arguments)
            continue_with(screen, "fg")
            # It leads no longer: whoever wants a task checked need not wait for it.
        taskdash.ok("check", IDS[0])


def test_it_stops_while_another_process_has_the_list_locked(taskdash: Command) -> None:
    taskdash("add", *IDS)
    with in_shell(taskdash) as screen:
        open_in(screen, taskdash)
        with taskdash.locked():
            screen.wait_for("Another program has locked the list")
            stop(screen, taskdash)
        taskdash.ok("check", IDS[0])
        continue_with(screen, "fg")


@pytest.mark.parametrize("shell", SHELLS)
def test_it_comes_up_when_it_is_brought_from_the_background(taskdash: Command, shell: str) -> None:
    taskdash("add", *IDS)
    with in_shell(taskdash, shell) as screen:
        screen.wait_for(PROMPT)
        screen.send(f"{dashboard(taskdash)} &\r")
        wait_until_stopped(screen, taskdash)
        continue_with(screen, "fg")
        stop(screen, taskdash)
        continue_with(screen, "fg")
        screen.send("\x1b[B", shows=IDS[1])
        stop(screen, taskdash)
        # In the background it has no use for its terminal: it stops again.
        stop(screen, taskdash, "bg\r")
        taskdash.ok("list")
        continue_with(screen, "fg")
        quit_well(screen, taskdash)


def test_ctrl_z_stops_the_whole_job(taskdash: Command) -> None:
    taskdash("add", *IDS)
    with in_shell(taskdash) as screen:
        open_in(screen, taskdash, f"sh -c {shlex.quote(dashboard(taskdash) + '; echo ended with $?')}")
        stop(screen, taskdash)
        continue_with(screen, "fg")
        # The terminal has the shell's title while it stands, and ours again after.
        screen.wait_for(lambda _: screen.raw.count(b"\x1b]2;30 waiting") == 2)
        screen.send("q", shows="ended with 0")
        assert_given_back(screen)


def test_a_signal_that_stops_it_does_what_the_key_does(taskdash: Command) -> None:
    taskdash("add", *IDS)
    with in_shell(taskdash) as screen:
        open_in(screen, taskdash)
        (pid,) = states(taskdash)
        for number in (signal.SIGTSTP, signal.SIGSTOP):
            os.kill(pid, number)
            screen.wait_for(lambda _: set(states(taskdash).values()) == {"T"})
            continue_with(screen, "fg")
        quit_well(screen, taskdash)


@pytest.mark.parametrize("within", [(), ("sh", "-c", '"$0" "$@"; exit $?')], ids=["itself", "by a script"])
def test_where_no_shell_can_continue_it_ctrl_z_says_so_and_does_nothing(
    taskdash: Command, within: tuple[str, ...]
) -> None:
    taskdash("add", *IDS)
    with taskdash.dashboard(within=within) as screen:
        screen.wait_for(lambda text: text.count("waiting") >= 20)
        screen.send("\x1a", shows="Cannot suspend: not started from a shell.")
        for pid in states(taskdash):
            os.kill(pid, signal.SIGTSTP)
        screen.send("?", shows="Help")
        assert "T" not in states(taskdash).values()
        screen.send("\x1b", hides="Help")
        screen.quit()


ORPHANING: Final = """
import os, sys, time
if os.fork() == 0:
    os.setpgid(0, 0)
    parent = os.getpid()
    if os.fork() == 0:
        while os.getppid() == parent:
            time.sleep(0.01)
        code = os.spawnv(os.P_WAIT, sys.argv[1], sys.argv[1:])
        print("code", code, flush=True)
    os._exit(0)
os.wait()
time.sleep(60)
"""
"""Runs a program in the background of its terminal, where nobody brings it to the foreground."""


def test_in_the_background_of_no_shell_it_says_that_it_needs_a_terminal(taskdash: Command) -> None:
    with taskdash.dashboard(within=(sys.executable, "-c", ORPHANING)) as screen:
        screen.wait_for("code 2", 30)
        screen.wait_for("needs a terminal")

"""Terminals that answer the dashboard's questions as each one does: late, twice, with nonsense, or never."""

from __future__ import annotations

import fcntl
import struct
import termios
import time
from pathlib import Path

import pytest
from tests.command import Command
from tests.pty_screen import PtyScreen
from tests.unit.ui.test_terminal_answers import DARK, LIGHT, TERMINALS

ASKED = b"\x1b[c"
PATIENT = """
from taskdash.cli import doctor
from taskdash.ui import terminal, terminal_answers
doctor.WAIT_S = terminal.WAIT_S = terminal_answers.WAIT_S = 20
"""
"""A machine that is busy must not be what is late."""
NONSENSE = "".join(said for said, _ in TERMINALS.values())


def dashboard(folder: Path, patience: str = PATIENT, **terminal: str) -> PtyScreen:
    taskdash = Command(folder)
    taskdash.config.write_text('view.theme = "auto"\n')
    return taskdash.dashboard(
        env={"COLORTERM": "truecolor", "XDG_STATE_HOME": str(folder), **terminal},
        spoilt_by=patience,
    )


def is_light(screen: PtyScreen) -> bool:
    """Whether the ground of most of the screen is."""
    ground = screen.looks[20][60].bg
    return len(ground) == 6 and sum(bytes.fromhex(ground)) > 3 * 127


def wait_until_asked(screen: PtyScreen) -> None:
    screen.wait_for(lambda _: ASKED in screen.raw)


def test_auto_follows_a_light_background_and_keys_around_the_answer_arrive_in_order(tmp_path: Path) -> None:
    with dashboard(tmp_path) as screen:
        wait_until_asked(screen)
        # The questions come after the first frame.
        assert screen.raw.index(b"No tasks yet") < screen.raw.index(b"\x1b]11;?") < screen.raw.index(ASKED)
        assert not is_light(screen)
        screen.send(f"/fo{LIGHT[:9]}")
        screen.send(f"{LIGHT[9:]}x\x1b[?62;c-y", shows="fox-y")
        screen.wait_for(lambda _: is_light(screen))
        # It was said to be complete: what it says later is not followed, and not shown.
        screen.send(DARK + NONSENSE + DARK + "z", shows="fox-yz")
        screen.wait_until_at_rest()
        assert is_light(screen)
        assert not [word for word in ("rgb", "OK", "kitty", "XTerm", "62;", "31;") if word in screen.text]
        screen.send("\x1b", hides="fox")
        screen.quit()
        assert screen.raw.count(ASKED) == 1


@pytest.mark.parametrize("name", ["tmux", "nonsense"])
def test_each_terminal_leaves_nothing_on_the_screen_and_gets_its_ground(tmp_path: Path, name: str) -> None:
    said, answers = TERMINALS[name]
    within = {"TMUX": "socket,1,0", "TERM": "tmux-256color"} if name == "tmux" else {"TERM": "xterm-256color"}
    with dashboard(tmp_path, **within) as screen:
        wait_until_asked(screen)
        assert (b"\x1b_G" in screen.raw) is not ("TMUX" in within)
        before = screen.text
        screen.send(f"{said}{said}?", shows="Help")
        screen.send("\x1b", hides="Help")
        screen.wait_for(lambda _: is_light(screen) is bool(answers.is_light))
        # A list that is just being made may be locked for a moment, which a banner says.
        screen.wait_for(lambda text: text == before)
        screen.wait_until_at_rest()
        screen.quit()


def test_a_terminal_that_never_answers_or_late_is_not_waited_for(tmp_path: Path) -> None:
    with dashboard(tmp_path, patience="") as screen:
        wait_until_asked(screen)
        screen.send("/abc", shows="abc")
        time.sleep(0.3)  # the terminal's own delay
        screen.send(LIGHT + "d" + NONSENSE, shows="abcd")
        screen.wait_until_at_rest()
        assert not is_light(screen)
        screen.send("\x1b", hides="abcd")
        screen.quit()
    with dashboard(tmp_path, patience="", TERM="linux") as screen:
        screen.wait_for("No tasks yet")
        screen.send("?", shows="Help")
        assert ASKED not in screen.raw
        screen.send("\x1b", hides="Help")
        screen.quit()


def test_who_leaves_before_the_answer_comes_does_not_find_it_on_the_shells_line(tmp_path: Path) -> None:
    with dashboard(tmp_path) as screen:
        wait_until_asked(screen)
        screen.send("q")
        screen.send(DARK)
        screen.send("\x1b[?62;c")
        assert screen.wait_exit() == 0
        unread = fcntl.ioctl(screen._slave, termios.FIONREAD, b"\0" * 4)
        assert struct.unpack("i", unread) == (0,)

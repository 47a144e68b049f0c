"""Pictures on a real terminal, beside a task and in the review: the bytes that draw them, and take them away."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
from pathlib import Path

import pytest
from tests.command import PROGRAM, Command
from tests.e2e.test_terminal_says_pty import PATIENT
from tests.files_api import FilesApi
from tests.pictures import halves
from tests.pty_screen import PtyScreen
from tests.servers import success_body, waiting_body
from tests.unit.ui.test_terminal_answers import TERMINALS

DONE = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
RUNNING = "7a1f0c52-9b1e-4c1b-8f5e-0d6a2f1b9c10"
SENT = re.compile(rb"\x1b_Ga=T,[^;\x1b]*i=(\d+)")
REMOVED = re.compile(rb"\x1b_Ga=d,d=I,i=(\d+)")


@pytest.fixture
def env(taskdash: Command, api: FilesApi) -> dict[str, str]:
    """The environment of a list with a finished task above one that runs."""
    api.file = halves()
    api.set(DONE, success_body(DONE, [f"{api.url}/files/a.png"]))
    api.set(RUNNING, waiting_body(RUNNING))
    taskdash.ok("add", DONE, RUNNING)
    return environment(taskdash)


def environment(taskdash: Command) -> dict[str, str]:
    places = {"TASKDASH_STORE": str(taskdash.store), "TASKDASH_CONFIG": str(taskdash.config)}
    return taskdash.environment({**places, "COLORTERM": "truecolor"})


class Terminal(PtyScreen):
    """The dashboard on a terminal that answers nothing, whose cells have a size in pixels."""

    def __init__(self, env: dict[str, str], *, cell: tuple[int, int] = (0, 0), **terminal: str) -> None:
        super().__init__([PROGRAM], env={**env, **terminal}, is_warm=True)
        self._cell = cell

    def _set_size(self) -> None:
        (columns, rows), (width, height) = self.size, self._cell
        size = struct.pack("HHHH", rows, columns, columns * width, rows * height)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)


def leave(screen: PtyScreen) -> None:
    screen.quit()
    # For all the pictures of its life it asks once.
    assert screen.raw.count(b"\x1b[c") == 1


def test_kitty_shows_the_picture_and_forgets_it(env: dict[str, str]) -> None:
    with Terminal(env, TERM="xterm-kitty") as screen:
        screen.wait_for("PNG, 80 × 80")
        screen.wait_for(lambda _: "\U0010eeee".encode() in screen.raw)
        (first,) = SENT.findall(screen.raw)
        assert REMOVED.findall(screen.raw) == []
        screen.send("j", shows=lambda text: re.search(r"◐ waiting \d", text))
        assert REMOVED.findall(screen.raw) == [first]
        screen.send("k", shows=lambda _: len(SENT.findall(screen.raw)) == 2)
        leave(screen)
        assert REMOVED.findall(screen.raw) == SENT.findall(screen.raw)
        assert b"\x1bP" not in screen.raw


def test_sixels_come_with_their_lines(env: dict[str, str]) -> None:
    with Terminal(env, cell=(10, 20), TERM="foot") as screen:
        screen.wait_for("PNG, 80 × 80")
        screen.wait_for(lambda _: screen.raw.count(b"\x1bP0;0;0q") >= 8)
        assert re.search(rb'\x1b7\x1b\[\d+G\x1bP0;0;0q"1;1;160;20#[\x20-\x7e]*\x1b\\\x1b8', screen.raw)
        screen.send("j", shows=lambda text: re.search(r"◐ waiting \d", text) and "▀" not in text)
        gone = len(screen.raw)
        leave(screen)
        assert b"\x1bP" not in screen.raw[gone:]
        assert b"\x1b_Ga=T" not in screen.raw


@pytest.mark.parametrize(
    "terminal",
    [{"TERM": "xterm-256color"}, {"TERM": "tmux-256color", "TMUX": "/run/t,1,0", "TERM_PROGRAM": "tmux"}],
    ids=["unknown", "tmux"],
)
def test_anywhere_else_it_is_plain_characters_and_off_is_remembered(
    env: dict[str, str], terminal: dict[str, str]
) -> None:
    with Terminal(env, cell=(10, 20), **terminal) as screen:
        screen.wait_for("PNG, 80 × 80")
        assert screen.text.count("▀") == 16 * 8
        screen.send("i", shows=lambda text: "▀" not in text)
        leave(screen)
        assert b"\x1bP" not in screen.raw
        assert b"\x1b_Ga=T" not in screen.raw
    remembered = Path(os.environ["XDG_STATE_HOME"], "taskdash", "view.toml")
    assert remembered.read_text() == "preview = false\n"


@pytest.mark.parametrize(("name", "is_kitty"), [("kitty 0.32", True), ("kitty 0.26", False)])
def test_a_terminal_that_says_what_it_can_is_believed(
    env: dict[str, str], name: str, *, is_kitty: bool
) -> None:
    said, _ = TERMINALS[name]
    # No variable says which terminal it is.
    with PtyScreen([PROGRAM], env={**env, "TERM": "xterm-256color"}, is_warm=True, first=PATIENT) as screen:
        screen.wait_for(lambda _: b"\x1b[c" in screen.raw)
        screen.send(said)
        screen.wait_for("PNG, 80 × 80")
        if is_kitty:
            screen.wait_for(lambda _: SENT.search(screen.raw))
        else:
            screen.wait_for("▀")
            assert not SENT.search(screen.raw)
        leave(screen)


IDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1, 5)]
SIXEL = re.compile(rb'\x1b7\x1b\[(\d+)G\x1bP0;0;0q"1;1;\d+;20#[\x20-\x7e]*\x1b\\\x1b8')


@pytest.fixture
def reviewed(taskdash: Command, api: FilesApi) -> Command:
    """A list of five results, of four tasks, and a task that runs."""
    api.file = halves()
    for number, task_id in enumerate(IDS, 1):
        links = [f"{api.url}/files/{number}-{n}.png" for n in range(1, 2 + (number == 4))]
        api.set(task_id, success_body(task_id, links))
    api.set(RUNNING, waiting_body(RUNNING))
    taskdash.ok("add", *IDS, RUNNING)
    taskdash("check")
    return taskdash


def terminal(reviewed: Command, *, cell: tuple[int, int] = (0, 0), **variables: str) -> Terminal:
    return Terminal(environment(reviewed), cell=cell, **variables)


def verdicts(reviewed: Command) -> dict[str, list[str | None]]:
    """Return the verdicts of each task that has results, by its first eight digits."""
    tasks = reviewed.json("list", "--json")
    return {task["taskId"][:8]: task["verdicts"] for task in tasks if task["resultUrls"]}


def test_results_are_picked_and_rejected_by_keys_and_saved(reviewed: Command, tmp_path: Path) -> None:
    saved_in = tmp_path / "saved"
    reviewed.config.write_text(f'download_dir = "{saved_in}"\n{reviewed.config.read_text()}')
    with terminal(reviewed) as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="[All 5]")
        screen.wait_for(lambda text: "loading" not in text and text.count("▀") == 5 * 16 * 8)
        screen.send("p", shows="+ Picked 1")
        screen.send("lx", shows="- Rejected 1")
        screen.wait_for(lambda text: "+ picked" in text and "- rejected" in text)
        screen.send("G+", shows="+ Picked 2")
        screen.send("h-", shows="- Rejected 2")
        screen.send("z", shows="- Rejected 1")
        assert verdicts(reviewed) == {
            "00000001": ["picked"],
            "00000002": ["rejected"],
            "00000003": [None],
            "00000004": [None, "picked"],
        }
        screen.send("fff", shows="[- Rejected 1]")
        screen.send("u", shows="[- Rejected 0]")
        screen.send("f", shows="[All 5]")
        # Another process decides, and is seen.
        reviewed.ok("reject", IDS[2])
        screen.wait_for("- Rejected 1")
        screen.send("ff", shows="[+ Picked 2]")
        screen.send("e", shows="Saved a contact sheet of 2 results")
        screen.send("d", shows="Saving 2 results to ")
        screen.wait_for("Saved 2 files")
        screen.send("\x1b", shows="Success 4")
        screen.quit()
    sheet = (saved_in / "sheet.html").read_text()
    assert "2 picked results of all 4 tasks" in sheet
    assert sheet.count("data:image/webp") == 2
    assert reviewed.ok("download", "--picked").stdout == ""
    saved = {task["taskId"][:8]: len(task["saved"]) for task in reviewed.json("list", "--json")}
    assert saved == {"00000001": 1, "00000002": 0, "00000003": 0, "00000004": 1, RUNNING[:8]: 0}


def test_kitty_shows_a_picture_for_each_and_forgets_them_all(reviewed: Command) -> None:
    with terminal(reviewed, TERM="xterm-kitty") as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="[All 5]")
        screen.wait_for(lambda _: len(SENT.findall(screen.raw)) >= 5)
        screen.wait_for(lambda text: "loading" not in text)
        screen.send("?", shows="review_pick")
        screen.send("\x1b", shows="[All 5]")
        screen.send("\x1b", shows="Success 4")
        screen.quit()
        assert sorted(REMOVED.findall(screen.raw)) == sorted(SENT.findall(screen.raw))


def test_without_colours_pictures_are_shades(reviewed: Command) -> None:
    with terminal(reviewed, NO_COLOR="1") as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="Undecided 5")
        screen.wait_for(lambda text: "loading" not in text and text.count("░") == 5 * 16 * 4)
        screen.send("p", shows="+ picked")
        screen.send("\x1b", shows="Success 4")
        screen.quit()


def test_sixels_come_with_their_lines_beside_a_scroll_bar_too(reviewed: Command) -> None:
    with terminal(reviewed, cell=(10, 20), TERM="foot") as screen:
        screen.wait_for("Success 4")
        screen.send("b", shows="[All 5]")
        screen.wait_for(lambda _: {b"2", b"21", b"40", b"59", b"78"} <= set(SIXEL.findall(screen.raw)))
        seen = len(screen.raw)
        screen.resize(44, 14)
        screen.wait_for(lambda _: {b"2", b"23"} <= set(SIXEL.findall(screen.raw[seen:])))
        screen.send("\x1b", shows="Tasks 1–5 of 5")
        screen.quit()

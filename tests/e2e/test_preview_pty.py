"""The picture of a result on a real terminal: the bytes that draw it, and those that take it away."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import KEY, PROGRAM, Command
from tests.e2e.test_terminal_says_pty import PATIENT
from tests.pictures import halves
from tests.pty_screen import PtyScreen
from tests.servers import FakeApi, Peer, Reply, Request, success_body, waiting_body
from tests.unit.ui.test_terminal_answers import TERMINALS

DONE = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
RUNNING = "7a1f0c52-9b1e-4c1b-8f5e-0d6a2f1b9c10"
SENT = re.compile(rb"\x1b_Ga=T,[^;\x1b]*i=(\d+)")
REMOVED = re.compile(rb"\x1b_Ga=d,d=I,i=(\d+)")


class PictureApi(FakeApi):
    """A gateway with its own file host, which has one picture."""

    async def _reply(self, peer: Peer, request: Request) -> None:
        if request.path.startswith("/files/"):
            await peer.send(Reply(200, halves(), {"Content-Type": "image/png"}).encode())
        else:
            await super()._reply(peer, request)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a list with a finished task above one that runs."""
    with PictureApi(key=KEY) as api:
        api.set(DONE, success_body(DONE, [f"{api.url}/files/a.png"]))
        api.set(RUNNING, waiting_body(RUNNING))
        taskdash = Command(tmp_path, api)
        taskdash.ok("add", DONE, RUNNING)
        places = {"TASKDASH_STORE": str(taskdash.store), "TASKDASH_CONFIG": str(taskdash.config)}
        yield taskdash.environment({**places, "COLORTERM": "truecolor"})


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


@pytest.mark.parametrize(("version", "is_shown"), [("0.26.5", False), ("0.28.0", True), ("of nobody", True)])
def test_a_kitty_that_has_no_placeholders_gets_plain_characters(
    env: dict[str, str], tmp_path: Path, version: str, is_shown: bool
) -> None:
    told = tmp_path / "told"
    Command(tmp_path).program(
        "bin/kitty", f'echo "kitty {version} created by $(env | grep -c sk-)" | tee {told}'
    )
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    with Terminal(env, TERM="xterm-kitty", KITTY_WINDOW_ID="1", PATH=path) as screen:
        screen.wait_for("PNG, 80 × 80")
        assert (SENT.search(screen.raw) is not None) == is_shown
        assert ("▀" in screen.text) != is_shown
        assert told.read_text() == f"kitty {version} created by 0\n"
        leave(screen)


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

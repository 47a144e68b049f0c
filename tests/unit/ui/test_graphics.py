"""How pictures are drawn where: told by the terminal's variables alone."""

from __future__ import annotations

import base64
import fcntl
import os
import pty
import re
import struct
import termios
import unicodedata
import zlib
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.unit.ui.test_terminal_answers import TERMINALS

from taskdash.ui.widgets.drawing import (
    MARKS,
    Drawing,
    cell_size,
    find_drawing,
    kitty_picture,
    kitty_removal,
    packed,
    placeholders,
    through_tmux,
)

B, K, S = Drawing.BLOCKS, Drawing.KITTY, Drawing.SIXEL


@pytest.mark.parametrize(
    ("environ", "drawing"),
    [
        ({}, B),
        ({"TERM": "xterm-256color"}, B),
        ({"TERM": "linux"}, B),
        ({"TERM": "xterm-kitty"}, K),
        ({"TERM": "xterm-ghostty"}, K),
        ({"TERM": "foot"}, S),
        ({"TERM": "foot-extra"}, S),
        ({"TERM": "xterm-kitty", "TMUX": "/run/tmux/default,1,0"}, B),
        ({"TERM": "tmux-256color", "TERM_PROGRAM": "WezTerm"}, B),
        ({"TERM": "screen.xterm-kitty"}, B),
        ({"TERM": "foot", "STY": "1.pts"}, B),
        ({"TERM": "foot", "ZELLIJ": "0"}, B),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, B),
    ],
)
def test_a_terminal_that_says_nothing_is_known_by_its_name(environ: dict[str, str], drawing: Drawing) -> None:
    assert find_drawing("auto", environ, true_colour=True, knows_cells=True) is drawing


def test_who_knows_better_says_so() -> None:
    assert find_drawing("sixel", {"TERM": "xterm"}, true_colour=True, knows_cells=True) is S
    assert (
        find_drawing("sixel", {"TERM": "tmux-256color", "TMUX": "x"}, true_colour=True, knows_cells=True) is S
    )
    assert find_drawing("blocks", {"TERM": "xterm-kitty"}, true_colour=True, knows_cells=True) is B
    assert find_drawing("kitty", {"TERM": "xterm"}, true_colour=True, knows_cells=True) is K


def test_kitty_needs_its_colours_whole_and_of_multiplexers_only_tmux_lets_it_through() -> None:
    assert find_drawing("auto", {"TERM": "xterm-kitty"}, true_colour=False, knows_cells=True) is B
    for inside, drawing in (({"TMUX": "x"}, K), ({"STY": "x"}, B), ({"ZELLIJ": "0"}, B)):
        environ = {"TERM": "screen-256color", **inside}
        assert find_drawing("kitty", environ, true_colour=True, knows_cells=True) is drawing


@pytest.mark.parametrize(
    ("said", "drawing"),
    [
        ("1 xterm-kitty kitty(0.32.1)", K),
        ("all xterm-256color ghostty 1.1.0", K),
        ("on xterm-ghostty ", K),
        ("0 xterm-kitty kitty(0.32.1)", B),
        ("off xterm-kitty kitty(0.32.1)", B),
        ("1 xterm-kitty kitty(0.26.5)", B),
        ("1 xterm-256color XTerm(379)", B),
        (" xterm-kitty", B),
        ("", B),
    ],
)
def test_tmux_tells_what_is_around_it_and_whether_pictures_get_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, drawing: Drawing
) -> None:
    program = tmp_path / "tmux"
    program.write_text(f"#!/bin/sh\ntest \"$1 $2 $6\" = '-S /run/t %3' && printf '%s\\n' '{said}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    environ = {"TERM": "tmux-256color", "TMUX": "/run/t,1,0", "TMUX_PANE": "%3"}
    assert find_drawing("auto", environ, true_colour=True, knows_cells=True) is drawing
    assert find_drawing("auto", {**environ, "NO_COLOR": "1"}, true_colour=True, knows_cells=True) is B


@pytest.mark.parametrize(
    ("name", "environ", "drawing"),
    [
        ("kitty 0.32", {"TERM": "xterm-kitty"}, K),
        # Over ssh, where no variable says so.
        ("kitty 0.32", {"TERM": "xterm-256color"}, K),
        ("kitty 0.26", {"TERM": "xterm-kitty"}, B),
        ("xterm -ti vt340", {"TERM": "xterm"}, S),
        ("xterm", {"TERM": "xterm"}, B),
        ("tmux with sixels", {"TERM": "tmux-256color", "TMUX": "/run/t,1,0"}, B),
        ("Windows Terminal 1.22", {"TERM": "xterm-256color", "WT_SESSION": "x"}, S),
        ("VS Code", {"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, B),
        # What it says counts more than its name.
        ("an old VT100", {"TERM": "foot"}, B),
        ("kitty 0.32", {"TERM": "xterm-kitty", "NO_COLOR": "1"}, B),
    ],
)
def test_what_a_terminal_says_of_itself_counts_more_than_its_variables(
    name: str, environ: dict[str, str], drawing: Drawing
) -> None:
    says = TERMINALS[name][1]
    assert find_drawing("auto", environ, says, true_colour=True, knows_cells=True) is drawing
    assert find_drawing("blocks", environ, says, true_colour=True, knows_cells=True) is B
    unfinished = says._replace(is_complete=False)
    guessed = find_drawing("auto", environ, true_colour=True, knows_cells=True)
    assert find_drawing("auto", environ, unfinished, true_colour=True, knows_cells=True) is guessed


def test_through_tmux_each_sequence_is_wrapped() -> None:
    sent = kitty_picture(7, "A" * 5_000, (4, 4), 1, 1)
    wrapped = through_tmux(sent)
    pieces = re.findall(r"\x1bPtmux;((?:\x1b\x1b|[^\x1b])*)\x1b\\", wrapped)
    assert "".join(f"\x1bPtmux;{piece}\x1b\\" for piece in pieces) == wrapped
    assert "".join(pieces).replace("\x1b\x1b", "\x1b") == sent
    assert len(pieces) == 2


def test_sixels_need_to_know_how_high_a_row_is() -> None:
    assert find_drawing("auto", {"TERM": "foot"}, true_colour=True, knows_cells=False) is B
    assert find_drawing("sixel", {}, true_colour=True, knows_cells=False) is B
    assert find_drawing("auto", {"TERM": "xterm-kitty"}, true_colour=True, knows_cells=False) is K


@pytest.mark.parametrize(
    ("size", "cell"),
    [
        ((24, 80, 0, 0), None),
        ((24, 80, 800, 480), (10, 20)),
        ((24, 80, 1280, 816), (16, 34)),
        ((24, 80, 80, 24), None),
        ((0, 0, 800, 480), None),
        ((1, 1, 60_000, 60_000), None),
    ],
)
def test_the_size_of_a_cell_is_what_the_system_knows(
    size: tuple[int, int, int, int], cell: tuple[int, int] | None
) -> None:
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size))
        assert cell_size(slave) == cell
    finally:
        os.close(master)
        os.close(slave)


def test_what_is_no_terminal_has_no_cells() -> None:
    with open(os.devnull) as file:  # noqa: PTH123 - its number is what is wanted
        assert cell_size(file.fileno()) is None


# kitty's sequences


def test_a_picture_is_sent_whole_in_pieces_that_ask_for_no_answer() -> None:
    rgb = os.urandom(40 * 30 * 3)
    sent = kitty_picture(77, packed(rgb), (40, 30), 4, 2)
    pieces = re.findall(r"\x1b_G([^;]*);([A-Za-z0-9+/=]*)\x1b\\", sent)
    assert "".join(f"\x1b_G{head};{data}\x1b\\" for head, data in pieces) == sent
    heads = [dict(pair.split("=") for pair in head.split(",")) for head, _ in pieces]
    assert len(pieces) == 2
    assert all(len(data) <= 4_096 for _, data in pieces)
    assert [head["m"] for head in heads] == ["1", "0"]
    assert all(head["q"] == "2" for head in heads)
    first = {
        "a": "T",
        "f": "24",
        "o": "z",
        "t": "d",
        "s": "40",
        "v": "30",
        "i": "77",
        "U": "1",
        "c": "4",
        "r": "2",
    }
    assert first.items() <= heads[0].items()
    assert zlib.decompress(base64.b64decode("".join(data for _, data in pieces))) == rgb


def test_it_is_removed_by_its_number_with_all_that_shows_it() -> None:
    assert kitty_removal(77) == "\x1b_Ga=d,d=I,i=77,q=2\x1b\\"


def test_each_placeholder_is_one_cell_that_names_its_place() -> None:
    line = placeholders(3, 2)
    assert cell_len(line) == 3
    assert line == "".join(f"\U0010eeee\u030e{mark}" for mark in ("\u0305", "\u030d", "\u030e"))


def test_there_is_a_mark_for_each_column_and_row() -> None:
    """The protocol's list: what Unicode 6.0 sets above a letter, in order, without those that come with others."""
    assert len(MARKS) == 297
    assert (MARKS[0], MARKS[-1]) == ("\u0305", "\U0001d244")
    assert sorted(set(MARKS)) == list(MARKS)
    assert {unicodedata.combining(mark) for mark in MARKS} == {230}

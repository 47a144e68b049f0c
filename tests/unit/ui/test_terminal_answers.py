"""Answers of terminals, as they were recorded or as their manuals have them, are told from keys, however they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.ui.terminal_answers import Answers, AnswerSieve, questions

DARK, LIGHT = "\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\", "\x1b]11;rgb:ffff/fafa/f0f0\x07"
KITTY_OK = "\x1b_Gi=31;OK\x1b\\"
TERMINALS: dict[str, tuple[str, Answers]] = {
    "kitty 0.32": (
        DARK + "\x1bP>|kitty(0.32.2)\x1b\\" + KITTY_OK + "\x1b[?62;c",
        Answers((30, 30, 46), "kitty(0.32.2)", has_kitty=True, is_complete=True),
    ),
    "kitty 0.26": (
        LIGHT + "\x1bP>|kitty(0.26.5)\x1b\\" + KITTY_OK + "\x1b[?62;c",
        Answers((255, 250, 240), "kitty(0.26.5)", has_kitty=True, is_complete=True),
    ),
    "xterm -ti vt340": (
        "\x1b]11;rgb:ffff/ffff/ffff\x1b\\\x1bP>|XTerm(379)\x1b\\\x1b[?63;1;2;4;6;9;15;16;22;28c",
        Answers((255, 255, 255), "XTerm(379)", has_sixels=True, is_complete=True),
    ),
    "xterm": (
        "\x1b]11;rgb:0000/0000/0000\x1b\\\x1bP>|XTerm(379)\x1b\\\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c",
        Answers((0, 0, 0), "XTerm(379)", is_complete=True),
    ),
    "tmux": ("\x1bP>|tmux 3.3a\x1b\\\x1b[?1;2c", Answers(None, "tmux 3.3a", is_complete=True)),
    "tmux with sixels": (
        DARK + "\x1bP>|tmux 3.4\x1b\\\x1b[?1;2;4c",
        Answers((30, 30, 46), "tmux 3.4", has_sixels=True, is_complete=True),
    ),
    "Windows Terminal 1.22": (
        "\x1b]11;rgb:0c0c/0c0c/0c0c\x1b\\\x1b[?61;4;6;7;14;21;22;23;24;28;32;42c",
        Answers((12, 12, 12), "", has_sixels=True, is_complete=True),
    ),
    "VS Code": (
        "\x1b]11;rgb:1818/1818/1818\x1b\\\x1bP>|xterm.js(5.6.0)\x1b\\\x1b[?1;2c",
        Answers((24, 24, 24), "xterm.js(5.6.0)", is_complete=True),
    ),
    "an old VT100": ("\x1b[?6c", Answers(is_complete=True)),
    "8 bits a colour": ("\x1b]11;rgba:ff/80/00/ff\x07\x1b[?6c", Answers((255, 128, 0), is_complete=True)),
    "nonsense": (
        "\x1b]11;?\x1b\\\x1b]11;rgb:zz/zz/zz\x07\x1bP>|\x1b\\\x1b_Gi=31;EINVAL:no\x1b\\\x1bP1$r0m\x1b\\\x1b[?c",
        Answers(is_complete=True),
    ),
}


@pytest.mark.parametrize("name", TERMINALS)
def test_each_terminal_is_understood_and_leaves_no_keys(name: str) -> None:
    said, answers = TERMINALS[name]
    told: list[Answers] = []
    sieve = AnswerSieve(told.append)
    assert sieve.sift(f"a{said}b", 0.0) == "ab"
    assert (sieve.answers, told[-1]) == (answers, answers)
    # Once more it is nothing new.
    count = len(told)
    assert sieve.sift(said, 1.0) == ""
    assert (sieve.answers, len(told)) == (answers, count)


def test_only_a_terminal_that_shows_placeholders_is_said_to() -> None:
    found = {name: answers.has_placeholders for name, (_, answers) in TERMINALS.items()}
    assert [name for name, has_them in found.items() if has_them] == ["kitty 0.32"]
    assert Answers(name="ghostty 1.0.0", has_kitty=True).has_placeholders
    assert not Answers(name="WezTerm 20240203", has_kitty=True).has_placeholders
    assert [Answers(ground).is_light for ground in ((255, 250, 240), (30, 30, 46), None)] == [
        True,
        False,
        None,
    ]


KEYS = st.lists(
    st.sampled_from(
        ["j", "é", "\r", "\x1b[A", "\x1bOP", "\x1b[<0;3;4M", "\x1b[1;5C", "\x1bx", "]", "11;", "c"]
    ),
    max_size=4,
).map("".join)
ANSWERS = st.sampled_from([DARK, LIGHT, KITTY_OK, "\x1bP>|XTerm(379)\x1b\\", "\x1b[?62;4c"])


@given(st.lists(KEYS | ANSWERS, max_size=8), st.lists(st.integers(1, 12), min_size=1))
def test_keys_come_through_whole_and_in_order_wherever_reads_are_cut(
    parts: list[str], cuts: list[int]
) -> None:
    sent = "".join(parts)
    sieve, kept, at = AnswerSieve(), "", 0
    sieve.asked(0.0)
    while at < len(sent):
        size = cuts[at % len(cuts)]
        kept += sieve.sift(sent[at : at + size], 0.5)
        at += size
    answers = (DARK, LIGHT, KITTY_OK, "\x1bP>|XTerm(379)\x1b\\", "\x1b[?62;4c")
    assert kept + sieve.give_up(9.0) == "".join(part for part in parts if part not in answers)


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({"TERM": "xterm-256color"}, "11 name kitty first"),
        ({"TERM": "xterm-kitty"}, "11 name kitty first"),
        ({"TERM": "tmux-256color", "TMUX": "socket,1,0"}, "11 name first"),
        ({"TERM": "screen-256color", "TMUX": "socket,1,0"}, "11 name first"),
        ({"TERM": "screen.xterm", "STY": "1"}, ""),
        ({"TERM": "xterm", "TERM_PROGRAM": "Apple_Terminal"}, "11 name first"),
        ({"TERM": "xterm", "ZELLIJ": "0"}, "11 name first"),
        *(({"TERM": term}, "") for term in ("linux", "dumb", "", "vt220", "eterm-color")),
    ],
)
def test_what_is_asked_is_what_the_terminal_bears(environ: dict[str, str], asked: str) -> None:
    signs = {"11": "\x1b]11;?", "name": "\x1b[>0q", "kitty": "\x1b_G", "first": "\x1b[c"}
    text = questions(environ)
    assert " ".join(name for name, sign in signs.items() if sign in text) == asked
    assert not text or text.endswith("\x1b[c")

"""What the terminal's bytes mean: keys, pastes, and neither."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.message import Message

from taskdash.ui.terminal import OPEN_PASTE_S, TerminalInput

START, END = b"\x1b[200~", b"\x1b[201~"
UUIDS = b"5064bd1a-025a-490b-b28f-6a9fa12eb88a 5f6ff8ea-ae97-4bb8-af5e-752ef4e96c0d"


@dataclass
class Typist:
    """Somebody at a terminal, in a time of his own."""

    now_s: float = 100.0

    def __post_init__(self) -> None:
        self.input = TerminalInput(lambda: self.now_s)
        self.said: list[str] = []

    def sends(self, data: bytes, *, then_s: float = 0.0) -> None:
        """Have bytes arrive, and a time go by, with the ticks that are asked for in between."""
        self._note(self.input.feed(data))
        self.waits(then_s)

    def waits(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while True:
            self._note(self.input.tick())
            if self.now_s >= until_s:
                return
            self.now_s = min(until_s, self.now_s + self.input.wait_s)

    def _note(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if isinstance(message, events.Paste):
                self.said.append(f"paste {message.text!r}")
            elif isinstance(message, events.Key):
                self.said.append(message.key)
            else:
                self.said.append(type(message).__name__)


@pytest.fixture
def typist(monkeypatch: pytest.MonkeyPatch) -> Typist:
    someone = Typist()
    # Textual's parser has a clock of its own, for the key Esc.
    monkeypatch.setattr("textual._parser.get_time", lambda: someone.now_s)
    return someone


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"aB1\r\x1b[A\x1b[106u\x11", ["a", "B", "1", "enter", "up", "j", "ctrl+q"]),
        (b"\x1b" + START + b"task" + END, ["escape", "paste 'task'"]),
        (START + b"task" + END + b"\r", ["paste 'task'", "enter"]),
        (START + b"one" + END + b"xy" + START + b"two" + END, ["paste 'one\\nxy\\ntwo'"]),
        (b"\x1b[48;99999999;99999999;1;1t\x1b[?2048;1$y\x1b[9999999;1R\x1b[<0;99999999;1M", []),
        (b"\x1b[<0;10;10M", ["MouseDown"]),
    ],
    ids=[
        "keys",
        "escape and a paste",
        "a paste and a key",
        "a paste begun twice",
        "sizes made up",
        "a click",
    ],
)
def test_what_comes_at_once_is_told_apart(typist: Typist, data: bytes, said: list[str]) -> None:
    typist.sends(data, then_s=0.05)
    assert typist.said == said
    typist.sends(b"q")
    assert typist.said == [*said, "q"]


def test_escape_is_a_key_once_nothing_follows_it(typist: Typist) -> None:
    typist.sends(b"\x1b", then_s=0.05)
    assert typist.said == []
    typist.waits(0.1)
    assert typist.said == ["escape"]


def test_a_sequence_in_two_reads_is_one_key(typist: Typist) -> None:
    for first, second in ((b"\x1b", b"[A"), (b"\x1b[", b"A"), (b"\x1b[2", b"~"), (b"\x1b[20", b"~")):
        typist.sends(first, then_s=0.05)
        typist.sends(second)
    assert typist.said == ["up", "up", "insert", "f9"]


def test_a_paste_is_one_event_however_it_is_cut(typist: Typist) -> None:
    data = START + "grün 😀\n\t".encode() + b"a\x1b[31mb" + END
    for cut in range(len(data)):
        typist.sends(data[:cut])
        typist.sends(data[cut:], then_s=0.05)
    assert typist.said == ["paste 'grün 😀\\n\\ta\\x1b[31mb'"] * len(data)


@pytest.mark.parametrize("cut", range(0, 24, 3))
def test_the_mark_of_the_end_inside_a_paste_does_not_make_keys_of_the_rest(typist: Typist, cut: int) -> None:
    data = START + b"one" + END + b"xy\x11" + END + b"q" + END
    typist.sends(data[:cut])
    typist.sends(data[cut:], then_s=0.05)
    assert typist.said == ["paste 'one\\nxy\\x11\\nq'"]


def test_keys_are_back_within_two_seconds_of_a_paste_that_does_not_end(typist: Typist) -> None:
    typist.sends(START + b"some text of a paste, longer than keys are")
    for _ in range(19):
        typist.sends(b"j", then_s=0.1)
    assert typist.said[0].startswith("paste 'some text of a paste, longer than keys arejjj")
    assert typist.said[1:] == ["j"] * (19 - typist.said[0].count("j"))
    assert OPEN_PASTE_S < 2
    typist.sends(b"\x1b[A\x11")
    assert typist.said[-2:] == ["up", "ctrl+q"]


def test_a_slow_paste_goes_on_as_long_as_text_comes(typist: Typist) -> None:
    line = "0123456789012345678901234567890123456789\n"
    typist.sends(START)
    for _ in range(10):
        typist.sends(line.encode(), then_s=1.5)
    typist.sends(END, then_s=0.05)
    assert typist.said == [f"paste {line * 10!r}"]


def test_text_faster_than_anybody_types_is_a_paste(typist: Typist) -> None:
    reads = [UUIDS + b"\r", b"7a1f0c52-9b1e-4c1b-8f5e-0d6a2f1b9c10\r"]
    for data in reads:
        typist.sends(data)
    typist.waits(0.05)
    assert typist.said == [f"paste {b''.join(reads).decode()!r}"]


@pytest.mark.parametrize(
    "text",
    [
        "5064bd1a-025a-490b-b28f-6a9fa12eb88a",
        "5064bd1a-025a-490b-b28f-6a9fa12eb88a\r",
        "5064bd1a025a490bb28f6a9fa12eb88a",
        "task_gpt-image-2_1769000000000",
        "task_abc123",
        "V1StGXR8_Z5jdHi6B-myT",
        "taskId: abc123",
        '"taskId":"zq7"',
        "taskId=abc1234",
        "id 5064bd1a-025a-490b-b28f-6a9fa12eb88a",
        "https://api.example.com/x",
        "quit, exit, or delete everything that is here",
    ],
)
def test_what_is_no_keys_is_a_paste_without_its_brackets_too(typist: Typist, text: str) -> None:
    typist.sends(text.encode(), then_s=0.05)
    assert typist.said == [f"paste {text!r}"]
    typist.sends(b"q")
    assert typist.said[1:] == ["q"]


def test_an_id_that_comes_in_two_reads_is_one_paste(typist: Typist) -> None:
    for cut in range(9, 36):
        typist.sends(UUIDS[:cut])
        typist.sends(UUIDS[cut:36], then_s=0.05)
    assert set(typist.said) == {f"paste {UUIDS[:36].decode()!r}"}


@pytest.mark.parametrize(
    "keys",
    [
        b"/fox",
        b"/state:fail model:gpt-image-2 label:nightly\r",
        b"/5064bd1a-025a-490b-b28f-6a9fa12eb88a\r",
        b":taskId: theme\r",
        b"\tmind the hand\r",
        b"state:fail !gpt\r",
        b"jjjjjkkkkG g1234",
        b"a5064bd1a-025a-490b-b28f-6a9fa12eb88a\r",
        b"j" * 4000,
        b"jk" * 100,
        b"\x1b[B" * 100,
        b"\x1b[<35;10;10M" * 100,
        b"\x1b[106u" * 100,
        b"\x1bOB" * 100,
    ],
)
def test_keys_that_pile_up_stay_keys(typist: Typist, keys: bytes) -> None:
    typist.sends(keys, then_s=0.05)
    assert not [each for each in typist.said if each.startswith("paste")]
    assert typist.said


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x1b[4999999E", b"\x1b[55555555555u"]
)
def test_what_ends_textuals_own_parser_does_not_end_this_one(typist: Typist, bad: bytes) -> None:
    typist.sends(b"a" + bad + b"\x1b[Ab", then_s=0.3)
    assert typist.said[0] == "a"
    assert typist.said[-2:] == ["up", "b"]


def test_a_flood_behind_a_false_end_is_no_flood_of_keys(typist: Typist) -> None:
    typist.sends(START + b"id" + END)
    for number in range(300):
        typist.sends(f"{number} {UUIDS.decode()} d x y\r".encode() * 5, then_s=0.01)
    typist.waits(0.1)
    assert {said.split()[0] for said in typist.said} == {"paste"}
    assert len(typist.said) <= 2


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_raise_and_keys_work_after_them(reads: list[bytes]) -> None:
    someone = Typist()
    for data in reads:
        someone.sends(data)
    someone.waits(2.5)
    someone.sends(b"\x1b[B")
    assert someone.said[-1] == "down"


COLOUR, NAME = b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\", b"\x1bP>|WezTerm 20240203-110809-5046fc22-and-more\x1b\\"


@pytest.mark.parametrize("answer", [COLOUR, NAME, b"\x1b_Gi=31;OK\x1b\\", b"\x1b[?62;4;22c"])
def test_an_answer_of_the_terminal_is_no_key_and_no_paste_whenever_it_comes_and_in_how_many_reads(
    typist: Typist, answer: bytes
) -> None:
    typist.sends(b"a" + answer + b"b" + answer + answer, then_s=0.3)
    # Minutes later no lone Esc is held for it.
    for cut in range(2 if answer[1:2] != b"[" else 3, len(answer)):
        typist.sends(answer[:cut], then_s=0.05)
        typist.sends(answer[cut:] + b"c", then_s=0.3)
        assert typist.said.pop() == "c"
    assert typist.said == ["a", "b"]


def test_an_answer_that_breaks_off_is_dropped_and_what_is_typed_after_it_is_not(typist: Typist) -> None:
    typist.sends(b"a" + COLOUR[:12], then_s=0.2)
    typist.sends(b"b", then_s=0.2)
    assert typist.said == ["a", "b"]


@pytest.mark.parametrize(
    ("data", "key"), [(b"\x1b]", "right_square_bracket"), (b"\x1bP", "alt+shift+p"), (b"\x1b_", "underscore")]
)
def test_alt_and_a_key_that_an_answer_could_begin_with_is_a_key(
    typist: Typist, data: bytes, key: str
) -> None:
    typist.sends(data, then_s=0.5)
    assert typist.said == [key]


def test_what_looks_like_an_answer_in_a_paste_is_pasted(typist: Typist) -> None:
    typist.sends(START + COLOUR + END, then_s=0.3)
    assert typist.said == [f"paste {COLOUR.decode()!r}"]
    typist.sends(COLOUR[:9] + START + b"task" + END, then_s=0.3)
    assert typist.said[1:] == ["paste 'task'"]

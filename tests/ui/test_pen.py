"""What is written with fewer escape sequences than Textual's is the same to a terminal, cell by cell."""

from __future__ import annotations

import re

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import Color, ColorSystem
from rich.console import COLOR_SYSTEMS, Console
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from taskdash.ui.pen import written

COLOURS = st.sampled_from(
    [None, "default", "red", "bright_blue", "color(99)", "#000000", "#102030", "#ffffff"]
).map(lambda name: None if name is None else Color.parse(name))
FLAGS = [
    *("bold", "dim", "italic", "underline", "blink", "blink2"),
    *("reverse", "conceal", "strike", "underline2", "overline"),
]


@st.composite
def styles(draw: st.DrawFn) -> Style:
    flags = {flag: draw(st.sampled_from([None, None, True, False])) for flag in FLAGS}
    link = draw(st.sampled_from([None, None, "https://a.example/1", "https://a.example/2"]))
    style = Style.from_color(draw(COLOURS), draw(COLOURS)) + Style(**flags, link=link)  # type: ignore[arg-type]  # the names are Style's own
    return style + Style.from_meta({"offset": (1, 2)}) if draw(st.booleans()) else style


SEGMENTS = st.builds(
    Segment, st.sampled_from(["", " ", "a", "bc", "déf", "漢字", "  "]), st.none() | styles()
)
LINES = st.lists(st.lists(SEGMENTS, max_size=6), min_size=1, max_size=4)
ORDER = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|\x1b\]8;(.*?)\x1b\\|(.)", re.DOTALL)
PLAIN = {"3": "39", "4": "49"}
ATTRIBUTES = {"1", "2", "3", "4", "5", "6", "7", "8", "9", "21", "53"}


def shown(text: str) -> list[tuple[object, ...]]:
    """Each character as a terminal would take it: its place, and what it is written with."""
    place: tuple[int, int, int] = (0, 0, 0)
    attributes: frozenset[str] = frozenset()
    colours, link, cells = {**PLAIN}, "", []
    for found in ORDER.finditer(text):
        line, column, sgr, osc, char = found.groups()
        if line:
            place = (int(line), int(column), 0)
        elif sgr is not None:
            attributes = _taken(sgr.split(";"), attributes, colours)
        elif osc is not None:
            link = osc
        else:
            cells.append((*place, char, attributes, *colours.values(), link))
            place = (*place[:2], place[2] + 1)
    return [*cells, (attributes, *colours.values(), link)]


def _taken(codes: list[str], attributes: frozenset[str], colours: dict[str, str]) -> frozenset[str]:
    while codes:
        code = codes.pop(0)
        if code in ("", "0"):
            attributes = frozenset()
            colours.update(PLAIN)
        elif code in ("38", "48"):
            taken = 4 if codes[0] == "2" else 2
            colours[code[0]] = ";".join([code, *codes[:taken]])
            del codes[:taken]
        elif code in ATTRIBUTES:
            attributes |= {code}
        else:
            colours[{"9": "3", "10": "4"}.get(code[:-1], code[0])] = code
    return attributes


def as_textual(lines: list[list[Segment]], system: str) -> str:
    console = Console(color_system=system, force_terminal=True)  # type: ignore[arg-type]  # one of its names
    return "".join(f"\x1b[{y + 1};3H{Strip(line).render(console)}" for y, line in enumerate(lines))


@pytest.mark.parametrize("system", ["standard", "256", "truecolor"])
@settings(max_examples=40)
@given(lines=LINES)
def test_a_terminal_shows_the_same(system: str, lines: list[list[Segment]]) -> None:
    ours = written([(2, y, line) for y, line in enumerate(lines)], COLOR_SYSTEMS[system])
    theirs = as_textual([[Segment(*segment) for segment in line] for line in lines], system)
    assert shown(ours) == shown(theirs)
    terminals = []
    for text in (ours, theirs):
        terminals.append(pyte.Screen(40, 5))
        pyte.Stream(terminals[-1]).feed(text)
    ours_shown, theirs_shown = (
        [[tuple(terminal.buffer[y][x]) for x in range(40)] for y in range(5)] for terminal in terminals
    )
    assert ours_shown == theirs_shown


def test_of_a_style_only_what_differs_is_written() -> None:
    ground = Style.parse("#101010 on #202020")
    words = [Segment("a", ground), Segment("b", ground), Segment("c", ground + Style.parse("#303030"))]
    assert written([(0, 0, words), (0, 1, words[2:])], ColorSystem.TRUECOLOR) == (
        "\x1b[1;1H\x1b[38;2;16;16;16;48;2;32;32;32mab\x1b[38;2;48;48;48mc\x1b[2;1Hc\x1b[0m"
    )


def test_without_colours_and_styles_nothing_but_the_text_is_written() -> None:
    assert written([(0, 0, [Segment("text")])], None) == "\x1b[1;1Htext"

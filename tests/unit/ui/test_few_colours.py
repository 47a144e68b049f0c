"""What is left of a theme's colours on terminals that have few of them."""

from __future__ import annotations

from itertools import product

import pytest
from rich.color import ColorType
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from taskdash.ui.line_filters import in_16, in_256, rounding_for, texts_in_16
from taskdash.ui.themes import THEMES


def rounded(system: str, style: str) -> Style:
    rounding = rounding_for(system)
    assert rounding is not None
    (segment,) = rounding.apply([Segment("x", Style.parse(style))], Color(0, 0, 0))
    assert segment.style is not None
    return segment.style


@pytest.mark.parametrize("theme", [*BUILTIN_THEMES.values(), *THEMES], ids=lambda theme: theme.name)
def test_of_16_colours_each_meaning_has_its_own(theme: object) -> None:
    variables = theme.to_color_system().generate()  # type: ignore[attr-defined] # a theme
    numbers = {name: in_16(Color.parse(colour).rgb) for name, colour in texts_in_16(variables).items()}
    meanings = [number for name, number in numbers.items() if name != "foreground"]
    assert len(set(meanings)) == len(meanings)
    assert not numbers or numbers["text-muted"] != numbers["foreground"]


@pytest.mark.parametrize(
    ("style", "sixteen"),
    [
        ("#e0e0e0 on #121212", "color(15) on color(0)"),
        ("#8c8c8c on #242f38", "color(7) on color(0)"),
        ("#ffffff on #0000c0", "color(15) on color(4)"),
        ("#55ff55 on #0000c0", "color(15) on color(4)"),
        ("bold #55ff55 on #ffcc00", "not bold color(0) on color(11)"),
        ("bold #00aa00 on #f0f0f0", "bold color(2) on color(15)"),
        ("#ffcc00 on #f0f0f0", "color(0) on color(15)"),
        ("#8c8c8c on #f0f0f0", "color(8) on color(15)"),
        ("#ff5555", "color(9)"),
        ("bold red", "bold red"),
        ("default on default", "default on default"),
    ],
)
def test_16_colours_can_be_read_on_each_other(style: str, sixteen: str) -> None:
    assert rounded("standard", style) == Style.parse(sixteen)


@pytest.mark.parametrize(
    ("colour", "number"),
    [
        ("#242f38", 236),
        ("#121212", 233),
        ("#ff5f00", 202),
        ("#003c5e", 24),
        ("#ffffff", 231),
        ("#e0e0e0", 254),
    ],
)
def test_256_colours_keep_the_hue_and_what_has_none_is_grey(colour: str, number: int) -> None:
    assert in_256(Color.parse(colour).rgb) == number
    assert str(rounded("256", colour).color and rounded("256", colour).color.type) == str(ColorType.EIGHT_BIT)  # type: ignore[union-attr]


@pytest.mark.parametrize(("colour", "number"), [("#7a273c", 95), ("#1e4b2c", 22), ("#e0e0e0", 254)])
def test_a_text_keeps_its_hue_in_256_colours(colour: str, number: int) -> None:
    assert in_256(Color.parse(colour).rgb, is_text=True) == number


@pytest.mark.parametrize("is_text", [False, True])
def test_every_colour_has_one_of_256_next_to_it(*, is_text: bool) -> None:
    for colour in product((0, 1, 2, 3, 128, 252, 253, 254, 255), repeat=3):
        assert in_256(colour, is_text=is_text) >= 16


def test_where_there_are_all_colours_or_none_nothing_is_rounded() -> None:
    assert rounding_for("truecolor") is rounding_for(None) is None

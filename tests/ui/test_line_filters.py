"""The net under the sanitiser: what is drawn acts on no terminal, and without colours if so wished."""

from __future__ import annotations

import unicodedata

from rich.segment import Segment
from rich.style import Style
from tests.faults import hostile
from textual.app import App, ComposeResult
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter
from textual.widgets import Static

from taskdash.ui.line_filters import InertLines, without_colour

BACKGROUND = Color(0, 0, 0)


def test_no_character_that_a_terminal_acts_on_passes() -> None:
    for char in hostile.POINTS:
        for text in (char, f"a{char}b", f"  {char}  "):
            (segment,) = InertLines().apply([Segment(text, Style(bold=True))], BACKGROUND)
            assert not [
                each for each in segment.text if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp")
            ]
            assert segment.style == Style(bold=True)


def test_text_without_harm_stays_as_it_is() -> None:
    segments = [Segment("  plain ", Style(color="red")), Segment("画 é 😀 ◐"), Segment("")]
    assert InertLines().apply(segments, BACKGROUND) == segments


def test_without_colours_all_else_of_a_style_stays() -> None:
    style = Style(color="red", bgcolor="#102030", bold=True, reverse=True)
    (segment,) = InertLines(without_colour).apply([Segment("text", style)], BACKGROUND)
    assert segment.style == Style(bold=True, reverse=True)


async def test_a_widget_that_is_given_hostile_text_sends_none_of_it() -> None:
    class Careless(App[None]):
        def get_line_filters(self) -> list[LineFilter]:
            return [*super().get_line_filters(), InertLines()]

        def compose(self) -> ComposeResult:
            yield Static(Content(f"a{hostile.TEXT}b"))

    app = Careless()
    async with app.run_test(size=(200, 30)) as pilot:
        await pilot.pause()
        drawn = ""
        for row in app.screen._compositor.render_strips():
            text = "".join(segment.text for segment in row)
            drawn += text
            assert not hostile.leaks(text.encode("utf-8", "surrogateescape"))
        assert "hostile" in drawn

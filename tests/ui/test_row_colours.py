"""What a row says can be read in every theme: on plain rows, on the cursor's, on marked rows and on flashing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.ui.test_themes import contrast, resolved
from textual.color import Color
from textual.geometry import Region

from taskdash.ui.themes import TEXTS, grounds_of
from taskdash.ui.widgets.row_styles import PIECES, ROWS, RowStyles

if TYPE_CHECKING:
    from rich.style import Style
    from tests.ui.driven_dashboard import Dash


WANTED = 4.5
"""Of text, by the Web Content Accessibility Guidelines."""
OWN_GROUNDS = {("color(15)", "color(4)")}
"""Colours of the terminal's own that stand out in every palette: white on blue."""


def is_read(style: Style) -> bool:
    text, ground = style.color, style.bgcolor
    assert text is not None
    assert ground is not None
    if ground.is_default or ground.triplet is None:
        return ground.is_default or (text.name, ground.name) in OWN_GROUNDS
    return contrast(Color.from_rich_color(text), Color.from_rich_color(ground)) >= WANTED


def weak_pieces(styles: RowStyles) -> dict[tuple[str, str], str]:
    """What is hard to read: by kind of row and piece of a cell, its style."""
    weak: dict[tuple[str, str], str] = {}
    for row in ROWS:
        base = styles.row(row)
        pieces = {"text": base, **{piece: styles.piece(piece, base) for piece in PIECES}}
        weak |= {(row, piece): str(style) for piece, style in pieces.items() if not is_read(style)}
    return weak


async def test_every_row_is_read_in_every_theme(dash: Dash) -> None:
    seen = {}
    for theme in dash.app.available_themes:
        dash.app.theme = theme
        await dash.pilot.pause()
        with dash.app._context():
            seen[theme] = weak_pieces(RowStyles(lambda: dash.table.background_colors[1]))
    assert len(seen) > 20
    assert {theme: weak for theme, weak in seen.items() if weak} == {}


async def test_every_text_is_read_on_every_ground_of_every_theme(dash: Dash) -> None:
    weak: dict[tuple[str, str, str], float] = {}
    for theme in dash.app.available_themes:
        dash.app.theme = theme
        variables = dash.app.get_css_variables()
        if Color.parse(variables["background"]).ansi is None:
            weak |= {
                (theme, text, ground.hex): round(ratio, 1)
                for text in TEXTS
                for ground in grounds_of(variables)
                if (ratio := contrast(resolved(variables[text], ground), ground)) < WANTED
            }
            # Whatever Textual keeps of them is the same.
            assert dash.app.theme_variables["text-warning"] == variables["text-warning"]
    assert weak == {}


async def test_marks_and_the_cursor_stay_apart_in_the_terminals_own_colours(dash: Dash) -> None:
    # Its name is another in older versions of Textual.
    dash.app.theme = next(name for name in dash.app.available_themes if "ansi" in name)
    await dash.press("space")
    await dash.pilot.pause()
    marked, at_cursor, plain = (
        [segment.style for segment in strip if segment.style]
        for strip in dash.table.render_lines(Region(0, 0, 20, 3))
    )
    assert all(style.bold for style in marked[1:])
    assert not any(style.bold for style in plain)
    assert {style.bgcolor for style in at_cursor}.isdisjoint({style.bgcolor for style in plain + marked})

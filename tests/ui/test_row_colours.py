"""What a row says can be read in every theme: on plain rows, on the cursor's, on marked rows and on flashing ones."""

from __future__ import annotations

from rich.style import Style
from tests.ui.driven_dashboard import Dash
from textual.color import Color

from taskdash.ui.themes import TEXTS, contrast
from taskdash.ui.widgets.row_drawing import PIECES, ROWS, RowStyles

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


async def test_in_every_theme_rows_are_read(dash: Dash) -> None:
    assert len(dash.app.available_themes) > 20
    faults = {}
    for theme in dash.app.available_themes:
        dash.app.theme = theme
        await dash.pilot.pause()
        with dash.app._context():
            styles = RowStyles(dash.table)
            # Whatever Textual keeps of a theme's colours is the same.
            kept, told = dash.app.theme_variables, dash.app.get_css_variables()
            assert {name: kept[name] for name in TEXTS} == {name: told[name] for name in TEXTS}
            faults[theme] = weak_pieces(styles)
    assert {theme: found for theme, found in faults.items() if found} == {}

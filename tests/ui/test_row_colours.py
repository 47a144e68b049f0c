"""What a row says can be read in every theme: on plain rows, on the cursor's, on marked rows and on flashing ones."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from tests.ui.driven_dashboard import Dash
from tests.unit.ui.test_themes import contrast
from textual.color import Color
from textual.geometry import Region

from taskdash.domain.task import State
from taskdash.ui.line_filters import rounding_for
from taskdash.ui.themes import TEXTS
from taskdash.ui.widgets.row_drawing import PIECES, ROWS, RowStyles

WANTED = 4.5
"""Of text, by the Web Content Accessibility Guidelines."""
LEAST_IN_256 = 3.0
"""What rounding may leave of it."""
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


def too_bright(styles: RowStyles) -> dict[str, tuple[float, float]]:
    """The rows whose muted text is no dimmer than the other, with the contrast of both."""
    found = {}
    for row in ROWS:
        text, dim = styles.row(row), styles.piece("muted", styles.row(row))
        if text.bgcolor and text.bgcolor.triplet and text.color and dim.color:
            ground = Color.from_rich_color(text.bgcolor)
            of_text, of_dim = (
                contrast(Color.from_rich_color(each), ground) for each in (text.color, dim.color)
            )
            if of_dim >= of_text:
                found[row] = of_dim, of_text
    return found


def faults_in_256(styles: RowStyles) -> list[object]:
    """What rounding to 256 colours leaves alike of the states, or hard to read."""
    rounding, row = rounding_for("256"), styles.row("row")
    assert rounding is not None
    if row.bgcolor is None or row.bgcolor.triplet is None:
        return []  # the terminal's own colours
    faults: list[object] = []
    drawn: dict[str, Style] = {}
    for name in PIECES:
        (segment,) = rounding.apply([Segment("x", styles.piece(name, row))], Color(0, 0, 0))
        assert segment.style is not None
        assert segment.style.color is not None
        assert segment.style.bgcolor is not None
        drawn[name] = segment.style
        parts = (segment.style.color, segment.style.bgcolor)
        if contrast(*(Color(*part.get_truecolor()) for part in parts)) < LEAST_IN_256:
            faults.append((name, segment.style))
    states = [drawn[f"state-{state}"] for state in State]
    return faults + [states] * (len(set(states)) < len(states))


async def test_in_every_theme_rows_are_read_muted_is_dimmer_and_states_stay_apart_in_256_colours(
    dash: Dash,
) -> None:
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
            faults[theme] = (weak_pieces(styles), too_bright(styles), faults_in_256(styles))
    assert {theme: found for theme, found in faults.items() if any(found)} == {}


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

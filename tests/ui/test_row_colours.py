"""What a row says can be read in every theme: on plain rows, on the cursor's, on marked rows and on flashing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from tests.unit.ui.test_themes import contrast
from textual.color import Color
from textual.geometry import Region

from taskdash.domain.task import State
from taskdash.ui.line_filters import rounding_for
from taskdash.ui.themes import TEXTS
from taskdash.ui.widgets.row_drawing import PIECES, ROWS, RowStyles

if TYPE_CHECKING:
    from rich.style import Style
    from tests.ui.driven_dashboard import Dash


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


async def test_every_row_is_read_in_every_theme(dash: Dash) -> None:
    seen = {}
    for theme in dash.app.available_themes:
        dash.app.theme = theme
        await dash.pilot.pause()
        with dash.app._context():
            seen[theme] = weak_pieces(RowStyles(dash.table))
    assert len(seen) > 20
    assert {theme: weak for theme, weak in seen.items() if weak} == {}


async def test_what_is_muted_is_dimmer_than_the_text_on_every_row(dash: Dash) -> None:
    as_bright: dict[tuple[str, str], tuple[float, float]] = {}
    for theme in dash.app.available_themes:
        dash.app.theme = theme
        await dash.pilot.pause()
        with dash.app._context():
            styles = RowStyles(dash.table)
            # Whatever Textual keeps of a theme's colours is the same.
            kept, told = dash.app.theme_variables, dash.app.get_css_variables()
            assert {name: kept[name] for name in TEXTS} == {name: told[name] for name in TEXTS}
            rows = {row: (styles.row(row), styles.piece("muted", styles.row(row))) for row in ROWS}
        for row, (text, dim) in rows.items():
            if (
                text.bgcolor is not None
                and text.bgcolor.triplet
                and text.color is not None
                and dim.color is not None
            ):
                ground = Color.from_rich_color(text.bgcolor)
                of_text, of_dim = (
                    contrast(Color.from_rich_color(each), ground) for each in (text.color, dim.color)
                )
                if not of_dim < of_text:
                    as_bright[theme, row] = of_dim, of_text
    assert as_bright == {}


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


async def test_states_stay_apart_and_are_read_in_256_colours_in_every_theme(dash: Dash) -> None:
    rounding = rounding_for("256")
    assert rounding is not None
    alike: dict[str, list[Style]] = {}
    weak: dict[tuple[str, str], Style] = {}
    for theme in dash.app.available_themes:
        dash.app.theme = theme
        await dash.pilot.pause()
        with dash.app._context():
            styles = RowStyles(dash.table)
            row = styles.row("row")
            pieces = {name: styles.piece(name, row) for name in PIECES}
        if row.bgcolor is None or row.bgcolor.triplet is None:
            continue  # the terminal's own colours
        drawn: dict[str, Style] = {}
        for name, style in pieces.items():
            (segment,) = rounding.apply([Segment("x", style)], Color(0, 0, 0))
            assert segment.style is not None
            drawn[name] = segment.style
        states = [drawn[f"state-{state}"] for state in State]
        if len(set(states)) < len(states):
            alike[theme] = states
        for name, each in drawn.items():
            assert each.color is not None
            assert each.bgcolor is not None
            text, ground = (Color(*part.get_truecolor()) for part in (each.color, each.bgcolor))
            if contrast(text, ground) < LEAST_IN_256:
                weak[theme, name] = each
    assert (alike, weak) == ({}, {})

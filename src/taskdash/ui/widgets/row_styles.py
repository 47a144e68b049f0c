"""The styles of rows: the colours of the theme, moved as far as it takes to be read on the ground of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.color import Color as RichColor
from rich.style import Style
from textual.color import Color
from textual.style import Style as VisualStyle

from taskdash.ui.few_colours import FEW_COLOURS
from taskdash.ui.themes import contrast, legible, muted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.widget import Widget

ROWS: Final = {
    "row": "$foreground on $background",
    "row-cursor": "bold $foreground on $primary 35%",
    "row-cursor-blurred": "$foreground on $primary 18%",
    "row-marked": "$foreground on $foreground 15%",
    "row-updated": "$foreground on $foreground 8%",
}
ANSI_ROWS: Final = ROWS | {
    "row-cursor": "bold ansi_bright_white on ansi_blue",
    "row-cursor-blurred": "bold $foreground on $background",
    "row-marked": "bold $foreground on $background",
    "row-updated": "$foreground on $background",
}
"""The terminal's own colours have no shades, and nobody knows which of them stand out from which."""
ROWS_IN_16: Final = ANSI_ROWS | {"row-cursor": "bold #ffffff on #0000c0"}
COLOURLESS_ROWS: Final = ROWS | {"row-cursor": "bold reverse $foreground on $background"}
PIECES: Final = {
    "state-new": "$text-muted",
    "state-waiting": "$text-primary",
    "state-success": "$text-success",
    "state-fail": "$text-error",
    "muted": "$text-muted",
    "label": "$text-secondary",
    "live": "$text-primary",
    "focus": "$text-accent",
    "overdue": "$text-warning",
    "problem": "$text-warning",
    "match": "bold underline",
}
"""What a piece of a cell adds to its row, in the colours of the theme: each of them means one thing (`themes`).

Not component classes of the style sheet: to find the rules of fourteen of them takes longer than to draw the rows.
"""


class RowStyles:
    """The styles of rows and of the pieces of their cells, each made once for a theme."""

    def __init__(self, widget: Widget) -> None:
        """Prepare for what has rows."""
        self._widget = widget
        self._rows: dict[str, Style] = {}
        self._pieces: dict[tuple[str, Style], Style] = {}

    def forget(self) -> None:
        """Make every style anew: the theme is another."""
        self._rows.clear()
        self._pieces.clear()

    def row(self, name: str) -> Style:
        """Return the style of a row, one of `ROWS`."""
        if name not in self._rows:
            style = VisualStyle(self._ground) + VisualStyle.parse(self._texts[name])
            self._rows[name] = _legible(style.rich_style)
        return self._rows[name]

    @property
    def _ground(self) -> Color:
        """Return what is behind the rows."""
        return self._widget.background_colors[1]

    @property
    def _texts(self) -> Mapping[str, str]:
        """Return the styles of rows by their names, in the words of the theme."""
        if self._widget.app.no_color:
            return COLOURLESS_ROWS
        if self._widget.app.has_class(FEW_COLOURS):
            return ROWS_IN_16
        return ROWS if self._ground.ansi is None else ANSI_ROWS

    def piece(self, name: str, row: Style) -> Style:
        """Return the style of a piece of a cell, one of `PIECES`, on a row of style `row`."""
        if (style := self._pieces.get((name, row))) is None:
            style, ground = row, row.bgcolor
            # On a ground of the terminal's own no more than the row's own text is sure to be read.
            if name == "match":
                # Seen without colours as well, on every row.
                style = row + Style(bold=True, underline=True)
            elif ground is None or ground.is_default or ground.triplet:
                colour = (VisualStyle(self._ground) + VisualStyle.parse(PIECES[name])).rich_style.color
                style = _legible(row + Style(color=colour))
                if PIECES[name] == "$text-muted":
                    style = _dimmer(style, row)
            self._pieces[name, row] = style
        return style


def _legible(style: Style) -> Style:
    text, ground = (color and color.triplet for color in (style.color, style.bgcolor))
    if text is None or ground is None:
        return style
    colour = Color(*text)
    seen = legible(colour, [Color(*ground)])
    return style if seen is colour else style + Style(color=RichColor.from_rgb(*seen.rgb))


def _dimmer(style: Style, row: Style) -> Style:
    """Return a muted style, dimmed further where it would stand out as the row's own text does."""
    own, text, ground = (color and color.triplet for color in (style.color, row.color, row.bgcolor))
    if own is None or text is None or ground is None:
        return style
    on = Color(*ground)
    dimmed = muted(Color(*text), [on])
    # What is dimmer than that could not be read.
    if contrast(Color(*own), on) <= 0.9 * contrast(Color(*text), on):
        return style
    return style + Style(color=RichColor.from_rgb(*dimmed.rgb))

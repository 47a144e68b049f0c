"""A widget without border, padding and opacity: its lines are drawn as they are.

Textual puts those round each line, and keeps the result: where there are none, that costs more than to draw the line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

if TYPE_CHECKING:
    from rich.segment import Segment
    from textual.geometry import Region


class Unframed(Widget):
    """Base of what is drawn often."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines in `crop`, as wide as it is."""
        width, filters = self.outer_size.width, self.get_line_filters()
        background = self.background_colors[1]
        strips = []
        for y in crop.line_range:
            strip = self.render_line(y)
            if strip.cell_length != width:
                strip = strip.adjust_cell_length(width, Style(background=background).rich_style)
            if crop.width != width:
                strip = strip.crop(crop.x, crop.right)
            for each in filters:
                strip = strip.apply_filter(each, background)
            strips.append(strip)
        return strips


class BareLines(Widget):
    """Base of what draws many small pieces. A strip has seven caches of its own, which takes longer than a cell."""

    def draw_lines(self, crop: Region) -> list[list[Segment]]:
        """The lines in `crop`, as `render_lines` gives them, but for the strips."""
        raise NotImplementedError

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines in `crop`."""
        return [Strip(segments, crop.width) for segments in self.draw_lines(crop)]

"""Paints a few cells of a widget without a pass over the whole screen, for what ticks every second.

Textual draws every widget that a changed region touches, whole lines of it, and writes them all: for forty rows of
which one cell each has moved that costs ten times what the cells cost. Used only while nothing lies over the widget.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual._compositor import CompositorUpdate
from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
from textual.widgets import Tooltip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.segment import Segment
    from textual.css.styles import RulesMap
    from textual.widget import Widget
    from textual.widgets import Static

_NO_RULES: Final[RulesMap] = {}
Cells = tuple[int, int, "list[Segment]"]
"""Where in the widget, column and line, and what."""


class _CellsUpdate(CompositorUpdate):
    """Pieces of lines, each at its place on the screen."""

    def __init__(self, pieces: Sequence[tuple[int, int, Strip]]) -> None:
        self._pieces = pieces

    def render_segments(self, console: Console) -> str:
        """What is written to the terminal."""
        return "".join(f"\x1b[{y + 1};{x + 1}H{strip.render(console)}" for x, y, strip in self._pieces)


def paint(widget: Widget, cells: Sequence[Cells]) -> None:
    """Show `cells`, which `widget` draws as well from now on; places are within its content."""
    if not cells:
        return
    if _is_free(widget):
        lines = [y for _, y, _ in cells]
        widget.refresh(Region(0, min(lines), widget.size.width, max(lines) - min(lines) + 1))
        _drop_repaint(widget)
        _write(widget, cells)
    else:
        widget.refresh(*(Region(x, y, Strip(segments).cell_length, 1) for x, y, segments in cells))


def paint_text(widget: Static, before: Content, now: Content) -> None:
    """Show `now` where the text was `before`: only the lines that differ, if none has to be wrapped otherwise."""
    width = widget.content_size.width
    lines = _changed_lines(before, now, width) if _is_free(widget) else None
    widget.update(now, layout=len(now.plain) != len(before.plain))
    if lines is not None:
        _drop_repaint(widget)
        style = widget.visual_style
        _write(
            widget, [(0, y, list(Visual.to_strips(widget, line, width, 1, style)[0])) for y, line in lines]
        )


def _changed_lines(before: Content, now: Content, width: int) -> list[tuple[int, Content]] | None:
    """What stands on which line of the widget by now; None where lines move."""
    old, new = before.plain.split("\n"), now.split("\n", allow_blank=True)
    if len(before.plain) != len(now.plain) or len(old) != len(new):
        return None
    changed, y = [], 0
    for was, line in zip(old, new, strict=True):
        is_wide = cell_len(was) > width
        if was != line.plain:
            if is_wide or line.cell_length > width:
                return None
            changed.append((y, line))
        y += Content(was).get_height(_NO_RULES, width) if is_wide else 1
    return changed


def _write(widget: Widget, cells: Sequence[Cells]) -> None:
    """Filter the cells as Textual does (`NO_COLOR` is a filter) and send them as one update."""
    clip = widget.screen.find_widget(widget).clip
    left, top = widget.content_region.offset
    seen = [(left + x, top + y, segments) for x, y, segments in cells if clip.contains(left + x, top + y)]
    flat = [segment for _, _, segments in seen for segment in segments]
    for line_filter in widget.get_line_filters():
        flat = line_filter.apply(flat, widget.background_colors[1])
    filtered = iter(flat)
    pieces = [(x, y, Strip(islice(filtered, len(segments)))) for x, y, segments in seen]
    if pieces:
        widget.app._display(widget.screen, _CellsUpdate(pieces))  # type: ignore[arg-type]  # noqa: SLF001 - it takes what the compositor makes; a test watches over the name


def _drop_repaint(widget: Widget) -> None:
    """What was to be drawn in the next pass is drawn already; only what is kept of it was made void."""
    widget._exchange_repaint_regions()  # noqa: SLF001 - a test watches over the names
    widget._repaint_required = False  # noqa: SLF001 - as above


def _is_free(widget: Widget) -> bool:
    """Whether the widget lies on the screen as it was last drawn, with nothing over it."""
    app, screen = widget.app, widget.screen
    is_settled = not (
        app._batch_count or screen._layout_required or screen._dirty_widgets or widget._repaint_required  # noqa: SLF001 - a test watches over the names
    )
    return (
        is_settled
        and screen.is_current
        and widget.is_on_screen
        and not app._notifications  # noqa: SLF001 - as above
        and not any(tooltip.display for tooltip in screen.query_children(Tooltip))
        and not screen.selections
    )

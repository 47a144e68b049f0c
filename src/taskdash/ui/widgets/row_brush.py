"""Draws the table's rows, and remembers their pieces: of a row that ticks only the cells that differ are made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import set_cell_size
from rich.segment import Segment
from textual.strip import Strip

from taskdash.ui.columns import GAP, Cell, Moment, Placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.style import Style

    from taskdash.domain.task import Task

MAX_ROWS: Final = 400
"""As many as a few screens have."""


class _Row(NamedTuple):
    task: Task
    placed: Sequence[Placed]
    base: Style
    cells: list[Cell]
    pieces: list[list[Segment]]
    """Each cell as it is drawn, with the gap after it."""


class RowBrush:
    """Rows as strips, from left to right: the margin, then a cell for each column."""

    def __init__(self, style: Callable[[str], Style]) -> None:
        """Prepare to draw; `style` gives what a name adds to the style of a row."""
        self._style = style
        self._rows: dict[int, _Row] = {}

    def forget(self) -> None:
        """Make every row anew: the theme is another."""
        self._rows.clear()

    def draw(
        self, task: Task, placed: Sequence[Placed], moment: Moment, base: Style, margin: Sequence[Segment]
    ) -> Strip:
        """The row of `task`, on the ground of `base`."""
        row = self._rows.get(task.seq)
        if row is None or row.placed is not placed or row.base != base or row.task != task:
            if len(self._rows) >= MAX_ROWS:
                self._rows.clear()
            cells = [place.column.cell(task, moment, place.width) for place in placed]
            pieces = [self._piece(cell, place, base) for cell, place in zip(cells, placed, strict=True)]
            row = self._rows[task.seq] = _Row(task, placed, base, cells, pieces)
        else:
            self._renew(row, moment)
        width = len(margin) + sum(place.width + GAP for place in placed)
        return Strip([*margin, *(segment for piece in row.pieces for segment in piece)], width)

    def moved(self, task: Task, moment: Moment, margin: int) -> Iterator[tuple[int, list[Segment]]]:
        """What reads otherwise by now than was drawn last: its first cell, and its segments."""
        row = self._rows.get(task.seq)
        if row is not None:
            for index, before in self._renew(row, moment):
                x = margin + sum(place.width + GAP for place in row.placed[:index])
                skipped, segments = _difference(before, row.pieces[index])
                yield x + skipped, segments

    def _renew(self, row: _Row, moment: Moment) -> list[tuple[int, list[Segment]]]:
        """Make the pieces anew that say something else by now; which these are, and what they were."""
        moved = []
        for index, place in enumerate(row.placed):
            if place.column.moves:
                cell = place.column.cell(row.task, moment, place.width)
                if cell != row.cells[index]:
                    moved.append((index, row.pieces[index]))
                    row.cells[index] = cell
                    row.pieces[index] = self._piece(cell, place, row.base)
        return moved

    def _piece(self, cell: Cell, place: Placed, base: Style) -> list[Segment]:
        return [*_fit(cell, place.width, base, self._style), Segment(" " * GAP, base)]


def _fit(cell: Cell, width: int, base: Style, style: Callable[[str], Style]) -> list[Segment]:
    """The segments of a cell, exactly `width` cells wide; a text that is too long ends in an ellipsis."""
    segments: list[Segment] = []
    room = width
    for span in cell:
        segment_style = base + style(span.style) if span.style else base
        segment = Segment(span.text, segment_style)
        if segment.cell_length > room:
            text = set_cell_size(span.text, max(0, room - 1)) + "…" if room else ""
            segments.append(Segment(text, segment_style))
            return segments
        segments.append(segment)
        room -= segment.cell_length
    if room:
        segments.append(Segment(" " * room, base))
    return segments


def _difference(before: list[Segment], now: list[Segment]) -> tuple[int, list[Segment]]:
    """The segments that are others now, without those at both ends that are not; and how many cells come before."""
    first, last = 0, len(now)
    if len(before) != last:
        return 0, now
    while first < last and before[first] == now[first]:
        first += 1
    while first < last and before[last - 1] == now[last - 1]:
        last -= 1
    if sum(segment.cell_length for segment in before[first:last]) != sum(
        segment.cell_length for segment in now[first:last]
    ):
        return 0, now
    return sum(segment.cell_length for segment in now[:first]), now[first:last]

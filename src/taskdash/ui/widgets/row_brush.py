"""Draws the table's rows, and remembers their pieces: of a row that ticks only the cells that differ are made anew."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from rich.cells import set_cell_size
from rich.segment import Segment

from taskdash.ui.columns import GAP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from rich.style import Style

    from taskdash.domain.task import Task
    from taskdash.ui.columns import Cell, Moment, Placed

MAX_ROWS: Final = 400
"""As many as a few screens have."""


Moved = tuple[int, int, "Segment | None"]
"""A part of a row that reads otherwise: its first cell, how many there are, and all of it, where that is one piece."""


class _Row:
    """A row as it was drawn last."""

    __slots__ = (
        "base",
        "cells",
        "growing",
        "made_ms",
        "moment",
        "pieces",
        "placed",
        "stand_until_ms",
        "stands_until_ms",
        "task",
    )

    def __init__(
        self, task: Task, placed: Sequence[Placed], base: Style, cells: list[Cell], moment: Moment
    ) -> None:
        self.task, self.placed, self.base, self.cells, self.moment = task, placed, base, cells, moment
        self.made_ms = now_ms = moment.now_ms
        self.stand_until_ms = [now_ms + place.column.stands_ms(task, now_ms) for place in placed]
        """Until when each cell says the same."""
        self.growing = [index for index, until_ms in enumerate(self.stand_until_ms) if until_ms == now_ms]
        """The cells that may say something else at any time."""
        for index in self.growing:
            self.stand_until_ms[index] = inf
        self.stands_until_ms = min(self.stand_until_ms, default=inf)
        self.pieces: list[list[Segment]] = []
        """Each cell as it is drawn, with the gap after it."""


class RowBrush:
    """Rows from left to right, a cell for each column."""

    def __init__(
        self, style: Callable[[str, Style], Style], finish: Callable[[list[Segment]], list[Segment]]
    ) -> None:
        """Prepare to draw.

        Args:
            style: Gives what a name makes of the style of a row.
            finish: Applies to a piece what is applied to every line.
        """
        self._style = style
        self._finish = finish
        self._rows: dict[int, _Row] = {}

    def forget(self) -> None:
        """Make every row anew: the theme is another."""
        self._rows.clear()

    def draw(
        self, task: Task, placed: Sequence[Placed], moment: Moment, base: Style
    ) -> Sequence[list[Segment]]:
        """The cells of `task`, on the ground of `base`, each with the gap after it."""
        row = self._rows.get(task.seq)
        if (
            row is None
            or row.placed is not placed
            or (row.base is not base and row.base != base)
            or (row.task is not task and row.task != task)
        ):
            if len(self._rows) >= MAX_ROWS:
                self._rows.clear()
            cells = [place.column.cell(task, moment, place.width) for place in placed]
            row = self._rows[task.seq] = _Row(task, placed, base, cells, moment)
            row.pieces = [self._piece(cell, place, base) for cell, place in zip(cells, placed, strict=True)]
        else:
            # The very same next time: that is told at once.
            row.task, row.base = task, base
            if row.moment is not moment:
                self._renew(row, moment)
        return row.pieces

    def moved(self, task: Task, moment: Moment) -> Sequence[Moved]:
        """Where the row reads otherwise by now than was drawn last."""
        row = self._rows.get(task.seq)
        return () if row is None else self._renew(row, moment)

    def _renew(self, row: _Row, moment: Moment) -> list[Moved]:
        """Make anew what says something else by now; where that is."""
        row.moment, now_ms = moment, moment.now_ms
        moved: list[Moved] = []
        for index in row.growing:
            self._renew_cell(row, index, moment, moved)
        # Before it was made: the clock was set back.
        is_behind = now_ms < row.made_ms
        if now_ms >= row.stands_until_ms or is_behind:
            for index, until_ms in enumerate(row.stand_until_ms):
                if until_ms <= now_ms or (is_behind and until_ms < inf):
                    stands_ms = row.placed[index].column.stands_ms(row.task, now_ms)
                    row.stand_until_ms[index] = now_ms + stands_ms
                    self._renew_cell(row, index, moment, moved)
            row.stands_until_ms = min(row.stand_until_ms)
        row.made_ms = now_ms
        return moved

    def _renew_cell(self, row: _Row, index: int, moment: Moment, moved: list[Moved]) -> None:
        place, before, piece = row.placed[index], row.cells[index], row.pieces[index]
        cell = place.column.cell(row.task, moment, place.width)
        if cell == before:
            return
        row.cells[index] = cell
        first = piece[0]
        if _is_other_number(before, cell) and first.text == before[0].text:
            text = cell[0].text
            piece[0] = first = Segment(text, first.style)
            moved.append((place.x, len(text), first))
        else:
            row.pieces[index] = self._piece(cell, place, row.base)
            moved.append((*_difference(piece, row.pieces[index], place.x), None))

    def _piece(self, cell: Cell, place: Placed, base: Style) -> list[Segment]:
        return self._finish([*_fit(cell, place.width, base, self._style), Segment(" " * GAP, base)])


def _is_other_number(before: Cell, now: Cell) -> bool:
    """Whether nothing but the text in front is another, and as wide: what happens every second, told quickly."""
    (text, style), (was, style_before) = now[0], before[0]
    return (
        len(text) == len(was)
        and style == style_before
        and text.isascii()
        and was.isascii()
        and text.isprintable()
        and (len(now) == len(before) == 1 or now[1:] == before[1:])
    )


def _fit(cell: Cell, width: int, base: Style, style: Callable[[str, Style], Style]) -> list[Segment]:
    """The segments of a cell, exactly `width` cells wide; a text that is too long ends in an ellipsis."""
    segments: list[Segment] = []
    room = width
    for span in cell:
        segment_style = style(span.style, base) if span.style else base
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


def cut(segments: Iterable[Segment], skipped: int, cells: int) -> list[Segment]:
    """What is seen of a line of which the first cells are `skipped`, in so many `cells`."""
    seen = []
    for whole in segments:
        segment = whole
        length = len(whole.text) if whole.text.isascii() else whole.cell_length
        if skipped >= length:
            skipped -= length
            continue
        if skipped:
            segment, length, skipped = segment.split_cells(skipped)[1], length - skipped, 0
        if length >= cells:
            seen.append(segment if length == cells else segment.split_cells(cells)[0])
            break
        seen.append(segment)
        cells -= length
    return seen


def _difference(before: list[Segment], now: list[Segment], x: int) -> tuple[int, int]:
    """From which cell on they differ, of those from `x` on, and in how many, to the last that does."""
    first, last = 0, len(now)
    if len(before) != last:
        return x, _cells(now)
    while first < last and before[first] == now[first]:
        first += 1
    while first < last and before[last - 1] == now[last - 1]:
        last -= 1
    if _cells(before[first:last]) != _cells(now[first:last]):
        return x, _cells(now)
    return x + _cells(now[:first]), _cells(now[first:last])


def _cells(segments: Iterable[Segment]) -> int:
    return sum(segment.cell_length for segment in segments)

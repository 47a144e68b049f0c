"""The batches as lines: a label, a bar, counts, what waits too long, what is left, what it costs.

A column is there where one of the batches has something to say in it, and where the terminal has room for it.
Figures in, text out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from taskdash.domain.durations import NONE, amount, duration
from taskdash.domain.progress import time_left
from taskdash.domain.task import State
from taskdash.domain.words import NO_LABEL, SYMBOLS, USUAL_LIFE_MS, notice_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from taskdash.domain.batches import LabelFigures

_LEAST_LABEL_CELLS: Final = 14
_MOST_LABEL_CELLS: Final = 40
_BAR_CELLS: Final = 8
_GIVE_WAY: Final = ("Credits", "Expires", "Unsaved", "Left", "Overdue", "")
"""Which columns a narrow terminal does without, the first of them first; the bar last."""
_COUNTED: Final = {
    State.SUCCESS: "$text-success",
    State.FAIL: "$text-error",
    State.WAITING: "$text-primary",
    State.NEW: "$text-muted",
}


class _Column(NamedTuple):
    title: str
    cells: Sequence[Content]

    @property
    def width(self) -> int:
        return max(len(self.title), *(cell.cell_length for cell in self.cells))


def batch_lines(
    batches: Sequence[LabelFigures],
    left_ms: Callable[[LabelFigures], int | None],
    now_ms: int,
    width: int,
) -> tuple[Content, list[Content]]:
    """Return a line of titles and one for each batch, `width` cells wide.

    Args:
        batches: What there is.
        left_ms: How long a batch will still take; None where nobody knows.
        now_ms: The time.
        width: The cells of a line.
    """
    names = [each.label or NO_LABEL for each in batches]
    longest = min(_MOST_LABEL_CELLS, max(map(cell_len, names), default=0))
    least = min(_LEAST_LABEL_CELLS, longest)
    columns = [
        _Column("", [_bar(each, _BAR_CELLS) for each in batches]),
        *(
            _column(SYMBOLS[state], [(_count(each.counts[state]), style) for each in batches])
            for state, style in _COUNTED.items()
        ),
        _column("Overdue", [(_count(each.overdue), "$text-warning") for each in batches]),
        _column("Left", [(_left(left_ms(each)), "") for each in batches]),
        _column("Credits", [_credits(each) for each in batches]),
        _column("Unsaved", [(_count(each.unsaved), "") for each in batches]),
        _column("Expires", [_expiry(each, now_ms) for each in batches]),
    ]
    columns = [column for column in columns if any(column.cells)]

    def room(gap: int) -> int:
        return width - sum(column.width + gap for column in columns)

    gap = 2 if room(2) >= least else 1
    for title in _GIVE_WAY:
        if room(gap) < least:
            columns = [column for column in columns if column.title != title]
    label_cells = max(1, min(longest, room(gap)))

    def line(name: Content, cells: Iterable[Content]) -> Content:
        parts = [name.truncate(label_cells, ellipsis=True, pad=True)]
        for cell, column in zip(cells, columns, strict=True):
            parts += [Content(" " * (gap + column.width - cell.cell_length)), cell]
        return Content("").join(parts)

    titles = line(Content("Label"), [Content(column.title) for column in columns])
    return titles.stylize("$text-muted"), [
        line(
            Content.styled(name, "$text-secondary" if batch.label else "$text-muted"),
            [column.cells[n] for column in columns],
        )
        for n, (name, batch) in enumerate(zip(names, batches, strict=True))
    ]


def _column(title: str, cells: Iterable[tuple[str, str]]) -> _Column:
    return _Column(title, [Content.styled(*cell) for cell in cells])


def _count(count: int) -> str:
    return f"{count:,}" if count else ""


def _bar(batch: LabelFigures, cells: int) -> Content:
    success, fail, rest = batch.shares(cells)
    return Content.assemble(
        ("▰" * success, "$text-success"), ("▰" * fail, "$text-error"), ("▱" * rest, "$text-primary")
    )


def _left(left_ms: int | None) -> str:
    if left_ms is None:
        return ""
    return time_left(left_ms).removesuffix(" left").replace("under ", "<")


def _credits(batch: LabelFigures) -> tuple[str, str]:
    """Return what a batch cost: with a plus where some of it is not known."""
    if batch.credits is None:
        return (NONE, "$text-muted") if batch.without_credits else ("", "")
    return amount(round(batch.credits, 2)) + ("+" if batch.without_credits else ""), ""


def _expiry(batch: LabelFigures, now_ms: int) -> tuple[str, str]:
    if batch.expires_at_ms is None:
        return "", ""
    left_ms = batch.expires_at_ms - now_ms
    if left_ms <= 0:
        return "expired", "$text-muted"
    # In whole minutes: many lines that tell seconds would be drawn each second.
    is_soon = left_ms < notice_ms(USUAL_LIFE_MS)
    return duration(math.ceil(left_ms / 60_000) * 60_000), "$text-warning" if is_soon else ""

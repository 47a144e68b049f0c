"""Renders batches as lines: label, bar, counts, overdue tasks, time left, cost, unsaved results and their expiry.

A column is shown if at least one batch has a value for it, and the terminal has room for it.
Pure: figures in, text out.
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
    from collections.abc import Callable, Sequence

    from taskdash.domain.progress import LabelFigures

_LEAST_LABEL_CELLS: Final = 14
_MOST_LABEL_CELLS: Final = 40
_BAR_CELLS: Final = 8
_GIVE_WAY: Final = ("Credits", "Expires", "Unsaved", "Left", "Overdue", "")
"""The columns dropped on a narrow terminal, in this order; "" is the bar."""
_COUNTED: Final = {
    State.SUCCESS: "$text-success",
    State.FAIL: "$text-error",
    State.WAITING: "$text-primary",
    State.NEW: "$text-muted",
}


class _Column(NamedTuple):
    title: str
    cells: Sequence[tuple[str, str]]
    width: int


def batch_lines(
    batches: Sequence[LabelFigures],
    left_ms: Callable[[LabelFigures], int | None],
    now_ms: int,
    width: int,
) -> tuple[Content, Callable[[int], Content]]:
    """Return a line of titles, and a function that renders batch number `n`: of many, only a few are visible.

    `left_ms` returns how long a batch will still take, None if unknown.
    """
    names = [each.label or NO_LABEL for each in batches]
    longest = min(_MOST_LABEL_CELLS, max(map(cell_len, names), default=0))
    least = min(_LEAST_LABEL_CELLS, longest)
    columns = [
        _Column("", [("", "")] * len(batches), _BAR_CELLS),
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
    columns = [column for column in columns if column.width]

    def room(gap: int) -> int:
        return width - sum(column.width + gap for column in columns)

    gap = 2 if room(2) >= least else 1
    for title in _GIVE_WAY:
        if room(gap) < least:
            columns = [column for column in columns if column.title != title]
    label_cells = max(1, min(longest, room(gap)))

    def line(n: int) -> Content:
        style = "$text-secondary" if batches[n].label else "$text-muted"
        parts = [Content.styled(names[n], style).truncate(label_cells, ellipsis=True, pad=True)]
        for title, cells, cells_wide in columns:
            text, style = cells[n]
            blanks = Content(" " * (gap + (cells_wide - len(text) if title else 0)))
            parts += [blanks, Content.styled(text, style) if title else _bar(batches[n])]
        return Content("").join(parts)

    titles = "".join(f"{column.title:>{gap + column.width}}" for column in columns)
    return Content.styled(f"{'Label':<{label_cells}}"[:label_cells] + titles, "$text-muted"), line


def _column(title: str, cells: Sequence[tuple[str, str]]) -> _Column:
    """Return a column; its width is 0 if it is empty for every batch."""
    longest = max((len(text) for text, _ in cells), default=0)
    return _Column(title, cells, max(len(title), longest) if longest else 0)


def _count(count: int) -> str:
    return f"{count:,}" if count else ""


def _bar(batch: LabelFigures) -> Content:
    success, fail, rest = batch.shares(_BAR_CELLS)
    return Content.assemble(
        ("▰" * success, "$text-success"), ("▰" * fail, "$text-error"), ("▱" * rest, "$text-primary")
    )


def _left(left_ms: int | None) -> str:
    if left_ms is None:
        return ""
    return time_left(left_ms).removesuffix(" left").replace("under ", "<")


def _credits(batch: LabelFigures) -> tuple[str, str]:
    """Return the cost of a batch, with a plus if that of some tasks is unknown."""
    if batch.credits is None:
        return (NONE, "$text-muted") if batch.without_credits else ("", "")
    return amount(round(batch.credits, 2)) + ("+" if batch.without_credits else ""), ""


def _expiry(batch: LabelFigures, now_ms: int) -> tuple[str, str]:
    if batch.expires_at_ms is None:
        return "", ""
    left_ms = batch.expires_at_ms - now_ms
    if left_ms <= 0:
        return "expired", "$text-muted"
    # In whole minutes: with seconds, many lines would be redrawn every second.
    is_soon = left_ms < notice_ms(USUAL_LIFE_MS)
    return duration(math.ceil(left_ms / 60_000) * 60_000), "$text-warning" if is_soon else ""

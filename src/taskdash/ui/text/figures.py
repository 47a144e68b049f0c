"""Renders figures about many tasks as styled text: statistics by model, and batches by label.

On a narrow terminal columns are left out. Pure: figures in, text out.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.cells import cell_len
from textual.content import Content

from taskdash.domain.tally import DAY_HOURS, ended_per_hour, histogram, tally
from taskdash.domain.task import State
from taskdash.domain.words import (
    NO_LABEL,
    NO_MODEL,
    NONE,
    SYMBOLS,
    USUAL_LIFE_MS,
    amount,
    bars,
    duration,
    notice_ms,
    plural,
    time_left,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from taskdash.domain.batches import LabelFigures
    from taskdash.domain.tally import Tally, TaskFigures

_BARS: Final = 24
"""The cells of a row of bars, for hours or durations."""
_LEAST_MODEL_CELLS: Final = 12
_MAX_MODELS: Final = 200
_GAP: Final = 2
_LEAST_LABEL_CELLS: Final = 14
_MOST_LABEL_CELLS: Final = 40
_BATCH_BAR_CELLS: Final = 8
_COUNTED: Final = {
    State.SUCCESS: "$text-success",
    State.FAIL: "$text-error",
    State.WAITING: "$text-primary",
    State.NEW: "$text-muted",
}


class _Column(NamedTuple):
    """Carries the texts of one kind of figure, each with its style."""

    title: str
    cells: Sequence[tuple[str, str]]
    width: int
    """0 if there is no text under the title."""


def _column(title: str, cells: Sequence[tuple[str, str]]) -> _Column:
    longest = max((len(text) for text, _ in cells), default=0)
    return _Column(title, cells, max(len(title), longest) if longest else 0)


def _that_fit(columns: Sequence[_Column], room: int, gap: int, give_way: Sequence[str]) -> list[_Column]:
    """Return the columns that have a text, without the first of `give_way` if all need more than `room` cells."""
    kept = [column for column in columns if column.width]
    for title in give_way:
        if sum(column.width + gap for column in kept) > room:
            kept = [column for column in kept if column.title != title]
    return kept


# Statistics


def statistics_text(outcomes: Sequence[TaskFigures], now_ms: int, width: int) -> Content:
    """Return the table of models, tasks finished per hour, and durations by model, in lines of up to `width` cells."""
    everything, models = tally(outcomes)
    remarks = [Content.styled(each, "$text-muted") for each in everything.remarks]
    parts = [
        [*_table(everything, models, width), *remarks],
        _hours(outcomes, now_ms),
        _durations(models[:_MAX_MODELS], width),
    ]
    return Content("\n\n").join(Content("\n").join(lines) for lines in parts if lines)


def _table(everything: Tally, models: Sequence[Tally], width: int) -> list[Content]:
    shown = [*models[:_MAX_MODELS], everything] if len(models) != 1 else models
    names = [each.name or ("All" if each is everything else NO_MODEL) for each in shown]
    rates = [each.success_rate for each in shown]
    figures = {
        "Tasks": [f"{each.total:,}" for each in shown],
        "Success": [NONE if rate is None else f"{rate:.1%}" for rate in rates],
        "p50": [duration(each.cost_p50_ms) for each in shown],
        "p90": [duration(each.cost_p90_ms) for each in shown],
        "Credits": [amount(each.credits) if everything.credits is not None else "" for each in shown],
    }
    columns = [_column(title, [(text, "") for text in texts]) for title, texts in figures.items()]
    columns = _that_fit(columns, width - _LEAST_MODEL_CELLS, _GAP, ("p90", "Credits"))
    room = width - sum(column.width + _GAP for column in columns)
    model_cells = max(_LEAST_MODEL_CELLS, min(max(map(len, names)), room))
    styles = ["$text-muted", *[""] * (len(names) - 1), "bold" if len(names) > 1 else ""]
    texts = [[column.title, *(text for text, _ in column.cells)] for column in columns]
    lines: list[Content] = []
    for n, name in enumerate(["Model", *names]):
        numbers = "".join(
            f"{cells[n]:>{_GAP + column.width}}" for cells, column in zip(texts, columns, strict=True)
        )
        lines += _named(name, Content.styled(numbers, styles[n]), model_cells, width, styles[n])
    if len(models) > _MAX_MODELS:
        lines.append(Content.styled(f"and {len(models) - _MAX_MODELS:,} more models", "$text-muted"))
    return lines


def _named(name: str, figures: Content, cells: int, width: int, style: str = "") -> list[Content]:
    """Return figures after a name; one too long to fit gets its own line, as similar models differ only at the end."""
    lines = []
    if cell_len(name) > cells:
        lines.append(Content.styled(name, style).truncate(width, ellipsis=True))
        name = ""
    return [*lines, Content.styled(name, style).truncate(cells, pad=True) + figures]


def _hours(outcomes: Sequence[TaskFigures], now_ms: int) -> list[Content]:
    ended = ended_per_hour(outcomes, now_ms)
    if not any(ended):
        unfinished = sum(not outcome.state.finished for outcome in outcomes)
        words = f"Nothing finished in the last {DAY_HOURS} hours ({unfinished:,} unfinished)."
        return [Content.styled(words, "$text-muted")]
    good = ended_per_hour((each for each in outcomes if each.state is State.SUCCESS), now_ms)
    words = f"{plural(sum(ended), 'task')} in the last {DAY_HOURS} hours, {sum(good):,} succeeded"
    return [
        Content.styled(f"Finished per hour (peak {max(ended):,})", "bold"),
        Content.styled(bars(ended), "$text-accent"),
        _axis(f"{DAY_HOURS}h ago", "now"),
        Content.styled(words, "$text-muted"),
    ]


def _durations(models: Iterable[Tally], width: int) -> list[Content]:
    timed = [(each.name or NO_MODEL, each.costs_ms) for each in models if each.costs_ms]
    if not timed:
        return []
    least_ms, most_ms = min(costs[0] for _, costs in timed), max(costs[-1] for _, costs in timed)
    cells = max(0, min(max(cell_len(name) for name, _ in timed), width - _GAP - _BARS))
    lines = [Content.styled("Histogram, fastest to slowest", "bold")]
    for name, costs in timed:
        row = bars(histogram(costs, _BARS, least_ms, most_ms))
        figures = Content.assemble(" " * _GAP, (row, "$text-accent"))
        # Bars of full height would touch those of the row above.
        lines += [*_named(name, figures, cells, width), Content("")]
    return [*lines[:-1], Content(" " * (cells + _GAP)) + _axis(duration(least_ms), duration(most_ms))]


def _axis(begin: str, end: str) -> Content:
    return Content.styled(f"{begin} {'─' * (_BARS - len(begin) - len(end) - 2)} {end}", "$text-muted")


# Batches


def batch_lines(
    batches: Sequence[LabelFigures],
    left_ms: Callable[[LabelFigures], int | None],
    now_ms: int,
    width: int,
) -> tuple[Content, Callable[[int], Content]]:
    """Return a line of titles, and a function that renders batch number `n`: of many, only a few are visible.

    A column is shown if at least one batch has a value for it. `left_ms` returns how long a batch will still take,
    None if unknown.
    """
    names = [each.label or NO_LABEL for each in batches]
    longest = min(_MOST_LABEL_CELLS, max(map(cell_len, names), default=0))
    least = min(_LEAST_LABEL_CELLS, longest)
    all_columns = [
        _column("", [("▱" * _BATCH_BAR_CELLS, "")] * len(batches)),
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
    room = width - least
    gap = 2 if sum(column.width + 2 for column in all_columns if column.width) <= room else 1
    give_way = ("Credits", "Expires", "Unsaved", "Left", "Overdue", "")
    columns = _that_fit(all_columns, room, gap, give_way)
    label_cells = max(1, min(longest, width - sum(column.width + gap for column in columns)))

    def line(n: int) -> Content:
        style = "$text-secondary" if batches[n].label else "$text-muted"
        parts = [Content.styled(names[n], style).truncate(label_cells, ellipsis=True, pad=True)]
        for column in columns:
            text = Content.styled(*column.cells[n]) if column.title else _bar(batches[n])
            parts += [Content(" " * (gap + column.width - len(text))), text]
        return Content("").join(parts)

    titles = "".join(f"{column.title:>{gap + column.width}}" for column in columns)
    return Content.styled(f"{'Label':<{label_cells}}"[:label_cells] + titles, "$text-muted"), line


def _count(count: int) -> str:
    return f"{count:,}" if count else ""


def _bar(batch: LabelFigures) -> Content:
    success, fail, rest = batch.shares(_BATCH_BAR_CELLS)
    return Content.assemble(
        ("▰" * success, "$text-success"), ("▰" * fail, "$text-error"), ("▱" * rest, "$text-primary")
    )


def _left(left_ms: int | None) -> str:
    return "" if left_ms is None else time_left(left_ms).removesuffix(" left").replace("under ", "<")


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

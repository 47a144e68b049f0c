"""Renders the statistics as styled text: one line per model, tasks finished per hour, and histograms of durations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual.content import Content

from taskdash.domain.durations import NONE, amount, duration
from taskdash.domain.tally import DAY_HOURS, ended_per_hour, histogram, tally
from taskdash.domain.task import State
from taskdash.domain.words import NO_MODEL, bars, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskdash.domain.tally import Tally, TaskFigures

_BARS: Final = 24
"""The cells of a row of bars, for hours or durations."""
_LEAST_MODEL_CELLS: Final = 12
_MAX_MODELS: Final = 200
_GAP: Final = 2
_TITLES: Final = ("Model", "Tasks", "Success", "p50", "p90", "Credits")
_GIVE_WAY: Final = ("p90", "Credits")


def statistics_text(outcomes: Sequence[TaskFigures], now_ms: int, width: int) -> Content:
    """Return the table of models, tasks finished per hour, and durations by model, in lines of up to `width` cells."""
    everything, models = tally(outcomes)
    parts = [
        [
            *_table(everything, models, width),
            *(Content.styled(each, "$text-muted") for each in everything.remarks),
        ],
        _hours(outcomes, now_ms),
        _durations(models[:_MAX_MODELS], width),
    ]
    return Content("\n\n").join(Content("\n").join(lines) for lines in parts if lines)


def _table(everything: Tally, models: Sequence[Tally], width: int) -> list[Content]:
    shown = [*models[:_MAX_MODELS], everything] if len(models) != 1 else models
    rows = [_TITLES, *(_cells(each, is_total=each is everything) for each in shown)]
    columns = list(range(1, len(_TITLES) - (everything.credits is None)))
    widest = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def room() -> int:
        return width - sum(widest[column] + _GAP for column in columns)

    for title in _GIVE_WAY:
        if room() < _LEAST_MODEL_CELLS and (column := _TITLES.index(title)) in columns:
            columns.remove(column)
    model_cells = max(_LEAST_MODEL_CELLS, min(widest[0], room()))
    lines: list[Content] = []
    for n, row in enumerate(rows):
        style = "bold" if n == len(rows) - 1 > 1 else "" if n else "$text-muted"
        numbers = "".join(f"{row[column]:>{_GAP + widest[column]}}" for column in columns)
        lines += _named(row[0], Content.styled(numbers, style), model_cells, width, style)
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


def _cells(tally: Tally, *, is_total: bool) -> tuple[str, ...]:
    rate = tally.success_rate
    return (
        tally.name or ("All" if is_total else NO_MODEL),
        f"{tally.total:,}",
        NONE if rate is None else f"{rate:.1%}",
        duration(tally.cost_p50_ms),
        duration(tally.cost_p90_ms),
        amount(tally.credits),
    )


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

"""What a list adds up to, as styled text: a line a model, and how many tasks ended when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual.content import Content

from taskdash.domain.durations import NONE, duration
from taskdash.domain.tally import DAY_HOURS, ended_per_hour, histogram, tally
from taskdash.domain.task import State
from taskdash.domain.words import NO_MODEL, bars, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.tally import Tally, TaskFigures

_BARS: Final = 10
_LEAST_MODEL_CELLS: Final = 12
_MAX_MODELS: Final = 200
_TITLES: Final = ("model", "tasks", "success", "p50", "p90", "costTime", "credits")
_P90, _COST = 4, 5
_GIVE_WAY: Final = (_COST, _P90)
"""Which columns a narrow terminal does without."""
_HOURS_CELLS: Final = 58


def statistics_text(outcomes: Sequence[TaskFigures], now_ms: int, width: int) -> Content:
    """Return the table of models and the row of hours, in lines of `width` cells."""
    everything, models = tally(outcomes)
    shown = [*models[:_MAX_MODELS], everything] if len(models) != 1 else models
    rows = [_TITLES, *(_cells(each, is_total=each is everything) for each in shown)]
    columns = list(range(1, len(_TITLES) - (everything.credits_consumed is None)))
    widest = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def room() -> int:
        return width - sum(widest[column] + 2 for column in columns)

    for column in _GIVE_WAY:
        if room() < _LEAST_MODEL_CELLS:
            columns.remove(column)
    model_cells = max(_LEAST_MODEL_CELLS, min(widest[0], room()))
    lines: list[Content] = []
    for n, (name, *_) in enumerate(rows):
        style = "bold" if n == len(rows) - 1 > 1 else "" if n else "$text-muted"
        if cell_len(name) > model_cells:
            # Names of one family differ at their end: whole on a line of its own it tells which it is.
            lines.append(Content.styled(name, style).truncate(width, ellipsis=True))
            name = ""
        cells = [Content.styled(name, style).truncate(model_cells, pad=True)]
        for column in columns:
            is_bars = column == _COST
            text = f"{rows[n][column]:{'<' if is_bars else '>'}{widest[column]}}"
            cells.append(Content.styled(text, "$text-accent" if is_bars and not style else style))
        lines.append(Content("  ").join(cells))
    if len(models) > _MAX_MODELS:
        lines.append(Content.styled(f"and {len(models) - _MAX_MODELS:,} more models", "$text-muted"))
    return Content("\n").join([*lines, Content(""), *_hours(outcomes, now_ms, width)])


def _cells(tally: Tally, *, is_total: bool) -> tuple[str, ...]:
    rate, costs_ms = tally.success_rate, tally.costs_ms
    has_bars = costs_ms and not is_total
    return (
        tally.model or ("all" if is_total else NO_MODEL),
        f"{tally.total:,}",
        NONE if rate is None else f"{rate:.1%}",
        duration(tally.cost_p50_ms, measured=True),
        duration(tally.cost_p90_ms, measured=True),
        bars(histogram(costs_ms, _BARS, costs_ms[0], costs_ms[-1])) if has_bars else "",
        NONE if tally.credits_consumed is None else f"{tally.credits_consumed:,g}",
    )


def _hours(outcomes: Sequence[TaskFigures], now_ms: int, width: int) -> list[Content]:
    ended = ended_per_hour(outcomes, now_ms)
    if not any(ended):
        unfinished = sum(not outcome.state.finished for outcome in outcomes)
        words = f"None ended in the last {DAY_HOURS} hours; {unfinished:,} unfinished."
        return [Content.styled(words, "$text-muted")]
    good = sum(
        outcome.state is State.SUCCESS
        and outcome.ended_at_ms is not None
        and 0 <= now_ms - outcome.ended_at_ms < DAY_HOURS * 3_600_000
        for outcome in outcomes
    )
    words = f"{plural(sum(ended), 'task')} in the last {DAY_HOURS} hours, {good:,} of them success"
    row = Content.assemble(
        ("ended per hour  ", "$text-muted"),
        "" if width >= _HOURS_CELLS else "\n",
        (bars(ended), "$text-accent"),
        f"  now; at most {max(ended):,}",
    )
    return [row, Content.styled(words, "$text-muted")]

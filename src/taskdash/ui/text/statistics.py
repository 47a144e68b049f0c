"""What a list adds up to, as styled text: a line a model, and how many tasks ended when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual.content import Content

from taskdash.domain.tally import DAY_HOURS, ended_per_hour, histogram, tally
from taskdash.domain.task import State
from taskdash.domain.words import NO_MODEL, NONE, bars, length, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.tally import Tally, TaskFigures

_BARS: Final = 10
_LEAST_MODEL_CELLS: Final = 12
_MAX_MODELS: Final = 200
_TITLES: Final = ("model", "tasks", "success", "p50", "p90", "costTime", "credits")
_MODEL, _P90, _COST = 0, 4, 5
_GIVE_WAY: Final = (_COST, _P90)
"""Which columns a narrow terminal does without."""
_HOURS_CELLS: Final = 58


def statistics_text(outcomes: Sequence[TaskFigures], now_ms: int, width: int) -> Content:
    """The table of models and the row of hours, in lines of `width` cells."""
    everything, models = tally(outcomes)
    shown = [*models[:_MAX_MODELS], everything] if len(models) != 1 else models
    rows = [_TITLES, *(_cells(each, is_total=each is everything) for each in shown)]
    columns = [
        n for n in range(len(_TITLES)) if n != len(_TITLES) - 1 or everything.credits_consumed is not None
    ]
    widest = [max(len(row[column]) for row in rows) for column in range(len(_TITLES))]

    def rest() -> int:
        return sum(widest[column] + 2 for column in columns[1:])

    for column in _GIVE_WAY:
        if _LEAST_MODEL_CELLS + rest() > width:
            columns.remove(column)
    widths = [widest[column] for column in columns]
    widths[0] = max(_LEAST_MODEL_CELLS, min(widths[0], width - rest()))
    lines: list[Content] = []
    for n, row in enumerate(rows):
        style, name = _style(n, len(rows)), row[_MODEL]
        if cell_len(name) > widths[0]:
            # Names of one family differ at their end: whole on a line of its own it tells which it is.
            lines.append(Content.styled(name, style).truncate(width, ellipsis=True))
            name = ""
        cells = [(_MODEL, name), *((column, row[column]) for column in columns[1:])]
        lines.append(_line(cells, widths, style))
    if len(models) > _MAX_MODELS:
        lines.append(Content.styled(f"and {len(models) - _MAX_MODELS:,} more models", "$text-muted"))
    return Content("\n").join([*lines, Content(""), *_hours(outcomes, now_ms, width)])


def _style(line: int, lines: int) -> str:
    if line == 0:
        return "$text-muted"
    return "bold" if line == lines - 1 and lines > 2 else ""


def _line(cells: Sequence[tuple[int, str]], widths: Sequence[int], style: str) -> Content:
    parts: list[Content] = []
    for (column, cell), width in zip(cells, widths, strict=True):
        text = Content.styled(cell, "$text-accent" if column == _COST and not style else style)
        if column == _MODEL:
            parts.append(text.truncate(width, ellipsis=True, pad=True))
        else:
            parts.append(
                text.pad_left(width - len(cell)) if column != _COST else text.pad_right(width - len(cell))
            )
    return Content("  ").join(parts)


def _cells(tally: Tally, *, is_total: bool) -> tuple[str, ...]:
    rate, costs_ms = tally.success_rate, tally.costs_ms
    spread = ""
    if costs_ms:
        spread = bars(histogram(costs_ms, _BARS, costs_ms[0], costs_ms[-1]))
    return (
        tally.model or ("all" if is_total else NO_MODEL),
        f"{tally.total:,}",
        NONE if rate is None else f"{rate:.1%}",
        length(tally.cost_p50_ms),
        length(tally.cost_p90_ms),
        "" if is_total else spread,
        NONE if tally.credits_consumed is None else f"{tally.credits_consumed:,g}",
    )


def _hours(outcomes: Sequence[TaskFigures], now_ms: int, width: int) -> list[Content]:
    ended = ended_per_hour(outcomes, now_ms)
    if not any(ended):
        unfinished = sum(not outcome.state.finished for outcome in outcomes)
        return [
            Content.styled(
                f"None ended in the last {DAY_HOURS} hours; {unfinished:,} unfinished.", "$text-muted"
            )
        ]
    good = sum(
        outcome.state is State.SUCCESS
        and outcome.ended_at_ms is not None
        and 0 <= now_ms - outcome.ended_at_ms < DAY_HOURS * 3_600_000
        for outcome in outcomes
    )
    return [
        Content.assemble(
            ("ended per hour  ", "$text-muted"),
            "" if width >= _HOURS_CELLS else "\n",
            (bars(ended), "$text-accent"),
            f"  now; at most {max(ended):,}",
        ),
        Content.styled(
            f"{plural(sum(ended), 'task')} in the last {DAY_HOURS} hours, {good:,} of them success",
            "$text-muted",
        ),
    ]

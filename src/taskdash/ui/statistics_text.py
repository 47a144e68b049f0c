"""What a list adds up to, as styled text: a line a model, and how many tasks ended when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.content import Content

from taskdash.domain.tally import DAY_HOURS, ended_per_hour, histogram, tally
from taskdash.domain.task import State
from taskdash.domain.words import NONE, bars, length, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.tally import Outcome, Tally

_BARS: Final = 10
_LEAST_MODEL_CELLS: Final = 12
_MAX_MODELS: Final = 200
_TITLES: Final = ("model", "tasks", "success", "p50", "p90", "costTime", "credits")
_MODEL, _COST = 0, 5


def statistics_text(outcomes: Sequence[Outcome], now_ms: int, width: int) -> Content:
    """The table of models and the row of hours, in lines of `width` cells where the model's name can give way."""
    everything, models = tally(outcomes)
    shown = [*models[:_MAX_MODELS], everything] if len(models) != 1 else models
    rows = [_TITLES, *(_cells(each, is_total=each is everything) for each in shown)]
    columns = [
        n for n in range(len(_TITLES)) if n != len(_TITLES) - 1 or everything.credits_consumed is not None
    ]
    widths = [max(len(row[column]) for row in rows) for column in columns]
    rest = sum(widths[1:]) + 2 * (len(widths) - 1)
    widths[0] = max(_LEAST_MODEL_CELLS, min(widths[0], width - rest))
    lines = [
        _line([row[column] for column in columns], widths, _style(n, len(rows))) for n, row in enumerate(rows)
    ]
    if len(models) > _MAX_MODELS:
        lines.append(Content.styled(f"and {len(models) - _MAX_MODELS:,} more models", "$text-muted"))
    return Content("\n").join([*lines, Content(""), *_hours(outcomes, now_ms)])


def _style(line: int, lines: int) -> str:
    if line == 0:
        return "$text-muted"
    return "bold" if line == lines - 1 and lines > 2 else ""


def _line(cells: Sequence[str], widths: Sequence[int], style: str) -> Content:
    parts: list[Content] = []
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
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
        tally.model or ("all" if is_total else NONE),
        f"{tally.total:,}",
        NONE if rate is None else f"{rate:.1%}",
        length(tally.cost_p50_ms),
        length(tally.cost_p90_ms),
        "" if is_total else spread,
        NONE if tally.credits_consumed is None else f"{tally.credits_consumed:,g}",
    )


def _hours(outcomes: Sequence[Outcome], now_ms: int) -> list[Content]:
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
            (bars(ended), "$text-accent"),
            f"  now; at most {max(ended):,}",
        ),
        Content.styled(
            f"{plural(sum(ended), 'task')} in the last {DAY_HOURS} hours, {good:,} of them success",
            "$text-muted",
        ),
    ]

"""Tasks as plain text: for `list` and `show`, and for the demo where there is no terminal."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from taskdash.domain.failures import classify
from taskdash.domain.task import State, Task, TaskDetail, json_text
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NONE, ago, elapsed, length, moment, started_ms, state_word

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER: Final = ("STATE", "TASK ID", "MODEL", "COST", "CREATED", "CHECKED", "PROMPT")
_GAP: Final = "  "


def table_rows(tasks: Sequence[Task], now_ms: int) -> list[tuple[str, ...]]:
    """The cells of tasks, whole, without a header."""
    return [_cells(task, now_ms) for task in tasks]


def plain_table(tasks: Sequence[Task], now_ms: int, width: int) -> list[str]:
    """Lines with aligned columns and a header, none wider than `width` cells."""
    rows = [HEADER, *table_rows(tasks, now_ms)]
    widths = [max(cell_width(row[column]) for row in rows) for column in range(len(HEADER) - 1)]
    lines = []
    for row in rows:
        cells = [pad(cell, cells) for cell, cells in zip(row, widths, strict=False)]
        lines.append(crop(_GAP.join([*cells, row[-1]]), width).rstrip())
    return lines


def _cells(task: Task, now_ms: int) -> tuple[str, ...]:
    waiting = task.state is State.WAITING
    cost = elapsed(now_ms - started_ms(task)) if waiting else length(task.cost_time_ms)
    checked = ago(task.checked_at_ms, now_ms)
    if task.problem is not None:
        checked += f" ! {task.problem.kind.value}"
    name = inert_line(task.label or task.prompt or NONE, 1_000)
    return (
        state_word(task),
        task.task_id,
        task.model or NONE,
        cost,
        ago(task.create_time_ms, now_ms),
        checked,
        name,
    )


def detail_lines(detail: TaskDetail, now_ms: int) -> list[str]:
    """One task in full."""
    task = detail.task
    pairs: list[tuple[str, str | None]] = [
        ("task ID", task.task_id),
        ("state", state_word(task)),
        ("problem", f"{task.problem.kind.value}: {task.problem.message}" if task.problem else None),
        ("model", task.model),
        ("label", task.label),
        ("note", task.note),
    ]
    if task.state is State.FAIL:
        pairs += [
            ("kind", classify(task.fail_code, task.fail_msg, task.raw_state).value),
            ("failCode", task.fail_code or NONE),
            ("failMsg", task.fail_msg or NONE),
        ]
    pairs += [(f"result {n}", url) for n, url in enumerate(detail.result_urls, 1)]
    pairs += [("saved", saved.path) for saved in detail.saved]
    pairs += [
        ("costTime", length(task.cost_time_ms) if task.state.finished else None),
        ("created", _time(task.create_time_ms, now_ms)),
        ("completed", _time(task.complete_time_ms, now_ms)),
        ("added", _time(task.added_at_ms, now_ms)),
        ("checked", _time(task.checked_at_ms, now_ms)),
        ("param", json_text(detail.param) if detail.param is not None else None),
    ]
    lines = []
    for name, value in pairs:
        if value:
            first, *rest = value.splitlines() or [""]
            lines += [f"{name:<10} {first}", *(f"{'':<10} {line}" for line in rest)]
    return lines


def _time(at_ms: int | None, now_ms: int) -> str | None:
    return f"{moment(at_ms)} ({ago(at_ms, now_ms)})" if at_ms is not None else None


def char_width(char: str) -> int:
    """Cells a character takes: 2 for wide ones, 0 for combining ones."""
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cell_width(text: str) -> int:
    """Cells a text takes."""
    return len(text) if text.isascii() else sum(map(char_width, text))


def pad(text: str, cells: int) -> str:
    """`text` with blanks up to `cells`."""
    return text + " " * (cells - cell_width(text))


def crop(text: str, cells: int) -> str:
    """`text` cut to `cells`, with an ellipsis where something is missing."""
    if cell_width(text) <= cells:
        return text
    kept, used = [], 0
    for char in text:
        used += char_width(char)
        if used > cells - 1:
            break
        kept.append(char)
    return "".join(kept) + "…"

"""Tasks as plain text: for `list` and `show`, and for the demo where there is no terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from taskdash.domain.failures import classify
from taskdash.domain.task import State, Task, TaskDetail, json_text
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NONE, ago, elapsed, length, moment, started_ms, state_word

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER: Final = ("STATE", "TASK ID", "MODEL", "COST", "CREATED", "CHECKED", "LABEL", "PROMPT OR REASON")
MAX_LABEL_CELLS: Final = 24
MAX_CELL_CHARS: Final = 1_000
_GAP: Final = "  "
_NARROW: Final = re.compile(r"[ -~\u00a0-\u02ff\u2010-\u2027]*")
"""Texts in which each character is one cell, the dash for what is not known among them."""


def table_rows(tasks: Sequence[Task], now_ms: int) -> list[tuple[str, ...]]:
    """Return the cells of tasks, whole: those of the header, with prompt and reason of a failure apart."""
    return [_cells(task, now_ms) for task in tasks]


def plain_table(tasks: Sequence[Task], now_ms: int, width: int) -> list[str]:
    """Return lines with aligned columns and a header, none wider than `width` cells."""
    rows: list[tuple[str, ...]] = [HEADER]
    for task in tasks:
        *cells, label, prompt, reason = _cells(task, now_ms)
        rows.append((*cells, crop(label, MAX_LABEL_CELLS), reason if task.state is State.FAIL else prompt))
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
    failed = task.state is State.FAIL
    return (
        state_word(task),
        task.task_id,
        task.model or NONE,
        cost,
        ago(task.create_time_ms, now_ms),
        checked,
        inert_line(task.label or NONE, MAX_CELL_CHARS),
        inert_line(task.prompt or NONE, MAX_CELL_CHARS),
        inert_line(task.fail_msg or task.fail_code or NONE, MAX_CELL_CHARS) if failed else NONE,
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


def cell_width(text: str) -> int:
    """Return how many cells a terminal needs for a text, whatever script it is in."""
    if _NARROW.fullmatch(text):
        return len(text)
    # Rich's tables of characters take longer to load than most lists need to be printed.
    from rich.cells import cell_len

    return cell_len(text)


def pad(text: str, cells: int) -> str:
    """Return `text` with blanks up to `cells`."""
    return text + " " * (cells - cell_width(text))


def crop(text: str, cells: int) -> str:
    """Return `text` cut to `cells`, with an ellipsis where something is missing."""
    if cell_width(text) <= cells:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, cells - 1).rstrip() + "…" if cells > 0 else ""

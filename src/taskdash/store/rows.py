"""Rows to nouns and back: the order of columns is known here and nowhere else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.folding import folded_search_text
from taskdash.domain.task import Json, Problem, ProblemKind, SavedResult, State, Task, TaskDetail
from taskdash.domain.untrusted import inert, inert_json, inert_line
from taskdash.store.query_sql import STATE_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable

STATES: Final = {code: state for state, code in STATE_CODES.items()}
_LINES: Final = ("profile", "task_id", "raw_state", "model", "variant", "label", "fail_code", "progress")
_TEXTS: Final = ("note", "prompt", "fail_msg")
_NUMBERS: Final = (
    "seq",
    "added_at_ms",
    "cost_time_ms",
    "complete_time_ms",
    "create_time_ms",
    "result_count",
    "saved_count",
    "checked_at_ms",
    "next_check_at_ms",
    "asked_at_ms",
    "finished_at_ms",
    "checks",
    "misses",
)
_PLAIN: Final = (*_LINES, *_TEXTS, *_NUMBERS)
_PROBLEM: Final = ("problem_kind", "problem_message", "problem_since_ms")
TASK_COLUMNS: Final = ", ".join((*_PLAIN, "state", *_PROBLEM))
HEAD_CHARS: Final = 4_096
"""More of a text than any row of a table shows."""
HEAD_COLUMNS: Final = TASK_COLUMNS.replace("prompt", f"substr(prompt, 1, {HEAD_CHARS})").replace(
    "fail_msg", f"substr(fail_msg, 1, {HEAD_CHARS})"
)
"""TASK_COLUMNS with no more of a text than a row shows: they may have 64 Ki characters each, times 100 rows."""
TASK_WIDTH: Final = len(_PLAIN) + 1 + len(_PROBLEM)
LIST_BODY_COLUMNS: Final = "param, result_urls, credits_consumed, extra"
DETAIL_COLUMNS: Final = f"{LIST_BODY_COLUMNS}, raw"
SAVED_COLUMNS: Final = "n, path, bytes"


def task_from_row(row: tuple[Any, ...]) -> Task:
    """A row of TASK_COLUMNS as a task. Its texts are made inert again: the file may have been edited by hand."""
    plain = dict(zip(_PLAIN, row, strict=False))
    for name in _LINES:
        if plain[name] is not None:
            plain[name] = inert_line(str(plain[name]))
    for name in _TEXTS:
        if plain[name] is not None:
            plain[name] = inert(str(plain[name]))
    state, kind, message, since_ms = row[len(_PLAIN) :]
    problem = None
    if kind in ProblemKind.__members__.values():
        problem = Problem(ProblemKind(kind), inert_line(str(message or "")), int(since_ms or 0))
    return Task(**plain, state=STATES.get(state, State.WAITING), problem=problem)


def detail_from_row(task: Task, row: tuple[Any, ...] | None, saved: Iterable[tuple[Any, ...]]) -> TaskDetail:
    """Return a task with its row of DETAIL_COLUMNS, which a task without a record does not have.

    Args:
        task: from its row of TASK_COLUMNS.
        row: of `bodies`.
        saved: its rows of SAVED_COLUMNS, by number.
    """
    files = tuple(SavedResult(n, inert_line(str(path)), size) for n, path, size in saved)
    if row is None or row[1] is None:
        return TaskDetail(task=task, saved=files)
    param, urls, credits_consumed, extra, raw = row
    decoded_extra = load_json(extra)
    return TaskDetail(
        task=task,
        param=load_json(param),
        result_urls=urls_from_text(urls),
        credits_consumed=credits_consumed,
        extra=decoded_extra if isinstance(decoded_extra, dict) else {},
        saved=files,
        raw=raw,
    )


def urls_from_text(text: str | None) -> tuple[str, ...]:
    """Return result links as `bodies` keeps them."""
    urls = load_json(text)
    return tuple(str(url) for url in urls) if isinstance(urls, list) else ()


def search_text(task: Task) -> str:
    """The folded text that filter words are looked up in."""
    return folded_search_text(
        task.task_id,
        task.label,
        note=task.note,
        prompt=task.prompt,
        model=task.model,
        failure=" ".join(text for text in (task.fail_code, task.fail_msg) if text),
    )


def dump_json(value: Json) -> str | None:
    """JSON text as the store keeps it; None stays NULL."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load_json(text: str | None) -> Json:
    """What `dump_json` wrote; a text that a foreign hand broke is kept as a text."""
    if text is None:
        return None
    try:
        return inert_json(json.loads(text))
    except (ValueError, RecursionError):
        return inert(text)

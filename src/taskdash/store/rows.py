"""Converts rows to tasks and back. A task's fields are listed only in `Task`; every list of columns derives from it."""

from __future__ import annotations

import json
from dataclasses import fields
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.task import Json, Problem, ProblemKind, SavedResult, State, Task, TaskDetail, Verdict
from taskdash.domain.untrusted import fold, inert, inert_json, inert_line

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from taskdash.domain.record import Record
    from taskdash.store.store import Store

STATE_CODES: Final = {State.NEW: 0, State.WAITING: 1, State.SUCCESS: 2, State.FAIL: 3}
"""As stored; their order is the order of `--sort state`."""
IN_LIST: Final = "IN (SELECT value FROM json_each(?))"
"""Membership in a list of any length, bound as one value made by `as_json`."""
MAX_LABEL_CHARS: Final = 200
SEARCHED: Final = ("id", "label", "note", "prompt", "model", "failure")
"""The fields that a bare filter word is looked up in, in the order of `folded_search_text`."""
_LINES_KEPT: Final = ("note", "prompt", "fail_msg")
"""Texts of a task that may have more than one line."""
_NEVER_CHECKED: Final = (
    *("seq", "profile", "task_id", "label", "note"),
    *("added_at_ms", "next_check_at_ms", "asked_at_ms", "saved_count", "path_hint", "renewed_at_ms"),
    *("picked_count", "rejected_count", "unseen"),
)
"""Columns that an outcome does not write, or not as they are in the task (`store.checks`)."""


def _clean(name: str, kind: str) -> Callable[[str], str] | None:
    if kind not in ("str", "str | None"):
        return None
    return inert if name in _LINES_KEPT else inert_line


COLUMNS: Final = {
    each.name: _clean(each.name, str(each.type))
    for each in fields(Task)
    if each.name not in ("state", "problem")
}
"""The fields of a task with a column of the same name, `seq` first, each with its text cleaner (None: a number)."""
STATES: Final = {code: state for state, code in STATE_CODES.items()}

_NAMES: Final = tuple(COLUMNS)
_TEXTS: Final = tuple((n, clean) for n, clean in enumerate(COLUMNS.values()) if clean)
_STATE: Final = ("state", "problem_kind", "problem_message", "problem_since_ms")
CHECKED_COLUMNS: Final = (*(name for name in _NAMES if name not in _NEVER_CHECKED), *_STATE)
"""The columns that a check may change, apart from the time of the next one."""
TASK_WIDTH: Final = len(_NAMES) + len(_STATE)
HEAD_CHARS: Final = 4_096
"""More text than any row of a table shows."""
TASK_COLUMNS: Final = ", ".join((*_NAMES, *_STATE))
HEAD_COLUMNS: Final = ", ".join(
    f"substr({name}, 1, {HEAD_CHARS})" if name in ("prompt", "fail_msg") else name
    for name in (*_NAMES, *_STATE)
)
"""TASK_COLUMNS with long texts cut, which may have 64 Ki characters each, times 100 rows."""
LIST_BODY_COLUMNS: Final = "param, result_urls, credits_consumed, extra"
DETAIL_COLUMNS: Final = f"{LIST_BODY_COLUMNS}, raw"
SAVED_COLUMNS: Final = "n, path, bytes"


def task_from_row(row: tuple[Any, ...]) -> Task:
    """Return the task in a row of TASK_COLUMNS, with texts made inert again, as the file may be edited by hand."""
    cells = list(row)
    for n, clean in _TEXTS:
        if cells[n] is not None:
            cells[n] = clean(str(cells[n]))
    state, kind, message, since_ms = row[len(_NAMES) : TASK_WIDTH]
    problem = None
    if kind in ProblemKind.__members__.values():
        problem = Problem(ProblemKind(kind), inert_line(str(message or "")), int(since_ms or 0))
    plain = dict(zip(_NAMES, cells, strict=False))
    return Task(**plain, state=STATES.get(state, State.WAITING), problem=problem)


def read_tasks(database: Store, rest: str, values: Sequence[Any]) -> list[Task]:
    """Return the tasks of a query; `rest` is the SQL after the column list."""
    return [task_from_row(row) for row in database.rows(f"SELECT {TASK_COLUMNS} {rest}", values)]


def by_state(rows: Iterable[tuple[Any, ...]]) -> dict[State, int]:
    """Return how many tasks there are in each state, of rows with its code and their count."""
    counts = dict.fromkeys(State, 0)
    for code, count in rows:
        counts[STATES.get(code, State.WAITING)] += count
    return counts


def row_from_task(task: Task) -> dict[str, Any]:
    """Return what `task_from_row` makes a task of, by the names of the columns."""
    state = (STATE_CODES[task.state], *(task.problem or (None, None, None)))
    return {name: getattr(task, name) for name in _NAMES} | dict(zip(_STATE, state, strict=True))


def detail_from_row(
    task: Task, row: tuple[Any, ...] | None, saved: Iterable[tuple[Any, ...]], verdicts: Mapping[int, Verdict]
) -> TaskDetail:
    """Return a task with its row of DETAIL_COLUMNS, which is missing if the task has no record.

    `saved` are its rows of SAVED_COLUMNS, `verdicts` its verdicts by number of the result.
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
        verdicts=verdicts,
        raw=raw,
    )


def keep_body(connection: sqlite3.Connection, seq: int, record: Record | TaskDetail, raw: bytes) -> None:
    """Store what only the detail of a task shows, in the caller's transaction."""
    connection.execute(
        f"INSERT OR REPLACE INTO bodies (seq, {DETAIL_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
        (
            seq,
            dump_json(record.param),
            dump_json(list(record.result_urls)),
            record.credits_consumed,
            dump_json(record.extra),
            raw,
        ),
    )


def urls_from_text(text: str | None) -> tuple[str, ...]:
    """Parse result links as they are stored in `bodies`."""
    urls = load_json(text)
    return tuple(str(url) for url in urls) if isinstance(urls, list) else ()


def clean_label(label: str | None) -> str | None:
    """Return a label as it is stored: one inert line of at most 200 characters, or None if nothing is left."""
    return inert_line(label, MAX_LABEL_CHARS) or None if label else None


def clean_note(note: str | None) -> str | None:
    """Return a note as it is stored: inert, with its line breaks, or None if nothing is left."""
    return inert(note).strip() or None if note else None


def folded_search_text(*texts: str | None) -> str:
    """Return the text that filter words are matched against: the fields of `SEARCHED`, in that order, folded.

    Field n stands between the control characters n and n + 1, which inert text never contains. So a single search
    can serve any field, and no match spans two.
    """
    return fold("".join([f"{mark}{text or ''}" for mark, text in zip_longest("\1\2\3\4\5\6\7", texts)]))


def search_text(task: Task) -> str:
    """Return the folded text that filter words are matched against."""
    failure = " ".join(filter(None, (task.fail_code, task.fail_msg)))
    return folded_search_text(task.task_id, task.label, task.note, task.prompt, task.model, failure)


def dump_json(value: Json) -> str | None:
    """Return JSON text as it is stored; None stays NULL."""
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def load_json(text: str | None) -> Json:
    """Parse what `dump_json` wrote; return text that was broken by hand as a string."""
    if text is None:
        return None
    try:
        return inert_json(json.loads(text))
    except (ValueError, RecursionError):
        return inert(text)


def as_json(items: Iterable[int] | Iterable[str]) -> str:
    """Return numbers or IDs as the single value that `IN_LIST` takes."""
    return json.dumps(list(items))

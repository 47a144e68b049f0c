"""Tells scripts the list as JSON, completes IDs and labels, and imports tasks of another list."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from taskdash.domain.task import ProblemKind, Verdict
from taskdash.domain.task_json import FIELDS as JSON_FIELDS
from taskdash.domain.task_json import MAX_CREDITS, json_name
from taskdash.store.database import Part, repeatable
from taskdash.store.edits import take_places
from taskdash.store.query_sql import order, where
from taskdash.store.rows import (
    COLUMNS,
    IN_LIST,
    STATE_CODES,
    TASK_COLUMNS,
    as_json,
    keep_body,
    row_from_task,
    search_text,
)
from taskdash.store.saved import SavedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.domain.query import Query
    from taskdash.domain.task import Task, TaskDetail

_REPORT_EVERY: Final = 1_000

_COUNTED: Final = ("saved_count", "picked_count", "rejected_count")
_INSERTED: Final = tuple(name for name in TASK_COLUMNS.split(", ") if name not in _COUNTED)
"""The columns that an import writes; triggers count saved and judged results."""
_INSERT_TASK: Final = (
    f"INSERT INTO tasks ({', '.join(_INSERTED)}) VALUES ({', '.join(f':{name}' for name in _INSERTED)})"
)


class Documents(Part):
    """Exchanges tasks of any profile with other programs and other lists."""

    def json_items(self, query: Query, now_ms: int, *, limit: int = -1) -> list[str]:
        """Return the tasks of `query` in order, each as the JSON of `domain.task_json`, in ASCII and on one line.

        SQLite builds it: creating task objects and encoding them takes four times as long, and scripts call
        `list --json` in a loop.
        """
        condition, values = where(self._database, query, now_ms)
        sql = (
            f"SELECT {_json_object()} FROM tasks LEFT JOIN bodies USING (seq) "
            f"WHERE {condition} ORDER BY {order(query.sort)} LIMIT ?"
        )
        overdue = as_json(self._database.history.overdue(query.profile, now_ms))
        # DEL is the only control character that JSON leaves unescaped; no text has one, unless the file was edited.
        return [
            (text if text.isascii() else json.dumps(json.loads(text))).replace("\x7f", "\\u007f")
            for (text,) in self._database.rows(sql, [overdue, *values, limit])
        ]

    def like(self, column: Literal["task_id", "label"], profile: str, start: str, limit: int) -> list[str]:
        """Return up to `limit` IDs, in list order, or different labels of a profile that start with `start`."""
        sql = (
            f"SELECT {column} FROM tasks WHERE removal = 0 AND profile = ? AND {column} >= ? AND {column} < ? "
            f"GROUP BY {column} ORDER BY {'seq' if column == 'task_id' else column} LIMIT ?"
        )
        return [text for (text,) in self._database.rows(sql, [profile, start, start + "\U0010ffff", limit])]

    @repeatable
    def import_tasks(
        self,
        tasks: Sequence[TaskDetail],
        now_ms: int,
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> tuple[int, int]:
        """Import tasks of another list, above all others and in their order, in one transaction.

        They must be valid and inert; their `seq` is ignored, and an ID already on its profile's list is left alone.
        `on_progress` is called now and then with the number written. Return how many were added, and how many were
        already listed.
        """
        # Files saved by another list may not exist here. Checked before the list is locked, as a disk may be slow.
        here = {
            id(detail): [each for each in detail.saved if SavedFile(Path(each.path), each.size).is_there()]
            for detail in tasks
        }
        with self._database.writing() as connection:
            listed = set(self._database.rows("SELECT profile, task_id FROM tasks WHERE removal = 0"))
            first_of: dict[tuple[str, str], TaskDetail] = {}
            for detail in tasks:
                first_of.setdefault((detail.task.profile, detail.task.task_id), detail)
            new = [detail for name, detail in first_of.items() if name not in listed]
            first = take_places(connection, len(new))
            for n, detail in enumerate(new):
                if n % _REPORT_EVERY == 0:
                    on_progress(n)
                task = _taken_over(detail, first + n, now_ms)
                connection.execute(_INSERT_TASK, row_from_task(task))
                has_body = (detail.result_urls, detail.credits_consumed, detail.extra, detail.raw)
                if task.state.finished or detail.param is not None or any(has_body):
                    keep_body(connection, task.seq, detail, detail.raw)
                connection.executemany(
                    "INSERT INTO saved (seq, n, path, saved_at_ms, bytes) VALUES (?, ?, ?, ?, ?)",
                    ((task.seq, each.number, each.path, now_ms, each.size) for each in here[id(detail)]),
                )
                connection.executemany(
                    "INSERT INTO verdicts (seq, n, verdict, given_at_ms) VALUES (?, ?, ?, ?)",
                    ((task.seq, n, verdict.value, now_ms) for n, verdict in detail.verdicts.items()),
                )
                connection.execute(
                    "INSERT INTO search (seq, profile, state, folded) VALUES (?, ?, ?, ?)",
                    (task.seq, task.profile, STATE_CODES[task.state], search_text(task)),
                )
        return len(new), len(tasks) - len(new)


def _json_object() -> str:
    """Return the SQL that builds a task's JSON from its row, even if the file was edited by hand.

    Its one parameter is the list of overdue tasks, as `IN_LIST` takes it.
    """
    states = " ".join(f"WHEN {code} THEN '{state.value}'" for state, code in STATE_CODES.items())
    kinds = ", ".join(f"'{kind.value}'" for kind in ProblemKind)
    given = ", ".join(f"'{verdict.value}'" for verdict in Verdict)
    urls = "iif(json_type(iif(json_valid(result_urls), result_urls, 0)) = 'array', result_urls, '[]')"
    # Most tasks have few results and no verdicts, and looking verdicts up takes as long as all the rest.
    none = "'[' || substr('null,null,null,null', 1, result_count * 5 - 1) || ']'"
    special = {
        "state": f"CASE state {states} ELSE 'waiting' END",
        "param": "CASE WHEN json_valid(param) THEN json(param) ELSE param END",
        "resultUrls": f"json({urls})",
        "verdicts": "json(CASE WHEN picked_count + rejected_count = 0 AND result_count BETWEEN 1 AND 4 "
        f"THEN {none} ELSE (SELECT json_group_array(verdict) FROM (SELECT verdict "
        f"FROM json_each({urls}) LEFT JOIN verdicts ON verdicts.seq = tasks.seq AND n = key + 1 "
        f"AND verdict IN ({given}) ORDER BY key)) END)",
        "problem": f"CASE WHEN problem_kind IN ({kinds}) THEN json_object('kind', problem_kind, "
        "'message', CAST(coalesce(problem_message, '') AS TEXT), "
        "'since', CAST(coalesce(problem_since_ms, 0) AS INTEGER)) END",
        "credits": f"CASE WHEN credits BETWEEN 0 AND {MAX_CREDITS} THEN "
        "iif(credits = CAST(credits AS INTEGER), CAST(credits AS INTEGER), rounded(credits)) END",
        "overdue": f"json(iif(state = 1 AND seq {IN_LIST}, 'true', 'false'))",
        "saved": "json((SELECT json_group_array(path) FROM "
        "(SELECT path FROM saved WHERE saved.seq = tasks.seq ORDER BY n)))",
    }
    columns = {json_name(name): name for name in COLUMNS}
    pairs = []
    for name in JSON_FIELDS:
        if (sql := special.get(name)) is None:
            column = columns[name]
            sql = f"CAST({column} AS {'TEXT' if COLUMNS[column] else 'INTEGER'})"
        pairs.append(f"'{name}', {sql}")
    return f"json_object({', '.join(pairs)})"


def _taken_over(detail: TaskDetail, seq: int, now_ms: int) -> Task:
    """Return a task of another list as it starts out on this one."""
    task = detail.task
    is_finished = task.state.finished
    return replace(
        task,
        seq=seq,
        result_count=len(detail.result_urls),
        asked_at_ms=None,
        next_check_at_ms=None if is_finished else now_ms,
        # When the other list learned of it, so that it does not count as news here.
        finished_at_ms=(task.checked_at_ms or task.added_at_ms) if is_finished else None,
        checks=0 if task.checked_at_ms is None else 1,
        misses=1 if task.problem else 0,
    )

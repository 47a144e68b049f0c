"""The list as documents: as JSON for scripts, whole for another list, and back from one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import ProblemKind, Verdict
from taskdash.domain.task_json import FIELDS as JSON_FIELDS
from taskdash.domain.task_json import MAX_CREDITS, json_name, task_json
from taskdash.store.additions import take_places
from taskdash.store.database import IN_LIST, Part, as_json
from taskdash.store.query_sql import STATE_CODES, order, where
from taskdash.store.rows import COLUMNS, TASK_COLUMNS, keep_body, row_from_task, search_text
from taskdash.store.saved import SavedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from taskdash.domain.query import Query
    from taskdash.domain.task import Task, TaskDetail

_REPORT_EVERY: Final = 1_000

_COUNTED: Final = ("saved_count", "picked_count", "rejected_count")
_INSERTED: Final = tuple(name for name in TASK_COLUMNS.split(", ") if name not in _COUNTED)
"""What is written of a task: how many of its results were saved, or judged, is counted by triggers."""
_INSERT_TASK: Final = (
    f"INSERT INTO tasks ({', '.join(_INSERTED)}) VALUES ({', '.join(f':{name}' for name in _INSERTED)})"
)


class Documents(Part):
    """The tasks of every profile in one store, as other programs and other lists see them."""

    def json_items(self, query: Query, now_ms: int, *, limit: int = -1) -> list[str]:
        """Return the tasks of `query` in its order, each as the JSON of `domain.task_json`, in ASCII and on one line.

        SQLite writes it: making the nouns first and encoding them after takes four times as long, and `list --json`
        is what scripts call in a loop. A row that is anything but plain goes that longer way all the same.
        """
        condition, values = where(self._database, query, now_ms)
        sql = (
            f"SELECT seq, {_json_object()} FROM tasks LEFT JOIN bodies USING (seq) "
            f"WHERE {condition} ORDER BY {order(query.sort)} LIMIT ?"
        )
        items = []
        overdue = as_json(self._database.history.overdue(query.profile, now_ms))
        for seq, text in self._database.rows(sql, [overdue, *values, limit]):
            item = text if text.isascii() else json.dumps(json.loads(text))
            # DEL is the one control that JSON in ASCII shows as it is.
            if item.isprintable():
                items.append(item)
            else:
                # Another process may have removed it since; that is as good as a moment later.
                details = self._database.tasks.details([seq], raw=False, now_ms=now_ms)
                items += [json.dumps(task_json(detail)) for detail in details]
        return items

    def ids_like(self, profile: str, start: str, limit: int) -> list[str]:
        """Return IDs of a profile that start with `start`, in the order of the list."""
        return self._like("task_id", "seq", profile, start, limit)

    def labels_like(self, profile: str, start: str, limit: int) -> list[str]:
        """Return labels of a profile that start with `start`, each once."""
        return self._like("label", "label", profile, start, limit)

    def _like(self, column: str, order_by: str, profile: str, start: str, limit: int) -> list[str]:
        sql = (
            f"SELECT {column} FROM tasks WHERE removal = 0 AND profile = ? AND {column} >= ? AND {column} < ? "
            f"GROUP BY {column} ORDER BY {order_by} LIMIT ?"
        )
        return [text for (text,) in self._database.rows(sql, [profile, start, start + "\U0010ffff", limit])]

    def import_tasks(
        self,
        tasks: Sequence[TaskDetail],
        now_ms: int,
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> tuple[int, int]:
        """Take over tasks of another list, above all others and in their order, in one transaction.

        They are valid and inert; their `seq` does not count, and an ID that is on the list of its profile stays as it
        is. `on_progress` is told now and then how many are written. Return how many were added, and how many were
        listed already.
        """
        return self._database.again(lambda: self._import_tasks(tasks, now_ms, on_progress))

    def _import_tasks(
        self, tasks: Sequence[TaskDetail], now_ms: int, on_progress: Callable[[int], None]
    ) -> tuple[int, int]:
        # Asked before the list is locked, as a disk may be slow to answer: what another list has saved may not be here.
        here = {
            id(detail): [each for each in detail.saved if SavedFile(Path(each.path), each.size).is_there()]
            for detail in tasks
        }
        with self._database.writing() as connection:
            new = self._unlisted(tasks)
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

    def _unlisted(self, tasks: Iterable[TaskDetail]) -> list[TaskDetail]:
        """Return those that are not on the list, each once."""
        seen = set(self._database.rows("SELECT profile, task_id FROM tasks WHERE removal = 0"))
        new = []
        for detail in tasks:
            name = (detail.task.profile, detail.task.task_id)
            if name not in seen:
                seen.add(name)
                new.append(detail)
        return new


def _json_object() -> str:
    """Return the SQL that makes a task's JSON of its row, whatever a foreign hand has put there.

    What is overdue is bound to it.
    """
    states = " ".join(f"WHEN {code} THEN '{state.value}'" for state, code in STATE_CODES.items())
    kinds = ", ".join(f"'{kind.value}'" for kind in ProblemKind)
    given = ", ".join(f"'{verdict.value}'" for verdict in Verdict)
    urls = "iif(json_type(iif(json_valid(result_urls), result_urls, 0)) = 'array', result_urls, '[]')"
    # Most tasks have few results and no verdicts, and to look for them takes as long as all the rest.
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
    """Return a task of another list as it begins on this one."""
    task = detail.task
    is_finished = task.state.finished
    return replace(
        task,
        seq=seq,
        result_count=len(detail.result_urls),
        asked_at_ms=None,
        next_check_at_ms=None if is_finished else now_ms,
        # Learned elsewhere and long ago: nobody is told of it once more.
        finished_at_ms=(task.checked_at_ms or task.added_at_ms) if is_finished else None,
        checks=0 if task.checked_at_ms is None else 1,
        misses=1 if task.problem else 0,
    )

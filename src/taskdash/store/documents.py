"""The list as documents: as JSON for scripts, whole for another list, and back from one.

`json_items` writes a task's JSON straight from its row. Making the nouns first and encoding them after takes four
times as long, and `list --json` is what scripts call in a loop. A row that is anything but plain goes that longer
way all the same, so there is one meaning, and a test holds the two against each other.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as encoded
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.task_json import task_json
from taskdash.store.connection import chunks
from taskdash.store.query_sql import STATE_CODES, order, where
from taskdash.store.rows import (
    DETAIL_COLUMNS,
    HEAD_COLUMNS,
    LIST_BODY_COLUMNS,
    SAVED_COLUMNS,
    TASK_COLUMNS,
    TASK_WIDTH,
    detail_from_row,
    dump_json,
    search_text,
    task_from_row,
    urls_from_text,
)
from taskdash.store.saved import SavedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from taskdash.domain.query import Query
    from taskdash.domain.task import SavedResult, Task, TaskDetail
    from taskdash.store.database import Database

_STATE_TEXTS: Final = {code: f'"{state.value}"' for state, code in STATE_CODES.items()}
_JSON_COLUMNS: Final = (
    "seq, task_id, model, state, raw_state, "
    "CASE WHEN param IS NULL OR json_valid(param) THEN param ELSE 0 END, "
    "CASE WHEN result_urls IS NULL OR json_valid(result_urls) THEN result_urls ELSE 0 END, "
    "fail_code, fail_msg, cost_time_ms, complete_time_ms, create_time_ms, profile, label, note, added_at_ms, "
    "checked_at_ms, problem_kind, problem_message, problem_since_ms"
)
_ITEM: Final = (
    '{"taskId": %s, "model": %s, "state": %s, "rawState": %s, "param": %s, "resultUrls": %s, "failCode": %s, '
    '"failMsg": %s, "costTime": %s, "completeTime": %s, "createTime": %s, "profile": %s, "label": %s, "note": %s, '
    '"addedAt": %d, "checkedAt": %s, "problem": %s, "saved": %s}'
)
_PORTION_BYTES: Final = 4 * 1_048_576
_REPORT_EVERY: Final = 1_000
_TASK_VALUES: Final = (
    "profile, task_id, state, raw_state, model, variant, label, cost_time_ms, complete_time_ms, create_time_ms, "
    "progress, result_count, added_at_ms, checked_at_ms, next_check_at_ms, finished_at_ms, checks, misses, "
    "problem_kind, problem_message, problem_since_ms, fail_code, fail_msg, note, prompt"
)
_PUT_TASK: Final = f"INSERT INTO tasks (seq, {_TASK_VALUES}) VALUES ({', '.join('?' * 26)})"
_PUT_BODY: Final = (
    "INSERT INTO bodies (seq, raw, param, result_urls, credits_consumed, extra) VALUES (?, ?, ?, ?, ?, ?)"
)


class Documents:
    """The tasks of every profile in one store, as other programs and other lists see them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def json_items(self, query: Query, now_ms: int, *, limit: int = -1) -> list[str]:
        """The tasks of `query` in its order, each as the JSON of `domain.task_json`, in ASCII and on one line."""
        condition, values = where(query, now_ms)
        sql = (
            f"SELECT {_JSON_COLUMNS} FROM tasks LEFT JOIN bodies USING (seq) "
            f"WHERE {condition} ORDER BY {order(query.sort)} LIMIT ?"
        )
        saved = self._saved_paths()
        items = []
        for row in self._database.rows(sql, [*values, limit]):
            item = _item(row, saved.get(row[0]))
            if item is None:
                # Another process may have removed it since; that is as good as a moment later.
                items += [json.dumps(task_json(detail)) for detail in self.details([row[0]], raw=False)]
            else:
                items.append(item)
        return items

    def details(self, seqs: Sequence[int], *, raw: bool = True) -> Iterator[TaskDetail]:
        """Return tasks with their bodies, the raw one only if asked for, in the order of `seqs`.

        They are read in portions that take little memory, each of which is one read.
        """
        columns = DETAIL_COLUMNS if raw else f"{LIST_BODY_COLUMNS}, x''"
        for portion in self._portions(seqs):
            marks = ", ".join("?" * len(portion))
            saved: dict[int, list[tuple[Any, ...]]] = {}
            for seq, *file in self._database.rows(
                f"SELECT seq, {SAVED_COLUMNS} FROM saved WHERE seq IN ({marks}) ORDER BY seq, n", portion
            ):
                saved.setdefault(seq, []).append(tuple(file))
            sql = (
                f"SELECT {TASK_COLUMNS}, {columns} FROM tasks LEFT JOIN bodies USING (seq) "
                f"WHERE removal = 0 AND seq IN ({marks})"
            )
            found = {}
            for row in self._database.rows(sql, portion):
                task = task_from_row(row[:TASK_WIDTH])
                found[task.seq] = detail_from_row(task, row[TASK_WIDTH:], saved.get(task.seq, ()))
            yield from (found[seq] for seq in portion if seq in found)

    def links(self, seqs: Sequence[int]) -> Iterator[tuple[Task, tuple[str, ...]]]:
        """Return the heads of tasks with their result links, in the order of `seqs`; nothing else of them is read."""
        for chunk in chunks(seqs):
            marks = ", ".join("?" * len(chunk))
            sql = (
                f"SELECT {HEAD_COLUMNS}, result_urls FROM tasks LEFT JOIN bodies USING (seq) "
                f"WHERE removal = 0 AND seq IN ({marks})"
            )
            found = {}
            for row in self._database.rows(sql, chunk):
                task = task_from_row(row[:TASK_WIDTH])
                found[task.seq] = task, urls_from_text(row[TASK_WIDTH])
            yield from (found[seq] for seq in chunk if seq in found)

    def _portions(self, seqs: Sequence[int]) -> Iterator[list[int]]:
        """Divide `seqs` so that the bodies of a portion are not much more than `_PORTION_BYTES`."""
        for chunk in chunks(seqs):
            marks = ", ".join("?" * len(chunk))
            # The raw body has all the others in it, and its length is known without reading it.
            sizes = dict(
                self._database.rows(f"SELECT seq, length(raw) FROM bodies WHERE seq IN ({marks})", chunk)
            )
            portion: list[int] = []
            left = _PORTION_BYTES
            for seq in chunk:
                left -= sizes.get(seq, 0)
                if portion and left < 0:
                    yield portion
                    portion, left = [], _PORTION_BYTES - sizes.get(seq, 0)
                portion.append(seq)
            yield portion

    def ids_like(self, profile: str, start: str, limit: int) -> list[str]:
        """IDs of a profile that start with `start`, in the order of the list."""
        sql = (
            "SELECT task_id FROM tasks WHERE removal = 0 AND profile = ? AND task_id >= ? AND task_id < ? "
            "ORDER BY seq LIMIT ?"
        )
        return [
            task_id for (task_id,) in self._database.rows(sql, [profile, start, start + "\U0010ffff", limit])
        ]

    def put(
        self,
        tasks: Sequence[TaskDetail],
        now_ms: int,
        on_progress: Callable[[int], None] = lambda _done: None,
    ) -> tuple[int, int]:
        """Take over tasks of another list, above all others and in their order, in one transaction.

        An ID that is on the list of its profile stays as it is.

        Args:
            tasks: valid and inert; their `seq` does not count.
            now_ms: when those that are unfinished become due.
            on_progress: told now and then how many are written.

        Returns:
            How many were added and how many were listed already.
        """
        return self._database.again(lambda: self._put(tasks, now_ms, on_progress))

    def _put(
        self, tasks: Sequence[TaskDetail], now_ms: int, on_progress: Callable[[int], None]
    ) -> tuple[int, int]:
        # Asked before the list is locked, as a disk may be slow to answer.
        here = {id(detail): [each for each in detail.saved if _is_here(each)] for detail in tasks}
        with self._database.writing() as connection:
            new = self._unlisted(tasks)
            lowest = connection.execute("SELECT value FROM numbers WHERE name = 'lowest_seq'").fetchone()[0]
            first = lowest - len(new)
            connection.execute("UPDATE numbers SET value = ? WHERE name = 'lowest_seq'", (first,))
            for n, detail in enumerate(new):
                if n % _REPORT_EVERY == 0:
                    on_progress(n)
                seq = first + n
                connection.execute(_PUT_TASK, _task_values(seq, detail, now_ms))
                if detail.task.state.finished or _has_body(detail):
                    connection.execute(_PUT_BODY, _body_values(seq, detail))
                connection.executemany(
                    "INSERT INTO saved (seq, n, path, saved_at_ms, bytes) VALUES (?, ?, ?, ?, ?)",
                    ((seq, each.number, each.path, now_ms, each.size) for each in here[id(detail)]),
                )
                task = detail.task
                connection.execute(
                    "INSERT INTO search (seq, profile, state, folded) VALUES (?, ?, ?, ?)",
                    (seq, task.profile, STATE_CODES[task.state], search_text(task)),
                )
        return len(new), len(tasks) - len(new)

    def _unlisted(self, tasks: Iterable[TaskDetail]) -> list[TaskDetail]:
        """Those that are not on the list, each once."""
        seen = set(self._database.rows("SELECT profile, task_id FROM tasks WHERE removal = 0"))
        new = []
        for detail in tasks:
            name = (detail.task.profile, detail.task.task_id)
            if name not in seen:
                seen.add(name)
                new.append(detail)
        return new

    def _saved_paths(self) -> dict[int, list[str]]:
        paths: dict[int, list[str]] = {}
        for seq, path in self._database.rows("SELECT seq, path FROM saved ORDER BY seq, n", ()):
            paths.setdefault(seq, []).append(path)
        return paths


def _is_here(saved: SavedResult) -> bool:
    """Return whether a file that another list has saved is on this machine, too."""
    return SavedFile(Path(saved.path), saved.size).is_there()


def _item(row: tuple[Any, ...], saved: list[str] | None) -> str | None:
    """The JSON of a plain row; None for one that another program has put something unexpected in."""
    try:
        (
            _,
            task_id,
            model,
            state,
            raw_state,
            param,
            urls,
            fail_code,
            fail_msg,
            cost_ms,
            complete_ms,
            create_ms,
            profile,
            label,
            note,
            added_ms,
            checked_ms,
            kind,
            message,
            since_ms,
        ) = row
        item = _ITEM % (
            encoded(task_id),
            "null" if model is None else encoded(model),
            _STATE_TEXTS[state],
            "null" if raw_state is None else encoded(raw_state),
            "null" if param is None else _in_ascii(param),
            "[]" if urls is None else _in_ascii(urls),
            "null" if fail_code is None else encoded(fail_code),
            "null" if fail_msg is None else encoded(fail_msg),
            "null" if cost_ms is None else f"{cost_ms:d}",
            "null" if complete_ms is None else f"{complete_ms:d}",
            "null" if create_ms is None else f"{create_ms:d}",
            encoded(profile),
            "null" if label is None else encoded(label),
            "null" if note is None else encoded(note),
            added_ms,
            "null" if checked_ms is None else f"{checked_ms:d}",
            "null"
            if kind is None
            else f'{{"kind": {encoded(kind)}, "message": {encoded(message)}, "since": {since_ms:d}}}',
            "[]" if saved is None else json.dumps(saved),
        )
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    # DEL is the one control that JSON in ASCII shows as it is; a line break could stand between values of a param.
    return item if item.isprintable() else None


def _in_ascii(document: str) -> str:
    return document if document.isascii() else json.dumps(json.loads(document))


def _task_values(seq: int, detail: TaskDetail, now_ms: int) -> tuple[object, ...]:
    task = detail.task
    problem = task.problem
    finished = task.state.finished
    return (
        seq,
        task.profile,
        task.task_id,
        STATE_CODES[task.state],
        task.raw_state,
        task.model,
        task.variant,
        task.label,
        task.cost_time_ms,
        task.complete_time_ms,
        task.create_time_ms,
        task.progress,
        len(detail.result_urls),
        task.added_at_ms,
        task.checked_at_ms,
        None if finished else now_ms,
        # Learned elsewhere and long ago: nobody is told of it once more.
        (task.checked_at_ms or task.added_at_ms) if finished else None,
        0 if task.checked_at_ms is None else 1,
        1 if problem else 0,
        problem.kind.value if problem else None,
        problem.message if problem else None,
        problem.since_ms if problem else None,
        task.fail_code,
        task.fail_msg,
        task.note,
        task.prompt,
    )


def _has_body(detail: TaskDetail) -> bool:
    return detail.param is not None or any(
        (detail.result_urls, detail.credits_consumed, detail.extra, detail.raw)
    )


def _body_values(seq: int, detail: TaskDetail) -> tuple[object, ...]:
    return (
        seq,
        detail.raw,
        dump_json(detail.param),
        dump_json(list(detail.result_urls)),
        detail.credits_consumed,
        dump_json(detail.extra),
    )

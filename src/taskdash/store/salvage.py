"""Saves what can be read of a damaged store into a new one: first as SQLite reads it, then page by page.

The damaged file is only read. Rows go over as they are, cell by cell checked against the new schema; a task whose row
is lost comes back with its ID from an index, and is checked anew, as is one whose record is lost.
"""

from __future__ import annotations

import mmap
import os
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar
from urllib.parse import quote

from taskdash.domain.id_pattern import is_task_id
from taskdash.store.advice import code_of, explained
from taskdash.store.connection import Connection, chunks
from taskdash.store.migrations import APPLICATION_ID, MIGRATIONS
from taskdash.store.pages import HEADER_BYTES, Row, mended_header, rows
from taskdash.store.rows import TASK_COLUMNS, search_text, task_from_row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

_TABLES: Final = ("removals", "tasks", "bodies", "saved", "untold", "warned", "unsaved", "gateways", "sent")
_ROW_ERRORS: Final = (sqlite3.Error, OverflowError, ValueError)
_BODY_WIDTH: Final = 6
_LEAST_TASK_WIDTH: Final = 20
_STATES: Final = range(4)

Named = dict[str, Any]
T = TypeVar("T")


class _Column(NamedTuple):
    """A column of the new store, as far as a cell has to fit into it."""

    name: str
    type: str
    is_required: bool
    default: str | None

    def takes(self, cell: object) -> bool:
        """Whether a cell can be what once stood there."""
        if cell is None:
            return not self.is_required
        wanted = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "REAL": float}[self.type]
        return type(cell) is wanted


def salvage(damaged: Path, fresh: Path) -> int:
    """Make a new store at `fresh` of what can be read of `damaged`; return how many tasks are on its list.

    Raises:
        StoreError: the new store cannot be written.
        OSError: nor can a copy of the damaged one be, or it cannot be read.
    """
    with explained(fresh), closing(Connection(fresh)) as opened:
        opened.set_up(fresh)
        with opened.transaction() as connection:
            return _fill(connection, damaged, fresh)


def _fill(connection: sqlite3.Connection, damaged: Path, fresh: Path) -> int:
    target = _Target(connection)
    for source in _readable(damaged, fresh):
        for table in _TABLES:
            for row in _as_far_as_it_goes(_rows_of(source, table)):
                target.put(table, row)
    for table, row in _as_far_as_it_goes(_carved(damaged, target)):
        target.put(table, row)
    target.complete()
    return int(connection.execute("SELECT count(*) FROM tasks WHERE removal = 0").fetchone()[0])


def _as_far_as_it_goes(found: Iterator[T]) -> Iterator[T]:
    """What can be read until something is found that nobody thought of: what is read by then is saved all the same."""
    try:
        yield from found
    except (*_ROW_ERRORS, TypeError, LookupError, MemoryError):
        return


class _Target:
    """The new store while it is filled."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.names: dict[int, tuple[str, str]] = {}
        """Profile and ID of the tasks that are there, by their place."""
        self._now_ms = time.time_ns() // 1_000_000
        self.columns = {
            table: [
                _Column(name, kind, bool(required or key), default)
                for _, name, kind, required, default, key in connection.execute(f"PRAGMA table_info({table})")
            ]
            for table in _TABLES
        }

    def put(self, table: str, row: Named) -> None:
        """Write a row, if it is sound enough and not there yet."""
        kept = {
            column.name: row[column.name]
            for column in self.columns[table]
            if column.name in row and column.takes(row[column.name])
        }
        if table == "tasks" and not self._complete_task(kept):
            return
        names = ", ".join(kept)
        marks = ", ".join("?" * len(kept))
        with suppress(*_ROW_ERRORS):  # a row that lacks what it must have
            cursor = self._connection.execute(
                f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", list(kept.values())
            )
            if table == "tasks" and cursor.rowcount:
                self.names[kept["seq"]] = kept["profile"], kept["task_id"]

    def _complete_task(self, kept: Named) -> bool:
        """Fill in what a task cannot do without; False for one that has no ID."""
        profile, task_id = kept.get("profile"), kept.get("task_id")
        if not profile or not task_id or not is_task_id(task_id):
            return False
        if kept.get("state") not in _STATES:
            kept["state"] = 0
        kept.setdefault("added_at_ms", self._now_ms)
        if "next_check_at_ms" not in kept and kept["state"] < 2:
            kept["next_check_at_ms"] = self._now_ms
        if self._is_taken(kept.get("seq"), profile, task_id):
            kept["seq"] = min(0, min(self.names, default=0)) - 1
        return True

    def _is_taken(self, seq: int | None, profile: str, task_id: str) -> bool:
        """Whether another task stands at that place."""
        if seq is None:
            return True
        return self.names.get(seq, (profile, task_id)) != (profile, task_id)

    def complete(self) -> None:
        """Make up for what is not carried over: the search texts, the next free place, and lost records."""
        connection = self._connection
        for table in ("bodies", "saved", "untold", "warned", "unsaved"):
            connection.execute(f"DELETE FROM {table} WHERE seq NOT IN (SELECT seq FROM tasks)")
        # An end without its record has lost its links: it is asked for once more.
        connection.execute(
            "UPDATE tasks SET asked_at_ms = ?1, next_check_at_ms = ?1 "
            "WHERE state >= 2 AND removal = 0 AND seq NOT IN (SELECT seq FROM bodies)",
            (self._now_ms,),
        )
        connection.execute(
            "UPDATE numbers SET value = coalesce((SELECT min(seq) FROM tasks WHERE seq < 0), 0) "
            "WHERE name = 'lowest_seq'"
        )
        for some in chunks(connection.execute(f"SELECT {TASK_COLUMNS} FROM tasks").fetchall()):
            connection.executemany(
                "INSERT OR REPLACE INTO search (seq, removal, profile, state, folded) "
                "SELECT seq, removal, profile, state, ? FROM tasks WHERE seq = ?",
                ((search_text(task), task.seq) for task in map(task_from_row, some)),
            )


def _readable(damaged: Path, fresh: Path) -> Iterator[sqlite3.Connection]:
    """The damaged file as SQLite reads it: itself, or a copy where a header or a rollback has to be mended first."""
    journal = damaged.with_name(f"{damaged.name}-journal")
    is_hot = journal.exists() and journal.stat().st_size > 0
    if not is_hot and _has_header(damaged):
        yield from _opened(f"file:{quote(str(damaged))}?mode=ro&immutable=1")
        return
    copy = fresh.with_name(f"{fresh.name}.copy")
    copied_journal = copy.with_name(f"{copy.name}-journal")
    try:
        with suppress(OSError):  # no room for it: the pages are read all the same
            _write_private(copy, damaged.read_bytes())
            if is_hot:
                _write_private(copied_journal, journal.read_bytes())
            if not _has_header(damaged):
                _mend_header(copy)
            yield from _opened(f"file:{quote(str(copy))}?mode=rw")
    finally:
        for each in (copy, copied_journal):
            each.unlink(missing_ok=True)


def _opened(uri: str) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as source:
            source.text_factory = _text
            # What of the schema is sound is enough.
            source.execute("PRAGMA writable_schema=ON").close()
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield source
    except _ROW_ERRORS:
        return


def _has_header(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)) as source:
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except UnicodeDecodeError:
        return True
    except sqlite3.Error as error:
        # A file that is shorter than it says, or of which the schema is broken, still has one.
        return code_of(error) & 0xFF != sqlite3.SQLITE_NOTADB and b"SQLite format 3" in _head(path)
    return True


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEADER_BYTES)


def _mend_header(path: Path) -> None:
    with path.open("r+b") as file:
        header = mended_header(file.read(), APPLICATION_ID, len(MIGRATIONS))
        file.seek(0)
        file.write(header)


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - opened by number, with its mode
        file.write(data)


def _rows_of(source: sqlite3.Connection, table: str) -> Iterator[Named]:
    """The rows of a table: from its start to the first that cannot be read, then from its end back to the last."""
    try:
        names = [name for _, name, *_ in source.execute(f"PRAGMA table_info({table})")]
    except _ROW_ERRORS:
        return
    # A table without numbers of its own cannot be read backwards; that is one more error.
    if names and not (yield from _until_broken(source, f"SELECT * FROM {table}", names)):
        yield from _until_broken(source, f"SELECT * FROM {table} ORDER BY rowid DESC", names)


def _until_broken(source: sqlite3.Connection, sql: str, names: Sequence[str]) -> Generator[Named, None, bool]:
    """Rows as long as they can be read; returns whether that was to the end."""
    try:
        for row in source.execute(sql):
            yield dict(zip(names, row, strict=False))
    except _ROW_ERRORS:
        return False
    return True


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _carved(damaged: Path, target: _Target) -> Iterator[tuple[str, Named]]:
    """Tasks and records as they stand on single pages, whole rows before bare IDs."""
    if not damaged.stat().st_size:
        return
    with damaged.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        view = memoryview(mapped)
        try:
            yield from _sorted_out(view, target)
        finally:
            view.release()


def _sorted_out(data: memoryview, target: _Target) -> Iterator[tuple[str, Named]]:
    names = {table: [column.name for column in target.columns[table]] for table in ("tasks", "bodies")}
    ids: dict[tuple[str, str], int] = {}
    tasks: dict[int, Named] = {}
    for rowid, values in rows(data, _is_known):
        if rowid is None:
            ids[str(values[0]), str(values[1])] = _whole(values[2])
        elif type(values[1]) is bytes:
            yield "bodies", dict(zip(names["bodies"], values, strict=False)) | {"seq": rowid}
        elif (values[2], values[3]) != target.names.get(rowid):
            row = dict(zip(names["tasks"], values, strict=False)) | {"seq": rowid}
            # Of old and new versions of a row the one that has been checked most is the newest.
            if _whole(row.get("checks")) >= _whole(tasks.get(rowid, {}).get("checks")):
                tasks[rowid] = row
    # One that was removed and can still be read stands at its place already, so it does not come back.
    yield from (("tasks", row) for row in tasks.values() if not row.get("removal"))
    for name, seq in ids.items():
        if name != target.names.get(seq):
            yield "tasks", {"profile": name[0], "task_id": name[1], "seq": seq}


def _is_known(row: Row) -> bool:
    """Whether it is a task, its record, or its entry in the index of IDs."""
    values = row.values
    if row.rowid is None:
        return len(values) == 3 and _is_name(values[0], values[1]) and type(values[2]) is int
    if len(values) == _BODY_WIDTH and type(values[1]) is bytes:
        return True
    return len(values) >= _LEAST_TASK_WIDTH and _is_name(values[2], values[3])


def _is_name(profile: object, task_id: object) -> bool:
    return type(profile) is str and type(task_id) is str and bool(profile) and is_task_id(task_id)


def _whole(cell: object) -> int:
    return cell if isinstance(cell, int) else -1

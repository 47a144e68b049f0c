"""Examines a store in whatever state, recovers a damaged one, and reports what became of a file that was replaced.

Nothing is ever deleted or overwritten. Whatever SQL can still read of a damaged file, then whatever the newest copy
has, goes into a new file that takes its place in one step; the damaged file is kept beside it. One process does this,
under a lock, and nobody writes to the damaged file meanwhile. A process that was about to write notices the exchange
after its commit (`Database.writing`), so that no acknowledged write can be missing from the new file.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from filelock import FileLock

from taskdash.domain.errors import StoreError
from taskdash.domain.id_forms import is_task_id
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural
from taskdash.store.checks import Process
from taskdash.store.database import BUSY_TIMEOUT_S, Database
from taskdash.store.rows import TASK_COLUMNS, search_text, task_from_row
from taskdash.store.schema import first, refuse_foreign
from taskdash.store.store_file import (
    PRIVATE_FILE,
    Identity,
    as_store_error,
    connect,
    copies_of,
    free_name,
    identity_of,
    is_damage,
    journal_of,
    lock_path,
    siblings_of,
    sync_folder,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Named = dict[str, Any]

OWN_NAME: Final = "tasks.db"
SQLITE_VERSION: Final = sqlite3.sqlite_version
_PATIENCE_S: Final = 1.0
"""How long to wait for a list to examine that another program has locked."""
_LOCK_PATIENCE_S: Final = 120.0
"""Recovering a list of 100,000 tasks takes some ten seconds."""
_OF_RESULTS: Final = ("bodies", "saved", "contents", "verdicts")
_OF_NEWS: Final = ("untold", "warned", "unsaved")
_TABLES: Final = ("removals", "gateways", "sent")
_TYPES: Final = {"INTEGER": int, "TEXT": str, "BLOB": bytes, "REAL": float}
_ROW_ERRORS: Final = (sqlite3.Error, OverflowError, ValueError)


class Examined(NamedTuple):
    """Describes a sound store."""

    size_bytes: int
    is_private: bool
    """Whether only its owner may read or change it."""
    version: int
    """Of its schema; the next command that opens it for writing brings an older one up to date."""
    tasks: int
    watchers: Mapping[str, Process]
    """The process that last watched each profile."""


def examine(path: Path) -> Examined | None:
    """Examine a store; return None if there is none yet, and raise StoreError if it is unsound."""
    file = Path(os.path.realpath(path))
    try:
        if not file.exists() or not (status := file.stat()).st_size:
            return None
        with closing(connect(file, _PATIENCE_S)) as connection:
            refuse_foreign(connection.execute, path)
            check = first(connection.execute, "PRAGMA quick_check(1)")
            if check != "ok":
                raise sqlite3.DatabaseError(f"database disk image is malformed: {check}")
            version = int(first(connection.execute, "PRAGMA user_version"))
            tasks = int(first(connection.execute, "SELECT count(*) FROM tasks WHERE removal = 0"))
            sql = "SELECT profile, watcher_pid, watcher_started FROM gateways WHERE typeof(watcher_pid) = 'integer'"
            rows = connection.execute(sql).fetchall()
    except (sqlite3.Error, OSError) as error:
        raise as_store_error(error, path, file) from error
    watchers = {str(profile): Process(int(pid), str(started)) for profile, pid, started in rows}
    return Examined(status.st_size, not status.st_mode & 0o077, version, tasks, watchers)


def last_copy_s(path: Path) -> float | None:
    """Return when the newest copy beside a store was made, in Unix seconds; None if there is none."""
    try:
        newest = next(iter(copies_of(Path(os.path.realpath(path)))), None)
        return newest.stat().st_mtime if newest else None
    except OSError:
        return None


def recover(path: Path, identity: Identity | None, *, is_surely_damaged: bool = False) -> None:
    """Set a damaged file (not a link) aside, and put what can be recovered of its list in its place.

    Do nothing if another process has done so already, or if SQLite finds the file sound, unless the caller knows better
    (`is_surely_damaged`).

    Raises:
        StoreError: it is not a taskdash store, or the new one cannot be written.
        OSError, sqlite3.Error: nothing can be written here, or the file is locked.
    """
    # A lock not acquired in time raises a TimeoutError, which is an OSError.
    with FileLock(lock_path(path, "mend"), timeout=_LOCK_PATIENCE_S, mode=PRIVATE_FILE):
        if identity_of(path) != identity:
            return
        with closing(connect(path, BUSY_TIMEOUT_S)) as damaged:
            if not _lock_damaged(damaged) and not is_surely_damaged:
                return
            if not _is_ours(path):
                raise StoreError(
                    f"{inert_line(str(path))} is not a taskdash store: move it away, or name another with --store"
                )
            fresh = path.with_name(f"{path.name}.recovered.part")
            for each in (fresh, journal_of(fresh)):
                each.unlink(missing_ok=True)
            try:
                _fill(fresh, damaged, path)
                # The new file's own journal stays behind empty and is not moved with it.
                journal_of(fresh).unlink(missing_ok=True)
                _exchange(path, fresh)
            except BaseException:
                fresh.unlink(missing_ok=True)
                raise


def what_became_of(path: Path, identity: Identity | None) -> str:
    """Return a line for the user on what became of the file that was open and has lost its name."""
    aside, count = _aside(path, identity), _count(path)
    if aside is not None:
        came_back = plural(count, "task") if count else "no task"
        if count is None:
            came_back = "what could be read"
        return f"the store was damaged: {came_back} came back; the damaged file is {inert_line(aside.name)}"
    if count == 0 or identity_of(path) is None:
        # Another thread or process may have created the new list already.
        copy = next(iter(copies_of(path)), None)
        newest = f" (the newest copy of the one before is {inert_line(copy.name)})" if copy else ""
        return f"the store was deleted or moved away: a new list begins in {inert_line(path.name)}{newest}"
    return "the store was replaced by another file: its list is shown now"


def _lock_damaged(connection: sqlite3.Connection) -> bool:
    """Lock the file against other writers, and return whether it is damaged."""
    try:
        connection.execute("BEGIN IMMEDIATE").close()
        is_whole = connection.execute("PRAGMA integrity_check(1)").fetchone()[0] == "ok"
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if not is_damage(error):
            raise
        is_whole = False
    # So that the file can be read with whatever part of the schema is sound.
    with suppress(sqlite3.Error):
        connection.execute("PRAGMA writable_schema=ON").close()
    return not is_whole


def _is_ours(path: Path) -> bool:
    """Return whether the file was a taskdash store, judging by its name and what each use leaves beside it."""
    return path.name == OWN_NAME or journal_of(path).exists() or bool(copies_of(path))


def _exchange(path: Path, fresh: Path) -> None:
    """Move the damaged file aside, and the new one into its place."""
    # A process that was killed here may have given it a second name already.
    aside = _aside(path, identity_of(path)) or free_name(path, "corrupt")
    journal = journal_of(path)
    with suppress(FileNotFoundError):
        if journal.stat().st_size:
            journal.rename(journal_of(aside))
    try:
        aside.hardlink_to(path)
    except FileExistsError:
        pass
    except OSError:
        # The file system has no hard links.
        path.rename(aside)
    fresh.replace(path)
    sync_folder(path.parent)


def _aside(path: Path, identity: Identity | None) -> Path | None:
    return next((each for each in siblings_of(path, "corrupt") if identity_of(each) == identity), None)


def _count(path: Path) -> int | None:
    try:
        with closing(connect(path, BUSY_TIMEOUT_S)) as connection:
            if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return 0  # another thread is about to create the new list
            return int(connection.execute("SELECT count(*) FROM tasks WHERE removal = 0").fetchone()[0])
    except sqlite3.Error:
        return None


# What is recovered


def _fill(fresh: Path, damaged: sqlite3.Connection, path: Path) -> None:
    with Database(fresh) as database, database.writing() as connection:
        target = _Target(connection)
        target.take_tasks(damaged)
        for table in _TABLES:
            target.take(table, _rows_of(damaged, f"SELECT * FROM {table}"))
        number = _list_number(damaged)
        for copy in copies_of(path):
            with closing(connect(copy, BUSY_TIMEOUT_S)) as source:
                # Copies of a deleted list stay beside the list that took its place.
                its_number = _list_number(source)
                if number in (None, its_number) and target.take_tasks(source):
                    number = its_number
                    break
        if number:
            connection.execute("INSERT INTO numbers VALUES ('list', ?)", (number,))
        # Lost rows may still be in an index.
        sql = "SELECT seq, profile, task_id FROM tasks INDEXED BY tasks_by_word WHERE removal = 0"
        target.take("tasks", _rows_of(damaged, sql, "profile DESC, task_id DESC"))
        target.complete()


def _list_number(source: sqlite3.Connection) -> int | None:
    """Return the number that a list and its copies share: 0 before the first copy, None if it cannot be read."""
    try:
        rows = source.execute("SELECT value FROM numbers WHERE name = 'list'").fetchall()
    except _ROW_ERRORS:
        return None
    return int(rows[0][0]) if rows else 0


class _Target:
    """Fills the new store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._now_ms = time.time_ns() // 1_000_000
        self._types = {
            table: {
                name: _TYPES[kind] for _, name, kind, *_ in connection.execute(f"PRAGMA table_info({table})")
            }
            for table in ("tasks", *_OF_RESULTS, *_OF_NEWS, *_TABLES)
        }

    def take_tasks(self, source: sqlite3.Connection) -> int:
        """Add tasks and records that are missing, with all that belongs to them; return how many tasks were read."""
        before = {seq for (seq,) in self._connection.execute("SELECT seq FROM tasks")}
        count = self.take("tasks", _rows_of(source, "SELECT * FROM tasks"))
        for table in (*_OF_RESULTS, *_OF_NEWS):
            rows = _rows_of(source, f"SELECT * FROM {table}")
            # What was announced after the copy was made must not be announced again.
            known = before if table in _OF_NEWS else ()
            self.take(table, (row for row in rows if row.get("seq") not in known))
        return count

    def take(self, table: str, rows: Iterator[Named]) -> int:
        """Insert rows that are sound enough and still missing; return how many were read."""
        types, count = self._types[table], 0
        for row in rows:
            count += 1
            kept = {name: cell for name, cell in row.items() if type(cell) is types.get(name)}
            if table == "tasks" and not self._complete_task(kept):
                continue
            names, marks = ", ".join(kept), ", ".join("?" * len(kept))
            with suppress(*_ROW_ERRORS):  # a row that lacks a required value
                self._connection.execute(
                    f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", list(kept.values())
                )
        return count

    def _complete_task(self, kept: Named) -> bool:
        """Fill in a task's required values; return False if it has no valid ID, or is on the list already."""
        profile, task_id = kept.get("profile"), kept.get("task_id")
        if not profile or not task_id or not is_task_id(task_id):
            return False
        if kept.get("state") not in range(4):
            kept["state"] = 0
        kept.setdefault("added_at_ms", self._now_ms)
        if kept["state"] < 2:
            kept.setdefault("next_check_at_ms", self._now_ms)
        connection, named = self._connection, (profile, task_id)
        listed = "SELECT 1 FROM tasks WHERE removal = 0 AND profile = ? AND task_id = ?"
        if not kept.get("removal", 0) and connection.execute(listed, named).fetchone():
            return False
        at_place = "SELECT profile, task_id FROM tasks WHERE seq = ?"
        if connection.execute(at_place, (kept.get("seq"),)).fetchone() not in (None, named):
            (lowest,) = connection.execute("SELECT min(seq) FROM tasks").fetchone()
            kept["seq"] = min(0, lowest) - 1
        return True

    def complete(self) -> None:
        """Rebuild what is not carried over: search texts, counts and the next free place; request lost records."""
        connection = self._connection
        for table in (*_OF_RESULTS, *_OF_NEWS):
            connection.execute(f"DELETE FROM {table} WHERE seq NOT IN (SELECT seq FROM tasks)")
        # Triggers only count rows as they are written: not lost ones, and not those written before their task.
        connection.execute(
            "UPDATE tasks SET saved_count = (SELECT count(*) FROM saved WHERE saved.seq = tasks.seq), "
            "(picked_count, rejected_count) = (SELECT count(*) FILTER (WHERE verdict = 'picked'), "
            "count(*) FILTER (WHERE verdict = 'rejected') FROM verdicts WHERE verdicts.seq = tasks.seq) "
            "WHERE saved_count OR picked_count OR rejected_count "
            "OR seq IN (SELECT seq FROM saved UNION ALL SELECT seq FROM verdicts)"
        )
        # A finished task without its record has lost its links, so it is to be checked again.
        connection.execute(
            "UPDATE tasks SET asked_at_ms = ?, next_check_at_ms = ? "
            "WHERE state >= 2 AND removal = 0 AND seq NOT IN (SELECT seq FROM bodies)",
            (self._now_ms, self._now_ms),
        )
        connection.execute(
            "UPDATE numbers SET value = coalesce((SELECT min(seq) FROM tasks WHERE seq < 0), 0) "
            "WHERE name = 'lowest_seq'"
        )
        rows = connection.execute(f"SELECT {TASK_COLUMNS} FROM tasks").fetchall()
        connection.executemany(
            "INSERT OR REPLACE INTO search (seq, removal, profile, state, folded) "
            "SELECT seq, removal, profile, state, ? FROM tasks WHERE seq = ?",
            ((search_text(task_from_row(row)), row[0]) for row in rows),
        )


def _rows_of(source: sqlite3.Connection, sql: str, backwards: str = "rowid DESC") -> Iterator[Named]:
    """Yield rows forwards until one cannot be read, then backwards from the last until one cannot."""
    for order in ("", f" ORDER BY {backwards}"):
        try:
            cursor = source.execute(f"{sql}{order}")
            names = [column[0] for column in cursor.description]
            for row in cursor:
                yield dict(zip(names, row, strict=True))
        except _ROW_ERRORS:
            # A table without rowids cannot be read backwards, which is just another error.
            continue
        return

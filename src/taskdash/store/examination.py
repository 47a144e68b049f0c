"""Examines a store in whatever state, for diagnosis, without writing to it or beside it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.errors import StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.faults import as_store_error, code_of
from taskdash.store.gateways import Process
from taskdash.store.schema import MIGRATIONS
from taskdash.store.store_file import connect, copies_of, first, refuse_foreign

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE_S: Final = 1.0
"""How long to wait for a list that another program has locked."""
SQLITE_VERSION: Final = sqlite3.sqlite_version
KNOWN_VERSION: Final = len(MIGRATIONS)


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
        with closing(connect(file, "ro", PATIENCE_S)) as connection:
            refuse_foreign(connection.execute, path)
            check = first(connection.execute, "PRAGMA quick_check(1)")
            if check != "ok":
                raise sqlite3.DatabaseError(f"database disk image is malformed: {check}")
            version = int(first(connection.execute, "PRAGMA user_version"))
            tasks = int(first(connection.execute, "SELECT count(*) FROM tasks WHERE removal = 0"))
            # The first versions had no such table.
            has_watchers = first(
                connection.execute, "SELECT count(*) FROM sqlite_master WHERE name = 'gateways'"
            )
            sql = "SELECT profile, watcher_pid, watcher_started FROM gateways WHERE typeof(watcher_pid) = 'integer'"
            rows = connection.execute(sql).fetchall() if has_watchers else []
    except (sqlite3.Error, OSError) as error:
        if code_of(error) == sqlite3.SQLITE_READONLY_ROLLBACK:
            raise StoreError(
                f"a process that was killed has left a change half done in the store {inert_line(str(path))}",
                next_step="Run `taskdash list`: whatever uses the list next undoes it.",
            ) from None
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

"""Copies of the list beside it: one a day while it is in use, and one before each change of how it is laid out."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from taskdash.store.store_file import PRIVATE_FILE, free_name, lock_path, siblings_of, sync_folder, uri_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KEPT: Final = 3
"""So many copies are kept, the newest."""
COPY_EVERY_S: Final = 24 * 3_600.0
_PAGES: Final = 2_000
"""Pages after which a copy that is under way can be given up."""


def copies_of(path: Path) -> list[Path]:
    """Return the copies there are, the newest first."""
    return siblings_of(path, "copy")


def is_copy_due(path: Path) -> bool:
    """Return whether the newest copy is a day old, or of a day to come by a clock that was set back."""
    newest = next(iter(copies_of(path)), None)
    return newest is None or abs(time.time() - newest.stat().st_mtime) >= COPY_EVERY_S


def keep_daily_copy(path: Path, is_given_up: Callable[[], bool]) -> None:
    """Keep a copy, unless another process is at that or recovers the list.

    Raises:
        OSError, sqlite3.Error: none could be made.
    """
    from filelock import FileLock

    with FileLock(lock_path(path, "mend"), timeout=0, mode=PRIVATE_FILE):
        keep_copy(path, is_given_up)


def keep_copy(path: Path, is_given_up: Callable[[], bool] = lambda: False) -> None:
    """Copy the store as `<name>.copy-<time>`, 0600, and onto the disk; drop the copies that are too many.

    A damaged store is not copied: it would take the place of a sound one.

    Raises:
        OSError: there is no room for it, or the folder cannot be written.
        sqlite3.Error: the store cannot be read, or the copy was given up.
    """
    target = free_name(path, "copy")
    part = path.with_name(f"{path.name}.copy.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE_FILE))

    def stop_if_given_up(status: int, *_: int) -> None:
        if is_given_up() or status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise sqlite3.OperationalError("database is locked")

    try:
        # A connection of its own: SQLite does not copy from one that is about to write.
        store = sqlite3.connect(uri_of(path, "rw"), uri=True, timeout=1.0)
        with closing(store), closing(sqlite3.connect(part)) as copy:
            copy.execute("PRAGMA synchronous=FULL").close()
            # One read from the first page to the last: no commit in between makes it begin again.
            store.execute("BEGIN").close()
            store.execute("SELECT count(*) FROM sqlite_master").fetchone()
            store.backup(copy, pages=_PAGES, progress=stop_if_given_up)
            _refuse_damaged(copy)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    for each in copies_of(path)[KEPT:]:
        with suppress(OSError):
            each.unlink()


def _refuse_damaged(copy: sqlite3.Connection) -> None:
    if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

"""Classifies errors of SQLite and the system about a store, and tells the user what to do."""

from __future__ import annotations

import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line

_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_TOLD: Final = (
    ("locked|busy", "store_locked", "another program holds it; try again when that has ended"),
    ("interrupted", "store_locked", "taskdash is closing it"),
    (
        "readonly|read-only",
        "store_read_only",
        "it, or the folder it is in, is read-only; check the permissions",
    ),
    ("full|no space", "store_full", "the disk is full; free some space and try again, nothing was lost"),
    ("unable to open", "store_unusable", "check that the folder exists and that you may write in it"),
    (
        "not a database",
        "store_damaged",
        "it is not a taskdash store; move it away, or name another with --store",
    ),
    ("malformed", "store_damaged", "it is damaged; move it away, or name another with --store"),
    ("disk i/o", "store_full", "the disk reports an error, or a size limit was reached; nothing was lost"),
    ("too large", "store_full", "a size limit was reached; nothing was lost"),
    ("", "store_unusable", "check the file and its folder"),
)
"""The error code for programs and the advice for users, by words in SQLite's or the system's message."""


def as_store_error(error: Exception, path: Path, file: Path) -> StoreError:
    """Return an error of SQLite or the system as a StoreError with advice; `file` is `path` resolved."""
    said = inert_line(str(error), 200)
    code, advice = next(told for words, *told in _TOLD if re.search(words, said, re.IGNORECASE))
    if is_busy(error) and (holder := stopped_holder_of(file)):
        advice = f"process {holder} holds it and is stopped; let it go on with: kill -CONT {holder}"
    kind = StoreChangedError if is_changed(error) else StoreError
    message = f"the store {inert_line(str(path))} cannot be used ({said}): {advice}"
    return kind(message, code=code, next_step=f"{advice[:1].upper()}{advice[1:]}.")


def code_of(error: Exception) -> int:
    """Return SQLite's extended error code, or 0 if the error is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0))


def is_damage(error: Exception) -> bool:
    """Return whether an error means that the file is damaged."""
    return isinstance(error, UnicodeDecodeError) or code_of(error) & 0xFF in _DAMAGED


def is_busy(error: Exception) -> bool:
    """Return whether an error means that another process has the file locked."""
    return code_of(error) & 0xFF == sqlite3.SQLITE_BUSY


def is_changed(error: Exception) -> bool:
    """Return whether it says that, or that the file is no longer the one that was opened."""
    is_moved = code_of(error) == sqlite3.SQLITE_READONLY_DBMOVED
    return is_damage(error) or is_moved or isinstance(error, StoreChangedError)


def damage() -> sqlite3.DatabaseError:
    """Return the error that SQLite raises for a damaged file."""
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def stopped_holder_of(path: Path) -> int | None:
    """Return the PID of a stopped process that has a file locked; None if the system reports none."""
    with suppress(OSError):
        # A line is `1: POSIX  ADVISORY  WRITE 4711 fe:00:2506996 1073741824 1073742335`.
        held = re.compile(rf"POSIX .* ([0-9]+) [0-9a-f]+:[0-9a-f]+:{path.stat().st_ino} ")
        for found in held.finditer(Path("/proc/locks").read_text("ascii")):
            if b") T " in Path(f"/proc/{found[1]}/stat").read_bytes():
                return int(found[1])
    return None

"""What SQLite or the system said of the store's file, in words that tell what to do."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_ADVICE: Final = (
    ("locked", "another program holds it; try again when that has ended"),
    ("busy", "another program holds it; try again when that has ended"),
    ("interrupted", "taskdash is closing it"),
    ("readonly", "it, or the folder it is in, is read-only; check the permissions"),
    ("read-only", "it, or the folder it is in, is read-only; check the permissions"),
    ("full", "the disk is full; free some space and try again, nothing was lost"),
    ("no space", "the disk is full; free some space and try again, nothing was lost"),
    ("unable to open", "check that the folder exists and that you may write in it"),
    ("not a database", "it is not a taskdash store; move it away, or name another with --store"),
    ("malformed", "it is damaged; move it away, or name another with --store"),
    ("disk i/o", "the disk reports an error, or a size limit was reached; nothing was lost"),
    ("too large", "a size limit was reached; nothing was lost"),
)
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def explain(error: Exception, path: Path) -> StoreError:
    """Turn what SQLite or the system said into an error that tells the user what to do."""
    said = inert_line(str(error), 200)
    advice = next((text for word, text in _ADVICE if word in said.lower()), "check the file and its folder")
    kind = StoreChangedError if _is_changed(error) else StoreError
    return kind(f"the store {inert_line(str(path))} cannot be used ({said}): {advice}")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise what SQLite or the system says in the block as a StoreError."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error


def code_of(error: Exception) -> int:
    """SQLite's extended code of an error; 0 where it is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", 0))


def unreadable() -> sqlite3.DatabaseError:
    """What SQLite said of a damaged schema has pieces of it that are no text, so Python could not hand it on."""
    error = sqlite3.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _is_changed(error: Exception) -> bool:
    code = code_of(error)
    return code & 0xFF in _DAMAGED or code == sqlite3.SQLITE_READONLY_DBMOVED

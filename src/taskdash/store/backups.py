"""A copy of the store beside it, made before a newer taskdash changes how the file is laid out."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final

from taskdash.store.store_file import PRIVATE_FILE, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

KEPT: Final = 3
"""So many copies are kept, those before the latest changes."""


def back_up(path: Path, version: int) -> Path:
    """Copy the store as `<name>.before-<version>`, 0600, and onto the disk; drop the copies that are too many.

    Whoever calls holds the lock for writing, so that nothing is written meanwhile.

    Args:
        path: The store's file.
        version: What it is about to become.

    Raises:
        OSError: there is no room for it, or the folder cannot be written.
        sqlite3.Error: the store cannot be read.
    """
    target = path.with_name(f"{path.name}.before-{version}")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE_FILE))
    try:
        # A connection of its own: SQLite does not copy from one that is about to write.
        with closing(sqlite3.connect(path)) as store, closing(sqlite3.connect(part)) as copy:
            copy.execute("PRAGMA synchronous=FULL").close()
            store.backup(copy)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    _drop_oldest(path)
    return target


def backups_of(path: Path) -> list[Path]:
    """The copies there are, the one before the latest change first."""
    form = re.compile(re.escape(path.name) + r"\.before-(\d{1,9})")
    found = [(int(match[1]), each) for each in path.parent.iterdir() if (match := form.fullmatch(each.name))]
    return [each for _, each in sorted(found, reverse=True)]


def _drop_oldest(path: Path) -> None:
    for each in backups_of(path)[KEPT:]:
        with suppress(OSError):
            each.unlink()

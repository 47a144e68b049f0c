"""What is done where the store's file turns out damaged, or is no longer the one that was opened.

Nothing is ever deleted or overwritten. A damaged file is set aside under a name of its own, and what can be read of
it becomes the new store. One process does it, under a lock; the others find another file in its place and open that.
Whoever was about to write to the old file learns of it after its commit (`Database.writing`), so that no write that
was acknowledged can be missing in the new one: the old file is read after it has lost its name.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from taskdash.domain.errors import StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural
from taskdash.store.advice import code_of
from taskdash.store.backups import backups_of
from taskdash.store.store_file import (
    PRIVATE_FILE,
    Identity,
    copy_open_file,
    descriptor_of,
    identity_of,
    mending,
    sync_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

OWN_NAME: Final = "tasks.db"
_COMPARED: Final = 3
"""So many earlier copies are looked through before another one is kept."""
_REPLACED: Final = "the store was replaced by another file: its list is shown now"
_OWN_SIGNS: Final = (b"CREATE UNIQUE INDEX tasks_by_id", b"CREATE INDEX tasks_by_place")

_told: dict[Identity, str] = {}
"""What was said of each file that lost its name."""


def marker_of(path: Path) -> Path:
    """The file that is there while the store is exchanged; it names the one that was set aside."""
    return path.with_name(f"{path.name}.mending")


def mend(path: Path, identity: Identity, *, is_sure: bool = False) -> None:
    """Set a damaged file aside and put what can be read of it in its place.

    Nothing happens where another process has done it already, or where the file turns out whole.

    Args:
        path: The store's file, no link.
        identity: The file that was found damaged.
        is_sure: It is known to be, though SQLite can read it.

    Raises:
        StoreError: it is no store of ours, or the new one cannot be written.
        OSError: nothing can be written here.
    """
    with mending(path):
        if identity_of(path) != identity or not (is_sure or _is_damaged(path)):
            return
        if not _is_ours(path):
            raise StoreError(
                f"{inert_line(str(path))} is not a taskdash store: move it away, or name another with --store"
            )
        aside = _free_name(path, "corrupt")
        _write_marker(path, aside)
        journal = path.with_name(f"{path.name}-journal")
        with suppress(FileNotFoundError):
            journal.rename(aside.with_name(f"{aside.name}-journal"))
        path.rename(aside)
        _finish(path)


def finish_mending(path: Path) -> None:
    """Go on with what another process had begun when it was killed, or wait for one that is at it.

    Raises:
        StoreError: the new store cannot be written.
        OSError: nothing can be written here.
    """
    with mending(path):
        if marker_of(path).exists():
            _finish(path)


def _finish(path: Path) -> None:
    marker = marker_of(path)
    aside = path.with_name(marker.read_text("utf-8"))
    # One that was killed just before its last step has put the new store there; an empty file is a newcomer's.
    is_done = path.exists() and path.stat().st_size > 0
    if not is_done and aside.exists():
        from taskdash.store.salvage import salvage

        fresh = path.with_name(f"{path.name}.mended.part")
        for each in (fresh, fresh.with_name(f"{fresh.name}-journal")):
            each.unlink(missing_ok=True)
        try:
            salvage(aside, fresh)
            # Its journal must be gone before it gets the name: it would be taken for the store's.
            fresh.with_name(f"{fresh.name}-journal").unlink(missing_ok=True)
            fresh.replace(path)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    marker.unlink()


def see_after(path: Path, identity: Identity) -> str:
    """Find out what became of the file that is still open and has lost its name; lose nothing that is in it.

    Returns:
        A line for the user.

    Raises:
        OSError: what was in it cannot be kept.
    """
    with mending(path):
        line = _what_became_of(path, identity)
        # Other connections of this process find only what the first of them has put there.
        if line == _REPLACED:
            line = _told.get(identity, line)
        _told[identity] = line
        return line


def _what_became_of(path: Path, identity: Identity) -> str:
    aside = _name_now(path, identity)
    if aside is not None:
        kept = f"it is kept as {inert_line(aside.name)}"
        return f"the store was damaged: {kept}, and {_saved(path)}{_older(path)}"
    descriptor = descriptor_of(identity)
    is_gone = descriptor is not None and os.fstat(descriptor).st_nlink == 0
    if identity_of(path) is None and not marker_of(path).exists():
        if not is_gone or descriptor is None:
            return f"the store was moved away: a new list begins in {inert_line(path.name)}"
        _write_back(path, descriptor)
        return "the store was deleted while it was open: its list was written back"
    if is_gone and descriptor is not None and (copy := _keep_copy(path, descriptor)):
        name = inert_line(copy.name)
        return f"the store was replaced by another file; the list before it is kept as {name} (open it with --store)"
    return _REPLACED


def _is_damaged(path: Path) -> bool:
    """Whether it is, by what SQLite finds in all of it; one that is locked is waited for."""
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=30.0)
        ) as connection:
            return bool(connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok")
    except UnicodeDecodeError:
        return True
    except sqlite3.Error as error:
        if code_of(error) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return True
        raise


def _is_ours(path: Path) -> bool:
    """Whether the file was a store of ours, by its name, by what lies beside it or by what is left in it."""
    if path.name == OWN_NAME or (not path.stat().st_size and path.with_name(f"{path.name}-journal").exists()):
        return True
    before = b""
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            if any(sign in before + piece for sign in _OWN_SIGNS):
                return True
            before = piece[-64:]
    return False


def _free_name(path: Path, what: str) -> Path:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (f"{path.name}.{what}-{stamp}{f'-{n}' if n > 1 else ''}" for n in range(1, 1_000))
    return next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))


def _write_marker(path: Path, aside: Path) -> None:
    marker = marker_of(path)
    marker.unlink(missing_ok=True)
    descriptor = os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        os.write(descriptor, aside.name.encode("utf-8"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name_now(path: Path, identity: Identity) -> Path | None:
    """What the file was set aside as, by this process or another."""
    return next((each for each in _siblings(path, "corrupt") if identity_of(each) == identity), None)


def _saved(path: Path) -> str:
    """How many tasks of it are in the new store, in words."""
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as connection:
            count = int(connection.execute("SELECT count(*) FROM tasks WHERE removal = 0").fetchone()[0])
    except sqlite3.Error:
        return "what could be read of it is the list now"
    return f"{plural(count, 'task')} could be read of it" if count else "no task could be read of it"


def _older(path: Path) -> str:
    copies = backups_of(path)
    return f" (an older copy is {copies[0].name})" if copies else ""


def _write_back(path: Path, descriptor: int) -> None:
    """Give an open file that was deleted its name again; where another file has come there meanwhile, that stays.

    What a killed process left half written is undone as ever: its journal, if there is one, still has its name.
    """
    part = path.with_name(f"{path.name}.back.part")
    part.unlink(missing_ok=True)
    copy_open_file(descriptor, part)
    try:
        os.link(part, path)
    except FileExistsError:
        part.rename(_free_name(path, "replaced"))
        return
    except OSError:
        # A file system without links.
        part.rename(path)
        return
    part.unlink()
    sync_folder(path.parent)


def _keep_copy(path: Path, descriptor: int) -> Path | None:
    """Keep what only this process has open any more, if there is a task in it that the new file has not."""
    copy = _free_name(path, "replaced")
    copy_open_file(descriptor, copy)
    # Other connections have the same file open: one copy is enough.
    kept = [each for each in _siblings(path, "replaced") if each != copy]
    for each in (path, *sorted(kept, reverse=True)[:_COMPARED]):
        if _has_all_of(each, copy):
            copy.unlink()
            return None if each == path else each
    sync_folder(path.parent)
    return copy


def _siblings(path: Path, what: str) -> list[Path]:
    start = f"{path.name}.{what}-"
    return [
        each for each in path.parent.iterdir() if each.name.startswith(start) and "-journal" not in each.name
    ]


def _has_all_of(path: Path, copy: Path) -> bool:
    missing = (
        "SELECT 1 FROM (SELECT profile, task_id FROM before.tasks WHERE removal = 0 "
        "EXCEPT SELECT profile, task_id FROM main.tasks) LIMIT 1"
    )
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=5.0)
        ) as connection:
            connection.execute("ATTACH ? AS before", (f"file:{quote(str(copy))}?mode=ro&immutable=1",))
            return connection.execute(missing).fetchone() is None
    except sqlite3.Error:
        return False

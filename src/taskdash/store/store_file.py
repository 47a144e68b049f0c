"""The store's file: its permissions, identity and migrations, and the locks and copies beside it.

`PRAGMA user_version` counts the migrations of `store.schema` that a file has had, `PRAGMA application_id` tells it from
other programs' files. A file with more migrations than this program knows was written by a newer taskdash and is left
exactly as it is.

SQLite's locks belong to the process, and closing any descriptor of the file releases them, whoever opened it. So the
store's file is opened only by SQLite, or by code that holds no lock on it; otherwise it is examined by name. A copy is
made once a day while the list is in use, and before each migration.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taskdash.config.locations import make_private_dir
from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.faults import damage, stopped_holder_of
from taskdash.store.schema import APPLICATION_ID, MIGRATIONS, OWN_INDEXES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from tempfile import TemporaryDirectory

    Execute = Callable[[str], sqlite3.Cursor]
    """Executes a statement, waiting for other processes' locks."""

PRIVATE_FILE: Final = 0o600
UNSETTLED_NS: Final = 2_500_000_000
"""A file written more recently may be written again with the same mtime: some file systems count whole seconds."""
COPIES_KEPT: Final = 3
COPY_EVERY_S: Final = 24 * 3_600.0
_PAGES: Final = 2_000
"""How many pages to copy between checks whether to give up."""
SLOW_RECOVERY_TOLD_TO: Final[list[Callable[[str], None]]] = []
"""Called from any thread, with a line for the user, if recovering a damaged list takes long."""

Identity = tuple[int, int]
"""Device and inode of a file, which tell it from another one of the same name."""


def create_private(path: Path, tell: Callable[[str], None]) -> int | None:
    """Create the file, 0600, before SQLite does so with the umask's mode; return the size of an existing one.

    If it is open to others, its mode is tightened. So is that of taskdash's own folder, which `tell` is called about.
    """
    if said := make_private_dir(path.parent):
        tell(said)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE))
    except FileExistsError:
        try:
            status = path.stat()
        except FileNotFoundError:  # it was just moved away
            return create_private(path, tell)
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.getuid():
            with suppress(OSError):  # a read-only disk: others cannot be shut out
                path.chmod(status.st_mode & 0o700)
        return status.st_size
    return None


def identity_of(path: Path) -> Identity | None:
    """Return the identity of the file at this path; None if there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked before every read: Path.stat takes twice as long
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def connect(path: Path, mode: str, timeout_s: float) -> sqlite3.Connection:
    """Return a connection to an existing file, to read it (`ro`) or to write to it as well (`rw`)."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    # If a character is corrupt on disk, the rest of the text is still of use.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def journal_of(path: Path) -> Path:
    """Return the path of SQLite's rollback journal, which is empty while no transaction is under way."""
    return path.with_name(f"{path.name}-journal")


def was_emptied(path: Path) -> bool:
    """Return whether an empty file was once a store, whose last commit left an empty journal beside it."""
    try:
        return not path.stat().st_size and not journal_of(path).stat().st_size
    except FileNotFoundError:
        return False


def siblings_of(path: Path, what: str) -> list[Path]:
    """Return the files beside a store that are named `<name>.<what>-<time>`, latest first."""
    form = re.compile(rf"{re.escape(path.name)}\.{what}-[0-9-]+")
    found = [each for each in path.parent.iterdir() if form.fullmatch(each.name)]
    return sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True)


def free_name(path: Path, what: str) -> Path:
    """Return a free name for such a file, with the time in UTC."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    names = (f"{path.name}.{what}-{stamp}{f'-{n}' if n > 1 else ''}" for n in range(1, 1_000))
    return next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, if the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def lock_path(store: Path, purpose: str = "", *, profile: str = "") -> Path:
    """Return the lock file beside a store for one purpose, or for the watcher of one profile.

    No two of them are the same file, whatever the profiles are called, even if file names ignore case.
    """
    # Whatever links lead to the store, it has one lock.
    path = store.resolve()
    if purpose:
        return path.with_name(f"{path.name}-{purpose}.lock")
    # With a dot left as it is, profile "b.c" of list "a" would clash with profile "c" of list "a.b".
    plain = re.sub(r"[^a-z0-9_-]", lambda found: f"%{ord(found[0]):02x}", profile)
    return path.with_name(f"{path.name}.{plain}.lock")


# Ownership and migrations


def refuse_foreign(execute: Execute, path: Path) -> None:
    """Refuse a file that another program or a newer taskdash wrote; nothing must be written before this.

    Raises:
        StoreError: it is such a file.
        StoreChangedError: it is a taskdash store with a damaged header.
    """
    version, application = first(execute, "PRAGMA user_version"), first(execute, "PRAGMA application_id")
    shown = inert_line(str(path))
    if application != APPLICATION_ID and first(execute, "SELECT count(*) FROM sqlite_master"):
        if first(execute, f"SELECT count(*) FROM sqlite_master WHERE name IN {OWN_INDEXES}") == 3:
            raise StoreChangedError(f"the header of the store {shown} is damaged")
        raise StoreError(
            f"{shown} is a database of another program: name another store with --store, or move it away"
        )
    if version > len(MIGRATIONS):
        raise StoreError(
            f"the store {shown} was written by a newer taskdash (version {version}, this one knows "
            f"{len(MIGRATIONS)}): upgrade taskdash, or name another store with --store",
            code="store_newer",
            next_step="Upgrade taskdash, or name another store with --store.",
        )


def bring_up_to_date(execute: Execute, file: Path, *, is_emptied: bool) -> None:
    """Run the migrations that the file has not had, all in one transaction, after keeping a copy of the file.

    If that fails, the file stays as it was. StoreChangedError is raised if the file is empty and was not always, as
    seen before it was opened (`is_emptied`).
    """
    if first(execute, "PRAGMA user_version") >= len(MIGRATIONS):
        return
    execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock, as another process may have migrated it meanwhile.
        done = first(execute, "PRAGMA user_version")
        if not done and is_emptied:
            raise StoreChangedError(  # noqa: TRY301 - the transaction is undone below
                f"the store {inert_line(str(file))} is empty, and was not always"
            )
        if 0 < done < len(MIGRATIONS):
            keep_copy(file)
        for step in MIGRATIONS[done:]:
            for statement in _statements(step):
                execute(statement)
        execute(f"PRAGMA application_id = {APPLICATION_ID}")
        execute(f"PRAGMA user_version = {max(done, len(MIGRATIONS))}")
        execute("COMMIT")
    except BaseException:
        # The first error is the one to report; some errors roll back themselves.
        with suppress(sqlite3.Error):
            execute("ROLLBACK")
        raise


def first(execute: Execute, sql: str) -> Any:  # noqa: ANN401 - a cell has the type of its column
    """Return the first cell of a query."""
    return execute(sql).fetchone()[0]


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of `script` one by one; `executescript` would commit the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


# Copies


def copies_of(path: Path) -> list[Path]:
    """Return the copies of a store, newest first."""
    return siblings_of(path, "copy")


def is_copy_due(path: Path) -> bool:
    """Return whether the newest copy is a day old, or a day in the future because the clock was set back."""
    newest = next(iter(copies_of(path)), None)
    return newest is None or abs(time.time() - newest.stat().st_mtime) >= COPY_EVERY_S


def keep_copy(path: Path, is_given_up: Callable[[], bool] = lambda: False) -> None:
    """Copy the store to `<name>.copy-<time>`, 0600 and flushed to disk; delete surplus copies.

    A damaged store is not copied, as its copy would displace a sound one.

    Raises:
        OSError: there is no room for it, or the folder cannot be written.
        sqlite3.Error: the store is damaged or cannot be read, or the copy was given up.
    """
    target = free_name(path, "copy")
    part = path.with_name(f"{path.name}.copy.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE_FILE))

    def stop_if_given_up(status: int, *_: int) -> None:
        if is_given_up() or status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise sqlite3.OperationalError("database is locked")

    try:
        # A connection of its own, as SQLite does not back up from one with a write transaction.
        with closing(connect(path, "rw", 1.0)) as store, closing(sqlite3.connect(part)) as copy:
            copy.execute("PRAGMA synchronous=FULL").close()
            # One read transaction throughout, so that no commit in between makes the backup start again.
            store.execute("BEGIN").close()
            store.execute("SELECT count(*) FROM sqlite_master").fetchone()
            store.backup(copy, pages=_PAGES, progress=stop_if_given_up)
            _refuse_damaged(copy)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
    for each in copies_of(path)[COPIES_KEPT:]:
        with suppress(OSError):
            each.unlink()


def _refuse_damaged(copy: sqlite3.Connection) -> None:
    if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise damage()


def copy_past_holder(path: Path, name: str) -> tuple[int, TemporaryDirectory[str]] | None:
    """Copy a store that a stopped process has locked, with the journal that rolls back a half-written transaction.

    While that process is stopped and holds the lock, nobody else writes. Return its PID and the folder with the copy,
    which is named `name`; None if no stopped process has the store locked, or it was continued meanwhile. Raises
    OSError if there is no room for the copy.
    """
    from tempfile import TemporaryDirectory

    if holder := stopped_holder_of(path):
        folder = TemporaryDirectory(prefix="taskdash-")
        copy = Path(folder.name, name)
        _copy_file(path, copy)
        with suppress(FileNotFoundError):
            _copy_file(journal_of(path), journal_of(copy))
        if stopped_holder_of(path) == holder:
            return holder, folder
        folder.cleanup()
    return None


def _copy_file(source: Path, target: Path) -> None:
    # Not shutil, which would be imported for this alone.
    with source.open("rb") as read, target.open("wb") as written:
        while portion := read.read(1 << 20):
            written.write(portion)


class ChangeHint:
    """Tells by its mtime and size whether a store's file may have been written, far more cheaply than SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def may_have_changed(self) -> bool:
        """Return whether the file may have changed since the last call; True the first time, and when in doubt."""
        try:
            status = self._path.stat()
        except OSError:
            self._seen = None
            return True
        now = (status.st_mtime_ns, status.st_size, status.st_ino)
        if now == self._seen:
            return False
        # A time in the future, from a clock that was set or another machine's, cannot be trusted either.
        age_ns = time.time_ns() - status.st_mtime_ns
        self._seen = now if age_ns >= UNSETTLED_NS else None
        return True

"""The store as a file among others: private, told from another's, brought up to date, with locks and copies beside it.

`PRAGMA user_version` counts the steps of `store.schema` that a file has had, `PRAGMA application_id` tells it from
other programs' files. A file with more steps than this program knows was written by a newer taskdash and is left
exactly as it is.

SQLite's locks are the process's own and go with the first descriptor of the file that is closed, whoever opened it.
So nothing here opens the store's file but SQLite, and who has no lock of it: it is looked at by name. A copy is kept
once a day while the list is in use, and before each change of how it is laid out.
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
"""A file that was written less than this ago may be written again without another time: some count whole seconds."""
COPIES_KEPT: Final = 3
COPY_EVERY_S: Final = 24 * 3_600.0
_PAGES: Final = 2_000
"""Pages after which a copy that is under way can be given up."""
SLOW_RECOVERY_TOLD_TO: Final[list[Callable[[str], None]]] = []
"""Who is told, from any thread, in a line for the user, where the recovery of a damaged list takes long."""

Identity = tuple[int, int]
"""Device and number of a file: what tells it from another one of the same name."""


def create_private(path: Path, tell: Callable[[str], None]) -> int | None:
    """Make the file, 0600, before SQLite does it with the umask's mode; return the size of one that was there.

    One that stands open to others is tightened, and so is its folder where that is taskdash's own: `tell` is told.
    """
    if said := make_private_dir(path.parent):
        tell(said)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE))
    except FileExistsError:
        try:
            status = path.stat()
        except FileNotFoundError:  # moved away in this very moment
            return create_private(path, tell)
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.getuid():
            with suppress(OSError):  # a read-only disk: then nobody can be shut out
                path.chmod(status.st_mode & 0o700)
        return status.st_size
    return None


def identity_of(path: Path) -> Identity | None:
    """Return which file has this name now; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - asked before every read: Path.stat takes twice as long
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def connect(path: Path, mode: str, timeout_s: float) -> sqlite3.Connection:
    """Return a connection to a file that has to be there already, to read it (`ro`) or to write as well (`rw`)."""
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=timeout_s,
        isolation_level=None,
        check_same_thread=False,
    )
    # Where a letter on the disk is broken, the rest of the text still tells what it was.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def journal_of(path: Path) -> Path:
    """Return where SQLite keeps what it needs to undo a transaction; empty while there is none under way."""
    return path.with_name(f"{path.name}-journal")


def was_emptied(path: Path) -> bool:
    """Return whether an empty file once was a store: then its journal lies beside it, emptied by its last commit."""
    try:
        return not path.stat().st_size and not journal_of(path).stat().st_size
    except FileNotFoundError:
        return False


def siblings_of(path: Path, what: str) -> list[Path]:
    """Return the files beside a store that are called `<name>.<what>-<time>`, the latest first."""
    form = re.compile(rf"{re.escape(path.name)}\.{what}-[0-9-]+")
    found = [each for each in path.parent.iterdir() if form.fullmatch(each.name)]
    return sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True)


def free_name(path: Path, what: str) -> Path:
    """Return a name for such a file that is not taken; it tells the time, in UTC."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    names = (f"{path.name}.{what}-{stamp}{f'-{n}' if n > 1 else ''}" for n in range(1, 1_000))
    return next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, as far as the file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def lock_path(store: Path, purpose: str = "", *, profile: str = "") -> Path:
    """Return the lock beside a store for one purpose, or for whoever watches one profile.

    No two of them are one file, whatever the profiles are called, and where case does not count.
    """
    # Whatever links lead to the store, it has one lock.
    path = store.resolve()
    if purpose:
        return path.with_name(f"{path.name}-{purpose}.lock")
    # With a dot left as it is, profile "b.c" of list "a" would meet profile "c" of list "a.b".
    plain = re.sub(r"[^a-z0-9_-]", lambda found: f"%{ord(found[0]):02x}", profile)
    return path.with_name(f"{path.name}.{plain}.lock")


# Whose it is, and how it is laid out


def refuse_foreign(execute: Execute, path: Path) -> None:
    """Leave alone what another program, or a newer taskdash, wrote; nothing is written before this.

    Raises StoreError for what is not for us, StoreChangedError for what is ours but damaged where it says so.
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
    """Take the steps that the file has not had, all in one transaction, with a copy of the file beside it.

    Where that fails it stays as it was. One that `is_emptied` was no new one, as far as could be seen before it was
    opened: StoreChangedError is raised, if it is empty.
    """
    if first(execute, "PRAGMA user_version") >= len(MIGRATIONS):
        return
    execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock: another process may have done it meanwhile.
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
        # The first error is the one to tell; some end the transaction themselves.
        with suppress(sqlite3.Error):
            execute("ROLLBACK")
        raise


def first(execute: Execute, sql: str) -> Any:  # noqa: ANN401 - a cell has the type of its column
    """Return the first cell of a query."""
    return execute(sql).fetchone()[0]


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of `script` one by one, as `executescript` would commit the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


# Copies


def copies_of(path: Path) -> list[Path]:
    """Return the copies there are, the newest first."""
    return siblings_of(path, "copy")


def is_copy_due(path: Path) -> bool:
    """Return whether the newest copy is a day old, or of a day to come by a clock that was set back."""
    newest = next(iter(copies_of(path)), None)
    return newest is None or abs(time.time() - newest.stat().st_mtime) >= COPY_EVERY_S


def keep_copy(path: Path, is_given_up: Callable[[], bool] = lambda: False) -> None:
    """Copy the store as `<name>.copy-<time>`, 0600, and onto the disk; drop the copies that are too many.

    A damaged store is not copied: it would take the place of a sound one. Raises OSError where there is no room for
    it or the folder cannot be written, sqlite3.Error where the store cannot be read or the copy was given up.
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
        with closing(connect(path, "rw", 1.0)) as store, closing(sqlite3.connect(part)) as copy:
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
    for each in copies_of(path)[COPIES_KEPT:]:
        with suppress(OSError):
            each.unlink()


def _refuse_damaged(copy: sqlite3.Connection) -> None:
    if copy.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise damage()


def copy_past_holder(path: Path, name: str) -> tuple[int, TemporaryDirectory[str]] | None:
    """Copy a store, with the journal that undoes what is half written, past the lock of a stopped process.

    As long as that is stopped and has a lock, nobody else writes. Return its number and the folder that has the copy,
    called `name`; None where no such process has the store locked, or it went on meanwhile. Raises OSError where
    there is no room for the copy.
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
    # Not shutil: no other command imports it.
    with source.open("rb") as read, target.open("wb") as written:
        while portion := read.read(1 << 20):
            written.write(portion)


class ChangeHint:
    """Tells whether a store's file may have been written, by its time and size: much cheaper than to ask SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def may_have_changed(self) -> bool:
        """Return whether the file may be another than at the last call; True the first time, and when in doubt."""
        try:
            status = self._path.stat()
        except OSError:
            self._seen = None
            return True
        now = (status.st_mtime_ns, status.st_size, status.st_ino)
        if now == self._seen:
            return False
        # A time in the future, by a clock that was set or another machine's, says nothing either.
        age_ns = time.time_ns() - status.st_mtime_ns
        self._seen = now if age_ns >= UNSETTLED_NS else None
        return True

"""Handles the store's file: its permissions and identity, who has it locked, its copies, and what its faults mean.

SQLite's locks belong to the process, and closing any descriptor of the file releases them, whoever opened it. So the
store's file is opened only by SQLite, or by code that holds no lock on it; otherwise it is examined by name. A copy is
made once a day while the list is in use, and before each migration.
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import stat
import threading
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.config.files import make_private_dir
from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from tempfile import TemporaryDirectory

PRIVATE_FILE: Final = 0o600
COPIES_KEPT: Final = 3
COPY_EVERY_S: Final = 24 * 3_600.0
_PAGES: Final = 2_000
"""How many pages to copy between checks whether to give up."""

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
        status = path.stat()
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


def connect(path: Path, timeout_s: float) -> sqlite3.Connection:
    """Return a connection to an existing file.

    One that only reads gets it as well: if a process was killed in a transaction, the next reader has to undo that.
    """
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw",
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


# Locks


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


def stopped_holder_of(path: Path) -> int | None:
    """Return the PID of a stopped process that has a file locked; None if the system reports none."""
    with suppress(OSError):
        # A line is `1: POSIX  ADVISORY  WRITE 4711 fe:00:2506996 1073741824 1073742335`.
        held = re.compile(rf"POSIX .* ([0-9]+) [0-9a-f]+:[0-9a-f]+:{path.stat().st_ino} ")
        for found in held.finditer(Path("/proc/locks").read_text("ascii")):
            if b") T " in Path(f"/proc/{found[1]}/stat").read_bytes():
                return int(found[1])
    return None


class TransactionGate:
    """Lets reads and transactions through, or holds them back, so that none is stopped half-way (Ctrl+Z).

    A process stopped in mid-transaction would lock the file for everyone. So Ctrl+Z in a thread inside stops it once
    the thread has left. A thread inside may enter again; one that waits for another process's lock steps aside.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_closed = False
        self._depths: dict[int, int] = {}
        """How many times each thread inside has entered."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait until the gate is open, and stay inside for the block."""
        thread = threading.get_ident()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        try:
            self._enter(thread)
            try:
                yield
            finally:
                self._leave(thread)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def step_aside(self) -> None:
        """Let a pending stop go first, as this thread has nothing locked; a no-op if it has entered twice."""
        thread = threading.get_ident()
        if self._depths.get(thread) == 1:
            self._leave(thread)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
            self._enter(thread)

    def close(self) -> None:
        """Let no more threads in."""
        with self._changed:
            self._is_closed = True

    def wait_until_clear(self, timeout_s: float | None = None) -> None:
        """Wait until no thread is inside, the gate is opened again, or the timeout is over."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._is_closed and self._depths), timeout_s)

    def open(self) -> None:
        """Let all threads in."""
        with self._changed:
            self._is_closed = False
            self._changed.notify_all()

    def _enter(self, thread: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed or thread in self._depths)
            self._depths[thread] = self._depths.get(thread, 0) + 1

    def _leave(self, thread: int) -> None:
        with self._changed:
            self._depths[thread] -= 1
            if not self._depths[thread]:
                del self._depths[thread]
                self._changed.notify_all()


TRANSACTIONS: Final = TransactionGate()
"""Shared by all stores that this process has open."""


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
        with closing(connect(path, 1.0)) as store, closing(sqlite3.connect(part)) as copy:
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
    from shutil import copyfile
    from tempfile import TemporaryDirectory

    if holder := stopped_holder_of(path):
        folder = TemporaryDirectory(prefix="taskdash-")
        copy = Path(folder.name, name)
        copyfile(path, copy)
        with suppress(FileNotFoundError):
            copyfile(journal_of(path), journal_of(copy))
        if stopped_holder_of(path) == holder:
            return holder, folder
        folder.cleanup()
    return None


# Faults


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

"""One connection to the store's file: how it is opened, locked, migrated, and how its failures are told.

A rollback journal with synchronous=FULL, not WAL: SQLite before 3.51.3 can corrupt a WAL file that several
processes write (sqlite.org/wal.html, "WAL-reset bug"). Every write is a BEGIN IMMEDIATE, because a deferred
transaction that turns into a writer fails with "locked" at once, whatever the timeout.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from taskdash.config.private_files import make_private_dir
from taskdash.domain.errors import ReadAbandonedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.migrations import APPLICATION_ID, MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BUSY_TIMEOUT_S: Final = 30.0
PRIVATE_FILE: Final = 0o600
_BUSY_SLICE_S: Final = 0.25
"""SQLite's own wait for a lock cannot be interrupted, so it is cut into pieces of this length."""

_STEPS_BETWEEN_QUESTIONS: Final = 20_000
"""Steps of SQLite's machine, about a millisecond, after which a read asks whether it is still wanted."""

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
)


def explain(error: Exception, path: Path) -> StoreError:
    """Turn what SQLite or the system said into an error that tells the user what to do."""
    said = inert_line(str(error), 200)
    advice = next((text for word, text in _ADVICE if word in said.lower()), "check the file and its folder")
    return StoreError(f"the store {inert_line(str(path))} cannot be used ({said}): {advice}")


class Database:
    """A connection that one thread uses; only `interrupt` may be called from others.

    Raises StoreError, never sqlite3's own errors.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Open the store, creating it (0600, in a folder of 0700) and bringing it up to date where needed.

        A file that cannot be written is opened for reading, if it is up to date.

        Raises:
            StoreError: the file cannot be opened, is no store, or was written by a newer taskdash.
        """
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._interrupted = False
        self._connection: sqlite3.Connection | None = None
        try:
            with self._explained():
                # A link is followed here, once: SQLite would make a file that it leads to with the umask's mode.
                file = Path(os.path.realpath(path))
                _create_private(file)
                slice_s = min(_BUSY_SLICE_S, busy_timeout_s)
                self._connection = sqlite3.connect(
                    file, timeout=slice_s, isolation_level=None, check_same_thread=False
                )
                self._refuse_foreign()
                self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection."""
        if self._connection is None:
            raise StoreError(f"the store {inert_line(str(self.path))} is closed")
        return self._connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise explain(error, self.path) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, or has not happened at all."""
        with self._explained():
            connection = self.connection
            self._patiently("BEGIN IMMEDIATE")
            try:
                yield connection
                self._patiently("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    # Closing undoes it as well; the first error is the one to tell.
                    with suppress(sqlite3.Error):
                        connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row of a query, fetched whole: no read stays open to block another process's commit."""
        with self._explained(), closing(self._patiently(sql, values)) as cursor:
            return cursor.fetchall()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - a cell has the type of its column
        """The first column of the first row, or None where there is no row."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    def data_version(self) -> int:
        """A number that differs from last time when another connection has committed in between."""
        return int(self.value("PRAGMA data_version"))

    def version(self) -> tuple[int, int]:
        """What differs from last time when anything was written in between, here or by another connection."""
        return self.data_version(), self.connection.total_changes

    @contextmanager
    def while_wanted(self, is_wanted: Callable[[], bool]) -> Iterator[None]:
        """Give up the block's reads soon after `is_wanted` turned false; it is asked in this thread.

        Raises:
            ReadAbandonedError: they were given up.
        """
        given_up = False

        def give_up() -> bool:
            nonlocal given_up
            given_up = not is_wanted()
            return given_up

        self.connection.set_progress_handler(give_up, _STEPS_BETWEEN_QUESTIONS)
        try:
            yield
        except StoreError as error:
            if given_up:
                raise ReadAbandonedError(str(error)) from error
            raise
        finally:
            self.connection.set_progress_handler(None, 0)

    def interrupt(self) -> None:
        """Make what runs here, and all that follows, fail instead of waiting; for closing, from any thread."""
        self._interrupted = True
        if self._connection is not None:
            with suppress(sqlite3.Error):  # it was closed in this very moment
                self._connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _patiently(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement, waiting for other processes' locks as long as the timeout allows."""
        until_s = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                return self.connection.execute(sql, values)
            except sqlite3.OperationalError as error:
                is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or self._interrupted or time.monotonic() >= until_s:
                    raise

    def _refuse_foreign(self) -> None:
        """Leave alone what another program, or a newer taskdash, wrote; nothing is written before this."""
        version, application = self.value("PRAGMA user_version"), self.value("PRAGMA application_id")
        shown = inert_line(str(self.path))
        if application != APPLICATION_ID and self.value("SELECT count(*) FROM sqlite_master"):
            raise StoreError(
                f"{shown} is a database of another program: name another store with --store, or move it away"
            )
        if version > len(MIGRATIONS):
            raise StoreError(
                f"the store {shown} was written by a newer taskdash (version {version}, this one knows "
                f"{len(MIGRATIONS)}): upgrade taskdash, or name another store with --store"
            )

    def _prepare(self) -> None:
        self.connection.create_function("failure_class", 3, _failure_class, deterministic=True)
        for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "cache_size=-8000", "temp_store=MEMORY"):
            self._patiently(f"PRAGMA {pragma}").close()
        if self.value("PRAGMA user_version") < len(MIGRATIONS):
            self._migrate()

    def _migrate(self) -> None:
        with self.writing() as connection:
            # Read again under the lock: another process may have done it meanwhile.
            done = connection.execute("PRAGMA user_version").fetchone()[0]
            for step in MIGRATIONS[done:]:
                for statement in _statements(step):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {max(done, len(MIGRATIONS))}")


def _create_private(path: Path) -> None:
    """Make the file, 0600, before SQLite does it with the umask's mode; tighten one that stands open to others."""
    make_private_dir(path.parent)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE))
    except FileExistsError:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077 and status.st_uid == os.getuid():
            with suppress(OSError):  # a read-only disk: then nobody can be shut out
                path.chmod(status.st_mode & 0o700)


@lru_cache(2_000)
def _failure_class(fail_code: str | None, fail_msg: str | None, raw_state: str | None) -> str:
    # Few commands ask, and the rules are many.
    from taskdash.domain.failures import classify

    return classify(fail_code, fail_msg, raw_state).value


def _statements(script: str) -> Iterator[str]:
    """The statements of `script` one by one, as `executescript` would commit the transaction around them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""

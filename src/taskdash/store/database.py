"""One connection to the store's file: how it is opened, locked, migrated, and how its failures are told.

A rollback journal with synchronous=FULL, not WAL: SQLite before 3.51.3 can corrupt a WAL file that several
processes write (sqlite.org/wal.html, "WAL-reset bug"). Every write is a BEGIN IMMEDIATE, because a deferred
transaction that turns into a writer fails with "locked" at once, whatever the timeout.

Whether the file is still the one of that name is asked before every read and after every commit: SQLite would go on
with one that was deleted, and whatever is written there is lost with the process.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from taskdash.domain.errors import ReadAbandonedError, StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.advice import code_of, explain, unreadable
from taskdash.store.schema import bring_up_to_date, refuse_foreign
from taskdash.store.store_file import create_private, identity_of, was_emptied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from taskdash.store.store_file import Identity

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0
_EXCHANGE_S: Final = 0.01
_BUSY_SLICE_S: Final = 0.25
"""SQLite's own wait for a lock cannot be interrupted, so it is cut into pieces of this length."""

_STEPS_BETWEEN_QUESTIONS: Final = 20_000
"""Steps of SQLite's machine, about a millisecond, after which a read asks whether it is still wanted."""
_OPENINGS: Final = 3
"""So often is a file opened that turns out damaged, or is exchanged in that moment."""


class Database:
    """A connection that one thread uses; only `interrupt` may be called from others.

    Raises StoreError, never sqlite3's own errors.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        on_mishap: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Open the store, creating it (0600, in a folder of 0700) and bringing it up to date where needed.

        A file that cannot be written is opened for reading, if it is up to date. One that is damaged is set aside, and
        what can be read of it is the store.

        Args:
            path: Where it is.
            busy_timeout_s: How long other processes' locks are waited for.
            on_mishap: Told in a line, now or later, where the file turned out damaged or was exchanged.

        Raises:
            StoreError: the file cannot be opened, is no store, or was written by a newer taskdash.
        """
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._on_mishap = on_mishap
        self._interrupted = False
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)
        self._openings = 0
        try:
            with self._explained():
                self._open()
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
        """A transaction that is on disk when the block ends, or has not happened at all.

        Raises:
            StoreChangedError: it is on disk in a file that is damaged, or no longer the store; see `again`.
        """
        with self._explained():
            self._keep_up()
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
            if self._is_exchanged():
                raise StoreChangedError(
                    f"the store {inert_line(str(self.path))} was exchanged while it was written to: try again"
                )

    def again(self, work: Callable[[], T]) -> T:
        """Do `work`; where the file turns out damaged or exchanged, once more on the one that takes its place."""
        try:
            return work()
        except StoreChangedError:
            if self._interrupted or self.connection.in_transaction:
                raise
            with self._explained():
                self._replace()
            return work()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row of a query, fetched whole: no read stays open to block another process's commit."""
        return self.again(lambda: self._rows(sql, values))

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._explained():
            self._keep_up()
            try:
                with closing(self._patiently(sql, values)) as cursor:
                    return cursor.fetchall()
            except sqlite3.OperationalError as error:
                if code_of(error) or "UTF-8" not in str(error):
                    raise
                # A letter on the disk is broken: the rest of the text still tells what it was.
                self.connection.text_factory = _text
                with closing(self._patiently(sql, values)) as cursor:
                    return cursor.fetchall()

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - a cell has the type of its column
        """The first column of the first row, or None where there is no row."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    def data_version(self) -> int:
        """A number that differs from last time when another connection has committed in between."""
        return int(self.value("PRAGMA data_version")) + (self._openings << 32)

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
            except UnicodeDecodeError as error:
                raise unreadable() from error
            except sqlite3.OperationalError as error:
                is_busy = code_of(error) & 0xFF == sqlite3.SQLITE_BUSY
                if not is_busy or self._interrupted or time.monotonic() >= until_s:
                    raise

    # Opening, and opening what has taken the file's place

    def _open(self) -> None:
        for left in reversed(range(_OPENINGS)):
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not left or not isinstance(explain(error, self.path), StoreChangedError):
                    raise
                self._mend()
            except StoreChangedError:
                if not left:
                    raise
                self._mend(is_sure=True)
            else:
                return

    def _connect(self) -> None:
        # A link is followed here, once: SQLite would make a file that it leads to with the umask's mode.
        file = Path(os.path.realpath(self.path))
        size = create_private(file)
        if not size:
            # While a damaged file is set aside there is none; one that a newcomer has made for it is given up again.
            self._wait_for_mending(file)
        # Asked before SQLite sees it: that would take the journal of an empty file away.
        is_emptied = size == 0 and _size_of(file) == 0 and was_emptied(file)
        self._identity, self._connection = self._open_file(file)
        refuse_foreign(self._patiently, self.path)
        self._prepare()
        bring_up_to_date(self._patiently, file, is_emptied=is_emptied)
        self._openings += 1

    def _open_file(self, file: Path) -> tuple[Identity, sqlite3.Connection]:
        """The file and a connection that is to this very file.

        Another process may give its name to another file in between. SQLite may not make one where there is none for
        that moment: what is written to it would be lost.
        """
        slice_s = min(_BUSY_SLICE_S, self._busy_timeout_s)
        until_s = time.monotonic() + self._busy_timeout_s
        # The characters that mean something in a URI. urllib knows no others, but takes its time to be imported.
        name = str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        while True:
            identity = identity_of(file)
            try:
                connection = sqlite3.connect(
                    f"file:{name}?mode=rw",
                    uri=True,
                    timeout=slice_s,
                    isolation_level=None,
                    check_same_thread=False,
                )
            except sqlite3.OperationalError:
                if file.exists() or time.monotonic() > until_s:
                    raise
                self._wait_for_mending(file)
            else:
                if not _size_of(file):
                    # What a newcomer has made while a damaged file was set aside is given up again.
                    self._wait_for_mending(file)
                if identity is not None and identity_of(file) == identity:
                    return identity, connection
                connection.close()
            time.sleep(_EXCHANGE_S)

    def _wait_for_mending(self, file: Path) -> None:
        from taskdash.store.mending import finish_mending, marker_of

        if marker_of(file).exists():
            finish_mending(file)

    def _is_exchanged(self) -> bool:
        """Whether another file, or none, has the name now."""
        try:
            return identity_of(self.path) != self._identity
        except OSError:  # the folder cannot be looked into for the moment; the file itself may be in order
            return False

    def _keep_up(self) -> None:
        """Go over to the file that has the name now; not in the middle of a transaction."""
        if self._is_exchanged() and not self.connection.in_transaction and not self._interrupted:
            self._replace()

    def _replace(self) -> None:
        """Open what takes the place of the file that is open, once nothing that is in that one can be lost."""
        if self._is_exchanged():
            self._see_after()
        else:
            self._mend()
        if self._connection is not None:
            self._connection.close()
        self._open()

    def _mend(self, *, is_sure: bool = False) -> None:
        from taskdash.store.mending import mend

        file = Path(os.path.realpath(self.path))
        mend(file, self._identity, is_sure=is_sure)
        if self._is_exchanged():
            self._see_after()
        if self._connection is not None:
            self._connection.close()

    def _see_after(self) -> None:
        from taskdash.store.mending import see_after

        self._on_mishap(see_after(Path(os.path.realpath(self.path)), self._identity))

    def _prepare(self) -> None:
        self.connection.create_function("failure_class", 3, _failure_class, deterministic=True)
        for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "cache_size=-8000", "temp_store=MEMORY"):
            self._patiently(f"PRAGMA {pragma}").close()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


@lru_cache(2_000)
def _failure_class(fail_code: str | None, fail_msg: str | None, raw_state: str | None) -> str:
    # Few commands ask, and the rules are many.
    from taskdash.domain.failures import classify

    return classify(fail_code, fail_msg, raw_state).value


def _size_of(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None

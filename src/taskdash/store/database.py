"""Connects a thread to the store: opens and locks the file, reopens it if replaced, recovers it if damaged.

A rollback journal with synchronous=FULL, not WAL: SQLite before 3.51.3 can corrupt a WAL file that several
processes write (sqlite.org/wal.html, "WAL-reset bug"). Every write is a BEGIN IMMEDIATE, because a deferred
transaction that turns into a writer fails with "locked" at once, whatever the timeout.

Before every read and transaction, and after every commit, it checks that the path still leads to the open file. SQLite
would go on using a deleted one, and anything written there is lost when the process ends.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from functools import lru_cache, wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, Self, TypeVar

from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.schema import bring_up_to_date, refuse_foreign
from taskdash.store.store_file import (
    PRIVATE_FILE,
    TRANSACTIONS,
    Identity,
    as_store_error,
    connect,
    copy_past_holder,
    create_private,
    damage,
    identity_of,
    is_busy,
    is_changed,
    is_copy_due,
    keep_copy,
    lock_path,
    was_emptied,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from tempfile import TemporaryDirectory

    from taskdash.store.store import Store

P = TypeVar("P", bound="Part")
S = ParamSpec("S")
T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0
_MODULES: Final = {"additions": "edits", "gateways": "checks", "history": "query_sql", "verdicts": "saved"}
"""The modules of the parts that are not named like their module."""
_BUSY_SLICE_S: Final = 0.25
"""SQLite's own wait for a lock cannot be interrupted, so it is cut into pieces of this length."""
_GONE_S: Final = 0.5
"""How long to wait for a missing file to reappear."""
_OPENINGS: Final = 3
"""How often to try opening a file that turns out damaged, or is replaced meanwhile."""


class Database:
    """Serves one thread with a store; only `interrupt` may be called from others.

    Raises StoreError, never sqlite3's own errors.
    """

    def __init__(
        self,
        path: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        on_mishap: Callable[[str], None] = lambda _: None,
        opens: bool = True,
        only_reads: bool = False,
    ) -> None:
        """Open the store, unless `opens` is False; then call `open`.

        `on_mishap` is called with a line for the user if the file was damaged, open to others, or replaced. With
        `only_reads`, switch to a copy if a stopped process has the file locked; anything written then is lost.
        Raises as `open` does.
        """
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._on_mishap = on_mishap
        self._interrupted = False
        self.is_waiting = False
        """Whether another process had the file locked at the last attempt."""
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._only_reads = only_reads
        self._copy: TemporaryDirectory[str] | None = None
        """The folder of the copy that is read while a stopped process has the file locked."""
        self._openings = 0
        if opens:
            self.open()

    def open(self, *, is_patient: bool = False) -> None:
        """Open the store, creating it (0600, in a folder of 0700) or bringing it up to date if needed.

        A file that cannot be written is opened for reading, if it is up to date. A damaged one is set aside, and what
        can be recovered takes its place. With `is_patient`, wait for other processes' locks until `interrupt` is
        called.

        Raises:
            StoreError: the file cannot be opened, is not a store, or was written by a newer taskdash.
        """
        try:
            with self._using_file():
                while True:
                    try:
                        return self._open()
                    except sqlite3.OperationalError as error:
                        if self._interrupted or not (is_patient and is_busy(error)):
                            raise
        except BaseException:
            self.close()
            raise

    def __getattr__(self, name: str) -> Part:
        """Create a part that the class declares; importing its module now saves others a tenth of a second."""
        kind = type(self).__annotations__.get(name)
        if kind is None:
            raise AttributeError(name)
        module = import_module(f"taskdash.store.{_MODULES.get(name, name)}")
        part: Part = getattr(module, kind)(self)
        setattr(self, name, part)
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """Return the open connection; raise StoreError if the store is closed."""
        if self._connection is None:
            raise StoreError(f"the store {inert_line(str(self.path))} is closed")
        return self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run the block in a transaction, which is on disk when the block ends, or has not happened at all.

        Raises:
            StoreChangedError: the file is damaged, or was replaced before the commit was done; see `again`.
        """
        with self._using_file():
            self._keep_up()
            connection = self.connection
            self._execute("BEGIN IMMEDIATE")
            try:
                yield connection
                self._execute("COMMIT")
            except BaseException:
                # The first error is the one to report; some roll back themselves.
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            if self._is_exchanged():
                raise StoreChangedError(
                    f"the store {inert_line(str(self.path))} was exchanged while it was written to: try again"
                )

    def write(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute a statement with each of `rows`, all in one transaction; return how many rows it changed."""
        with self.writing() as connection:
            return connection.executemany(sql, rows).rowcount

    def again(self, work: Callable[[], T]) -> T:
        """Run `work`; if the file turns out damaged or replaced, run it again on the one that takes its place."""
        try:
            return work()
        except StoreChangedError:
            if self._interrupted or self.connection.in_transaction:
                raise
            with self._using_file():
                self._make_way()
                self._open()
            return work()

    def rows(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query at once, so that no open read blocks another process's commit."""

        def read() -> list[tuple[Any, ...]]:
            with self._using_file():
                self._keep_up()
                with closing(self._execute(sql, values)) as cursor:
                    return cursor.fetchall()

        return self.again(read)

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - a cell has the type of its column
        """Return the first column of the first row, or None if there is no row."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    def data_version(self) -> int:
        """Return a number that differs from last time if another connection has committed in between."""
        return int(self.value("PRAGMA data_version")) + (self._openings << 32)

    def keep_copy(self) -> None:
        """Copy the list beside it if the newest copy is a day old; do nothing if that fails."""
        with suppress(StoreError), self._using_file():
            is_first = not self.value("SELECT count(*) FROM numbers WHERE name = 'list'")
            if is_first:
                # Identifies the list that copies were made of.
                self.write("INSERT OR IGNORE INTO numbers VALUES ('list', abs(random()))", [()])
            if is_first or is_copy_due(self._file):
                from filelock import FileLock

                # Another process may be copying or recovering the list.
                with FileLock(lock_path(self._file, "mend"), timeout=0, mode=PRIVATE_FILE):
                    keep_copy(self._file, lambda: self._interrupted)

    def interrupt(self) -> None:
        """Make the current statement fail, and later ones fail instead of waiting; for closing, from any thread."""
        self._interrupted = True
        if self._connection is not None:
            with suppress(sqlite3.Error):  # it was just closed
                self._connection.interrupt()

    def close(self) -> None:
        """Close the file, and delete the copy if one was read."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

    # Statements

    @contextmanager
    def _using_file(self) -> Iterator[None]:
        """Run the block inside the transaction gate; raise SQLite's and the system's errors as a StoreError."""
        try:
            with TRANSACTIONS.passing():
                yield
        except (sqlite3.Error, OSError) as error:
            raise as_store_error(error, self.path, self._file) from error

    def _execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Execute a statement, waiting for other processes' locks until the timeout."""
        until_s = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                cursor = self.connection.execute(sql, values)
            except UnicodeDecodeError as error:
                # SQLite's message about a damaged schema quotes bytes that are not UTF-8.
                raise damage() from error
            except sqlite3.OperationalError as error:
                self.is_waiting = is_busy(error)
                if not self.is_waiting or self._interrupted or time.monotonic() >= until_s:
                    raise
                if not self.connection.in_transaction:
                    TRANSACTIONS.step_aside()
                    if self._only_reads and self._copy is None:
                        self._switch_to_copy()
            else:
                self.is_waiting = False
                return cursor

    # Opening and reopening

    @property
    def _file(self) -> Path:
        if self._copy is not None:
            return Path(self._copy.name, self.path.name)
        # Through a dangling link SQLite would create the file with the umask's mode.
        return Path(os.path.realpath(self.path))

    def _switch_to_copy(self) -> None:
        """Switch to a copy if a stopped process has the file locked, as it may stay stopped for ever."""
        if found := copy_past_holder(self._file, self.path.name):
            holder, self._copy = found
            self._on_mishap(
                f"process {holder} has the list locked and is stopped: this is the list as it was before "
                f"(let the process go on with: kill -CONT {holder})"
            )
            self._connect()

    def _open(self) -> None:
        for left in reversed(range(_OPENINGS)):
            try:
                self._connect()
            except (sqlite3.DatabaseError, StoreChangedError) as error:
                if not left or not is_changed(error):
                    raise
                self._make_way(is_surely_damaged=isinstance(error, StoreChangedError))
            else:
                return

    def _connect(self) -> None:
        file = self._file
        # Before SQLite opens the file, as it deletes the journal of an empty one.
        size = create_private(file, self._on_mishap)
        is_emptied = size == 0 and was_emptied(file)
        self._identity = None
        while self._identity is None or self._is_exchanged():
            # The file may be replaced in between.
            if self._connection is not None:
                self._connection.close()
            self._identity = identity_of(file)
            self._connection = connect(file, min(_BUSY_SLICE_S, self._busy_timeout_s))
        refuse_foreign(self._execute, self.path)
        self.connection.create_function("failure_class", 3, _failure_class, deterministic=True)
        # SQLite's own round() breaks ties differently from Python's.
        self.connection.create_function("rounded", 1, lambda number: round(number, 6), deterministic=True)
        for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "cache_size=-8000", "temp_store=MEMORY"):
            self._execute(f"PRAGMA {pragma}").close()
        bring_up_to_date(self._execute, file, is_emptied=is_emptied)
        self._openings += 1

    def _is_exchanged(self) -> bool:
        """Return whether the path leads to another file, or to none."""
        try:
            return identity_of(self.path if self._copy is None else self._file) != self._identity
        except OSError:  # the folder cannot be searched at the moment; the file itself may be fine
            return False

    def _keep_up(self) -> None:
        """Reopen the path if the file was replaced, except in the middle of a transaction."""
        if self._is_exchanged() and not self.connection.in_transaction and not self._interrupted:
            self._make_way()
            self._open()

    def _make_way(self, *, is_surely_damaged: bool = False) -> None:
        """Close the file, after recovering it if it is damaged and still in place; report what became of it."""
        from taskdash.store.recovery import recover, what_became_of

        file = self._file
        if not self._is_exchanged():
            recover(file, self._identity, is_surely_damaged=is_surely_damaged)
        if self._is_exchanged():
            # A missing file may be about to be replaced by a copy, or its folder to be deleted as well.
            until_s = time.monotonic() + _GONE_S
            while identity_of(file) is None and not self._interrupted and time.monotonic() < until_s:
                time.sleep(_GONE_S / 20)
            self._on_mishap(what_became_of(file, self._identity))
        self.close()


class Part:
    """Covers one subject of a store; created on first use (`Database.__getattr__`)."""

    def __init__(self, database: Store) -> None:
        self._database = database


def repeatable(method: Callable[Concatenate[P, S], T]) -> Callable[Concatenate[P, S], T]:
    """Have a part's method run again if the file turns out damaged or replaced, as `Database.again` does."""

    @wraps(method)
    def run(part: P, /, *args: S.args, **kwargs: S.kwargs) -> T:
        return part._database.again(lambda: method(part, *args, **kwargs))  # noqa: SLF001 - of this module

    return run


@lru_cache(2_000)
def _failure_class(fail_code: str | None, fail_msg: str | None, raw_state: str | None) -> str:
    # Few commands need its many rules.
    from taskdash.domain.failures import classify

    return classify(fail_code, fail_msg, raw_state).value

"""The store's file as one thread reads and writes it: opened, locked, kept up with, and recovered where it is damaged.

A rollback journal with synchronous=FULL, not WAL: SQLite before 3.51.3 can corrupt a WAL file that several
processes write (sqlite.org/wal.html, "WAL-reset bug"). Every write is a BEGIN IMMEDIATE, because a deferred
transaction that turns into a writer fails with "locked" at once, whatever the timeout.

Whether the file is still the one of its name is asked before every read and after every commit: SQLite would go on
with one that was deleted, and whatever is written there is lost with the process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from taskdash.domain.errors import StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.faults import as_store_error, damage, is_busy, is_changed
from taskdash.store.store_file import (
    PRIVATE_FILE,
    Identity,
    bring_up_to_date,
    connect,
    copy_past_holder,
    create_private,
    identity_of,
    is_copy_due,
    keep_copy,
    lock_path,
    refuse_foreign,
    was_emptied,
)
from taskdash.store.transaction_gate import TRANSACTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from tempfile import TemporaryDirectory

    from taskdash.store.store import Store

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0
IN_LIST: Final = "IN (SELECT value FROM json_each(?))"
"""Membership in a list of any length that is bound as one value, by `as_json`."""
_BUSY_SLICE_S: Final = 0.25
"""SQLite's own wait for a lock cannot be interrupted, so it is cut into pieces of this length."""
_GONE_S: Final = 0.5
"""How long a file that is gone is waited for."""
_OPENINGS: Final = 3
"""So often is a file opened that turns out damaged, or is exchanged in that moment."""


class Database:
    """The store to one thread; only `interrupt` may be called from others.

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
        """Open the store, unless `opens` is False: then `open` does it.

        `on_mishap` hears in a line where the file was damaged, open to others, or exchanged. One that only reads goes
        over to a copy where a stopped process has the file locked: what is written then is lost. Raises as `open`
        does.
        """
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._on_mishap = on_mishap
        self._interrupted = False
        self.is_waiting = False
        """Whether another process has had the file locked when it was last asked for."""
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity | None = None
        self._only_reads = only_reads
        self._copy: TemporaryDirectory[str] | None = None
        """Where the copy is that is read in place of a file that a stopped process has locked."""
        self._openings = 0
        if opens:
            self.open()

    def open(self, *, is_patient: bool = False) -> None:
        """Open the store, creating it (0600, in a folder of 0700) and bringing it up to date where needed.

        A file that cannot be written is opened for reading, if it is up to date. One that is damaged is set aside,
        and what can be recovered is the store. One that is patient waits for other processes' locks until
        `interrupt`. Raises StoreError where the file cannot be opened, is no store, or is of a newer taskdash.
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
        """Make one of the parts that a class declares, whose modules have their names.

        It is imported when it is first used: commands such as `add` take a tenth of a second less for it.
        """
        kind = type(self).__annotations__.get(name)
        if kind is None:
            raise AttributeError(name)
        module = import_module(f"taskdash.store.{'saved' if name == 'verdicts' else name}")
        part: Part = getattr(module, kind)(self)
        setattr(self, name, part)
        return part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connection(self) -> sqlite3.Connection:
        """Return the open connection."""
        if self._connection is None:
            raise StoreError(f"the store {inert_line(str(self.path))} is closed")
        return self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Begin a transaction that is on disk when the block ends, or has not happened at all.

        Raises StoreChangedError where it is on disk in a file that is damaged, or no longer the store; see `again`.
        """
        with self._using_file():
            self._keep_up()
            connection = self.connection
            self._execute("BEGIN IMMEDIATE")
            try:
                yield connection
                self._execute("COMMIT")
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

    def write(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        """Execute a statement with each of `rows`, all in one transaction; return how many rows it changed."""
        with self.writing() as connection:
            return connection.executemany(sql, rows).rowcount

    def again(self, work: Callable[[], T]) -> T:
        """Do `work`; where the file turns out damaged or exchanged, once more on the one that takes its place."""
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
        """Return every row of a query, fetched whole: no read stays open to block another process's commit."""

        def read() -> list[tuple[Any, ...]]:
            with self._using_file():
                self._keep_up()
                with closing(self._execute(sql, values)) as cursor:
                    return cursor.fetchall()

        return self.again(read)

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:  # noqa: ANN401 - a cell has the type of its column
        """Return the first column of the first row, or None where there is no row."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    def data_version(self) -> int:
        """Return a number that differs from last time when another connection has committed in between."""
        return int(self.value("PRAGMA data_version")) + (self._openings << 32)

    def version(self) -> tuple[int, int]:
        """Return what differs from last time when anything was written in between, here or elsewhere."""
        return self.data_version(), self.connection.total_changes

    def keep_copy(self) -> None:
        """Keep a copy of the list beside it, if the newest is a day old; nothing happens where none can be made."""
        with suppress(StoreError), self._using_file():
            is_first = not self.value("SELECT count(*) FROM numbers WHERE name = 'list'")
            if is_first:
                # Tells later of which list there are copies.
                with self.writing() as connection:
                    connection.execute("INSERT OR IGNORE INTO numbers VALUES ('list', abs(random()))")
            if is_first or is_copy_due(self._file):
                from filelock import FileLock

                # Another process may be at that, or recover the list.
                with FileLock(lock_path(self._file, "mend"), timeout=0, mode=PRIVATE_FILE):
                    keep_copy(self._file, lambda: self._interrupted)

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
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None

    # Statements

    @contextmanager
    def _using_file(self) -> Iterator[None]:
        """Raise what SQLite or the system says in the block as a StoreError that tells the user what to do."""
        try:
            with TRANSACTIONS.passing():
                yield
        except (sqlite3.Error, OSError) as error:
            raise as_store_error(error, self.path, self._file) from error

    def _execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> sqlite3.Cursor:
        """Execute a statement, waiting for other processes' locks as long as the timeout allows."""
        until_s = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                cursor = self.connection.execute(sql, values)
            except UnicodeDecodeError as error:
                # What SQLite said of a damaged schema has pieces of it that are no text.
                raise damage() from error
            except sqlite3.OperationalError as error:
                self.is_waiting = is_busy(error)
                if not self.is_waiting or self._interrupted or time.monotonic() >= until_s:
                    raise
                if not self.connection.in_transaction:
                    TRANSACTIONS.step_aside()
                    if self._only_reads and self._copy is None:
                        self._go_over_to_copy()
            else:
                self.is_waiting = False
                return cursor

    # Opening, and opening what has taken the file's place

    @property
    def _file(self) -> Path:
        if self._copy is not None:
            return Path(self._copy.name, self.path.name)
        # Where a link leads to no file, SQLite would make one with the umask's mode.
        return Path(os.path.realpath(self.path))

    def _go_over_to_copy(self) -> None:
        """Read a copy from now on, if a stopped process has the file locked: it may stay so for ever."""
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
        # Asked before SQLite sees it: that would take the journal of an empty file away.
        size = create_private(file, self._on_mishap)
        is_emptied = size == 0 and was_emptied(file)
        self._identity = None
        while self._identity is None or self._is_exchanged():
            # Another file may be given the name in between.
            if self._connection is not None:
                self._connection.close()
            self._identity = identity_of(file)
            self._connection = connect(file, "rw", min(_BUSY_SLICE_S, self._busy_timeout_s))
        refuse_foreign(self._execute, self.path)
        self.connection.create_function("failure_class", 3, _failure_class, deterministic=True)
        # SQLite's own rounds what lies between two otherwise than Python does.
        self.connection.create_function("rounded", 1, lambda number: round(number, 6), deterministic=True)
        for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "cache_size=-8000", "temp_store=MEMORY"):
            self._execute(f"PRAGMA {pragma}").close()
        bring_up_to_date(self._execute, file, is_emptied=is_emptied)
        self._openings += 1

    def _is_exchanged(self) -> bool:
        """Return whether another file, or none, has the name now."""
        try:
            return identity_of(self.path if self._copy is None else self._file) != self._identity
        except OSError:  # the folder cannot be looked into for the moment; the file itself may be in order
            return False

    def _keep_up(self) -> None:
        """Go over to the file that has the name now; not in the middle of a transaction."""
        if self._is_exchanged() and not self.connection.in_transaction and not self._interrupted:
            self._make_way()
            self._open()

    def _make_way(self, *, is_surely_damaged: bool = False) -> None:
        """Recover the file, if it still has its name, and is damaged; tell what became of it."""
        from taskdash.store.recovery import recover, what_became_of

        file = self._file
        if not self._is_exchanged():
            recover(file, self._identity, is_surely_damaged=is_surely_damaged)
        if self._is_exchanged():
            # One that is gone may be about to be replaced by a copy, or to go with its folder.
            until_s = time.monotonic() + _GONE_S
            while identity_of(file) is None and not self._interrupted and time.monotonic() < until_s:
                time.sleep(_GONE_S / 20)
            self._on_mishap(what_became_of(file, self._identity))
        self.close()


class Part:
    """Answers for one matter of a store, of which there is one for each."""

    def __init__(self, database: Store) -> None:
        self._database = database


def as_json(items: Iterable[int] | Iterable[str]) -> str:
    """Return numbers or IDs as the one value that `IN_LIST` takes."""
    return json.dumps(list(items))


@lru_cache(2_000)
def _failure_class(fail_code: str | None, fail_msg: str | None, raw_state: str | None) -> str:
    # Few commands ask, and the rules are many.
    from taskdash.domain.failures import classify

    return classify(fail_code, fail_msg, raw_state).value

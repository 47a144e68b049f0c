"""The store as one file after another: what has its name is read and written, and mended where it is damaged.

Whether the file is still the one of that name is asked before every read and after every commit: SQLite would go on
with one that was deleted, and whatever is written there is lost with the process.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from taskdash.domain.errors import ReadAbandonedError, StoreChangedError, StoreError
from taskdash.domain.untrusted import inert_line
from taskdash.store.advice import explain, explained
from taskdash.store.connection import BUSY_TIMEOUT_S, TRANSACTIONS, Connection, is_busy_error
from taskdash.store.store_file import identity_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

_STEPS_BETWEEN_QUESTIONS: Final = 20_000
"""Steps of SQLite's machine, about a millisecond, after which a read asks whether it is still wanted."""
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
    ) -> None:
        """Open the store, unless that is left to a later call of `open`.

        Args:
            path: Where it is.
            busy_timeout_s: How long other processes' locks are waited for.
            on_mishap: Told in a line, now or later, where the file was damaged, open to others, or exchanged.
            opens: Whether to open it now.

        Raises:
            StoreError: the file cannot be opened, is no store, or was written by a newer taskdash.
        """
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._on_mishap = on_mishap
        self._interrupted = False
        self._current: Connection | None = None
        self._identity = (0, 0)
        self._openings = 0
        if opens:
            self.open()

    def open(self, *, is_patient: bool = False) -> None:
        """Open the store, creating it (0600, in a folder of 0700) and bringing it up to date where needed.

        A file that cannot be written is opened for reading, if it is up to date. One that is damaged is set aside, and
        what can be read of it is the store.

        Args:
            is_patient: Whether to wait for other processes' locks until `interrupt`.

        Raises:
            StoreError: the file cannot be opened, is no store, or was written by a newer taskdash.
        """
        is_open = False
        try:
            with explained(self.path), TRANSACTIONS.passing():
                while not is_open:
                    try:
                        self._open()
                        is_open = True
                    except sqlite3.OperationalError as error:
                        if self._interrupted or not (is_patient and is_busy_error(error)):
                            raise
        finally:
            if not is_open:
                self.close()

    @property
    def is_waiting(self) -> bool:
        """Whether another process has the file locked, as far as this one has asked for it."""
        return self._current is not None and self._current.is_waiting

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection."""
        return self._opened().raw

    def _opened(self) -> Connection:
        if self._current is None:
            raise StoreError(f"the store {inert_line(str(self.path))} is closed")
        return self._current

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, or has not happened at all.

        Raises:
            StoreChangedError: it is on disk in a file that is damaged, or no longer the store; see `again`.
        """
        with explained(self.path), TRANSACTIONS.passing():
            self._keep_up()
            with self._opened().transaction() as connection:
                yield connection
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
            with explained(self.path), TRANSACTIONS.passing():
                self._replace()
            return work()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row of a query, fetched whole: no read stays open to block another process's commit."""
        return self.again(lambda: self._rows(sql, values))

    def _rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with explained(self.path), TRANSACTIONS.passing():
            self._keep_up()
            return self._opened().rows(sql, values)

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
        if self._current is not None:
            self._current.interrupt()

    def close(self) -> None:
        """Close the file."""
        if self._current is not None:
            self._current.close()
            self._current = None

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
        self._current = Connection(
            Path(os.path.realpath(self.path)),
            busy_timeout_s=self._busy_timeout_s,
            wait_for_exchange=_wait_for_mending,
            tell=self._on_mishap,
        )
        self._identity = self._current.identity
        if self._interrupted:
            self._current.interrupt()
        self._current.set_up(self.path)
        self._openings += 1

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
        if self._current is not None:
            self._current.close()
        self._open()

    def _mend(self, *, is_sure: bool = False) -> None:
        from taskdash.store.mending import mend

        file = Path(os.path.realpath(self.path))
        mend(file, self._identity, is_sure=is_sure)
        if self._is_exchanged():
            self._see_after()
        if self._current is not None:
            self._current.close()

    def _see_after(self) -> None:
        from taskdash.store.mending import see_after

        self._on_mishap(see_after(Path(os.path.realpath(self.path)), self._identity))


def _wait_for_mending(file: Path) -> None:
    from taskdash.store.mending import finish_mending, marker_of

    if marker_of(file).exists():
        finish_mending(file)

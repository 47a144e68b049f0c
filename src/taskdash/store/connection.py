"""One connection to one file of the store: how it is opened, locked and migrated, and how its statements are run.

A rollback journal with synchronous=FULL, not WAL: SQLite before 3.51.3 can corrupt a WAL file that several
processes write (sqlite.org/wal.html, "WAL-reset bug"). Every write is a BEGIN IMMEDIATE, because a deferred
transaction that turns into a writer fails with "locked" at once, whatever the timeout.
"""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from taskdash.store.advice import code_of, unreadable
from taskdash.store.schema import bring_up_to_date, refuse_foreign
from taskdash.store.store_file import create_private, identity_of, was_emptied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from taskdash.store.store_file import Identity

T = TypeVar("T")

BUSY_TIMEOUT_S: Final = 30.0
_EXCHANGE_S: Final = 0.01
_BUSY_SLICE_S: Final = 0.25
"""SQLite's own wait for a lock cannot be interrupted, so it is cut into pieces of this length."""
_CHUNK: Final = 500


class TransactionGate:
    """Lets reads and transactions through, or holds them back: a stopped process keeps the file locked for everybody.

    Whoever is inside may go in again. One that waits for another process's lock has none itself: it steps aside. Ctrl+Z
    in a thread that is inside stops the process when it has left.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_closed = False
        self._depths: dict[int, int] = {}
        """How often each thread that is inside went in."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside for the block, once the gate is open."""
        thread = threading.get_ident()
        if thread in self._depths:
            self._depths[thread] += 1
            try:
                yield
            finally:
                self._depths[thread] -= 1
            return
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
        """Let a stop come before this thread, which has nothing locked; nothing happens to one that went in twice."""
        thread = threading.get_ident()
        if self._depths.get(thread) == 1:
            self._leave(thread)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
            self._enter(thread)

    def close(self) -> None:
        """Let nobody in any more."""
        with self._changed:
            self._is_closed = True

    def wait_until_clear(self, timeout_s: float | None = None) -> None:
        """Return once nobody is inside, the gate was opened again, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._is_closed and self._depths), timeout_s)

    def open(self) -> None:
        """Let everybody in."""
        with self._changed:
            self._is_closed = False
            self._changed.notify_all()

    def _enter(self, thread: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed)
            self._depths[thread] = 1

    def _leave(self, thread: int) -> None:
        with self._changed:
            del self._depths[thread]
            self._changed.notify_all()


TRANSACTIONS: Final = TransactionGate()
"""Of all stores that this process has open."""


class Connection:
    """To the file that had the name when it was opened. One thread uses it; `interrupt` may be called from others.

    Raises sqlite3's own errors, and OSError.
    """

    def __init__(
        self,
        file: Path,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        wait_for_exchange: Callable[[Path], None] = lambda _: None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Connect to a file, creating it (0600, in a folder of 0700) where needed; nothing is read before `set_up`.

        Args:
            file: The store's file, no link: SQLite would make one that it leads to with the umask's mode.
            busy_timeout_s: How long other processes' locks are waited for.
            wait_for_exchange: Called where there may be none or an empty one for a moment, as another process is
                giving its name to a new one; returns when that is done.
            tell: Called with a line for the user where the file's folder was open to others.
        """
        self._file = file
        self._busy_timeout_s = busy_timeout_s
        self._wait_for_exchange = wait_for_exchange
        self._interrupted = False
        self.is_waiting = False
        """Whether another process has had the file locked when it was last asked for."""
        size = create_private(file, tell)
        if not size:
            # While a damaged file is set aside there is none; one that a newcomer has made for it is given up again.
            wait_for_exchange(file)
        # Asked before SQLite sees it: that would take the journal of an empty file away.
        self._is_emptied = size == 0 and _size_of(file) == 0 and was_emptied(file)
        self.identity, self.raw = self._open()

    def set_up(self, name: Path) -> None:
        """Refuse a file that is no store, set the connection up, and bring the file up to date.

        Args:
            name: What the store is called where it is refused.

        Raises:
            StoreError: it is no store, or was written by a newer taskdash.
            StoreChangedError: it was a store and is damaged, or was emptied.
        """
        refuse_foreign(self.execute, name)
        self.raw.create_function("failure_class", 3, _failure_class, deterministic=True)
        for pragma in ("journal_mode=TRUNCATE", "synchronous=FULL", "cache_size=-8000", "temp_store=MEMORY"):
            self.execute(f"PRAGMA {pragma}").close()
        bring_up_to_date(self.execute, self._file, is_emptied=self._is_emptied)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Execute a statement, waiting for other processes' locks as long as the timeout allows."""
        until_s = time.monotonic() + self._busy_timeout_s
        while True:
            try:
                cursor = self.raw.execute(sql, values)
            except UnicodeDecodeError as error:
                raise unreadable() from error
            except sqlite3.OperationalError as error:
                self.is_waiting = is_busy = is_busy_error(error)
                if not is_busy or self._interrupted or time.monotonic() >= until_s:
                    raise
                if not self.raw.in_transaction:
                    TRANSACTIONS.step_aside()
            else:
                self.is_waiting = False
                return cursor

    def rows(self, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Every row of a query, fetched whole: no read stays open to block another process's commit."""
        try:
            with closing(self.execute(sql, values)) as cursor:
                return cursor.fetchall()
        except sqlite3.OperationalError as error:
            if code_of(error) or "UTF-8" not in str(error):
                raise
            # A letter on the disk is broken: the rest of the text still tells what it was.
            self.raw.text_factory = _text
            with closing(self.execute(sql, values)) as cursor:
                return cursor.fetchall()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on disk when the block ends, or has not happened at all."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield self.raw
            self.execute("COMMIT")
        except BaseException:
            if self.raw.in_transaction:
                # Closing undoes it as well; the first error is the one to tell.
                with suppress(sqlite3.Error):
                    self.raw.execute("ROLLBACK")
            raise

    def interrupt(self) -> None:
        """Make what runs here, and all that follows, fail instead of waiting."""
        self._interrupted = True
        with suppress(sqlite3.Error):  # it was closed in this very moment
            self.raw.interrupt()

    def close(self) -> None:
        """Close the file."""
        self.raw.close()

    def _open(self) -> tuple[Identity, sqlite3.Connection]:
        """The file and a connection that is to this very file.

        Another process may give its name to another file in between. SQLite may not make one where there is none for
        that moment: what is written to it would be lost.
        """
        file = self._file
        slice_s = min(_BUSY_SLICE_S, self._busy_timeout_s)
        until_s = time.monotonic() + self._busy_timeout_s
        # The characters that mean something in a URI. urllib knows no others, but takes its time to be imported.
        name = str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
        while True:
            identity = identity_of(file)
            try:
                raw = sqlite3.connect(
                    f"file:{name}?mode=rw",
                    uri=True,
                    timeout=slice_s,
                    isolation_level=None,
                    check_same_thread=False,
                )
            except sqlite3.OperationalError:
                if file.exists() or time.monotonic() > until_s:
                    raise
                self._wait_for_exchange(file)
            else:
                if not _size_of(file):
                    # What a newcomer has made while a damaged file was set aside is given up again.
                    self._wait_for_exchange(file)
                if identity is not None and identity_of(file) == identity:
                    return identity, raw
                raw.close()
            time.sleep(_EXCHANGE_S)


def is_busy_error(error: sqlite3.Error) -> bool:
    """Return whether another process has the file locked."""
    return code_of(error) & 0xFF == sqlite3.SQLITE_BUSY


def chunks(items: Sequence[T]) -> Iterable[Sequence[T]]:
    """`items` in pieces that fit into one statement's bound values."""
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))


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

"""Opens a store: to use it in this thread, in a thread of its own, or for a glance without writing."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from taskdash.domain.task import State
from taskdash.store.database import Database
from taskdash.store.schema import KNOWN_VERSION, first, refuse_foreign
from taskdash.store.store_file import as_store_error, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from taskdash.store.checks import Checks, Gateways
    from taskdash.store.documents import Documents
    from taskdash.store.edits import Additions, Edits
    from taskdash.store.news import News
    from taskdash.store.query_sql import History
    from taskdash.store.saved import SavedFiles, Verdicts
    from taskdash.store.summaries import Summaries
    from taskdash.store.tasks import TaskList

    Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
    """Runs a query and returns all its rows."""

T = TypeVar("T")

UNSETTLED_NS: Final = 2_500_000_000
"""A file written more recently may be written again with the same mtime: some file systems count whole seconds."""
GLANCE_PATIENCE_S: Final = 1.0
"""How long to wait for a list to glance at that another program has locked."""
# The same as in `store.rows`, which takes longer to import than a glance takes altogether.
_STATES: Final = dict(enumerate(State))

_COPY_ASKED_EVERY_S: Final = 3_600.0
"""How often to check whether a copy is due, while the store is written to."""


class Store(Database):
    """Opens a store and creates its parts as they are used. Use it from one thread at a time."""

    additions: Additions
    edits: Edits
    tasks: TaskList
    documents: Documents
    saved: SavedFiles
    verdicts: Verdicts
    checks: Checks
    summaries: Summaries
    news: News
    history: History
    gateways: Gateways


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


class StoreThread:
    """Runs a store in a thread of its own, so that a locked file freezes neither the screen nor a running request."""

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        on_mishap: Callable[[str], None] | None = None,
        is_patient: bool = False,
    ) -> None:
        """Open the file at `path`; `name` is the thread's.

        If the file was damaged or replaced, `on_mishap` is called from the thread with a line for the user; without
        it the lines are kept for `take_mishaps`. With `is_patient`, return at once and open the file as soon as no
        other process has it locked; submitted work waits for that, and raises any error of opening.

        Raises:
            StoreError: it cannot be used.
        """
        from concurrent.futures import ThreadPoolExecutor

        self.path = path
        self.change_hint = ChangeHint(path)
        """Tells cheaply whether the file is worth reading again."""
        self._mishaps: list[str] = []
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._ask_for_copy_at_s = 0.0
        self._store = Store(path, on_mishap=on_mishap or self._mishaps.append, opens=False)
        self._opening = self._executor.submit(self._store.open, is_patient=is_patient)
        if not is_patient:
            try:
                self._opening.result()
            except BaseException:
                self._executor.shutdown(wait=False)
                raise

    def submit(self, work: Callable[[Store], T]) -> Future[T]:
        """Run `work` in the thread, after everything submitted before it.

        It is run again if the file turns out damaged or replaced, so it must consist of whole transactions.
        """
        return self._executor.submit(self._work, work)

    @property
    def is_waiting(self) -> bool:
        """Return whether another process has the file locked."""
        return self._store.is_waiting

    def _work(self, work: Callable[[Store], T]) -> T:
        self._opening.result()
        store = self._store
        before = store.connection.total_changes
        result = store.again(lambda: work(store))
        if store.connection.total_changes != before and time.monotonic() >= self._ask_for_copy_at_s:
            self._ask_for_copy_at_s = time.monotonic() + _COPY_ASKED_EVERY_S
            with suppress(RuntimeError):  # it is about to be closed
                self._executor.submit(store.keep_copy)
        return result

    async def run(self, work: Callable[[Store], T]) -> T:
        """Run `work` in the thread and wait for it without blocking the event loop."""
        from asyncio import wrap_future

        return await wrap_future(self.submit(work))

    async def run_while(self, is_wanted: Callable[[], bool], work: Callable[[Store], T]) -> T | None:
        """Run `work` as `run` does, or return None if `is_wanted`, called in the thread just before, returns False."""
        return await self.run(lambda store: work(store) if is_wanted() else None)

    def take_mishaps(self) -> list[str]:
        """Return the mishaps of the file since the last call, a line each."""
        taken, self._mishaps[:] = self._mishaps[:], []
        return taken

    def interrupt(self) -> None:
        """Make work that waits for another process's lock fail now, and later work fail rather than wait."""
        self._store.interrupt()

    def close(self) -> None:
        """Finish submitted work, then close the file and end the thread. Closing twice is a no-op.

        If the file is not open yet because another process has it locked, give up on it instead of waiting.
        """
        if not self._opening.done():
            self.interrupt()
        with suppress(RuntimeError):  # it is closed already
            self._executor.submit(self._store.close).result()
        self._executor.shutdown()


class Glance(NamedTuple):
    """Sums up a list."""

    counts: dict[State, int]
    credits: float | None
    """The cost of the tasks created since the given moment; None if no record of them states one."""


def glance(path: Path, profile: str | None, since_ms: int) -> Glance:
    """Return a summary of the list of a profile (None: of all). A missing file counts as empty and is not created.

    Raises StoreError if the list cannot be read.
    """
    file = Path(os.path.realpath(path))
    try:
        if not file.exists() or not file.stat().st_size:
            return Glance({}, None)
        with closing(connect(file, GLANCE_PATIENCE_S)) as connection:
            refuse_foreign(connection.execute, path)
            if first(connection.execute, "PRAGMA user_version") == KNOWN_VERSION:
                return _glance(
                    lambda sql, values: connection.execute(sql, values).fetchall(), profile, since_ms
                )
    except sqlite3.OperationalError:
        pass  # a stopped process may have it locked
    except (sqlite3.Error, OSError) as error:
        raise as_store_error(error, path, file) from error
    with Store(path, busy_timeout_s=GLANCE_PATIENCE_S, only_reads=True) as store:
        return _glance(store.rows, profile, since_ms)


def _glance(rows: Rows, profile: str | None, since_ms: int) -> Glance:
    # Every profile is named, because each index starts with it.
    mine, values = ("IN (SELECT profile FROM counts)", []) if profile is None else ("= ?", [profile])
    sql = f"SELECT state, sum(tasks) FROM counts WHERE profile {mine} AND tasks > 0 GROUP BY state"
    counts = {_STATES[code]: count for code, count in rows(sql, values) if code in _STATES}
    # A task belongs to the same day as in `stats --by day`. Each half is an index search.
    is_since = "create_time_ms >= ?", "create_time_ms IS NULL AND added_at_ms >= ?"
    tasks = f"SELECT credits FROM tasks WHERE profile {mine} AND removal = 0 AND"
    parts = " UNION ALL ".join(f"{tasks} {each}" for each in is_since)
    spent = rows(f"SELECT sum(credits) FROM ({parts})", [*values, since_ms] * 2)
    return Glance(counts, spent[0][0])

"""`Store`, an open store, and `StoreThread`, one that runs in a thread of its own."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

from taskdash.store.database import Database
from taskdash.store.store_file import ChangeHint

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path

    from taskdash.store.checks import Checks
    from taskdash.store.documents import Documents
    from taskdash.store.edits import Additions, Edits
    from taskdash.store.gateways import Gateways
    from taskdash.store.news import News
    from taskdash.store.query_sql import History
    from taskdash.store.saved import SavedFiles, Verdicts
    from taskdash.store.summaries import Summaries
    from taskdash.store.tasks import TaskList

T = TypeVar("T")

_COPY_ASKED_EVERY_S: Final = 3_600.0
"""How often to check whether a copy is due, while the store is written to."""


class Store(Database):
    """An open store and its parts. Use it from one thread at a time."""

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


class StoreThread:
    """A store in a thread of its own, so that a locked file freezes neither the screen nor a running request."""

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

"""The store as one object, and as one that lives in a thread of its own."""

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

    from taskdash.store.additions import Additions
    from taskdash.store.checks import Checks
    from taskdash.store.documents import Documents
    from taskdash.store.gateways import Gateways
    from taskdash.store.history import History
    from taskdash.store.news import News
    from taskdash.store.saved import SavedFiles, Verdicts
    from taskdash.store.summaries import Summaries
    from taskdash.store.tasks import TaskList

T = TypeVar("T")

_COPY_ASKED_EVERY_S: Final = 3_600.0
"""How often a store that is written to asks whether a copy of it is due."""


class Store(Database):
    """An open store, by its parts. Use it from one thread at a time."""

    additions: Additions
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
    """A store in a thread of its own: a locked file then freezes neither a screen nor a running request."""

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        on_mishap: Callable[[str], None] | None = None,
        is_patient: bool = False,
    ) -> None:
        """Open the file at `path`; `name` is the thread's.

        Where the file was damaged or exchanged, `on_mishap` is called from the thread with a line for the user; without
        it the lines are kept for `take_mishaps`. One that is patient returns at once, and opens the file as soon as no
        other process has it locked: what it is asked to do waits for that, and raises what it says. Raises StoreError
        where the file cannot be used.
        """
        from concurrent.futures import ThreadPoolExecutor

        self.path = path
        self.change_hint = ChangeHint(path)
        """Tells whether it is worth asking the file for news."""
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
        """Run `work` in the thread, after all that was submitted before it.

        Where the file turns out damaged or exchanged it is run again, so it is made of whole transactions.
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
        """Run `work` as `run` does; drop it and return None where `is_wanted`, asked there, is false by then."""
        return await self.run(lambda store: work(store) if is_wanted() else None)

    def take_mishaps(self) -> list[str]:
        """Return what befell the file since the last time, a line each."""
        taken, self._mishaps[:] = self._mishaps[:], []
        return taken

    def interrupt(self) -> None:
        """Let what waits for another process's lock fail now, and what follows fail rather than wait."""
        self._store.interrupt()

    def close(self) -> None:
        """Finish what was submitted, then close the file and end the thread. Closing twice does nothing.

        Where the file is not open yet, as another process has it locked, nothing of it is waited for.
        """
        if not self._opening.done():
            self.interrupt()
        with suppress(RuntimeError):  # it is closed already
            self._executor.submit(self._store.close).result()
        self._executor.shutdown()

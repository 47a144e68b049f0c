"""Saves the results of tasks as they finish, and of those that finished while nobody was there.

Any number of processes may do this on one list: locks decide which of them saves a result, and the list records what
was saved and what could not be. A dead link is tried once; passing failures are retried a few times.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.results.downloads import End
from taskdash.results.links import DiskError, DownloadError, LockedError, PrivateHostError
from taskdash.watch.machine import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.results.downloads import Downloads
    from taskdash.results.saved_results import SavedResults

LOOK_EVERY_S: Final = 1.0
BATCH: Final = 20
"""How many tasks to work on at a time: a list may have thousands of finished ones."""
RETRY_AFTER_MS: Final = (60_000, 300_000, 1_800_000, 7_200_000)
"""How long to back off after each passing failure; after the last one there is no retry."""
DISK_AFTER_MS: Final = 300_000
_ONLY_FOR_NOW: Final = ((PrivateHostError, None), (LockedError, 60_000), (DiskError, DISK_AFTER_MS))
"""Failures that are not recorded in the list, and when to retry them; None: not in this run."""
OVERLAP_MS: Final = 60_000
"""How far back each look goes, as ends are recorded with the clock of the process that learned of them."""

_LOG = logging.getLogger(__name__)


class AutoDownload:
    """Downloads the unsaved results of a profile, a few tasks at a time; calls `tell` once for each kind of trouble."""

    def __init__(
        self,
        downloads: Downloads,
        saved: SavedResults,
        profile: str,
        tell: Callable[[str], None],
        *,
        clock: Clock | None = None,
    ) -> None:
        self._downloads = downloads
        self._saved = saved
        self._store = saved.store
        self._profile = profile
        self._tell = tell
        self._clock = clock or Clock()
        self._backlog: deque[int] = deque()
        self._saving: set[int] = set()
        self._put_off: dict[int, int | None] = {}
        self._told: set[str] = set()
        self._since_ms = self._looked_ms = 0

    async def run(self) -> None:
        """Look for results to save until cancelled. Raises StoreError if the list cannot be used."""
        self._since_ms = self._clock.now_ms() - OVERLAP_MS
        await self._store.run(lambda store: store.saved.forget_gone())
        self._backlog.extend(await self._store.run(lambda store: store.saved.unsaved(self._profile)))
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._look()
                    while self._backlog and len(self._saving) - self._downloads.resting < BATCH:
                        seq = self._backlog.popleft()
                        self._saving.add(seq)
                        group.create_task(self._save(seq))
                    await self._clock.sleep(LOOK_EVERY_S)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    def cancel(self) -> None:
        """Skip everything queued or looked up for the rest of this run; tasks that finish from now on are saved."""
        self._put_off.update(dict.fromkeys((*self._backlog, *self._saving)))
        self._backlog.clear()

    async def _look(self) -> None:
        """Queue tasks that finished since the last look, and those due for a retry."""
        now_ms = self._clock.now_ms()
        if now_ms < self._looked_ms:
            # The clock was set back, so tasks that ended since may have any time.
            self._since_ms = 0
        since_ms, self._looked_ms = self._since_ms, now_ms
        self._since_ms = max(since_ms, now_ms - OVERLAP_MS)
        found = await self._store.run(lambda store: store.saved.to_try(self._profile, since_ms, now_ms))
        due = [seq for seq, at_ms in self._put_off.items() if at_ms is not None and at_ms <= now_ms]
        for seq in due:
            del self._put_off[seq]
        known = self._saving.union(self._backlog, self._put_off)
        # Tasks that have just finished come before the backlog.
        self._backlog.extendleft(seq for seq in dict.fromkeys((*found, *due)) if seq not in known)

    async def _save(self, seq: int) -> None:
        try:
            wanted, _ = await self._saved.wanted_of([seq])
            # It may have been cancelled meanwhile.
            if wanted and seq not in self._put_off:
                ends = await self._downloads.save(wanted)
                errors = [each.error for each in ends if each.error is not None]
                if any(each.end is End.CANCELLED for each in ends):
                    self._put_off[seq] = None
                elif errors:
                    await self._settle(seq, wanted[0].task_id, errors)
        finally:
            self._saving.discard(seq)

    async def _settle(self, seq: int, task_id: str, errors: Sequence[DownloadError]) -> None:
        """Report what went wrong, and decide when to retry."""
        for error in errors:
            if isinstance(error, PrivateHostError | DiskError):
                self._tell_once(str(error), f"Not saved: {error}")
        for kind, after_ms in _ONLY_FOR_NOW:
            if any(isinstance(error, kind) for error in errors):
                self._put_off[seq] = None if after_ms is None else self._clock.now_ms() + after_ms
                return
        try:
            await self._write_down(seq, task_id, errors)
        except StoreError:
            # Skip it for this run. That the list cannot be written is reported where it matters.
            self._put_off[seq] = None
            _LOG.warning("a failed download was not written down", exc_info=True)

    async def _write_down(self, seq: int, task_id: str, errors: Sequence[DownloadError]) -> None:
        """Record a failure in the list, so that neither a restart nor another process begins from zero."""
        tries = 1 + await self._store.run(lambda store: store.saved.tries(seq))
        passing = next((error for error in errors if error.passing), None)
        next_ms = None
        if passing is not None and tries <= len(RETRY_AFTER_MS):
            next_ms = self._clock.now_ms() + RETRY_AFTER_MS[tries - 1]
        reason = str(passing or errors[0])
        await self._store.run(lambda store: store.saved.failed(seq, tries, next_ms, reason))
        if next_ms is None:
            self._tell_once(reason, f"Not saved, and not tried again: {task_id}: {reason}")

    def _tell_once(self, what: str, line: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._tell(line)

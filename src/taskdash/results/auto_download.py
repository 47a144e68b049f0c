"""Saves the results of tasks as they finish, and of those that finished while nobody was there.

Any number of processes may do this on one list: who saves what is settled by locks, what is saved and what could
not be saved stands in the list. A link that is dead is tried once, whatever may pass is tried a few times.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.results.downloads import End
from taskdash.results.faults import DiskError, DownloadError, LockedError, PrivateHostError
from taskdash.watch.machine import Clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.results.downloads import Downloads
    from taskdash.results.saved_results import SavedResults

LOOK_EVERY_S: Final = 1.0
BATCH: Final = 20
"""So many tasks are looked up at a time: a list may have finished ones by the thousand."""
RETRY_AFTER_MS: Final = (60_000, 300_000, 1_800_000, 7_200_000)
"""When to try again what may pass; after the last of them no more."""
DISK_AFTER_MS: Final = 300_000
_ONLY_FOR_NOW: Final = ((PrivateHostError, None), (LockedError, 60_000), (DiskError, DISK_AFTER_MS))
"""What the list need not know of, and when to try it again; None: not in this run."""
OVERLAP_MS: Final = 60_000
"""How far back each look goes: the time of an end is that of whoever wrote it down."""

_LOG = logging.getLogger(__name__)


class AutoDownload:
    """Gives downloads what is not saved yet of a profile, a few tasks at a time; `tell` hears each trouble once."""

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
        """Look for results to save until cancelled. Raises StoreError where the list cannot be used."""
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
        """Leave alone in this run what waits or is looked up; what finishes from now on is saved."""
        self._put_off.update(dict.fromkeys((*self._backlog, *self._saving)))
        self._backlog.clear()

    async def _look(self) -> None:
        """Find what finished since the last look, and what is due for another try."""
        now_ms = self._clock.now_ms()
        if now_ms < self._looked_ms:
            # The clock was set back: what ended since may have any time.
            self._since_ms = 0
        since_ms, self._looked_ms = self._since_ms, now_ms
        self._since_ms = max(since_ms, now_ms - OVERLAP_MS)
        found = await self._store.run(lambda store: store.saved.to_try(self._profile, since_ms, now_ms))
        due = [seq for seq, at_ms in self._put_off.items() if at_ms is not None and at_ms <= now_ms]
        for seq in due:
            del self._put_off[seq]
        known = self._saving.union(self._backlog, self._put_off)
        # What has just finished comes before what lies there for long.
        self._backlog.extendleft(seq for seq in dict.fromkeys((*found, *due)) if seq not in known)

    async def _save(self, seq: int) -> None:
        try:
            wanted, _ = await self._saved.wanted_of([seq])
            # Meanwhile all may have been cancelled.
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
        """Say what went wrong, and when to try again."""
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
            # Then it is left alone in this run; that the list cannot be written is told where it matters.
            self._put_off[seq] = None
            _LOG.warning("a failed download was not written down", exc_info=True)

    async def _write_down(self, seq: int, task_id: str, errors: Sequence[DownloadError]) -> None:
        """Have the list know of it, so that neither a new start nor another process begins from zero."""
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

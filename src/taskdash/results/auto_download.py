"""Saves the results of tasks as they finish, and of those that finished while nobody was there.

Any number of processes may do this on one list: who saves what is settled by `claims`, what is saved and what could
not be saved stands in the list. A link that is dead is tried once, whatever may pass is tried a few times.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.results.downloads import End
from taskdash.results.faults import ClaimedError, DiskError, DownloadError, PrivateHostError
from taskdash.results.saved_results import wanted_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskdash.results.downloads import Downloads, Ended
    from taskdash.store.store import StoreThread

LOOK_EVERY_S: Final = 1.0
BATCH: Final = 20
"""So many tasks are looked up at a time: a list may have finished ones by the thousand."""
RETRY_AFTER_MS: Final = (60_000, 300_000, 1_800_000, 7_200_000)
"""When to try again what may pass; after the last of them no more."""
DISK_AFTER_MS: Final = 300_000
CLAIMED_AFTER_MS: Final = 60_000
OVERLAP_MS: Final = 60_000
"""How far back each look goes: the time of an end is that of whoever wrote it down."""


_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pending:
    """A task some of whose results are under way."""

    task_id: str
    left: set[int]
    errors: list[DownloadError] = field(default_factory=list)
    is_cancelled: bool = False


class AutoDownload:
    """Feeds a queue of downloads with what is not saved yet."""

    def __init__(
        self,
        downloads: Downloads,
        store: StoreThread,
        profile: str,
        tell: Callable[[str], None],
        *,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing is looked up.

        Args:
            downloads: the queue; `on_end` has to be told of what ends there.
            store: the list.
            profile: whose tasks.
            tell: is given a line for the user, each only once.
            now_ms: Unix milliseconds.
            sleep: waits.
        """
        self._downloads = downloads
        self._store = store
        self._profile = profile
        self._tell = tell
        self._now_ms = now_ms
        self._sleep = sleep
        self._backlog: deque[int] = deque()
        self._pending: dict[int, _Pending] = {}
        self._put_off: dict[int, int | None] = {}
        """When to try again what the list need not know of; None: not in this run."""
        self._looked_up: list[int] = []
        self._told: set[str] = set()
        self._writing: set[asyncio.Task[None]] = set()
        self._since_ms = self._looked_ms = 0

    async def run(self) -> None:
        """Look for results to save until cancelled."""
        self._since_ms = self._now_ms() - OVERLAP_MS
        await self._store.run(lambda store: store.saved.forget_gone())
        self._backlog.extend(await self._store.run(lambda store: store.saved.unsaved(self._profile)))
        while True:
            await self._look()
            await self._offer()
            await self._sleep(LOOK_EVERY_S)

    def cancel(self) -> None:
        """Leave alone in this run what waits to be offered; what finishes from now on is saved."""
        self._put_off.update(dict.fromkeys((*self._backlog, *self._looked_up)))
        self._backlog.clear()

    def on_end(self, ended: Ended) -> None:
        """Take note that a download is over."""
        seq = ended.wanted.seq
        pending = self._pending.get(seq)
        if pending is None:
            return
        pending.left.discard(ended.wanted.n)
        if ended.error is not None:
            pending.errors.append(ended.error)
        pending.is_cancelled |= ended.end is End.CANCELLED
        if not pending.left:
            del self._pending[seq]
            self._settle(seq, pending)

    def _settle(self, seq: int, pending: _Pending) -> None:
        for error in pending.errors:
            if isinstance(error, PrivateHostError | DiskError):
                self._tell_once(str(error), f"Not saved: {error}")
        if pending.is_cancelled or any(isinstance(error, PrivateHostError) for error in pending.errors):
            self._put_off[seq] = None
        elif any(isinstance(error, ClaimedError) for error in pending.errors):
            self._put_off[seq] = self._now_ms() + CLAIMED_AFTER_MS
        elif any(isinstance(error, DiskError) for error in pending.errors):
            self._put_off[seq] = self._now_ms() + DISK_AFTER_MS
        elif pending.errors:
            # Until the list knows, it would be found once more.
            self._put_off[seq] = None
            writing = asyncio.get_running_loop().create_task(self._failed(seq, pending))
            self._writing.add(writing)
            writing.add_done_callback(self._writing.discard)

    async def _failed(self, seq: int, pending: _Pending) -> None:
        """Have the list know of it, so that neither a new start nor another process begins from zero."""
        try:
            await self._write_down(seq, pending)
        except StoreError:
            # Then it is left alone in this run; that the list cannot be written is told where it matters.
            _LOG.warning("a failed download was not written down", exc_info=True)
        else:
            del self._put_off[seq]

    async def _write_down(self, seq: int, pending: _Pending) -> None:
        before = await self._store.run(lambda store: store.saved.tried(seq))
        tries = before.tries + 1 if before else 1
        passing = next((error for error in pending.errors if error.passing), None)
        next_ms = None
        if passing is not None and tries <= len(RETRY_AFTER_MS):
            next_ms = self._now_ms() + RETRY_AFTER_MS[tries - 1]
        reason = str(passing or pending.errors[0])
        await self._store.run(lambda store: store.saved.failed(seq, tries, next_ms, reason))
        if next_ms is None:
            self._tell_once(reason, f"Not saved, and not tried again: {pending.task_id}: {reason}")

    def _tell_once(self, what: str, line: str) -> None:
        if what not in self._told:
            self._told.add(what)
            self._tell(line)

    async def _look(self) -> None:
        """Find what finished since the last look, and what is due for another try."""
        now_ms = self._now_ms()
        if now_ms < self._looked_ms:
            # The clock was set back: what ended since may have any time.
            self._since_ms = 0
        since_ms, self._looked_ms = self._since_ms, now_ms
        self._since_ms = max(since_ms, now_ms - OVERLAP_MS)
        found = await self._store.run(lambda store: store.saved.to_try(self._profile, since_ms, now_ms))
        due = [seq for seq, at_ms in self._put_off.items() if at_ms is not None and at_ms <= now_ms]
        for seq in due:
            del self._put_off[seq]
        waiting = set(self._backlog)
        for seq in dict.fromkeys((*found, *due)):
            if seq not in waiting and seq not in self._pending and seq not in self._put_off:
                # What has just finished comes before what lies there for long.
                self._backlog.appendleft(seq)

    async def _offer(self) -> None:
        """Give the queue as much as it is soon done with."""
        while self._backlog and len(self._pending) - self._downloads.resting < BATCH:
            seqs = self._looked_up = [self._backlog.popleft() for _ in range(min(BATCH, len(self._backlog)))]
            found, _ = await self._store.run(partial(wanted_of, seqs=seqs))
            self._looked_up = []
            # Meanwhile all may have been cancelled.
            wanted = [each for each in found if each.seq not in self._put_off]
            for each in wanted:
                pending = self._pending.setdefault(each.seq, _Pending(each.task_id, set()))
                pending.left.add(each.n)
            self._downloads.add(wanted)

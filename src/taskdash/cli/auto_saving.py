"""`auto_download` beside a command that follows tasks: each result is saved as its task finishes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final, Self

from taskdash.cli.ending import END_S
from taskdash.cli.output import talk
from taskdash.domain.task import State
from taskdash.domain.words import plural

POLL_S: Final = 0.2
HEADWAY_S: Final = 5.0
HEADWAY_BYTES: Final = 65_536
"""So much has to arrive in `HEADWAY_S`, or a result has to be done, for a command to wait on."""

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskdash.cli.session import Session
    from taskdash.domain.task import Task
    from taskdash.results.download_status import DownloadStatus
    from taskdash.results.download_thread import DownloadThread


class _Headway:
    """Whether files come at a speed that is worth waiting for."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._at = (-1, 0)

    def see(self, now_s: float, status: DownloadStatus) -> bool:
        """Take note of how far it is; return False where hardly anything has arrived for a while."""
        done, got = self._at
        arrived = sum(each.got for each in status.running)
        if self._since_s is None or status.done != done or arrived >= got + HEADWAY_BYTES:
            self._since_s, self._at = now_s, (status.done, arrived)
        return now_s - self._since_s < HEADWAY_S


class AutoSaving:
    """For a `with` block; it does nothing unless the config asks for it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_on = session.settings.auto_download
        self._thread: DownloadThread | None = None
        self._seen: set[int] = set()

    def see(self, tasks: Iterable[Task]) -> None:
        """Look at tasks as they are now; those that have just succeeded are saved, beside whatever goes on."""
        if not self._is_on:
            return
        seqs = [
            task.seq
            for task in tasks
            if task.state is State.SUCCESS and task.result_count and task.seq not in self._seen
        ]
        if seqs:
            self._seen.update(seqs)
            if self._thread is None:
                from taskdash.wiring import download_thread

                settings, path = self._session.settings, self._session.store_path
                self._thread = download_thread(settings, path, is_beside_command=True)
            self._thread.save(seqs)

    def finish(self, left_s: float = math.inf, *, is_patient: bool = True) -> None:
        """Wait until all is saved that can be.

        Args:
            left_s: no longer than that, in seconds.
            is_patient: also while next to nothing arrives.
        """
        thread = self._thread
        if thread is None:
            return
        until_s = time.monotonic() + left_s
        headway = _Headway()
        while not thread.is_drained(min(POLL_S, left_s)):
            now_s, status = time.monotonic(), thread.status
            if now_s >= until_s or not (is_patient or headway.see(now_s, status)):
                left = plural(max(1, status.total - status.done), "result")
                talk(f"{left} not saved yet: `taskdash download` goes on with that")
                return
        self._tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Break off what is still under way."""
        if self._thread is not None:
            self._thread.stop(END_S)
            self._tell()

    def _tell(self) -> None:
        if self._thread is not None:
            for news in self._thread.take_news():
                talk(news.text)

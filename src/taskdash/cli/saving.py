"""Saves results for a command: what is under way on stderr, the paths on stdout in the order they were asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from taskdash.cli.download_lines import DownloadLines
from taskdash.cli.following import cancel_on_signal, stop_at_rest
from taskdash.cli.logs import start_log
from taskdash.cli.output import print_lines, talk
from taskdash.domain.untrusted import inert_line
from taskdash.results.downloads import Downloads, End, Ended
from taskdash.watch.thread import run_unwaited
from taskdash.wiring import open_downloads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from taskdash.cli.session import Session
    from taskdash.results.saved_results import Wanted

LOOK_EVERY_S = 0.1


def save_results(session: Session, wanted: Sequence[Wanted], known: int, path: Path) -> int:
    """Save results into a folder; return the exit code: 1 if one could not be saved, 128+n if signal n ended it.

    Args:
        session: whose profile and store.
        wanted: what to save.
        known: how many others are saved already, for the closing line.
        path: the folder, made where it is missing.

    Raises:
        UsageError: the folder cannot be used.
        StoreError: the list cannot take note of what was saved.
    """
    # Where an error of our own goes; without a log, Python would print it with all its values.
    start_log(session)
    return run_unwaited(_Run(session, wanted, known).save(path))


class _Run:
    """One run of `download`."""

    def __init__(self, session: Session, wanted: Sequence[Wanted], known: int) -> None:
        self._session = session
        self._wanted = wanted
        self._known = known
        self._ends: dict[tuple[int, int], Ended] = {}
        self._printed = 0
        self._waits = False
        self._lines = DownloadLines()

    async def save(self, path: Path) -> int:
        """Save all; return the exit code."""
        async with open_downloads(
            self._session.profile,
            path,
            self._session.store_path,
            self._on_end,
            max_result_mib=self._session.settings.max_result_mib,
        ) as downloads:
            working = asyncio.ensure_future(self._work(downloads))
            ended_by = cancel_on_signal(working)
            stop_at_rest()
            await asyncio.wait({working})
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error
        return self._report(downloads, ended_by)

    async def _work(self, downloads: Downloads) -> None:
        downloads.add(self._wanted)
        draining = asyncio.ensure_future(downloads.drained())
        try:
            while not draining.done() and downloads.failure is None:
                await asyncio.wait({draining}, timeout=LOOK_EVERY_S)
                if downloads.resting and not self._waits:
                    self._waits = True
                    self._lines.clear()
                    talk("some results are not there yet: trying again for up to 5 minutes (Ctrl+C ends it)")
                self._lines.show(downloads.status)
        finally:
            downloads.cancel()
            await draining
            self._lines.clear()

    def _on_end(self, ended: Ended) -> None:
        self._ends[ended.wanted.seq, ended.wanted.n] = ended
        wanted = ended.wanted
        if ended.error is not None:
            self._lines.clear()
            talk(f"taskdash: {wanted.task_id}, result {wanted.n}: {ended.error}")
        elif ended.path is not None:
            self._lines.ended(len(self._ends), len(self._wanted), ended.path.name)
        self._print_paths(of_all=False)

    def _print_paths(self, *, of_all: bool) -> None:
        """Print the paths that are the next in order; `of_all`: whatever is missing in between."""
        paths = []
        for wanted in self._wanted[self._printed :]:
            ended = self._ends.get((wanted.seq, wanted.n))
            if ended is None and not of_all:
                break
            self._printed += 1
            if ended is not None and ended.path is not None:
                paths.append(inert_line(str(ended.path)))
        if paths:
            self._lines.clear()
            print_lines(paths)

    def _report(self, downloads: Downloads, ended_by: Sequence[int]) -> int:
        self._print_paths(of_all=True)
        if downloads.failure is not None:
            raise downloads.failure
        talk(downloads.summary(self._known))
        if ended_by:
            talk("broken off: the same command goes on where it stopped, if the server can do that")
            return 128 + ended_by[0]
        return 1 if any(ended.end is End.FAILED for ended in self._ends.values()) else 0

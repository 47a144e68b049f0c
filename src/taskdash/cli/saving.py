"""Saves results for a command: what is under way on stderr, the paths on stdout in the order they were asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from taskdash.cli.download_lines import DownloadLines
from taskdash.cli.following import cancel_on_signal
from taskdash.cli.output import print_lines, talk
from taskdash.domain.errors import StoreError, UsageError
from taskdash.domain.untrusted import inert_line
from taskdash.results.claims import Claims
from taskdash.results.downloads import Downloads, End, Ended
from taskdash.results.folder import Folder
from taskdash.store.store import StoreThread
from taskdash.wiring import build_downloads

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from taskdash.cli.session import Session
    from taskdash.results.downloads import Wanted

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
    folder = open_folder(path)
    with folder, open_claims(session.store_path) as claims:
        return asyncio.run(_Run(session, wanted, known).save(folder, claims))


def open_folder(path: Path) -> Folder:
    """The folder results go to.

    Raises:
        UsageError: it cannot be used.
    """
    try:
        return Folder(path)
    except OSError as error:
        raise UsageError(f"{inert_line(str(path))} cannot be used: {error.strerror}") from None


def open_claims(store_path: Path) -> Claims:
    """What keeps two processes from saving the same.

    Raises:
        StoreError: the folder of the store cannot be written to.
    """
    try:
        return Claims(store_path)
    except OSError as error:
        raise StoreError(f"no lock can be made beside the store ({error.strerror})") from None


class _Run:
    """One run of `download`."""

    def __init__(self, session: Session, wanted: Sequence[Wanted], known: int) -> None:
        self._session = session
        self._wanted = wanted
        self._known = known
        self._ends: dict[tuple[int, int], Ended] = {}
        self._printed = 0
        self._lines = DownloadLines()

    async def save(self, folder: Folder, claims: Claims) -> int:
        """Save all; return the exit code."""
        store = StoreThread(self._session.store_path, "store")
        try:
            downloads = build_downloads(self._session.profile, folder, store, claims, self._on_end)
            working = asyncio.ensure_future(self._work(downloads))
            ended_by = cancel_on_signal(working)
            await asyncio.wait({working})
            if not working.cancelled() and (error := working.exception()) is not None:
                raise error
        finally:
            store.close()
        return self._report(downloads, ended_by)

    async def _work(self, downloads: Downloads) -> None:
        downloads.add(self._wanted)
        draining = asyncio.ensure_future(downloads.drained())
        try:
            while not draining.done() and downloads.failure is None:
                await asyncio.wait({draining}, timeout=LOOK_EVERY_S)
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
        before = f" ({self._known:,} saved before)" if self._known else ""
        talk(f"{downloads.summary}{before}")
        if ended_by:
            talk("broken off: the same command goes on where it stopped, if the server can do that")
            return 128 + ended_by[0]
        return 1 if any(ended.end is End.FAILED for ended in self._ends.values()) else 0

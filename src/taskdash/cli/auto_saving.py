"""`auto_download` beside a command that follows tasks: each result is saved as its task finishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from taskdash.cli.output import talk
from taskdash.domain.task import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskdash.cli.session import Session
    from taskdash.domain.task import Task
    from taskdash.results.download_thread import DownloadThread


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

    def finish(self) -> None:
        """Wait until all is saved that can be."""
        if self._thread is not None:
            self._thread.drain()
            self._tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Break off what is still under way."""
        if self._thread is not None:
            self._thread.stop()
            self._tell()

    def _tell(self) -> None:
        if self._thread is not None:
            for news in self._thread.take_news():
                talk(news.text)

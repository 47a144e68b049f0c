"""Saves one result: fetched with patience, gone on with where an earlier try stopped, named when it is whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from taskdash.results.faults import DownloadError, PassingError
from taskdash.results.part import PartFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from taskdash.results.fetcher import Fetcher
    from taskdash.results.folder import Folder
    from taskdash.results.sink import Sink

RETRY_AFTER_S: Final = (0.5, 2.0)
"""How long to wait before each further try, while tries bring nothing."""
MAX_TRIES: Final = 50
"""However much each of them brings."""


class Downloader:
    """Saves results into one folder. It may be used for several at once, but not twice for the same."""

    def __init__(
        self,
        folder: Folder,
        fetcher: Fetcher,
        *,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            folder: where files go.
            fetcher: brings them.
            retry_after_s: how long to wait before each further try, while tries bring nothing; empty: one try only.
            sleep: waits.
        """
        self._folder = folder
        self._fetcher = fetcher
        self._retry_after_s = tuple(retry_after_s)
        self._sleep = sleep

    async def save(
        self,
        url: str,
        stem: str,
        key: str,
        *,
        on_open: Callable[[Sink], None] = lambda _: None,
        remember: Callable[[Path, int], Awaitable[None]] | None = None,
    ) -> Path:
        """Save what `url` leads to as `stem` with the ending of its content; return its path.

        What has arrived is kept when this is cancelled, or fails in a way that may pass, if it can be gone on with.

        Args:
            url: from outside.
            stem: the file's name without its ending, from `folder.stem_of`.
            key: names the result over all runs, from `part.part_key`.
            on_open: is given the file in the making, whose `size` and `whole` tell how far it is.
            remember: is told path and size of the file before anything of this try is forgotten.

        Raises:
            DownloadError: it was not saved.
        """
        part = PartFile(self._folder, key, url)
        try:
            on_open(part)
            ending = await self._fetch(url, part)
            path = part.keep(stem, ending)
            if remember is not None:
                await remember(path, part.size)
        except DownloadError as error:
            if error.passing:
                part.leave()
            else:
                part.discard()
            raise
        except BaseException:
            part.leave()
            raise
        part.discard()
        return path

    async def _fetch(self, url: str, part: PartFile) -> str:
        barren = 0
        for _ in range(MAX_TRIES):
            before = part.size
            try:
                return await self._fetcher.fetch(url, part)
            except PassingError as error:
                goes_on = part.validator is not None and part.size > before
                barren = 0 if goes_on else barren + 1
                if not self._retry_after_s or barren > len(self._retry_after_s):
                    raise
                await self._sleep(max(error.after_s, self._retry_after_s[max(0, barren - 1)]))
        raise PassingError("the server hangs up again and again")

"""Brings what a link leads to, to be looked at: by the way downloads go."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import IO

from taskdash.results.addresses import resolve
from taskdash.results.download import Downloader, DownloadError
from taskdash.results.folder import Folder
from taskdash.results.preview import MAX_BYTES, NoPictureError

DEADLINE_S = 30.0


class PictureSource:
    """Fetches results of one gateway, to be looked at."""

    def __init__(self, base_url: str, *, allow_private: bool = False) -> None:
        """Prepare; nothing is sent.

        Args:
            base_url: of the gateway; its own host may be private.
            allow_private: whether every host may be.
        """
        self._base_url = base_url
        self._allow_private = allow_private

    async def __call__(self, url: str, file: IO[bytes]) -> None:
        """Fetch a picture into `file`.

        Raises:
            NoPictureError: it cannot be had.
        """
        try:
            await asyncio.to_thread(self._fetch, url, file)
        except (DownloadError, OSError) as error:
            raise NoPictureError(str(error)) from None

    def _fetch(self, url: str, file: IO[bytes]) -> None:
        with tempfile.TemporaryDirectory(prefix="taskdash-") as path, Folder(Path(path)) as folder:
            downloader = Downloader(
                folder,
                self._base_url,
                allow_private=self._allow_private,
                max_bytes=MAX_BYTES,
                deadline_s=DEADLINE_S,
                resolver=resolve,
            )
            with downloader.save(url, "picture").open("rb") as saved:
                shutil.copyfileobj(saved, file)
            file.flush()

"""Brings what a link leads to, to be looked at: by the way downloads go."""

from __future__ import annotations

import asyncio
from typing import IO

from taskdash.results.faults import DownloadError
from taskdash.results.fetcher import Fetcher
from taskdash.results.preview import MAX_BYTES, NoPictureError
from taskdash.results.sink import Sink

DEADLINE_S = 30.0


class PictureSource:
    """Fetches results of one gateway, to be looked at."""

    def __init__(self, base_url: str, *, allow_private: bool = False) -> None:
        """Prepare; nothing is sent.

        Args:
            base_url: of the gateway; its own host may be private.
            allow_private: whether every host may be.
        """
        self._fetcher = Fetcher(
            base_url, allow_private=allow_private, max_bytes=MAX_BYTES, max_clip_bytes=MAX_BYTES
        )

    async def __call__(self, url: str, file: IO[bytes]) -> None:
        """Fetch a picture into `file`.

        Raises:
            NoPictureError: it cannot be had.
        """
        try:
            async with asyncio.timeout(DEADLINE_S):
                await self._fetcher.fetch(url, Sink(file.fileno()))
        except TimeoutError:
            raise NoPictureError(f"it takes more than {DEADLINE_S:.0f} s") from None
        except DownloadError as error:
            raise NoPictureError(str(error)) from None

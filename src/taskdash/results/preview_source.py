"""Brings what a link leads to, to be looked at: by the way downloads go, but no further than is needed."""

from __future__ import annotations

from typing import IO, Final

from taskdash.results.download_status import size_words
from taskdash.results.faults import DownloadError
from taskdash.results.fetcher import Fetcher, Patience
from taskdash.results.preview import MAX_BYTES, PICTURES, NoPictureError, OtherKindError, describe
from taskdash.results.sink import Sink

_PATIENCE: Final = Patience(connect_s=5.0, answer_s=30.0, stall_s=10.0)
"""Somebody is waiting in front of the screen, and has the download for what is slow."""


class _OtherKindFoundError(DownloadError):
    """It is no picture: there is no need to fetch the rest."""


class _PictureSink(Sink):
    """A file that takes pictures only: of anything else it takes the first bytes."""

    def take(self, ending: str) -> None:
        """Take note of what it is.

        Raises:
            _OtherKindFoundError: it is a video, a sound or another kind of picture than can be shown.
        """
        super().take(ending)
        if ending not in PICTURES:
            raise _OtherKindFoundError(describe(ending, self.whole))
        self._check_size(self.whole or 0)

    def write(self, data: bytes) -> None:
        """Add to the end.

        Raises:
            DownloadError: it is too large, or the disk does not take it.
        """
        super().write(data)
        self._check_size(self.size)

    def _check_size(self, size: int) -> None:
        if size > MAX_BYTES:
            raise DownloadError(f"it is larger than {size_words(MAX_BYTES)}")


class PictureSource:
    """Fetches results of one gateway, to be looked at."""

    def __init__(self, base_url: str, *, allow_private: bool = False) -> None:
        """Prepare; nothing is sent.

        Args:
            base_url: of the gateway; its own host may be private.
            allow_private: whether every host may be.
        """
        self._fetcher = Fetcher(base_url, allow_private=allow_private, patience=_PATIENCE)

    async def __call__(self, url: str, file: IO[bytes]) -> None:
        """Fetch a picture into `file`.

        Raises:
            OtherKindError: it is something else.
            NoPictureError: it cannot be had.
        """
        sink = _PictureSink(file.fileno())
        try:
            await self._fetcher.fetch(url, sink)
        except _OtherKindFoundError as fault:
            raise OtherKindError(str(fault)) from None
        except DownloadError as error:
            raise NoPictureError(str(error)) from None

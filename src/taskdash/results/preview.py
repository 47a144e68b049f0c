"""Pictures of results for the screen: out of memory, off the disk, or fetched and decoded, whichever is nearest.

All of it happens on an event loop in a thread of its own: fetching, unpacking and the disk never hold up the
dashboard, and whoever moves on cancels what is under way, the decoding process included.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, TypeAlias

from taskdash.results.content import HEAD_BYTES, kind_of_content
from taskdash.results.faults import DownloadError
from taskdash.results.fetch import Fetcher, Timeouts
from taskdash.results.part import Sink
from taskdash.results.preview_files import (
    DecodingError,
    Picture,
    install_line,
    open_plain_file,
    small_png,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskdash.results.preview_files import PreviewFiles

MAX_BYTES: Final = 32 * 1_048_576
"""The largest file that is fetched only to be looked at."""
MAX_IN_MEMORY: Final = 6
MAX_REFUSALS: Final = 200
REMEMBER_REFUSAL_S: Final = 60.0
PICTURES: Final = frozenset({"png", "jpg", "webp", "gif"})
"""The kinds of content that can be shown."""
_OTHERS: Final = {
    **dict.fromkeys(("mp4", "mov", "webm", "mkv", "avi", "m4v"), "video"),
    **dict.fromkeys(("mp3", "wav", "ogg", "m4a", "flac", "aac"), "sound"),
    **dict.fromkeys(("glb", "gltf"), "3D model"),
    **dict.fromkeys(("avif", "bmp", "exr", "heic", "jxl", "psd", "svg", "tiff"), "picture"),
}
_TIMEOUTS: Final = Timeouts(connect_s=5.0, answer_s=30.0, stall_s=10.0)
"""Somebody is waiting in front of the screen, and has the download for what is slow."""


@dataclass(frozen=True, slots=True)
class Refused:
    """There is no picture."""

    why: str
    is_other: bool = False
    """Nothing is wrong: it is a video, or something else that is no picture; `why` says what."""


class OtherKindError(DownloadError):
    """It is no picture, but whole and good: a video, a sound."""


Fetch: TypeAlias = "Callable[[str, IO[bytes]], Awaitable[None]]"
"""Fetches what a link leads to into a file that is open for writing.

Raises:
    DownloadError: it cannot be had.
"""


class Previews:
    """Gives pictures, and keeps the last few. Its methods belong to one thread; the work is done in another."""

    def __init__(
        self,
        fetch: Fetch,
        files: PreviewFiles | None,
        *,
        is_installed: bool = True,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.missing = "" if is_installed else f"pictures need one more package: {install_line()}"
        """What has to be installed before there can be any picture; "" where nothing has."""
        self._fetch = fetch
        self._files = files
        self._now_s = now_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pictures: OrderedDict[str, Picture] = OrderedDict()
        self._refused: OrderedDict[str, tuple[float, Refused]] = OrderedDict()

    def known(self, url: str) -> Picture | Refused | None:
        """Return what can be told of a result at once, without any work."""
        if self.missing:
            return Refused(self.missing, is_other=True)
        if url in self._pictures:
            self._pictures.move_to_end(url)
            return self._pictures[url]
        until_s, refused = self._refused.get(url, (0.0, None))
        return refused if self._now_s() < until_s else None

    async def look(self, url: str, saved: str | None = None) -> Picture | Refused:
        """Get the picture of a result, or why there is none; to cancel this ends all that was begun for it.

        It is taken from the file that it was `saved` as, if that is there.
        """
        if (known := self.known(url)) is not None:
            return known
        work = asyncio.run_coroutine_threadsafe(self._look(url, saved), self._started())
        outcome = await asyncio.wrap_future(work)
        if isinstance(outcome, Picture):
            self._pictures[url] = outcome
            while len(self._pictures) > MAX_IN_MEMORY:
                self._pictures.popitem(last=False)
        else:
            self._refused[url] = (self._now_s() + REMEMBER_REFUSAL_S, outcome)
            while len(self._refused) > MAX_REFUSALS:
                self._refused.popitem(last=False)
        return outcome

    def forget_refusals(self) -> None:
        """Try again what could not be shown."""
        self._refused.clear()

    def close(self, timeout_s: float = 2.0) -> None:
        """End what is under way."""
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None and thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout_s)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="previews", daemon=True)
            self._thread.start()
        return self._loop

    # In the other thread

    async def _look(self, url: str, saved: str | None) -> Picture | Refused:
        kept = self._files.get(url) if self._files is not None else None
        if kept is not None:
            return kept
        try:
            picture = await self._made(url, saved)
        except OtherKindError as error:
            return Refused(str(error), is_other=True)
        except (DownloadError, DecodingError) as error:
            return Refused(str(error))
        if self._files is not None:
            self._files.keep(url, picture)
        return picture

    async def _made(self, url: str, saved: str | None) -> Picture:
        if (file := _saved_file(saved)) is not None:
            with file:
                return await _decoded(file)
        with tempfile.TemporaryFile(prefix="taskdash-") as fetched:
            await self._fetch(url, fetched)
            fetched.seek(0)
            return await _decoded(fetched)


async def _decoded(file: IO[bytes]) -> Picture:
    kind = kind_of_content(file.read(HEAD_BYTES))
    if kind is not None and kind not in PICTURES:
        raise OtherKindError(_described(kind, os.fstat(file.fileno()).st_size))
    # The process reads on from where the file stands.
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return await small_png(file)


def _described(kind: str, size: int | None) -> str:
    """Return what a file is that is no picture one could show: `MP4 video, 2.3 MiB`."""
    text = f"{kind.upper()} {_OTHERS.get(kind, 'file')}"
    return text if size is None else f"{text}, {size / 1_048_576:.1f} MiB"


def _saved_file(path: str | None) -> IO[bytes] | None:
    file = open_plain_file(path) if path is not None else None
    if file is not None and os.fstat(file.fileno()).st_size > MAX_BYTES:
        file.close()
        return None
    return file


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        for task in (tasks := asyncio.all_tasks(loop)):
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


def picture_fetcher(base_url: str, *, allow_private: bool = False) -> Fetch:
    """Return what fetches results of one gateway to be looked at: as downloads are, but no further than is needed."""
    fetcher = Fetcher(base_url, allow_private=allow_private, max_bytes=MAX_BYTES, timeouts=_TIMEOUTS)

    async def fetch(url: str, file: IO[bytes]) -> None:
        await fetcher.fetch(url, _PictureSink(file.fileno()))

    return fetch


class _PictureSink(Sink):
    """A file that takes pictures only: of anything else it takes the first bytes."""

    def take(self, ending: str) -> None:
        """Take note of what it is.

        Raises:
            OtherKindError: it is a video, a sound or another kind of picture than can be shown.
        """
        super().take(ending)
        if ending not in PICTURES:
            raise OtherKindError(_described(ending, self.whole))

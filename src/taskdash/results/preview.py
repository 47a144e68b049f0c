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
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Final, TypeAlias

from taskdash.domain.values import value
from taskdash.results.content import HEAD_BYTES, kind_of_content
from taskdash.results.decoding import Decoder, DecodingError, install_line
from taskdash.results.drawing import Drawn
from taskdash.results.plain_file import open_plain_file
from taskdash.results.thumbnails import Original

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from taskdash.results.drawing import Room
    from taskdash.results.thumbnails import Thumbnails

MAX_BYTES: Final = 32 * 1_048_576
"""The largest file that is fetched only to be looked at."""
MAX_IN_MEMORY: Final = 6
MAX_REFUSALS: Final = 200
REMEMBER_REFUSAL_S: Final = 60.0
PICTURES: Final = frozenset({"png", "jpg", "webp", "gif"})
"""The kinds of content that can be shown."""
_OTHERS: Final = {
    "mp4": "video",
    "mov": "video",
    "webm": "video",
    "mkv": "video",
    "avi": "video",
    "m4v": "video",
    "mp3": "sound",
    "wav": "sound",
    "ogg": "sound",
    "m4a": "sound",
    "flac": "sound",
    "aac": "sound",
    "glb": "3D model",
    "gltf": "3D model",
    **dict.fromkeys(("avif", "bmp", "exr", "heic", "jxl", "psd", "svg", "tiff"), "picture"),
}


@value(frozen=True, slots=True)
class Wanted:
    """Which result, and where it is to be shown."""

    url: str
    room: Room
    saved: str | None = None
    """The file it was saved as."""


@value(frozen=True, slots=True)
class Refused:
    """There is no picture."""

    why: str
    is_other: bool = False
    """Nothing is wrong: it is a video, or something else that is no picture; `why` says what."""


Outcome: TypeAlias = Drawn | Refused


class NoPictureError(Exception):
    """What a link leads to cannot be shown; the message says why, and is fit to be shown."""


class OtherKindError(NoPictureError):
    """It is no picture, but whole and good: a video, a sound."""


Fetch: TypeAlias = "Callable[[str, IO[bytes]], Awaitable[None]]"
"""Fetches what a link leads to into a file that is open for writing.

Raises:
    NoPictureError: it cannot be had.
"""


class Previews:
    """Gives pictures, and keeps the last few. Its methods belong to one thread; the work is done in another."""

    def __init__(
        self,
        fetch: Fetch,
        thumbnails: Thumbnails | None,
        decoder: Decoder | None = None,
        *,
        can_decode: bool = True,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is started.

        Args:
            fetch: brings what a link leads to.
            thumbnails: small copies on the disk; None keeps none.
            decoder: makes pixels of it.
            can_decode: whether the extra `preview` is installed.
            now_s: monotonic seconds.
        """
        self.missing = "" if can_decode else f"pictures need two more packages: {install_line()}"
        """What has to be installed before there can be any picture; "" where nothing has."""
        self._fetch = fetch
        self._thumbnails = thumbnails
        self._decoder = decoder or Decoder()
        self._now_s = now_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._drawn: OrderedDict[tuple[str, Room], Drawn] = OrderedDict()
        self._refused: OrderedDict[str, tuple[float, Refused]] = OrderedDict()

    def known(self, wanted: Wanted) -> Outcome | None:
        """What can be told at once, without any work."""
        if self.missing:
            return Refused(self.missing, is_other=True)
        drawn = self._drawn.get((wanted.url, wanted.room))
        if drawn is not None:
            self._drawn.move_to_end((wanted.url, wanted.room))
            return drawn
        until_s, refused = self._refused.get(wanted.url, (0.0, None))
        return refused if self._now_s() < until_s else None

    async def look(self, wanted: Wanted) -> Outcome:
        """Get a picture, or why there is none; to cancel this ends all that was begun for it."""
        if (known := self.known(wanted)) is not None:
            return known
        outcome = await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._look(wanted), self._started())
        )
        if isinstance(outcome, Drawn):
            self._drawn[(wanted.url, wanted.room)] = outcome
            while len(self._drawn) > MAX_IN_MEMORY:
                self._drawn.popitem(last=False)
        else:
            self._refused[wanted.url] = (self._now_s() + REMEMBER_REFUSAL_S, outcome)
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

    async def _look(self, wanted: Wanted) -> Outcome:
        try:
            return await self._nearest(wanted)
        except OtherKindError as error:
            return Refused(str(error), is_other=True)
        except (NoPictureError, DecodingError) as error:
            return Refused(str(error))

    async def _nearest(self, wanted: Wanted) -> Drawn:
        if (kept := await self._kept(wanted)) is not None:
            return kept
        if (saved := _saved_file(wanted.saved)) is not None:
            with saved:
                return await self._decoded(wanted, saved)
        with tempfile.TemporaryFile(prefix="taskdash-") as file:
            await self._fetch(wanted.url, file)
            file.seek(0)
            return await self._decoded(wanted, file)

    async def _kept(self, wanted: Wanted) -> Drawn | None:
        if self._thumbnails is None or (found := self._thumbnails.open(wanted.url)) is None:
            return None
        file, original = found
        with file:
            try:
                drawn, _ = await self._decoder.decode(file, wanted.room)
            except DecodingError:
                # It was damaged on the disk: as good as none.
                self._thumbnails.drop(wanted.url)
                return None
        return replace(drawn, **original._asdict())

    async def _decoded(self, wanted: Wanted, file: IO[bytes]) -> Drawn:
        kind = kind_of_content(file.read(HEAD_BYTES))
        if kind is not None and kind not in PICTURES:
            raise OtherKindError(describe(kind, os.fstat(file.fileno()).st_size))
        # The process reads on from where the file stands.
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        drawn, thumbnail = await self._decoder.decode(
            file, wanted.room, thumbnail=self._thumbnails is not None
        )
        if self._thumbnails is not None and thumbnail:
            original = Original(drawn.format, drawn.width, drawn.height)
            self._thumbnails.keep(wanted.url, thumbnail, original)
        return drawn


def describe(kind: str, size: int | None = None) -> str:
    """What a file is that is no picture one could show: `MP4 video, 2.3 MiB`."""
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

"""Pictures of results for the screen: out of memory, off the disk, or fetched and decoded, whichever is nearest.

Fetching, unpacking and the disk never hold up the dashboard: they have an event loop in a thread of its own, and
whoever moves on cancels what is under way. What decodes a picture from outside never runs in here (`results.decoding`).

The PNGs are kept in the cache folder, bounded in size, oldest out first. A link may be a secret of its own (it is
signed), so a file's name is only its digest.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeAlias
from weakref import WeakSet

from taskdash.config.locations import make_private_dir, replace_private_file
from taskdash.results import preview_worker as worker
from taskdash.results.content import HEAD_BYTES, kind_of_content
from taskdash.results.decoding import Decoders, DecodingError, Picture, checked_png
from taskdash.results.download_status import size_words
from taskdash.results.faults import DownloadError, ExpiredError, Refused
from taskdash.results.fetch import Fetcher, Timeouts
from taskdash.results.part import Sink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Coroutine

MAX_BYTES: Final = 32 * 1_048_576
"""The largest file that is fetched only to be looked at."""
MAX_IN_MEMORY: Final = 6
MAX_REFUSALS: Final = 200
REMEMBER_REFUSAL_S: Final = 60.0
PICTURES: Final = frozenset({"png", "jpg", "webp", "gif"})
CLIPS: Final = frozenset(worker.DEMUXERS)
"""Those whose first frame can be, where there is an `ffmpeg`."""
THUMBNAIL: Final = 320
"""The longest side of a picture among others, in pixels."""
_OTHERS: Final = {
    **dict.fromkeys(("mp4", "mov", "webm", "mkv", "avi", "m4v"), "video"),
    **dict.fromkeys(("mp3", "wav", "ogg", "m4a", "flac", "aac"), "sound"),
    **dict.fromkeys(("glb", "gltf"), "3D model"),
    **dict.fromkeys(("avif", "bmp", "exr", "heic", "jxl", "psd", "svg", "tiff"), "picture"),
}
_TIMEOUTS: Final = Timeouts(connect_s=5.0, answer_s=30.0, stall_s=10.0)
"""Somebody is waiting in front of the screen, and has the download for what is slow."""
MAX_CACHE_BYTES: Final = 200 * 1_048_576
_SUFFIX: Final = ".png"
_NAME: Final = re.compile(r"\.?[0-9a-f]{64}\.(?:png|thumbnail).*")
"""What is ours in the folder: half written ones, and those of earlier versions, make room as well."""


def can_decode() -> bool:
    """Return whether the extra `preview` is installed; nothing of it is loaded."""
    return importlib.util.find_spec("PIL") is not None


def find_ffmpeg() -> str | None:
    """Return where the program is that knows clips; None where it is not installed."""
    return shutil.which("ffmpeg")


def install_line() -> str:
    """Return the command that adds what decodes pictures to this copy of taskdash, however that was installed."""
    try:
        needed = [each.partition(";") for each in requires("taskdash") or ()]
        packages = [package.strip() for package, _, marker in needed if "extra ==" in marker]
    except PackageNotFoundError:
        packages = ["pillow"]
    prefix = Path(sys.prefix)
    if (prefix / "pipx_metadata.json").exists():
        start = ["pipx", "inject", prefix.name]
    elif importlib.util.find_spec("pip") is not None:
        start = [sys.executable, "-m", "pip", "install"]
    else:
        # Environments that uv made have no pip in them.
        start = ["uv", "pip", "install", "--python", sys.executable]
    return shlex.join([*start, *packages])


class PreviewFiles:
    """The folder of the small PNGs, made (0700) when the first one is kept. Every fault of the disk is a miss."""

    def __init__(self, folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def path(self, url: str) -> Path:
        """Return where the PNG of what `url` leads to is, if it was made."""
        return self._folder / (hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest() + _SUFFIX)

    def get(self, url: str) -> Picture | None:
        """Return the PNG of what `url` leads to, if there is a good one."""
        path = self.path(url)
        file = open_plain_file(path, follow=False)
        if file is None:
            return None
        with file, contextlib.suppress(OSError, DecodingError):
            picture = checked_png(file.read(worker.MAX_OUTPUT_BYTES))
            os.utime(path)
            return picture
        return None

    def keep(self, url: str, picture: Picture) -> None:
        """Keep the PNG of what `url` leads to, and make room for it."""
        with contextlib.suppress(OSError):
            make_private_dir(self._folder)
            replace_private_file(self.path(url), picture.png)
            found = [(path.lstat(), path) for path in self._folder.iterdir() if _NAME.fullmatch(path.name)]
            total = 0
            for status, path in sorted(found, key=lambda each: -each[0].st_mtime_ns):
                total += status.st_size
                if total > self._max_bytes and stat.S_ISREG(status.st_mode):
                    path.unlink(missing_ok=True)


def open_plain_file(path: Path | str, *, follow: bool = True) -> IO[bytes] | None:
    """Open a file for reading if it is one: no pipe to wait for, no folder, no device; return None for those."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")  # noqa: PTH123 - opened by number
    os.close(descriptor)
    return None


# Where the pictures come from


class OtherKindError(DownloadError):
    """It is no picture, but whole and good: a video, a sound."""


Fetch: TypeAlias = "Callable[[str, IO[bytes], Collection[str]], Awaitable[None]]"
"""Fetches what a link leads to into a file that is open for writing, if it is of one of some kinds.

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
        ffmpeg: str | None = None,
        is_installed: bool = True,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to give them; frames of clips as well, where there is an `ffmpeg`."""
        self.missing = "" if is_installed else f"pictures need one more package: {install_line()}"
        """What has to be installed before there can be any picture; "" where nothing has."""
        self._fetch = fetch
        self._ffmpeg = ffmpeg
        self._decoders = Decoders()
        self._endings: WeakSet[asyncio.Task[None]] = WeakSet()
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
        outcome = await self._ask(url, self._look(url, saved))
        if isinstance(outcome, Picture):
            self._pictures[url] = outcome
            while len(self._pictures) > MAX_IN_MEMORY:
                self._pictures.popitem(last=False)
        return outcome

    async def thumbnail(self, url: str, saved: str | None = None) -> Picture | Refused:
        """Get a picture of `THUMBNAIL` pixels at most, of a clip its first frame; it is not kept in memory."""
        name = f"{THUMBNAIL} {url}"
        return self.known(name) or await self._ask(name, self._look(url, saved, name))

    async def _ask(self, name: str, work: Coroutine[None, None, Picture | Refused]) -> Picture | Refused:
        outcome = await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._started()))
        if isinstance(outcome, Refused):
            self._refused[name] = (self._now_s() + REMEMBER_REFUSAL_S, outcome)
            while len(self._refused) > MAX_REFUSALS:
                self._refused.popitem(last=False)
        return outcome

    def rest(self) -> None:
        """End what was kept ready for thumbnails: no more of them are wanted for now."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._end_decoders(), self._loop)

    def forget_refusals(self) -> None:
        """Try again what could not be shown."""
        self._refused.clear()

    def close(self, timeout_s: float = 2.0) -> None:
        """End what is under way."""
        loop, thread = self._loop, self._thread
        if loop is not None and thread is not None and thread.is_alive():
            with contextlib.suppress(RuntimeError):  # it has just ended
                with contextlib.suppress(TimeoutError):
                    asyncio.run_coroutine_threadsafe(self._end_all(), loop).result(timeout_s)
                loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout_s)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=_run, args=(self._loop,), name="previews", daemon=True)
            self._thread.start()
        return self._loop

    # In the other thread

    async def _end_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            # Whoever is ending already, and waits for a process to do so, is not to be disturbed.
            if not task.cancelling() and task not in self._endings:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._decoders.close()

    async def _end_decoders(self) -> None:
        if (task := asyncio.current_task()) is not None:
            self._endings.add(task)
        await self._decoders.close()

    async def _look(self, url: str, saved: str | None, thumbnail: str = "") -> Picture | Refused:
        """Get a picture; `thumbnail` is the name that a smaller one is kept by."""
        names = (thumbnail, url) if thumbnail else (url,)
        kept = (self._files.get(name) for name in names) if self._files is not None else ()
        if (picture := next(filter(None, kept), None)) is not None:
            return picture
        try:
            picture = await self._made(url, saved, is_small=bool(thumbnail))
        except OtherKindError as error:
            return Refused(str(error), is_other=True)
        except (DownloadError, DecodingError) as error:
            return Refused(str(error), is_expired=isinstance(error, ExpiredError))
        if self._files is not None:
            self._files.keep(names[0], picture)
        return picture

    async def _made(self, url: str, saved: str | None, *, is_small: bool) -> Picture:
        if (file := _saved_file(saved)) is not None:
            with file:
                return await self._decoded(file, is_small=is_small)
        with tempfile.TemporaryFile(prefix="taskdash-") as fetched:
            await self._fetch(url, fetched, PICTURES | CLIPS if is_small and self._ffmpeg else PICTURES)
            fetched.seek(0)
            return await self._decoded(fetched, is_small=is_small)

    async def _decoded(self, file: IO[bytes], *, is_small: bool) -> Picture:
        # Past the file's own buffer: the process reads on from where the descriptor stands.
        kind = kind_of_content(os.pread(file.fileno(), HEAD_BYTES, 0))
        clip = (kind, self._ffmpeg) if is_small and self._ffmpeg and kind in worker.DEMUXERS else None
        if kind is not None and kind not in PICTURES and clip is None:
            raise OtherKindError(_described(kind, os.fstat(file.fileno()).st_size))
        return await self._decoders.small_png(file, side=THUMBNAIL if is_small else worker.SIDE, clip=clip)


def _described(kind: str, size: int | None) -> str:
    text = f"{kind.upper()} {_OTHERS.get(kind, 'file')}"
    return text if size is None else f"{text}, {size_words(size)}"


def _saved_file(path: str | None) -> IO[bytes] | None:
    file = open_plain_file(path) if path is not None else None
    if file is not None and os.fstat(file.fileno()).st_size > MAX_BYTES:
        file.close()
        return None
    return file


def _run(loop: asyncio.AbstractEventLoop) -> None:
    # It cancels what is left when the loop was stopped.
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()


def picture_fetcher(base_url: str, *, allow_private: bool = False) -> Fetch:
    """Return what fetches results of one gateway to be looked at: as downloads are, but no further than is needed."""
    fetcher = Fetcher(base_url, allow_private=allow_private, max_bytes=MAX_BYTES, timeouts=_TIMEOUTS)

    async def fetch(url: str, file: IO[bytes], kinds: Collection[str]) -> None:
        await fetcher.fetch(url, _PictureSink(file.fileno(), kinds))

    return fetch


class _PictureSink(Sink):
    """A file that takes some kinds only: of anything else it takes the first bytes."""

    def __init__(self, descriptor: int, kinds: Collection[str]) -> None:
        super().__init__(descriptor)
        self._kinds = kinds

    def take(self, ending: str) -> None:
        """Take note of what it is.

        Raises OtherKindError for what is mostly a video, a sound or a picture that cannot be shown.
        """
        super().take(ending)
        if ending not in self._kinds:
            raise OtherKindError(_described(ending, self.whole))

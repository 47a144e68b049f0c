"""Pictures of results for the screen: from memory, from disk, or fetched and decoded, whichever is quickest.

Fetching, decompressing and disk access never block the dashboard: they run on an event loop in another thread, and
moving on cancels whatever is under way. Pictures from outside are never decoded in this process (`results.decoding`).

The PNGs are kept in the cache folder, which is bounded in size, oldest out first. A link may be a secret (it is
signed), so a file is named after its digest.
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
from typing import IO, TYPE_CHECKING, Final
from weakref import WeakSet

from taskdash.config.locations import make_private_dir, replace_private_file
from taskdash.domain.words import size_words
from taskdash.results import preview_worker as worker
from taskdash.results.content import HEAD_BYTES, kind_of_content
from taskdash.results.decoding import Decoders, DecodingError, Picture, checked_png
from taskdash.results.fetch import Fetcher, Timeouts
from taskdash.results.links import DownloadError, ExpiredError, Refused
from taskdash.results.part import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine

MAX_BYTES: Final = 32 * 1_048_576
"""The largest file that is fetched for a preview."""
MAX_IN_MEMORY: Final = 6
MAX_REFUSALS: Final = 200
REMEMBER_REFUSAL_S: Final = 60.0
PICTURES: Final = frozenset({"png", "jpg", "webp", "gif"})
CLIPS: Final = frozenset(worker.DEMUXERS)
"""Clips whose first frame can be shown, if `ffmpeg` is installed."""
THUMBNAIL: Final = 320
"""The longest side of a thumbnail, in pixels."""
_OTHERS: Final = {
    **dict.fromkeys(("mp4", "mov", "webm", "mkv", "avi", "m4v"), "video"),
    **dict.fromkeys(("mp3", "wav", "ogg", "m4a", "flac", "aac"), "sound"),
    **dict.fromkeys(("glb", "gltf"), "3D model"),
    **dict.fromkeys(("avif", "bmp", "exr", "heic", "jxl", "psd", "svg", "tiff"), "picture"),
}
_TIMEOUTS: Final = Timeouts(connect_s=5.0, answer_s=30.0, stall_s=10.0)
"""The user is waiting at the screen, and can still download slow files."""
MAX_CACHE_BYTES: Final = 200 * 1_048_576
_SUFFIX: Final = ".png"
_NAME: Final = re.compile(r"\.?[0-9a-f]{64}\.(?:png|thumbnail).*")
"""Our files in the folder: half-written ones and those of earlier versions are deleted to make room as well."""


def can_decode() -> bool:
    """Return whether the extra `preview` is installed, without importing it."""
    return importlib.util.find_spec("PIL") is not None


def find_ffmpeg() -> str | None:
    """Return the path of `ffmpeg`, which reads clips; None if it is not installed."""
    return shutil.which("ffmpeg")


def install_line() -> str:
    """Return the command that adds the picture decoder to this copy of taskdash, however it was installed."""
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
        # Environments made by uv have no pip.
        start = ["uv", "pip", "install", "--python", sys.executable]
    return shlex.join([*start, *packages])


class PreviewFiles:
    """The cache folder of the small PNGs, created (0700) with the first one. Disk errors count as misses."""

    def __init__(self, folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def path(self, url: str) -> Path:
        """Return where the PNG for `url` is, if there is one."""
        return self._folder / (hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest() + _SUFFIX)

    def get(self, url: str) -> Picture | None:
        """Return the PNG for `url`, if there is a good one."""
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
        """Keep the PNG for `url`, and delete the oldest ones to make room for it."""
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
    """Open a regular file for reading; return None if it is missing, or a pipe, folder or device."""
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
    """The file is fine, but not a picture: a video or a sound, for example."""


class Previews:
    """Gets pictures, and caches the last few. Call its methods from one thread; the work is done in another."""

    def __init__(
        self,
        fetcher: Fetcher,
        files: PreviewFiles | None,
        *,
        ffmpeg: str | None = None,
        is_installed: bool = True,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to get pictures, and first frames of clips if there is an `ffmpeg`."""
        self.missing = "" if is_installed else f"pictures need one more package: {install_line()}"
        """What to install to get pictures; "" if nothing is missing."""
        self._fetcher = fetcher
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
        """Return the picture of a result, or why there is none, if that is known without any work."""
        if self.missing:
            return Refused(self.missing, is_other=True)
        if url in self._pictures:
            self._pictures.move_to_end(url)
            return self._pictures[url]
        until_s, refused = self._refused.get(url, (0.0, None))
        return refused if self._now_s() < until_s else None

    async def look(self, url: str, saved: str | None = None) -> Picture | Refused:
        """Get the picture of a result, or why there is none; cancelling this cancels all work for it.

        It is read from the file that it was `saved` as, if that exists.
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
        """Get a picture of up to `THUMBNAIL` pixels, or the first frame of a clip; it is not cached in memory."""
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
        """Stop the idle decoder processes, as no more thumbnails are wanted for now."""
        if self._loop is not None and self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self._end_decoders(), self._loop)

    def forget_refusals(self) -> None:
        """Make results that could not be shown be tried again."""
        self._refused.clear()

    def close(self, timeout_s: float = 2.0) -> None:
        """Cancel all work and end the thread."""
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
            # Not tasks that are ending already and waiting for a process to exit.
            if not task.cancelling() and task not in self._endings:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._decoders.close()

    async def _end_decoders(self) -> None:
        if (task := asyncio.current_task()) is not None:
            self._endings.add(task)
        await self._decoders.close()

    async def _look(self, url: str, saved: str | None, thumbnail: str = "") -> Picture | Refused:
        """Get a picture; `thumbnail` is the cache key of a smaller one."""
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
            kinds = PICTURES | CLIPS if is_small and self._ffmpeg else PICTURES
            await self._fetcher.fetch(url, _PictureSink(fetched.fileno(), kinds))
            fetched.seek(0)
            return await self._decoded(fetched, is_small=is_small)

    async def _decoded(self, file: IO[bytes], *, is_small: bool) -> Picture:
        # With pread, as the process starts reading at the descriptor's position.
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
    # The runner cancels the remaining tasks once the loop was stopped.
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.get_loop().run_forever()


def picture_fetcher(base_url: str, *, allow_private: bool = False) -> Fetcher:
    """Return what fetches results of one gateway to be looked at: as downloads are, but no further than is needed."""
    return Fetcher(base_url, allow_private=allow_private, max_bytes=MAX_BYTES, timeouts=_TIMEOUTS)


class _PictureSink(Sink):
    """A file that accepts only some kinds; of any other it takes only the first bytes."""

    def __init__(self, descriptor: int, kinds: Collection[str]) -> None:
        super().__init__(descriptor)
        self._kinds = kinds

    def take(self, ending: str) -> None:
        """Set the ending for its kind.

        Raises OtherKindError for other kinds: mostly a video, a sound or a picture that cannot be shown.
        """
        super().take(ending)
        if ending not in self._kinds:
            raise OtherKindError(_described(ending, self.whole))

"""Pictures of results for the screen: out of memory, off the disk, or fetched and decoded, whichever is nearest.

Fetching, unpacking and the disk never hold up the dashboard: they have an event loop in a thread of its own, and
whoever moves on cancels what is under way. What decodes a picture from outside never runs in here: a decoder that a
hostile picture brings down, or takes over, has no key, no store and no terminal. What it may take of memory and time
stands in `results.preview_worker`; all that comes back is a small PNG, which is checked before anybody shows it.

The PNGs are kept in the cache folder, bounded in size, oldest out first. A link may be a secret of its own (it is
signed), so a file's name is only its digest.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import io
import os
import re
import shlex
import signal
import stat
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, TypeAlias

from taskdash.config.locations import make_private_dir, replace_private_file
from taskdash.domain.untrusted import inert_line
from taskdash.results import preview_worker as worker
from taskdash.results.content import HEAD_BYTES, kind_of_content
from taskdash.results.faults import DownloadError, Refused
from taskdash.results.fetch import Fetcher, Timeouts
from taskdash.results.part import Sink

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

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
MAX_CACHE_BYTES: Final = 200 * 1_048_576
DEADLINE_S: Final = 5.0
MAX_REASON_BYTES: Final = 200
_SUFFIX: Final = ".png"
_NAME: Final = re.compile(r"\.?[0-9a-f]{64}\.(?:png|thumbnail).*")
"""What is ours in the folder: half written ones, and those of earlier versions, make room as well."""
_NAMES: Final = {"PNG": "PNG", "JPEG": "JPEG", "WEBP": "WebP", "GIF": "GIF"}
# What a program needs to be loaded in odd places. Nothing else of the environment is a decoder's business.
_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class DecodingError(Exception):
    """There is no picture; the message says why, and is fit to be shown."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A small PNG, and what it was made of."""

    png: bytes
    format: str
    """Of the result itself, as its width and height in pixels."""
    width: int
    height: int


def can_decode() -> bool:
    """Return whether the extra `preview` is installed; nothing of it is loaded."""
    return importlib.util.find_spec("PIL") is not None


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


async def small_png(
    file: IO[bytes], *, command: Sequence[str] = (), deadline_s: float = DEADLINE_S
) -> Picture:
    """Have a process make a small PNG of a picture; it ends with this call, however that ends.

    Args:
        file: open for reading, with a descriptor that stands where the picture begins.
        command: what decodes, in place of our own worker.
        deadline_s: how long it may take.

    Raises:
        DecodingError: there is none.
    """
    with tempfile.TemporaryFile(prefix="taskdash-") as png, tempfile.TemporaryFile() as reason:
        try:
            process = await asyncio.create_subprocess_exec(
                *(command or (sys.executable, "-I", worker.__file__)),
                stdin=file,
                stdout=png,
                stderr=reason,
                start_new_session=True,
                cwd="/",
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            )
        except OSError as error:
            why = inert_line(error.strerror or "no reason", 100)
            raise DecodingError(f"it cannot be decoded: {why}") from None
        try:
            async with asyncio.timeout(deadline_s):
                code = await process.wait()
        except TimeoutError:
            raise DecodingError(f"it is not decoded after {deadline_s:g}s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        for each in (png, reason):
            each.seek(0)
        if code == 0:
            return _checked(png.read(worker.MAX_OUTPUT_BYTES))
        why = reason.read(MAX_REASON_BYTES).decode("utf-8", "replace") if code == worker.REFUSED else ""
        raise DecodingError(inert_line(why) or _end_in_words(code))


def _end_in_words(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "it takes too long to decode"
    return f"the decoder ended with {f'signal {-code}' if code < 0 else f'exit {code}'}"


def _checked(png: bytes) -> Picture:
    """Return a small PNG that is whole, and no larger than it may be.

    Raises:
        DecodingError: it is not, or does not say what it was made of.
    """
    from PIL import Image

    # Before Pillow sees it, which would print a warning about a size that is far too large.
    side = max(int.from_bytes(png[16:20]), int.from_bytes(png[20:24]))
    try:
        with Image.open(io.BytesIO(png if side <= worker.SIDE else b""), formats=("PNG",)) as picture:
            name, *size = str(picture.info.get(worker.SOURCE)).split(" ")
            width, height = map(int, size)
            picture.load()
            if min(width, height) > 0 and width * height <= worker.MAX_PIXELS:
                return Picture(png, _NAMES[name], width, height)
    except Exception:  # noqa: S110 - Pillow raises whatever it likes, and it all means the same
        pass
    raise DecodingError("the decoder answers nonsense")


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
            picture = _checked(file.read(worker.MAX_OUTPUT_BYTES))
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
    text = f"{kind.upper()} {_OTHERS.get(kind, 'file')}"
    return text if size is None else f"{text}, {size / 1_048_576:.1f} MiB"


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

"""Gets pictures of results for the screen: from memory, from disk, or fetched and decoded, whichever is quickest.

Fetching, decompressing and disk access never block the dashboard: they run on an event loop in another thread, and
moving on cancels whatever is under way. Decoding is left to processes of its own (`results.preview_worker`): one that a
hostile picture crashes or takes over has no key, no store and no terminal, and what it returns is checked.

The PNGs are kept in the cache folder, which is bounded in size, oldest out first. A link may be a secret (it is
signed), so a file is named after its digest.
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
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from taskdash.config.files import make_private_dir, open_plain_file, replace_private_file
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import size_words
from taskdash.results import preview_worker as worker
from taskdash.results.content import HEAD_BYTES, kind_of_content
from taskdash.results.fetch import Fetcher
from taskdash.results.links import DownloadError, ExpiredError, Refused
from taskdash.results.part import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

COMMAND: Final = (sys.executable, "-I", worker.__file__)
DEADLINE_S: Final = 5.0
MAX_REASON_BYTES: Final = 200
_SPELT: Final = {"WEBP": "WebP", "webm": "WebM"}
# Needed to load a program in odd places. A decoder gets nothing else of the environment.
_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
MAX_BYTES: Final = 32 * 1_048_576
"""The largest file that is fetched for a preview."""
MAX_IN_MEMORY: Final = 6
MAX_REFUSALS: Final = 200
REMEMBER_REFUSAL_S: Final = 60.0
PICTURES: Final = frozenset({"png", "jpg", "webp", "gif"})
THUMBNAIL: Final = 320
"""The longest side of a thumbnail, in pixels."""
_OTHERS: Final = {
    **dict.fromkeys(("mp4", "mov", "webm", "mkv", "avi", "m4v"), "video"),
    **dict.fromkeys(("mp3", "wav", "ogg", "m4a", "flac", "aac"), "sound"),
    **dict.fromkeys(("glb", "gltf"), "3D model"),
    **dict.fromkeys(("avif", "bmp", "exr", "heic", "jxl", "psd", "svg", "tiff"), "picture"),
}
MAX_CACHE_BYTES: Final = 200 * 1_048_576
_NAME: Final = re.compile(r"\.?[0-9a-f]{64}\.png.*")
"""Our files in the folder: half-written ones are deleted to make room as well."""


def can_decode() -> bool:
    """Return whether the extra `preview` is installed, without importing it."""
    return importlib.util.find_spec("PIL") is not None


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


class DecodingError(DownloadError):
    """The file cannot be decoded; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Holds a small PNG, with the format and size of its original."""

    png: bytes
    format: str
    """Of the result itself, like the width and height in pixels."""
    width: int
    height: int


class Decoders:
    """Runs processes that make small PNGs, each of which forks anew for every picture.

    One that is late, or whose caller has stopped waiting, is killed, and a new one takes its place.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._idle: list[tuple[subprocess.Popen[bytes], socket.socket]] = []

    async def small_png(
        self, file: IO[bytes], *, side: int = worker.SIDE, clip: tuple[str, str] | None = None
    ) -> Picture:
        """Make a PNG of a picture with sides of up to `side` pixels; the file must be at its start.

        `clip` is the kind of a clip and the path of `ffmpeg`. Raises DecodingError if there is no picture.
        """
        process, ours = self._idle.pop() if self._idle else self._start()
        arguments, said = "\0".join((str(side), *(clip or ()))), b""
        with tempfile.TemporaryFile(prefix="taskdash-") as output:
            try:
                async with asyncio.timeout(DEADLINE_S):
                    with contextlib.suppress(OSError):  # it has ended
                        socket.send_fds(ours, [arguments.encode()], [file.fileno(), output.fileno()])
                        said = await asyncio.get_running_loop().sock_recv(ours, 16)
            except TimeoutError:
                raise DecodingError(f"decoding took longer than {DEADLINE_S:g}s") from None
            finally:
                if said:
                    self._idle.append((process, ours))
                else:
                    _end(process, ours)
            output.seek(0)
            data = output.read(worker.MAX_OUTPUT_BYTES)
        code = int(said or b"1")
        if code == 0:
            return checked_png(data)
        if code == worker.REFUSED:
            raise DecodingError(inert_line(data[:MAX_REASON_BYTES].decode("utf-8", "replace")))
        if code == -signal.SIGXCPU:
            raise DecodingError("it takes too long to decode")
        raise DecodingError(f"the decoder ended with {f'signal {-code}' if code < 0 else f'exit {code}'}")

    def _start(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            try:
                process = subprocess.Popen(  # noqa: S603 - our own program
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    cwd="/",
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                )
            except OSError as error:
                ours.close()
                why = inert_line(error.strerror or "no reason", 100)
                raise DecodingError(f"it cannot be decoded: {why}") from None
        return process, ours

    def close(self) -> None:
        """End the idle processes."""
        while self._idle:
            _end(*self._idle.pop())


def _end(process: subprocess.Popen[bytes], ours: socket.socket) -> None:
    """Kill a process with everything that it has started; one that a broken disk holds up is not waited for."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    ours.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)


def checked_png(png: bytes) -> Picture:
    """Return a small PNG; raise DecodingError unless it is complete, small enough and names its original."""
    from PIL import Image

    # Checked before Pillow sees it, which would print a warning about a far too large size.
    side = max(int.from_bytes(png[16:20]), int.from_bytes(png[20:24]))
    file = io.BytesIO(png if side <= worker.SIDE else b"")
    # Pillow raises whatever it likes, and it all means the same.
    with contextlib.suppress(Exception), Image.open(file, formats=("PNG",)) as picture:
        name, *size = str(picture.info.get(worker.SOURCE)).split(" ")
        width, height = map(int, size)
        picture.load()
        is_known = name in worker.FORMATS or name in worker.DEMUXERS
        if is_known and min(width, height) > 0 and width * height <= worker.MAX_PIXELS:
            return Picture(png, _SPELT.get(name, name.upper()), width, height)
    raise DecodingError("the decoder gave an invalid answer")


class PreviewFiles:
    """Keeps the small PNGs in a folder, created (0700) with the first one. Disk errors count as misses."""

    def __init__(self, folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def path(self, url: str) -> Path:
        """Return where the PNG for `url` is, if there is one."""
        return self._folder / (hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest() + ".png")

    def get(self, url: str) -> Picture | None:
        """Return the PNG for `url`, if there is a good one."""
        file = open_plain_file(self.path(url), follow=False)
        if file is None:
            return None
        with file, contextlib.suppress(OSError, DecodingError):
            return checked_png(file.read(worker.MAX_OUTPUT_BYTES))
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

    async def look(self, url: str, saved: str | None = None, *, is_small: bool = False) -> Picture | Refused:
        """Get the picture of a result, or why there is none; cancelling this cancels all work for it.

        It is read from the file that it was `saved` as, if that exists. With `is_small` it has up to `THUMBNAIL`
        pixels, or is the first frame of a clip, and is not cached in memory.
        """
        name = f"{THUMBNAIL} {url}" if is_small else url
        if (known := self.known(name)) is not None:
            return known
        getting = asyncio.run_coroutine_threadsafe(self._found(name, url, saved), self._started())
        outcome = await asyncio.wrap_future(getting)
        if isinstance(outcome, Refused):
            self._refused[name] = (self._now_s() + REMEMBER_REFUSAL_S, outcome)
            if len(self._refused) > MAX_REFUSALS:
                self._refused.popitem(last=False)
        elif not is_small:
            self._pictures[url] = outcome
            if len(self._pictures) > MAX_IN_MEMORY:
                self._pictures.popitem(last=False)
        return outcome

    def rest(self) -> None:
        """Stop the idle decoder processes, as no more thumbnails are wanted for now."""
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._decoders.close)

    def forget_refusals(self) -> None:
        """Make results that could not be shown be tried again."""
        self._refused.clear()

    def close(self, timeout_s: float = 2.0) -> None:
        """Cancel all work and end the thread."""
        if self._loop is not None and self._thread is not None:
            with contextlib.suppress(RuntimeError):  # it has just ended
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout_s)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._run, args=(loop,), name="previews", daemon=True)
            self._thread.start()
        return self._loop

    # In the other thread

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        # The runner cancels the remaining tasks once the loop was stopped.
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.get_loop().run_forever()
        self._decoders.close()

    async def _found(self, name: str, url: str, saved: str | None) -> Picture | Refused:
        names = dict.fromkeys((name, url))
        kept = (self._files.get(each) for each in names) if self._files is not None else ()
        if (picture := next(filter(None, kept), None)) is not None:
            return picture
        try:
            picture = await self._made(url, saved, is_small=name != url)
        except DownloadError as error:
            is_other, is_expired = isinstance(error, OtherKindError), isinstance(error, ExpiredError)
            return Refused(str(error), is_other=is_other, is_expired=is_expired)
        if self._files is not None:
            self._files.keep(name, picture)
        return picture

    async def _made(self, url: str, saved: str | None, *, is_small: bool) -> Picture:
        if saved is not None and (file := open_plain_file(saved)) is not None:
            with file:
                if os.fstat(file.fileno()).st_size <= MAX_BYTES:
                    return await self._decoded(file, is_small=is_small)
        with tempfile.TemporaryFile(prefix="taskdash-") as fetched:
            kinds = PICTURES | worker.DEMUXERS.keys() if is_small and self._ffmpeg else PICTURES
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


def picture_fetcher(base_url: str, *, allow_private: bool = False) -> Fetcher:
    """Return what fetches results of one gateway to be looked at: as downloads are, but no further than is needed."""
    return Fetcher(base_url, allow_private=allow_private, max_bytes=MAX_BYTES)


class _PictureSink(Sink):
    """Accepts only some kinds of files; of any other it takes only the first bytes."""

    def __init__(self, descriptor: int, kinds: Collection[str]) -> None:
        super().__init__(descriptor)
        self._kinds = kinds

    def take(self, ending: str) -> None:
        """Set the ending; raise OtherKindError for a video, a sound or a picture that cannot be shown."""
        super().take(ending)
        if ending not in self._kinds:
            raise OtherKindError(_described(ending, self.whole))

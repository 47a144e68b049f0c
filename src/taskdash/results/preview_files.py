"""Small PNGs of results in the cache folder: made once by a process with limits, bounded in size, oldest out first.

What decodes a picture from outside never runs in here: a decoder that a hostile picture brings down, or takes over,
has no key, no store and no terminal. What it may take of memory and time stands in `results.preview_worker`; all that
comes back is a PNG, which is measured and checked before anybody shows it.

A link may be a secret of its own (it is signed), so a file's name is only its digest.
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
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from taskdash.config.private_files import make_private_dir, replace_private_file
from taskdash.domain.untrusted import inert_line
from taskdash.results import preview_worker as worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_BYTES: Final = 200 * 1_048_576
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
            raise DecodingError(f"it is not decoded after {deadline_s:g} s") from None
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

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
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
            total = 0
            for _, size, path in sorted(self._used(), reverse=True):
                total += size
                if total > self._max_bytes:
                    path.unlink(missing_ok=True)

    def _used(self) -> Iterator[tuple[int, int, Path]]:
        """Give of each when it was last used, its size and its path."""
        for path in self._folder.iterdir():
            with contextlib.suppress(OSError):
                status = path.lstat()
                if _NAME.fullmatch(path.name) and stat.S_ISREG(status.st_mode):
                    yield status.st_mtime_ns, status.st_size, path


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

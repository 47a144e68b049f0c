"""Has a picture decoded by a process of its own, and believes nothing of what comes back before it is measured.

What the process may take of memory and time stands in `results.preview_worker`, which never runs in here: a decoder
that a hostile picture brings down, or takes over, has no key, no store and no terminal.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from taskdash.domain.untrusted import inert_line
from taskdash.results import preview_worker as worker
from taskdash.results.drawing import Drawing, Drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.results.drawing import Room

DEADLINE_S: Final = 5.0
THUMBNAIL_SIDE: Final = 1_024
MAX_THUMBNAIL_BYTES: Final = 4 * 1_048_576
MAX_REASON_BYTES: Final = 200
FORMATS: Final = {b"PNG ": "PNG", b"JPEG": "JPEG", b"WEBP": "WebP", b"GIF ": "GIF"}
# What a program needs to be loaded in odd places. Nothing else of the environment is a decoder's business.
_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_SIXEL_BYTES: Final = frozenset(range(0x20, 0x7F))


class DecodingError(Exception):
    """There is no picture; the message says why, and is fit to be shown."""


def can_decode() -> bool:
    """Whether the extra `preview` is installed; nothing of it is loaded."""
    return all(importlib.util.find_spec(name) is not None for name in ("PIL", "textual_image"))


def install_line() -> str:
    """Return the command that adds what decodes pictures to this copy of taskdash, however that was installed."""
    import shlex
    from importlib.metadata import PackageNotFoundError, requires

    try:
        needed = [each.partition(";") for each in requires("taskdash") or ()]
        packages = [package.strip() for package, _, marker in needed if "extra ==" in marker]
    except PackageNotFoundError:
        packages = ["pillow", "textual-image"]
    prefix = Path(sys.prefix)
    if (prefix / "pipx_metadata.json").exists():
        start = ["pipx", "inject", prefix.name]
    elif importlib.util.find_spec("pip") is not None:
        start = [sys.executable, "-m", "pip", "install"]
    else:
        # Environments that uv made have no pip in them.
        start = ["uv", "pip", "install", "--python", sys.executable]
    return shlex.join([*start, *packages])


class Decoder:
    """Starts a process for each picture."""

    def __init__(self, command: Sequence[str] = (), deadline_s: float = DEADLINE_S) -> None:
        """Prepare.

        Args:
            command: what decodes, in place of our own worker.
            deadline_s: how long one picture may take.
        """
        self._command = command or (sys.executable, "-I", str(Path(worker.__file__)))
        self._deadline_s = deadline_s

    async def decode(self, file: IO[bytes], room: Room, *, thumbnail: bool = False) -> tuple[Drawn, bytes]:
        """Decode the picture that `file` has from where it stands; the process ends with this call, however it ends.

        Args:
            file: open for reading, with a descriptor.
            room: where it is to be shown.
            thumbnail: whether a small copy of it is wanted, too.

        Returns:
            The picture, and the small copy (b"" without one).

        Raises:
            DecodingError: there is none.
        """
        arguments = [room.columns, room.rows, *room.cell, room.drawing]
        arguments += [bytes(room.background).hex(), THUMBNAIL_SIDE if thumbnail else 0]
        try:
            with tempfile.TemporaryFile(prefix="taskdash-") as answer:
                code = await self._run(list(map(str, arguments)), file, answer)
                answer.seek(0)
                data = answer.read(worker.MAX_OUTPUT_BYTES)
        except OSError as error:
            raise DecodingError(
                f"it cannot be decoded: {inert_line(error.strerror or 'no reason', 100)}"
            ) from None
        if code != 0:
            raise DecodingError(_end_in_words(code))
        return _read(data, room)

    async def _run(self, arguments: list[str], file: IO[bytes], answer: IO[bytes]) -> int:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            stdin=file,
            stdout=answer,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )
        try:
            async with asyncio.timeout(self._deadline_s):
                return await process.wait()
        except TimeoutError:
            raise DecodingError(f"it is not decoded after {self._deadline_s:g} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _end_in_words(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "it takes too long to decode"
    return f"the decoder ended with {f'signal {-code}' if code < 0 else f'exit {code}'}"


def _read(data: bytes, room: Room) -> tuple[Drawn, bytes]:
    """What the process answered.

    Raises:
        DecodingError: it refused, or its answer is not of the form and size it must have.
    """
    if data.startswith(worker.REFUSAL):
        reason = data[len(worker.REFUSAL) :][:MAX_REASON_BYTES].decode("ascii", "replace")
        raise DecodingError(inert_line(reason))
    nonsense = DecodingError("the decoder answers nonsense")
    if len(data) < worker.HEADER.size:
        raise nonsense
    magic, name, width, height, columns, rows, *size, pixels, sixels, thumbnail = worker.HEADER.unpack_from(
        data
    )
    blocks = columns * rows * 6
    sane = (
        magic == worker.MAGIC
        and name in FORMATS
        and 0 < width * height <= worker.MAX_PIXELS
        and 0 < columns <= room.columns
        and 0 < rows <= room.rows
        and size[0] <= columns * room.cell[0]
        and size[1] <= rows * room.cell[1]
        and pixels == (size[0] * size[1] * 3 if room.drawing is Drawing.KITTY else 0)
        and (sixels > 0) == (room.drawing is Drawing.SIXEL)
        and thumbnail <= MAX_THUMBNAIL_BYTES
        and len(data) == worker.HEADER.size + blocks + pixels + sixels + thumbnail
    )
    if not sane:
        raise nonsense
    parts = []
    start = worker.HEADER.size
    for length in (blocks, pixels, sixels, thumbnail):
        parts.append(data[start : start + length])
        start += length
    lines = parts[2].split(b"\n") if parts[2] else []
    # Printable, so that nothing in it can end the sequence it is sent in.
    if not all(map(_SIXEL_BYTES.issuperset, lines)) or len(lines) != (rows if sixels else 0):
        raise nonsense
    drawn = Drawn(
        FORMATS[name],
        width,
        height,
        columns,
        rows,
        blocks=parts[0],
        size=(size[0], size[1]),
        pixels=parts[1],
        sixels=tuple(line.decode("ascii") for line in lines),
    )
    return drawn, parts[3]

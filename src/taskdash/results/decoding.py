"""Makes small PNGs of pictures in separate processes, and checks what they return.

A decoder that a hostile picture crashes or takes over has no key, no store and no terminal. `results.preview_worker`
limits its memory and time.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from taskdash.domain.untrusted import inert_line
from taskdash.results import preview_worker as worker

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND: Final = (sys.executable, "-I", worker.__file__)
DEADLINE_S: Final = 5.0
MAX_REASON_BYTES: Final = 200
_NAMES: Final = {name: name.upper() for name in (*worker.FORMATS, *worker.DEMUXERS)} | {
    "WEBP": "WebP",
    "webm": "WebM",
}
# Needed to load a program in odd places. A decoder gets nothing else of the environment.
_ENVIRONMENT: Final = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")


class DecodingError(Exception):
    """There is no picture; the message says why, and is safe to show."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A small PNG, with the format and size of its original."""

    png: bytes
    format: str
    """Of the result itself, like the width and height in pixels."""
    width: int
    height: int


def _answer(code: int, png: IO[bytes], reason: IO[bytes]) -> Picture:
    for each in (png, reason):
        each.seek(0)
    if code == 0:
        return checked_png(png.read(worker.MAX_OUTPUT_BYTES))
    why = reason.read(MAX_REASON_BYTES).decode("utf-8", "replace") if code == worker.REFUSED else ""
    raise DecodingError(inert_line(why) or _end_in_words(code))


class Decoders:
    """Processes that make small PNGs of one picture after another, each in a process forked for it.

    One that is late, or whose caller has stopped waiting, is killed, and a new one takes its place.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._idle: list[tuple[asyncio.subprocess.Process, socket.socket]] = []

    async def small_png(
        self, file: IO[bytes], *, side: int = worker.SIDE, clip: tuple[str, str] | None = None
    ) -> Picture:
        """Make a PNG of a picture with sides of up to `side` pixels; the file must be at its start.

        For the first frame of a clip, `clip` is its kind and the path of `ffmpeg`. Raises DecodingError if there is no
        picture.
        """
        process, ours = self._idle.pop() if self._idle else await self._start()
        arguments = "\0".join((str(side), *(clip or ())))
        is_fine = False
        with tempfile.TemporaryFile(prefix="taskdash-") as png, tempfile.TemporaryFile() as reason:
            try:
                async with asyncio.timeout(DEADLINE_S):
                    files = [each.fileno() for each in (file, png, reason)]
                    socket.send_fds(ours, [arguments.encode()], files)
                    said = await asyncio.get_running_loop().sock_recv(ours, 16)
                is_fine = bool(said)
            except TimeoutError:
                raise DecodingError(f"decoding took longer than {DEADLINE_S:g}s") from None
            except OSError:
                said = b""
            finally:
                if is_fine:
                    self._idle.append((process, ours))
                else:
                    await _end(process, ours)
            return _answer(int(said or b"1"), png, reason)

    async def _start(self) -> tuple[asyncio.subprocess.Process, socket.socket]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs, ExitStack() as undone:
            undone.callback(ours.close)
            try:
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                    cwd="/",
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                )
            except OSError as error:
                why = inert_line(error.strerror or "no reason", 100)
                raise DecodingError(f"it cannot be decoded: {why}") from None
            undone.pop_all()
        return process, ours

    async def close(self) -> None:
        """End the idle processes."""
        while self._idle:
            await _end(*self._idle.pop())


async def _end(process: asyncio.subprocess.Process, ours: socket.socket) -> None:
    """Kill a process with everything that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    ours.close()
    await process.wait()


def _end_in_words(code: int) -> str:
    if code == -signal.SIGXCPU:
        return "it takes too long to decode"
    return f"the decoder ended with {f'signal {-code}' if code < 0 else f'exit {code}'}"


def checked_png(png: bytes) -> Picture:
    """Return a small PNG, if it is complete, within the size limits and names its original.

    Raises DecodingError if not.
    """
    from PIL import Image

    # Checked before Pillow sees it, which would print a warning about a far too large size.
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
    raise DecodingError("the decoder gave an invalid answer")

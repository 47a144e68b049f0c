"""Makes small PNGs of pictures, each in a process of its own that can be limited or killed without harm.

`results.previews` starts this file by its path and isolated, so it imports nothing of taskdash. Each picture gets a
forked process, because starting Python and loading Pillow takes longer than decoding. The picture is that process's
stdin, and the PNG goes to stdout, with a text chunk of the picture's format, width and height. If there is none, stdout
says why, and the exit code is `REFUSED`. The arguments are the longest side of the PNG and, for the first frame of a
clip, its kind and the path of `ffmpeg`, which is under the same limits.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import socket
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE: Final = 768
"""The longest side of the small PNG: about as much as a terminal over a slow line can take."""
SOURCE: Final = "Source"
REFUSED: Final = 65
MAX_PIXELS: Final = 25_000_000
MAX_ARGUMENTS_BYTES: Final = 8_192
MAX_OUTPUT_BYTES: Final = 4 * 1_048_576
MEMORY_BYTES: Final = 640 * 1_048_576
"""Of address space: a picture of 25 million pixels is in memory twice while it is converted."""
CPU_S: Final = 5
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
DEMUXERS: Final = {"mp4": "mov", "mov": "mov", "webm": "matroska", "mkv": "matroska", "avi": "avi"}
"""The ffmpeg demuxer for each kind of clip. Set explicitly, as one that ffmpeg picks might read other files as well."""


class Refusal(Exception):  # noqa: N818 - it is an answer: why there is no picture
    """There is no picture to show; the message says why."""


def main(side: str, *clip: str) -> int:
    """Write the PNG, or the reason why there is none, to stdout; return the exit code."""
    _limit()
    try:
        output, code = small_png(int(side), *clip), 0
    except Refusal as refusal:
        output, code = str(refusal).encode(), REFUSED
    except MemoryError:
        output, code = b"it takes too much memory", REFUSED
    except Exception as error:  # decoders raise whatever they like, and the caller wants a reason
        output, code = f"it is damaged ({type(error).__name__})".encode(), REFUSED
    sys.stdout.buffer.write(output)
    sys.stdout.flush()
    return code


def serve() -> None:
    """Read arguments and two file descriptors per picture from the socket on stdin; reply with the exit codes.

    The process that decodes has neither this socket nor the files of another picture.
    """
    from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401 - for all

    Image.preinit()
    asker = socket.socket(fileno=sys.stdin.fileno())
    while True:
        arguments, files, _, _ = socket.recv_fds(asker, MAX_ARGUMENTS_BYTES, 2)
        if not arguments:
            return
        pid = os.fork()
        if not pid:
            # This also replaces the socket, which is descriptor 0.
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            os._exit(main(*arguments.decode().split("\0")))
        for file in files:
            os.close(file)
        asker.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _limit() -> None:
    limits = (
        (resource.RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES),
        # Higher, as at the hard limit there is only SIGKILL, and it is SIGXCPU that shows why it ended.
        (resource.RLIMIT_CPU, CPU_S, CPU_S + 1),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES),
    )
    for kind, soft, hard in limits:
        # The system may have no such limit, or a lower one.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


def _first_frame(kind: str, ffmpeg: str) -> IO[bytes]:
    """Return the first frame of the clip on stdin, in its full size. Raises Refusal if there is none."""
    # Opened as a file, so that ffmpeg can seek to an index at the end; the network is out of its reach.
    source = ["-protocol_whitelist", "file", "-f", DEMUXERS[kind], "-i", "file:/dev/fd/0", "-map", "0:v:0"]
    frame = ["-frames:v", "1", "-f", "image2pipe", "-c:v", "ppm", "-"]
    done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
        [ffmpeg, "-v", "error", "-nostdin", "-threads", "1", *source, *frame],
        stdin=sys.stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if not done.stdout:
        raise Refusal("ffmpeg found no frame")
    return io.BytesIO(done.stdout)


def small_png(side: int, kind: str = "", ffmpeg: str = "") -> bytes:
    """Return the first frame of the picture on stdin as a PNG, upright, in RGB or RGBA.

    Raises Refusal if the format is not supported, or the picture is too large or truncated.
    """
    from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

    source, formats = (_first_frame(kind, ffmpeg), ("PPM",)) if kind else (sys.stdin.buffer, FORMATS)

    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit only warns; the one below is checked instead
    try:
        picture = Image.open(source, formats=formats)
    except UnidentifiedImageError:
        raise Refusal("it is no PNG, JPEG, WebP or GIF picture, or its beginning is damaged") from None
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Refusal(f"it has {width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} million")
    name = kind or picture.format
    picture.draft("RGB", (side, side))
    try:
        picture.load()
    except OSError:
        raise Refusal("it is damaged or cut short") from None
    small = _plain(picture)
    small.thumbnail((side, side), reducing_gap=2.0)
    upright = small
    with contextlib.suppress(Exception):  # broken EXIF data is ignored
        upright = ImageOps.exif_transpose(small)
    if (upright.width < upright.height) != (small.width < small.height):
        width, height = height, width
    about = PngImagePlugin.PngInfo()
    about.add_text(SOURCE, f"{name} {width} {height}")
    upright.info.clear()
    png = io.BytesIO()
    upright.save(png, "PNG", pnginfo=about)
    return png.getvalue()


def _plain(picture: Image) -> Image:
    """Convert a picture to RGB, or to RGBA if anything in it is transparent."""
    if picture.mode.startswith("I"):
        # 16-bit grey: converting alone would clip it at 255.
        picture = picture.point(lambda value: value / 256).convert("L")
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


if __name__ == "__main__":
    serve()

"""Makes small PNGs of pictures, each in a process of its own that may be starved or killed without harm to anybody.

`results.decoding` starts this file by its path and isolated, so it imports nothing of taskdash. For each picture a
process is forked: to start Python and load Pillow takes longer than to decode one. It comes on that one's stdin, the
PNG goes to stdout, with a text in it that names format, width and height of the picture. Where there is none, a line on
stderr says why, and the exit code is `REFUSED`. With each come the longest side of the PNG and, where the picture is
the first frame of a clip, the kind of that and where `ffmpeg` is, which has the same limits.
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
"""The longest side of the small PNG: about what a terminal over a slow line bears."""
SOURCE: Final = "Source"
REFUSED: Final = 65
MAX_PIXELS: Final = 25_000_000
MAX_ARGUMENTS_BYTES: Final = 8_192
MAX_OUTPUT_BYTES: Final = 4 * 1_048_576
MEMORY_BYTES: Final = 640 * 1_048_576
"""Of address space: a picture of 25 million pixels is there twice while it is converted."""
CPU_S: Final = 5
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
DEMUXERS: Final = {"mp4": "mov", "mov": "mov", "webm": "matroska", "mkv": "matroska", "avi": "avi"}
"""What ffmpeg reads each kind of clip with. It is told, for what it finds out itself may read other files as well."""


class Refusal(Exception):  # noqa: N818 - it is an answer: why there is no picture
    """There is no picture to show; the message says why."""


def main(side: str, *clip: str) -> int:
    """Answer on stdout or stderr; return the exit code."""
    _limit()
    try:
        _write_small_png(int(side), *clip)
    except Refusal as refusal:
        reason = str(refusal)
    except MemoryError:
        reason = "it takes too much memory"
    except ImportError:
        reason = "Pillow cannot be loaded"
    except Exception as error:  # decoders raise whatever they like, and the asker wants a reason
        reason = f"it is damaged ({type(error).__name__})"
    else:
        return 0
    sys.stderr.write(reason)
    return REFUSED


def serve() -> None:
    """Decode what is handed over on stdin, a socket, as three files with the arguments; answer with the exit codes.

    What decodes has neither this socket nor a file of another picture.
    """
    from PIL import GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin  # noqa: F401 - for all

    Image.preinit()
    asker = socket.socket(fileno=sys.stdin.fileno())
    while True:
        arguments, files, _, _ = socket.recv_fds(asker, MAX_ARGUMENTS_BYTES, 3)
        if not arguments:
            return
        pid = os.fork()
        if not pid:
            # Over the socket too, which is the first.
            for number, file in enumerate(files):
                os.dup2(file, number)
                os.close(file)
            code = main(*arguments.decode().split("\0"))
            sys.stderr.flush()
            os._exit(code)
        for file in files:
            os.close(file)
        asker.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _limit() -> None:
    limits = (
        (resource.RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES),
        # At the hard limit there is no SIGXCPU, which tells why it ended.
        (resource.RLIMIT_CPU, CPU_S, CPU_S + 1),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_FSIZE, MAX_OUTPUT_BYTES, MAX_OUTPUT_BYTES),
    )
    for kind, soft, hard in limits:
        # Where the system has no such limit, or a lower one.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (soft, hard))


def _first_frame(kind: str, ffmpeg: str) -> IO[bytes]:
    """Return the first frame of the clip on stdin, as it is. Raises Refusal where there is none."""
    # Opened anew, so that it can look for the index at the end; of the network it knows nothing.
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


def _write_small_png(side: int, kind: str = "", ffmpeg: str = "") -> None:
    """Write the first frame, upright, RGB or RGBA.

    Raises Refusal where it is none of the formats, too large, or cut short.
    """
    from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

    source, formats = (_first_frame(kind, ffmpeg), ("PPM",)) if kind else (sys.stdin.buffer, FORMATS)

    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit only warns; the one below follows at once
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
    with contextlib.suppress(Exception):  # broken EXIF data is none
        upright = ImageOps.exif_transpose(small)
    if (upright.width < upright.height) != (small.width < small.height):
        width, height = height, width
    about = PngImagePlugin.PngInfo()
    about.add_text(SOURCE, f"{name} {width} {height}")
    upright.info.clear()
    upright.save(sys.stdout.buffer, "PNG", pnginfo=about)
    sys.stdout.buffer.flush()


def _plain(picture: Image) -> Image:
    """Return it as RGB, or RGBA where something in it is transparent."""
    if picture.mode.startswith("I"):
        # 16 bits of grey: converting would cut them off at 255.
        picture = picture.point(lambda value: value / 256).convert("L")
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


if __name__ == "__main__":
    serve()

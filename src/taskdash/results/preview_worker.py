"""Decodes one picture in a process of its own, which may be stopped, starved or killed without harm to anybody.

`results.decoding` starts this file by its path and isolated, so it imports nothing of taskdash. The picture comes on
stdin, the answer goes to stdout: a header, then pixels in sizes that the asker can tell from it. Whatever a hostile
picture made of this process, all it can give away is a wrong picture.

    python -I preview_worker.py COLUMNS ROWS CELL_WIDTH CELL_HEIGHT DRAWING BACKGROUND THUMBNAIL

DRAWING is `blocks`, `kitty` or `sixel`, BACKGROUND six hexadecimal digits, THUMBNAIL the longest side of the small copy
that is wanted as well, or 0.
"""

from __future__ import annotations

import contextlib
import io
import resource
import struct
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS: Final = 25_000_000
MAX_INPUT_BYTES: Final = 64 * 1_048_576
MAX_OUTPUT_BYTES: Final = 16 * 1_048_576
MEMORY_BYTES: Final = 640 * 1_048_576
"""Of address space: a picture of 25 million pixels is there twice while it is converted."""
CPU_S: Final = 5
MAX_ENLARGING: Final = 2.0
"""How many times its own size a small picture may have on the screen."""
MAX_SENT_PIXELS: Final = 500_000
"""How many pixels a terminal is sent, about, at most: more would make a slow line wait."""
MAX_SIDE: Final = 2_048
"""The longest side of what is scaled to the screen."""
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
MAGIC: Final = b"picture1"
REFUSAL: Final = b"refused1"
HEADER: Final = struct.Struct(">8s4sIIHHHHIII")
"""Magic, format, width and height of the picture; columns and rows; width and height in pixels on the screen; then how
many bytes of pixels, sixels and small copy follow the half blocks (columns x rows x 2 x 3 bytes)."""


class Refusal(Exception):  # noqa: N818 - it is an answer: why there is no picture
    """There is no picture to show; the message says why."""


def main(arguments: list[str]) -> None:
    """Answer on stdout."""
    _limit()
    out = sys.stdout.buffer
    try:
        out.write(_answer(arguments, sys.stdin.buffer.read(MAX_INPUT_BYTES)))
    except Refusal as refusal:
        out.write(REFUSAL + str(refusal).encode("ascii", "replace"))
    except MemoryError:
        out.write(REFUSAL + b"it takes too much memory")
    except ImportError:
        out.write(REFUSAL + b"Pillow cannot be loaded")
    except Exception as error:  # decoders raise whatever they like, and the asker wants a reason
        out.write(REFUSAL + f"it is damaged ({type(error).__name__})".encode("ascii", "replace"))
    out.flush()


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


def _answer(arguments: list[str], data: bytes) -> bytes:
    columns, rows, cell_width, cell_height = map(int, arguments[:4])
    drawing, background, side = arguments[4], bytes.fromhex(arguments[5]), int(arguments[6])
    name, (width, height), picture = _opened(data, side or MAX_SIDE)
    flat = _flat(picture, background)
    cell = (cell_width, cell_height)
    columns, rows = _fit(
        picture.size, (columns, rows), cell, MAX_PIXELS if drawing != "sixel" else MAX_SENT_PIXELS
    )
    blocks = _sized(flat, (columns, rows * 2)).tobytes()
    pixels, sixels, shown = b"", b"", (0, 0)
    if drawing == "kitty":
        shown = _sent_size(columns * cell_width, rows * cell_height)
        pixels = _sized(flat, shown).tobytes()
    elif drawing == "sixel":
        shown = (columns * cell_width, rows * cell_height)
        sixels = _sixels(_sized(flat, shown), rows)
    thumbnail = _encoded(picture) if side else b""
    sizes = (len(pixels), len(sixels), len(thumbnail))
    header = HEADER.pack(MAGIC, name.encode().ljust(4), width, height, columns, rows, *shown, *sizes)
    return header + blocks + pixels + sixels + thumbnail


def _opened(data: bytes, side: int) -> tuple[str, tuple[int, int], Image]:
    """Its format, its own size, and its first frame: upright, RGB or RGBA, each side at most `side` long.

    Raises:
        Refusal: it is none of the formats, too large, or cut short.
    """
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit only warns; the one below follows at once
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise Refusal("it is no PNG, JPEG, WebP or GIF picture, or its beginning is damaged") from None
    width, height = picture.size
    if width * height > MAX_PIXELS:
        raise Refusal(f"it has {width} x {height} pixels, more than {MAX_PIXELS // 1_000_000} million")
    name = picture.format or "?"
    picture.draft("RGB", (side, side))
    try:
        picture.load()
    except OSError:
        raise Refusal("it is damaged or cut short") from None
    plain = _plain(picture)
    plain.thumbnail((side, side), reducing_gap=2.0)
    upright = _upright(plain)
    if (upright.width < upright.height) != (plain.width < plain.height):
        width, height = height, width
    return name, (width, height), upright


def _plain(picture: Image) -> Image:
    """As RGB, or RGBA where something in it is transparent."""
    if picture.mode.startswith("I"):
        # 16 bits of grey: converting would cut them off at 255.
        picture = picture.point(lambda value: value / 256).convert("L")
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _upright(picture: Image) -> Image:
    """Turned as its EXIF data says; broken data is none."""
    from PIL import ImageOps

    with contextlib.suppress(Exception):
        return ImageOps.exif_transpose(picture)
    return picture


def _flat(picture: Image, background: bytes) -> Image:
    """Without transparency, on the colour it is shown on."""
    from PIL import Image

    if picture.mode != "RGBA":
        return picture
    below = Image.new("RGBA", picture.size, (*background, 255))
    return Image.alpha_composite(below, picture).convert("RGB")


def _fit(
    size: tuple[int, int], room: tuple[int, int], cell: tuple[int, int], most_pixels: int
) -> tuple[int, int]:
    """The most columns and rows that keep its proportions, at least one of each."""
    widest, highest = (room[i] * cell[i] / size[i] for i in (0, 1))
    scale = min(widest, highest, MAX_ENLARGING, (most_pixels / (size[0] * size[1])) ** 0.5)
    columns, rows = (round(size[i] * scale / cell[i]) for i in (0, 1))
    return min(max(columns, 1), room[0]), min(max(rows, 1), room[1])


def _sent_size(width: int, height: int) -> tuple[int, int]:
    """The pixels that are sent to a terminal that scales them."""
    scale = min(1.0, (MAX_SENT_PIXELS / (width * height)) ** 0.5)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _sized(picture: Image, size: tuple[int, int]) -> Image:
    from PIL import Image

    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _sixels(picture: Image, rows: int) -> bytes:
    """What stands between introducer and terminator, a line for each row of cells."""
    from PIL import Image

    # Not its public module: that one loads Rich, and asks the terminal.
    from textual_image._sixel import image_to_sixels

    # Once for all rows: each with colours of its own would show where they meet.
    flat = picture.quantize(256, Image.Quantize.FASTOCTREE)
    height = picture.height // rows
    lines: list[str] = []
    for row in range(rows):
        text = image_to_sixels(flat.crop((0, row * height, picture.width, (row + 1) * height)))
        lines.append(text.removeprefix("\x1bP").removesuffix("\x1b\\"))
    return "\n".join(lines).encode("ascii")


def _encoded(picture: Image) -> bytes:
    """A small copy for the cache."""
    from PIL import features

    file = io.BytesIO()
    if features.check("webp"):
        picture.save(file, "WEBP", quality=88, method=2)
    else:
        picture.save(file, "PNG")
    return file.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])

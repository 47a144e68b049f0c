"""Pictures for tests, good and bad."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from taskdash.results import preview_worker
from taskdash.results.previews import Picture, checked_png


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """A picture as a file of some kind."""
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def plain(width: int, height: int, colour: str = "red", kind: str = "PNG") -> bytes:
    return encoded(Image.new("RGB", (width, height), colour), kind)


def halves(width: int = 80, height: int = 80) -> bytes:
    """Red above, blue below."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("blue", (0, height // 2, width, height))
    return encoded(picture)


def kept_picture() -> Picture:
    """What a decoder makes of `halves`."""
    said = PngInfo()
    said.add_text(preview_worker.SOURCE, "PNG 80 80")
    return checked_png(encoded(Image.open(io.BytesIO(halves())), pnginfo=said))


@cache
def bomb(side: int = 13_000) -> bytes:
    """A PNG of 92 kB that is `side` x `side` pixels large."""
    data = zlib.compress(bytes(side * (1 + (side + 7) // 8)), 1)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body

"""Writes PNG files with nothing but zlib, so that the demo needs no picture library at run time.

The rows are filtered all at once: a whole picture is one long integer, and one subtraction with guard bits
between the bytes does what a loop over two million bytes would do a thousand times slower.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CHANNELS: Final = 3
_FILTER_SUB: Final = 1
_FILTER_UP: Final = 2


def encode_png(width: int, height: int, rgb: bytes) -> bytes:
    """Return a truecolour PNG of 8 bits a channel.

    Args:
        width: pixels in a row.
        height: rows.
        rgb: `width * height * 3` bytes, row by row from the top.

    Raises:
        ValueError: `rgb` has another length.
    """
    stride = width * _CHANNELS
    if len(rgb) != stride * height:
        raise ValueError(f"{len(rgb)} bytes do not make {width} x {height} pixels")
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = min(
        (
            _compressed(rgb, stride, distance, mark)
            for distance, mark in ((3, _FILTER_SUB), (stride, _FILTER_UP))
        ),
        key=len,
    )
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _compressed(rgb: bytes, stride: int, distance: int, filter_mark: int) -> bytes:
    """Return the pixels as IDAT wants them, each byte less the one `distance` before it."""
    if filter_mark == _FILTER_UP:
        filtered = _minus(rgb, bytes(stride) + rgb[:-stride])
    else:
        # The first pixel of each row has no left neighbour: its subtrahend is zero.
        left = bytearray(bytes(distance) + rgb[:-distance])
        for channel in range(distance):
            left[channel::stride] = bytes(len(rgb) // stride)
        filtered = _minus(rgb, left)
    mark = bytes((filter_mark,))
    rows = (filtered[start : start + stride] for start in range(0, len(filtered), stride))
    return zlib.compress(mark + mark.join(rows), 5)


def _minus(left: bytes, right: bytes | bytearray) -> bytes:
    """Return the bytewise difference modulo 256; no borrow may cross from one byte into the next."""
    size = len(left)
    high = int.from_bytes(b"\x80" * size, "big")
    a = int.from_bytes(left, "big")
    b = int.from_bytes(right, "big")
    difference = ((a | high) - (b & ~high)) ^ ((a ^ b ^ high) & high)
    return difference.to_bytes(size, "big")

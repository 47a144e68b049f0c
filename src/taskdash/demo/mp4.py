"""Puts H.264 access units into an MP4 file whose index comes first, so it plays while it loads."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMESCALE: Final = 12_000
_UNITY: Final = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def encode_mp4(
    size: tuple[int, int], parameter_sets: tuple[bytes, bytes], units: Sequence[bytes], fps: int
) -> bytes:
    """Return an MP4 file with one video track.

    Args:
        size: width and height in pixels.
        parameter_sets: the sequence and the picture parameter set, as NAL units.
        units: one NAL unit a frame; only the first is a key frame.
        fps: frames a second; divides 12,000.
    """
    samples = [struct.pack(">I", len(unit)) + unit for unit in units]
    kind = _box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
    # The index tells where the pictures begin, which depends on its own length: measure, then write.
    length = len(_index(size, parameter_sets, samples, fps, 0))
    index = _index(size, parameter_sets, samples, fps, len(kind) + length + 8)
    return kind + index + _box(b"mdat", *samples)


def _index(
    size: tuple[int, int], sets: tuple[bytes, bytes], samples: Sequence[bytes], fps: int, start: int
) -> bytes:
    width, height = size
    step = _TIMESCALE // fps
    duration = step * len(samples)
    movie = _full(
        b"mvhd",
        0,
        struct.pack(">IIIIIHHII", 0, 0, _TIMESCALE, duration, 0x10000, 0x100, 0, 0, 0),
        _UNITY,
        bytes(24),
        struct.pack(">I", 2),
    )
    track_head = _full(
        b"tkhd",
        3,
        struct.pack(">IIIIIIIHHHH", 0, 0, 1, 0, duration, 0, 0, 0, 0, 0, 0),
        _UNITY,
        struct.pack(">II", width << 16, height << 16),
    )
    # The language code 0x55C4 is "und".
    media_head = _full(b"mdhd", 0, struct.pack(">IIIIHH", 0, 0, _TIMESCALE, duration, 0x55C4, 0))
    handler = _full(b"hdlr", 0, struct.pack(">I4s12x", 0, b"vide"), b"VideoHandler\0")
    source = _box(b"dinf", _full(b"dref", 0, struct.pack(">I", 1), _full(b"url ", 1)))
    table = _box(
        b"stbl",
        _full(b"stsd", 0, struct.pack(">I", 1), _entry(size, sets)),
        _full(b"stts", 0, struct.pack(">III", 1, len(samples), step)),
        _full(b"stss", 0, struct.pack(">II", 1, 1)),
        _full(b"stsc", 0, struct.pack(">IIII", 1, 1, len(samples), 1)),
        _full(
            b"stsz",
            0,
            struct.pack(f">II{len(samples)}I", 0, len(samples), *(len(sample) for sample in samples)),
        ),
        _full(b"stco", 0, struct.pack(">II", 1, start)),
    )
    information = _box(b"minf", _full(b"vmhd", 1, bytes(8)), source, table)
    media = _box(b"mdia", media_head, handler, information)
    return _box(b"moov", movie, _box(b"trak", track_head, media))


def _entry(size: tuple[int, int], sets: tuple[bytes, bytes]) -> bytes:
    sequence, picture = sets
    setup = _box(
        b"avcC",
        b"\x01" + sequence[1:4] + b"\xff\xe1",
        struct.pack(">H", len(sequence)) + sequence + b"\x01" + struct.pack(">H", len(picture)) + picture,
    )
    # 72 dots an inch, one frame a sample, 24 bits of depth, no colour table.
    visual = struct.pack(">6xH16xHHIIIH32xHh", 1, *size, 0x480000, 0x480000, 0, 1, 24, -1)
    return _box(b"avc1", visual, setup)


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, name) + body


def _full(name: bytes, flags: int, *parts: bytes) -> bytes:
    """A box that begins with a version (0) and flags."""
    return _box(name, struct.pack(">I", flags), *parts)

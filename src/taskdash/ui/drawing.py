"""Draws a small PNG for the terminal: as half blocks, for kitty, or as sixels."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image

    from taskdash.results.preview_files import Picture

MAX_ENLARGING: Final = 2.0
"""How many times its own size a small picture may have on the screen."""
MAX_SENT_PIXELS: Final = 500_000
"""How many pixels a terminal is sent, about, at most: more would make a slow line wait."""
_BLANK: Final = 0x3F
"""The sixel of no pixel; a pixel of it adds 1, the one below 2, and so on to the sixth."""
_SAME: Final = re.compile(rb"(.)\1{3,254}", re.DOTALL)


class Drawing(StrEnum):
    """How a terminal shows a picture."""

    BLOCKS = "blocks"
    """As half blocks in two colours each: plain characters."""
    KITTY = "kitty"
    """By the graphics protocol of kitty, in placeholder characters."""
    SIXEL = "sixel"
    """As sixels, a row of cells at a time, over half blocks."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where a picture is to be shown."""

    columns: int
    rows: int
    cell: tuple[int, int] = (10, 20)
    """Width and height of a terminal cell, in pixels."""
    drawing: Drawing = Drawing.BLOCKS
    background: tuple[int, int, int] = (0, 0, 0)
    """What shows through it, red, green and blue."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture that fits its room."""

    format: str
    width: int
    """Of the picture itself, in pixels."""
    height: int
    columns: int
    rows: int
    blocks: bytes
    """Red, green and blue of `columns` x `2 * rows` half blocks."""
    size: tuple[int, int] = (0, 0)
    """Width and height of `pixels`, or of what `sixels` draw."""
    pixels: bytes = b""
    """Red, green and blue, for kitty."""
    sixels: tuple[str, ...] = ()
    """Of each row of cells, what stands between introducer and terminator."""


def draw(picture: Picture, room: Room) -> Drawn:
    """Draw a picture as large as its room allows; this takes a while.

    Raises:
        Exception: whatever Pillow likes, where the picture was damaged.
    """
    from PIL import Image

    with Image.open(io.BytesIO(picture.png), formats=("PNG",)) as opened:
        flat = Image.new("RGBA", opened.size, (*room.background, 255))
        flat = Image.alpha_composite(flat, opened.convert("RGBA")).convert("RGB")
    most = MAX_SENT_PIXELS if room.drawing is Drawing.SIXEL else None
    columns, rows = fit((picture.width, picture.height), (room.columns, room.rows), room.cell, most)
    pixels, sixels = b"", tuple[str, ...]()
    size = columns * room.cell[0], rows * room.cell[1]
    if room.drawing is Drawing.KITTY:
        # The terminal scales it.
        scale = min(1.0, (MAX_SENT_PIXELS / (size[0] * size[1])) ** 0.5)
        size = max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
        pixels = _sized(flat, size).tobytes()
    elif room.drawing is Drawing.SIXEL:
        sixels = sixel_rows(_sized(flat, size), rows)
    blocks = _sized(flat, (columns, rows * 2)).tobytes()
    made_of = (picture.format, picture.width, picture.height)
    return Drawn(*made_of, columns, rows, blocks, size=size, pixels=pixels, sixels=sixels)


def fit(
    size: tuple[int, int], room: tuple[int, int], cell: tuple[int, int], most_pixels: int | None = None
) -> tuple[int, int]:
    """Return the most columns and rows that keep the proportions of a picture, at least one of each."""
    scale = min(room[0] * cell[0] / size[0], room[1] * cell[1] / size[1], MAX_ENLARGING)
    if most_pixels is not None:
        scale = min(scale, (most_pixels / (size[0] * size[1])) ** 0.5)
    columns, rows = (round(size[i] * scale / cell[i]) for i in (0, 1))
    return min(max(columns, 1), room[0]), min(max(rows, 1), room[1])


def _sized(picture: Image, size: tuple[int, int]) -> Image:
    from PIL.Image import Resampling

    return picture.resize(size, Resampling.LANCZOS, reducing_gap=3.0)


def sixel_rows(picture: Image, rows: int) -> tuple[str, ...]:
    """Encode a picture as sixels, each of `rows` rows of cells for itself."""
    from PIL.Image import Quantize

    # Once for all rows: each with colours of its own would show where they meet.
    flat = picture.quantize(256, Quantize.FASTOCTREE)
    palette, pixels = flat.getpalette() or [], flat.tobytes()
    width, height = picture.width, picture.height // rows
    return tuple(
        _sixels(pixels[row * width * height : (row + 1) * width * height], (width, height), palette)
        for row in range(rows)
    )


def _sixels(pixels: bytes, size: tuple[int, int], palette: list[int]) -> str:
    """Encode numbers of colours, line by line; https://vt100.net/docs/vt3xx-gp/chapter14.html says how."""
    width, height = size
    blank = int.from_bytes(bytes([_BLANK]) * width)
    text = [f'0;0;0q"1;1;{width};{height}']
    for colour in sorted(set(pixels)):
        red, green, blue = (round(part / 2.55) for part in palette[3 * colour : 3 * colour + 3])
        text.append(f"#{colour};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        band = pixels[top * width : (top + 6) * width]
        for colour in sorted(set(band)):
            # All columns at once: a byte of a large number for each.
            bits = blank
            for line in range(len(band) // width):
                is_it = bytes(colour) + bytes([1 << line]) + bytes(255 - colour)
                bits += int.from_bytes(band[line * width : (line + 1) * width].translate(is_it))
            sixels = bits.to_bytes(width).rstrip(bytes([_BLANK]))
            runs = _SAME.sub(lambda run: b"!%d%c" % (len(run[0]), run[0][0]), sixels)
            text.append(f"#{colour}{runs.decode('ascii')}$")
        text.append("-")
    return "".join(text[:-1])

"""Renders a small PNG as half blocks, kitty graphics or sixels, whichever this terminal can show.

The terminal has been queried once. If it did not answer in time, its name decides, and inside tmux, what tmux knows of
the outer terminal. The config can override this.
"""

from __future__ import annotations

import fcntl
import io
import re
import shutil
import struct
import subprocess
import termios
import zlib
from base64 import standard_b64encode
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.ui.terminal_answers import KITTY_WITH_PLACEHOLDERS, kitty_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image

    from taskdash.results.previews import Picture
    from taskdash.ui.terminal_answers import Answers

MAX_ENLARGING: Final = 2.0
"""How many times its own size a small picture may be enlarged to."""
MAX_SENT_PIXELS: Final = 500_000
"""Roughly how many pixels to send at most: more would stall a slow connection."""
_BLANK: Final = 0x3F
"""The sixel without pixels. The top pixel adds 1, the one below it 2, and so on up to 32."""
_SAME: Final = re.compile(rb"(.)\1{3,254}", re.DOTALL)


class Drawing(StrEnum):
    """Names the ways in which a terminal can show a picture."""

    BLOCKS = "blocks"
    """Half blocks in two colours each: plain characters."""
    KITTY = "kitty"
    """kitty's graphics protocol, with placeholder characters."""
    SIXEL = "sixel"
    """Sixels, one row of cells at a time, over half blocks."""


@dataclass(frozen=True, slots=True)
class Room:
    """Tells the space available for a picture, and how to draw there."""

    columns: int
    rows: int
    cell: tuple[int, int] = (10, 20)
    """Width and height of a terminal cell, in pixels."""
    drawing: Drawing = Drawing.BLOCKS
    background: tuple[int, int, int] = (0, 0, 0)
    """The colour behind transparent parts: red, green and blue."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Holds a picture rendered to fit its room."""

    format: str
    width: int
    """Of the original picture, in pixels."""
    height: int
    columns: int
    rows: int
    blocks: bytes
    """Red, green and blue of `columns` x `2 * rows` half blocks."""
    size: tuple[int, int] = (0, 0)
    """Width and height of the `pixels` or `sixels`, in pixels."""
    pixels: bytes = b""
    """Red, green and blue, for kitty."""
    sixels: tuple[str, ...] = ()
    """The sixel data of each row of cells, without introducer and terminator."""


def draw(picture: Picture, room: Room) -> Drawn:
    """Render a picture as large as its room allows. Too slow for the event loop.

    Raises:
        Exception: of any type, from Pillow, if the picture is damaged.
    """
    from PIL import Image

    with Image.open(io.BytesIO(picture.png), formats=("PNG",)) as opened:
        flat = Image.new("RGBA", opened.size, (*room.background, 255))
        flat = Image.alpha_composite(flat, opened.convert("RGBA")).convert("RGB")
    sized = partial(flat.resize, resample=Image.Resampling.LANCZOS, reducing_gap=3.0)
    most = MAX_SENT_PIXELS if room.drawing is Drawing.SIXEL else None
    columns, rows = fit((picture.width, picture.height), (room.columns, room.rows), room.cell, most)
    pixels, sixels = b"", tuple[str, ...]()
    size = columns * room.cell[0], rows * room.cell[1]
    if room.drawing is Drawing.KITTY:
        # The terminal scales it.
        scale = min(1.0, (MAX_SENT_PIXELS / (size[0] * size[1])) ** 0.5)
        size = max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
        pixels = sized(size).tobytes()
    elif room.drawing is Drawing.SIXEL:
        # One palette for all rows: with one each, the seams would show.
        sixels = sixel_rows(sized(size).quantize(256, Image.Quantize.FASTOCTREE), rows)
    blocks = sized((columns, rows * 2)).tobytes()
    made_of = (picture.format, picture.width, picture.height)
    return Drawn(*made_of, columns, rows, blocks, size=size, pixels=pixels, sixels=sixels)


def fit(
    size: tuple[int, int], room: tuple[int, int], cell: tuple[int, int], most_pixels: int | None = None
) -> tuple[int, int]:
    """Return the most columns and rows that keep a picture's aspect ratio, at least one of each."""
    scale = min(room[0] * cell[0] / size[0], room[1] * cell[1] / size[1], MAX_ENLARGING)
    if most_pixels is not None:
        scale = min(scale, (most_pixels / (size[0] * size[1])) ** 0.5)
    columns, rows = (round(size[i] * scale / cell[i]) for i in (0, 1))
    return min(max(columns, 1), room[0]), min(max(rows, 1), room[1])


def sixel_rows(picture: Image, rows: int) -> tuple[str, ...]:
    """Encode a picture with a palette as sixels, separately for each of `rows` rows of cells."""
    palette, pixels = picture.getpalette() or [], picture.tobytes()
    width, height = picture.width, picture.height // rows
    return tuple(
        _sixels(pixels[row * width * height : (row + 1) * width * height], (width, height), palette)
        for row in range(rows)
    )


def _sixels(pixels: bytes, size: tuple[int, int], palette: list[int]) -> str:
    """Encode palette indices, line by line; see https://vt100.net/docs/vt3xx-gp/chapter14.html."""
    width, height = size
    blank = int.from_bytes(bytes([_BLANK]) * width)
    text = [f'0;0;0q"1;1;{width};{height}']
    for colour in sorted(set(pixels)):
        red, green, blue = (round(part / 2.55) for part in palette[3 * colour : 3 * colour + 3])
        text.append(f"#{colour};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        band = pixels[top * width : (top + 6) * width]
        for colour in sorted(set(band)):
            # All columns at once, each as one byte of a large integer.
            bits = blank
            for line in range(len(band) // width):
                is_it = bytes(colour) + bytes([1 << line]) + bytes(255 - colour)
                bits += int.from_bytes(band[line * width : (line + 1) * width].translate(is_it))
            sixels = bits.to_bytes(width).rstrip(bytes([_BLANK]))
            runs = _SAME.sub(lambda run: b"!%d%c" % (len(run[0]), run[0][0]), sixels)
            text.append(f"#{colour}{runs.decode('ascii')}$")
        text.append("-")
    return "".join(text[:-1])


# The parts of kitty's graphics protocol that pictures in placeholder characters need, also through tmux.
# https://sw.kovidgoyal.net/kitty/graphics-protocol/

PLACEHOLDER: Final = "\U0010eeee"
MAX_NUMBER: Final = 0xFFFFFF
_CHUNK: Final = 4_096
# Combining marks that encode 0, 1, 2 ..., in the protocol's order.
_MARKS: Final = """\
305 30d-30e 310 312 33d-33f 346 34a-34c 350-352 357 35b 363-36f 483-487 592-595 597-599 59c-5a1 5a8-5a9
5ab-5ac 5af 5c4 610-617 657-65b 65d-65e 6d6-6dc 6df-6e2 6e4 6e7-6e8 6eb-6ec 730 732-733 735-736 73a 73d
73f-741 743 745 747 749-74a 7eb-7f1 7f3 816-819 81b-823 825-827 829-82d 951 953-954 f82-f83 f86-f87
135d-135f 17dd 193a 1a17 1a75-1a7c 1b6b 1b6d-1b73 1cd0-1cd2 1cda-1cdb 1ce0 1dc0-1dc1 1dc3-1dc9 1dcb-1dcc
1dd1-1de6 1dfe 20d0-20d1 20d4-20d7 20db-20dc 20e1 20e7 20e9 20f0 2cef-2cf1 2de0-2dff a66f a67c-a67d
a6f0-a6f1 a8e0-a8f1 aab0 aab2-aab3 aab7-aab8 aabe-aabf aac1 fe20-fe26 10a0f 10a38 1d185-1d189
1d1aa-1d1ad 1d242-1d244"""
MARKS: Final = "".join(
    chr(code)
    for first, _, last in (part.partition("-") for part in _MARKS.split())
    for code in range(int(first, 16), int(last or first, 16) + 1)
)
"""One mark for each column or row of a picture."""


def packed(rgb: bytes) -> str:
    """Return RGB pixels, row by row, encoded for sending. Too slow for the event loop."""
    return standard_b64encode(zlib.compress(rgb, 1)).decode("ascii")


def kitty_picture(number: int, data: str, size: tuple[int, int], columns: int, rows: int) -> str:
    """Return the sequences that send a `packed` picture, to be shown in placeholders, and suppress the reply."""
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    what = f"a=T,q=2,f=24,o=z,t=d,s={size[0]},v={size[1]},i={number},U=1,c={columns},r={rows},"
    sent = []
    for n, chunk in enumerate(chunks, 1):
        sent.append(f"\x1b_G{what if n == 1 else 'q=2,'}m={int(n < len(chunks))};{chunk}\x1b\\")
    return "".join(sent)


def kitty_removal(number: int) -> str:
    """Return the sequence that deletes a picture and its placements."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def placeholders(columns: int, row: int) -> str:
    """Return the cells of one row. Each encodes its own position, so that any of them can be covered."""
    mark = MARKS[row]
    return "".join(f"{PLACEHOLDER}{mark}{MARKS[column]}" for column in range(columns))


def through_tmux(text: str) -> str:
    """Wrap sequences for tmux to pass on to the outer terminal, if it is configured to."""
    end = "\x1b\\"
    sequences = [each + end for each in text.split(end) if each]
    return "".join("\x1bPtmux;" + each.replace("\x1b", "\x1b\x1b") + end for each in sequences)


CELL: Final = (10, 20)
"""Width and height of a cell if unknown: twice as high as wide, as in most fonts."""
MIN_CELL: Final = 4
MAX_CELL: Final = 200
_MULTIPLEXERS: Final = ("TMUX", "STY", "ZELLIJ")
_KITTY_TERMS: Final = ("xterm-kitty", "xterm-ghostty")
_SIXEL_TERMS: Final = ("foot", "mlterm", "contour", "yaft", "wezterm")


def find_drawing(
    wanted: str,
    environ: Mapping[str, str],
    says: Answers | None = None,
    *,
    true_colour: bool,
    knows_cells: bool,
) -> Drawing:
    """Return how to draw pictures here; `wanted` is `auto`, or the value of a `Drawing`.

    kitty's placeholders identify their picture by a colour, which must reach the terminal unchanged. Sixels must end
    where their row of cells does, so the cell size must be known.
    """
    if wanted != "auto":
        drawing = Drawing(wanted)
    elif environ.get("NO_COLOR"):
        return Drawing.BLOCKS  # a picture cannot honour it
    elif says is not None and says.is_complete and not _is_inside(environ):
        sixel_or_blocks = Drawing.SIXEL if says.has_sixels else Drawing.BLOCKS
        drawing = Drawing.KITTY if says.has_placeholders else sixel_or_blocks
    else:
        drawing = _by_name({**environ, **tmux_terminal(environ)})
    # tmux passes kitty's sequences on if configured to; other multiplexers do not.
    if drawing is Drawing.KITTY and (not true_colour or environ.get("STY") or environ.get("ZELLIJ")):
        return Drawing.BLOCKS
    return Drawing.BLOCKS if drawing is Drawing.SIXEL and not knows_cells else drawing


def _is_inside(environ: Mapping[str, str]) -> bool:
    """Return whether we run in a multiplexer, whose answers do not describe the outer terminal."""
    return any(environ.get(name) for name in _MULTIPLEXERS) or environ.get("TERM", "").startswith(
        ("tmux", "screen")
    )


def _by_name(environ: Mapping[str, str]) -> Drawing:
    """Return how a terminal that has not answered in time shows pictures, by its name, which ssh passes on."""
    term = environ.get("TERM", "")
    if _is_inside(environ):
        return Drawing.BLOCKS
    if term in _KITTY_TERMS:
        return Drawing.KITTY
    return Drawing.SIXEL if term.startswith(_SIXEL_TERMS) else Drawing.BLOCKS


def tmux_terminal(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of the terminal around tmux, if it is kitty or Ghostty and tmux passes pictures on; else {}.

    Pictures then move with the panes, since placeholders are characters.
    """
    socket, tmux = environ.get("TMUX", "").partition(",")[0], shutil.which("tmux")
    if not socket or tmux is None:
        return {}
    wanted = "#{allow-passthrough} #{client_termname} #{client_termtype}"
    command = (tmux, "-S", socket, "display-message", "-p", "-t", environ.get("TMUX_PANE", ""), wanted)
    try:
        said = subprocess.run(  # noqa: S603 - no untrusted input
            command, stdin=subprocess.DEVNULL, capture_output=True, env={}, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    passes, term, kind = (*said.decode("ascii", "replace").split(), "", "", "")[:3]
    if (version := kitty_version(kind)) and version < KITTY_WITH_PLACEHOLDERS:
        return {}
    if passes in ("", "0", "off") or not (term in _KITTY_TERMS or kind.startswith(("kitty", "ghostty"))):
        return {}
    return dict.fromkeys(_MULTIPLEXERS, "") | {"TERM": _KITTY_TERMS[0]}


def cell_size(descriptor: int) -> tuple[int, int] | None:
    """Return the width and height of a terminal's cells in pixels; None if the system reports no plausible ones."""
    try:
        answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
    except (OSError, ValueError):
        return None
    rows, columns, width, height = struct.unpack("HHHH", answer)
    if not (rows and columns and width and height):
        return None
    cell = (width // columns, height // rows)
    return cell if all(MIN_CELL <= side <= MAX_CELL for side in cell) else None

"""Draws a small PNG for the terminal, as half blocks, for kitty, or as sixels: as this terminal can show it.

What it can show it has been asked once. Where it did not answer, what is known of terminals by their own variables
decides, and in tmux what that knows of the one around it; whoever knows better says so in the config.
"""

from __future__ import annotations

import fcntl
import io
import os
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

    from taskdash.results.decoding import Picture
    from taskdash.ui.terminal_answers import Answers

MAX_ENLARGING: Final = 2.0
"""How many times its own size a small picture may have on the screen."""
MAX_SENT_PIXELS: Final = 500_000
"""How many pixels a terminal is sent, about, at most: more would make a slow line wait."""
_BLANK: Final = 0x3F
"""The sixel of no pixel; a pixel of it adds 1, the one below 2, and so on to the sixth."""
_SAME: Final = re.compile(rb"(.)\1{3,254}", re.DOTALL)


class Drawing(StrEnum):
    """Names the ways in which a terminal shows a picture."""

    BLOCKS = "blocks"
    """As half blocks in two colours each: plain characters."""
    KITTY = "kitty"
    """By the graphics protocol of kitty, in placeholder characters."""
    SIXEL = "sixel"
    """As sixels, a row of cells at a time, over half blocks."""


@dataclass(frozen=True, slots=True)
class Room:
    """Holds the space that a picture is to be shown in."""

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
        # Once for all rows: each with colours of its own would show where they meet.
        sixels = sixel_rows(sized(size).quantize(256, Image.Quantize.FASTOCTREE), rows)
    blocks = sized((columns, rows * 2)).tobytes()
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


def sixel_rows(picture: Image, rows: int) -> tuple[str, ...]:
    """Encode a picture with a palette as sixels, each of `rows` rows of cells for itself."""
    palette, pixels = picture.getpalette() or [], picture.tobytes()
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


# kitty's graphics protocol, as far as a picture in placeholder characters needs it; inside tmux, through that.
# https://sw.kovidgoyal.net/kitty/graphics-protocol/

PLACEHOLDER: Final = "\U0010eeee"
MAX_NUMBER: Final = 0xFFFFFF
_CHUNK: Final = 4_096
# Marks that stand for 0, 1, 2 ...: the order is the protocol's.
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
"""One for each column and row a picture can have."""


def packed(rgb: bytes) -> str:
    """Return red, green and blue, row by row, as they are sent; this takes a while."""
    return standard_b64encode(zlib.compress(rgb, 1)).decode("ascii")


def kitty_picture(number: int, data: str, size: tuple[int, int], columns: int, rows: int) -> str:
    """Return what gives the terminal a picture that was `packed`, to be shown in placeholders; it answers nothing."""
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    what = f"a=T,q=2,f=24,o=z,t=d,s={size[0]},v={size[1]},i={number},U=1,c={columns},r={rows},"
    sent = []
    for n, chunk in enumerate(chunks, 1):
        sent.append(f"\x1b_G{what if n == 1 else 'q=2,'}m={int(n < len(chunks))};{chunk}\x1b\\")
    return "".join(sent)


def kitty_removal(number: int) -> str:
    """Return what has the terminal forget a picture and whatever shows it."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def placeholders(columns: int, row: int) -> str:
    """Return the cells of one row; each names its place itself, so that any part of them can be covered."""
    mark = MARKS[row]
    return "".join(f"{PLACEHOLDER}{mark}{MARKS[column]}" for column in range(columns))


def through_tmux(text: str) -> str:
    """Return sequences as tmux hands them on to the terminal that it is shown in, where it is told to."""
    end = "\x1b\\"
    sequences = [each + end for each in text.split(end) if each]
    return "".join("\x1bPtmux;" + each.replace("\x1b", "\x1b\x1b") + end for each in sequences)


CELL: Final = (10, 20)
"""Width and height of a cell where nobody says: twice as high as wide, as in most fonts."""
MIN_CELL: Final = 4
MAX_CELL: Final = 200
_MULTIPLEXERS: Final = ("TMUX", "STY", "ZELLIJ")
_KITTY_TERMS: Final = ("xterm-kitty", "xterm-ghostty")
_SIXEL_TERMS: Final = ("foot", "mlterm", "contour", "yaft", "wezterm")
_SIXEL_PROGRAMS: Final = ("WezTerm", "iTerm.app", "mintty", "contour")
_KONSOLE_WITH_SIXELS: Final = 220_400


def find_drawing(
    wanted: str,
    environ: Mapping[str, str],
    says: Answers | None = None,
    *,
    true_colour: bool,
    knows_cells: bool,
) -> Drawing:
    """Return how pictures are drawn here; `wanted` is `auto`, or the value of a `Drawing`.

    Kitty's placeholders name their picture by a colour, which has to reach the terminal as it is. Sixels must end where
    their row of cells does, so the size of a cell has to be known.
    """
    if wanted != "auto":
        drawing = Drawing(wanted)
    elif says is not None and says.is_complete and not _is_inside(environ):
        drawing = _by_answers(says, environ)
    else:
        # Those that know more are asked: kitty, and tmux.
        is_old, environ = is_old_kitty(environ), {**environ, **tmux_terminal(environ)}
        drawing = Drawing.BLOCKS if is_old else _by_environment(environ)
    # tmux hands kitty's sequences on where it is told to; other multiplexers do not.
    if drawing is Drawing.KITTY and (not true_colour or environ.get("STY") or environ.get("ZELLIJ")):
        return Drawing.BLOCKS
    return Drawing.BLOCKS if drawing is Drawing.SIXEL and not knows_cells else drawing


def _is_inside(environ: Mapping[str, str]) -> bool:
    """Return whether a multiplexer is around us, which answers for a terminal that it does not show as it is."""
    return any(environ.get(name) for name in _MULTIPLEXERS) or environ.get("TERM", "").startswith(
        ("tmux", "screen")
    )


def _by_answers(says: Answers, environ: Mapping[str, str]) -> Drawing:
    if environ.get("NO_COLOR"):
        return Drawing.BLOCKS
    if says.has_placeholders:
        return Drawing.KITTY
    return Drawing.SIXEL if says.has_sixels else Drawing.BLOCKS


def _by_environment(environ: Mapping[str, str]) -> Drawing:
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    konsole = environ.get("KONSOLE_VERSION", "")
    # NO_COLOR: the blocks follow it, a picture cannot.
    if _is_inside(environ) or environ.get("NO_COLOR"):
        return Drawing.BLOCKS
    if term in _KITTY_TERMS or program == "ghostty":
        return Drawing.KITTY
    if term.startswith(_SIXEL_TERMS) or program in _SIXEL_PROGRAMS:
        return Drawing.SIXEL
    if konsole.isdecimal() and int(konsole) >= _KONSOLE_WITH_SIXELS:
        return Drawing.SIXEL
    return Drawing.BLOCKS


def is_old_kitty(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal is a kitty that shows placeholders as boxes; its own program is asked.

    Over ssh it is on another machine: then it is taken for one of today's.
    """
    if environ.get("TERM") != "xterm-kitty" or not environ.get("KITTY_WINDOW_ID"):
        return False
    # The one that runs may be older than the one that is found first, or not be found at all.
    running = os.path.realpath(f"/proc/{environ.get('KITTY_PID') or 'self'}/exe")
    program = running if os.path.basename(running) == "kitty" else shutil.which("kitty")  # noqa: PTH119 - a text
    if program is None:
        return False
    version = re.search(rb"(\d+)\.(\d+)", _answer_of(program, "--version"))
    return version is not None and (int(version[1]), int(version[2])) < KITTY_WITH_PLACEHOLDERS


def tmux_terminal(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what variables say in the terminal around tmux, where it is one of kitty's kind and pictures get through.

    There they move with the panes: what stands in these are characters. Elsewhere it is nothing.
    """
    socket, tmux = environ.get("TMUX", "").partition(",")[0], shutil.which("tmux")
    if not socket or tmux is None:
        return {}
    wanted = "#{allow-passthrough} #{client_termname} #{client_termtype}"
    said = _answer_of(tmux, "-S", socket, "display-message", "-p", "-t", environ.get("TMUX_PANE", ""), wanted)
    passes, term, kind = (*said.decode("ascii", "replace").split(), "", "", "")[:3]
    if (version := kitty_version(kind)) and version < KITTY_WITH_PLACEHOLDERS:
        return {}
    if passes in ("", "0", "off") or not (term in _KITTY_TERMS or kind.startswith(("kitty", "ghostty"))):
        return {}
    return dict.fromkeys(_MULTIPLEXERS, "") | {"TERM": _KITTY_TERMS[0]}


def _answer_of(*command: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603 - nothing of it comes from outside
            command, stdin=subprocess.DEVNULL, capture_output=True, env={}, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return b""
    return done.stdout


def cell_size(descriptor: int) -> tuple[int, int] | None:
    """Return width and height of a terminal's cells in pixels, as the system knows them; None where it does not."""
    try:
        answer = fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8))
    except (OSError, ValueError):
        return None
    rows, columns, width, height = struct.unpack("HHHH", answer)
    if not (rows and columns and width and height):
        return None
    cell = (width // columns, height // rows)
    return cell if all(MIN_CELL <= side <= MAX_CELL for side in cell) else None

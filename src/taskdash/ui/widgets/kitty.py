"""kitty's graphics protocol, as far as a picture in placeholder characters needs it; inside tmux, through that.

https://sw.kovidgoyal.net/kitty/graphics-protocol/
"""

from __future__ import annotations

import os
import secrets
import zlib
from base64 import standard_b64encode
from typing import TYPE_CHECKING, Final

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskdash.ui.widgets.picture import Ready

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


def send(number: int, data: str, size: tuple[int, int], columns: int, rows: int) -> str:
    """Return what gives the terminal a picture that was `packed`, to be shown in placeholders; it answers nothing."""
    chunks = [data[start : start + _CHUNK] for start in range(0, len(data), _CHUNK)]
    what = f"a=T,q=2,f=24,o=z,t=d,s={size[0]},v={size[1]},i={number},U=1,c={columns},r={rows},"
    sent = []
    for n, chunk in enumerate(chunks, 1):
        sent.append(f"\x1b_G{what if n == 1 else 'q=2,'}m={int(n < len(chunks))};{chunk}\x1b\\")
    return "".join(sent)


def remove(number: int) -> str:
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


class SentPicture:
    """A picture that the terminal was given, in characters that stand for its parts."""

    def __init__(self, ready: Ready, write: Callable[[str], None]) -> None:
        # A number of its own for each picture: cells that are not yet written anew must not show the next one.
        self._number = secrets.randbelow(MAX_NUMBER) + 1
        self._write = write
        drawn = ready.drawn
        self._tell(send(self._number, ready.packed, drawn.size, drawn.columns, drawn.rows))
        style = Style(color=Color.from_rgb(*self._number.to_bytes(3, "big")))
        self.lines = [
            Strip([Segment(placeholders(drawn.columns, row), style)], drawn.columns)
            for row in range(drawn.rows)
        ]

    def forget(self) -> None:
        self._tell(remove(self._number))

    def _tell(self, text: str) -> None:
        self._write(through_tmux(text) if os.environ.get("TMUX") else text)

"""A terminal as pyte has it, several times as fast in what a program of a whole screen sends most.

That is text of characters a cell wide, colours, and places for the cursor; all else is left to pyte.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pyte
from pyte import charsets, modes
from pyte.screens import Char, wcwidth

_USUAL = re.compile(r"\x1b\[(?:([\d;]*)m|(\d+);(\d+)H)")


class _Cells(dict[str, "Char"]):
    """The cell of each character that takes one, in one look."""

    def __init__(self, look: Char) -> None:
        super().__init__()
        self._look = look

    def __missing__(self, char: str) -> Char:
        if wcwidth(char) != 1:
            raise KeyError(char)
        self[char] = cell = self._look._replace(data=char)
        return cell


_cells = cache(_Cells)


class QuickScreen(pyte.Screen):
    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self._looks: dict[tuple[Char, str], Char] = {}

    def draw(self, data: str) -> None:
        begin, end = self.cursor.x, self.cursor.x + len(data)
        is_usual = modes.IRM not in self.mode and not self.charset and self.g0_charset is charsets.LAT1_MAP
        try:
            cells = [*map(_cells(self.cursor.attrs).__getitem__, data)] if is_usual else []
        except KeyError:
            cells = []
        if not cells or end > self.columns:
            super().draw(data)
            return
        self.buffer[self.cursor.y].update(zip(range(begin, end), cells, strict=True))
        self.cursor.x = end
        self.dirty.add(self.cursor.y)

    def look_as(self, parameters: str) -> None:
        """Set colours and the like, by the parameters of their sequence."""
        before = self.cursor.attrs
        if (before, parameters) not in self._looks:
            self.select_graphic_rendition(*(int(each or 0) for each in parameters.split(";")))
            self._looks[before, parameters] = self.cursor.attrs
        self.cursor.attrs = self._looks[before, parameters]


class QuickStream(pyte.ByteStream):
    """What takes in the bytes that such a terminal is sent."""

    def __init__(self, screen: QuickScreen) -> None:
        super().__init__(screen)
        self._screen = screen

    def feed(self, data: bytes) -> None:  # type: ignore[override] # as pyte's own
        text: str = self.utf8_decoder.decode(data)
        feed: Any = super(pyte.ByteStream, self).feed
        at = 0
        for found in _USUAL.finditer(text):
            if at < found.start():
                feed(text[at : found.start()])
            at = found.end()
            look, line, column = found.groups()
            if not self._taking_plain_text:  # it is part of another sequence, such as a title
                feed(found[0])
            elif line:
                self._screen.cursor_position(int(line), int(column))
            else:
                self._screen.look_as(look)
        feed(text[at:])

"""The terminal of the tests shows what pyte's own shows, whatever it is sent."""

from __future__ import annotations

import pyte
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.quick_terminal import QuickScreen, QuickStream

PARTS = st.sampled_from([
    "fox", "│ 灯台 é", "e\u0301", "👨\u200d👩", "\r\n", "\b", "\t", "\x1b[m", "\x1b[1;38;2;1;2;3m", "\x1b[0;7;48;5;9m",
    "\x1b[;31m", "\x1b[3;17H", "\x1b[2;1H", "\x1b[9;90H", "\x1b[0;0H", "\x1b[H", "\x1b[K", "\x1b[2J", "\x1b[?7l",
    "\x1b[?7h", "\x1b[4h", "\x1b[4l", "\x1b[2;3r", "\x1b[?6h", "\x1b]2;a \x1b[31m title\x07", "\x1b[3", "1m", "\x1b(0",
    "\x1b(B", "\x1b[2L", "\x1b[5P",
])  # fmt: skip


@given(st.lists(st.lists(PARTS, max_size=12).map("".join), max_size=4))
@settings(max_examples=60)
def test_it_has_the_same_cells_cursor_and_title(pieces: list[str]) -> None:
    theirs, ours = pyte.Screen(20, 4), QuickScreen(20, 4)
    stream, quick = pyte.ByteStream(theirs), QuickStream(ours)
    for piece in pieces:
        stream.feed(piece.encode())
        quick.feed(piece.encode())
        assert ours.buffer == theirs.buffer
        for name in ("x", "y", "attrs"):
            assert getattr(ours.cursor, name) == getattr(theirs.cursor, name)
    assert ours.title == theirs.title

"""A picture on its way to the terminal: how large it gets, and what stands in each cell."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from PIL import Image
from rich.style import Style
from tests.pictures import encoded, halves, plain

from taskdash.results.previews import Picture
from taskdash.ui.widgets.drawing import MAX_SENT_PIXELS, Drawing, Drawn, Room, draw, fit, sixel_rows
from taskdash.ui.widgets.picture import shades

ROOM = Room(40, 20)
RED, BLUE = b"\xff\0\0", b"\0\0\xff"


def drawn(png: bytes, room: Room = ROOM) -> Drawn:
    width, height = Image.open(io.BytesIO(png)).size
    return draw(Picture(png, "PNG", width, height), room)


def test_half_blocks_show_what_is_above_and_below() -> None:
    got = drawn(halves())
    assert (got.format, got.width, got.height, got.columns, got.rows) == ("PNG", 80, 80, 16, 8)
    assert len(got.blocks) == 16 * 8 * 2 * 3
    assert (got.blocks[:3], got.blocks[-3:]) == (RED, BLUE)


def test_in_shades_a_cell_is_the_fuller_the_brighter_both_of_its_halves_are() -> None:
    cells = bytes([0, 0, 0, 255, 255, 255, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0])
    (line,) = shades(Drawn("PNG", 3, 2, 3, 1, cells))
    assert line.text == " █▒"
    assert {segment.style for segment in line} == {Style.null()}


@pytest.mark.parametrize(
    ("width", "height", "cell", "columns", "rows"),
    [
        (1000, 1000, (10, 20), 40, 20),
        (1000, 500, (10, 20), 40, 10),
        (500, 1000, (10, 20), 20, 20),
        (1000, 1000, (10, 10), 20, 20),
        (1000, 10, (10, 20), 40, 1),
        (1, 1, (10, 20), 1, 1),
    ],
)
def test_its_proportions_stay_whatever_the_shape_of_a_cell(
    width: int, height: int, cell: tuple[int, int], columns: int, rows: int
) -> None:
    assert fit((width, height), (40, 20), cell) == (columns, rows)


def test_a_small_png_of_a_large_picture_fills_the_same_room() -> None:
    got = draw(Picture(plain(768, 384), "JPEG", 4000, 2000), Room(200, 100))
    assert (got.columns, got.rows, got.width) == (200, 50, 4000)


def test_what_is_transparent_shows_the_background() -> None:
    clear = encoded(Image.new("RGBA", (50, 50), (255, 0, 0, 0)))
    got = drawn(clear, replace(ROOM, background=(1, 2, 3)))
    assert {got.blocks[i : i + 3] for i in range(0, len(got.blocks), 3)} == {b"\x01\x02\x03"}


def test_kitty_gets_pixels_and_no_more_than_a_slow_line_bears() -> None:
    got = drawn(plain(2000, 2000), Room(100, 50, drawing=Drawing.KITTY))
    assert len(got.pixels) == got.size[0] * got.size[1] * 3
    assert 0 < got.size[0] * got.size[1] <= MAX_SENT_PIXELS
    assert (got.columns, got.rows) == (100, 50)


# Sixels


def decoded(sixels: str) -> Image.Image:
    """What a terminal makes of sixels."""
    head = re.match(r'0;0;0q"1;1;(\d+);(\d+)', sixels)
    assert head is not None
    picture = Image.new("RGB", (int(head[1]), int(head[2])), "magenta")
    colours: dict[int, tuple[int, ...]] = {}
    colour, x, top = 0, 0, 0
    token = re.compile(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)(.)|(\$)|(-)|([?-~])")
    at = head.end()
    while at < len(sixels):
        found = token.match(sixels, at)
        assert found is not None, sixels[at : at + 10]
        at = found.end()
        if found[1]:
            colours[int(found[1])] = tuple(round(int(part) * 2.55) for part in found.groups()[1:4])
        elif found[5]:
            colour = int(found[5])
        elif found[8]:
            x = 0
        elif found[9]:
            x, top = 0, top + 6
        else:
            bits, count = ord(found[7] or found[10]) - 63, int(found[6] or 1)
            for step in range(count):
                for line in range(6):
                    if bits >> line & 1:
                        picture.putpixel((x + step, top + line), colours[colour])
            x += count
    return picture


def test_sixels_are_the_picture_a_row_of_cells_at_a_time() -> None:
    size = (30, 40)
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    picture.paste("red", (5, 3, 25, 31))
    rows = sixel_rows(picture.quantize(256), 2)
    assert all(row.isprintable() for row in rows)
    again = Image.new("RGB", size)
    for n, row in enumerate(rows):
        assert decoded(row).size == (30, 20)
        again.paste(decoded(row), (0, 20 * n))
    for x in range(0, 30, 3):
        for y in range(40):
            ours, theirs = picture.getpixel((x, y)), again.getpixel((x, y))
            assert isinstance(ours, tuple)
            assert isinstance(theirs, tuple)
            assert max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) < 40, (x, y)


def test_sixels_fill_their_cells_exactly() -> None:
    got = drawn(halves(400, 400), replace(ROOM, drawing=Drawing.SIXEL))
    assert got.size == (got.columns * 10, got.rows * 20)
    assert len(got.sixels) == got.rows
    assert {decoded(row).size for row in got.sixels} == {(got.size[0], 20)}
    assert decoded(got.sixels[0]).getpixel((0, 0)) == (255, 0, 0)
    assert decoded(got.sixels[-1]).getpixel((0, 19)) == (0, 0, 255)

from __future__ import annotations

import contextlib
import http.client
import struct
import threading
import zlib
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from taskdash.demo.canvas import Canvas, Gradient, colour
from taskdash.demo.clips import FPS, FRAMES, HEIGHT, WIDTH
from taskdash.demo.h264 import Coder, Frame
from taskdash.demo.pictures import SCENES, Gallery, Picture
from taskdash.demo.png import encode_png
from taskdash.demo.server import DemoApi

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = 96


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311  # test data, no secret


def decoded(png: bytes) -> tuple[int, int, list[bytes]]:
    """Decode a truecolour PNG by the standard, and check each chunk on the way."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: dict[bytes, bytes] = {}
    place = 8
    while place < len(png):
        length, name = struct.unpack_from(">I4s", png, place)
        data = png[place + 8 : place + 8 + length]
        (crc,) = struct.unpack_from(">I", png, place + 8 + length)
        assert crc == zlib.crc32(name + data)
        chunks[name] = data
        place += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert rest == [8, 2, 0, 0, 0]
    pixels = zlib.decompress(chunks[b"IDAT"])
    stride = 3 * width
    assert len(pixels) == height * (stride + 1)
    rows = [bytearray(stride)]
    for number in range(height):
        mark, *line = pixels[number * (stride + 1) : (number + 1) * (stride + 1)]
        row = bytearray(line)
        for index in range(stride):
            left = row[index - 3] if index >= 3 else 0
            row[index] = (row[index] + {0: 0, 1: left, 2: rows[-1][index]}[mark]) & 255
        rows.append(row)
    return width, height, [bytes(row) for row in rows[1:]]


class BitReader:
    def __init__(self, data: bytes) -> None:
        self.bits = "".join(f"{byte:08b}" for byte in data)
        self.place = 0

    def fixed(self, width: int) -> int:
        self.place += width
        return int(self.bits[self.place - width : self.place], 2)

    def unsigned(self) -> int:
        zeros = self.bits.index("1", self.place) - self.place
        self.place += zeros
        return self.fixed(zeros + 1) - 1

    def more(self) -> bool:
        return self.bits.rindex("1") > self.place


def decoded_blocks(unit: bytes, before: list[bytes], count: int) -> list[bytes]:
    """Decode a slice of plain and skipped blocks, as H.264 clause 7.3 writes it."""
    key = unit[0] == 0x65
    reader = BitReader(unit[1:].replace(b"\0\0\3", b"\0\0"))
    assert [reader.unsigned(), reader.unsigned(), reader.unsigned()] == [0, 7 if key else 5, 0]
    reader.fixed(8)
    if key:
        assert (reader.unsigned(), reader.fixed(2)) == (0, 0)
    else:
        assert reader.fixed(3) == 0
    assert (reader.unsigned(), reader.unsigned()) == (0, 1)
    blocks: list[bytes] = []
    while len(blocks) < count:
        if not key:
            skipped = reader.unsigned()
            blocks += before[len(blocks) : len(blocks) + skipped]
            if not reader.more():
                break
        assert reader.unsigned() == (25 if key else 30)
        reader.place += -reader.place % 8
        blocks.append(bytes(reader.fixed(8) for _ in range(384)))
    assert not reader.more()
    return blocks


def boxes(data: bytes, start: int = 0) -> Iterator[tuple[bytes, int, bytes]]:
    """The boxes of an MP4: name, place of the body in the data, body."""
    while start < len(data):
        size, name = struct.unpack_from(">I4s", data, start)
        assert 8 <= size <= len(data) - start
        yield name, start + 8, data[start + 8 : start + size]
        start += size


def inner(data: bytes, *path: bytes) -> bytes:
    for name in path:
        data = next(body for found, _, body in boxes(data) if found == name)
    return data


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 2)])
def test_a_png_holds_the_pixels_it_was_given(size: tuple[int, int]) -> None:
    width, height = size
    for pixels in (seeded(3).randbytes(width * height * 3), bytes(width * height * 3)):
        found = decoded(encode_png(width, height, pixels))
        assert found == (width, height, [pixels[y * width * 3 : (y + 1) * width * 3] for y in range(height)])


def test_a_png_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="2 x 2"):
        encode_png(2, 2, bytes(11))


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_every_scene_is_a_valid_picture_full_of_colours_and_the_same_each_time(scene: str) -> None:
    picture = Picture(scene, 1, 7, SMALL, SMALL)
    png = picture.encode()
    width, height, rows = decoded(png)
    assert (width, height) == (SMALL, SMALL)
    assert len({row[x : x + 3] for row in rows[::4] for x in range(0, 3 * SMALL, 12)}) >= 5
    assert picture.encode() == png
    assert Picture(scene, 0, 8, SMALL, SMALL).encode() != png


@pytest.mark.parametrize("scene", sorted(SCENES))
def test_a_scene_can_be_drawn_in_any_palette_and_shape(scene: str) -> None:
    draw, palettes = SCENES[scene]
    for number, palette in enumerate(palettes):
        canvas = Canvas(*((129, 32), (32, 129), (64, 64))[number % 3])
        draw(canvas, seeded(number), tuple(colour(text) for text in palette.split()), 0.4)
        assert len(canvas.rgb()) == canvas.width * canvas.height * 3


def test_a_gradient_shows_no_bands() -> None:
    canvas = Canvas(64, 64)
    ink = Gradient(0, canvas.h, ((100, 100, 100), (104, 104, 104)))
    canvas.backdrop(ink)
    pixels = canvas.rgb()
    means = [sum(pixels[start : start + 192]) / 192 for start in range(0, len(pixels), 192)]
    # Without dither a row could only be a whole number, up to half a step off.
    assert all(abs(mean - ink.at(2 * y)[0]) < 0.35 for y, mean in enumerate(means))
    assert len(set(means)) > 12


def test_an_opaque_edge_is_smoothed() -> None:
    canvas = Canvas(4, 1)
    canvas.paint([(0, 0, 3), (1, 0, 3)], (200, 200, 200))
    assert canvas.rgb()[::3] == bytes((200, 100, 0, 0))


def test_what_lies_outside_the_canvas_is_not_painted() -> None:
    canvas = Canvas(2, 2)
    canvas.paint([(-1, 0, 4), (99, 0, 4), (0, -50, 0), (0, 5, 3)], (255, 255, 255))
    assert canvas.rgb() == bytes(12)


def test_video_blocks_come_back_as_they_were_and_unchanged_ones_are_skipped() -> None:
    rng = seeded(4)
    coder = Coder(32, 32)

    def frame(luma: bytes) -> Frame:
        return Frame(luma, bytes([128]) * 256, bytes([90]) * 256)

    # Zeros are what needs emulation prevention.
    first = bytes(rng.choice((0, 0, 0, 1, 3, 77)) for _ in range(1024))
    changed = first[:-1] + b"\xff"
    units = [coder.encode(frame(luma)) for luma in (first, changed, changed)]
    shown: list[bytes] = []
    for unit, luma in zip(units, (first, changed, changed), strict=True):
        assert not any(bytes((0, 0, low)) in unit for low in range(3))
        shown = decoded_blocks(unit, shown, 4)
        for number, block in enumerate(shown):
            top, left = number // 2 * 16, number % 2 * 16
            lines = [luma[(top + y) * 32 + left : (top + y) * 32 + left + 16] for y in range(16)]
            assert block == b"".join(lines) + bytes([128]) * 64 + bytes([90]) * 64
    assert len(units[1]) < len(units[0]) / 2
    assert len(units[2]) < 12


def test_a_video_size_that_is_not_made_of_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="30 x 16"):
        Coder(30, 16)


def test_a_clip_is_an_mp4_whose_index_fits_its_pictures() -> None:
    data = Picture("silk", 2, 3, moving=True).encode()
    assert [name for name, _, _ in boxes(data)] == [b"ftyp", b"moov", b"mdat"]
    table = inner(data, b"moov", b"trak", b"mdia", b"minf", b"stbl")
    sizes = struct.unpack(f">II{FRAMES}I", inner(table, b"stsz")[4:])
    assert sizes[:2] == (0, FRAMES)
    (offset,) = struct.unpack(">I", inner(table, b"stco")[8:])
    place, media = next((place, body) for name, place, body in boxes(data) if name == b"mdat")
    assert offset == place
    assert sum(sizes[2:]) == len(media)
    for number, size in enumerate(sizes[2:]):
        length, head = struct.unpack_from(">IB", data, offset)
        assert length == size - 4
        assert head == (0x41 if number else 0x65)
        offset += size
    entry = inner(table, b"stsd")[8:]
    assert struct.unpack_from(">HH", entry, 8 + 24) == (WIDTH, HEIGHT)
    (timescale, duration) = struct.unpack_from(">II", inner(data, b"moov", b"mvhd"), 12)
    assert duration / timescale == FRAMES / FPS


class CountingPicture(Picture):
    drawn = 0

    def encode(self) -> bytes:
        type(self).drawn += 1
        return bytes(100)


def test_the_gallery_draws_once_and_keeps_what_was_used_last() -> None:
    gallery = Gallery(max_bytes=250)
    first, second, third = (CountingPicture("city", seed=seed) for seed in range(3))
    threads = [threading.Thread(target=gallery.file, args=(first,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert CountingPicture.drawn == 1
    gallery.file(second)
    gallery.file(first)
    gallery.file(third)
    assert CountingPicture.drawn == 3
    gallery.file(first)
    assert CountingPicture.drawn == 3
    gallery.file(second)
    assert CountingPicture.drawn == 4


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[DemoApi, bytes]]:
    """A server, and the whole file behind `PATH`."""
    with DemoApi(clock=lambda: 1_777_474_689.0) as api:
        yield api, get(api)[2]


PATH = "/uploads/palette-reference.png"


def get(
    api: DemoApi, method: str = "GET", path: str = PATH, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    with contextlib.closing(
        http.client.HTTPConnection(urlsplit(api.base_url).netloc, timeout=10)
    ) as connection:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=fields)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def test_a_picture_is_served_whole_without_a_key(served: tuple[DemoApi, bytes]) -> None:
    api, whole = served
    status, headers, body = get(api)
    assert status == 200
    assert headers["Content-Type"] == "image/png"
    assert headers["Content-Length"] == str(len(body))
    assert headers["Accept-Ranges"] == "bytes"
    assert decoded(body)[:2] == (768, 768)
    assert body == whole


def test_head_tells_the_length_and_sends_nothing(served: tuple[DemoApi, bytes]) -> None:
    api, whole = served
    status, headers, body = get(api, "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(whole)), b"")


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=100-", 100, None), ("bytes=-7", -7, None), ("bytes=5-99999999", 5, None)],
)
def test_a_part_is_served_as_asked_for(
    served: tuple[DemoApi, bytes], asked: str, start: int, stop: int | None
) -> None:
    api, whole = served
    status, headers, body = get(api, Range=asked)
    assert status == 206
    assert body == whole[start:stop]
    first = start % len(whole)
    assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(whole)}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "items=0-1", "bytes=9-3", "bytes=-", "bytes=a-b", "bytes"]
)
def test_a_range_that_makes_no_sense_is_answered_with_the_whole(
    served: tuple[DemoApi, bytes], asked: str
) -> None:
    api, whole = served
    assert get(api, Range=asked)[::2] == (200, whole)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_part_beyond_the_end_is_416_with_the_length(served: tuple[DemoApi, bytes], asked: str) -> None:
    api, whole = served
    status, headers, _ = get(api, Range=asked)
    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(whole)}")


def test_a_download_goes_on_only_if_the_file_is_still_the_same(served: tuple[DemoApi, bytes]) -> None:
    api, whole = served
    _, headers, _ = get(api, "HEAD")
    assert get(api, Range="bytes=10-", If_Range=headers["ETag"])[::2] == (206, whole[10:])
    assert get(api, Range="bytes=10-", If_Range=headers["Last-Modified"])[0] == 206
    assert get(api, Range="bytes=10-", If_Range='"other"')[::2] == (200, whole)


def test_a_file_that_is_known_is_not_sent_again(served: tuple[DemoApi, bytes]) -> None:
    api, _ = served
    _, headers, _ = get(api, "HEAD")
    for known in (headers["ETag"], f'"x", W/{headers["ETag"]}', "*"):
        assert get(api, If_None_Match=known)[::2] == (304, b"")
    assert get(api, If_None_Match='"x"')[0] == 200
    assert get(api, If_Modified_Since=headers["Last-Modified"])[::2] == (304, b"")
    assert get(api, If_Modified_Since="Thu, 32 Foo 1969")[0] == 200


@pytest.mark.parametrize(
    "path", ["/results/", "/results/x-1.png", "/uploads/../server.py", "/uploads/%2e%2e/x", "/uploads/"]
)
def test_other_files_are_404(served: tuple[DemoApi, bytes], path: str) -> None:
    status, _, body = get(served[0], path=path)
    assert status == 404
    assert b'"code":404' in body


def test_a_result_is_there_once_its_task_has_succeeded() -> None:
    now_s = 1_777_474_689.0
    with DemoApi(clock=lambda: now_s) as api:
        # The first one on the list has been created last, and ends after half a minute.
        path = f"/results/{api.task_ids[0]}-1.png"
        assert get(api, path=path)[0] == 404
        now_s += 60
        status, headers, body = get(api, "HEAD", path)
        assert (status, headers["Content-Type"], body) == (200, "image/png", b"")
        assert get(api, "HEAD", path.replace("-1.png", "-2.png"))[0] == 404
        assert get(api, "HEAD", path.replace("-1.png", "-1.mp4"))[0] == 404

"""Pictures that want to harm: each ends as a picture of the size that was asked for, or as a line that says why not."""

from __future__ import annotations

import asyncio
import io
import os
import random
import resource
import sys
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.pictures import bomb, encoded, halves, plain

from taskdash.results import preview_worker
from taskdash.results.decoding import Decoder, DecodingError, _read
from taskdash.results.drawing import Drawing, Drawn, Room

if TYPE_CHECKING:
    from pathlib import Path

ROOM = Room(40, 20)
RED, BLUE = b"\xff\0\0", b"\0\0\xff"


async def decode(data: bytes, room: Room = ROOM, decoder: Decoder | None = None) -> Drawn:
    return (await decode_both(data, room, decoder, thumbnail=False))[0]


async def decode_both(
    data: bytes, room: Room = ROOM, decoder: Decoder | None = None, *, thumbnail: bool = True
) -> tuple[Drawn, bytes]:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return await (decoder or Decoder()).decode(file, room, thumbnail=thumbnail)


async def refusal(data: bytes, decoder: Decoder | None = None) -> str:
    with pytest.raises(DecodingError) as caught:
        await decode(data, decoder=decoder)
    return str(caught.value)


def script(code: str, deadline_s: float = 20.0) -> Decoder:
    """A decoder that does something else."""
    return Decoder((sys.executable, "-I", "-S", "-c", code), deadline_s)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
async def test_each_format_is_shown(kind: str) -> None:
    drawn = await decode(plain(100, 100, "red", kind))
    assert (drawn.format.upper(), drawn.width, drawn.height) == (kind, 100, 100)
    assert (drawn.columns, drawn.rows, len(drawn.blocks)) == (20, 10, 20 * 10 * 2 * 3)


async def test_half_blocks_show_what_is_above_and_below() -> None:
    drawn = await decode(halves())
    assert drawn.blocks[:3] == RED
    assert drawn.blocks[-3:] == BLUE


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
    fit = preview_worker._fit((width, height), (40, 20), cell, preview_worker.MAX_PIXELS)
    assert fit == (columns, rows)


async def test_what_is_transparent_shows_the_background() -> None:
    clear = encoded(Image.new("RGBA", (50, 50), (255, 0, 0, 0)))
    drawn = await decode(clear, replace(ROOM, background=(1, 2, 3)))
    assert {drawn.blocks[i : i + 3] for i in range(0, len(drawn.blocks), 3)} == {b"\x01\x02\x03"}


async def test_a_photo_that_lies_on_its_side_is_turned() -> None:
    picture = Image.new("RGB", (80, 40), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn = await decode(encoded(picture, "JPEG", exif=exif))
    assert (drawn.width, drawn.height) == (40, 80)
    assert drawn.columns <= drawn.rows


async def test_16_bits_of_grey_are_not_all_white() -> None:
    drawn = await decode(encoded(Image.new("I;16", (20, 20), 0x8000)))
    assert set(drawn.blocks) == {0x80}


async def test_only_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    drawn = await decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert drawn.blocks[:3] == RED


async def test_kitty_gets_pixels_and_no_more_than_a_slow_line_bears() -> None:
    room = Room(100, 50, drawing=Drawing.KITTY)
    drawn = await decode(plain(2000, 2000), room)
    assert len(drawn.pixels) == drawn.size[0] * drawn.size[1] * 3
    assert 0 < drawn.size[0] * drawn.size[1] <= preview_worker.MAX_SENT_PIXELS
    assert (drawn.columns, drawn.rows) == (100, 50)


async def test_sixels_fill_their_cells_exactly() -> None:
    drawn = await decode(halves(400, 400), replace(ROOM, drawing=Drawing.SIXEL))
    assert drawn.size == (drawn.columns * 10, drawn.rows * 20)
    assert len(drawn.sixels) == drawn.rows
    for line in drawn.sixels:
        assert line.startswith(f'0;0;0q"1;1;{drawn.size[0]};20#')
        assert line.isprintable()
    assert ";2;100;0;0" in drawn.sixels[0], "red, in percent"
    assert ";2;0;0;100" in drawn.sixels[-1]


async def test_the_small_copy_shows_the_same_again() -> None:
    drawn, copy = await decode_both(halves(3000, 3000))
    again = await decode(copy)
    assert all(abs(a - b) < 8 for a, b in zip(again.blocks[:3], drawn.blocks[:3], strict=True))
    assert Image.open(io.BytesIO(copy)).size == (1024, 1024)
    assert (again.columns, again.rows) == (drawn.columns, drawn.rows)


# What is no picture

TINY = plain(20, 20)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (bomb(), "13000 x 13000 pixels, more than 25 million"),
        (b"", "no PNG, JPEG, WebP or GIF"),
        (b"<!doctype html><title>expired</title>", "no PNG, JPEG, WebP or GIF"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>', "no PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n(x) run\n", "no PNG"),
        (encoded(Image.new("RGB", (20, 20)), "TIFF"), "no PNG"),
        (encoded(Image.new("RGB", (20, 20)), "BMP"), "no PNG"),
        (encoded(Image.effect_noise((300, 300), 90))[:20_000], "damaged or cut short"),
        (encoded(Image.effect_noise((300, 300), 90), "JPEG")[:5_000], "damaged or cut short"),
        (TINY[:30], "damaged"),
        (TINY[:41] + bytes(20) + TINY[61:], "damaged"),
    ],
)
async def test_what_is_no_whole_picture_is_refused_with_a_reason(data: bytes, why: str) -> None:
    assert why in await refusal(data)


async def test_a_bomb_is_small_and_costs_nothing() -> None:
    assert len(bomb()) < 25_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    await refusal(bomb())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


async def test_mangled_pictures_never_bring_more_than_a_reason() -> None:
    rng = random.Random(7)  # noqa: S311 - it has to give the same each time
    whole = [
        halves(60, 60),
        plain(60, 60, "red", "WEBP"),
        plain(60, 60, "red", "GIF"),
        plain(60, 60, "red", "JPEG"),
    ]
    for n in range(4):
        data = bytearray(whole[n])
        for _ in range(5):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            drawn = await decode(bytes(data))
        except DecodingError:
            continue
        assert len(drawn.blocks) == drawn.columns * drawn.rows * 6


# What a decoder may do that a picture has taken over


async def test_a_decoder_that_hangs_is_ended() -> None:
    begun_s = time.monotonic()
    assert "not decoded after 0.5 s" in await refusal(TINY, script("import time; time.sleep(60)", 0.5))
    assert time.monotonic() - begun_s < 10


async def test_the_memory_of_our_own_decoder_is_limited() -> None:
    limited = f"""
import runpy, sys
worker = runpy.run_path({preview_worker.__file__!r})
worker["_limit"]()
try:
    bytearray(1 << 30)
except MemoryError:
    sys.stdout.buffer.write(worker["REFUSAL"] + b"limited")
"""
    assert await refusal(TINY, script(limited)) == "limited"


async def test_the_time_of_our_own_decoder_is_limited() -> None:
    limited = f"""
import resource, runpy
worker = runpy.run_path({preview_worker.__file__!r})
worker["main"].__globals__["CPU_S"] = 1
worker["_limit"]()
while True: pass
"""
    assert await refusal(TINY, script(limited)) == "it takes too long to decode"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with signal 11"),
        ("raise SystemExit(3)", "ended with exit 3"),
        ("", "answers nonsense"),
        ("print('x' * 5000)", "answers nonsense"),
        ("import sys; sys.stdout.buffer.write(b'refused1\\x1b[2Jboo')", "boo"),
    ],
)
async def test_a_decoder_that_fails_or_lies_is_told(code: str, why: str) -> None:
    said = await refusal(TINY, script(code))
    assert why in said
    assert said.isprintable()


@pytest.mark.parametrize(
    "change",
    [
        {"columns": 400},
        {"rows": 0},
        {"width": 1 << 31},
        {"pixels": 10},
        {"sixels": 4},
        {"thumbnail": 1 << 30},
        {"name": b"\x1b[2J"},
    ],
)
def test_an_answer_of_another_size_than_it_may_have_is_refused(change: dict[str, int]) -> None:
    fields = {
        "magic": preview_worker.MAGIC,
        "name": b"PNG ",
        "width": 10,
        "height": 10,
        "columns": 2,
        "rows": 1,
        "shown_width": 0,
        "shown_height": 0,
        "pixels": 0,
        "sixels": 0,
        "thumbnail": 0,
    }
    good = preview_worker.HEADER.pack(*fields.values()) + bytes(12)
    bad = preview_worker.HEADER.pack(*{**fields, **change}.values()) + bytes(12)
    assert _read(good, ROOM)[0].columns == 2
    with pytest.raises(DecodingError, match="nonsense"):
        _read(bad, ROOM)


def test_sixels_that_would_leave_their_sequence_are_refused() -> None:
    body = b"\x1b\\\x1b[2J"
    header = preview_worker.HEADER.pack(preview_worker.MAGIC, b"PNG ", 10, 10, 1, 1, 10, 20, 0, len(body), 0)
    with pytest.raises(DecodingError, match="nonsense"):
        _read(header + bytes(6) + body, replace(ROOM, drawing=Drawing.SIXEL))


async def test_whoever_moves_on_ends_the_decoder(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    slow = script(f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    looking = asyncio.create_task(decode(TINY, decoder=slow))
    async with asyncio.timeout(20):
        while not note.exists() or not note.read_text():  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0.01)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


async def test_the_decoder_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIGPTIMAGE_API_KEY", "sk-CANARY-1234567890")
    telling = script("import os, sys; sys.stdout.buffer.write(b'refused1' + repr(dict(os.environ)).encode())")
    assert "CANARY" not in await refusal(TINY, telling)

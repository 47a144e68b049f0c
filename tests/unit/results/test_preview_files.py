"""Small PNGs of results: made whatever the picture wants, and kept where they are private, bounded and no trouble."""

from __future__ import annotations

import asyncio
import io
import os
import random
import signal
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from PIL import Image
from tests.command import is_gone, wait_until
from tests.pictures import bomb, encoded, halves, kept_picture, plain

from taskdash.results import preview_worker, previews
from taskdash.results.previews import Decoders, DecodingError, Picture, PreviewFiles

RED, BLUE = (255, 0, 0), (0, 0, 255)


OTHER = f"""
import runpy, sys
worker = runpy.run_path({preview_worker.__file__!r})
def main(*_):
    exec(sys.argv[1], {{"worker": worker}})
    sys.stdout.flush()
    return 0
worker["serve"].__globals__["main"] = main
worker["serve"]()
"""
"""A decoder that does something else with a picture."""


async def make(data: bytes, code: str = "") -> Picture:
    """Make the small PNG of a picture, or have a decoder of other `code` do so."""
    decoders = Decoders((sys.executable, "-I", "-c", OTHER, code)) if code else Decoders()
    try:
        return await decoded(decoders, data, preview_worker.SIDE)
    finally:
        decoders.close()


async def decoded(decoders: Decoders, data: bytes, side: int = 320) -> Picture:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return await decoders.small_png(file, side=side)


async def refusal(data: bytes, code: str = "") -> str:
    with pytest.raises(DecodingError) as caught:
        await make(data, code)
    assert str(caught.value).isprintable()
    return str(caught.value)


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.png), formats=("PNG",))


@pytest.fixture
async def decoders() -> AsyncIterator[Decoders]:
    made = Decoders()
    yield made
    made.close()


def children() -> set[int]:
    listings = Path("/proc/self/task").glob("*/children")
    return {int(pid) for listing in listings for pid in listing.read_text().split()}


@pytest.fixture
def started() -> Callable[[], set[int]]:
    """Tells which processes were begun in this test and have not ended."""
    before = children()
    return lambda: children() - before


async def test_each_format_becomes_a_small_png_that_knows_what_it_was_by_the_same_process(
    started: Callable[[], set[int]], decoders: Decoders
) -> None:
    pids = set()
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        picture = await decoded(decoders, plain(1000, 500, "red", kind))
        assert (picture.format.upper(), picture.width, picture.height) == (kind, 1000, 500)
        assert opened(picture).size == (320, 160)
        red, green, blue = opened(picture).getpixel((0, 0))  # type: ignore[misc] # it is RGB
        assert red > 250
        assert max(green, blue) < 5
        pids |= started()
    assert len(pids) == 1


async def test_transparency_the_side_of_a_photo_16_bits_and_the_first_frame_are_kept(
    decoders: Decoders,
) -> None:
    picture = await decoded(decoders, encoded(Image.new("RGBA", (50, 50), (255, 0, 0, 0))))
    assert (opened(picture).mode, opened(picture).size) == ("RGBA", (50, 50))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = await decoded(decoders, encoded(Image.new("RGB", (80, 40), "red"), "JPEG", exif=exif))
    assert (picture.width, picture.height) == opened(picture).size == (40, 80)
    picture = await decoded(decoders, encoded(Image.new("I;16", (20, 20), 0x8000)))
    assert opened(picture).getpixel((0, 0)) == (0x80,) * 3
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    picture = await decoded(decoders, encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert opened(picture).convert("RGB").getpixel((0, 0)) == RED


# What is no picture

TINY = plain(20, 20)


async def test_what_is_no_whole_picture_is_refused_with_a_reason_and_nothing_to_the_next(
    decoders: Decoders,
) -> None:
    for data, why in (
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
        (b"\xff\xd8\xff" + bytes(99), "damaged"),
    ):
        with pytest.raises(DecodingError, match=why) as caught:
            await decoded(decoders, data)
        assert str(caught.value).isprintable()
        assert (await decoded(decoders, TINY)).format == "PNG"


async def test_mangled_pictures_never_bring_more_than_a_reason(decoders: Decoders) -> None:
    rng = random.Random(7)  # noqa: S311 - it has to give the same each time
    for whole in (halves(60, 60), *(plain(60, 60, "red", kind) for kind in ("WEBP", "GIF", "JPEG"))):
        data = bytearray(whole)
        for _ in range(5):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            picture = await decoded(decoders, bytes(data), preview_worker.SIDE)
        except DecodingError:
            continue
        assert max(opened(picture).size) <= preview_worker.SIDE


# What a decoder may do that a picture has taken over


SPENT = (
    "import os, resource, signal;"
    f" resource.getrlimit(resource.RLIMIT_CPU)[0] == {preview_worker.CPU_S} and os.kill(os.getpid(), signal.SIGXCPU)"
)
"""What the system does once a process has had the time it may take."""


@pytest.mark.parametrize(
    ("use", "why"),
    [("bytearray(1 << 30)", "it takes too much memory"), (SPENT, "it takes too long to decode")],
)
async def test_what_our_own_decoder_may_take_is_limited(use: str, why: str) -> None:
    greedy = f"""
def take(*_):
    {use}
worker["main"].__globals__.update(small_png=take)
raise SystemExit(worker["main"]("768"))
"""
    assert await refusal(TINY, greedy) == why


LARGE = encoded(Image.new("RGB", (800, 10)))
WRITE = "import sys; sys.stdout.buffer.write({!r})"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "ended with signal 11"),
        ("raise SystemExit(3)", "ended with exit 3"),
        ("pass", "invalid answer"),
        ("print('x' * 5000)", "invalid answer"),
        (WRITE.format(TINY), "invalid answer"),
        (WRITE.format(LARGE), "invalid answer"),
        ("import sys; print('\\x1b[2Jboo' * 100, flush=True); sys.exit(65)", "boo"),
    ],
)
async def test_a_decoder_that_fails_or_lies_is_told(code: str, why: str) -> None:
    said = await refusal(TINY, code)
    assert why in said
    assert len(said) < 250


async def test_whoever_moves_on_ends_the_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "DEADLINE_S", 60.0)
    note = tmp_path / "pid"
    slow = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    looking = asyncio.create_task(make(TINY, slow))
    async with asyncio.timeout(20):
        while not note.exists() or not note.read_text():  # noqa: ASYNC110 - another process sets it
            await asyncio.sleep(0.01)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    wait_until(lambda: is_gone(int(note.read_text())), 5)


# The folder

SIGNED = "https://cdn.example.com/a.png?Signature=SECRET"


@pytest.fixture
def small() -> Picture:
    return kept_picture()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "taskdash" / "previews"


def age(files: PreviewFiles, url: str, seconds: int) -> None:
    """Have a file look as if it was last used so long ago."""
    then = files.path(url).stat().st_mtime - seconds
    os.utime(files.path(url), (then, then))


def test_what_was_kept_is_found_by_its_link_alone_and_private(folder: Path, small: Picture) -> None:
    PreviewFiles(folder).keep(SIGNED, small)
    assert PreviewFiles(folder).get(SIGNED) == small
    assert PreviewFiles(folder).get(SIGNED + "x") is None
    (path,) = folder.iterdir()
    assert path.read_bytes() == small.png, "a plain PNG, for whoever shows it"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "SECRET" not in path.name
    assert "cdn" not in path.name


def test_the_oldest_makes_room(folder: Path, small: Picture) -> None:
    files = PreviewFiles(folder, max_bytes=len(small.png) * 5 // 2)
    for n, url in enumerate("ab"):
        files.keep(url, small)
        age(files, url, 100 - n)
    files.keep("c", small)
    assert [files.path(url).exists() for url in "abc"] == [False, True, True]


def test_half_written_files_make_room_and_others_are_let_be(folder: Path, small: Picture) -> None:
    files = PreviewFiles(folder, max_bytes=len(small.png) + 10)
    folder.mkdir(parents=True)
    left = folder / f".{files.path('b').name}.x7"
    for path in (left, folder / "holiday.png"):
        path.write_bytes(bytes(300))
        os.utime(path, (1, 1))
    files.keep("a", small)
    assert sorted(path.name for path in folder.iterdir()) == sorted([files.path("a").name, "holiday.png"])


@pytest.mark.parametrize("what", ["link", "rubbish", "cut"])
def test_what_is_none_of_them_is_a_miss(folder: Path, what: str, tmp_path: Path, small: Picture) -> None:
    folder.mkdir(parents=True)
    path = PreviewFiles(folder).path("a")
    if what == "link":
        (tmp_path / "other.png").write_bytes(small.png)
        path.symlink_to(tmp_path / "other.png")
    else:
        path.write_bytes(b"\x89PNG\r\n" + bytes(500) if what == "rubbish" else small.png[:-40])
    assert PreviewFiles(folder).get("a") is None


def test_a_folder_that_cannot_be_made_keeps_nothing_and_says_nothing(tmp_path: Path, small: Picture) -> None:
    (tmp_path / "file").write_text("")
    files = PreviewFiles(tmp_path / "file" / "previews")
    files.keep("a", small)
    assert files.get("a") is None


async def test_one_that_is_late_is_ended(
    started: Callable[[], set[int]], decoders: Decoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    await decoded(decoders, TINY)
    (first,) = started()
    os.kill(first, signal.SIGSTOP)
    monkeypatch.setattr(previews, "DEADLINE_S", 0.2)
    with pytest.raises(DecodingError, match=r"took longer than 0\.2s"):
        await decoded(decoders, TINY)
    assert first not in started()


async def test_one_that_somebody_has_ended_is_replaced(
    started: Callable[[], set[int]], decoders: Decoders
) -> None:
    await decoded(decoders, TINY)
    (first,) = started()
    os.kill(first, signal.SIGKILL)
    with pytest.raises(DecodingError, match="ended"):
        await decoded(decoders, TINY)
    assert (await decoded(decoders, TINY)).format == "PNG"

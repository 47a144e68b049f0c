"""Where a picture comes from: memory, the disk, the saved file or the server, each asked no more than is needed."""

from __future__ import annotations

import asyncio
import importlib.util
import io
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from tests.file_server import FileServer
from tests.pictures import halves, plain
from tests.servers import http_reply, sends

from taskdash.demo.jobs import MEDIA_FOLDER
from taskdash.results.links import Refused
from taskdash.results.previews import (
    MAX_BYTES,
    REMEMBER_REFUSAL_S,
    THUMBNAIL,
    Picture,
    PreviewFiles,
    Previews,
    install_line,
    picture_fetcher,
)

CLIP = b"\0\0\0\x18ftypmp42" + bytes(5_000)


@pytest.fixture
def shelf() -> Iterator[FileServer]:
    with FileServer() as running:
        running.files["/a.png"] = http_reply(200, halves(), {"Content-Type": "image/png"})
        yield running


@pytest.fixture
def files(tmp_path: Path) -> PreviewFiles:
    return PreviewFiles(tmp_path / "previews")


class Clock:
    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def previews(shelf: FileServer, files: PreviewFiles, clock: Clock) -> Iterator[Previews]:
    made = Previews(picture_fetcher(shelf.url), files, now_s=clock)
    yield made
    made.close()


def why(outcome: Picture | Refused) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.why


async def test_a_picture_is_fetched_once_and_without_a_key(shelf: FileServer, previews: Previews) -> None:
    url = f"{shelf.url}/a.png"
    assert previews.known(url) is None
    picture = await previews.look(url)
    assert isinstance(picture, Picture)
    assert (picture.format, picture.width, picture.height) == ("PNG", 80, 80)
    assert previews.known(url) is picture
    assert await previews.look(url) is picture
    assert len(shelf.requests) == 1
    assert not {"authorization", "cookie"} & set(shelf.requests[0].headers)


async def test_what_was_looked_at_once_needs_no_server_at_another_start(
    shelf: FileServer, previews: Previews, files: PreviewFiles
) -> None:
    url = f"{shelf.url}/a.png"
    picture = await previews.look(url)
    later = Previews(picture_fetcher(shelf.url), files)
    try:
        assert await later.look(url) == picture
    finally:
        later.close()
    assert len(shelf.requests) == 1


async def test_a_saved_result_is_shown_from_its_file(
    shelf: FileServer, previews: Previews, tmp_path: Path
) -> None:
    saved = tmp_path / "hero-1.png"
    saved.write_bytes(plain(100, 50))
    picture = await previews.look(f"{shelf.url}/dead.png", str(saved))
    assert isinstance(picture, Picture)
    assert (picture.width, picture.height) == (100, 50)
    assert shelf.requests == []


async def test_a_saved_file_that_is_gone_is_fetched_even_without_a_folder(
    shelf: FileServer, tmp_path: Path
) -> None:
    previews = Previews(picture_fetcher(shelf.url), None)
    try:
        assert isinstance(await previews.look(f"{shelf.url}/a.png", str(tmp_path / "gone.png")), Picture)
    finally:
        previews.close()


@pytest.mark.parametrize("is_small", [False, True])
async def test_a_dead_link_is_told_once_and_tried_again_later(
    shelf: FileServer, previews: Previews, clock: Clock, is_small: bool
) -> None:
    ask, url = partial(previews.look, is_small=is_small), f"{shelf.url}/dead.png"
    outcome = await ask(url)
    assert isinstance(outcome, Refused)
    assert outcome.is_expired
    assert "expired" in outcome.why
    clock.at_s = REMEMBER_REFUSAL_S - 1
    assert await ask(url) == outcome
    assert len(shelf.requests) == 1
    clock.at_s = REMEMBER_REFUSAL_S + 1
    await ask(url)
    assert len(shelf.requests) == 2
    previews.forget_refusals()
    await ask(url)
    assert len(shelf.requests) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!doctype html><title>Sign in</title>", "web page"),
        (b"<?xml version='1.0'?><Error/>", "XML"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "text, not a picture"),
        (b"", "empty"),
        (halves()[:-30], "cut short"),
    ],
)
async def test_what_is_no_picture_is_told_as_it_is(
    shelf: FileServer, previews: Previews, body: bytes, said: str
) -> None:
    shelf.files["/x.png"] = http_reply(200, body, {"Content-Type": "image/png"})
    outcome = await previews.look(f"{shelf.url}/x.png")
    assert said in why(outcome)
    assert isinstance(outcome, Refused)
    assert not outcome.is_other


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (CLIP + bytes(2_000_000), "MP4 video, 1.9 MiB"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG picture, 41 B"),
        (b"\x01\x02\x03" * 700_000, "ZIP file, 2.0 MiB"),
    ],
)
async def test_what_is_never_drawn_is_told_by_kind_and_size(
    shelf: FileServer, previews: Previews, body: bytes, said: str
) -> None:
    shelf.files["/x"] = http_reply(200, body, {"Content-Type": "application/zip"})
    assert await previews.look(f"{shelf.url}/x") == Refused(said, is_other=True)


@pytest.mark.parametrize("kind", ["image/png", "video/mp4"])
async def test_a_picture_that_is_too_large_is_refused_at_once_and_a_video_is_not_asked_for_its_size(
    shelf: FileServer, previews: Previews, kind: str
) -> None:
    start = CLIP if kind == "video/mp4" else halves() + bytes(1_000)
    shelf.files["/x"] = sends(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BYTES + 1) + start)
    outcome = await previews.look(f"{shelf.url}/x")
    said = "MP4 video, 32.0 MiB" if kind == "video/mp4" else "it is larger than 32.0 MiB"
    assert why(outcome) == said


FRAME = b"P6 4 2 255 " + bytes(4 * 2 * 3)


@pytest.fixture
def ffmpeg(tmp_path: Path) -> Path:
    """A program that gives one frame, where it was told what kind of file to read, and knows nothing of ours."""
    frame = tmp_path / "frame.ppm"
    frame.write_bytes(FRAME)
    program = tmp_path / "ffmpeg"
    program.write_text(
        "#!/bin/sh\n"
        "case \"$*\" in *'-protocol_whitelist file -f mov -i file:/dev/fd/0'*) ;; *) exit 1;; esac\n"
        'test "$(/usr/bin/env | /bin/grep -c sk-)" = 0 || exit 1\n'
        f"/bin/cat {frame}\n"
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def small(shelf: FileServer, files: PreviewFiles, ffmpeg: Path) -> Iterator[Previews]:
    made = Previews(picture_fetcher(shelf.url), files, ffmpeg=str(ffmpeg))
    yield made
    made.close()


async def test_a_thumbnail_is_small_and_kept_beside_the_larger_picture(
    shelf: FileServer, small: Previews
) -> None:
    shelf.files["/large.png"] = http_reply(200, plain(900, 600), {"Content-Type": "image/png"})
    url = f"{shelf.url}/large.png"
    for _ in range(2):
        picture = await small.look(url, is_small=True)
        assert isinstance(picture, Picture)
        assert (picture.width, picture.height) == (900, 600)
        with Image.open(io.BytesIO(picture.png)) as opened:
            assert opened.size == (THUMBNAIL, THUMBNAIL * 600 // 900)
    assert len(shelf.requests) == 1
    larger = await small.look(url)
    assert isinstance(larger, Picture)
    assert isinstance(picture, Picture)
    assert len(larger.png) > len(picture.png)
    assert len(shelf.requests) == 2


async def test_what_was_looked_at_large_needs_no_other_fetch(shelf: FileServer, small: Previews) -> None:
    url = f"{shelf.url}/a.png"
    assert await small.look(url) == await small.look(url, is_small=True)
    assert len(shelf.requests) == 1


@pytest.mark.parametrize("is_saved", [False, True])
async def test_of_a_clip_there_is_the_first_frame(
    shelf: FileServer, small: Previews, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_saved: bool
) -> None:
    monkeypatch.setenv("AIGPTIMAGE_API_KEY", "sk-0123456789")
    shelf.files["/clip.mp4"] = http_reply(200, CLIP, {"Content-Type": "video/mp4"})
    saved = tmp_path / "clip.mp4"
    saved.write_bytes(CLIP)
    picture = await small.look(f"{shelf.url}/clip.mp4", str(saved) if is_saved else None, is_small=True)
    assert isinstance(picture, Picture)
    assert (picture.format, picture.width, picture.height) == ("MP4", 4, 2)
    assert len(shelf.requests) == (not is_saved)


@pytest.mark.parametrize(
    ("frame", "said"), [(b"", "found no frame"), (b"P6 4 2 255 ", "damaged or cut short")]
)
async def test_a_clip_without_a_frame_is_told(
    shelf: FileServer, small: Previews, tmp_path: Path, frame: bytes, said: str
) -> None:
    (tmp_path / "frame.ppm").write_bytes(frame)
    shelf.files["/clip.mp4"] = http_reply(200, CLIP, {"Content-Type": "video/mp4"})
    outcome = await small.look(f"{shelf.url}/clip.mp4", is_small=True)
    assert said in why(outcome)


async def test_without_ffmpeg_a_clip_is_told_by_kind_and_size_as_a_sound_always_is(
    shelf: FileServer, previews: Previews, small: Previews
) -> None:
    shelf.files["/clip.mp4"] = http_reply(200, CLIP, {"Content-Type": "video/mp4"})
    shelf.files["/a.mp3"] = http_reply(200, b"ID3" + bytes(1_000), {"Content-Type": "audio/mpeg"})
    assert why(await previews.look(f"{shelf.url}/clip.mp4", is_small=True)) == "MP4 video, 5 KiB"
    assert why(await small.look(f"{shelf.url}/a.mp3", is_small=True)) == "MP3 sound, 1003 B"


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
async def test_ffmpeg_itself_gives_a_frame_within_the_limits_of_a_decoder(files: PreviewFiles) -> None:
    previews = Previews(picture_fetcher("https://gateway.example"), files, ffmpeg=shutil.which("ffmpeg"))
    try:
        picture = await previews.look(
            "https://cdn.example/a.mp4", str(MEDIA_FOLDER / "aurora.mp4"), is_small=True
        )
    finally:
        previews.close()
    assert isinstance(picture, Picture)
    assert (picture.format, picture.width) == ("MP4", 640)


async def test_without_the_extra_it_says_how_to_get_it(shelf: FileServer, files: PreviewFiles) -> None:
    previews = Previews(picture_fetcher(shelf.url), files, is_installed=False)
    url = f"{shelf.url}/a.png"
    known = previews.known(url)
    assert isinstance(known, Refused)
    assert known == await previews.look(url)
    assert known.why.endswith(install_line())
    assert shelf.requests == []


def test_how_to_get_the_extra_works_when_it_is_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No index has a package of our name: the line names what the extra needs, and the tool that can install it."""
    line = shlex.split(install_line())
    packages = line[-1:]
    assert [each.partition(">")[0] for each in packages] == ["pillow"]
    # They are installed here, so nothing is fetched.
    done = subprocess.run([*line, "--no-index"], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool" / "pipx_metadata.json").touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "tool"))
    assert shlex.split(install_line()) == ["pipx", "inject", "tool", *packages]
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert shlex.split(install_line()) == ["uv", "pip", "install", "--python", sys.executable, *packages]


@pytest.mark.parametrize("is_closed", [False, True])
async def test_whoever_moves_on_or_leaves_ends_the_fetch(
    shelf: FileServer, previews: Previews, is_closed: bool
) -> None:
    shelf.files["/slow.png"] = sends(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\x89PNG\r\n\x1a\n")
    looking = asyncio.create_task(previews.look(f"{shelf.url}/slow.png"))
    await asyncio.to_thread(shelf.wait_for, lambda: len(shelf.requests) == 1)
    if is_closed:
        previews.close()
    else:
        looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    await asyncio.to_thread(shelf.wait_for, lambda: shelf.open_connections == 0)

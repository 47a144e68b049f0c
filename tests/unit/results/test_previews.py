"""Where a picture comes from: memory, the disk, the saved file or the server, each asked no more than is needed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.file_server import FileServer
from tests.pictures import bomb, halves, plain
from tests.servers import Peer, Request, http_reply

from taskdash.results.decoding import install_line
from taskdash.results.drawing import Drawn, Room
from taskdash.results.preview import REMEMBER_REFUSAL_S, Outcome, Previews, Refused, Wanted
from taskdash.results.preview_source import PictureSource
from taskdash.results.thumbnails import Original, Thumbnails

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM = Room(40, 20)
CLIP = b"\0\0\0\x18ftypmp42" + bytes(5_000)


@pytest.fixture
def shelf() -> Iterator[FileServer]:
    with FileServer() as running:
        running.files["/a.png"] = http_reply(200, halves(), {"Content-Type": "image/png"})
        yield running


@pytest.fixture
def thumbnails(tmp_path: Path) -> Thumbnails:
    return Thumbnails(tmp_path / "previews")


class Clock:
    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def previews(shelf: FileServer, thumbnails: Thumbnails, clock: Clock) -> Iterator[Previews]:
    made = Previews(PictureSource(shelf.url), thumbnails, now_s=clock)
    yield made
    made.close()


def why(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.why


async def test_a_picture_is_fetched_once_and_without_a_key(shelf: FileServer, previews: Previews) -> None:
    wanted = Wanted(f"{shelf.url}/a.png", ROOM)
    assert previews.known(wanted) is None
    drawn = await previews.look(wanted)
    assert isinstance(drawn, Drawn)
    assert (drawn.columns, drawn.rows) == (16, 8)
    assert previews.known(wanted) is drawn
    assert await previews.look(wanted) is drawn
    assert len(shelf.requests) == 1
    assert not {"authorization", "cookie"} & set(shelf.requests[0].headers)


async def test_another_size_and_another_start_need_no_server(
    shelf: FileServer, previews: Previews, thumbnails: Thumbnails
) -> None:
    wanted = Wanted(f"{shelf.url}/a.png", ROOM)
    await previews.look(wanted)
    smaller = await previews.look(Wanted(wanted.url, Room(10, 20)))
    assert isinstance(smaller, Drawn)
    assert (smaller.columns, smaller.format, smaller.width) == (10, "PNG", 80)
    later = Previews(PictureSource(shelf.url), thumbnails)
    try:
        assert isinstance(await later.look(wanted), Drawn)
    finally:
        later.close()
    assert len(shelf.requests) == 1


async def test_a_small_copy_that_is_damaged_is_made_again(
    shelf: FileServer, previews: Previews, thumbnails: Thumbnails
) -> None:
    url = f"{shelf.url}/a.png"
    thumbnails.keep(url, b"rubbish", Original("PNG", 80, 80))
    assert isinstance(await previews.look(Wanted(url, ROOM)), Drawn)
    found = thumbnails.open(url)
    assert found is not None
    with found[0] as again:
        assert os.read(again.fileno(), 4) == b"RIFF"


async def test_a_saved_result_is_shown_from_its_file(
    shelf: FileServer, previews: Previews, tmp_path: Path
) -> None:
    saved = tmp_path / "hero-1.png"
    saved.write_bytes(plain(100, 50))
    drawn = await previews.look(Wanted(f"{shelf.url}/dead.png", ROOM, str(saved)))
    assert isinstance(drawn, Drawn)
    assert (drawn.width, drawn.height) == (100, 50)
    assert shelf.requests == []


async def test_a_saved_file_that_is_gone_is_fetched(
    shelf: FileServer, previews: Previews, tmp_path: Path
) -> None:
    assert isinstance(
        await previews.look(Wanted(f"{shelf.url}/a.png", ROOM, str(tmp_path / "gone.png"))), Drawn
    )


async def test_without_a_folder_pictures_are_shown_all_the_same(shelf: FileServer) -> None:
    previews = Previews(PictureSource(shelf.url), None)
    try:
        assert isinstance(await previews.look(Wanted(f"{shelf.url}/a.png", ROOM)), Drawn)
    finally:
        previews.close()


async def test_a_dead_link_is_told_once_and_tried_again_later(
    shelf: FileServer, previews: Previews, clock: Clock
) -> None:
    wanted = Wanted(f"{shelf.url}/dead.png", ROOM)
    assert "expired" in why(await previews.look(wanted))
    clock.at_s = REMEMBER_REFUSAL_S - 1
    assert "expired" in why(await previews.look(wanted))
    assert len(shelf.requests) == 1
    clock.at_s = REMEMBER_REFUSAL_S + 1
    await previews.look(wanted)
    assert len(shelf.requests) == 2
    previews.forget_refusals()
    await previews.look(wanted)
    assert len(shelf.requests) == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!doctype html><title>Sign in</title>", "web page"),
        (b"<?xml version='1.0'?><Error/>", "XML"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "text, not a picture"),
        (b"", "empty"),
        (bomb(), "13000 x 13000 pixels"),
        (halves()[:-30], "cut short"),
    ],
)
async def test_what_is_no_picture_is_told_as_it_is(
    shelf: FileServer, previews: Previews, body: bytes, said: str
) -> None:
    shelf.files["/x.png"] = http_reply(200, body, {"Content-Type": "image/png"})
    outcome = await previews.look(Wanted(f"{shelf.url}/x.png", ROOM))
    assert said in why(outcome)
    assert isinstance(outcome, Refused)
    assert not outcome.is_other


async def test_a_video_is_told_by_kind_and_size(shelf: FileServer, previews: Previews) -> None:
    shelf.files["/x.mp4"] = http_reply(200, CLIP + bytes(2_000_000), {"Content-Type": "video/mp4"})
    outcome = await previews.look(Wanted(f"{shelf.url}/x.mp4", ROOM))
    assert outcome == Refused("MP4 video, 1.9 MiB", is_other=True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG picture, 0.0 MiB"),
        (b"8BPS\0\x01" + bytes(2_000_000), "PSD picture, 1.9 MiB"),
        (b"\x01\x02\x03" * 700_000, "ZIP file, 2.0 MiB"),
    ],
)
async def test_what_is_never_drawn_is_told_by_kind_and_size(
    shelf: FileServer, previews: Previews, body: bytes, said: str
) -> None:
    shelf.files["/x"] = http_reply(200, body, {"Content-Type": "application/zip"})
    assert await previews.look(Wanted(f"{shelf.url}/x", ROOM)) == Refused(said, is_other=True)


async def test_nobody_inside_is_asked_by_a_link_from_outside(
    shelf: FileServer, thumbnails: Thumbnails
) -> None:
    previews = Previews(PictureSource("https://gateway.example"), thumbnails)
    try:
        assert "private address" in why(await previews.look(Wanted(f"{shelf.url}/a.png", ROOM)))
    finally:
        previews.close()
    assert shelf.requests == []
    assert shelf.connections == 0


async def test_without_the_extra_it_says_how_to_get_it(shelf: FileServer, thumbnails: Thumbnails) -> None:
    previews = Previews(PictureSource(shelf.url), thumbnails, can_decode=False)
    wanted = Wanted(f"{shelf.url}/a.png", ROOM)
    known = previews.known(wanted)
    assert isinstance(known, Refused)
    assert known == await previews.look(wanted)
    assert known.why.endswith(install_line())
    assert shelf.requests == []


def test_how_to_get_the_extra_works_when_it_is_followed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No index has a package of our name: the line names what the extra needs, and the tool that can install it."""
    line = shlex.split(install_line())
    packages = line[-2:]
    assert sorted(each.partition(">")[0] for each in packages) == ["pillow", "textual-image"]
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


async def test_whoever_moves_on_ends_the_fetch(shelf: FileServer, previews: Previews) -> None:
    async def drip(peer: Peer, request: Request) -> None:  # noqa: ARG001 - a handler's signature
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n\x89PNG\r\n\x1a\n")
        await peer.stall()

    shelf.files["/slow.png"] = drip
    looking = asyncio.create_task(previews.look(Wanted(f"{shelf.url}/slow.png", ROOM)))
    await asyncio.to_thread(shelf.wait_for, lambda: len(shelf.requests) == 1)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    await asyncio.to_thread(shelf.wait_for, lambda: shelf.open_connections == 0)


async def test_closing_ends_what_is_under_way(shelf: FileServer, previews: Previews) -> None:
    async def silent(peer: Peer, request: Request) -> None:  # noqa: ARG001 - a handler's signature
        await peer.stall()

    shelf.files["/slow.png"] = silent
    looking = asyncio.create_task(previews.look(Wanted(f"{shelf.url}/slow.png", ROOM)))
    await asyncio.to_thread(shelf.wait_for, lambda: len(shelf.requests) == 1)
    previews.close()
    with pytest.raises(asyncio.CancelledError):
        await looking
    await asyncio.to_thread(shelf.wait_for, lambda: shelf.open_connections == 0)

"""A success of the gateway is the user's: whatever it is, and however a server dresses it, it is saved whole."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import pytest
from tests.command import Command
from tests.file_server import PNG, FileServer
from tests.servers import FakeApi, http_reply, success_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.servers import OnRequest

MANY = "task_many_12345678"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\x11" * 2_000 + b"\xff\xd9"
GIF = b"GIF89a\x01\0\x01\0\0\0\0" + b"\x11" * 2_000 + b"\0;"
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack(">I4s", 2_008, b"mdat") + b"\x11" * 2_000
BEHIND = b"behind the end " * 400


def wav(length: int) -> bytes:
    """A sound whose header tells this length."""
    return b"RIFF" + struct.pack("<I", length) + b"WAVEfmt " + b"\x11" * 2_000


def chunked(body: bytes) -> bytes:
    """An answer that tells no length, but its end."""
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def until_closed(body: bytes) -> bytes:
    """An answer that tells neither."""
    return b"HTTP/1.1 200 OK\r\n\r\n" + body


@pytest.fixture
def files() -> Iterator[FileServer]:
    with FileServer() as running:
        yield running


class Outcome:
    """What `download` made of the results of one task, by the paths of their links."""

    def __init__(self, folder: Path, files: FileServer, served: Mapping[str, bytes | OnRequest]) -> None:
        paths = list(served)
        files.files.update({path.partition("?")[0]: answer for path, answer in served.items()})
        with FakeApi({MANY: success_body(MANY, [files.url + path for path in paths])}) as api:
            taskdash = Command(folder)
            taskdash.write_config(api.url, more="allow_private = true")
            assert taskdash("add", MANY).returncode == 0
            assert taskdash("check").returncode == 0
            done = taskdash("download", "-o", "pictures")
        self.said = done.stderr
        assert "Traceback" not in self.said
        self.refused = {paths[int(n) - 1]: why for n, why in re.findall(r", result (\d+): (.*)", self.said)}
        self.saved = {
            paths[int(name.rpartition("-")[2].partition(".")[0]) - 1]: folder / name
            for name in done.stdout.splitlines()
        }
        there = {path.name for path in (folder / "pictures").iterdir()}
        assert there == {path.name for path in self.saved.values()}, "something was left behind"

    @property
    def endings(self) -> dict[str, str]:
        """Which ending each result was saved with."""
        return {path: saved.suffix.removeprefix(".") for path, saved in self.saved.items()}


def test_what_has_all_its_bytes_is_whole_whatever_its_header_says(tmp_path: Path, files: FileServer) -> None:
    bodies = {
        "/streamed.wav": wav(0xFFFFFFFF),
        "/half.wav": wav(0x7FFFFFFF),
        "/odd.wav": wav(2_100_000),
        "/behind.png": PNG + BEHIND,
        "/behind.jpg": JPEG + BEHIND,
        "/behind.gif": GIF + BEHIND,
        "/behind.mp4": MP4 + struct.pack(">I4s", 5_000, b"free") + b"\0" * 100,
        "/endless.png": PNG[:-8] + BEHIND,
    }
    served = {path: http_reply(200, body) for path, body in bodies.items()}
    served |= {f"/chunked{path}": chunked(body) for path, body in bodies.items()}
    # Nobody tells whether it is all: then it is only refused if its own form says that it is not.
    unsure = ("/streamed.wav", "/half.wav", "/behind.png", "/behind.jpg", "/behind.gif", "/behind.mp4")
    served |= {f"/closed{path}": until_closed(bodies[path]) for path in unsure}
    outcome = Outcome(tmp_path, files, served)
    assert outcome.refused == {}
    for path, saved in outcome.saved.items():
        name = "/" + path.rpartition("/")[2]
        assert saved.read_bytes() == bodies[name], path
        assert saved.suffix == name[-4:], path


def test_what_has_not_all_its_bytes_is_cut_short(tmp_path: Path, files: FileServer) -> None:
    served = {
        "/announced": http_reply(200, PNG, {"Content-Length": str(len(PNG) + 1)}),
        "/chunks": chunked(PNG)[:-5],
        "/closed.png": until_closed(PNG[:-300]),
        "/closed.wav": until_closed(wav(2_100_000)),
    }
    # It hangs up there.
    outcome = Outcome(tmp_path, files, served)
    assert outcome.saved == {}
    assert set(outcome.refused) == set(served)

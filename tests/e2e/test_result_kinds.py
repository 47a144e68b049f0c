"""A success of the gateway is the user's: whatever it is, and however a server dresses it, it is saved whole."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.command import Command
from tests.file_server import PNG, FileServer
from tests.servers import FakeApi, OnRequest, http_reply, success_body

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


def gzipped(body: bytes) -> bytes:
    return gzip.compress(body)


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
            taskdash.ok("add", MANY)
            taskdash.ok("check")
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
    # Nobody tells whether it is all: when in doubt, it is saved.
    served |= {f"/closed{path}": until_closed(body) for path, body in bodies.items()}
    outcome = Outcome(tmp_path, files, served)
    assert outcome.refused == {}
    for path, saved in outcome.saved.items():
        name = "/" + path.rpartition("/")[2]
        assert saved.read_bytes() == bodies[name], path
        assert saved.suffix == name[-4:], path


PACKED = {"Content-Encoding": "gzip"}
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><rect width='9' height='9'/></svg>"
PROLOG = b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn by a model -->\n<!DOCTYPE svg PUBLIC 'x' 'y'>\n"
JUNK = bytes(range(256)) * 10


def test_a_kind_that_is_not_known_is_saved_as_the_server_or_the_link_calls_it(
    tmp_path: Path, files: FileServer
) -> None:
    served: dict[str, tuple[bytes, dict[str, str], str]] = {
        "/1.svg": (SVG, {"Content-Type": "image/svg+xml"}, "svg"),
        "/2": (PROLOG + SVG, {"Content-Type": "application/xml"}, "svg"),
        "/4.aac": (b"\xff\xf1\x50\x80" + JUNK, {"Content-Type": "application/octet-stream"}, "aac"),
        "/5": (b"\xff\x0a" + JUNK, {"Content-Type": "image/jxl"}, "jxl"),
        "/7.exr": (JUNK, {}, "exr"),
        "/9.zip": (b"PK\x03\x04" + JUNK, {"Content-Type": "application/zip"}, "zip"),
        "/10": (b"PK\x03\x04" + JUNK, {"Content-Type": "application/zip"}, "zip"),
        "/11.USDZ": (b"PK\x03\x04" + JUNK, {"Content-Type": "application/zip"}, "usdz"),
        "/12.srt": (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", {"Content-Type": "text/plain"}, "srt"),
        "/14": ("満月の夜".encode(), {"Content-Type": "text/plain"}, "txt"),
        "/16": (JUNK, {"Content-Disposition": 'attachment; filename="a.b.ply"'}, "ply"),
        "/17": (JUNK, {"Content-Disposition": "attachment; filename*=UTF-8''%E6%BA%80.fbx"}, "fbx"),
        "/19.php": (JUNK, {"Content-Type": "audio/x-caf"}, "caf"),
        "/20.exe": (JUNK, {}, "bin"),
        "/21.sh": (b"words only", {"Content-Type": "text/x-shellscript"}, "txt"),
        "/22.tga?x=y.gif": (JUNK, {"Content-Type": "nonsense"}, "tga"),
        "/24.json": (b'{"words": []}', {"Content-Type": "application/json"}, "json"),
        "/25.%2e%2E%2fx": (JUNK, {"Content-Disposition": 'attachment; filename="../../x.\\"; ls"'}, "bin"),
    }  # fmt: skip
    default = {"Content-Type": "application/octet-stream"}
    replies: dict[str, bytes | OnRequest] = {
        path: http_reply(200, body, default | headers) for path, (body, headers, _) in served.items()
    }
    replies["/moved"] = http_reply(302, b"", {"Location": "/9.zip"})
    outcome = Outcome(tmp_path, files, replies)
    assert outcome.refused == {}
    assert outcome.endings == {path: ending for path, (_, _, ending) in served.items()} | {"/moved": "zip"}
    for path, (body, _, _) in served.items():
        assert outcome.saved[path].read_bytes() == body, path
        assert outcome.saved[path].stat().st_mode & 0o777 == 0o600


def test_what_is_cut_short_or_stands_in_place_of_a_result_is_refused(
    tmp_path: Path, files: FileServer
) -> None:
    png, plain = {"Content-Type": "image/png"}, {"Content-Type": "text/plain"}
    svg, stream = {"Content-Type": "image/svg+xml"}, {"Content-Type": "application/octet-stream"}
    served: dict[str, tuple[bytes, str]] = {
        "/announced": (http_reply(200, PNG, {"Content-Length": str(len(PNG) + 1)}), ""),
        "/chunks": (chunked(PNG)[:-5], ""),
        "/html.png": (http_reply(200, b"<!DOCTYPE html><p>sign in", png), "a web page"),
        "/html": (http_reply(200, b"\n\n<!-- x --><html><body><svg></svg>", plain), "a web page"),
        "/html.html": (http_reply(200, b"<HTML><body>gone", {"Content-Type": "text/html"}), "a web page"),
        "/json.png": (http_reply(200, b'{"error": "gone"}', png), "JSON"),
        "/json": (http_reply(200, b' [ {"error": "gone"}]', stream), "JSON"),
        "/expired.svg": (http_reply(200, b"<Error><Code>AccessDenied</Code></Error>", png), ""),
        "/text.png": (http_reply(200, b"not found", plain), ""),
        "/text.mp4": (http_reply(200, b"error code: 1015", stream), ""),
        "/program": (http_reply(200, b"MZ" + JUNK, png), ""),
        "/elf.bin": (http_reply(200, b"\x7fELF" + JUNK, stream), ""),
        "/script.txt": (http_reply(200, b"#!/bin/sh\nrm -rf ~\n", plain), ""),
        "/empty.txt": (http_reply(200, b"", plain), ""),
        "/404.svg": (http_reply(404, SVG, svg), ""),
        "/400.png": (http_reply(400, PNG, png), ""),
        "/204.txt": (b"HTTP/1.1 204 No Content\r\nContent-Type: text/plain\r\n\r\n", ""),
        "/brotli": (http_reply(200, JUNK, png | {"Content-Encoding": "br"}), "br"),
        "/store": (http_reply(200, b"400;x=0\r\n" + PNG, png | {"Content-Encoding": "aws-chunked"}), "aws-chunked"),
        "/damaged": (http_reply(200, gzipped(JUNK)[:100] + b"\xff" * 100, png | PACKED), ""),
        "/page": (http_reply(200, gzipped(b"<!DOCTYPE html><p>sign in"), png | PACKED), "a web page"),
        "/nothing": (http_reply(200, gzipped(b""), png | PACKED), ""),
    }  # fmt: skip
    outcome = Outcome(tmp_path, files, {path: reply for path, (reply, _) in served.items()})
    assert outcome.saved == {}
    assert outcome.refused.keys() == served.keys()
    for path, (_, word) in served.items():
        assert word in outcome.refused[path], path


def test_an_encoding_that_nobody_asked_for_is_taken_off_where_the_bytes_have_it(
    tmp_path: Path, files: FileServer
) -> None:
    raw = zlib.compressobj(wbits=-15)
    labels = ("UTF-8", "aws-chunked,", "gzip", "br", "x-unheard-of")
    served: dict[str, tuple[str, bytes, bytes]] = {
        **{f"/plain{n}": (label, PNG, PNG) for n, label in enumerate(labels)},
        "/gzip-of-a-store": ("aws-chunked,gzip", gzipped(PNG), PNG),
        "/gzip-once-after-all": ("gzip, gzip", gzipped(PNG), PNG),
        "/gzip-in-parts": ("gzip", gzipped(PNG[:900]) + gzipped(PNG[900:]), PNG),
        "/gzip-and-rubbish": ("gzip", gzipped(PNG) + b"\0" * 900, PNG),
        "/gzip-untold.png": ("", gzipped(PNG), PNG),
        "/raw-deflate": ("deflate", raw.compress(PNG) + raw.flush(), PNG),
        "/svg.svg": ("UTF-8", SVG, SVG),
        "/large": ("gzip", gzipped(PNG + bytes(3_000_000)), PNG + bytes(3_000_000)),
        "/archive.gz": ("", gzipped(JUNK), gzipped(JUNK)),
    }  # fmt: skip
    replies = {}
    for path, (label, body, _) in served.items():
        encoding = {"Content-Encoding": label} if label else {}
        replies[path] = http_reply(200, body, {"Content-Type": "application/octet-stream"} | encoding)
    outcome = Outcome(tmp_path, files, replies)
    assert outcome.refused == {}
    for path, (_, _, body) in served.items():
        assert outcome.saved[path].read_bytes() == body, path
    assert {outcome.endings[path] for path, (_, _, body) in served.items() if body == PNG} == {"png"}


def moved(location: bytes) -> bytes:
    return b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + location + b"\r\n\r\n"


def test_links_and_redirects_are_taken_as_browsers_take_them(tmp_path: Path, files: FileServer) -> None:
    targets = {
        "/a b.png": "/a%20b.png",
        "/bücher.png": "/b%C3%BCcher.png",
        "/already%20once.png": "/already%20once.png",
        "/100%.png": "/100%.png",
        "/joined\u200demoji👨\u200d👩.png": "/joined%E2%80%8Demoji%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9.png",
        "/back\\slash.png": "/back/slash.png",
        "/query?name=a b&c=ü": "/query",
    }
    served: dict[str, bytes | OnRequest] = dict.fromkeys(targets, http_reply(200, PNG))
    files.files.update(dict.fromkeys(targets.values(), http_reply(200, PNG)))
    files.files |= {"/latin1/%FC%E9.png": http_reply(200, PNG), "/to/c%20d.png": http_reply(200, PNG)}
    served |= {
        "/to/utf-8": moved("/bücher.png".encode()),
        "/to/latin-1": moved("/latin1/üé.png".encode("latin-1")),
        "/to/blank": moved(b"c d.png"),
        "/to/blank/whole": moved(files.url.encode() + b"/a b.png "),
        "/to/tab": moved(b"/al\tready%20once.png"),
        "/to/slash": moved(b"\\back\\slash.png"),
    }
    outcome = Outcome(tmp_path, files, served)
    assert outcome.refused == {}
    assert set(outcome.saved) == set(served)
    asked = [request.target for request in files.requests]
    assert set(targets.values()) - {"/query"} < set(asked)
    assert "/query?name=a%20b&c=%C3%BC" in asked

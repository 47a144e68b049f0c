"""A result becomes a whole file of ours, or a reason why not."""

from __future__ import annotations

import asyncio
import re
import stat
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.file_server import PNG, FileServer
from tests.servers import http_reply
from tests.unit.results.fakes import save as save_in

from taskdash.results.content import HEAD_BYTES, Claim, claim_of, identified, kind_of_content
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
from taskdash.results.guard import is_public
from taskdash.results.links import DownloadError


def save(target: Path, url: str) -> Path:
    """Save one result, without a second try; its host is the gateway's own, which may be private."""
    with Folder(target) as folder:
        return asyncio.run(save_in(folder, Fetcher(url, max_bytes=10_000), url, "hero-1"))


def test_a_picture_is_saved_whole_private_and_without_a_key(server: FileServer, target: Path) -> None:
    server.files["/x.jpg"] = http_reply(200, PNG, {"Content-Type": "image/jpeg"})
    path = save(target, f"{server.url}/x.jpg")
    assert path == target / "hero-1.png"
    assert path.read_bytes() == PNG
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(target.stat().st_mode) == 0o700
    assert [file.name for file in target.iterdir()] == ["hero-1.png"]
    assert not {"authorization", "cookie"} & set(server.requests[0].headers)
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http_reply(404), "the link has probably expired"),
        (http_reply(410), "the link has probably expired"),
        (http_reply(400, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>"), "probably expired"),
        (http_reply(200, b"<Error><Code>AccessDenied</Code></Error>"), "probably expired"),
        (http_reply(416), "HTTP 416"),
        (http_reply(206, PNG), "part of it"),
        (http_reply(403), "expired"),
        (http_reply(500), "HTTP 500"),
        (http_reply(200, b"plain words"), "text, not a picture"),
        (http_reply(200, PNG, {"Content-Length": "99"})[:-1_950], ""),
        (http_reply(200, PNG, {"Content-Length": "2500"}), ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""),
        (b"garbage\r\n\r\n", ""),
        (http_reply(302, b"", {"Location": "javascript:alert(1)"}), "no http(s) link"),
        (http_reply(302, b"", {"Location": "file:///etc/passwd"}), "no http(s) link"),
        (http_reply(302, b"", {"Location": "http://user@127.0.0.1/"}), "no http(s) link"),
        (http_reply(302, b""), "redirected more than"),
        (http_reply(302, b"", {"Location": "/x.png"}), "redirected more than"),
        (http_reply(302, b"", {"Location": "http://xn--a/"}), ""),
    ],
)
def test_what_is_no_whole_picture_leaves_nothing_but_a_reason(
    server: FileServer, target: Path, answer: bytes, words: str
) -> None:
    server.files["/x.png"] = answer
    with pytest.raises(DownloadError) as error:
        save(target, f"{server.url}/x.png")
    assert str(error.value)
    assert words in str(error.value)
    assert list(target.iterdir()) == []
    assert len(server.requests) <= 6


INSIDE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",  # noqa: S104 - nothing binds to it
    "224.0.0.1", "255.255.255.255", "::1", "::", "fd00::1", "fe80::1", "fe80::1%eth0", "ff02::1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "nonsense",
]  # fmt: skip
OUTSIDE = ["1.1.1.1", "8.8.8.8", "2606:4700::1111"]


@pytest.mark.parametrize("address", [*INSIDE, *OUTSIDE])
def test_only_addresses_outside_are_public(address: str) -> None:
    assert is_public(address) is (address in OUTSIDE)


@pytest.mark.parametrize(
    ("head", "ending"),
    [
        (PNG, "png"),
        (b"\xff\xd8\xff\xe0", "jpg"),
        (b"GIF89a", "gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "webp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "wav"),
        (b"\0\0\0\x18ftypmp42", "mp4"),
        (b"\0\0\0\x18ftypisom", "mp4"),
        (b"\0\0\0\x18ftypqt  ", "mov"),
        (b"\0\0\0\x18ftypavif", "avif"),
        (b"\x1a\x45\xdf\xa3\x01webm", "webm"),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90\0", "mp3"),
        (b"<svg>", "svg"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg:svg xmlns:svg='x'/>", "svg"),
        (b"<!-- <svg> -->", None),
        (b"<html><svg>", None),
        (b"BM, said the text", None),
        (b"MZ", None),
        (b"", None),
    ],
)
def test_content_is_known_by_its_bytes(head: bytes, ending: str | None) -> None:
    assert kind_of_content(head) == ending


@pytest.mark.parametrize("filling", [b"<!---->", b"<??>", b" ", b"<!doctype svg>", b"<!--", b"<?", b"<"])
def test_hostile_text_costs_no_more_than_its_length(filling: bytes) -> None:
    claim = Claim("image/png", "png")
    for start in (b"", b"<", b"<?xml?>"):
        head = (start + filling * HEAD_BYTES)[:HEAD_BYTES]
        began_s = time.perf_counter()
        with pytest.raises(DownloadError):
            identified(head, claim)
        assert time.perf_counter() - began_s < 5


@given(st.binary(max_size=600), st.text(max_size=40), st.text(max_size=60), st.text(max_size=60))
def test_an_ending_is_plain_whatever_server_and_link_say(
    head: bytes, media_type: str, disposition: str, path: str
) -> None:
    headers = {"content-type": media_type, "content-disposition": disposition}
    claim = claim_of(headers, [f"https://cdn.test/{quote(path)}"])
    try:
        ending = identified(head, claim)
    except DownloadError:
        return
    assert re.fullmatch("[a-z0-9]{1,8}", ending)
    assert ending not in ("exe", "html", "sh", "bat")

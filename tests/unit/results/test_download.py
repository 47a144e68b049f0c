"""A result becomes a whole file of ours, or a reason why not, and no answer costs memory."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from tests.file_server import PNG, FileServer
from tests.servers import OnRequest, Peer, Request, http_reply
from tests.unit.results.fakes import save as save_in

from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
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
        (http_reply(400, b"<?xml version='1.0'?><Error><Code>AccessDenied</Code>"), "probably expired"),
        (http_reply(416), "HTTP 416"),
        (http_reply(206, PNG), "part of it"),
        (http_reply(500), "HTTP 500"),
        (http_reply(200, PNG, {"Content-Length": "2500"}), ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ""),
        (b"garbage\r\n\r\n", ""),
        (http_reply(302, b"", {"Location": "javascript:alert(1)"}), "no http(s) link"),
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


# No answer, however large or odd, costs memory.

_CODE = """
import asyncio, resource, sys
from pathlib import Path
from taskdash.results.links import DownloadError
from taskdash.results.fetch import Fetcher
from taskdash.results.folder import Folder
from taskdash.results.part import PartFile

def peak_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def fetch(folder, url):
    try:
        with PartFile(folder, "a" * 32) as part:
            part.keep("x-1", await Fetcher(url, max_bytes=64 * 2**20).fetch(url, part))
    except DownloadError as error:
        return str(error)
    return "saved"

with Folder(Path(sys.argv[1])) as folder:
    asyncio.run(fetch(folder, sys.argv[2] + "/small"))
    before = peak_kib()
    said = asyncio.run(fetch(folder, sys.argv[2] + "/large"))
    print(peak_kib() - before, said)
"""
LIMIT_KIB = 64 * 1_024
HEAD = b"HTTP/1.1 200 OK\r\n"


async def endless(peer: Peer, request: Request) -> None:  # noqa: ARG001 - the answer is the same for all
    await peer.send(HEAD + b"\r\n" + PNG)
    block = b"\0" * 1_048_576
    while not peer.gone:
        await peer.send(block)


async def bomb(peer: Peer, request: Request) -> None:  # noqa: ARG001 - as above
    packing = zlib.compressobj(wbits=31)
    body = b"".join([packing.compress(bytes(1_000_000)) for _ in range(100)]) + packing.flush()
    await peer.send(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (endless, "larger than 64.0 MiB"),
        (bomb, "larger than 64.0 MiB"),
    ],
)
def test_memory_stays_within_64_mib_for_any_answer(tmp_path: Path, answer: OnRequest, said: str) -> None:
    with FileServer() as server:
        server.files["/small"] = HEAD + b"Content-Length: %d\r\n\r\n" % len(PNG) + PNG
        server.files["/large"] = answer
        done = subprocess.run(
            [sys.executable, "-c", _CODE, str(tmp_path / "in"), server.url],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    grown, _, outcome = done.stdout.partition(" ")
    assert said in outcome
    assert "saved" not in outcome
    assert int(grown) <= LIMIT_KIB
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["x-1.png"]

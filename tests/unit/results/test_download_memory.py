"""No answer, however large or odd, costs memory."""

from __future__ import annotations

import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from tests.file_server import PNG, FileServer
from tests.servers import OnRequest, Peer, Request

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


async def chunked(peer: Peer, request: Request) -> None:  # noqa: ARG001 - as above
    await peer.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    await peer.send(b"8000000\r\n" + PNG)
    block = b"\0" * 1_048_576
    for _ in range(127):
        if peer.gone:
            return
        await peer.send(block)


async def endless_head(peer: Peer, request: Request) -> None:  # noqa: ARG001 - as above
    await peer.send(HEAD)
    while not peer.gone:
        await peer.send(b"X-Padding: " + b"x" * 65_536 + b"\r\n")


async def bomb(peer: Peer, request: Request) -> None:  # noqa: ARG001 - as above
    packing = zlib.compressobj(wbits=31)
    body = b"".join([packing.compress(bytes(1_000_000)) for _ in range(100)]) + packing.flush()
    await peer.send(HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (endless, "larger than 64.0 MiB"),
        (chunked, "larger than 64.0 MiB"),
        (endless_head, ":"),
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

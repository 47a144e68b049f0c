"""A file is known by its bytes, whatever is said of it, and comes out as it was if it was packed on its way."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import re
import time
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.file_server import PNG

from taskdash.results import content
from taskdash.results.content import (
    HEAD_BYTES,
    OTHER_PACKINGS,
    PACKINGS,
    Claim,
    claim_of,
    identified,
    kind_of_content,
    labels_of,
    packings_of,
)
from taskdash.results.links import DownloadError


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


# What is packed

PACK: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}
FILES = st.binary(max_size=3_000).map(lambda rest: b"\x89PNG\r\n\x1a\n" + rest)


def unpacked(labels: list[str], body: bytes, cuts: list[int]) -> bytes:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:end] for start, end in itertools.pairwise(places)]

    async def arriving() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def join() -> bytes:
        return b"".join([piece async for piece in content.unpacked(b"", arriving(), packings_of(labels))])

    return asyncio.run(join())


@given(FILES, st.lists(st.sampled_from(PACKINGS), max_size=3), st.lists(st.integers(0, 10**6), max_size=8))
def test_any_layers_come_off_in_any_pieces(file: bytes, labels: list[str], cuts: list[int]) -> None:
    body = file
    for label in labels:
        body = PACK[label](body)
    assert unpacked(labels, body, cuts) == file


@given(
    FILES,
    st.lists(st.sampled_from([*PACKINGS, *OTHER_PACKINGS, "utf-8", ""]), max_size=3),
    st.lists(st.integers(0, 10**6), max_size=8),
)
def test_a_plain_file_stays_as_it_is_whatever_its_label(
    file: bytes, labels: list[str], cuts: list[int]
) -> None:
    assert unpacked(labels, file, cuts) == file


@given(FILES, st.integers(1, 10**6))
def test_a_packed_file_that_is_cut_is_an_error(file: bytes, cut: int) -> None:
    body = gzip.compress(file)
    with pytest.raises(DownloadError):
        unpacked(["gzip"], body[: len(body) - 1 - cut % (len(body) - 4)], [])


@given(st.text(max_size=200))
def test_any_label_is_read(text: str) -> None:
    labels_of(text, Claim("image/png", "png"), b"")


def test_a_tower_of_layers_is_refused() -> None:
    with pytest.raises(DownloadError):
        packings_of(["gzip"] * 10_000)

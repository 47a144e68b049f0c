"""What is packed comes out as it was, in whatever pieces it arrives; what is not comes out as it is."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskdash.results import content
from taskdash.results.content import OTHER_PACKINGS, PACKINGS, Claim, labels_of, packings_of
from taskdash.results.links import DownloadError

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

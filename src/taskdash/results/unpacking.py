"""Takes off what a server has packed a file in though none was asked for, as far as the bytes agree with its label.

Servers label plain files with what is no packing at all (`UTF-8`), or with how they were once sent (`aws-chunked`).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from taskdash.results.content import HEAD_BYTES, kind_of_content
from taskdash.results.faults import DownloadError, PassingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GZIP: Final = b"\x1f\x8b\x08"
KNOWN: Final = ("gzip", "x-gzip", "deflate")
NOT_KNOWN: Final = ("br", "zstd", "compress", "x-compress", "dcb", "dcz", "aws-chunked")
"""A file with one of these labels is taken where it is plain all the same."""
_MAX_LAYERS: Final = 3
_BLOCK_BYTES: Final = 65_536


def labels_of(content_encoding: str) -> list[str]:
    """Return what a Content-Encoding says, in the order in which it was put on."""
    return [label.strip().lower() for label in content_encoding.split(",")]


class Unpacking:
    """Gives a file out of what arrives, never more than a block at a time."""

    def __init__(self, labels: Iterable[str]) -> None:
        """Prepare for what has these labels, those that are no packing left aside.

        Raises:
            DownloadError: there are too many of them.
        """
        self._layers = [_Layer(label) for label in labels if label in KNOWN]
        if len(self._layers) > _MAX_LAYERS:
            raise DownloadError("it is packed too often")
        self._layers.reverse()

    @property
    def may_change_it(self) -> bool:
        """Return whether what comes out may be something else than what arrives."""
        return bool(self._layers)

    def feed(self, data: bytes, *, is_last: bool = False) -> Iterator[bytes]:
        """Give what can be told after `data`.

        Raises:
            DownloadError: it cannot be unpacked.
        """
        return self._feed(self._layers, data, is_last=is_last)

    def _feed(self, layers: list[_Layer], data: bytes, *, is_last: bool) -> Iterator[bytes]:
        if not layers:
            yield data
            return
        for piece in layers[0].feed(data, is_last=is_last):
            yield from self._feed(layers[1:], piece, is_last=False)
        if is_last:
            yield from self._feed(layers[1:], b"", is_last=True)


class _Layer:
    """One packing, if the bytes have it."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._head: bytes | None = b""
        """What came before it could be told whether they have; None once it could."""
        self._decoder: zlib._Decompress | None = None
        self._is_over = False

    def feed(self, data: bytes, *, is_last: bool) -> Iterator[bytes]:
        if self._head is not None:
            data = self._head + data
            if len(data) < HEAD_BYTES and not is_last:
                self._head = data
                return
            self._head = None
            self._decoder = _decoder_for(self._label, data)
        if self._decoder is None:
            yield data
            return
        try:
            yield from self._unpack(self._decoder, data)
            if is_last and not self._is_over:
                yield self._decoder.flush()
                if not self._decoder.eof:
                    raise PassingError("the server hung up before the end")
        except zlib.error:
            raise DownloadError("it is packed, and cannot be unpacked") from None

    def _unpack(self, decoder: zlib._Decompress, data: bytes) -> Iterator[bytes]:
        while data and not self._is_over:
            yield decoder.decompress(data, _BLOCK_BYTES)
            data = decoder.unconsumed_tail
            if decoder.eof:
                # Another part may follow; anything else behind the end is nobody's.
                data = decoder.unused_data
                self._is_over = not data.startswith(GZIP)
                if not self._is_over:
                    decoder = self._decoder = zlib.decompressobj(wbits=31)


def _decoder_for(label: str, head: bytes) -> zlib._Decompress | None:
    """Return what unpacks a file that begins with `head`; None where it is plain already."""
    if head.startswith(GZIP):
        return zlib.decompressobj(wbits=31)
    if label != "deflate" or kind_of_content(head) is not None:
        return None
    # The name is used for two forms: with zlib's own head, and without.
    for wbits in (15, -15):
        try:
            zlib.decompressobj(wbits).decompress(head, HEAD_BYTES)
        except zlib.error:
            continue
        return zlib.decompressobj(wbits)
    return None

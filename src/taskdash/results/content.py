"""Identifies a file by its first bytes, else by its name: servers mislabel files, and send errors in their place.

A compression that a server applies unasked is undone, if the bytes agree with its label: servers also label plain files
with things that are no compression (`UTF-8`), or with the way they were once sent (`aws-chunked`).
"""

from __future__ import annotations

import mimetypes
import re
import zlib
from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from taskdash.results.links import DownloadError, ExpiredError, PassingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from pathlib import Path

HEAD_BYTES: Final = 512

EXPIRED: Final = "the link has probably expired"

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"BM", "bmp"),
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"glTF", "glb"),
)
_RIFF: Final = {b"WEBP": "webp", b"WAVE": "wav", b"AVI ": "avi"}
_BRANDS: Final = {
    **dict.fromkeys((b"avif", b"avis"), "avif"),
    **dict.fromkeys((b"heic", b"heix", b"mif1"), "heic"),
    **dict.fromkeys((b"M4A ", b"M4B "), "m4a"),
    b"qt  ": "mov",
}
_MEDIA: Final = frozenset(
    [
        *(ending for _, ending in _MAGIC),
        *_RIFF.values(),
        *_BRANDS.values(),
        *("jpeg", "jfif", "tif", "heif", "jxl", "exr", "psd", "mp4", "m4v", "mpg", "mpeg", "webm", "mkv"),
        *("ogv", "oga", "opus", "aac"),
    ]
)
"""Endings of files that are never text."""
_WRITTEN_AS_XML: Final = frozenset({"svg", "xml", "dae", "ttml", "musicxml", "x3d"})
_WRITTEN_AS_JSON: Final = frozenset({"json", "gltf"})
_DOCUMENTS: Final = frozenset(
    [*_WRITTEN_AS_XML, *_WRITTEN_AS_JSON, *("pdf", "srt", "vtt", "obj", "zip", "gz", "txt", "csv", "md")]
)
_NEVER_GIVEN: Final = re.compile(
    "app|aspx?|bash|bat|cgi|cmd|com|command|desktop|dll|exe|fish|hta|html?|jar|jse?|jsp|lnk|mjs|msi|php|pif|pl|"
    "psm?1|py|rb|reg|scr|sh|url|vbs?|webloc|wsf|xhtml|zsh"
)
"""Endings of files that some system, to which the folder may be shared, runs or opens as a page."""
_ENDING: Final = re.compile(r"\.(?=[0-9]*[a-z])([a-z0-9]{1,8})$")
_FILE_NAME: Final = re.compile(r"""filename\*?\s*=\s*(?:[\w-]*'[^']*')?"?([^";]+)""", re.IGNORECASE)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
# Whatever may precede the first element is matched possessively, so that hostile text takes only linear time.
_SVG: Final = re.compile(
    rb"(?>\xef\xbb\xbf|\s|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+svg\b[^>\[]*(?:\[.*?\]\s*)?>)*+<(?:\w+:)?svg[\s>/]",
    re.DOTALL | re.IGNORECASE,
)
_HTML: Final = re.compile(
    rb"(?>\xef\xbb\xbf|\s|<!--.*?-->)*+<(?:!doctype\s+html|html|head|body|meta|title|script|style|h1|p|div|center)[\s>/]",
    re.DOTALL | re.IGNORECASE,
)
_JSON: Final = re.compile(rb"\{\s*[\"}]|\[\s*[\[\]{\"]")
_MPEG_AUDIO: Final = (0xE2, 0xE3, 0xF2, 0xF3, 0xFA, 0xFB)
_EXPIRED: Final = (
    *(b"accessdenied", b"request has expired", b"expiredtoken", b"authenticationfailed", b"nosuchkey"),
    *(b"signaturedoesnotmatch", b"invalidaccesskeyid", b"blobnotfound", b"invalid date format or expired"),
)
"""Phrases in the XML of file hosts (S3, OSS, GCS, Azure) for an expired link."""


def is_data(path: Path) -> bool:
    """Return whether a path is absolute, and has the ending of a file that is viewed or played and never run."""
    ending = path.suffix.removeprefix(".").lower()
    return path.is_absolute() and (ending in _MEDIA or ending in _DOCUMENTS)


def says_expired(head: bytes) -> bool:
    """Return whether an error page of a file host says that the link has expired."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<?xml", b"<error")) and any(word in start for word in _EXPIRED)


def kind_of_content(head: bytes) -> str | None:
    """Return the ending for a picture, clip or sound that begins with `head`; None for anything else."""
    for magic, ending in _MAGIC:
        if head.startswith(magic):
            # Text may begin with BM as well, but the header of a bitmap has zeros here.
            return ending if ending != "bmp" or head[6:10] == b"\0\0\0\0" else None
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "mp4")
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "mkv"
    if len(head) > 2 and head[0] == 0xFF and head[1] in _MPEG_AUDIO:
        return "mp3"
    return "svg" if _SVG.match(head) else None


@dataclass(frozen=True, slots=True)
class Claim:
    """Says what kind of file a result is, according to the server and the link."""

    media_type: str
    """Such as `image/png`; "" if the server does not say."""
    ending: str
    """"" if neither says."""

    @property
    def is_media(self) -> bool:
        """Return whether it is said to be a picture, clip or sound."""
        return _is_media(self.media_type) or self.ending in _MEDIA


def claim_of(headers: Mapping[str, str], urls: Iterable[str]) -> Claim:
    """Return the claim of an answer, from its headers (names in lower case) and its URLs, the last one first."""
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    file_name = _FILE_NAME.search(headers.get("content-disposition", ""))
    names = (unquote(urlsplit(url).path) for url in urls)
    says = (
        _ending_in(file_name[1] if file_name else ""),
        *map(_ending_in, names),
        _ending_in(_ending_of_type(media_type)),
        _ending_in("." + media_type.partition("/")[2].removeprefix("x-")) if _is_media(media_type) else "",
    )
    return Claim(media_type, next(filter(None, says), ""))


def identified(head: bytes, claim: Claim, labels: Iterable[str] = ()) -> str:
    """Return the ending for a result that begins with `head`; raise DownloadError if it is none.

    `labels` are the encodings that it was said to have (see `labels_of`).
    """
    if not head:
        raise DownloadError("the answer is empty")
    if says_expired(head):
        raise ExpiredError(EXPIRED)
    if (kind := kind_of_content(head)) is not None:
        return kind
    if (what := _in_place_of_a_result(head, claim)) is not None:
        raise DownloadError(f"the answer is {what}, not a picture, clip or sound")
    if (packing := next((label for label in labels if label in OTHER_PACKINGS), None)) is not None:
        raise DownloadError(f"it is packed in a way that taskdash does not know ({packing})")
    return claim.ending or ("txt" if _is_text(head) else "bin")


def _in_place_of_a_result(head: bytes, claim: Claim) -> str | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(_PROGRAMS):
        return "a program"
    if _HTML.match(head):
        return "a web page"
    if start.startswith(b"<"):
        return None if claim.ending in _WRITTEN_AS_XML else "XML"
    if _JSON.match(start):
        return None if claim.ending in _WRITTEN_AS_JSON else "JSON"
    return "text" if claim.is_media and _is_text(head) else None


def _ending_in(name: str) -> str:
    """Return the ending of a file name; "" if it has none that identifies its kind, or a forbidden one."""
    found = _ENDING.search(name.lower())
    return "" if found is None or _NEVER_GIVEN.fullmatch(found[1]) else found[1]


def _ending_of_type(media_type: str) -> str:
    # Most JSON that no name calls JSON is an error in place of a result.
    return "" if media_type == "application/json" else mimetypes.guess_extension(media_type) or ""


def _is_media(media_type: str) -> bool:
    return media_type.startswith(("image/", "audio/", "video/"))


def _is_text(head: bytes) -> bool:
    try:
        text = getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return not _CONTROLS.search(text)


# Compression

GZIP: Final = b"\x1f\x8b\x08"
PACKINGS: Final = ("gzip", "x-gzip", "deflate")
OTHER_PACKINGS: Final = ("br", "zstd", "compress", "x-compress", "dcb", "dcz", "aws-chunked")
"""A file with one of these labels is accepted if it turns out plain after all."""
_MAX_LAYERS: Final = 3
_BLOCK_BYTES: Final = 65_536


def labels_of(content_encoding: str, claim: Claim, first: bytes) -> list[str]:
    """Return the encodings in a Content-Encoding header, in the order in which they were applied.

    A picture that arrives packed without being labelled so gets the label; `first` is its beginning.
    """
    labels = [label.strip().lower() for label in content_encoding.split(",")]
    is_packed_picture = claim.is_media and first.startswith(GZIP)
    return [*labels, "gzip"] if is_packed_picture and not set(labels) & set(PACKINGS) else labels


def packings_of(labels: Iterable[str]) -> list[str]:
    """Return the labels that can be decompressed here; raise DownloadError if there are too many."""
    packings = [label for label in labels if label in PACKINGS]
    if len(packings) > _MAX_LAYERS:
        raise DownloadError("it is packed too often")
    return packings


def unpacked(first: bytes, rest: AsyncIterator[bytes], packings: Sequence[str]) -> AsyncIterator[bytes]:
    """Return the decompressed pieces, a block at a time; they raise DownloadError if the data is corrupt."""
    pieces = _chained(first, rest)
    for packing in reversed(packings):
        pieces = _without(packing, pieces)
    return pieces


async def _without(packing: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Undo one compression, unless the data turns out not to have it."""
    head = b""
    async for piece in pieces:
        head += piece
        if len(head) >= HEAD_BYTES:
            break
    decoder = _decoder_for(packing, head)
    pieces = _chained(head, pieces)
    async for piece in pieces if decoder is None else _inflated(decoder, pieces):
        yield piece


async def _inflated(decoder: zlib._Decompress | None, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for data in pieces:
            while data and decoder is not None:
                yield decoder.decompress(data, _BLOCK_BYTES)
                data = decoder.unconsumed_tail
                if decoder.eof:
                    # Another gzip member may follow; ignore anything else after the end.
                    data = decoder.unused_data
                    decoder = zlib.decompressobj(wbits=31) if data.startswith(GZIP) else None
        if decoder is not None:
            yield decoder.flush()
            if not decoder.eof:
                raise PassingError("the server hung up before the end")
    except zlib.error:
        raise DownloadError("it is packed, and cannot be unpacked") from None


async def _chained(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in rest:
        yield piece


def _decoder_for(packing: str, head: bytes) -> zlib._Decompress | None:
    """Return a decompressor for a file that begins with `head`; None if it is plain already."""
    if head.startswith(GZIP):
        return zlib.decompressobj(wbits=31)
    if packing != "deflate" or kind_of_content(head) is not None:
        return None
    # Servers use the name for two formats: with a zlib header, which is a multiple of 31, and without.
    return zlib.decompressobj(wbits=-15 if int.from_bytes(head[:2]) % 31 else 15)

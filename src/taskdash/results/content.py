"""What a file is, told from its first bytes: servers mislabel, and an error page is not a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD_BYTES: Final = 512
"""How much of a file `kind_of_content` looks at."""
CLIPS: Final = frozenset({"mp4", "mov", "webm", "mkv", "avi"})

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
    b"avif": "avif",
    b"avis": "avif",
    b"heic": "heic",
    b"heix": "heic",
    b"mif1": "heic",
    b"qt  ": "mov",
    b"M4A ": "m4a",
    b"M4B ": "m4a",
}
_END_MARKS: Final = {"png": b"IEND", "gif": b"\0;", "jpg": b"\xff\xd9"}
_NO_LENGTH: Final = 0x7FFF_0000
"""What streams write as their length is this or more: nobody knew it when their first bytes were sent."""
_MPEG_AUDIO: Final = (0xE2, 0xE3, 0xF2, 0xF3, 0xFA, 0xFB)


_EXPIRED: Final = (
    b"accessdenied",
    b"request has expired",
    b"expiredtoken",
    b"authenticationfailed",
    b"signaturedoesnotmatch",
    b"invalidaccesskeyid",
    b"nosuchkey",
    b"blobnotfound",
    b"invalid date format or expired",
)
"""What file hosts (S3, OSS, GCS, Azure) write in the XML of a link whose time is over."""


def says_expired(head: bytes) -> bool:
    """Whether an error page of a file host says that its link is good no more."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<?xml", b"<error")) and any(word in start for word in _EXPIRED)


def kind_of_content(head: bytes) -> str | None:
    """The ending of a picture, clip or sound that begins with `head`; None for anything else."""
    for magic, ending in _MAGIC:
        if head.startswith(magic):
            # BM are letters, too: a bitmap has zeros where its header says so.
            return ending if ending != "bmp" or head[6:10] == b"\0\0\0\0" else None
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "mp4")
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "webm" if b"webm" in head[:64] else "mkv"
    if len(head) > 2 and head[0] == 0xFF and head[1] in _MPEG_AUDIO:
        return "mp3"
    return None


def describe_content(head: bytes) -> str:
    """What it is instead, for people."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:64].lower()
    if not head:
        return "the answer is empty"
    if says_expired(head):
        return EXPIRED
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "the answer is a web page, not a picture, clip or sound"
    if start.startswith((b"<?xml", b"<error", b"<svg")):
        return "the answer is XML, not a picture, clip or sound"
    if start.startswith((b"{", b"[")):
        return "the answer is JSON, not a picture, clip or sound"
    return "the answer is no picture, clip or sound of a known kind"


def lacks_its_end(ending: str, head: bytes, size: int, holds: Callable[[bytes], bool]) -> bool:
    """Return whether a file is certainly not whole; only worth asking where the server did not tell its length.

    Args:
        ending: from `kind_of_content`.
        head: its first `HEAD_BYTES`.
        size: how many bytes there are.
        holds: tells whether some bytes occur in it; an end mark may have others behind it.
    """
    if head[:4] == b"RIFF":
        length = int.from_bytes(head[4:8], "little")
        return size < length + 8 and length < _NO_LENGTH
    mark = _END_MARKS.get(ending)
    return mark is not None and not holds(mark)

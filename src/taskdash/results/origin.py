"""Writes the origin of a picture to its metadata, and reads it back: PNG and JPEG get their task and its prompt.

Nothing else in the file is touched: a few bytes are inserted before the image data.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from taskdash.domain.task import is_task_id
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from taskdash.domain.task import Task

PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER: Final = b"\0\0\0\rIHDR"
_AFTER_HEADER: Final = len(PNG) + 25
_KEYWORD: Final = b"taskdash"
_LANGUAGE: Final = b"\0\0\0\0\0"
"""Follows the keyword in an `iTXt` chunk: not compressed, and no particular language."""
_JPEG: Final = b"\xff\xd8"
_COMMENT: Final = 0xFE
_APPLICATIONS: Final = range(0xE0, 0xF0)
_BEFORE_PICTURE: Final = (*range(0xC0, 0xD0), 0xDB, 0xDD, _COMMENT, *_APPLICATIONS)
_MAX_COMMENT_BYTES: Final = 65_533
_MAX_PARTS: Final = 100_000
_MAX_ORIGIN_BYTES: Final = 4_096
_COPY_BYTES: Final = 1_048_576


class Origin(NamedTuple):
    """The task that a file is a result of."""

    profile: str
    task_id: str
    number: int | None
    """Which of its results, from 1; None if unknown."""


def origin_from(text: str | bytes) -> Origin | None:
    """Return the task named by JSON from a picture's metadata or from `show --json`; None for other texts."""
    try:
        values = json.loads(text)
        task_id, profile, number = (values.get(name) for name in ("taskId", "profile", "result"))
        if number is None and len(values.get("resultUrls", ())) == 1:
            number = 1
    except (ValueError, RecursionError, AttributeError, TypeError):
        return None
    if not isinstance(task_id, str) or not is_task_id(task_id) or not isinstance(profile, str):
        return None
    return Origin(inert_line(profile, 200), task_id, number if type(number) is int and number > 0 else None)


def sidecar_name(name: str) -> str:
    """Return the name of the sidecar, the file with the task of a saved file."""
    stem, _, ending = name.rpartition(".")
    return f"{stem or name}.json" if ending != "json" else f"{name}.json"


def with_origin(
    read: Callable[[int, int], bytes], size: int, ending: str, task: Task, number: int
) -> Iterator[bytes] | None:
    """Return a picture with its origin inserted, in pieces; None if it is no PNG or JPEG, or has no place for it.

    `read` takes an offset and a number of bytes.
    """
    origin = json.dumps({"taskId": task.task_id, "profile": task.profile, "result": number}).encode()
    prompt = (task.prompt or "").encode()
    if ending == "png" and read(0, _AFTER_HEADER).startswith(PNG + _PNG_HEADER):
        texts = [(b"Description", prompt)] if prompt else []
        added = b"".join(_png_text(name, text) for name, text in (*texts, (_KEYWORD, origin)))
        return _inserted(read, size, _AFTER_HEADER, added)
    place = _place_in_jpeg(read) if ending == "jpg" else None
    if place is None:
        return None
    texts_of_jpeg = [prompt, _KEYWORD + b" " + origin]
    return _inserted(read, size, place, b"".join(map(_jpeg_comment, filter(None, texts_of_jpeg))))


def _inserted(read: Callable[[int, int], bytes], size: int, place: int, added: bytes) -> Iterator[bytes]:
    yield read(0, place)
    yield added
    for offset in range(place, size, _COPY_BYTES):
        yield read(offset, min(_COPY_BYTES, size - offset))


def _png_text(keyword: bytes, text: bytes) -> bytes:
    content = b"iTXt" + keyword + _LANGUAGE + text
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _jpeg_comment(text: bytes) -> bytes:
    text = text[:_MAX_COMMENT_BYTES].decode("utf-8", "ignore").encode()
    return struct.pack(">BBH", 0xFF, _COMMENT, len(text) + 2) + text


def _place_in_jpeg(read: Callable[[int, int], bytes]) -> int | None:
    """Return where to insert a comment: after the application segments, which some programs expect to come first."""
    place = len(_JPEG)
    if read(0, place) != _JPEG:
        return None
    for _ in range(_MAX_PARTS):
        head = read(place, 4)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        if head[1] not in _APPLICATIONS:
            return place
        place += 2 + int.from_bytes(head[2:])
    return None


def origin_in(file: BinaryIO) -> Origin | None:
    """Return the origin in a picture's metadata; None if there is none. Raises OSError if it cannot be read."""
    start = file.read(len(PNG))
    texts = _png_texts(file) if start == PNG else _jpeg_texts(file) if start.startswith(_JPEG) else iter(())
    return next((origin for text in texts if (origin := origin_from(text))), None)


def _png_texts(file: BinaryIO) -> Iterator[bytes]:
    begin = _KEYWORD + _LANGUAGE
    for _ in range(_MAX_PARTS):
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length, read = int.from_bytes(head[:4]), 0
        if head[4:] == b"iTXt" and length <= _MAX_ORIGIN_BYTES:
            text = file.read(length)
            read = len(text)
            if text.startswith(begin):
                yield text[len(begin) :]
        file.seek(length - read + 4, 1)


def _jpeg_texts(file: BinaryIO) -> Iterator[bytes]:
    file.seek(len(_JPEG))
    for _ in range(_MAX_PARTS):
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] not in _BEFORE_PICTURE:
            return
        length = int.from_bytes(head[2:]) - 2
        text = file.read(length) if head[1] == _COMMENT and 0 < length <= _MAX_ORIGIN_BYTES else b""
        if text.startswith(_KEYWORD + b" "):
            yield text[len(_KEYWORD) + 1 :]
        file.seek(max(0, length - len(text)), 1)

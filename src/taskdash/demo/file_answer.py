"""How a file is answered over HTTP: whole, in part, or not again (RFC 9110, sections 13 and 14)."""

from __future__ import annotations

import hashlib
import re
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

from taskdash.domain.values import value

if TYPE_CHECKING:
    from email.message import Message

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*")


@value(frozen=True, slots=True)
class FileAnswer:
    """A status, header fields without the length, and a body."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer_file(asked: Message, data: bytes, media_type: str, modified_ms: int) -> FileAnswer:
    """Return 200, 206, 304 or 416 for a file.

    Args:
        asked: the request's header fields.
        data: the whole file.
        media_type: its `Content-Type`.
        modified_ms: when it came to be, in Unix milliseconds.
    """
    etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
    modified = formatdate(modified_ms // 1000, usegmt=True)
    headers = {"ETag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
    if _unchanged(asked, etag, modified_ms):
        return FileAnswer(304, headers, b"")
    headers["Content-Type"] = media_type
    part = _part(asked.get("Range"), len(data))
    if part is None or asked.get("If-Range", etag).strip() not in (etag, modified):
        return FileAnswer(200, headers, data)
    start, stop = part
    if start >= stop:
        return FileAnswer(416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b"")
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
    return FileAnswer(206, headers, data[start:stop])


def _unchanged(asked: Message, etag: str, modified_ms: int) -> bool:
    known = asked.get("If-None-Match")
    if known is not None:
        tags = {tag.strip().removeprefix("W/") for tag in known.split(",")}
        return etag in tags or "*" in tags
    since = asked.get("If-Modified-Since")
    if since is None:
        return False
    try:
        return modified_ms // 1000 <= parsedate_to_datetime(since).timestamp()
    except (ValueError, OverflowError):
        return False


def _part(asked: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last; an empty part cannot be had, None means all of it.

    Several parts at once, and units other than bytes, are answered with the whole, as the standard allows.
    """
    found = _RANGE.fullmatch(asked) if asked else None
    if found is None or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size
    stop = size if not last else min(size, int(last) + 1)
    # A range that ends before it starts is no range at all.
    if last and int(last) < int(first):
        return None
    return int(first), stop

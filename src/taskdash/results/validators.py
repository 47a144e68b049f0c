"""What names one version of a file at a server, so that its rest can be asked for later (RFC 9110, 8.8 and 13.1.5)."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_STRONG_TAG: Final = re.compile(r'"[\x21\x23-\x7e]{1,200}"')
_DATE: Final = re.compile(r"[A-Za-z]{3}, [0-9]{2} [A-Za-z]{3} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT")
_RANGE: Final = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")


def is_validator(text: str) -> bool:
    """Whether a text may be sent as If-Range."""
    return bool(_STRONG_TAG.fullmatch(text) or _DATE.fullmatch(text))


def validator_of(header: Callable[[str], str]) -> str | None:
    """What to send as If-Range to have the rest of an answer; None where it can only be had from its start.

    A server that does not say that it knows ranges is taken at its word.
    """
    if header("accept-ranges").strip().lower() != "bytes" or not header("content-length").isdecimal():
        return None
    tag, modified = header("etag").strip(), header("last-modified").strip()
    if _STRONG_TAG.fullmatch(tag):
        return tag
    # A date counts only where nothing can have changed within its second.
    if _DATE.fullmatch(modified) and _seconds_between(modified, header("date")) >= 1:
        return modified
    return None


def content_range(text: str) -> tuple[int, int] | None:
    """The first byte of an answer that goes to the end of a file, and the size of that; None for any other."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last, whole = map(int, found.groups())
    return (first, whole) if first <= last == whole - 1 else None


def _seconds_between(earlier: str, later: str) -> float:
    try:
        return (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return 0.0

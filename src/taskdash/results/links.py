"""Checks which result links may be opened, fetched or shown as a hyperlink.

Links come from the API. They are used only if they are http or https with a host, and percent-encoded, so that nothing
in them is an option, a local path, shell syntax, or a sequence that a terminal acts on.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlsplit

MAX_URL_CHARS: Final = 8_192
# Reserved and unreserved characters of RFC 3986 and the percent sign, but not ' ( ) and other shell syntax.
_KEPT: Final = "%/:?#[]@!*+,;=&~._-"
_PORTS: Final = {"http": 80, "https": 443}


class UnsafeLinkError(ValueError):
    """A link that must not be used; the message says what is wrong with it, without repeating it."""


def checked_url(url: str) -> str:
    """Return `url` percent-encoded and safe to open.

    Raises UnsafeLinkError if it is anything but http(s) with a plain host.
    """
    if len(url) > MAX_URL_CHARS:
        raise UnsafeLinkError(f"it is longer than {MAX_URL_CHARS:,} characters")
    if any(char < " " or "\ud800" <= char <= "\udfff" for char in url):
        raise UnsafeLinkError("it has control characters in it")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        name = parts.hostname or ""
        host = name.encode("ascii" if name.isascii() else "idna").decode("ascii")
    except (ValueError, UnicodeError):
        raise UnsafeLinkError("its host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnsafeLinkError("it is no http(s) link with a host")
    if "@" in parts.netloc:
        raise UnsafeLinkError("it has a user name in it")
    if any(not (char.isalnum() or char in ".-_:") for char in host):
        raise UnsafeLinkError("its host is no host name")
    netloc = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    # Browsers treat a backslash in a path as a slash.
    rest = quote(parts.path.replace("\\", "/"), safe=_KEPT) + (
        f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    )
    return f"{parts.scheme}://{netloc}{rest}" + (
        f"#{quote(parts.fragment, safe=_KEPT)}" if parts.fragment else ""
    )


def host_and_port(url: str) -> tuple[str, int]:
    """Return host and port of an http(s) URL."""
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def safe_url(url: str) -> str | None:
    """Return `url` percent-encoded and safe to open; None for anything but http(s) with a plain host."""
    try:
        return checked_url(url)
    except UnsafeLinkError:
        return None


def shortened_url(url: str, room: int) -> str:
    """Shorten a link to `room` characters: its host and the end of its path, without the query."""
    if len(url) <= room:
        return url
    path, mark, _ = url.partition("?")
    room -= 2 * bool(mark)
    if len(path) > room:
        half = room // 2
        path = f"{path[: room - half - 1]}…{path[-half:]}"
    return f"{path}?…" if mark else path

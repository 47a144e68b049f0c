"""Checks which result links may be used, and names the reasons why the file behind one is not saved or shown.

Links come from the API. They are used only if they are http or https with a host, and percent-encoded, so that nothing
in them is an option, a local path, shell syntax, or a sequence that a terminal acts on.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

MAX_URL_CHARS: Final = 8_192
# Reserved and unreserved characters of RFC 3986 and the percent sign, but not ' ( ) and other shell syntax.
_KEPT: Final = "%/:?#[]@!*+,;=&~._-"
_PORTS: Final = {"http": 80, "https": 443}


class UnsafeLinkError(ValueError):
    """A link must not be used; the message says what is wrong with it, without repeating it."""


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


# What goes wrong behind a link


class DownloadError(Exception):
    """A result was not saved; the message says why, and is safe to show."""

    passing = False
    """Whether a retry may succeed a little later, so that bytes already received are worth keeping."""


class PassingError(DownloadError):
    """The server or the network failed for now."""

    passing = True

    def __init__(self, message: str, *, after_s: float = 0.0) -> None:
        """Take the reason, and how long the server asked to be left alone."""
        super().__init__(message)
        self.after_s = after_s


class ExpiredError(DownloadError):
    """The link is dead, or its file is not there yet."""

    def __init__(self, message: str, *, may_come: bool = False) -> None:
        """Take the reason, and whether servers answer the same for a file that is not there yet."""
        super().__init__(message)
        self.may_come = may_come


class PrivateHostError(DownloadError):
    """The link leads into a network of the user's own."""


class DiskError(DownloadError):
    """The file cannot be written to the folder or the disk."""


class LockedError(DownloadError):
    """Another process is saving it, which says nothing about the result."""


class Refused(NamedTuple):
    """There is no picture of a result."""

    why: str
    is_other: bool = False
    """Nothing is wrong: it is a video, or something else that is not a picture, as `why` says."""
    is_expired: bool = False
    """The link is dead; the record may have another one."""

"""Fetches the file behind a link from outside, with plain GET requests to permitted hosts only.

The API key never comes near this. A link and each of its redirects is checked, connections go only where they may
(`results.guard`), and reading stops if the first bytes are those of an error, a page or a program. An interrupted
fetch is resumed, if the server can confirm that the file is still the same.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import urljoin

import httpcore

from taskdash import __version__
from taskdash.api.result_urls import encoded_url
from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import size_words
from taskdash.results.content import (
    EXPIRED,
    HEAD_BYTES,
    Claim,
    claim_of,
    identified,
    labels_of,
    packings_of,
    says_expired,
    unpacked,
)
from taskdash.results.guard import Guard, resolve
from taskdash.results.links import (
    DiskError,
    DownloadError,
    ExpiredError,
    PassingError,
    host_and_port,
    safe_url,
)
from taskdash.results.part import tag_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from taskdash.results.guard import Resolver
    from taskdash.results.part import Sink

CONNECT_S: Final = 10.0
"""How long to wait for each address of a host."""
ANSWER_S: Final = 30.0
"""How long to wait for the head of a response, including the connection."""
STALL_S: Final = 20.0
"""How long to wait for the next `STALL_BYTES`: a server that sends a byte now and then is no better than a dead one."""
STALL_BYTES: Final = 4_096
MAX_REDIRECTS: Final = 5
MAX_RETRY_AFTER_S: Final = 30.0
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_GONE: Final = (403, 404, 410)
_PASSING: Final = (408, 425, 429, 500, 502, 503, 504)
_HEADERS: Final = [
    (b"Accept", b"image/*, video/*, audio/*, */*;q=0.1"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"taskdash/{__version__}".encode()),
]
_NOT_ASCII: Final = re.compile(rb"[\x80-\xff]")
_NUMBER: Final = re.compile(r"[0-9]{1,15}")


class Fetcher:
    """Fetches results of one gateway, possibly several at once."""

    def __init__(
        self,
        base_url: str,
        *,
        allow_private: bool = False,
        max_bytes: int | None = None,
        limited_by: str = "",
        resolver: Resolver = resolve,
    ) -> None:
        self._guard = Guard(base_url, allow_private=allow_private, resolver=resolver)
        self._max_bytes = max_bytes
        """The size of the largest result to fetch; None: whatever the disk has room for."""
        self._limited_by = limited_by
        """Text for the user that follows the limit."""

    async def fetch(self, url: str, sink: Sink) -> str:
        """Fetch the file behind `url`, or the rest that `sink` lacks; return the ending for its kind, such as `png`.

        If a `DownloadError` is raised, the content of `sink` is worth keeping only if the error is a passing one.
        """
        if sink.size and sink.size == sink.whole:
            # An earlier run ended before it was recorded as saved.
            return _take(sink, claim_of({}, [url]))
        return await self._follow(url, sink)

    async def _follow(self, url: str, sink: Sink) -> str:
        places: list[str] = []
        for _ in range(MAX_REDIRECTS + 1):
            safe = safe_url(url)
            if safe is None:
                raise DownloadError("it is no http(s) link with a host")
            places.insert(0, safe)
            location = await self._ask(places, sink)
            if location is None:
                return sink.ending or ""
            try:
                url = urljoin(safe, location)
            except ValueError:
                raise DownloadError("it is redirected to what is no link") from None
        raise DownloadError(f"it is redirected more than {MAX_REDIRECTS} times")

    async def _ask(self, places: Sequence[str], sink: Sink) -> str | None:
        """Request the first of `places`; return where it redirects to, or None once the file has arrived."""
        url = places[0]
        host = host_and_port(url)[0]
        try:
            async with (
                asyncio.timeout(ANSWER_S) as timer,
                self._guard.connections_to(url) as pool,
                pool.stream(
                    "GET",
                    url,
                    headers=[*_HEADERS, *sink.range_headers()],
                    extensions={"timeout": {"connect": CONNECT_S}},
                ) as response,
            ):
                answer = _Answer(response, timer)
                if answer.status in _REDIRECTS:
                    return _location(answer.headers)
                if answer.status == 416 and sink.size:
                    _discard(sink)
                if answer.status not in (200, 206):
                    await _refuse(answer)
                await self._receive(answer, sink, places)
                return None
        except DownloadError:
            raise
        except Exception as error:
            raise _download_error(host, error) from None

    async def _receive(self, answer: _Answer, sink: Sink, places: Sequence[str]) -> None:
        """Receive the file, or its missing rest, into the sink."""
        headers, is_rest = answer.headers, answer.status == 206
        claim = claim_of(headers, places)
        async with aclosing(answer.chunks()) as arriving:
            first = await anext(arriving, b"")
            labels = labels_of(headers.get("content-encoding", ""), claim, b"" if is_rest else first)
            packings = packings_of(labels)
            _begin(sink, headers, is_rest=is_rest, is_packed=bool(packings))
            async for piece in unpacked(first, arriving, packings):
                self._keep(piece, sink, claim, labels)
        if sink.ending is None:
            _take(sink, claim, labels)
        if sink.whole not in (None, sink.size):
            raise PassingError("the server hung up before the end")

    def _keep(self, piece: bytes, sink: Sink, claim: Claim, labels: Sequence[str]) -> None:
        sink.write(piece)
        if sink.ending is None:
            if sink.size < HEAD_BYTES:
                return
            _take(sink, claim, labels)
        size, room = max(sink.size, sink.whole or 0), sink.room
        if self._max_bytes is not None and size > self._max_bytes:
            raise DownloadError(f"it is larger than {size_words(self._max_bytes)}{self._limited_by}")
        if room is not None and size > room:
            raise DiskError(f"it is larger than {size_words(room)}, which is all that the disk has room for")


class _Answer:
    """Reads a response, as long as enough of it arrives in time."""

    def __init__(self, response: httpcore.Response, timer: asyncio.Timeout) -> None:
        self.status = response.status
        self.headers: dict[str, str] = {}
        """By name in lower case, the first one of each name."""
        for name, value in response.headers:
            self.headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip())
        self._response = response
        self._timer = timer

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield what arrives."""
        now_s = asyncio.get_running_loop().time
        self._timer.reschedule(now_s() + STALL_S)
        heard = 0
        async for chunk in self._response.aiter_stream():
            yield chunk
            heard += len(chunk)
            if heard >= STALL_BYTES:
                heard = 0
                self._timer.reschedule(now_s() + STALL_S)


async def _refuse(answer: _Answer) -> NoReturn:
    """Raise the reason why an answer has no file."""
    status = answer.status
    if status in _GONE:
        raise ExpiredError(f"{EXPIRED} (HTTP {status})", may_come=status != 410)
    if status in _PASSING:
        wait = answer.headers.get("retry-after", "")
        after_s = float(wait) if _NUMBER.fullmatch(wait) else 0.0
        raise PassingError(f"the server says HTTP {status}", after_s=min(after_s, MAX_RETRY_AFTER_S))
    page = b""
    async with aclosing(answer.chunks()) as arriving:
        async for chunk in arriving:
            page += chunk[:HEAD_BYTES]
            if len(page) >= HEAD_BYTES:
                break
    if says_expired(page):
        raise ExpiredError(f"{EXPIRED} (HTTP {status})")
    raise DownloadError(f"the server says HTTP {status}")


def _begin(sink: Sink, headers: Mapping[str, str], *, is_rest: bool, is_packed: bool) -> None:
    """Prepare the sink for the whole file, or for the missing rest.

    Raises PassingError if this is the rest of another version, DownloadError if it cannot be used.
    """
    if is_rest:
        if not sink.size or sink.tag is None:
            raise DownloadError("the server sends a part of it, though all of it was asked for")
        if is_packed or not sink.fits(headers):
            _discard(sink)
    elif is_packed:
        sink.begin(None, None)
    else:
        length = headers.get("content-length", "")
        sink.begin(int(length) if _NUMBER.fullmatch(length) else None, tag_of(headers))


def _discard(sink: Sink) -> NoReturn:
    """Throw away what has arrived, as the server has another version; the next try begins anew."""
    sink.begin(None, None)
    raise PassingError("the file has changed on the server")


def _take(sink: Sink, claim: Claim, labels: Sequence[str] = ()) -> str:
    ending = identified(sink.read(0, HEAD_BYTES), claim, labels)
    sink.take(ending)
    return ending


def _download_error(host: str, error: Exception) -> DownloadError:
    said = inert_line(str(error), 200) or type(error).__name__
    match error:
        case httpcore.TimeoutException() | TimeoutError():
            return PassingError(f"{host} does not answer in time")
        case httpcore.NetworkError() | httpcore.ProxyError():
            return PassingError(f"{host} cannot be reached: {said}")
        case httpcore.RemoteProtocolError():
            return PassingError(f"{host}: {said}")
        case UsageError():
            return DownloadError(str(error))
        case _:
            # One broken server or link must not end the other downloads.
            return DownloadError(f"{host}: {said}")


def _location(headers: Mapping[str, str]) -> str:
    """Return where a response redirects to: usually UTF-8; otherwise each byte is percent-encoded as it is."""
    raw = headers.get("location", "").encode("latin-1")
    try:
        return encoded_url(raw.decode())
    except UnicodeDecodeError:
        return encoded_url(_NOT_ASCII.sub(lambda byte: b"%%%02X" % ord(byte[0]), raw).decode("ascii"))

"""Fetches a file that a link from outside leads to, without ever saying more than GET or asking where it must not.

The API key never comes near this. A link and each redirect of it is judged anew, connections go only where they may
(`results.guard`), and what by its own bytes is an error, a page or a program is not read any further. A fetch
that was broken off goes on where it stopped, if the server can tell that the file is still the same.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin

import httpcore

from taskdash import __version__
from taskdash.api.result_urls import encoded_url
from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line
from taskdash.results.content import (
    EXPIRED,
    GZIP,
    HEAD_BYTES,
    OTHER_PACKINGS,
    PACKINGS,
    Claim,
    Unpacking,
    claim_of,
    ending_of,
    kind_of_content,
    labels_of,
    lacks_its_end,
    says_expired,
    why_refused,
)
from taskdash.results.download_status import size_words
from taskdash.results.faults import DiskError, DownloadError, ExpiredError, PassingError, PrivateHostError
from taskdash.results.guard import Guard, PrivateAddressError, resolve
from taskdash.results.links import host_and_port, safe_url
from taskdash.results.part import is_rest, range_headers, validator_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskdash.results.guard import Resolver
    from taskdash.results.part import Sink

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


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a fetch waits for what."""

    connect_s: float = 10.0
    """For each address of a host."""
    answer_s: float = 30.0
    """For the head of the answer, connecting included."""
    stall_s: float = 20.0
    """For the next `stall_bytes`: a server that sends a byte now and then is as good as one that sends none."""
    stall_bytes: int = 4_096


class _StaleError(Exception):
    """The server has another version of the file than the one that was begun."""


class Fetcher:
    """Fetches results of one gateway. It may be used for several at once."""

    def __init__(
        self,
        base_url: str,
        *,
        allow_private: bool = False,
        max_bytes: int | None = None,
        limited_by: str = "",
        timeouts: Timeouts | None = None,
        resolver: Resolver = resolve,
    ) -> None:
        self._guard = Guard(base_url, allow_private=allow_private, resolver=resolver)
        self._max_bytes = max_bytes
        """The largest result that is fetched; None: what there is room for."""
        self._limited_by = limited_by
        """What to tell of that limit, after it."""
        self._timeouts = timeouts or Timeouts()

    async def fetch(self, url: str, sink: Sink) -> str:
        """Fetch what `url` leads to, or the rest of it; return the ending of its kind, such as `png`.

        Args:
            url: from outside.
            sink: where it goes, with what is there already.

        Raises:
            DownloadError: it cannot be had; what `sink` holds is worth keeping only if the error is a passing one.
        """
        if sink.size and not any(sink.read(0, HEAD_BYTES)):
            # What did not reach the disk before a crash is zeros.
            sink.begin(None, None)
        if sink.size:
            try:
                if sink.is_whole:
                    return _take(sink, _Answer(claim_of({}, [url])))
                return await self._follow(url, sink)
            except _StaleError:
                pass
            except DownloadError as error:
                # What was there may have been damaged since: only what comes in one piece proves a link bad.
                if error.passing or isinstance(error, ExpiredError | PrivateHostError | DiskError):
                    raise
            sink.begin(None, None)
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
        """Ask the first of `places`; return where that redirects to, None once all has arrived."""
        url = places[0]
        host = host_and_port(url)[0]
        try:
            async with (
                asyncio.timeout(self._timeouts.answer_s) as timer,
                self._guard.connections_to(url) as pool,
            ):
                timeouts = {"timeout": {"connect": self._timeouts.connect_s}}
                asking = pool.stream(
                    "GET", url, headers=[*_HEADERS, *range_headers(sink)], extensions=timeouts
                )
                async with asking as response:
                    headers = _headers_of(response)
                    if response.status in _REDIRECTS:
                        return _location(headers)
                    if response.status not in (200, 206):
                        await self._refuse(response, headers, timer, asked_for_rest=sink.size > 0)
                    await self._receive(response, headers, timer, sink, places)
                    return None
        except PrivateAddressError:
            raise PrivateHostError(
                f"{host} is a private address: profiles.<name>.allow_private = true in the config allows it"
            ) from None
        except (DownloadError, _StaleError):
            raise
        except (httpcore.TimeoutException, TimeoutError):
            raise PassingError(f"{host} does not answer in time") from None
        except (httpcore.NetworkError, httpcore.ProxyError) as error:
            raise PassingError(f"{host} cannot be reached: {_said(error)}") from None
        except httpcore.RemoteProtocolError as error:
            raise PassingError(f"{host}: {_said(error)}") from None
        except UsageError as error:
            raise DownloadError(str(error)) from None
        except Exception as error:
            # One broken server or link must not end the others' downloads.
            raise DownloadError(f"{host}: {_said(error)}") from None

    async def _receive(
        self,
        response: httpcore.Response,
        headers: Mapping[str, str],
        timer: asyncio.Timeout,
        sink: Sink,
        places: Sequence[str],
    ) -> None:
        waits, heard = self._timeouts, 0
        _set(timer, waits.stall_s)
        arriving = aiter(response.aiter_stream())
        chunk = await anext(arriving, b"")
        answer = _begin(response.status, headers, sink, places, chunk)
        while chunk:
            self._keep(answer.unpacking.feed(chunk), sink, answer)
            heard += len(chunk)
            if heard >= waits.stall_bytes:
                heard = 0
                _set(timer, waits.stall_s)
            chunk = await anext(arriving, b"")
        self._keep(answer.unpacking.feed(b"", is_last=True), sink, answer)
        ending = sink.ending or _take(sink, answer)
        if not _is_complete(headers, sink, ending):
            raise PassingError("the server hung up before the end")

    def _keep(self, pieces: Iterable[bytes], sink: Sink, answer: _Answer) -> None:
        for piece in pieces:
            sink.write(piece)
            if sink.ending is None:
                if sink.size < HEAD_BYTES:
                    continue
                _take(sink, answer)
            self._check_size(sink)

    def _check_size(self, sink: Sink) -> None:
        """Refuse what is too large, or says that it will be."""
        size = max(sink.size, sink.whole or 0)
        if self._max_bytes is not None and size > self._max_bytes:
            raise DownloadError(f"it is larger than {size_words(self._max_bytes)}{self._limited_by}")
        room = sink.room()
        if room is not None and size > room:
            raise DiskError(f"it is larger than {size_words(room)}, which is all that the disk has room for")

    async def _refuse(
        self,
        response: httpcore.Response,
        headers: Mapping[str, str],
        timer: asyncio.Timeout,
        *,
        asked_for_rest: bool,
    ) -> None:
        status = response.status
        if status == 416 and asked_for_rest:
            raise _StaleError
        if status in _GONE:
            raise ExpiredError(f"{EXPIRED} (HTTP {status})", may_come=status != 410)
        if status in _PASSING:
            wait = headers.get("retry-after", "")
            after_s = float(wait) if _NUMBER.fullmatch(wait) else 0.0
            raise PassingError(f"the server says HTTP {status}", after_s=min(after_s, MAX_RETRY_AFTER_S))
        _set(timer, self._timeouts.stall_s)
        page = b""
        async for chunk in response.aiter_stream():
            page += chunk[:HEAD_BYTES]
            if len(page) >= HEAD_BYTES:
                break
        if says_expired(page):
            raise ExpiredError(f"{EXPIRED} (HTTP {status})")
        raise DownloadError(f"the server says HTTP {status}")


class _Answer:
    """What an answer says of the file in it."""

    def __init__(self, claim: Claim, labels: Sequence[str] = ()) -> None:
        self.claim = claim
        self.labels = labels
        """Of its Content-Encoding."""
        self.unpacking = Unpacking(labels)


def _begin(
    status: int, headers: Mapping[str, str], sink: Sink, places: Sequence[str], first: bytes
) -> _Answer:
    """Have the sink ready for what comes: all of it, or what is missing; `first` are its first bytes.

    Raises:
        _StaleError: it is the rest of another file.
        DownloadError: it cannot be used.
    """
    claim = claim_of(headers, places)
    labels = labels_of(headers.get("content-encoding", ""))
    if status == 200 and claim.is_media and first.startswith(GZIP) and not set(labels) & set(PACKINGS):
        labels = [*labels, "gzip"]
    answer = _Answer(claim, labels)
    if status == 206:
        if not sink.size or sink.validator is None:
            raise DownloadError("the server sends a part of it, though all of it was asked for")
        if answer.unpacking.may_change_it or not is_rest(headers, sink):
            raise _StaleError
    elif answer.unpacking.may_change_it:
        sink.begin(None, None)
    else:
        length = headers.get("content-length", "")
        sink.begin(int(length) if _NUMBER.fullmatch(length) else None, validator_of(headers))
    return answer


def _is_complete(headers: Mapping[str, str], sink: Sink, ending: str) -> bool:
    """Return whether all has arrived, as far as anybody can tell."""
    if sink.whole is not None:
        return sink.size == sink.whole
    if headers.get("transfer-encoding") or headers.get("content-length"):
        # Had any of it been missing, that would have been an error.
        return True
    head = sink.read(0, HEAD_BYTES)
    return not lacks_its_end(ending, head, sink.size, sink.holds)


def _take(sink: Sink, answer: _Answer) -> str:
    """Have the sink know what it is; return the ending of that.

    Raises:
        DownloadError: it is no result.
    """
    head = sink.read(0, HEAD_BYTES)
    why = why_refused(head, answer.claim)
    if why is not None:
        raise ExpiredError(why) if why == EXPIRED else DownloadError(why)
    packing = next((label for label in answer.labels if label in OTHER_PACKINGS), None)
    if packing is not None and kind_of_content(head) is None:
        raise DownloadError(f"it is packed in a way that taskdash does not know ({packing})")
    ending = ending_of(head, answer.claim)
    sink.take(ending)
    return ending


def _set(timer: asyncio.Timeout, after_s: float) -> None:
    timer.reschedule(asyncio.get_running_loop().time() + after_s)


def _said(error: Exception) -> str:
    return inert_line(str(error), 200) or type(error).__name__


def _headers_of(response: httpcore.Response) -> dict[str, str]:
    """Return the headers of an answer under names in lower case, of several with one name the first."""
    headers: dict[str, str] = {}
    for name, value in response.headers:
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip())
    return headers


def _location(headers: Mapping[str, str]) -> str:
    """Return where an answer redirects to; it says so in UTF-8 mostly, else each byte stays what it is."""
    raw = headers.get("location", "").encode("latin-1")
    try:
        return encoded_url(raw.decode())
    except UnicodeDecodeError:
        return encoded_url(_NOT_ASCII.sub(lambda byte: b"%%%02X" % ord(byte[0]), raw).decode("ascii"))

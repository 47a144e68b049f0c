"""Sends checks, each one `recordInfo` request for one task, and turns every outcome into an `Answer`.

No network error leaves this module as an exception. How many checks are sent, and when, is up to the
caller; nothing is retried here.

It uses httpx's transport without its client, so no cookie is kept, no URL is logged, and no `Location` is parsed:
the client does that even with redirects off, and lets its parser's exceptions through.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import socket
import ssl
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from taskdash import __version__
from taskdash.api.network import explain, find_proxy, is_hang_up, tls_context
from taskdash.api.values import MAX_BODY_BYTES
from taskdash.api.wire import parse_answer
from taskdash.domain.errors import UsageError
from taskdash.domain.gateways import AUTH_HEADER, RECORD_PATH, header_of, target_of
from taskdash.domain.record import Answer
from taskdash.domain.secret import KnownKeys
from taskdash.domain.task import ProblemKind
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from taskdash.domain.secret import Secret

KEEP_ALIVE_S: Final = 4.0
"""How long an idle connection is kept. Common servers close theirs after 5 s, and a request that crosses the
close is lost, so we close first."""
LARGE_BYTES: Final = 64 * 1024
"""Answers larger than this are read one at a time."""
RECEIVE_BYTES: Final = 64 * 1024
"""The socket's receive buffer, which limits how much of an unread answer the system holds and returns at once."""

_PORTS: Final = {"http": 80, "https": 443}
_SUSPECT: Final = (ProblemKind.UNREADABLE, ProblemKind.UNREACHABLE)
_log = logging.getLogger(__name__)


class Gateway:
    """Asks one API base URL with one key. Bound to the event loop that first uses it."""

    def __init__(
        self,
        base_url: str,
        key: Secret,
        *,
        auth_header: str = AUTH_HEADER,
        deadline_s: float = 15.0,
        trust_env: bool = True,
    ) -> None:
        """Check everything a request depends on, without sending one.

        Args:
            base_url: As checked by `config`; its path is prepended to the API's.
            key: Sent to this host and no other.
            auth_header: The header that carries the key, from the config.
            deadline_s: How long a request may take from connecting to the last byte of its answer.
            trust_env: Whether to use the environment's proxies and certificates.

        Raises:
            UsageError: the base URL is broken, or a variable that applies to it; the message names the variable.
        """
        environ: Mapping[str, str] = os.environ if trust_env else {}
        base = _read_base(base_url)
        self._peer = base.netloc.decode()
        self._origin = httpx.URL(f"{base.scheme}://{self._peer}")
        self._prefix = base.raw_path.decode().rstrip("/")
        port = base.port or _PORTS[base.scheme]
        self._proxy = find_proxy(base.scheme, base.raw_host.decode(), port, environ)
        name, value = header_of(auth_header, key.reveal())
        self._headers = httpx.Headers(
            {
                "Host": self._peer,
                name: value,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": f"taskdash/{__version__}",
            }
        )
        self._keys = KnownKeys([key])
        self._deadline_s = deadline_s
        # Otherwise a context that trusts nobody and is never used: loading the CA certificates takes 20 ms.
        needs_tls = base.scheme == "https" or self._proxy is not None
        tls = tls_context(environ) if needs_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._proxy is not None and self._proxy.is_https:
            self._proxy.server.ssl_context = tls
        self._new_transport = partial(
            httpx.AsyncHTTPTransport,
            verify=tls,
            proxy=self._proxy.server if self._proxy else None,
            limits=httpx.Limits(keepalive_expiry=KEEP_ALIVE_S),
            socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)],
        )
        self._transport = self._new_transport()
        self._reading_large = asyncio.Lock()
        self.room_for_large: Callable[[], Awaitable[None]] | None = None
        """Awaited before a large answer is read, so that whoever stores the answers can hold it back."""
        self._lost: set[str] = set()
        # httpcore logs response headers at DEBUG.
        for library in ("httpcore", "httpx"):
            logging.getLogger(library).setLevel(logging.WARNING)

    async def fetch_record(self, task_id: str, path: str = RECORD_PATH) -> Answer:
        """Send one check to a path from the config. Raises nothing but CancelledError.

        How many are in flight at once is up to the caller. A lost check (`Answer.is_lost`) gets a new connection when
        it is sent again.
        """
        if task_id not in self._lost:
            return await self._check(self._transport, task_id, path)
        self._lost.discard(task_id)
        async with self._new_transport() as transport:
            return await self._check(transport, task_id, path)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def _check(self, transport: httpx.AsyncHTTPTransport, task_id: str, path: str) -> Answer:
        deadline = asyncio.timeout(self._deadline_s)
        try:
            # A large answer keeps its turn until it is parsed.
            async with AsyncExitStack() as turn_of_large:
                async with deadline:
                    response = await _send(transport, self._request(task_id, path))
                    body = await _read(response, partial(self._wait_for_room, turn_of_large, deadline))
                return await self._parse(response, body, task_id)
        except CrossedError:
            self._lost.add(task_id)
            message = f"{self._peer} closed a kept connection just as the check crossed"
            _log.debug("%s: it is sent again", message)
            return Answer(problem=ProblemKind.UNREACHABLE, message=message, is_lost=True)
        except Exception as fault:
            # Whatever the network or a library does to this request, later ones must still be sent.
            if deadline.expired():
                where = f"{self._peer} by the proxy {self._proxy}" if self._proxy else self._peer
                message = f"no complete answer from {where} within {self._deadline_s:g}s"
            else:
                message = explain(fault, self._peer, self._proxy)
            message = self._keys.redact(message)
            _log.info("check failed: %s: %s", type(fault).__name__, message)
            return Answer(problem=ProblemKind.UNREACHABLE, message=message)

    def _request(self, task_id: str, path: str) -> httpx.Request:
        target = self._prefix + target_of(path, task_id)
        if self._proxy:
            return httpx.Request("GET", f"{self._origin}{target}", headers=self._headers)
        # Parsing a URL takes a tenth of a check's CPU time. Not for a proxy, which needs the host in the target.
        return httpx.Request(
            "GET", self._origin, headers=self._headers, extensions={"target": target.encode("ascii")}
        )

    async def _wait_for_room(self, turn_of_large: AsyncExitStack, deadline: asyncio.Timeout) -> None:
        """Wait for this large answer's turn, with the deadline suspended, as the server is not to blame.

        A body, its text and its values take ten times its size while it is parsed, so a gateway that sent a large
        one to every request at once would use hundreds of megabytes.
        """
        loop = asyncio.get_running_loop()
        left_s = (deadline.when() or math.inf) - loop.time()
        deadline.reschedule(None)
        await turn_of_large.enter_async_context(self._reading_large)
        if self.room_for_large is not None:
            await self.room_for_large()
        deadline.reschedule(loop.time() + left_s)

    async def _parse(self, response: httpx.Response, body: bytes, task_id: str) -> Answer:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw
        }
        answer = parse_answer(response.status_code, headers, body, task_id, now_s=time.time())
        if answer.problem in _SUSPECT:
            # The answer may belong to another request: one response too many shifts all that follow. A redirect
            # does not come from this API, and some have a body where HTTP does not allow one.
            await response.extensions["network_stream"].aclose()
        # If a gateway quotes the key, it must be neither stored nor shown.
        return self._keys.redact_values(answer)


class CrossedError(Exception):
    """Tells that the server closed a kept-alive connection while a request was on its way."""


async def _send(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
    """Send a request and return the response with its body unread; on failure close any connection opened for it.

    A kept connection that the server has already closed is noticed before anything is sent (httpx checks whether it
    is readable). If the close crosses the request, CrossedError is raised; other failures are those that
    `network.explain` understands.
    """
    opened: list[Any] = []

    async def note(event: str, info: Mapping[str, Any]) -> None:
        # Called by httpx for every step.
        if event.endswith("connect_tcp.complete"):
            opened.append(info["return_value"])

    request.extensions["trace"] = note
    try:
        return await transport.handle_async_request(request)
    except BaseException as fault:
        # httpx leaks a connection whose TLS handshake is cancelled.
        for connection in opened:
            await connection.aclose()
        is_crossed = isinstance(fault, httpx.RemoteProtocolError | httpx.ReadError) and is_hang_up(fault)
        if is_crossed and not opened:
            raise CrossedError from fault
        raise


async def _read(response: httpx.Response, wait_for_room: Callable[[], Awaitable[None]]) -> bytes:
    """Return the body, cut after `MAX_BODY_BYTES` + 1 bytes.

    Once it turns out to be large, wait for room before reading the rest.
    """
    # A single growing buffer would be copied at each step, and once more at the end.
    parts: list[bytes] = []
    size, is_large = 0, False
    try:
        async for chunk in cast("httpx.AsyncByteStream", response.stream):
            parts.append(chunk[: MAX_BODY_BYTES + 1 - size])
            size += len(parts[-1])
            if size > LARGE_BYTES and not is_large:
                is_large = True
                await wait_for_room()
            if size > MAX_BODY_BYTES:
                break
    finally:
        await response.aclose()
    return b"".join(parts)


def _read_base(base_url: str) -> httpx.URL:
    """Parse a base URL that the config has checked, with everything encoded as it is sent."""
    try:
        return httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError) as error:
        # The config lets some impossible addresses pass, which httpx rejects.
        raise UsageError(
            f"{inert_line(base_url, 200)} is not a base URL: write it like https://host"
        ) from error

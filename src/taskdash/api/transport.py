"""One connection at a time, kept between requests, with every way to leave it closed behind.

This stands on httpx's transport and leaves out its client: no cookie is kept, no URL is logged, and no
`Location` is looked at, which the client parses even where redirects are off, raising what its parser raises.
A connection of its own for each lane spares httpx's pool the look at all the others before every request.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

import httpx

from taskdash.api.faults import is_hang_up
from taskdash.domain.errors import UsageError
from taskdash.domain.values import value

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from taskdash.api.environment import Proxy

    Trace: TypeAlias = Callable[[str, Mapping[str, Any]], Awaitable[None]]

KEEP_ALIVE_S: Final = 4.0
"""How long a connection waits for its next request. Common servers hang up after 5 s, and a request that
crosses their hanging up is lost, so we do it first."""

LARGE_BYTES: Final = 64 * 1024
"""An answer of more than so many bytes is read on only when it is its turn."""

RECEIVE_BYTES: Final = 64 * 1024
"""What the system may hold of an answer that nobody reads on: all of it is handed to us as one block."""
_SOCKET_OPTIONS: Final = ((socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES),)
_ONE_CONNECTION: Final = httpx.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_ALIVE_S
)


@value(frozen=True, slots=True)
class Reply:
    """A whole HTTP answer, or the first `max_bytes` + 1 of one that is longer."""

    status: int
    headers: dict[str, str]
    """Names in lower case; of several with one name the last."""
    body: bytes


class CrossedError(Exception):
    """A kept connection was closed just as a request crossed."""


class _NoBody(httpx.AsyncByteStream):
    """No part at all, where httpx's own empty stream has an empty one, which is framed and sent."""

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        for part in tuple[bytes, ...]():
            yield part


_NO_BODY: Final = _NoBody()


class Route:
    """Where requests go, through what, and what they all carry."""

    def __init__(
        self, origin: str, headers: Mapping[str, str], tls: ssl.SSLContext, proxy: Proxy | None
    ) -> None:
        """Check everything, and connect to nothing.

        Args:
            origin: Scheme, host and port, without a slash at its end.
            headers: All that is sent, Host included.
            tls: What the host is checked with, and a proxy that speaks TLS.
            proxy: None for none, whatever the environment says.

        Raises:
            UsageError: the proxy's host cannot be one.
        """
        self._origin = origin
        self._origin_url = httpx.URL(origin)
        self._headers = httpx.Headers(headers)
        self._tls = tls
        self._proxy = _httpx_proxy(proxy, tls) if proxy else None

    def transport(self) -> httpx.AsyncHTTPTransport:
        """What makes a connection and sends requests over it."""
        return httpx.AsyncHTTPTransport(
            verify=self._tls, proxy=self._proxy, limits=_ONE_CONNECTION, socket_options=_SOCKET_OPTIONS
        )

    def request(self, target: str, trace: Trace) -> httpx.Request:
        """A GET of `target`, which is path and query in ASCII."""
        extensions: dict[str, Any] = {"trace": trace}
        if self._proxy is None:
            # To parse a URL for each check would take a twentieth of its CPU.
            url, extensions["target"] = self._origin_url, target.encode("ascii")
        else:  # httpx would give the extension to the proxy as well, in place of the host
            url = httpx.URL(self._origin + target)
        return httpx.Request("GET", url, headers=self._headers, stream=_NO_BODY, extensions=extensions)


def _httpx_proxy(proxy: Proxy, tls: ssl.SSLContext) -> httpx.Proxy:
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    auth = (proxy.auth[0].decode(), proxy.auth[1].decode()) if proxy.auth else None
    try:
        # A context for a proxy that is spoken to in plain text is refused.
        return httpx.Proxy(
            f"{proxy.scheme}://{host}:{proxy.port}",
            auth=auth,
            ssl_context=tls if proxy.scheme == "https" else None,
        )
    except httpx.InvalidURL as error:
        raise UsageError(
            f"{proxy.variable} names no host that could be a proxy: correct or unset it"
        ) from error


class _Stream(Protocol):
    async def aclose(self) -> None: ...


class Lane:
    """Sends one request at a time, over the connection of the one before where that still stands."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._opened: _Stream | None = None
        """The connection's TCP end: httpx forgets a connection whose TLS handshake is cancelled."""
        self.idle_since_s = 0.0
        """The owner's note, in the event loop's time."""

    async def get(self, target: str, max_bytes: int, turn_of_large: Callable[[], Awaitable[None]]) -> Reply:
        """Ask for `target` and read the answer up to `max_bytes` + 1 bytes of body; no time limit.

        An answer that turns out to be large waits for `turn_of_large` before more of it is read.

        A connection that the server has closed meanwhile is noticed before anything is sent (httpx looks
        whether it is readable). The closing may still cross the request on its way.

        Raises:
            CrossedError: It did, and nothing was answered.
            Exception: of httpx, h11, ssl, the system; see `faults`. The connection is closed then.
        """
        request = self._route.request(target, self._note)
        kept = self._opened
        try:
            try:
                response = await self._send(request)
            except (httpx.RemoteProtocolError, httpx.ReadError) as fault:
                if kept is None or self._opened is not kept or not is_hang_up(fault):
                    raise
                raise CrossedError from fault
            return await _read(response, max_bytes, turn_of_large)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Drop the connection, whatever state it is in."""
        transport, self._transport = self._transport, None
        opened, self._opened = self._opened, None
        try:
            if transport is not None:
                await transport.aclose()
        finally:
            if opened is not None:
                await opened.aclose()

    async def _send(self, request: httpx.Request) -> httpx.Response:
        if self._transport is None:
            self._transport = self._route.transport()
        return await self._transport.handle_async_request(request)

    async def _note(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember what was connected; httpx calls this for every step of a request."""
        if event.endswith("connect_tcp.complete"):
            self._opened = info["return_value"]


async def _read(
    response: httpx.Response, max_bytes: int, turn_of_large: Callable[[], Awaitable[None]]
) -> Reply:
    # One growing body would be copied at each step, and once more at its end.
    parts: list[bytes] = []
    size = 0
    is_large = False
    try:
        async for chunk in cast("httpx.AsyncByteStream", response.stream):
            parts.append(chunk[: max_bytes + 1 - size])
            size += len(parts[-1])
            if size > LARGE_BYTES and not is_large:
                is_large = True
                await turn_of_large()
            if size > max_bytes:
                break
    finally:
        await response.aclose()
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw
    }
    return Reply(response.status_code, headers, b"".join(parts))

"""Decides where a download may connect, and connects: a link from outside must not reach into the user's network.

The gateway's own host may be private, others only if the profile allows it. The check is made on the very address that
is connected to, after the name was resolved, so a name that resolves differently the next time gains nothing by it (DNS
rebinding).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

import httpcore

from taskdash.api.network import Proxy, find_proxy, tls_context
from taskdash.results.links import PrivateHostError, host_and_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence


Resolver: TypeAlias = Callable[[str, int], list[str]]

NEXT_ADDRESS_AFTER_S: Final = 0.25
"""How long an address has to answer before the next one is tried in parallel (RFC 8305, section 5)."""
_NAT64: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


def is_public(address: str) -> bool:
    """Return whether an address is on the public internet: not local, private, multicast or reserved."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and any(ip in network for network in _NAT64):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as text.

    Raises OSError if it has none, UnicodeError if it cannot be a host name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard(httpcore.AsyncNetworkBackend):
    """Opens connections for the results of one gateway, whose own host may be private."""

    def __init__(self, base_url: str, *, allow_private: bool = False, resolver: Resolver = resolve) -> None:
        self._own_host = host_and_port(base_url)
        self._allow_private = allow_private
        self._resolver = resolver
        self._tls: ssl.SSLContext | None = None
        self._network = httpcore.AnyIOBackend()

    @asynccontextmanager
    async def connections_to(self, url: str) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        """Open a connection pool for requests to `url`, through the configured proxy, if any.

        Raises PrivateHostError if the host is not allowed; without a proxy, only when connecting.
        """
        scheme, (host, port) = urlsplit(url).scheme, host_and_port(url)
        proxy = find_proxy(scheme, host, port)
        if self._tls is None and (scheme == "https" or (proxy and proxy.is_https)):
            self._tls = tls_context()
        if proxy is None:
            pool = httpcore.AsyncConnectionPool(ssl_context=self._tls, network_backend=self)
        else:
            # A proxy resolves names itself, so only the addresses that this computer knows can be checked.
            try:
                known = await _resolve_aside(self._resolver, host, port)
            except (OSError, UnicodeError):
                known = []
            if not self._may_be_private(host, port) and not all(map(is_public, known)):
                raise _private(host)
            pool = _through(proxy, self._tls)
        async with pool:
            yield pool

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to whichever permitted address of a host answers first.

        Raises PrivateHostError if none is public, httpcore.ConnectError if the look-up fails.
        """
        try:
            addresses = await _resolve_aside(self._resolver, host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(getattr(error, "strerror", None) or str(error)) from error
        if not self._may_be_private(host, port):
            addresses = [address for address in addresses if is_public(address)]
        if not addresses:
            raise _private(host)

        def connect(address: str) -> Awaitable[httpcore.AsyncNetworkStream]:
            return self._network.connect_tcp(address, port, timeout, local_address, socket_options)

        return await _first_to_answer(connect, _by_turns(addresses))

    async def sleep(self, seconds: float) -> None:
        """Sleep between the tries of a pool."""
        await self._network.sleep(seconds)

    def _may_be_private(self, host: str, port: int) -> bool:
        return self._allow_private or (host, port) == self._own_host


def _private(host: str) -> PrivateHostError:
    return PrivateHostError(
        f"{host} is a private address: profiles.<name>.allow_private = true in the config allows it"
    )


def _through(proxy: Proxy, tls: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
    url, auth = httpcore.URL(str(proxy.server.url)), proxy.server.raw_auth
    if proxy.is_socks:
        return httpcore.AsyncSOCKSProxy(proxy_url=url, proxy_auth=auth, ssl_context=tls)
    return httpcore.AsyncHTTPProxy(
        proxy_url=url, proxy_auth=auth, ssl_context=tls, proxy_ssl_context=tls if proxy.is_https else None
    )


async def _resolve_aside(resolver: Resolver, host: str, port: int) -> list[str]:
    """Look up a host without blocking the event loop.

    Not in asyncio's thread pool, which a program joins on exit: a look-up may take half a minute.
    """
    answer: Future[list[str]] = Future()
    answer.set_running_or_notify_cancel()

    def look_up() -> None:
        try:
            answer.set_result(resolver(host, port))
        except Exception as error:  # whatever it is, it is passed to the caller
            answer.set_exception(error)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    return await asyncio.wrap_future(answer)


def _by_turns(addresses: Sequence[str]) -> list[str]:
    """Interleave both address families, beginning with that of the first address (RFC 8305, section 4)."""
    families: tuple[list[str], list[str]] = ([], [])
    for address in addresses:
        families[(":" in address) != (":" in addresses[0])].append(address)
    return [address for pair in zip_longest(*families) for address in pair if address is not None]


async def _first_to_answer(
    connect: Callable[[str], Awaitable[httpcore.AsyncNetworkStream]], addresses: Iterable[str]
) -> httpcore.AsyncNetworkStream:
    """Connect to one address after another, without waiting long for any; return the first connection.

    Raises httpcore.ConnectError if all fail, httpcore.ConnectTimeout if the last to fail timed out.
    """
    left = list(addresses)
    trying: set[asyncio.Future[httpcore.AsyncNetworkStream]] = set()
    failure: BaseException = httpcore.ConnectError("it has no address")
    try:
        while left or trying:
            if left:
                trying.add(asyncio.ensure_future(connect(left.pop(0))))
            done, _ = await asyncio.wait(
                trying, timeout=NEXT_ADDRESS_AFTER_S if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            for each in done:
                trying.remove(each)
                error = each.exception()
                if error is None:
                    return each.result()
                if not isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
                    raise error
                failure = error
        raise failure
    finally:
        for each in trying:
            each.cancel()
        for late in await asyncio.gather(*trying, return_exceptions=True):
            if not isinstance(late, BaseException):
                await late.aclose()

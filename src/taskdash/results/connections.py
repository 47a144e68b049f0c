"""How a link is connected to: through the proxy that is set, if any, and only where it may lead.

The host of the gateway itself may be private, others only where the profile allows it.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpcore

from taskdash.api.environment import find_proxy, tls_context
from taskdash.results.addresses import GuardedNetwork, PrivateAddressError, is_public, resolve, resolve_aside
from taskdash.results.links import host_and_port

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

    from taskdash.api.environment import Proxy
    from taskdash.results.addresses import Resolver


class Connections:
    """Opens connections for the results of one gateway."""

    def __init__(self, base_url: str, *, allow_private: bool = False, resolver: Resolver = resolve) -> None:
        """Prepare; nothing is opened.

        Args:
            base_url: of the gateway; its own host may be private.
            allow_private: whether every host may be.
            resolver: gives the addresses of a host.
        """
        self._own_host = host_and_port(base_url)
        self._allow_private = allow_private
        self._resolver = resolver
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def to(self, url: str) -> AsyncIterator[httpcore.AsyncConnectionPool]:
        """What requests to `url` go through.

        Raises:
            PrivateAddressError: it leads where it may not; without a proxy that shows when it connects.
            UsageError: a variable of the environment cannot be used.
        """
        scheme, (host, port) = urlsplit(url).scheme, host_and_port(url)
        proxy = find_proxy(scheme, host, port)
        tls = self._context() if scheme == "https" or (proxy and proxy.scheme == "https") else None
        if proxy is None:
            guarded = GuardedNetwork(self._may_be_private, self._resolver)
            pool = httpcore.AsyncConnectionPool(ssl_context=tls, network_backend=guarded)
        else:
            # A proxy resolves names itself, so all that can be judged is what this computer knows of the name.
            if not self._may_be_private(host, port) and not all(
                map(is_public, await self._known_addresses(host, port))
            ):
                raise PrivateAddressError(host)
            pool = _through(proxy, tls)
        async with pool:
            yield pool

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = tls_context()
        return self._tls

    async def _known_addresses(self, host: str, port: int) -> list[str]:
        try:
            return await resolve_aside(self._resolver, host, port)
        except (OSError, UnicodeError):
            return []

    def _may_be_private(self, host: str, port: int) -> bool:
        return self._allow_private or (host, port) == self._own_host


def _through(proxy: Proxy, tls: ssl.SSLContext | None) -> httpcore.AsyncConnectionPool:
    target = httpcore.URL(
        scheme=proxy.scheme.encode(), host=proxy.host.encode("idna"), port=proxy.port, target=b"/"
    )
    if proxy.scheme.startswith("socks"):
        return httpcore.AsyncSOCKSProxy(proxy_url=target, proxy_auth=proxy.auth, ssl_context=tls)
    return httpcore.AsyncHTTPProxy(
        proxy_url=target,
        proxy_auth=proxy.auth,
        ssl_context=tls,
        proxy_ssl_context=tls if proxy.scheme == "https" else None,
    )

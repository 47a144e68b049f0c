"""Which addresses a download may connect to: a link from outside must not make us ask inside.

The check is made on the very address that is connected to, after the name was resolved: a name that resolves to
something else the next time gains nothing by it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, TypeAlias

import httpcore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Sequence

Resolver: TypeAlias = Callable[[str, int], list[str]]

NEXT_ADDRESS_AFTER_S: Final = 0.25
"""How long an address has to answer before the next one is tried beside it (RFC 8305, section 5)."""
_NAT64: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))


class PrivateAddressError(Exception):
    """A host has no address that is public."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the open internet, and not to this computer, a network of its own, or nobody."""
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
    """The addresses of a host, as text.

    Raises:
        OSError: it has none.
        UnicodeError: it cannot be a name.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def resolve_aside(resolver: Resolver, host: str, port: int) -> list[str]:
    """Look a host up without holding up the event loop.

    Not in asyncio's pool of threads: a program waits for those when it ends, and a look-up may take half a minute.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def give(found: list[str] | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(found or [])
        else:
            answer.set_exception(error)

    def look_up() -> None:
        found, failed = None, None
        try:
            found = resolver(host, port)
        except Exception as error:  # whatever it is, it belongs to who asked
            failed = error
        with suppress(RuntimeError):  # nobody waits any more, and the loop was closed
            loop.call_soon_threadsafe(give, found, failed)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    return await answer


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects only where it may."""

    def __init__(self, allowed: Callable[[str, int], bool], resolver: Resolver = resolve) -> None:
        """Guard connections.

        Args:
            allowed: whether any address will do for this host and port.
            resolver: gives the addresses of a host.
        """
        self._network = httpcore.AnyIOBackend()
        self._allowed = allowed
        self._resolver = resolver

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to whichever address of `host` answers first, of those that may be connected to.

        Raises:
            PrivateAddressError: it has none that may.
            httpcore.ConnectError: it has no address at all, or none answers.
        """
        try:
            addresses = await resolve_aside(self._resolver, host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(getattr(error, "strerror", None) or str(error)) from error
        if not self._allowed(host, port):
            addresses = [address for address in addresses if is_public(address)]
        if not addresses:
            raise PrivateAddressError(host)

        def connect(address: str) -> Awaitable[httpcore.AsyncNetworkStream]:
            return self._network.connect_tcp(address, port, timeout, local_address, socket_options)

        return await _first_to_answer(connect, _by_turns(addresses))

    async def sleep(self, seconds: float) -> None:
        """Wait, for httpcore's retries."""
        await self._network.sleep(seconds)


def _by_turns(addresses: Sequence[str]) -> list[str]:
    """Return the addresses with both families in turn, that of the first one first (RFC 8305, section 4)."""
    families: tuple[list[str], list[str]] = ([], [])
    for address in addresses:
        families[(":" in address) != (":" in addresses[0])].append(address)
    return [address for pair in zip_longest(*families) for address in pair if address is not None]


async def _first_to_answer(
    connect: Callable[[str], Awaitable[httpcore.AsyncNetworkStream]], addresses: Iterable[str]
) -> httpcore.AsyncNetworkStream:
    """Connect to one address after the other, without waiting long for any; return the first connection.

    Raises:
        httpcore.ConnectError: none answers.
        httpcore.ConnectTimeout: none answers in time.
    """
    left = list(addresses)
    trying: set[asyncio.Future[httpcore.AsyncNetworkStream]] = set()
    failure: BaseException = httpcore.ConnectError("it has no address")
    try:
        while left or trying:
            if left:
                trying.add(asyncio.ensure_future(connect(left.pop(0))))
            done, _ = await asyncio.wait(
                trying,
                timeout=NEXT_ADDRESS_AFTER_S if left else None,
                return_when=asyncio.FIRST_COMPLETED,
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

"""Which addresses a download may connect to: a link from outside must not make us ask inside.

The check is made on the very address that is connected to, after the name was resolved: a name that resolves to
something else the next time gains nothing by it.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, Final

import httpcore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

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
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedNetwork(httpcore.NetworkBackend):
    """Connects only where it may."""

    def __init__(
        self, allowed: Callable[[str, int], bool], resolver: Callable[[str, int], list[str]] = resolve
    ) -> None:
        """Guard connections.

        Args:
            allowed: whether any address will do for this host and port.
            resolver: gives the addresses of a host.
        """
        self._network = httpcore.SyncBackend()
        self._allowed = allowed
        self._resolver = resolver

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of `host` that may be connected to, and answers.

        Raises:
            PrivateAddressError: it has none that may.
            OSError: it has no address at all.
            httpcore.ConnectError: none answers.
        """
        addresses = self._resolver(host, port)
        if not self._allowed(host, port):
            addresses = [address for address in addresses if is_public(address)]
        if not addresses:
            raise PrivateAddressError(host)
        for address in addresses[:-1]:
            try:
                return self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    def sleep(self, seconds: float) -> None:
        """Wait, for httpcore's retries."""
        self._network.sleep(seconds)

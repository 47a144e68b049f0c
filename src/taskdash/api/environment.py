"""What the environment says about the way to a gateway: proxies and certificates.

What counts for a request is read in here and checked before the first one, because HTTP libraries raise anything from
ImportError to ValueError on a broken variable, and none of them says which one it was. A variable that does not count
may be as broken as it likes: desktops set some that only browsers can read. The names and their meaning are those of
curl and httpx: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in lower case or
else in upper case, `SSL_CERT_FILE`, `SSL_CERT_DIR`.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import ipaddress
import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx

from taskdash.config.kinds import is_loopback
from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROXY_PORTS: Final = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that a variable names."""

    variable: str
    scheme: str
    """http, https, socks5 or socks5h."""
    host: str
    port: int
    auth: tuple[bytes, bytes] | None = field(default=None, repr=False)
    """User and password."""


def find_proxy(scheme: str, host: str, port: int, environ: Mapping[str, str] = os.environ) -> Proxy | None:
    """Return the proxy that requests to this origin go through, if any. None does for a host of this computer.

    Raises:
        UsageError: its variable is broken, or names a SOCKS proxy and the package for those is not installed.
    """
    name = host.lower().rstrip(".")
    if (
        is_loopback(name)
        or name.endswith(".localhost")
        # With commas or blanks between. An entry that nobody can read fits no host.
        or any(
            _bypasses(entry, host, port)
            for entry in re.findall(r"[^\s,]+", _variable("no_proxy", environ)[1])
        )
    ):
        return None
    proxy = _read_proxy(scheme, environ) or _read_proxy("all", environ)
    if proxy is not None and proxy.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise UsageError(
            f"{proxy.variable} names a SOCKS proxy, which needs the Python package socksio:"
            " install that, name an HTTP proxy, or list the host in NO_PROXY"
        )
    return proxy


def tls_context(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return what TLS connections are checked with: the authorities of certifi unless a variable names others.

    Raises:
        UsageError: a variable is broken.
    """
    cert_file, cert_dir = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    if cert_file:
        return _load_authorities("SSL_CERT_FILE", cert_file)
    if cert_dir:
        # OpenSSL reads these folders only when it looks for an authority; a missing one is no error to it.
        if not any(Path(folder).is_dir() for folder in cert_dir.split(os.pathsep)):
            raise UsageError("SSL_CERT_DIR names no folder that exists: correct or unset it")
        return ssl.create_default_context(capath=cert_dir)
    import certifi

    try:
        return ssl.create_default_context(cafile=certifi.where())
    except OSError as error:
        if environ.get("SSLKEYLOGFILE"):  # which Python opens for each context
            raise _broken(
                "SSLKEYLOGFILE", f"names a file that cannot be written ({error.strerror})"
            ) from error
        raise UsageError(f"the certificates of the Python package certifi cannot be read: {error}") from error


def _load_authorities(variable: str, path: str) -> ssl.SSLContext:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise _broken(variable, f"names a file that cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _broken(variable, "is no file name") from error
    try:
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise _broken(variable, "names a file without PEM certificates in it") from error


def _broken(variable: str, why: str) -> UsageError:
    return UsageError(f"{variable} {why}: correct or unset it")


def _variable(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable's name as it is set, and its value; an empty one counts as not set."""
    for variable in (name.lower(), name.upper()):
        if value := environ.get(variable, "").strip():
            return variable, value
    return name.upper(), ""


def _read_proxy(scheme: str, environ: Mapping[str, str]) -> Proxy | None:
    variable, value = _variable(f"{scheme}_proxy", environ)
    if not value:
        return None
    try:
        url = httpx.URL(value if "://" in value else f"http://{value}")
        # httpx lets any length of a name and any number of a port pass.
        host = url.raw_host.decode().encode("idna").decode()
    except (httpx.InvalidURL, ValueError) as error:
        raise _broken(variable, "is no URL of a proxy") from error
    if url.scheme not in _PROXY_PORTS:
        raise _broken(
            variable, f"names a proxy of a kind that is not known ({inert_line(url.scheme, 20)}://)"
        )
    port = url.port or _PROXY_PORTS[url.scheme]
    if not re.fullmatch(r"[\w.:-]+", host) or port > 65_535:
        raise _broken(variable, "names no host that could be a proxy")
    return Proxy(variable, url.scheme, host, port, httpx.Proxy(url).raw_auth)


def _bypasses(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2].lower().rstrip("/")
    host = host.lower().rstrip(".")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        pass  # one of both is a name, or the entry has a port
    name, colon, entry_port = entry.rpartition(":")
    if colon and entry_port.isdecimal() and not (name.count(":") and not name.endswith("]")):
        if int(entry_port) != port:
            return False
        entry = name
    entry = entry.strip("[]").lstrip("*").lstrip(".")
    if "*" in entry:
        # curl has no such entries, but people write them: `127.*`.
        return fnmatch.fnmatchcase(host, entry.replace("[", "[[]").replace("?", "[?]"))
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))

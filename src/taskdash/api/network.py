"""Reads proxies and certificates from the environment, and explains why a request failed.

The variables that apply are read and checked here before the first request, because HTTP libraries raise anything from
ImportError to ValueError on a broken one without saying which it was. A variable that does not apply may be broken:
desktops set some that only browsers understand. The names and their meaning are those of curl and httpx:
`http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, in lower case or else in upper case, `SSL_CERT_FILE`,
`SSL_CERT_DIR`.

Network exceptions are classified by their causes, and their text is not repeated, as it may quote the request with
its key, or bytes from the peer.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import re
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import certifi
import httpx

from taskdash.config.profile import is_loopback
from taskdash.domain.errors import UsageError
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Proxy(NamedTuple):
    """Names a proxy, and the environment variable that it is from."""

    variable: str
    server: httpx.Proxy

    @property
    def is_socks(self) -> bool:
        """Return whether it is a SOCKS proxy, not one that speaks HTTP."""
        return self.server.url.scheme.startswith("socks")

    @property
    def is_https(self) -> bool:
        """Return whether the connection to the proxy itself is encrypted."""
        return self.server.url.scheme == "https"

    def __str__(self) -> str:
        return f"{self.server.url.netloc.decode()} ({self.variable})"


def find_proxy(scheme: str, host: str, port: int, environ: Mapping[str, str] = os.environ) -> Proxy | None:
    """Return the proxy for requests to this origin, if any; there is none for loopback hosts.

    Raises UsageError if its variable is broken, or names a SOCKS proxy without the package for those installed.
    """
    name = host.lower().rstrip(".")
    # With commas or blanks between. An entry that nobody can read fits no host.
    past_proxies = re.findall(r"[^\s,]+", _variable("no_proxy", environ)[1])
    is_here = is_loopback(name) or name.endswith(".localhost")
    if is_here or any(_bypasses(entry.lower(), name, port) for entry in past_proxies):
        return None
    proxy = _read_proxy(scheme, environ) or _read_proxy("all", environ)
    if proxy is not None and proxy.is_socks and importlib.util.find_spec("socksio") is None:
        raise UsageError(
            f"{proxy.variable} names a SOCKS proxy, which needs the Python package socksio:"
            " install that, name an HTTP proxy, or list the host in NO_PROXY"
        )
    return proxy


def tls_context(environ: Mapping[str, str] = os.environ) -> ssl.SSLContext:
    """Return the TLS context, with certifi's CA certificates unless a variable names others.

    Raises UsageError if a variable is broken, or the certificates cannot be read.
    """
    cert_file, cert_dir = environ.get("SSL_CERT_FILE"), environ.get("SSL_CERT_DIR")
    # OpenSSL reads this folder only when it looks for a CA, and ignores a missing one.
    if cert_dir and not cert_file and not any(Path(each).is_dir() for each in cert_dir.split(os.pathsep)):
        raise _broken("SSL_CERT_DIR", "names no folder that exists")
    try:
        if cert_file or not cert_dir:
            return ssl.create_default_context(cafile=cert_file or certifi.where())
        return ssl.create_default_context(capath=cert_dir)
    except (OSError, ValueError) as error:
        # Python also opens the file of SSLKEYLOGFILE.
        set_by = [name for name in ("SSL_CERT_FILE", "SSLKEYLOGFILE") if environ.get(name)]
        if not set_by:
            raise UsageError(
                f"the certificates of the Python package certifi cannot be read: {error}"
            ) from error
        raise _broken(" or ".join(set_by), "names a file that cannot be used") from error


def _broken(variable: str, why: str) -> UsageError:
    return UsageError(f"{variable} {why}: correct or unset it")


def _variable(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable's name, in the case in which it is set, and its value; empty counts as unset."""
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
    except (httpx.InvalidURL, ValueError) as error:
        raise _broken(variable, "is no URL of a proxy") from error
    if not re.fullmatch(rb"[\w.:-]+", url.raw_host):
        raise _broken(variable, "names no host that could be a proxy")
    try:
        return Proxy(variable, httpx.Proxy(url))
    except ValueError as error:
        raise _broken(
            variable, f"names a proxy of a kind that is not known ({inert_line(url.scheme, 20)}://)"
        ) from error


def _bypasses(entry: str, host: str, port: int) -> bool:
    """Return whether an entry of `no_proxy` names a host: itself or its domain, perhaps with the port."""
    name = entry.rpartition("://")[2].rstrip("/").removesuffix(f":{port}").strip("[]").lstrip("*").lstrip(".")
    return entry == "*" or (bool(name) and (host == name or host.endswith(f".{name}")))


# Why a request failed, in plain language

# OpenSSL's verification results (X509_V_ERR_*).
_CERTIFICATE: Final = {
    9: "is not valid yet; is the clock of this computer right?",
    10: "has expired",
    18: "is self-signed, so nobody vouches for it",
    **dict.fromkeys((19, 20, 21), "comes from an unknown issuer; SSL_CERT_FILE can name one to trust"),
    **dict.fromkeys((62, 64), "is for another host name"),
}
# OpenSSL's errors on bytes that are not TLS; which one depends on its version and the bytes.
_NOT_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)

_HANG_UP: Final = "without sending a response"
_CUT_SHORT: Final = ("without sending complete message", "incomplete chunked read")

_ERRNO: Final = {
    errno.ECONNREFUSED: "connection refused by {peer}",
    errno.ENETUNREACH: "no network route to {peer}; is this computer offline?",
    errno.EHOSTUNREACH: "no network route to {peer}",
    errno.ETIMEDOUT: "{peer} does not answer (connection timed out)",
    errno.ECONNRESET: "{peer} cut the connection (reset)",
}


def explain(fault: BaseException, peer: str, proxy: Proxy | None = None) -> str:
    """Return one inert line on why a request to `peer`, a `host` or `host:port`, failed.

    `proxy` is the proxy in between, if any, with its variable; connection failures are blamed on it.
    """
    causes = list(_causes(fault))
    nearest = f"the proxy {proxy}" if proxy else peer
    if isinstance(fault, httpx.ProxyError):
        # The proxy's own status line, or the library's message about SOCKS, neither of which quotes the request.
        return f"{nearest} does not let us through: {inert_line(str(fault), 100)}"
    said = [
        *(_explain_tls(cause, peer) for cause in causes),
        *(_explain_system(cause, nearest) for cause in causes),
    ]
    return next(filter(None, said), None) or _explain_protocol(fault, nearest)


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Yield the exception and all its causes, outermost first."""
    waiting, seen = [fault], set[int]()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(each.exceptions)
        waiting.extend(cause for cause in (each.__cause__, each.__context__) if cause is not None)


def _explain_tls(cause: BaseException, peer: str) -> str | None:
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = (
            _CERTIFICATE.get(cause.verify_code) or f"is not trusted ({inert_line(cause.verify_message, 100)})"
        )
        return f"the TLS certificate of {peer} {why}"
    if isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return f"{peer} hung up during the TLS handshake"
    if isinstance(cause, ssl.SSLError):
        reason = str(cause.reason or "no reason given")
        if reason in _NOT_TLS:
            return f"{peer} does not speak TLS (https) there"
        return f"no TLS connection to {peer} ({reason.lower().replace('_', ' ')})"
    return None


def _explain_system(cause: BaseException, nearest: str) -> str | None:
    if isinstance(cause, socket.gaierror):
        if cause.errno == socket.EAI_AGAIN:
            return f"the name of {nearest} cannot be looked up now (DNS); is this computer offline?"
        return f"the name of {nearest} is not known (DNS)"
    if isinstance(cause, UnicodeError):
        return f"the name of {nearest} cannot be looked up: it is no host name"
    if isinstance(cause, OSError) and cause.errno:
        words = f"no connection to {{peer}} ({os.strerror(cause.errno).lower()})"
        return _ERRNO.get(cause.errno, words).format(peer=nearest)
    return None


def _explain_protocol(fault: BaseException, nearest: str) -> str:
    text = str(fault)
    match fault:
        case httpx.ConnectError():
            return f"no connection to {nearest}"
        # By their messages, mostly h11's, as all of these have the same class.
        case httpx.RemoteProtocolError() if _HANG_UP in text:
            return f"{nearest} hung up without an answer"
        case httpx.RemoteProtocolError() if any(words in text for words in _CUT_SHORT):
            return f"the answer of {nearest} was cut short"
        case httpx.RemoteProtocolError():
            return f"{nearest} does not answer in HTTP"
        case httpx.NetworkError():
            return f"{nearest} cut the connection"
        case _:
            return f"the request to {nearest} failed ({type(fault).__name__})"


def is_hang_up(fault: httpx.TransportError) -> bool:
    """Return whether the connection ended before an answer began."""
    return isinstance(fault, httpx.ReadError) or _HANG_UP in str(fault)

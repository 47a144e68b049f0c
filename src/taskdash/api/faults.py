"""Why a request brought no answer, in words for people.

Exceptions of the network are told apart by what caused them, and their text is not repeated: it may quote the
request with its key, or bytes of whoever answered.
"""

from __future__ import annotations

import errno
import socket
import ssl
from typing import TYPE_CHECKING, Final

import httpx

from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterator

# OpenSSL's verification results (X509_V_ERR_*).
_CERTIFICATE: Final = {
    9: "is not valid yet; is the clock of this computer right?",
    10: "has expired",
    18: "is self-signed, so nobody vouches for it",
    19: "comes from an unknown issuer (a self-signed authority); SSL_CERT_FILE can name one to trust",
    20: "comes from an unknown issuer; SSL_CERT_FILE can name one to trust",
    21: "comes from an unknown issuer; SSL_CERT_FILE can name one to trust",
    23: "was revoked",
    62: "is for another host name",
    64: "is for another address",
}
# What OpenSSL makes of bytes that are no TLS; which one depends on its version and on the bytes.
_NOT_TLS: Final = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"}
)

_HANG_UP: Final = "without sending a response"

_ERRNO: Final = {
    errno.ECONNREFUSED: "connection refused by {peer}",
    errno.ENETUNREACH: "no network route to {peer}; is this computer offline?",
    errno.EHOSTUNREACH: "no network route to {peer}",
    errno.ENETDOWN: "no network; is this computer offline?",
    errno.ETIMEDOUT: "{peer} does not answer (connection timed out)",
    errno.ECONNRESET: "{peer} cut the connection (reset)",
    errno.ECONNABORTED: "{peer} cut the connection",
    errno.EPIPE: "{peer} cut the connection",
    errno.EMFILE: "this program has too many files open to connect to {peer}",
    errno.ENFILE: "this computer has too many files open to connect to {peer}",
    errno.EACCES: "this computer does not allow connections to {peer}",
    errno.EPERM: "this computer does not allow connections to {peer}",
}


def explain(fault: BaseException, peer: str, proxy: str | None = None) -> str:
    """Say in one inert line why a request failed.

    Args:
        fault: What was raised.
        peer: Who was asked, as `host` or `host:port`.
        proxy: What stands between, with the variable that names it. Connections are made to it then.
    """
    causes = list(_causes(fault))
    nearest = f"the proxy {proxy}" if proxy else peer
    if isinstance(fault, httpx.ProxyError):
        # The proxy's own status line, or the library's own words about SOCKS: no part of the request is in them.
        return f"{nearest} does not let us through: {inert_line(str(fault), 100)}"
    said = [_explain_tls(cause, peer) for cause in causes] + [
        _explain_system(cause, nearest) for cause in causes
    ]
    return next(filter(None, said), None) or _explain_protocol(fault, nearest)


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """Yield the exception and all that led to it, outermost first."""
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
    if isinstance(cause, OSError) and cause.errno in _ERRNO:
        return _ERRNO[cause.errno].format(peer=nearest)
    return None


def _explain_protocol(fault: BaseException, nearest: str) -> str:
    match fault:
        case httpx.ConnectError():
            return f"no connection to {nearest}"
        case httpx.RemoteProtocolError():
            return _explain_answer(str(fault), nearest)
        case httpx.NetworkError():
            return f"{nearest} cut the connection"
        case httpx.TimeoutException() | TimeoutError():
            return f"{nearest} does not answer"
        case _:
            return f"the request to {nearest} failed ({type(fault).__name__})"


def is_hang_up(fault: httpx.TransportError) -> bool:
    """Tell whether a connection ended where an answer was to begin."""
    return isinstance(fault, httpx.ReadError) or _HANG_UP in str(fault)


def _explain_answer(text: str, nearest: str) -> str:
    """Tell apart by their words, which come from h11 mostly: the class is the same for all of these."""
    if _HANG_UP in text:
        return f"{nearest} hung up without an answer"
    if "without sending complete message" in text or "incomplete chunked read" in text:
        return f"the answer of {nearest} was cut short"
    if "too long" in text:
        return f"the answer of {nearest} has headers without end"
    return f"{nearest} does not answer in HTTP"

"""Which base URLs a key may be sent to: https anywhere, http only on this machine."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

from taskdash.config.wording import quoted

_PRINTABLE = re.compile(r"[\x21-\x7e]{1,2048}")
_HOST_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
# People paste the address of the endpoint from the API's page; the client adds this part itself.
_ENDPOINT = re.compile(r"/api/v1(?:/jobs(?:/recordInfo|/createTask)?)?$")
_ALLOWED = "use https://host, or http:// on this machine only (127.0.0.0/8, ::1, localhost)"


def checked_base_url(text: str) -> str:
    """Return the base URL without a slash at its end; a path prefix is kept.

    Raises:
        ValueError: it is no URL of a kind that a key may be sent to. The message shows nothing that may be secret.
    """
    text = text.strip()
    if not _PRINTABLE.fullmatch(text) or "\\" in text:
        raise ValueError(f"is empty, too long, or has characters that no URL has; {_ALLOWED}")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"is no URL: its host or port cannot be read; {_ALLOWED}") from None
    host = _checked_host(parts)
    if port == 0:
        raise ValueError("has the port 0; use 1 to 65535")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"would send the API key unencrypted to {quoted(host)}: http is for this machine only"
            f" (127.0.0.0/8, ::1, localhost), use https://"
        )
    path = _ENDPOINT.sub("", parts.path.rstrip("/")).rstrip("/")
    netloc = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{netloc}{'' if port is None else f':{port}'}{path}"


def is_loopback(host: str) -> bool:
    """Tell whether `host` is `localhost`, in 127.0.0.0/8 or ::1, in their usual spelling."""
    if host == "localhost":
        return True
    import ipaddress

    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback and (address.version == 4 or host == "::1")


def _checked_host(parts: SplitResult) -> str:
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"must start with https://; {_ALLOWED}")
    if "@" in parts.netloc:
        raise ValueError("has a user name or password in it; leave out what stands before the @")
    if "?" in parts.geturl() or "#" in parts.geturl():
        raise ValueError("has a ? or # part; leave it out")
    host = parts.hostname or ""
    if ":" in host:
        import ipaddress

        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError(f"has a host that is no IPv6 address; {_ALLOWED}") from None
    elif not _HOST_NAME.fullmatch(host):
        raise ValueError(f"has no valid host name; {_ALLOWED}")
    return host

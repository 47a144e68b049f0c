"""Saves results: a link from outside becomes a file of ours, or a reason why not.

The API key never comes near this. A link and each redirect of it is judged anew, connections go to public addresses
only (`results.addresses`), what arrives must be a picture, clip or sound by its own bytes, and only a whole file gets
a name (`results.folder`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

import httpcore

from taskdash import __version__
from taskdash.api.environment import find_proxy, tls_context
from taskdash.domain.untrusted import inert_line
from taskdash.results.addresses import GuardedNetwork, PrivateAddressError, is_public, resolve
from taskdash.results.content import HEAD_BYTES, describe_content, is_cut_short, kind_of_content
from taskdash.results.links import safe_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from taskdash.results.folder import Folder, NewFile

MAX_BYTES: Final = 64 * 1_048_576
MAX_REDIRECTS: Final = 5
READ_TIMEOUT_S: Final = 20.0
DEADLINE_S: Final = 600.0
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_PORTS: Final = {"http": 80, "https": 443}
_TAIL_BYTES: Final = 1_024
_HEADERS: Final = [
    (b"Accept", b"image/*, video/*, audio/*, */*;q=0.1"),
    (b"Accept-Encoding", b"identity"),
    (b"User-Agent", f"taskdash/{__version__}".encode()),
]
_TIMEOUTS: Final = {
    "connect": READ_TIMEOUT_S,
    "read": READ_TIMEOUT_S,
    "write": READ_TIMEOUT_S,
    "pool": READ_TIMEOUT_S,
}


class DownloadError(Exception):
    """A result was not saved; the message says why, and is fit to be shown."""


class Downloader:
    """Saves results of one gateway, one at a time."""

    def __init__(
        self,
        folder: Folder,
        base_url: str,
        *,
        allow_private: bool = False,
        max_bytes: int = MAX_BYTES,
        deadline_s: float = DEADLINE_S,
        resolver: Callable[[str, int], list[str]] = resolve,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is sent.

        Args:
            folder: where files go.
            base_url: of the gateway; its own host may be private.
            allow_private: whether every host may be.
            max_bytes: the largest result that is saved.
            deadline_s: how long one result may take.
            resolver: gives the addresses of a host.
            now_s: monotonic seconds.
        """
        self._folder = folder
        self._own_host = _host_and_port(base_url)
        self._allow_private = allow_private
        self._max_bytes = max_bytes
        self._deadline_s = deadline_s
        self._resolver = resolver
        self._now_s = now_s

    def save(
        self, url: str, stem: str, on_bytes: Callable[[int, int | None], None] = lambda _got, _whole: None
    ) -> Path:
        """Save what `url` leads to as `stem` with the ending of its content; return its path.

        Args:
            url: from outside.
            stem: the file's name without its ending, from `folder.stem_of`.
            on_bytes: told now and then how many bytes arrived, and of how many where that is known.

        Raises:
            DownloadError: it was not saved; nothing is left behind.
        """
        deadline_s = self._now_s() + self._deadline_s
        try:
            with self._folder.new_file() as new:
                ending = self._fetch(url, new, deadline_s, on_bytes)
                return new.keep(stem, ending)
        except OSError as error:
            reason = inert_line(error.strerror or str(error), 200)
            raise DownloadError(
                f"cannot be written to {inert_line(str(self._folder.path))}: {reason}"
            ) from None

    def _fetch(
        self, url: str, new: NewFile, deadline_s: float, on_bytes: Callable[[int, int | None], None]
    ) -> str:
        for _ in range(MAX_REDIRECTS + 1):
            safe = safe_url(url)
            if safe is None:
                raise DownloadError("it is no http(s) link with a host")
            host = _host_and_port(safe)[0]
            try:
                with (
                    self._pool(safe) as pool,
                    pool.stream(
                        "GET", safe, headers=[*_HEADERS], extensions={"timeout": _TIMEOUTS}
                    ) as response,
                ):
                    if response.status not in _REDIRECTS:
                        return self._receive(response, new, deadline_s, on_bytes)
                    url = urljoin(safe, _header(response, "location"))
            except PrivateAddressError:
                raise DownloadError(
                    f"{host} is a private address: profiles.<name>.allow_private = true in the config allows it"
                ) from None
            except DownloadError:
                raise
            except (httpcore.TimeoutException, TimeoutError):
                raise DownloadError(f"{host} does not answer in time") from None
            except OSError as error:
                if error.filename is not None or isinstance(error, FileExistsError):
                    raise
                raise DownloadError(f"{host} cannot be reached: {inert_line(str(error), 200)}") from None
            except Exception as error:
                # One broken server or link must not end the others' downloads.
                said = inert_line(str(error), 200) or type(error).__name__
                raise DownloadError(f"{host}: {said}") from None
        raise DownloadError(f"it is redirected more than {MAX_REDIRECTS} times")

    def _pool(self, url: str) -> httpcore.ConnectionPool:
        scheme, (host, port) = urlsplit(url).scheme, _host_and_port(url)
        proxy = find_proxy(scheme, host, port)
        tls = tls_context() if scheme == "https" or (proxy and proxy.scheme == "https") else None
        if proxy is None:
            guarded = GuardedNetwork(self._may_be_private, self._resolver)
            return httpcore.ConnectionPool(ssl_context=tls, network_backend=guarded)
        # A proxy resolves names itself, so all that can be judged here is what this computer knows of the name.
        if not self._may_be_private(host, port) and not all(
            map(is_public, self._known_addresses(host, port))
        ):
            raise PrivateAddressError(host)
        proxy_url = httpcore.URL(
            scheme=proxy.scheme.encode(), host=proxy.host.encode("idna"), port=proxy.port, target=b"/"
        )
        if proxy.scheme.startswith("socks"):
            return httpcore.SOCKSProxy(proxy_url=proxy_url, proxy_auth=proxy.auth, ssl_context=tls)
        proxy_tls = tls if proxy.scheme == "https" else None
        return httpcore.HTTPProxy(
            proxy_url=proxy_url, proxy_auth=proxy.auth, ssl_context=tls, proxy_ssl_context=proxy_tls
        )

    def _known_addresses(self, host: str, port: int) -> list[str]:
        try:
            return self._resolver(host, port)
        except OSError:
            return []

    def _may_be_private(self, host: str, port: int) -> bool:
        return self._allow_private or (host, port) == self._own_host

    def _receive(
        self,
        response: httpcore.Response,
        new: NewFile,
        deadline_s: float,
        on_bytes: Callable[[int, int | None], None],
    ) -> str:
        self._judge_head(response)
        length = _header(response, "content-length")
        whole = int(length) if length.isdecimal() and len(length) < 16 else None
        if whole is not None and whole > self._max_bytes:
            raise DownloadError(self._too_large())
        head, tail, size = b"", b"", 0
        ending: str | None = None
        for chunk in response.iter_stream():
            size += len(chunk)
            if size > self._max_bytes:
                raise DownloadError(self._too_large())
            if self._now_s() > deadline_s:
                raise DownloadError(f"it is not whole after {self._deadline_s:g} s")
            if len(head) < HEAD_BYTES:
                head += chunk[: HEAD_BYTES - len(head)]
            tail = (tail + chunk)[-_TAIL_BYTES:]
            new.file.write(chunk)
            on_bytes(size, whole)
        ending = kind_of_content(head)
        if ending is None:
            raise DownloadError(describe_content(head))
        if is_cut_short(ending, head, tail, size):
            raise DownloadError("it is cut short")
        return ending

    def _judge_head(self, response: httpcore.Response) -> None:
        if response.status in (403, 404, 410):
            raise DownloadError(f"the link is dead (HTTP {response.status}): it may have expired")
        if response.status != 200:
            raise DownloadError(f"the server says HTTP {response.status}")
        if _header(response, "content-encoding").lower() not in ("", "identity"):
            raise DownloadError("the server compresses it, which it was asked not to")

    def _too_large(self) -> str:
        return f"it is larger than {self._max_bytes // 1_048_576} MiB"


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme, 0)


def _header(response: httpcore.Response, name: str) -> str:
    wanted = name.encode()
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == wanted), "")

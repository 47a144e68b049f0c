"""A file host for tests: whole files, ranges as a CDN serves them, and every way to serve them badly."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.servers import OnRequest, Peer, RawServer, Request, http_reply

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 2_000 + b"IEND\xaeB`\x82"
_RANGE = re.compile(r"bytes=([0-9]+)-")


def picture(size: int, seed: int = 0) -> bytes:
    """A PNG by its first and last bytes, with no two parts of it alike."""
    start, end = PNG[:8], PNG[-8:]
    count = size - len(start) - len(end)
    middle = b"".join((n * 2_654_435_761 + seed).to_bytes(8, "little") for n in range(count // 8 + 1))
    return start + middle[:count] + end


class FileServer(RawServer):
    """Answers by path: with bytes as they are, or as a handler of its own does."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.files: dict[str, bytes | OnRequest] = {}

    async def _answer(self, peer: Peer, request: Request) -> None:
        answer = self.files.get(request.path, http_reply(404))
        if isinstance(answer, bytes):
            await peer.send(answer)
            peer.close()
        else:
            await answer(peer, request)

    @property
    def ranges(self) -> list[str | None]:
        """What part each request asked for."""
        return [request.headers.get("range") for request in self.requests]


class Ranges:
    """Serves one file as a CDN does, and hangs up at given places: a handler for `FileServer.files`."""

    def __init__(
        self,
        data: bytes,
        *,
        cuts: list[int] | None = None,
        headers: dict[str, str] | None = None,
        honours: bool = True,
    ) -> None:
        """Serve a file.

        Args:
            data: the file.
            cuts: at which byte of the file each answer ends too early; the ones after these are whole.
            headers: what names the version; an ETag, unless given.
            honours: whether a range is served where one is asked for.
        """
        self.data = data
        self.headers = {"ETag": '"one"'} if headers is None else headers
        self._cuts: Iterator[int] = iter(cuts or [])
        self._honours = honours

    async def __call__(self, peer: Peer, request: Request) -> None:
        start = self._start(request)
        head = {"Accept-Ranges": "bytes", "Content-Type": "image/png", **self.headers}
        if start:
            head["Content-Range"] = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
        reply = http_reply(206 if start else 200, self.data[start:], head)
        cut = next(self._cuts, None)
        missing = 0 if cut is None else len(self.data) - cut
        await peer.send(reply[: len(reply) - missing])
        peer.close()

    def _start(self, request: Request) -> int:
        found = _RANGE.fullmatch(request.headers.get("range", ""))
        named = [self.headers.get("ETag"), self.headers.get("Last-Modified")]
        if not found or not self._honours or request.headers.get("if-range") not in named:
            return 0
        return int(found[1])

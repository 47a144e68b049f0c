"""A `FakeApi` that serves results, too, as a gateway with its own file host does."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType

from tests.file_server import PNG, Ranges
from tests.servers import FakeApi, Peer, Request, http_reply

__all__ = ["PNG", "FilesApi"]


class FilesApi(FakeApi):
    """Answers `/files/...` with a picture, without a key, ranges too.

    While `hold_after` is set, only so many bytes of a file are sent, and the rest after `let_go` or never.
    """

    file = PNG
    files: Mapping[str, bytes | None] = MappingProxyType({})
    """Those that are another file, by their paths; None: it is gone."""
    hold_after: int | None = None
    not_yet = 0
    """How many requests for each file are answered with 404 before it is there."""
    held = 0
    """How many answers were held back."""

    def let_go(self) -> None:
        """Send the rest of all that is held back."""
        self._loop.call_soon_threadsafe(self._go_on.set)

    def _run(self) -> None:
        self._go_on = asyncio.Event()
        super()._run()

    async def _reply(self, peer: Peer, request: Request) -> None:
        if not request.path.startswith("/files/"):
            await super()._reply(peer, request)
            return
        if sum(each.path == request.path for each in self.file_requests()) <= self.not_yet:
            await peer.send(http_reply(404))
            return
        if (data := self.files.get(request.path, self.file)) is None:
            await peer.send(http_reply(410))
            return
        caught = _Caught(peer)
        await Ranges(data)(caught, request)
        if self.hold_after is None:
            await peer.send(caught.data)
            return
        sent = caught.data.index(b"\r\n\r\n") + 4 + self.hold_after
        await peer.send(caught.data[:sent])
        with self._changed:
            self.held += 1
            self._changed.notify_all()
        await self._go_on.wait()
        await peer.send(caught.data[sent:])

    def file_requests(self) -> list[Request]:
        return [request for request in self.requests if request.path.startswith("/files/")]


class _Caught(Peer):
    """Takes an answer instead of sending it."""

    def __init__(self, peer: Peer) -> None:
        self.data = b""
        self._peer = peer

    async def send(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        """The connection stays."""

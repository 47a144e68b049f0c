"""A `FakeApi` that serves results, too, as a gateway with its own file host does."""

from __future__ import annotations

from tests.servers import FakeApi, Peer, Reply, Request

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 2_000 + b"IEND\xaeB`\x82"


class FilesApi(FakeApi):
    """Answers `/files/...` with a picture, without a key."""

    async def _reply(self, peer: Peer, request: Request) -> None:
        if request.path.startswith("/files/"):
            await peer.send(Reply(200, PNG, {"Content-Type": "image/png"}).encode())
        else:
            await super()._reply(peer, request)

    def file_requests(self) -> list[Request]:
        """What was asked of the file host."""
        return [request for request in self.requests if request.path.startswith("/files/")]

r"""Loopback servers for tests: each runs in a thread of its own and stops at the end of its `with` block.

`FakeApi` answers `recordInfo` like the API's page; a test scripts it per task ID and reads what was asked::

    with FakeApi({"task_a": [waiting_body("task_a"), success_body("task_a")]}) as api:
        ...                                        # point the program at api.url
        api.wait_for(lambda: api.count("task_a") >= 2, timeout_s=5)
        api.set("task_a", rate_limit_reply(17))    # from now on
        api.override = Reply(503)                  # whatever is asked, until it is None again
        gaps = [r.at_s for r in api.requests]      # monotonic seconds

A reply is a body (a dict, sent as JSON with status 200), a `Reply`, a callable that takes the `Request` and
gives one of both, or a list of these: played in order, the last one for ever. IDs that were never set get the
API's 404.

`RawServer` is scripted per byte: its handler gets the `Peer` and the `Request` and writes what it likes; a handler that
returns leaves the connection open for the next request. `on_connect` runs before the first request is read. `tls` takes
the server's side of it, as `tls_server("good")` makes it from the certificates in tests/data/tls; clients trust those
with SSL_CERT_FILE set to `AUTHORITY`.

Nothing here listens anywhere but on 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import atexit
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from tests.bodies import (
    Body,
    Reply,
    error_body,
    error_reply,
    fail_body,
    http_reply,
    rate_limit_reply,
    success_body,
    waiting_body,
)
from tests.canary import assert_not_in

__all__ = [
    "AUTHORITY", "Body", "FakeApi", "Peer", "RawServer", "Reply", "Request", "closed_port", "error_body", "error_reply",
    "fail_body", "http_reply", "rate_limit_reply", "sends", "success_body", "tls_server", "waiting_body",
]  # fmt: skip

BEARER = "authorization: Bearer {key}"
_TLS_FOLDER = Path(__file__).parent / "data" / "tls"
AUTHORITY = _TLS_FOLDER / "authority.pem"


def closed_port() -> int:
    """A port that refuses connections until the tests end: it is bound, and nobody listens."""
    holder = socket.socket()
    holder.bind(("127.0.0.1", 0))
    atexit.register(holder.close)
    return int(holder.getsockname()[1])


def tls_server(name: str = "good") -> ssl.SSLContext:
    """The server's side of TLS, with one of the certificates of tests/data/tls."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_TLS_FOLDER / f"{name}.pem")
    return context


def _key_header(auth_header: str) -> re.Pattern[bytes]:
    """What matches the one place of a request that a key belongs in."""
    before = re.escape(auth_header.partition("{key}")[0]).replace(r"\ ", " *")
    return re.compile(rf"^{before}[^\r\n]*".encode(), re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request as a server saw it."""

    at_s: float
    """Monotonic, when the head was whole."""
    connection: int
    """Which connection it came by, counted from 0."""
    method: str
    target: str
    """Path and query as sent."""
    headers: dict[str, str]
    """Names in lower case."""
    raw: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def task_id(self) -> str | None:
        return next(iter(parse_qs(urlsplit(self.target).query).get("taskId", [])), None)


class Peer:
    """The server's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, data: bytes) -> None:
        """Write and flush; a client that has gone is no error."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, RuntimeError):
            self.close()

    async def drip(self, data: bytes, every_s: float) -> None:
        """Write one byte at a time, until the data or the client has gone."""
        for byte in data:
            if self.gone:
                return
            await self.send(bytes((byte,)))
            await asyncio.sleep(every_s)

    async def stall(self) -> None:
        """Say nothing until the client hangs up or the server stops."""
        while await self._reader.read(65_536):
            pass

    def close(self) -> None:
        """Hang up in good order (FIN)."""
        self._writer.close()

    def reset(self) -> None:
        """Hang up with a RST; what was sent may or may not arrive."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    @property
    def gone(self) -> bool:
        return self._writer.is_closing() or self._reader.at_eof()

    async def read_head(self) -> bytes:
        """The next head with its blank line; empty once the client has hung up."""
        try:
            return await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return b""


OnRequest: TypeAlias = Callable[[Peer, Request], Awaitable[None]]
OnConnect: TypeAlias = Callable[[Peer], Awaitable[None]]


class RawServer:
    """A TCP or TLS server on 127.0.0.1 whose every byte is the test's."""

    def __init__(
        self,
        on_request: OnRequest | None = None,
        *,
        on_connect: OnConnect | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self._on_request = on_request
        self._on_connect = on_connect
        self._tls = tls
        self._key_header = _key_header(BEARER)
        self.port = port
        self.requests: list[Request] = []
        self.connected_at_s: list[float] = []
        self.errors: list[Exception] = []
        """What handlers raised; raised again when the server stops."""
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="test server", daemon=True)
        self._listening = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections were ever accepted (after their handshake, with TLS)."""
        return len(self.connected_at_s)

    @property
    def open_connections(self) -> int:
        """How many of them neither end has closed yet."""
        return len(self._writers)

    def wait_for(self, predicate: Callable[[], bool], timeout_s: float = 20.0) -> None:
        """Return once `predicate` holds; it is asked again after whatever happens at this server.

        Raises:
            AssertionError: it did not hold within `timeout_s` seconds.
        """
        with self._changed:
            assert self._changed.wait_for(predicate, timeout_s), (
                f"not within {timeout_s} s: {self.requests!r}"
            )

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10), "the test server did not start"
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the test server did not stop"
        if exc is None and self.errors:
            raise self.errors[0]
        if exc is None:
            for request in self.requests:
                assert_not_in(self._key_header.sub(b"", request.raw), f"the request for {request.path}")

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls, limit=2**20)
        )
        self.port = server.sockets[0].getsockname()[1]
        # A client that refuses our certificate is what some tests are about; asyncio would log it.
        self._loop.set_exception_handler(lambda *_: None)
        self._listening.set()
        try:
            self._loop.run_forever()
        finally:
            self._loop.run_until_complete(self._hang_up(server))
            self._loop.close()

    async def _hang_up(self, server: asyncio.Server) -> None:
        # Connections just accepted take a few turns of the loop to be made; a closed server would leave them open.
        for listening in server.sockets:
            self._loop.remove_reader(listening.fileno())
        for _ in range(5):
            await asyncio.sleep(0)
        server.close()
        handlers = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
        for each in handlers:
            each.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        self._writers.add(writer)
        with self._changed:
            number = len(self.connected_at_s)
            self.connected_at_s.append(time.monotonic())
            self._changed.notify_all()
        try:
            if self._on_connect:
                await self._on_connect(peer)
            while not peer.gone and (head := await peer.read_head()):
                await self._handle(peer, _parse_head(head, number))
        except (ConnectionError, ssl.SSLError):
            pass
        except Exception as error:
            self.errors.append(error)
        finally:
            writer.close()
            await asyncio.sleep(0)  # its socket is closed in the loop's next turn
            self._writers.discard(writer)
            with self._changed:
                self._changed.notify_all()

    async def _handle(self, peer: Peer, request: Request) -> None:
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        if self._on_request:
            await self._on_request(peer, request)
        else:
            await peer.stall()


def _parse_head(head: bytes, connection: int) -> Request:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    return Request(time.monotonic(), connection, method, target, headers, head)


OneReply: TypeAlias = Reply | Body | Callable[[Request], "Reply | Body"]
Script: TypeAlias = OneReply | Sequence[OneReply]


class FakeApi(RawServer):
    """`GET /api/v1/jobs/recordInfo`, scripted per task ID; see the module."""

    def __init__(
        self,
        replies: Mapping[str, Script] | None = None,
        *,
        key: str | None = None,
        default: OneReply | None = None,
        tls: ssl.SSLContext | None = None,
        port: int = 0,
        path: str = "/api/v1/jobs/recordInfo",
        elsewhere: OneReply | None = None,
        auth_header: str = BEARER,
    ) -> None:
        """Listen, once entered.

        Args:
            replies: by task ID.
            key: any other one is answered with 401; None: all are taken.
            default: for IDs that were never set.
            tls: the server's side.
            port: 0 takes any that is free.
            path: where the records are, as a config has it.
            elsewhere: what any other path answers; None: 404.
            auth_header: where the key is.
        """
        super().__init__(self._reply, tls=tls, port=port)
        name, _, value = auth_header.partition(": ")
        self._header = name.lower(), value
        self._key_header = _key_header(auth_header)
        pattern = path if "{id}" in path else f"{path}?taskId={{id}}"
        self._target = re.compile(re.escape(pattern).replace(r"\{id\}", "([^/?&]*)"))
        self.elsewhere = elsewhere or Reply(404, error_body(404, "no such endpoint"))
        self._scripts: dict[str, list[OneReply]] = {}
        self._key = key
        self._default: OneReply = default if default is not None else Reply(404)
        self.override: OneReply | None = None
        """Sent whatever is asked, while it is not None."""
        for task_id, script in (replies or {}).items():
            self.set(task_id, script)

    def set(self, task_id: str, script: Script) -> None:
        """Replace what is said of `task_id` from the next request on."""
        steps = list(script) if isinstance(script, Sequence) else [script]
        assert steps, "a script needs at least one reply"
        self._scripts[task_id] = steps

    def count(self, task_id: str | None = None) -> int:
        """How often this task was asked for, or any (None)."""
        return sum(task_id in (None, request.task_id) for request in list(self.requests))

    async def _reply(self, peer: Peer, request: Request) -> None:
        reply = self._choose(request)
        if callable(reply):
            reply = reply(request)
        if isinstance(reply, dict):
            reply = Reply(body=reply)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        await peer.send(reply.encode())

    def _choose(self, request: Request) -> OneReply:
        asked = self._target.fullmatch(request.target)
        if request.method != "GET" or asked is None:
            return self.elsewhere
        name, value = self._header
        if self._key is not None and request.headers.get(name) != value.replace("{key}", self._key):
            return Reply(401)
        if self.override is not None:
            return self.override
        steps = self._scripts.get(unquote(asked[1]))
        if not steps:
            return self._default
        return steps.pop(0) if len(steps) > 1 else steps[0]


# Handlers that many tests want


def sends(data: bytes, *, then: str = "stay") -> OnRequest:
    """A handler that answers every request with `data`; `then` is `stay`, `close` or `reset`."""

    async def handler(peer: Peer, request: Request) -> None:  # noqa: ARG001 - the reply is the same for all
        await peer.send(data)
        if then == "close":
            peer.close()
        elif then == "reset":
            peer.reset()

    return handler

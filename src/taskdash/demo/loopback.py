"""The server that carries the demo API: one thread a connection, on 127.0.0.1 only."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

    from taskdash.demo.jobs import JobBook
    from taskdash.demo.limits import RequestCounter
    from taskdash.demo.pictures import Gallery

MAX_CONNECTIONS: Final = 256
STOP_TIMEOUT_S: Final = 2.0

Address: TypeAlias = tuple[str, int]
Connection: TypeAlias = "socket.socket | tuple[bytes, socket.socket]"
"""As `socketserver` types it; for TCP it is always a socket."""

_LOG = logging.getLogger(__name__)


class LoopbackServer(ThreadingMixIn, TCPServer):
    """One thread a connection, on 127.0.0.1 only, closed for good when it stops."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    clock: Callable[[], float]
    key: str
    base_url: str
    jobs: JobBook
    gallery: Gallery
    counter: RequestCounter | None
    """None: no limits."""

    def __init__(self, port: int, handler: Callable[[Any, Any, Any], BaseHTTPRequestHandler]) -> None:
        """Take the port; nothing is answered before `serve_forever`."""
        self._connections: set[Connection] = set()
        self._connections_changed = threading.Condition()
        super().__init__(("127.0.0.1", port), handler)

    @property
    def server_port(self) -> int:
        """The port it was given."""
        return int(self.server_address[1])

    def process_request(self, request: Connection, client_address: Address) -> None:
        """Serve a connection in its own thread, or close it where there are too many."""
        with self._connections_changed:
            crowded = len(self._connections) >= MAX_CONNECTIONS
            if not crowded:
                self._connections.add(request)
        if crowded:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def shutdown_request(self, request: Connection) -> None:
        """Close a connection."""
        super().shutdown_request(request)
        with self._connections_changed:
            self._connections.discard(request)
            self._connections_changed.notify_all()

    def drop_connections(self) -> None:
        """Break off every connection that is open, and wait a moment for their threads to see it."""
        with self._connections_changed:
            for connection in self._connections:
                if isinstance(connection, socket.socket):
                    # The client may have been quicker.
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
            self._connections_changed.wait_for(lambda: not self._connections, STOP_TIMEOUT_S)

    def handle_error(self, request: Connection, client_address: Address) -> None:
        """Keep quiet: a client that went away is no news, and stderr belongs to the dashboard."""
        del request, client_address
        _LOG.debug("a connection of the demo API ended early", exc_info=True)

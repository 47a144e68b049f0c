"""Sends checks: one `recordInfo` request for one task each, and makes an `Answer` of whatever comes.

Nothing of the network leaves this module as an exception. How many checks may be sent, and when, is for the
caller to know: here none is repeated.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import re
import ssl
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import httpx

from taskdash import __version__
from taskdash.api.environment import find_proxy, tls_context
from taskdash.api.faults import explain
from taskdash.api.heap import give_back_large_blocks
from taskdash.api.transport import KEEP_ALIVE_S, CrossedError, Lane, Reply, Route
from taskdash.api.turns import Turns
from taskdash.api.wire import MAX_BODY_BYTES, parse_answer
from taskdash.domain.errors import UsageError
from taskdash.domain.secret import KnownKeys
from taskdash.domain.task import Answer, ProblemKind
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from taskdash.domain.secret import Secret

RECORD_PATH: Final = "/api/v1/jobs/recordInfo"
MAX_CONNECTIONS: Final = 32
_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[\w.:-]+", re.ASCII)
_SUSPECT: Final = (ProblemKind.UNREADABLE, ProblemKind.UNREACHABLE)

_log = logging.getLogger(__name__)


class Gateway:
    """One API base URL with one key. Bound to the event loop that first uses it."""

    def __init__(
        self,
        base_url: str,
        key: Secret,
        *,
        connections: int = 4,
        deadline_s: float = 15.0,
        trust_env: bool = True,
    ) -> None:
        """Check everything a request depends on, and send nothing.

        Args:
            base_url: `https://host`, or `http://` on loopback; a path in it is kept in front of the API's.
            key: Sent to this host and no other.
            connections: How many requests may be under way at once, 1 to 32; see `resize`.
            deadline_s: How long a request may take from its connection to the last byte of its answer.
            trust_env: Whether proxies and certificates of the environment count.

        Raises:
            UsageError: the base URL, or a variable that counts for it and that the message names, is broken.
        """
        environ: Mapping[str, str] = os.environ if trust_env else {}
        base = _read_base(base_url)
        self._peer = base.netloc.decode()
        self._target = f"{base.raw_path.decode().rstrip('/')}{RECORD_PATH}?taskId="
        proxy = find_proxy(base.scheme, base.raw_host.decode(), base.port or _PORTS[base.scheme], environ)
        self._proxy = f"{proxy.host}:{proxy.port} ({proxy.variable})" if proxy else None
        needs_tls = base.scheme == "https" or proxy is not None
        headers = {
            "Host": self._peer,
            "Authorization": f"Bearer {key.reveal()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"taskdash/{__version__}",
        }
        # Otherwise one that trusts nobody, and is not used: to load the authorities takes 20 ms.
        tls = tls_context(environ) if needs_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._route = Route(f"{base.scheme}://{self._peer}", headers, tls, proxy)
        self._keys = KnownKeys([key])
        self._deadline_s = deadline_s
        self._turns = Turns(_clamp(connections))
        self._large = Turns(1)
        self.room_for_large: Callable[[], Awaitable[None]] = _room_at_once
        """Awaited before a large answer is read: whoever keeps the answers may have enough of them."""
        self._idle = [Lane(self._route)]
        self._lost: set[str] = set()
        self._closed = False
        # The engine of httpx logs answers' headers at DEBUG, and its client URLs at INFO.
        for library in ("httpcore", "httpx"):
            logging.getLogger(library).setLevel(logging.WARNING)

    @property
    def connections(self) -> int:
        """How many requests may be under way at once."""
        return self._turns.limit

    def resize(self, connections: int) -> None:
        """Allow as many requests at once as the budget times the latency needs, 1 to 32.

        Those under way are left alone. Call it in the event loop's thread.
        """
        self._turns.limit = _clamp(connections)

    async def fetch_record(self, task_id: str) -> Answer:
        """Send one check. Those beyond `connections` wait for their turn; the deadline starts after that.

        One that was lost (`Answer.is_lost`) gets a new connection when it is sent again.

        Raises:
            asyncio.CancelledError: nothing else.
        """
        await self._turns.take()
        is_second = task_id in self._lost
        self._lost.discard(task_id)
        lane = Lane(self._route) if is_second or not self._idle else self._idle.pop()
        try:
            return await self._check(lane, task_id)
        finally:
            await self._end_turn(lane)

    async def aclose(self) -> None:
        """Close every connection: those without a request now, the others once they have their answer."""
        self._closed = True
        lanes, self._idle = self._idle, []
        for lane in lanes:
            await lane.close()

    async def _check(self, lane: Lane, task_id: str) -> Answer:
        deadline = asyncio.timeout(self._deadline_s)
        large = _TurnOfLarge(self._large, self.room_for_large, deadline)
        try:
            async with deadline:
                target = self._target + quote(task_id, safe="")
                reply = await lane.get(target, MAX_BODY_BYTES, large.take)
            return await self._parse(lane, reply, task_id)
        except CrossedError:
            self._lost.add(task_id)
            message = f"{self._peer} closed a kept connection just as the check crossed"
            _log.debug("%s: it is sent again", message)
            return Answer(problem=ProblemKind.UNREACHABLE, message=message, is_lost=True)
        except Exception as fault:
            # Whatever the network or a library does to one request, the next one must still be sent.
            if deadline.expired():
                where = f"{self._peer} by the proxy {self._proxy}" if self._proxy else self._peer
                message = f"no whole answer from {where} within {self._deadline_s:g} s"
            else:
                message = explain(fault, self._peer, self._proxy)
            message = self._keys.redact(message)
            _log.info("check failed: %s: %s", type(fault).__name__, message)
            return Answer(problem=ProblemKind.UNREACHABLE, message=message)
        finally:
            large.end()

    async def _parse(self, lane: Lane, reply: Reply, task_id: str) -> Answer:
        now_s = time.time()
        answer = parse_answer(reply.status, reply.headers, reply.body, task_id, now_s=now_s)
        if answer.problem in _SUSPECT:
            # It may belong to another request: one answer too many puts off all that follow it. A redirect is
            # no answer of this API at all, and some have a body where HTTP knows none.
            await lane.close()
        # A gateway that quotes the key gets it neither stored nor shown.
        return self._keys.redact_values(answer)

    async def _end_turn(self, lane: Lane) -> None:
        """Keep the lane for the next request; close those at the bottom that nobody needed for a while."""
        now_s = asyncio.get_running_loop().time()
        lane.idle_since_s = now_s
        self._idle.append(lane)
        self._turns.end()
        while self._idle and (
            self._closed
            or len(self._idle) > self._turns.limit
            or now_s - self._idle[0].idle_since_s > KEEP_ALIVE_S
        ):
            await self._idle.pop(0).close()


class _TurnOfLarge:
    """One answer's right to be large.

    A body, its text and its values take ten times its size while it is read: a gateway that sends large ones to
    every request at once would take hundreds of megabytes.
    """

    def __init__(self, turns: Turns, room: Callable[[], Awaitable[None]], deadline: asyncio.Timeout) -> None:
        self._turns = turns
        self._room = room
        self._deadline = deadline
        self._is_taken = False

    async def take(self) -> None:
        """Wait for the turn, which is no fault of the server's: meanwhile the deadline stands still."""
        loop = asyncio.get_running_loop()
        left_s = (self._deadline.when() or math.inf) - loop.time()
        self._deadline.reschedule(None)
        give_back_large_blocks()
        await self._turns.take()
        self._is_taken = True
        await self._room()
        self._deadline.reschedule(loop.time() + left_s)

    def end(self) -> None:
        """Give it back, if it was taken."""
        if self._is_taken:
            self._turns.end()


async def _room_at_once() -> None:
    """There is always room."""


def _clamp(connections: int) -> int:
    return max(1, min(connections, MAX_CONNECTIONS))


def _read_base(base_url: str) -> httpx.URL:
    """A base URL, checked, with everything in it encoded as it is sent."""
    refusal = UsageError(f"{inert_line(base_url, 200)} is no base URL: write it like https://host")
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, ValueError) as error:
        raise refusal from error
    is_host = _HOST.fullmatch(url.raw_host.decode()) and (url.port is None or 0 < url.port < 65_536)
    more = url.userinfo or "?" in base_url or "#" in base_url or not base_url.isprintable()
    if url.scheme not in _PORTS or not is_host or more:
        raise refusal
    return url

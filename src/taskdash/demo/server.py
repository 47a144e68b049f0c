"""Serves the demo API on loopback: `recordInfo`, `createTask` and the records of two more families, by real HTTP.

It is used by `taskdash --demo`, `taskdash demo-api` and tests. Tasks are kept in memory, and results are files of the
package. It writes nothing to disk or the terminal.

Unlike the API's pages it has `/results/NAME` and `/uploads/NAME`, which need no key, as on a CDN. `createTask` is not
rate limited, as no limit is documented for it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
import time
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import parse_qs, unquote

from taskdash.demo.jobs import (
    FAMILY_RECORDS,
    MEDIA,
    MEDIA_FOLDER,
    Jobs,
    RefusedError,
    compact_json,
    family_jobs,
    random_id,
    sample_jobs,
)
from taskdash.domain.curl import CREATE_PATH
from taskdash.domain.gateways import RECORD_PATH, TIERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from taskdash.domain.task import Json

MAX_BODY_BYTES: Final = 1 << 20
MEDIA_TYPES: Final = {".webp": "image/webp", ".mp4": "video/mp4", ".mp3": "audio/mpeg"}
UNKNOWN_ID_PLACE: Final = 5
"""The position of the unknown ID in `task_ids`, high enough to be seen without scrolling."""
SEED: Final = 20260429
"""Makes the key and the IDs the same at every start."""

_LENGTH = re.compile("[0-9]{1,12}")
_RANGE = re.compile("bytes=([0-9]{1,18})-([0-9]{0,18})")


class RequestCounter:
    """Limits the requests of a key like the API does, in sliding windows of 1 s and 60 s."""

    def __init__(self, tier: str, clock: Callable[[], float]) -> None:
        """Use the limits of `tier`, and a clock that returns seconds."""
        self._tier = tier
        self._windows = ((60, TIERS[tier].per_minute), (1, TIERS[tier].per_second))
        self._clock = clock
        self._admitted_s: deque[float] = deque()
        self._lock = threading.Lock()

    def admit(self) -> None:
        """Count a request, or raise RefusedError without counting it if it exceeds a limit."""
        with self._lock:
            now_s = self._clock()
            admitted_s = self._admitted_s
            # Also drop requests in the future, as the wall clock may have been set back.
            while admitted_s and not now_s - 60 < admitted_s[0] <= now_s:
                admitted_s.popleft()
            for window_s, limit in self._windows:
                if len(admitted_s) >= limit and admitted_s[-limit] > now_s - window_s:
                    data: dict[str, Json] = {
                        "retryAfter": math.ceil(admitted_s[-limit] + window_s - now_s),
                        "limit": limit,
                        "tier": self._tier,
                        "windowSeconds": window_s,
                    }
                    raise RefusedError(429, "rate limit exceeded", data)
            admitted_s.append(now_s)


class DemoApi(ThreadingHTTPServer):
    """Serves its tasks on 127.0.0.1 while it is entered as a context manager.

    The port is bound on creation, so `base_url` is known before the server runs; the tasks' time starts then, too.
    """

    # The dashboard opens many connections at once.
    request_queue_size = 128
    # Some versions of Python let two servers bind the same port.
    allow_reuse_port = False

    def __init__(self, port: int = 0, *, clock: Callable[[], float] = time.time, tier: str = "basic") -> None:
        """Bind the port; 0 means any free one. `clock` returns Unix seconds, for tasks and limits.

        Raises OSError if the port is not available.
        """
        super().__init__(("127.0.0.1", port), DemoHandler)
        self.base_url = f"http://127.0.0.1:{self.server_port}"
        rng = Random(SEED)  # noqa: S311  # the key and the IDs are made up, and shown to everybody
        self.key = f"sk-demo-{rng.getrandbits(96):024x}"
        self.unknown_id = random_id(rng)
        """An ID that looks like the others but does not exist."""
        self.clock = clock
        self._sample_jobs = sample_jobs(rng, self.now_ms(), f"{self.base_url}/uploads/")
        ids = [job.task_id for job in self._sample_jobs]
        self.task_ids = (*ids[:UNKNOWN_ID_PLACE], self.unknown_id, *ids[UNKNOWN_ID_PLACE:])
        """The IDs of the sample tasks, the latest first, including `unknown_id`."""
        self.families = family_jobs(Random(SEED + 1), self.now_ms())  # noqa: S311  # as above
        self.jobs = Jobs([*self._sample_jobs, *self.families.values()], rng)
        self.counter = RequestCounter(tier, clock)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="demo-api", daemon=True)

    def now_ms(self) -> int:
        """Return the time in Unix milliseconds."""
        return int(self.clock() * 1000)

    @property
    def listed(self) -> dict[str, str | None]:
        """Return the IDs to put on a list, the latest first, each with its family's path (None for `recordInfo`)."""
        jobs = [*self._sample_jobs, *self.families.values()]
        paths = {job.task_id: path for path, job in self.families.items()}
        ids = [job.task_id for job in sorted(jobs, key=lambda job: -job.create_ms)]
        ids.insert(UNKNOWN_ID_PLACE, self.unknown_id)
        return {task_id: paths.get(task_id) for task_id in ids}

    def server_bind(self) -> None:
        """Bind the port without looking up this machine's name, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Ignore errors: clients may go away, and stderr belongs to the dashboard."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class DemoHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: DemoApi
    protocol_version = "HTTP/1.1"
    server_version = "taskdash-demo"
    sys_version = ""
    # The body is sent in a packet of its own, which must not wait for the headers to be acknowledged.
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        try:
            self._route(self._body())
        except RefusedError as refused:
            self._send_json(refused.code, refused.message, refused.data, refused.headers)

    do_GET = do_HEAD = do_POST = _answer  # noqa: N815 - these names are `http.server`'s

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name for it
        """Log nothing."""

    def _body(self) -> bytes:
        """Read the body of any request, as otherwise it would be taken for the next request."""
        length = self.headers.get("Content-Length", "0")
        is_known = "Transfer-Encoding" not in self.headers and _LENGTH.fullmatch(length)
        if not is_known or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            raise RefusedError(413, f"a body must have a Content-Length of at most {MAX_BODY_BYTES}")
        return self.rfile.read(int(length))

    def _route(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        folder, _, name = unquote(path).removeprefix("/").partition("/")
        if folder in ("results", "uploads"):
            self._allow("GET", "HEAD")
            found = name if folder == "uploads" else self.server.jobs.find_result(name, self.server.now_ms())
            if found not in MEDIA:
                raise RefusedError(404, "not found")
            self._send_file(found)
        elif path == RECORD_PATH or path in self.server.families:
            self._allow("GET")
            self._authorize()
            self.server.counter.admit()
            self._send_record(path, query)
        elif path == CREATE_PATH:
            self._allow("POST")
            self._authorize()
            self._create_task(body)
        else:
            raise RefusedError(404, "not found")

    def _allow(self, *methods: str) -> None:
        if self.command not in methods:
            raise RefusedError(405, "method not allowed", headers={"Allow": ", ".join(methods)})

    def _authorize(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {self.server.key}":
            raise RefusedError(401, "You do not have access permissions")

    def _send_record(self, path: str, query: str) -> None:
        task_id = ""
        with suppress(ValueError):  # far too many fields
            task_id = parse_qs(query, max_num_fields=32).get("taskId", [""])[0].strip()
        if not task_id:
            raise RefusedError(400, "taskId is required")
        now_ms, results_url = self.server.now_ms(), f"{self.server.base_url}/results/"
        if path == RECORD_PATH:
            job = self.server.jobs.find(task_id)
            if job is None or job in self.server.families.values():
                raise RefusedError(404, "task not found")
            self._send_data(job.record(now_ms, results_url))
        elif task_id != (job := self.server.families[path]).task_id:
            # As gateways do for these families: HTTP 200, with the error only in the code.
            self._send_json(422, "recordInfo is null", None, status=200)
        else:
            links: list[Json] = [results_url + name for name in job.results()]
            self._send_data(FAMILY_RECORDS[path](job, now_ms, links))

    def _create_task(self, body: bytes) -> None:
        try:
            request: Json = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "the request body is not JSON") from None
        request_id = self.headers.get("X-Request-ID", "")
        job = self.server.jobs.create(request, request_id, self.server.now_ms())
        self._send_data({"taskId": job.task_id})

    def _send_file(self, name: str) -> None:
        """Send a file, or the one part of it from a first byte on that is requested (RFC 9110, section 14)."""
        data = (MEDIA_FOLDER / name).read_bytes()
        etag = f'"{hashlib.sha256(data).hexdigest()[:24]}"'
        headers = {"Content-Type": MEDIA_TYPES[Path(name).suffix], "ETag": etag, "Accept-Ranges": "bytes"}
        part = _RANGE.fullmatch(self.headers.get("Range", ""))
        if part is None or self.headers.get("If-Range", etag) != etag:
            self._send(200, headers, data)
            return
        start, stop = int(part[1]), min(int(part[2] or len(data)) + 1, len(data))
        if start >= stop:
            raise RefusedError(
                416, "range not satisfiable", headers={"Content-Range": f"bytes */{len(data)}"}
            )
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
        self._send(206, headers, data[start:stop])

    def _send_data(self, data: dict[str, Json]) -> None:
        self._send_json(200, "success", data)

    def _send_json(
        self,
        code: int,
        message: str,
        data: dict[str, Json] | None,
        headers: Mapping[str, str] | None = None,
        *,
        status: int | None = None,
    ) -> None:
        text = compact_json({"code": code, "msg": message, "data": data})
        fields = {"Content-Type": "application/json; charset=utf-8", **(headers or {})}
        # "replace" is for a lone surrogate in a prompt, which JSON allows but UTF-8 does not.
        self._send(code if status is None else status, fields, text.encode("utf-8", "replace"))

    def _send(self, code: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

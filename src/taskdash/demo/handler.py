"""What the demo API answers to one request."""

from __future__ import annotations

import hmac
import json
import logging
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

from taskdash.demo.file_answer import FileAnswer, answer_file
from taskdash.demo.jobs import RefusedJobError
from taskdash.demo.samples import UPLOADS

if TYPE_CHECKING:
    from taskdash.demo.loopback import LoopbackServer
    from taskdash.demo.pictures import Picture
    from taskdash.domain.task import Json

RECORD_INFO: Final = "/api/v1/jobs/recordInfo"
CREATE_TASK: Final = "/api/v1/jobs/createTask"
MAX_BODY_BYTES: Final = 1 << 20
MAX_REQUEST_ID_CHARS: Final = 256
IDLE_TIMEOUT_S: Final = 30.0

_LOG = logging.getLogger(__name__)
_METHODS: Final = {RECORD_INFO: "GET", CREATE_TASK: "POST"}
_LENGTH = re.compile(r"[0-9]{1,12}")


class DemoHandler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: LoopbackServer
    protocol_version = "HTTP/1.1"
    server_version = "taskdash-demo"
    timeout = IDLE_TIMEOUT_S
    # Head and body leave in one packet; unbuffered, the second waits for the first one's acknowledgement.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        try:
            self._route()
        except OSError:
            raise
        except Exception:
            _LOG.debug("the demo API failed", exc_info=True)
            self.close_connection = True
            self._send_error(500, "internal error")

    # These names are `http.server`'s.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def version_string(self) -> str:
        """Return the value of `Server`."""
        return self.server_version

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name for it
        """Log nothing."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer in the API's form what `http.server` refuses by itself (no HTTP, too long a line)."""
        del explain
        # It says 501 for a method it does not know.
        code = 405 if code == HTTPStatus.NOT_IMPLEMENTED else int(code)
        self.close_connection = True
        if not hasattr(self, "command") or self.command is None:
            self.command = ""
        self._send_error(code, message or HTTPStatus(code).phrase.lower())

    def _route(self) -> None:
        # A request-target with a bad bracket makes `urlsplit` raise; it names nothing we have.
        try:
            target = urlsplit(self.path)
        except ValueError:
            self._refuse_unread(404, "not found")
            return
        if target.path.startswith(("/results/", "/uploads/")):
            self._answer_file(target.path)
            return
        method = _METHODS.get(target.path)
        if method is None:
            self._refuse_unread(404, "not found")
        elif self.command != method:
            self._refuse_unread(405, "method not allowed", {"Allow": method})
        elif not self._authorized():
            self._refuse_unread(401, "You do not have access permissions")
        elif method == "GET":
            self._record_info(target.query)
        else:
            self._create_task()

    def _record_info(self, query: str) -> None:
        if self._has_body():
            self.close_connection = True
        if not self._admitted():
            return
        try:
            task_id = parse_qs(query, max_num_fields=32).get("taskId", [""])[0].strip()
        except ValueError:
            task_id = ""
        if not task_id:
            self._send_error(400, "taskId is required")
            return
        job = self.server.jobs.find(task_id)
        if job is None:
            self._send_error(404, "task not found")
            return
        self._send_data(job.record(self._now_ms(), f"{self.server.base_url}/results/"))

    def _create_task(self) -> None:
        body = self._body()
        if body is None:
            return
        request_id = (self.headers.get("X-Request-ID") or "").strip() or None
        if request_id and len(request_id) > MAX_REQUEST_ID_CHARS:
            self._send_error(422, f"X-Request-ID is longer than {MAX_REQUEST_ID_CHARS} characters")
            return
        try:
            job = self.server.jobs.create(_json(body), request_id, self._now_ms())
        except RefusedJobError as refused:
            self._send_error(refused.code, refused.message)
        else:
            self._send_data({"taskId": job.task_id})

    def _answer_file(self, path: str) -> None:
        if self._has_body():
            self.close_connection = True
        if self.command not in ("GET", "HEAD"):
            self._refuse_unread(405, "method not allowed", {"Allow": "GET, HEAD"})
            return
        found = self._picture(*unquote(path).removeprefix("/").split("/", 1))
        if found is None:
            self._send_error(404, "not found")
            return
        picture, modified_ms = found
        data = self.server.gallery.file(picture)
        self._send_file(answer_file(self.headers, data, picture.media_type, modified_ms))

    def _picture(self, folder: str, name: str) -> tuple[Picture, int] | None:
        """Return a picture and when it was made; a result is there once its task has succeeded."""
        if folder == "uploads":
            upload = UPLOADS.get(name)
            return (upload, 0) if upload else None
        found = self.server.jobs.find_result(name)
        if found is None:
            return None
        job, picture = found
        ready = job.finished(self._now_ms()) and job.failure is None
        return (picture, job.finish_ms) if ready else None

    def _authorized(self) -> bool:
        scheme, _, key = (self.headers.get("Authorization") or "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(
            key.strip().encode("utf-8", "replace"), self.server.key.encode()
        )

    def _admitted(self) -> bool:
        """Count the request against the key's limits; answer 429 where it is too much."""
        counter = self.server.counter
        refusal = counter.admit() if counter else None
        if counter is None or refusal is None:
            return True
        data: dict[str, Json] = {
            "retryAfter": refusal.retry_after_s,
            "limit": refusal.limit,
            "tier": counter.tier,
            "windowSeconds": refusal.window_s,
        }
        self._send_json(429, {"code": 429, "msg": "rate limit exceeded", "data": data})
        return False

    def _has_body(self) -> bool:
        return "Transfer-Encoding" in self.headers or self.headers.get("Content-Length", "0") != "0"

    def _body(self) -> bytes | None:
        """Return the request's body; None if that was refused, and the refusal sent."""
        length = self.headers.get("Content-Length")
        if length is None or "Transfer-Encoding" in self.headers:
            self._refuse_unread(411, "Content-Length is required")
        elif not _LENGTH.fullmatch(length):
            self._refuse_unread(400, "Content-Length is not a number")
        elif int(length) > MAX_BODY_BYTES:
            self._refuse_unread(413, f"the request body is larger than {MAX_BODY_BYTES} bytes")
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                return body
            self.close_connection = True
        return None

    def _refuse_unread(self, code: int, message: str, headers: dict[str, str] | None = None) -> None:
        """Refuse a request and hang up if it has a body, which would be read as the next request."""
        if self._has_body():
            self.close_connection = True
        self._send_error(code, message, headers)

    def _send_data(self, data: dict[str, Json]) -> None:
        self._send_json(200, {"code": 200, "msg": "success", "data": data})

    def _send_error(self, code: int, message: str, headers: dict[str, str] | None = None) -> None:
        self._send_json(code, {"code": code, "msg": message, "data": None}, headers)

    def _send_json(self, code: int, answer: dict[str, Json], headers: dict[str, str] | None = None) -> None:
        # "replace" is for a prompt with half a surrogate pair in it, which JSON can carry and UTF-8 cannot.
        body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        fields = {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "no-store",
            **(headers or {}),
        }
        self._send_file(FileAnswer(code, fields, body))

    def _send_file(self, answer: FileAnswer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status != HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD" and answer.status != HTTPStatus.NOT_MODIFIED:
            self.wfile.write(answer.body)

    def _now_ms(self) -> int:
        return int(self.server.clock() * 1000)


def _json(body: bytes) -> Json:
    def refuse(constant: str) -> Json:
        raise ValueError(constant)

    try:
        value: Json = json.loads(body, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise RefusedJobError(400, "the request body is not JSON") from None
    return value

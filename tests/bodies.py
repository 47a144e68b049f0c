"""What the API says, as tests make it up: the bodies of its page, and replies around them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]


def http_reply(
    status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None, *, reason: str = "Any"
) -> bytes:
    """The bytes of a well-formed reply; `headers` may replace Content-Type and Content-Length."""
    fields = {"Content-Type": "application/json", "Content-Length": str(len(body))} | dict(headers or {})
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _record(task_id: str, state: str, fields: Body) -> Body:
    model = fields.get("model", "gpt-image-2-text-to-image")
    data: Body = {
        "taskId": task_id,
        "model": model,
        "state": state,
        "param": json.dumps({"model": model, "input": {"prompt": "A cinematic portrait of a robot painter"}}),
        "resultJson": None,
        "failCode": None,
        "failMsg": None,
        "costTime": None,
        "completeTime": None,
        "createTime": 1777474689024,
    }
    return {"code": 200, "msg": "success", "data": data | fields}


def waiting_body(task_id: str, **fields: Any) -> Body:
    """A running task, with every field of the API's page; `fields` replace those of `data`."""
    return _record(task_id, "waiting", fields)


def success_body(
    task_id: str, urls: Sequence[str] = ("https://cdn.example.com/result.png",), **fields: Any
) -> Body:
    """A task that succeeded 32.241 s after its start."""
    done: Body = {
        "resultJson": json.dumps({"resultUrls": list(urls)}),
        "costTime": 32241,
        "completeTime": 1777460000000,
        "createTime": 1777459967759,
    }
    return _record(task_id, "success", done | fields)


def saved_name(task_id: str, n: int = 1) -> str:
    """The name of the file that result `n` of a `success_body` without a label is saved as."""
    return f"A-cinematic-portrait-of-a-{task_id[:8]}-{n}.png"


def fail_body(task_id: str, **fields: Any) -> Body:
    """A task that failed; like the API's own it has neither `costTime` nor `completeTime`."""
    failed: Body = {
        "failCode": "400",
        "failMsg": "Sorry, but the image we created may violate OpenAI's content policies.",
        "createTime": 1777475010433,
    }
    return _record(task_id, "fail", failed | fields)


def error_body(code: int, msg: str, data: Any = None) -> Body:
    """What the API says instead of a record."""
    return {"code": code, "msg": msg, "data": data}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of `FakeApi`. `body` None is the API's error body for `status`."""

    status: int = 200
    body: Body | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0

    def encode(self) -> bytes:
        body = error_body(self.status, _REASONS.get(self.status, "error")) if self.body is None else self.body
        return http_reply(
            self.status, body if isinstance(body, bytes) else json.dumps(body).encode(), self.headers
        )


_REASONS = {
    400: "invalid request",
    401: "authentication failed",
    402: "insufficient credits",
    404: "task not found",
    422: "validation failed",
    429: "rate limit exceeded",
    500: "server error",
}


def error_reply(code: int, msg: str | None = None, data: Any = None, **headers: str) -> Reply:
    """An error as this API sends it: the HTTP status is the body's `code`."""
    return Reply(code, error_body(code, msg or _REASONS.get(code, "error"), data), headers)


def rate_limit_reply(
    retry_after: Any = 17, limit: Any = 180, tier: Any = "basic", window_seconds: Any = 60, **headers: str
) -> Reply:
    """The API's 429; times in seconds."""
    data = {"retryAfter": retry_after, "limit": limit, "tier": tier, "windowSeconds": window_seconds}
    return error_reply(429, None, data, **headers)

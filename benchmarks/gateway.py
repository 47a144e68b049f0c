"""A gateway for benchmarks, in a process of its own: every task is still running, every answer comes at once.

    python benchmarks/gateway.py

It prints its port, and ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

_LETTERS: Final = str.maketrans("0123456789", "ghijklmnop")
KEY: Final = "sk-benchmark-0123456789"


class Gateway:
    """The process with the gateway, for a `with` block."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._process.communicate()


def _reply(target: str) -> bytes:
    task_id = parse_qs(urlsplit(target).query).get("taskId", [""])[0]
    now_ms = time.time_ns() // 1_000_000
    # Each answer has another prompt, in letters: digits would look like an ID.
    moment = str(now_ms).translate(_LETTERS)
    param = {"model": "gpt-image-2-text-to-image", "input": {"prompt": f"a robot, {moment}, in the rain"}}
    record = {
        "taskId": task_id,
        "model": param["model"],
        "state": "waiting",
        "param": json.dumps(param),
        "createTime": now_ms - 20_000,
    }
    body = json.dumps({"code": 200, "msg": "success", "data": record}).encode()
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            writer.write(_reply(head.split(b" ", 2)[1].decode("ascii")))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    # Whoever asked has gone: nobody misses the answers under way.
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_serve())

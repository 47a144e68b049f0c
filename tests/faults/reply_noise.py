"""Answers as no HTTP server should send them: everything between the status line and the last chunk, mutated.

Equal seeds give equal answers. None of them refuses the key or asks for quiet, which would be obeyed and hold the
others up; those have tests of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from random import Random
from typing import Final

from tests.bodies import fail_body, http_reply, success_body, waiting_body

_OBEYED = re.compile(rb"401|402|403|429")

STATUS_LINES: Final = (
    b"", b"\r\n", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 200", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 -200 OK", b"HTTP/1.1 2OO OK", b"HTTP/9.9 200 OK", b"HTTP/1.0 200 OK", b"HTTP/0.9 200 OK",
    b"http/1.1 200 OK", b"HTTP/1.1\t200\tOK", b"HTTP/1.1  200 OK", b"HTTP/1.1 200 " + b"K" * 70_000,
    b"HTTP/1.1 200 \x1b]0;x\x07", b"HTTP/1.1 999 Odd", b"HTTP/1.1 000 Odd", b"HTTP/1.1 099 Odd", b"HTTP/2 200",
    b"ICY 200 OK", b"SSH-2.0-OpenSSH_9.2", b"220 mail ready", b"<html>", b"\x00\x00\x00\x04", b"\x16\x03\x01\x02",
    b"PRI * HTTP/2.0", b"HTTP/1.1 101 Switching Protocols", b"HTTP/1.1 204 No Content", b"HTTP/1.1 304 Not Modified",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK", b"HTTP/1.1 100 Continue\r\n\r\n" * 500 + b"HTTP/1.1 200 OK",
    b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 500 Broken", b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK",
    b"HTTP/1.1 \xef\xbc\x92\xef\xbc\x90\xef\xbc\x90 OK",
)  # fmt: skip
HEADERS: Final = (
    b"Content-Length: -1", b"Content-Length: 1e3", b"Content-Length: 99999999999999999999", b"Content-Length: 0",
    b"Content-Length: 5, 5", b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length:", b"Content-Length: +5",
    b"Content-Length: 0x10", b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: \x0bchunked",
    b"no colon at all", b": no name", b" folded", b"A: b\r\n folded", b"A\x00B: c", b"A: b\x00c", b"A: b\rc",
    b"A : b", b"A: " + b"b" * 200_000, b"\r\n".join(b"H%d: v" % number for number in range(3_000)),
    b"Content-Encoding: gzip", b"Content-Encoding: br", b"Content-Encoding: gzip, gzip, gzip, gzip",
    b"Content-Type: application/json; charset=hex", b"Content-Type: text/html; charset=\xff", b"Content-Type:",
    b"Set-Cookie: a=b; Domain=.com", b"Location: javascript:alert(1)", b"Retry-After: -1", b"Date: never",
    b"Connection: upgrade\r\nUpgrade: h2c", b"Connection: keep-alive\r\nKeep-Alive: timeout=-5", b"Trailer: A",
    "Naïve: é".encode(), b"A: \xff\xfe", b"Link: \x1b]52;c;aG9zdGlsZQ==\x07",
)  # fmt: skip
CHUNKS: Final = (
    b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n",
    b"ffffffffffffffff\r\nhello", b"5\r\nhel", b"5\r\nhello0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\n\r\n",
    b"5;" + b"x" * 100_000 + b"\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"0\r\n" + b"T: v\r\n" * 50_000 + b"\r\n",
    b"1\r\n{\r\n" * 5_000 + b"0\r\n\r\n", b"\r\n", b"", b"00000000000000000000005\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n", b"5\r\nhelloXX0\r\n\r\n", b"0\r\n\x00\xff\r\n\r\n",
)  # fmt: skip
_TOKENS: Final = (
    b"\r\n", b"\n", b"\r", b"\x00", b"\xff", b"\x1b[2J", b":", b" ", b"\t", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n",
    b"0\r\n\r\n", b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n",
    b"9" * 5_000, b"[" * 3_000,
)  # fmt: skip


def malformed(task_id: str) -> Iterator[bytes]:
    """Every oddity once, each in an answer that is good but for it."""
    body = json.dumps(success_body(task_id)).encode()
    length = b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    for line in STATUS_LINES:
        yield line + length + body
    for header in HEADERS:
        yield b"HTTP/1.1 200 OK\r\n" + header + length + body
    for header in HEADERS:
        yield b"HTTP/1.1 200 OK\r\n" + header + b"\r\n\r\n" + body
    for chunks in CHUNKS:
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks


def noise(task_id: str, count: int, seed: int) -> Iterator[bytes]:
    """Yield `count` answers, mutated anywhere."""
    random = Random(seed)  # noqa: S311 - test data, and repeatable on purpose
    odd = list(malformed(task_id))
    good = [_encoded(make(task_id), chunked) for make in _MAKERS for chunked in (False, True)]
    while count:
        answer = bytearray(random.choice(good if random.random() < 0.7 else odd))
        for _ in range(random.randint(1, 4)):
            _mutate(random, answer, odd)
        if not _OBEYED.search(answer):
            count -= 1
            yield bytes(answer)


_MAKERS: Final = (waiting_body, success_body, fail_body)


def _encoded(body: object, chunked: bool) -> bytes:
    plain = json.dumps(body).encode()
    if not chunked:
        return http_reply(200, plain)
    parts = [plain[at : at + 97] for at in range(0, len(plain), 97)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"


def _mutate(random: Random, answer: bytearray, odd: list[bytes]) -> None:
    # Half of it in the head, which is much the smaller part.
    end = len(answer) if random.random() < 0.5 else min(len(answer), 120)
    at = random.randrange(end + 1)
    match random.randrange(6):
        case 0 if at < len(answer):
            answer[at] ^= 1 << random.randrange(8)
        case 1:
            del answer[at : at + random.randint(1, 40)]
        case 2:
            answer[at:at] = random.choice(_TOKENS)
        case 3:
            answer[at:] = random.choice(odd)[random.randrange(60) :]
        case 4:
            answer[at:at] = bytes(random.randrange(256) for _ in range(random.randint(1, 8)))
        case _:
            answer[at:at] = answer[at : at + random.randint(1, 80)]

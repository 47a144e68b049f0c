"""What the gateway says of each way not to get an answer, and that it never says the key."""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import logging
import socket
import time
from contextlib import aclosing
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from tests.servers import (
    AUTHORITY,
    FakeApi,
    Peer,
    RawServer,
    Reply,
    Request,
    closed_port,
    error_reply,
    http_reply,
    sends,
    success_body,
    tls_server,
    waiting_body,
)

from taskdash.api.client import Gateway
from taskdash.api.network import explain
from taskdash.domain.record import Answer
from taskdash.domain.secret import Secret
from taskdash.domain.task import ProblemKind, State

KEY = "sk-CANARY/0123+456789=="


async def check(base_url: str, **options: Any) -> Answer:
    async with aclosing(Gateway(base_url, Secret(KEY), **options)) as client:
        return await client.fetch_record("task_a")


async def unreachable(base_url: str, **options: Any) -> str:
    answer = await check(base_url, **options)
    assert answer.problem is ProblemKind.UNREACHABLE
    return answer.message


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_good_certificate_of_a_trusted_authority_is_accepted(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    with FakeApi({"task_a": waiting_body("task_a")}, tls=tls_server()) as api:
        base_url = f"https://{host}:{api.port}"
        assert "unknown issuer" in await unreachable(base_url)
        monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
        assert (await check(base_url)).record is not None
        assert (await check(base_url)).record is not None
        assert len(api.requests) == 2


async def test_an_authority_is_found_in_the_folder_of_ssl_cert_dir(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The name is what `openssl x509 -subject_hash` says of the authority.
    (tmp_path / "bafab4fd.0").write_text(AUTHORITY.read_text())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with FakeApi({"task_a": waiting_body("task_a")}, tls=tls_server()) as api:
        assert (await check(api.url)).record is not None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENETUNREACH, ""), "offline"), (OSError(errno.EHOSTUNREACH, ""), "no network route"),
        (OSError(errno.ECONNRESET, ""), "cut the connection (reset)"), (OSError(errno.ETIMEDOUT, ""), "timed out"),
        (OSError(errno.EMFILE, ""), "too many open files"), (OSError(errno.EPERM, ""), "not permitted"),
        (socket.gaierror(socket.EAI_NONAME, ""), "is not known (DNS)"),
        (socket.gaierror(socket.EAI_AGAIN, ""), "cannot be looked up now (DNS)"),
    ],
)  # fmt: skip
def test_an_error_of_the_system_is_found_behind_those_it_caused(error: OSError, words: str) -> None:
    outer = RuntimeError("outer")
    outer.__cause__ = ExceptionGroup("all attempts failed", [error])
    assert words in explain(outer, "example.com")


def test_an_exception_that_causes_itself_is_explained() -> None:
    fault = RuntimeError("loop")
    fault.__context__ = other = ValueError("other")
    other.__context__ = fault
    assert explain(fault, "example.com") == "the request to example.com failed (RuntimeError)"


async def test_a_date_to_wait_for_counts_from_now_where_the_answer_has_no_clock(fake_api: FakeApi) -> None:
    until = formatdate(time.time() + 600, usegmt=True)
    fake_api.override = Reply(429, b"", {"Retry-After": until})
    answer = await check(fake_api.url)
    assert answer.throttle is not None
    assert 590 <= answer.throttle.retry_after_s <= 600


# The key


def forms(key: str) -> list[str]:
    """Every form in which a key has been seen to leak."""
    encoded = base64.b64encode(key.encode()).decode()
    return [
        key,
        quote(key, safe=""),
        encoded,
        repr(key)[1:-1],
        json.dumps(key)[1:-1],
        key.replace("/", "\\/"),
    ]


def assert_no_key(*texts: str) -> None:
    for text in texts:
        for form in forms(KEY):
            assert form not in text
        assert "CANARY" not in text


async def test_no_message_or_log_has_the_key_whatever_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def fail_with(error: Exception) -> Any:
        async def send(*_: object, **__: object) -> None:
            raise error

        return send

    for error in (
        ValueError(f"Illegal header value b'Bearer {KEY}'"),
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {KEY}'"),
        httpx.RemoteProtocolError(f"illegal header line: bytearray(b'Bearer {KEY}')"),
        httpx.UnsupportedProtocol(KEY),
        OSError(errno.EINVAL, f"Bearer {KEY}"),
        UnicodeEncodeError("ascii", KEY, 0, 1, "not in range"),
        KeyError(KEY),
    ):
        monkeypatch.setattr("httpx.AsyncHTTPTransport.handle_async_request", fail_with(error))
        assert_no_key(await unreachable("https://gateway.invalid"))
    assert_no_key(caplog.text)


async def test_a_gateway_that_quotes_the_key_is_not_repeated(fake_api: FakeApi) -> None:
    for form in (KEY, quote(KEY, safe=""), KEY.replace("/", "\\/"), KEY.replace("=", "\\u003d")):
        fake_api.override = error_reply(401, f"invalid api key {form}")
        answer = await check(fake_api.url)
        assert answer.problem is ProblemKind.UNAUTHORIZED
        assert_no_key(repr(answer))

        quoting = json.dumps(waiting_body("task_a", param="PARAM", model=f"x {KEY}"))
        body = quoting.replace(json.dumps(KEY)[1:-1], form).encode()
        fake_api.override = Reply(200, body)
        answer = await check(fake_api.url)
        assert answer.record is not None
        assert answer.record.model == "x ***"
        assert b"***" in answer.raw
        assert_no_key(repr(answer), answer.raw.decode())

    with RawServer(sends(http_reply(302, b"", {"Location": f"https://evil.example/?{KEY}"}))) as server:
        assert_no_key(await unreachable(server.url))


@pytest.mark.parametrize("key", ["resultJson", "completeTime", "gpt-image-2-text-to-image"])
async def test_a_key_that_is_a_field_of_the_answer_costs_no_field(fake_api: FakeApi, key: str) -> None:
    fake_api.set("task_a", success_body("task_a"))
    async with aclosing(Gateway(fake_api.url, Secret(key))) as client:
        record = (await client.fetch_record("task_a")).record
    assert record is not None
    assert (record.state, record.cost_time_ms) == (State.SUCCESS, 32241)
    assert record.result_urls == ("https://cdn.example.com/result.png",)


async def test_a_key_that_is_put_together_from_pieces_is_not_repeated(fake_api: FakeApi) -> None:
    pieces = KEY[:5] + "\u200b" + KEY[5:]
    fake_api.set("task_a", waiting_body("task_a", model=f"x {pieces}"))
    async with aclosing(Gateway(fake_api.url, Secret(KEY))) as client:
        record = (await client.fetch_record("task_a")).record
    assert record is not None
    assert record.model == "x ***"


# Proxies


async def test_a_proxy_that_refuses_is_told_by_its_variable_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refusal = http_reply(407, b"", reason="Proxy \x1b[31m Authentication Required")
    with RawServer(sends(refusal, then="close")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass%20word@127.0.0.1:{proxy.port}")
        message = await unreachable("https://gateway.invalid")
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "gateway.invalid:443")
    assert request.headers["proxy-authorization"] == "Basic " + base64.b64encode(b"user:pass word").decode()
    assert_no_key(request.raw.decode())
    assert message.startswith(f"the proxy 127.0.0.1:{proxy.port} (HTTPS_PROXY) does not let us through")
    assert "pass" not in message
    assert message.isprintable()


async def test_a_proxy_that_is_not_there_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    port = closed_port()
    monkeypatch.setenv("all_proxy", f"127.0.0.1:{port}")
    message = await unreachable("https://gateway.invalid")
    assert message == f"connection refused by the proxy 127.0.0.1:{port} (all_proxy)"


async def test_a_proxy_that_stays_silent_meets_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        message = await unreachable("https://gateway.invalid", deadline_s=0.2)
        await asyncio.to_thread(proxy.wait_for, lambda: proxy.open_connections == 0)
    assert "(HTTPS_PROXY)" in message


async def test_checks_go_through_the_proxy_in_a_tunnel_that_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeApi({"task_a": waiting_body("task_a")}, tls=tls_server("other-host")) as api:

        async def tunnel(peer: Peer, request: Request) -> None:  # noqa: ARG001 - there is one target
            reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
            await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(copy(peer._reader, writer), copy(reader, peer._writer))

        async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(65_536):
                writer.write(data)
            writer.close()

        with RawServer(tunnel) as proxy:
            monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            async with aclosing(Gateway("https://other.example", Secret(KEY))) as client:
                for _ in range(3):
                    assert (await client.fetch_record("task_a")).record is not None
            assert (len(api.requests), proxy.connections) == (3, 1)
            assert api.requests[0].headers["host"] == "other.example"


async def test_a_plain_base_url_is_asked_for_in_full_at_its_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeApi() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        await check("http://gateway.invalid:81/v1")
        (request,) = proxy.requests
    assert request.target == "http://gateway.invalid:81/v1/api/v1/jobs/recordInfo?taskId=task_a"
    assert request.headers["host"] == "gateway.invalid:81"

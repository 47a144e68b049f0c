"""The gateway against real servers: what it sends, and what it makes of every way an answer can go wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import aclosing
from typing import Any

import pytest
from tests.servers import (
    FakeApi,
    Peer,
    RawServer,
    Reply,
    Request,
    http_reply,
    sends,
    success_body,
    waiting_body,
)

from taskdash import __version__
from taskdash.api.client import Gateway
from taskdash.domain.record import Answer
from taskdash.domain.secret import Secret
from taskdash.domain.task import ProblemKind, State

KEY = "sk-CANARY-0123456789"
GOOD = http_reply(200, json.dumps(waiting_body("task_a")).encode())


def gateway(url: str, **options: Any) -> aclosing[Gateway]:
    return aclosing(Gateway(url, Secret(KEY), **options))


async def check(server: RawServer, task_id: str = "task_a", **options: Any) -> Answer:
    async with gateway(server.url, **options) as client:
        return await client.fetch_record(task_id)


async def test_a_record_is_fetched_with_what_the_api_asks_for(fake_api: FakeApi) -> None:
    fake_api.set("task_a", success_body("task_a"))
    answer = await check(fake_api)
    assert answer.record is not None
    assert answer.record.state is State.SUCCESS
    (request,) = fake_api.requests
    assert request.method == "GET"
    assert request.target == "/api/v1/jobs/recordInfo?taskId=task_a"
    assert request.headers == {
        "host": f"127.0.0.1:{fake_api.port}",
        "authorization": f"Bearer {KEY}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"taskdash/{__version__}",
    }


@pytest.mark.parametrize("task_id", ["a&b=c", "a/../b", "a#b", "a b\r\nX: y", "ü", "%41", "a:b.c-d_e~f"])
async def test_a_task_id_reaches_the_server_as_it_is_and_changes_nothing_else(
    fake_api: FakeApi, task_id: str
) -> None:
    assert (await check(fake_api, task_id)).problem is ProblemKind.NOT_FOUND
    (request,) = fake_api.requests
    assert request.task_id == task_id
    assert len(request.headers) == 5


async def test_a_host_with_an_ipv6_address_is_asked_by_it() -> None:
    async with gateway("http://[::1]:9/") as client:
        assert "[::1]:9" in (await client.fetch_record("task_a")).message


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/veo/record-info", "/api/v1/veo/record-info?taskId=a%3Ab"),
        ("/v1/tasks/{id}", "/v1/tasks/a%3Ab"),
        ("/v1/get_result?id={id}", "/v1/get_result?id=a%3Ab"),
        ("/v1/record?detail=1", "/v1/record?detail=1&taskId=a%3Ab"),
    ],
)
async def test_a_path_of_the_config_names_the_task_in_its_own_way(path: str, target: str) -> None:
    with FakeApi({"a:b": waiting_body("a:b")}, path=path) as api:
        async with gateway(f"{api.url}/gate") as client:
            assert (await client.fetch_record("a:b", path)).problem is ProblemKind.NOT_FOUND
        async with gateway(api.url) as client:
            assert (await client.fetch_record("a:b", path)).record is not None or "?detail" in path
            await client.fetch_record("..", "/v1/tasks/{id}")
        assert [request.target for request in api.requests] == [f"/gate{target}", target, "/v1/tasks/%2E%2E"]


async def test_the_key_stands_in_the_header_that_the_config_names_and_in_no_other() -> None:
    header = "x-key: token={key}"
    with FakeApi({"task_a": waiting_body("task_a")}, key=KEY, auth_header=header) as api:
        assert (await check(api, auth_header=header)).record is not None
        (request,) = api.requests
    assert request.headers["x-key"] == f"token={KEY}"
    assert len(request.headers) == 5


async def test_a_cancelled_check_gives_its_connection_back() -> None:
    with RawServer() as server:
        async with gateway(server.url) as client:
            check = asyncio.create_task(client.fetch_record("task_a"))
            await asyncio.to_thread(server.wait_for, lambda: len(server.requests) == 1)
            check.cancel()
            with pytest.raises(asyncio.CancelledError):
                await check
            await asyncio.to_thread(server.wait_for, lambda: server.open_connections == 0)


async def test_a_connection_closed_between_two_checks_is_no_problem() -> None:
    with RawServer(sends(GOOD, then="close")) as server:
        async with gateway(server.url) as client:
            for done in range(1, 4):
                assert (await client.fetch_record("task_a")).record is not None
                await asyncio.to_thread(server.wait_for, lambda: server.open_connections == 0)
                await asyncio.sleep(0)
                assert len(server.requests) == done


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_check_that_crosses_the_closing_of_its_connection_is_lost_and_goes_out_anew_the_next_time(
    end: str,
) -> None:
    async def one_answer_a_connection(peer: Peer, request: Request) -> None:
        if [each.connection for each in server.requests].count(request.connection) == 1:
            await peer.send(GOOD)
        elif end == "close":
            peer.close()
        else:
            peer.reset()

    with RawServer(one_answer_a_connection) as server:
        async with gateway(server.url) as client:
            # Two connections that are kept: the check that was lost must not meet the second one.
            both = await asyncio.gather(client.fetch_record("task_a"), client.fetch_record("task_a"))
            assert all(answer.record for answer in both)
            lost = await client.fetch_record("task_a")
            assert (lost.is_lost, lost.problem) == (True, ProblemKind.UNREACHABLE)
            assert (await client.fetch_record("task_a")).record is not None
            assert (await client.fetch_record("task_a")).is_lost
    assert [each.connection for each in server.requests][2:] in ([0, 2, 2], [0, 2, 1], [1, 2, 2], [1, 2, 0])


async def test_an_answer_that_breaks_off_on_a_kept_connection_is_unreachable() -> None:
    async def second_breaks_off(peer: Peer, request: Request) -> None:
        if len(server.requests) == 1:
            await peer.send(GOOD)
        else:
            await sends(GOOD[:-1], then="close")(peer, request)

    with RawServer(second_breaks_off) as server:
        async with gateway(server.url) as client:
            await client.fetch_record("task_a")
            answer = await client.fetch_record("task_a")
    assert (answer.problem, answer.is_lost) == (ProblemKind.UNREACHABLE, False)


async def silent(peer: Peer) -> None:
    await peer.stall()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_server_that_stays_silent_meets_the_deadline(scheme: str) -> None:
    with RawServer(on_connect=silent) as server:
        async with gateway(f"{scheme}://127.0.0.1:{server.port}", deadline_s=0.2) as client:
            answer = await client.fetch_record("task_a")
            assert answer.problem is ProblemKind.UNREACHABLE
            assert answer.message == f"no complete answer from 127.0.0.1:{server.port} within 0.2s"
            # Even a connection whose TLS handshake never ended is closed.
            await asyncio.to_thread(server.wait_for, lambda: server.open_connections == 0)


async def test_who_waits_for_a_large_answer_of_another_does_not_miss_the_deadline() -> None:
    large = http_reply(200, json.dumps(success_body("task_a", param="x" * 1_000_000)).encode())

    async def slow(peer: Peer, request: Request) -> None:  # noqa: ARG001 - the same for every request
        await peer.send(large[:-1])
        await asyncio.sleep(0.4)
        await peer.send(large[-1:])

    with RawServer(slow) as server:
        async with gateway(server.url, deadline_s=1.0) as client:
            answers = await asyncio.gather(*(client.fetch_record("task_a") for _ in range(4)))
    assert [answer.message for answer in answers] == [""] * 4


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "hung up without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 40_000, "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "was cut short"),
    ],
    ids=["nothing", "SSH", "two lengths", "many headers", "short chunks"],
)
async def test_an_answer_that_is_no_http_is_unreachable_and_not_lost_on_a_new_connection(
    data: bytes, words: str
) -> None:
    with RawServer(sends(data, then="close")) as server:
        answer = await check(server)
        assert len(server.requests) == 1
    assert (answer.problem, answer.is_lost) == (ProblemKind.UNREACHABLE, False)
    assert words in answer.message


@pytest.mark.parametrize("first", [100, 103])
async def test_interim_answers_are_passed_over(first: int) -> None:
    with RawServer(sends(f"HTTP/1.1 {first} Wait\r\n\r\n".encode() + GOOD)) as server:
        assert (await check(server)).record is not None


async def test_a_redirect_with_a_body_where_none_belongs_does_not_put_off_the_next_answer() -> None:
    async def not_modified(peer: Peer, request: Request) -> None:
        await peer.send(http_reply(304 if request.task_id == "task_a" else 404, b"{}"))

    with RawServer(not_modified) as server:
        async with gateway(server.url) as client:
            answers = [await client.fetch_record(task_id) for task_id in ("task_a", "task_b")]
        assert server.connections == 2
    assert [answer.problem for answer in answers] == [ProblemKind.UNREACHABLE, ProblemKind.NOT_FOUND]


async def test_an_answer_too_many_is_dropped_and_does_not_put_off_those_after_it() -> None:
    async def one_too_many(peer: Peer, request: Request) -> None:
        body = json.dumps(waiting_body(request.task_id or "")).encode()
        await peer.send(http_reply(200, body) * (2 if len(server.requests) == 1 else 1))

    with RawServer(one_too_many) as server:
        async with gateway(server.url) as client:
            answers = [await client.fetch_record(f"task_{number}") for number in range(4)]
    ids = [answer.record and answer.record.task_id for answer in answers]
    assert ids == ["task_0", None, "task_2", "task_3"]
    assert answers[1].problem is ProblemKind.UNREADABLE


async def test_no_url_header_or_cookie_is_logged_or_sent_back(
    fake_api: FakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fake_api.override = Reply(500, headers={"Set-Cookie": "tracker=1"})
    async with gateway(fake_api.url) as client:
        await client.fetch_record("task_a")
        await client.fetch_record("task_a")
    assert "cookie" not in fake_api.requests[1].headers
    assert not [record for record in caplog.records if record.name.startswith(("httpcore", "httpx"))]
    assert KEY not in caplog.text

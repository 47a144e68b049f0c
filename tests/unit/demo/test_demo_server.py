from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from tests.bodies import waiting_body

from taskdash.api.wire import parse_answer
from taskdash.demo.server import DemoApi
from taskdash.domain.task import State

START_S = 1_777_474_689.024
RECORD_INFO = "/api/v1/jobs/recordInfo"
CREATE_TASK = "/api/v1/jobs/createTask"


class Clock:
    """Unix seconds that a test turns."""

    now_s = START_S

    def __call__(self) -> float:
        return self.now_s


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    api: DemoApi,
    path: str,
    method: str = "GET",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    *,
    key: str | None = None,
) -> Answer:
    """Send one request over a connection of its own; `key` "" sends none."""
    key = api.key if key is None else key
    fields = {"Authorization": f"Bearer {key}"} if key else {}
    with contextlib.closing(
        http.client.HTTPConnection(urlsplit(api.base_url).netloc, timeout=10)
    ) as connection:
        connection.request(method, path, body=body, headers={**fields, **(headers or {})})
        return Answer(connection.getresponse())


def info(api: DemoApi, task_id: str) -> Any:
    answer = ask(api, f"{RECORD_INFO}?taskId={quote(task_id)}")
    assert answer.status == answer.json["code"] == 200
    return answer.json["data"]


def create(api: DemoApi, request: object, headers: dict[str, str] | None = None) -> Answer:
    return ask(api, CREATE_TASK, "POST", json.dumps(request).encode(), headers)


def raw(api: DemoApi, request: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the server hangs up."""
    with socket.create_connection(("127.0.0.1", urlsplit(api.base_url).port or 0), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> Iterator[DemoApi]:
    with DemoApi(clock=clock, tier="enterprise") as api:
        yield api


def test_each_state_has_the_fields_of_the_apis_page_in_their_order(api: DemoApi) -> None:
    records = [info(api, task_id) for task_id in api.task_ids if task_id != api.unknown_id]
    assert {record["state"] for record in records} == {"waiting", "success", "fail"}
    fields = list(waiting_body("any")["data"])
    assert all(list(record) == fields for record in records)


def test_a_failed_task_has_its_reason_and_neither_cost_time_nor_complete_time(
    api: DemoApi, clock: Clock
) -> None:
    clock.now_s += 60
    failed = [
        record
        for task_id in api.task_ids
        if task_id != api.unknown_id and (record := info(api, task_id))["state"] == "fail"
    ]
    assert len(failed) >= 5
    for record in failed:
        assert record["costTime"] is record["completeTime"] is record["resultJson"] is None
        assert record["failCode"]
        assert record["failMsg"]
    assert any(record["failCode"] == "400" and "content policies" in record["failMsg"] for record in failed)


def test_what_names_no_task_is_refused_by_its_kind(api: DemoApi) -> None:
    without = ("", "?taskId=", "?taskId=%20", "?taskid=x", "?" + "a=1&" * 40 + "taskId=x")
    unknown = ("nobody", "%FF%00", "a" * 5000, "../../etc/passwd", api.unknown_id)
    other = ("/", "/api/v1/jobs", "/api/v1/jobs/recordInfo/", "/results", "//[", "/favicon.ico")
    assert api.task_ids.count(api.unknown_id) == 1
    for path, code, msg in (
        *((RECORD_INFO + query, 400, "taskId is required") for query in without),
        *((f"{RECORD_INFO}?taskId={task_id}", 404, "task not found") for task_id in unknown),
        *((path, 404, None) for path in other),
    ):
        answer = ask(api, path)
        assert answer.status == code, path
        assert answer.json == {"code": code, "msg": msg or answer.json["msg"], "data": None}
        assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


def test_the_key_is_needed_with_the_bearer_scheme(api: DemoApi) -> None:
    path = f"{RECORD_INFO}?taskId={api.task_ids[0]}"
    odd = "\u00e9".encode().decode("latin-1")
    for sent in (None, "Bearer sk-wrong", f"Bearer {odd}", f"Basic {api.key}", api.key):
        answer = ask(api, path, headers={"Authorization": sent} if sent else {}, key="")
        assert answer.status == answer.json["code"] == 401
        assert answer.json["data"] is None
        assert api.key.encode() not in answer.body


def test_other_methods_are_405_and_name_the_one_that_is_allowed(api: DemoApi) -> None:
    for method, path, allowed in (
        ("POST", RECORD_INFO, "GET"),
        ("GET", CREATE_TASK, "POST"),
        ("HEAD", RECORD_INFO, "GET"),
        ("POST", "/results/x-1.webp", "GET, HEAD"),
    ):
        answer = ask(api, path, method)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)
        assert answer.body == b"" if method == "HEAD" else answer.json["code"] == 405


def test_the_second_window_and_the_minute_are_both_counted(clock: Clock) -> None:
    with DemoApi(clock=clock, tier="free") as api:
        path = f"{RECORD_INFO}?taskId={api.task_ids[0]}"
        assert [ask(api, path).status for _ in range(3)] == [200, 200, 429]
        refused = ask(api, path)
        assert refused.json == {
            "code": 429,
            "msg": "rate limit exceeded",
            "data": {"retryAfter": 1, "limit": 2, "tier": "free", "windowSeconds": 1},
        }
        clock.now_s += 0.5
        for _ in range(58):
            clock.now_s += 0.5
            assert ask(api, path).status == 200
        clock.now_s += 2
        data = ask(api, path).json["data"]
        # The first of the 60 requests that went through is 31.5 s old.
        assert data == {"retryAfter": 29, "limit": 60, "tier": "free", "windowSeconds": 60}
        clock.now_s += data["retryAfter"]
        assert ask(api, path).status == 200


def test_the_limit_counts_what_is_authorized_and_nothing_else(clock: Clock) -> None:
    with DemoApi(clock=clock, tier="basic") as api:
        path = f"{RECORD_INFO}?taskId={api.task_ids[0]}"
        assert [ask(api, path, key="sk-wrong").status for _ in range(4)] == [401] * 4
        assert ask(api, RECORD_INFO).status == 400
        assert [ask(api, path).status for _ in range(20)] == [200] * 19 + [429]


def test_a_task_that_was_created_runs_and_succeeds_with_pictures(api: DemoApi, clock: Clock) -> None:
    request = {"model": "gpt-image-2-text-to-image", "input": {"prompt": "A robot", "n": 2}}
    made = create(api, request)
    assert made.status == 200
    assert list(made.json) == ["code", "msg", "data"]
    task_id = made.json["data"]["taskId"]
    waiting = info(api, task_id)
    assert (waiting["state"], waiting["createTime"]) == ("waiting", round(START_S * 1000))
    assert json.loads(waiting["param"]) == request
    clock.now_s += 60
    done = info(api, task_id)
    assert done["state"] == "success"
    assert 24_000 <= done["costTime"] <= 40_000
    urls = json.loads(done["resultJson"])["resultUrls"]
    assert len(urls) == 2
    first, second = (ask(api, urlsplit(url).path, key="") for url in urls)
    assert (first.status, first.headers["Content-Type"]) == (200, "image/webp")
    assert first.body != second.body


def test_a_video_that_was_created_is_a_clip_and_the_failing_word_fails(api: DemoApi, clock: Clock) -> None:
    video = create(api, {"model": "seedance-2.0-text-to-video", "input": {"prompt": "Polar light"}})
    bad = create(api, {"model": "gpt-image-2-text-to-image", "input": {"prompt": "Something Forbidden"}})
    clock.now_s += 180
    (url,) = json.loads(info(api, video.json["data"]["taskId"])["resultJson"])["resultUrls"]
    assert url.endswith("-1.mp4")
    clip = ask(api, urlsplit(url).path, key="")
    assert (clip.headers["Content-Type"], clip.body[4:8]) == ("video/mp4", b"ftyp")
    failed = info(api, bad.json["data"]["taskId"])
    assert (failed["state"], failed["failCode"], failed["costTime"]) == ("fail", "400", None)


def test_the_same_request_id_gives_the_same_task(api: DemoApi) -> None:
    request = {"model": "gpt-image-2-text-to-image", "input": {"prompt": "Once"}}
    first = create(api, request, {"X-Request-ID": "order-17"}).json["data"]["taskId"]
    again = create(api, request, {"X-Request-ID": "order-17"}).json["data"]["taskId"]
    other = create(api, request, {"X-Request-ID": "order-18"}).json["data"]["taskId"]
    without = {create(api, request).json["data"]["taskId"] for _ in range(2)}
    assert first == again
    assert len({first, other, *without}) == 4


def test_a_request_that_cannot_be_a_task_is_refused(api: DemoApi) -> None:
    image = {"model": "gpt-image-2-text-to-image"}
    for body in (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000):
        answer = ask(api, CREATE_TASK, "POST", body)
        assert (answer.status, answer.json["code"], answer.json["data"]) == (400, 400, None), body
    given: tuple[object, ...] = ({}, {"prompt": " "}, {"prompt": "x", "n": 5}, {"prompt": "x", "n": True})
    for request in (
        *({}, image),
        *({**image, "input": each} for each in given),
        {"model": ["gpt"], "input": {"prompt": "x"}},
    ):
        answer = create(api, request)
        assert (answer.status, answer.json["code"], answer.json["data"]) == (422, 422, None), request
    # An unsupported model is named as the API names it.
    answer = create(api, {"model": "dall-e", "input": {"prompt": "x"}})
    assert answer.json == {"code": 422, "msg": "model is not supported", "data": None}


def test_a_prompt_with_half_a_surrogate_pair_is_carried_without_harm(api: DemoApi) -> None:
    body = b'{"model": "gpt-image-2-text-to-image", "input": {"prompt": "half \\ud83d"}}'
    made = ask(api, CREATE_TASK, "POST", body)
    assert made.status == 200
    assert "half" in info(api, made.json["data"]["taskId"])["param"]


def test_a_body_that_is_too_large_is_refused_unread(api: DemoApi) -> None:
    head = f"POST {CREATE_TASK} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.key}\r\n"
    for field in ("Content-Length: 99999999", "Content-Length: -1", "Transfer-Encoding: chunked"):
        answer = raw(api, f"{head}{field}\r\n\r\n".encode())
        assert answer.split(b" ", 2)[1] == b"413"
        assert b'"data":null' in answer


def test_clients_that_go_away_harm_nobody(api: DemoApi, capfd: pytest.CaptureFixture[str]) -> None:
    port = urlsplit(api.base_url).port or 0
    for start in (b"", b"GET", b"GET / HTTP/9.9.9\r\n\r\n", b"POST /api/v1/jobs/createTask HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.sendall(start)
    assert info(api, api.task_ids[0])
    assert capfd.readouterr() == ("", "")


def test_it_listens_on_ipv4_loopback_only_and_on_the_port_asked_for() -> None:
    with DemoApi() as first:
        port = urlsplit(first.base_url).port or 0
        assert first.base_url == f"http://127.0.0.1:{port}"
        with pytest.raises(OSError, match="in use"):
            DemoApi(port)
    with DemoApi(port) as again:
        assert again.base_url == first.base_url


def test_the_same_clock_gives_the_same_tasks_and_key(clock: Clock) -> None:
    with DemoApi(clock=clock) as first, DemoApi(clock=clock) as second:
        assert (first.key, first.task_ids) == (second.key, second.task_ids)
    assert first.key.startswith("sk-demo-")


def test_a_family_is_served_under_its_own_path_and_in_its_own_form(api: DemoApi) -> None:
    for (path, job), kind in zip(api.families.items(), ("video/mp4", "audio/mpeg"), strict=True):
        answer = ask(api, f"{path}?taskId={job.task_id}")
        record = parse_answer(answer.status, {}, answer.body, job.task_id).record
        assert record is not None, kind
        assert (record.state, record.task_id) == (State.SUCCESS, job.task_id)
        assert record.prompt
        assert record.cost_time_ms == job.finish_ms - job.create_ms
        assert record.credits
        file = ask(api, urlsplit(record.result_urls[0]).path, key="")
        assert (file.status, file.headers["Content-Type"]) == (200, kind)


def test_a_path_knows_no_task_of_another_and_says_it_as_gateways_do(api: DemoApi) -> None:
    for path, job in api.families.items():
        assert ask(api, f"{RECORD_INFO}?taskId={job.task_id}").status == 404
        other = ask(api, f"{path}?taskId={api.task_ids[0]}")
        assert (other.status, other.json) == (200, {"code": 422, "msg": "recordInfo is null", "data": None})
        assert ask(api, path).status == 400
        assert ask(api, f"{path}?taskId={job.task_id}", key="").status == 401
    listed = list(api.listed)
    assert sorted(listed) == sorted([*api.task_ids, *(job.task_id for job in api.families.values())])
    assert [each for each in listed if each in api.task_ids] == list(api.task_ids)

"""What an answer of `recordInfo` means: record or problem, by status, code and body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from taskdash.api.wire import parse_answer
from taskdash.domain.record import Answer, Record, Throttle
from taskdash.domain.task import ProblemKind, State

PAYLOADS = Path(__file__).parents[2] / "data" / "payloads"
ID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"

NOT_FOUND = ProblemKind.NOT_FOUND
UNAUTHORIZED = ProblemKind.UNAUTHORIZED
NO_CREDITS = ProblemKind.NO_CREDITS
RATE_LIMITED = ProblemKind.RATE_LIMITED
REJECTED = ProblemKind.REJECTED
SERVER_ERROR = ProblemKind.SERVER_ERROR
UNREACHABLE = ProblemKind.UNREACHABLE
UNREADABLE = ProblemKind.UNREADABLE


def answer_to(
    document: object, status: int = 200, asked_id: str = ID, headers: Mapping[str, str] | None = None
) -> Answer:
    return parse_answer(status, headers or {}, json.dumps(document).encode(), asked_id)


def payload(name: str, asked_id: str, status: int = 200) -> Answer:
    return parse_answer(status, {}, (PAYLOADS / f"{name}.json").read_bytes(), asked_id)


def record_in(answer: Answer) -> Record:
    assert answer.record is not None, (answer.problem, answer.message)
    assert answer.problem is None
    return answer.record


def whole(**changes: Any) -> dict[str, Any]:
    return {
        "taskId": ID,
        "model": "gpt-image-2-text-to-image",
        "state": "success",
        "param": '{"model":"gpt-image-2-text-to-image","input":{"prompt":"A cat"}}',
        "resultJson": '{"resultUrls":["https://cdn.example.com/result.png"]}',
        "failCode": None,
        "failMsg": None,
        "costTime": 32241,
        "completeTime": 1777460000000,
        "createTime": 1777459967759,
        **changes,
    }


KIE = "281e5b0*********************f39b9"
RECORDS: list[tuple[str, str, dict[str, object]]] = [
    (
        "01-aigptimage-waiting", ID,
        {
            "task_id": ID, "state": State.WAITING, "raw_state": "waiting", "model": "gpt-image-2-text-to-image",
            "prompt": "A cinematic portrait of a robot painter", "create_time_ms": 1777474689024,
            "complete_time_ms": None, "cost_time_ms": None, "result_urls": (), "extra": {},
        },
    ),
    (
        "02-aigptimage-success", "task_xxx",
        {
            "state": State.SUCCESS, "result_urls": ("https://cdn.example.com/result.png",), "cost_time_ms": 32241,
            "param": {"model": "gpt-image-2-text-to-image", "input": {"prompt": "A cat"}}, "extra": {},
        },
    ),
    (
        "03-aigptimage-fail", "5f6ff8ea-ae97-4bb8-af5e-752ef4e96c0d",
        {
            "state": State.FAIL, "fail_code": "400", "cost_time_ms": None, "complete_time_ms": None,
            "fail_msg": "Sorry, but the image we created may violate OpenAI's content policies.",
        },
    ),
    (
        "06-kie-docs-success", "task_12345678",
        {"fail_code": None, "fail_msg": None, "cost_time_ms": 32000, "extra": {"updateTime": 1698765432000}},
    ),
    ("07-kie-docs-fail", "task_12345678", {"state": State.FAIL, "fail_code": "422", "cost_time_ms": 32000}),
    (
        "09-kie-nano-banana-2-waiting-with-result", KIE,
        {
            "state": State.WAITING,
            "result_urls": ("https://static.aiquickdraw.com/tools/example/1772164735327_ts0byl1Q.png",),
        },
    ),
    ("10-kie-elevenlabs-costtime-ms", KIE, {"cost_time_ms": 8000}),
    (
        "15-kie-resultjson-object", "task-object-result",
        {"credits_consumed": "6", "result_urls": ("https://cdn.example/reference.png",)},
    ),
    ("16-kie-failcode-int", ID, {"state": State.FAIL, "fail_code": "501", "fail_msg": "Generation Failed"}),
    (
        "20-kie-live-fail-422-policy", "9b5af734f2455c8cbf39422142396051",
        {"state": State.FAIL, "fail_code": "422", "credits_consumed": "0"},
    ),
    (
        "21-kie-live-param-input-is-string", ID,
        {"state": State.WAITING, "model": "z-image", "prompt": "beautiful mountain landscape"},
    ),
    (
        "24-kie-generating-progress", "task_flux-2_1765175072483",
        {"state": State.WAITING, "raw_state": "generating", "progress": "60"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "asked_id", "expected"), RECORDS, ids=[each[0] for each in RECORDS])
def test_a_sample_record_is_read(name: str, asked_id: str, expected: dict[str, object]) -> None:
    answer = payload(name, asked_id)
    record = record_in(answer)
    assert {key: getattr(record, key) for key in expected} == expected
    assert answer.raw == (PAYLOADS / f"{name}.json").read_bytes()


CODES = [
    (400, REJECTED), (401, UNAUTHORIZED), (402, NO_CREDITS), (403, UNAUTHORIZED), (404, NOT_FOUND),
    (405, REJECTED), (408, SERVER_ERROR), (409, REJECTED), (410, REJECTED), (418, REJECTED), (422, REJECTED),
    (429, RATE_LIMITED), (433, REJECTED), (451, REJECTED), (455, SERVER_ERROR), (500, SERVER_ERROR),
    (501, SERVER_ERROR), (502, SERVER_ERROR), (503, SERVER_ERROR), (505, SERVER_ERROR), (550, SERVER_ERROR),
]  # fmt: skip


@pytest.mark.parametrize(("code", "kind"), CODES)
def test_status_and_code_are_both_read_and_the_worse_counts(code: int, kind: ProblemKind) -> None:
    error = {"code": code, "msg": "no", "data": None}
    assert answer_to(error, status=code).problem is kind
    assert answer_to(error, status=200).problem is kind
    assert answer_to({**error, "code": 200}, status=code).problem is kind
    assert answer_to({"msg": "no"}, status=code).problem is kind
    for written in (str(code), float(code), f" {code} "):
        assert answer_to({**error, "code": written}).problem is kind
    assert answer_to({"code": 200, "data": whole()}, status=code).problem is (None if code == 501 else kind)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, 401, UNAUTHORIZED), (401, 500, UNAUTHORIZED), (429, 401, UNAUTHORIZED), (400, 402, NO_CREDITS),
        (500, 429, RATE_LIMITED), (429, 500, RATE_LIMITED), (404, 500, SERVER_ERROR),
        (500, 404, SERVER_ERROR), (400, 404, NOT_FOUND), (404, 422, NOT_FOUND), (500, 422, SERVER_ERROR),
    ],
)  # fmt: skip
def test_of_two_problems_the_one_with_more_consequences_counts(
    status: int, code: int, kind: ProblemKind
) -> None:
    assert answer_to({"code": code, "msg": "x", "data": None}, status).problem is kind


@pytest.mark.parametrize(
    "code", [200, "200", 200.0, 201, 0, 1, None, True, False, "ok", [], {}, "", 200.5, -1, 10**30]
)
def test_a_code_that_names_no_problem_leaves_the_record_alone(code: object) -> None:
    answer = answer_to({"code": code, "msg": "success", "data": whole()})
    assert record_in(answer).state is State.SUCCESS
    assert answer.message == ""


@pytest.mark.parametrize("key", ["msg", "message"])
@pytest.mark.parametrize("words", ["recordInfo is null", "RECORDINFO IS NULL", "error: recordInfo is null."])
def test_record_info_is_null_means_not_found_yet(key: str, words: str) -> None:
    for status, code in (
        (200, 422),
        (422, 422),
        (422, None),
        (400, 422),
        (404, 422),
        (200, "422"),
        (200, 200),
    ):
        answer = answer_to({"code": code, key: words, "data": None}, status)
        assert answer.problem is NOT_FOUND
        assert "created a moment ago" in answer.message


@pytest.mark.parametrize("data", [None, "", [], {}, "null", "{}"])
def test_a_success_of_the_request_with_nothing_in_it_means_the_same(data: object) -> None:
    for code in (200, "200", 0):
        answer = answer_to({"code": code, "msg": "success", "data": data})
        assert answer.problem is NOT_FOUND
        assert "created a moment ago" in answer.message
    for status, code in ((500, 200), (200, 500), (401, 200), (200, 401)):
        assert answer_to({"code": code, "msg": "success", "data": data}, status).problem is not NOT_FOUND


def test_record_info_is_null_does_not_hide_a_refused_key_or_a_broken_server() -> None:
    assert answer_to({"code": 401, "msg": "recordInfo is null"}).problem is UNAUTHORIZED
    assert answer_to({"code": 422, "msg": "recordInfo is null"}, 503).problem is SERVER_ERROR


@pytest.mark.parametrize("status", [200, 400, 402, 404, 422, 500, 501, 502])
@pytest.mark.parametrize("code", [200, 400, 401, 402, 404, 422, 429, 500, 501, "501"])
def test_a_whole_failed_record_counts_whatever_the_code_around_it(status: int, code: object) -> None:
    by_flag = {"taskId": ID, "successFlag": 3, "errorCode": "501", "errorMessage": "Bad"}
    for data in (whole(state="fail", failCode="501"), by_flag):
        answer = answer_to({"code": code, "msg": "Generation Failed", "data": data}, status)
        record = record_in(answer)
        assert (record.state, record.fail_code) == (State.FAIL, "501")
        assert (answer.message == "") is (status == 200 and code == 200)


def failed(**changes: Any) -> dict[str, Any]:
    return whole(**{"state": "fail", "resultJson": None, "failCode": None, "failMsg": None, **changes})


WHY = "The prompt was flagged"
REASONS: list[tuple[str, dict[str, Any], tuple[str | None, str | None]]] = [
    ("around it", {"code": 501, "msg": WHY, "data": failed()}, ("501", WHY)),
    ("around it, as a text", {"code": "501", "message": WHY, "data": failed()}, ("501", WHY)),
    ("around it, with 200", {"code": 200, "msg": WHY, "data": failed()}, (None, WHY)),
    ("nobody says", {"code": 200, "msg": "success", "data": failed()}, (None, None)),
    ("nobody says either", {"code": 200, "message": "SUCCEED.", "data": failed(failMsg="")}, (None, None)),
    ("Chinese for fine", {"code": 200, "msg": "操作成功", "data": failed()}, (None, None)),
    ("code only", {"code": 501, "msg": "success", "data": failed()}, ("501", None)),
    ("the record first", {"code": 501, "msg": "no", "data": failed(failMsg=WHY)}, ("501", WHY)),
    ("an object", {"data": failed(failMsg={"message": WHY, "code": "E17"})}, ("E17", WHY)),
    ("its own code first", {"data": failed(failCode="400", failMsg={"msg": WHY, "code": 1})}, ("400", WHY)),
    ("an object in one", {"data": failed(failMsg={"error": {"code": 7, "message": WHY}})}, ("7", WHY)),
    ("JSON text", {"data": failed(failMsg=json.dumps({"detail": WHY}))}, (None, WHY)),
    ("a list", {"data": failed(failMsg=[WHY, "twice"])}, (None, f"{WHY}; twice")),
    ("a list of objects", {"data": failed(failMsg=[{"msg": WHY}, {"msg": "twice"}])}, (None, f"{WHY}; twice")),
    ("an odd object", {"data": failed(failMsg={"prompt": ["too long"]})}, (None, '{"prompt": ["too long"]}')),
    ("nothing in it", {"data": failed(failMsg={}, errorMessage=WHY)}, (None, WHY)),
    ("null in it", {"data": failed(failMsg={"message": None}, error=WHY)}, (None, WHY)),
    ("errorMessage", {"data": failed(errorMessage=WHY, errorCode="sensitive")}, ("sensitive", WHY)),
    ("failReason", {"data": failed(failReason=WHY)}, (None, WHY)),
    ("error", {"data": failed(error={"code": "E17", "message": WHY})}, ("E17", WHY)),
    ("error of text", {"data": failed(error=WHY)}, (None, WHY)),
    ("errors", {"data": failed(errors=[{"message": WHY}])}, (None, WHY)),
    ("message", {"code": 501, "msg": "no", "data": failed(message=WHY)}, ("501", WHY)),
    ("the result", {"data": failed(resultJson=json.dumps({"error": {"code": 9, "message": WHY}}))}, ("9", WHY)),
    ("the result with junk", {"data": failed(resultJson=f'data: {{"error": "{WHY}"}}')}, (None, WHY)),
    ("the result's text", {"data": failed(resultJson={"error": WHY})}, (None, WHY)),
    ("the result's own", {"data": failed(resultJson={"failMsg": WHY, "failCode": "3"})}, ("3", WHY)),
    ("the response", {"data": failed(response={"errorMessage": WHY})}, (None, WHY)),
    ("the result before the envelope", {"code": 501, "msg": "no", "data": failed(result={"error": WHY})}, ("501", WHY)),
    ("no envelope", {**failed(), "message": WHY}, (None, WHY)),
    ("no envelope, an error", {**failed(), "error": {"code": 500, "message": WHY}}, ("500", WHY)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("document", "expected"), [each[1:] for each in REASONS], ids=[e[0] for e in REASONS]
)
def test_the_reason_of_a_failure_is_taken_from_the_first_that_gives_one(
    document: dict[str, Any], expected: tuple[str | None, str | None]
) -> None:
    record = record_in(answer_to(document))
    assert (record.state, record.fail_code, record.fail_msg) == (State.FAIL, *expected)


@pytest.mark.parametrize("state", ["waiting", "success"])
def test_what_has_not_failed_has_no_reason_from_elsewhere(state: str) -> None:
    data = whole(state=state, resultJson={"resultUrls": [], "error": "no"}, message="no")
    record = record_in(answer_to({"code": 501, "msg": "no", "data": data}))
    assert (record.fail_code, record.fail_msg) == (None, None)


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_refused_key_or_a_rate_limit_in_the_http_status_is_never_a_record(status: int) -> None:
    document = {"code": 200, "msg": "x", "data": whole(state="fail")}
    assert answer_to(document, status).problem in (UNAUTHORIZED, RATE_LIMITED)


@pytest.mark.parametrize("state", ["success", "waiting", "odd"])
def test_an_unfailed_record_outweighs_only_a_501(state: str) -> None:
    assert answer_to({"code": 500, "data": whole(state=state)}).problem is SERVER_ERROR
    assert answer_to({"code": 401, "data": whole(state=state)}).problem is UNAUTHORIZED
    assert record_in(answer_to({"code": 501, "data": whole(state=state)})).raw_state == state
    assert answer_to({"code": 501, "data": whole(state=state)}, 404).problem is SERVER_ERROR


@pytest.mark.parametrize(
    "data", [{"state": "fail"}, {"status": "error", "message": "no"}, None, {}, [], "fail"]
)
def test_a_501_without_a_whole_record_is_a_server_error(data: object) -> None:
    assert answer_to({"code": 501, "msg": "x", "data": data}, 501).problem in (SERVER_ERROR, None)
    assert answer_to({"code": 500, "msg": "x", "data": data}).problem is SERVER_ERROR


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_unreachable_and_says_where_to(status: int) -> None:
    headers = {"location": "https://login.example/\x1b]0;x\u202e"}
    answer = answer_to(whole(), status, headers=headers)
    assert answer.problem is UNREACHABLE
    assert "redirect to https://login.example/\ufffd]0;x (HTTP" in answer.message
    assert "redirect (HTTP" in parse_answer(status, {}, b"", ID).message


@pytest.mark.parametrize(
    "document",
    [
        {"code": 200, "msg": "success"}, {"msg": "success", "data": None}, {"code": 1, "data": None},
        {"code": 200, "data": {"taskId": ID}}, {"code": 200, "data": [None]}, {"code": 200, "data": False},
        {"status": "error", "message": "no"},
        {"status": "success"}, {}, [], [1], None, 5, "text", True, {"data": "text"}, {"data": [[]]},
        {"status": 404, "error": "Not Found"}, {"status": "error", "error": {"message": "no"}},
        {"code": 1, "status": "success", "taskId": ID, "data": None}, {"id": "req_1", "status": "failed"},
        {"code": 200, "data": {"status": "error", "message": "no"}},
    ],
)  # fmt: skip
def test_json_without_a_record_is_unreadable_and_never_a_failed_task(document: object) -> None:
    answer = answer_to(document)
    assert answer.problem is UNREADABLE
    assert "no record in the answer" in answer.message


def test_an_error_object_without_a_record_gives_code_and_words() -> None:
    answer = answer_to({"error": {"code": 401, "message": "Invalid token"}})
    assert answer.problem is UNAUTHORIZED
    assert "Invalid token" in answer.message


def test_data_may_be_a_list_or_json_text() -> None:
    for data in ([whole()], json.dumps(whole()), [whole(taskId="x", state="fail"), whole()]):
        record = record_in(answer_to({"code": 200, "data": data}))
        assert (record.task_id, record.state) == (ID, State.SUCCESS)


def test_another_tasks_record_is_dropped_and_reported() -> None:
    answer = answer_to({"code": 200, "data": whole(taskId="task_other\x1b_1")})
    assert (answer.problem, answer.record) == (UNREADABLE, None)
    assert "another task (task_other\ufffd_1)" in answer.message
    assert answer_to({"code": 501, "data": whole(taskId="task_other", state="fail")}).problem is SERVER_ERROR


@pytest.mark.parametrize("task_id", [None, "", " ", [], {}, True, 0, 17, 1.5])
def test_a_record_that_does_not_name_its_task_is_the_one_asked_for(task_id: object) -> None:
    record = record_in(answer_to({"data": whole(taskId=task_id)}))
    assert (record.task_id, record.prompt) == (None, "A cat")


@pytest.mark.parametrize("kind", [UNAUTHORIZED, NO_CREDITS, NOT_FOUND, REJECTED, SERVER_ERROR, RATE_LIMITED])
def test_a_message_has_the_apis_own_words_inert_and_short(kind: ProblemKind) -> None:
    code = next(code for code, each in CODES if each is kind)
    answer = answer_to({"code": code, "msg": "a\x1b[31m\nb " + "long " * 1000})
    assert f"HTTP 200, code {code}: a\ufffd[31m b long" in answer.message
    assert len(answer.message) < 500


def throttled(data: object, headers: Mapping[str, str] | None = None, now_s: float | None = None) -> float:
    body = json.dumps({"code": 429, "msg": "slow", "data": data}).encode()
    answer = parse_answer(429, headers or {}, body, ID, now_s=now_s)
    assert answer.problem is RATE_LIMITED
    assert answer.throttle is not None
    return answer.throttle.retry_after_s


@pytest.mark.parametrize(
    ("in_body", "in_header", "expected_s"),
    [
        (17, None, 17), (None, "30", 30), (17, "30", 30), (30, "17", 30), ("17", None, 17), (2.5, None, 2.5),
        (0, None, 1), (0.01, None, 1), (10**9, None, 3600), (None, "1000000000", 3600), (-5, None, 5),
        (-5, "-7", 5), ("abc", "xyz", 5), (None, None, 5), (True, None, 5), ([], "", 5), ({}, None, 5),
        (None, "Wed, 99 Foo", 5), (None, "a" * 10_000, 5), ("NaN", "inf", 5),
    ],
)  # fmt: skip
def test_a_429_is_waited_out_by_the_larger_sensible_time(
    in_body: object, in_header: str | None, expected_s: float
) -> None:
    headers = {} if in_header is None else {"retry-after": in_header}
    assert throttled({"retryAfter": in_body}, headers) == expected_s


def test_a_retry_after_date_counts_from_the_answers_own_clock() -> None:
    later = {"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}
    assert throttled(None, {**later, "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, now_s=0.0) == 30
    assert throttled(None, later, now_s=1792567700.0) == 10
    assert throttled(None, later) == 5
    assert throttled(None, {**later, "date": "Wed, 21 Oct 2026 08:00:00 GMT"}) == 1


def test_a_429_tells_the_limits_where_they_make_sense() -> None:
    throttle = payload("04-aigptimage-429", ID, 429).throttle
    assert throttle == Throttle(retry_after_s=17, limit=180, tier="basic", window_s=60)
    odd = {"limit": -1, "tier": ["x"], "windowSeconds": "soon"}
    throttle = answer_to({"code": 429, "data": odd}).throttle
    assert throttle == Throttle(retry_after_s=5)


def test_only_a_429_has_a_throttle() -> None:
    assert answer_to({"code": 500}, headers={"retry-after": "9"}).throttle is None
    unreadable = parse_answer(429, {"retry-after": "9"}, b"<html>", ID)
    assert unreadable.throttle is not None
    assert unreadable.throttle.retry_after_s == 9

"""Answers of other families and gateways: each as its sources show it, and what must be read in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from taskdash.api.wire import parse_answer
from taskdash.domain.record import Answer, Record
from taskdash.domain.task import Json, ProblemKind, State

FAMILIES = Path(__file__).parents[2] / "data" / "families"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FAMILIES / "expected.json").read_text())
WHAT = {"path", "id", "header"}
URL = "https://cdn.example/"
T = 1_780_000_000_000
"""2026-05-28T20:26:40Z."""


def answer_to(document: Json, asked_id: str = "task-1", status: int = 200) -> Answer:
    return parse_answer(status, {}, json.dumps(document).encode(), asked_id)


def record_in(document: Json, asked_id: str = "task-1", status: int = 200) -> Record:
    answer = answer_to(document, asked_id, status)
    assert answer.record is not None, answer
    return answer.record


def shown(record: Record) -> dict[str, Any]:
    """A record by the names of `expected.json`."""
    return {
        "state": record.state.value,
        "urls": list(record.result_urls),
        "first": next(iter(record.result_urls), None),
        "count": len(record.result_urls),
        "prompt": record.prompt,
        "cost_ms": record.cost_time_ms,
        "msg": record.fail_msg,
        "code": record.fail_code,
        "credits": record.credits,
        "ends": record.result_expires_at_ms,
        "purged": record.purged,
        "progress": record.progress,
        "word": record.raw_state,
        "model": record.model,
    }


@pytest.mark.parametrize("name", EXPECTED)
def test_the_body_of_a_family_is_read(name: str) -> None:
    expected = EXPECTED[name]
    answer = parse_answer(200, {}, (FAMILIES / f"{name}.json").read_bytes(), expected["id"])
    assert answer.record is not None, answer
    assert answer.record.task_id == expected["id"]
    assert {key: shown(answer.record)[key] for key in expected.keys() - WHAT} == {
        key: value for key, value in expected.items() if key not in WHAT
    }


ID = "task-1"
NEIGHBOURS: list[dict[str, Any]] = json.loads((FAMILIES.parent / "neighbours.json").read_text())
"""Forms that are met at gateways nearby, made up by their pages; each with what it must show."""


@pytest.mark.parametrize("neighbour", NEIGHBOURS, ids=[each["name"] for each in NEIGHBOURS])
def test_a_neighbouring_form_is_read(neighbour: dict[str, Any]) -> None:
    record = shown(record_in(neighbour["body"]))
    assert {key: record[key] for key in neighbour["shows"]} == neighbour["shows"]


@pytest.mark.parametrize(
    ("asked", "named", "is_same"),
    [
        ("task_abc12345", "abc12345", True),
        ("abc12345", "video_abc12345", True),
        ("job-0190a1b2", "0190a1b2", True),
        ("AB12ab12" * 4, "ab12AB12" * 4, True),
        ("task_A", "task_a", False),
        ("task_abc12345", "task_abc12346", False),
        ("task_a1", "a1", False),
        ("task_flux-2_1765175072483", "1765175072483", False),
        ("xabc12345", "abc12345", False),
        ("mj_task_abc12345", "abc12345", True),
        ("a_b_c_abc12345", "abc12345", False),
        ("task_abc12345", "video_abc12345", False),
    ],
)
def test_an_id_without_its_prefix_is_the_asked_one_and_another_is_not(
    asked: str, named: str, is_same: bool
) -> None:
    for key in ("taskId", "task_id", "id"):
        document: Json = {key: named, "status": "succeeded", "model": "m", "progress": 100}
        bodies: list[Json] = [
            document,
            {"code": 200, "data": document},
            {"data": [document]},
            {"output": document},
        ]
        for wrapped in bodies:
            answer = answer_to(wrapped, asked)
            assert (answer.record is not None) is is_same, (wrapped, answer)


def test_the_number_of_a_row_is_not_the_id_of_a_task() -> None:
    assert record_in({"data": {"id": 17, "state": "success", "param": "{}"}}).extra == {"id": 17}
    assert record_in({"data": {"id": "row-1", "taskId": ID, "state": "success"}}).task_id == ID
    assert record_in(
        {"id": 1747132423020537, "status": "SUCCESS", "progress": "100%"}, "1747132423020537"
    ).state.finished


@pytest.mark.parametrize(
    "document",
    [
        {"id": ID, "status": "Task not found", "result": None},
        {"code": 40401, "msg": "no such thing", "data": None},
        {"code": 200, "msg": "Task not found", "data": None},
        {"code": "task_not_exist", "message": "task_not_exist", "data": None},
    ],
)
def test_a_task_that_is_not_known_there_is_not_found(document: Json) -> None:
    assert answer_to(document).problem is ProblemKind.NOT_FOUND


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (40101, ProblemKind.UNAUTHORIZED),
        (40201, ProblemKind.NO_CREDITS),
        (42901, ProblemKind.RATE_LIMITED),
        (42200, ProblemKind.REJECTED),
        (50001, ProblemKind.SERVER_ERROR),
    ],
)
def test_a_code_of_five_digits_begins_with_that_of_http(code: int, kind: ProblemKind) -> None:
    assert answer_to({"code": code, "msg": "no", "data": None}).problem is kind


@pytest.mark.parametrize(
    "document",
    [
        {"status": "INTERNAL_ERROR", "taskId": ID, "message": "no"},
        {"code": 500, "data": {"status": "UPSTREAM_EXCEPTION", "taskId": ID}},
        {"status": "ready", "id": ID},
        {"state": "", "status": "error", "taskId": ID},
        {"successFlag": 1, "taskId": ID},
        {"successFlag": 1, "id": ID, "message": "ok"},
        {"status": 404, "id": ID, "message": "no"},
        {"success": True, "taskId": ID},
        {"error": {"taskId": ID, "status": "failed", "progress": 3}},
        {"detail": {"id": ID, "status": "error", "message": "no"}},
        {"task": {"id": "task-of-another", "status": "failed", "progress": 3}},
        {
            "task": {"id": ID, "status": "failed", "progress": 3},
            "job": {"id": ID, "status": "completed", "progress": 3},
        },
        {"id": ID, "status": "error", "url": "https://docs.example/errors"},
    ],
)
def test_what_became_of_a_request_is_no_record(document: Json) -> None:
    assert answer_to(document).record is None


@pytest.mark.parametrize(
    ("fields", "state", "word"),
    [
        ({"successFlag": 0}, State.WAITING, "generating"),
        ({"successFlag": 1}, State.SUCCESS, "success"),
        ({"successFlag": "1"}, State.SUCCESS, "success"),
        ({"successFlag": 2.0}, State.FAIL, "fail"),
        ({"successFlag": 3}, State.FAIL, "fail"),
        ({"successFlag": 4}, State.WAITING, "unknown"),
        ({"successFlag": -1}, State.WAITING, "unknown"),
        ({"successFlag": True}, State.WAITING, "unknown"),
        ({"successFlag": None}, State.WAITING, "unknown"),
        # The word counts before the flag; two ends that contradict each other are none.
        ({"successFlag": 1, "status": "GENERATING"}, State.WAITING, "GENERATING"),
        ({"successFlag": 0, "status": "SUCCESS"}, State.SUCCESS, "SUCCESS"),
        ({"successFlag": 2, "status": "SUCCESS"}, State.WAITING, "SUCCESS"),
        ({"successFlag": 1, "state": "fail"}, State.WAITING, "fail"),
        ({"successFlag": 1, "status": 200}, State.SUCCESS, "success"),
        # 0 may be a failure, but neither with a result nor for nothing.
        ({"successFlag": 0, "errorMessage": "success"}, State.WAITING, "generating"),
        ({"successFlag": 0, "errorMessage": 0}, State.WAITING, "generating"),
        (
            {"successFlag": 0, "completeTime": T, "response": {"resultUrls": [f"{URL}1"]}},
            State.WAITING,
            "generating",
        ),
        ({"successFlag": 0, "completeTime": "2025-01-01 00:00:00"}, State.FAIL, "fail"),
        ({"successFlag": 0, "completeTime": "soon"}, State.WAITING, "generating"),
        # A word, as at Suno's files.
        ({"successFlag": "PENDING"}, State.WAITING, "PENDING"),
        ({"successFlag": "SUCCESS"}, State.SUCCESS, "SUCCESS"),
        ({"successFlag": "GENERATE_WAV_FAILED"}, State.FAIL, "GENERATE_WAV_FAILED"),
        # What is said of the task counts before what may be said of the request.
        ({"status": "success", "task_status": "processing"}, State.WAITING, "processing"),
    ],
)
def test_the_flag_stands_for_a_state(fields: dict[str, Json], state: State, word: str) -> None:
    record = record_in({"data": {"taskId": ID, "param": "{}", **fields}})
    assert (record.state, record.raw_state) == (state, word)


@pytest.mark.parametrize(
    ("written", "at_ms"),
    [
        ("2026-05-28T20:26:40Z", T),
        ("2026-05-28T20:26:40.250Z", T + 250),
        ("2026-05-28T22:26:40+02:00", T),
        ("2026-05-28 22:26:40 +0200", T),
        ("2026-05-28t20:26z", T - 40_000),
        (T, T),
        (float(T), T),
        (str(T), T),
        (T // 1000, T),
        (T // 1000 + 0.759, T + 759),
        (f"{T // 1000}.759", T + 759),
    ],
)
def test_a_moment_is_a_number_or_iso_8601(written: Json, at_ms: int) -> None:
    for key in ("createTime", "created_at", "submit_time", "created"):
        assert record_in({"data": {"taskId": ID, "state": "success", key: written}}).create_time_ms == at_ms
    for key in ("completeTime", "completed_at", "end_time", "completed", "finishTime", "generateTime"):
        assert record_in({"data": {"taskId": ID, "state": "success", key: written}}).complete_time_ms == at_ms


@pytest.mark.parametrize(
    "written", ["2025-01-01 00:00:00", "2025-01-01T00:00:00", "2025-13-01T00:00:00Z", "9999-01-01T00:00:00Z"]
)
def test_a_moment_without_a_zone_stays_as_it_was_sent(written: str) -> None:
    record = record_in({"data": {"taskId": ID, "state": "success", "createTime": written, "completeTime": T}})
    assert (record.create_time_ms, record.cost_time_ms) == (None, None)
    assert record.extra == {"createTime": written}


def test_the_last_change_is_the_end_of_what_has_ended_and_says_no_other() -> None:
    fields: dict[str, Json] = {"taskId": ID, "createTime": T, "updateTime": T + 9_000}
    for state, end_ms in (("success", T + 9_000), ("fail", T + 9_000), ("waiting", None)):
        assert record_in({"data": {**fields, "state": state}}).complete_time_ms == end_ms
    assert (
        record_in({"data": {**fields, "state": "success", "completeTime": T + 5_000}}).cost_time_ms == 5_000
    )


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"creditsConsumed": 6}, 6.0),
        ({"creditsConsumed": "6"}, 6.0),
        ({"creditsConsumed": 0}, 0.0),
        ({"creditsConsumed": "0", "cost": 5}, 0.0),
        ({"creditsConsumed": None, "consumeCredits": 1.5}, 1.5),
        ({"creditsUsed": 420}, 420.0),
        ({"cost": "0.10"}, 0.1),
        ({"usage": {"credits_reserved": 3}}, 3.0),
        ({"usage": {"total_tokens": 3}}, None),
        ({"usage": "3"}, None),
        ({"creditsConsumed": "free"}, None),
        ({"creditsConsumed": -1}, None),
        ({"creditsConsumed": True}, None),
        ({}, None),
    ],
)
def test_credits_are_a_number_whatever_they_are_called(fields: dict[str, Json], found: float | None) -> None:
    assert record_in({"data": {"taskId": ID, "state": "success", **fields}}).credits == found


AMZ = f"{URL}1?X-Amz-Date=20260528T202640Z&X-Amz-Signature=0&X-Amz-Expires="


@pytest.mark.parametrize(
    ("fields", "ends_ms"),
    [
        ({"resultUrl": f"{AMZ}3600"}, T + 3_600_000),
        ({"resultUrl": f"{AMZ}3600", "expires_at": T // 1000}, T),
        ({"resultUrl": f"{AMZ}3600", "expires_at": "soon"}, T + 3_600_000),
        ({"resultUrls": [f"{AMZ}3600", f"{AMZ}60", URL]}, T + 60_000),
        ({"resultUrl": f"{URL}1?x-tos-expires=60#f", "completeTime": T}, T + 60_000),
        ({"resultUrl": f"{URL}1?X-Tos-Expires=60"}, None),
        ({"resultUrl": f"{URL}1?Expires={T // 1000}&Key-Pair-Id=x"}, T),
        ({"resultUrl": f"{URL}1?Expires=60"}, None),
        ({"resultUrl": f"{AMZ}9999999999999"}, None),
        ({"resultUrl": f"{URL}1?X-Amz-Date=20261399T999999Z&X-Amz-Expires=60"}, None),
        ({"resultUrl": f"{URL}1?noexpires={T // 1000}"}, None),
        ({"resultUrl": f"{URL}1"}, None),
        ({"expires_at": T}, None),
        ({"param": {"url": f"{AMZ}60"}, "resultUrl": f"{URL}1"}, None),
    ],
)
def test_a_link_says_itself_when_it_dies(fields: dict[str, Json], ends_ms: int | None) -> None:
    assert record_in({"data": {"taskId": ID, "state": "success", **fields}}).result_expires_at_ms == ends_ms


@pytest.mark.parametrize(
    "fields",
    [
        {"param": json.dumps({"image_url": f"{URL}in"})},
        {"param": {"input": {"prompt": f"{URL}in"}}, "imageUrl": f"{URL}in", "callBackUrl": f"{URL}in"},
        {"response": {"callBackUrl": f"{URL}in", "webhook_url": f"{URL}in", "input_images": [f"{URL}in"]}},
        {
            "response": {
                "reference_image_urls": [f"{URL}in"],
                "status_url": f"{URL}in",
                "imageInput": [f"{URL}in"],
            }
        },
        {"input": {"image": f"{URL}in"}, "images": [f"{URL}in"], "image_url": f"{URL}in"},
        {"urls": {"get": f"{URL}in"}, "response_url": f"{URL}in", "callback_url": f"{URL}in"},
        {"data": {"inputs": {"url": f"{URL}in"}}, "task_info": {"parent_video": {"url": f"{URL}in"}}},
    ],
)
def test_inputs_and_callbacks_are_never_results(fields: dict[str, Json]) -> None:
    assert record_in({"taskId": ID, "state": "success", "model": "m", **fields}).result_urls == ()


def test_a_result_comes_before_its_cover_and_its_origin() -> None:
    item: Json = {"cover": f"{URL}2", "originalUrl": f"{URL}3", "preview_url": f"{URL}4", "mp4": f"{URL}1"}
    forms: list[dict[str, Json]] = [{"result": item}, {"response": [item]}, {"resultJson": json.dumps(item)}]
    for fields in forms:
        record = record_in({"data": {"taskId": ID, "state": "success", **fields}})
        assert [url[-1] for url in record.result_urls] == ["1", "2", "3", "4"]

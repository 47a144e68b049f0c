"""The request that began a task, read from the body of an answer as it was sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bodies import success_body

from taskdash.api.request import NoRequestError, create_body, echoed_request, whole
from taskdash.domain.task import Json
from taskdash.domain.untrusted import inert

PAYLOADS = Path(__file__).parents[2] / "data" / "payloads"
TASK = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"


def test_texts_are_letter_for_letter() -> None:
    request = {"model": "m", "input": {"prompt": "👨‍👩‍👧 \x1b[31m \u202e \x00 " + "x" * 100_000}}
    body = json.dumps(success_body(TASK, param=json.dumps(request))).encode()
    assert echoed_request(body, TASK) == request


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*.json")), ids=lambda path: path.stem)
def test_every_form_of_a_request_that_is_known_is_found_with_its_model_and_inputs(path: Path) -> None:
    data = json.loads(path.read_bytes()).get("data")
    found = echoed_request(path.read_bytes(), data.get("taskId", TASK) if isinstance(data, dict) else TASK)
    if "param" not in path.read_text():
        assert found is None
        return
    assert isinstance(found, dict)
    assert isinstance(found["model"], str)
    assert isinstance(found["input"], dict)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[" * 100_000, b"\xff\xfe", b"null", b"[]", b'{"data": 1}']
)
def test_what_is_no_answer_has_no_request(body: bytes) -> None:
    assert echoed_request(body, TASK) is None


@pytest.mark.parametrize(
    ("param", "model", "made"),
    [
        ({"model": "m", "input": {"prompt": "A cat"}}, "other", {"model": "m", "input": {"prompt": "A cat"}}),
        (
            {"model": "m", "callBackUrl": "https://me.example/cb", "input": {"prompt": "p"}},
            None,
            {"model": "m", "callBackUrl": "https://me.example/cb", "input": {"prompt": "p"}},
        ),
        ({"input": {"prompt": "p"}}, "m", {"model": "m", "input": {"prompt": "p"}}),
        # Older gateways: the inputs beside each other.
        (
            {"prompt": "p", "size": "1:1", "callBackUrl": "https://me.example/cb"},
            "m",
            {"model": "m", "input": {"prompt": "p", "size": "1:1"}, "callBackUrl": "https://me.example/cb"},
        ),
        ({"model": "m", "prompt": "p"}, None, {"model": "m", "input": {"prompt": "p"}}),
    ],
)
def test_the_body_is_the_first_request(param: Json, model: str | None, made: dict[str, Json]) -> None:
    assert create_body(param, model) == made


@pytest.mark.parametrize(
    ("param", "model", "why"),
    [
        (None, "m", "no param in its record"),
        ({}, "m", "no param in its record"),
        ("not JSON", "m", "its param is not a JSON object"),
        ([1], "m", "its param is not a JSON object"),
        ({"input": {"prompt": "p"}}, None, "its model is unknown"),
        ({"model": "m"}, None, "its param has no inputs"),
        ({"model": "m", "input": {}}, None, "its param has no inputs"),
    ],
)
def test_what_cannot_be_sent_again_is_said(param: Json, model: str | None, why: str) -> None:
    with pytest.raises(NoRequestError, match=f"^{why}$"):
        create_body(param, model)


def test_inputs_that_were_cut_are_not_sent_again() -> None:
    assert whole({"input": {"prompt": "p"}}) == {"input": {"prompt": "p"}}
    with pytest.raises(NoRequestError, match="too long to be kept whole"):
        whole({"input": {"prompt": inert("x" * 100_000)}})

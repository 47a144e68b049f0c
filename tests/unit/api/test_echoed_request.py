"""The request that began a task, read from the body of an answer as it was sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.bodies import success_body

from taskdash.api.envelope import echoed_request

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

"""Whatever comes, parsing raises nothing and lets nothing through that a terminal acts on."""

from __future__ import annotations

import importlib.util
import json
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from taskdash.api.fields import STATE as STATE_KEYS
from taskdash.api.record import RECORD_FIELDS
from taskdash.api.wire import parse_answer
from taskdash.domain.record import Answer


def _script(name: str) -> ModuleType:
    """A script of `benchmarks/`, which is no package."""
    path = Path(__file__).parents[3] / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


fuzz_wire = _script("fuzz_wire")

TEXTS = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    [
        "success", "fail", "https://a.example/1", "https://a\x1b", "\x9b\u202e", "\ud800", "1777459967759",
        '{"a":[1]}',
    ]
)  # fmt: skip
KEYS = (
    st.sampled_from(sorted(RECORD_FIELDS | set(STATE_KEYS) | {"error", "url", "data", "code", "msg"})) | TEXTS
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
STATUSES = st.sampled_from([200, 200, 200, 302, 401, 404, 422, 429, 500, 501]) | st.integers(-1, 1000)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "content-encoding", "retry-after", "date", "location"]),
    st.text(max_size=40) | st.sampled_from(["gzip", "deflate", "Wed, 21 Oct 2026 07:28:00 GMT", "30"]),
)


@given(STATUSES, HEADERS, st.binary(max_size=200))
def test_arbitrary_bytes_are_a_problem_or_a_record(status: int, headers: dict[str, str], body: bytes) -> None:
    assert fuzz_wire.fault_in(parse_answer(status, headers, body, "task_1")) is None


@given(STATUSES, JSON, st.booleans())
def test_arbitrary_json_is_a_problem_or_a_record(status: int, document: Any, ascii_only: bool) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "replace")
    assert fuzz_wire.fault_in(parse_answer(status, {}, body, "task_1")) is None


@given(st.dictionaries(KEYS, JSON, max_size=12))
def test_a_record_of_arbitrary_fields_is_read(fields: Any) -> None:
    fields = {**fields, "taskId": "task_1", "state": "success"}
    answer = parse_answer(200, {}, json.dumps({"code": 200, "data": fields}).encode(), "task_1")
    assert answer.record is not None
    assert fuzz_wire.fault_in(answer) is None


def test_mutated_answers_raise_nothing_and_leave_nothing_unsafe() -> None:
    with fuzz_wire.stored() as sink:
        outcomes = fuzz_wire.run(2500, 1, sink)
    assert outcomes.total() == 2500
    assert {"record: success", "record: fail", "record: waiting", "unreadable"} <= set(outcomes)


def test_equal_seeds_make_equal_answers() -> None:
    assert list(fuzz_wire.cases(50, 7)) == list(fuzz_wire.cases(50, 7))
    assert list(fuzz_wire.cases(50, 7)) != list(fuzz_wire.cases(50, 8))


ENDS = frozenset(
    [
        *("success", "succeed", "succeeded", "complete", "completed", "done", "finished"),
        *("fail", "failed", "failure", "error", "errored", "cancel", "canceled", "cancelled"),
        *("aborted", "rejected", "expired", "timeout", "timedout"),
    ]
)
"""The words of an end, without blanks, underscores and hyphens, in lower case."""
STATE_WORDS = st.sampled_from(
    [*sorted(ENDS), "waiting", "FIRST_SUCCESS", "Time Out", "IN_PROGRESS", "not done", "", "0"]
)
ERROR_WORDS = st.sampled_from(
    ["error", "fail", "success", "timeout", "rejected", "ERROR", "aborted", "done", "ok"]
)
ASKED = "task_1"


def ends_in(document: Any) -> set[str]:
    """The states that some object of a body names, each folded."""
    found = set()
    if isinstance(document, dict):
        for key in STATE_KEYS:
            if isinstance(document.get(key), str):
                found.add("".join(char for char in document[key].lower() if char.isalnum()))
    if isinstance(document, str) and document.lstrip()[:1] in ("{", "[", '"'):
        with suppress(ValueError, RecursionError):
            return ends_in(json.loads(document, strict=False))
    for inner in (
        document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    ):
        found |= ends_in(inner)
    return found


def is_end(answer: Answer) -> bool:
    return answer.record is not None and answer.record.state.finished


@given(STATUSES, JSON | st.dictionaries(KEYS | st.just("state"), JSON | STATE_WORDS, max_size=6))
def test_no_body_ends_a_task_but_with_a_word_for_an_end(status: int, document: Any) -> None:
    for body in (document, {"code": 200, "data": document}, {"code": 501, "data": document}):
        if is_end(parse_answer(status, {}, json.dumps(body).encode(), ASKED)):
            assert ends_in(body) & ENDS


@given(
    status=STATUSES,
    code=st.sampled_from([None, 0, 200, 400, 401, 404, 422, 429, 500, 501, "500"]),
    word=ERROR_WORDS,
    more=st.fixed_dictionaries(
        {},
        optional={
            "taskId": st.just(ASKED),
            "id": st.just(ASKED),
            "msg": st.sampled_from(["gateway timeout", "success", "fail"]),
            "message": st.just("try again"),
            "error": st.just("upstream") | st.just({"code": 500, "message": "no"}),
            "data": st.none(),
            "timestamp": st.just(1777459967759),
            "path": st.just("/api/v1/jobs/recordInfo"),
            "requestId": st.just("req_1"),
        },
    ),
)
def test_what_became_of_a_request_is_never_taken_for_the_end_of_the_task(
    status: int, code: Any, word: str, more: Any
) -> None:
    body = {"code": code, "status": word, **more}
    answer = parse_answer(status, {}, json.dumps(body).encode(), ASKED)
    assert not is_end(answer), body


@given(
    STATUSES,
    st.sampled_from(["waiting", "generating", "queuing", "FIRST_SUCCESS", "half done"]),
    st.dictionaries(
        KEYS.filter(lambda key: key not in ("state", "data", "taskId", "task_id")),
        JSON | STATE_WORDS,
        max_size=6,
    ),
    st.dictionaries(KEYS.filter(lambda key: key != "data"), JSON | STATE_WORDS, max_size=4),
)
def test_nothing_beside_the_state_of_a_running_task_ends_it(
    status: int, word: str, fields: Any, around: Any
) -> None:
    record = {**fields, "taskId": ASKED, "state": word}
    for body in ({**around, "data": record}, {**around, "data": [record]}, record):
        assert not is_end(parse_answer(status, {}, json.dumps(body).encode(), ASKED))

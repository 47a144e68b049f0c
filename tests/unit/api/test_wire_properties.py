"""Whatever comes, parsing raises nothing and lets nothing through that a terminal acts on.

However a body is bent, a task ends only where the body says so: an end stops its checks for good.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskdash.api.record import ENDED, REASON, RECORD_FIELDS, STATE
from taskdash.api.wire import parse_answer
from taskdash.domain.task import Json, State


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
KEYS = st.sampled_from(sorted(RECORD_FIELDS | set(STATE) | {"error", "url", "data", "code", "msg"})) | TEXTS
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


# Where a task ends

DATA = Path(__file__).parents[2] / "data"
EXPECTED = json.loads((DATA / "families" / "expected.json").read_text())
BODIES: list[tuple[str, Json]] = [
    *(
        (each["id"], json.loads((DATA / "families" / f"{name}.json").read_text()))
        for name, each in EXPECTED.items()
    ),
    *(("task-1", each["body"]) for each in json.loads((DATA / "neighbours.json").read_text())),
]

STATE_WORDS = st.sampled_from(
    [
        "success", "DONE", "complete", "fail", "Cancelled", "timed_out", "expired", "rejected", "aborted", "error",
        "waiting", "FIRST_SUCCESS", "Time Out", "IN_PROGRESS", "not done", "", "0",
    ]
)  # fmt: skip
GOES_ON = st.sampled_from(["waiting", "GENERATING", "queuing", "FIRST_SUCCESS", "half done", "NO_ERROR"])
SUCCESSES = {"success", "succeed", "succeeded", "complete", "completed", "done", "finished", "ready"}
FAILURES = {
    "fail", "failed", "failure", "error", "errored", "cancel", "canceled", "cancelled", "aborted", "rejected",
    "expired", "timeout", "timedout", "contentmoderated", "requestmoderated", "moderated", "nsfw",
}  # fmt: skip
STATE_NAMES = ("state", "status", "taskStatus", "task_status", "successFlag")
BENT_KEYS = st.sampled_from(
    [
        *STATE_NAMES, "successFlag", "data", "output", "taskId", "id", "code", "msg", "error", "response", "param",
        "resultJson", "errorMessage", "errorCode", "completeTime", "progress", "contentState", "x",
    ]
)  # fmt: skip
BENT_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, "", "0", "1", 0, 1, 2, 3, 4, 200, 404, 500, 1_780_000_000_000, 1.5, [], {}, "null", "{}",
        "success", "FAILED", "Ready", "expired", "FIRST_SUCCESS", "TEXT_SUCCESS", "NO_ERROR", "SENSITIVE_WORD_ERROR",
        "waiting", "generating", "not done", "SUCCESSFUL", "unfinished", "retry after timeout", "Content Moderated",
        "task-1", "task-2", "https://cdn.example/1", '{"status":"success"}', '{"state":"fail"}', {"status": "success"},
        {"successFlag": 1}, [{"state": "fail", "taskId": "task-2"}],
    ]
)  # fmt: skip


def places_in(value: Json, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places_in(item, (*path, key))


def changed(value: Any, path: tuple[str | int, ...], change: tuple[str, str, Json]) -> Any:
    """A copy of `value` with what stands at `path` replaced, taken out, renamed, wrapped or joined by a field."""
    how, key, new = change
    if len(path) == 1 and isinstance(value, dict) and how in ("take out", "rename"):
        rest = {name: item for name, item in value.items() if name != path[0]}
        return rest | {key: value[str(path[0])]} if how == "rename" else rest
    if path:
        copy: Any = dict(value) if isinstance(value, dict) else list(value)
        copy[path[0]] = changed(value[path[0]], path[1:], change)
        return copy
    if how == "join" and isinstance(value, dict):
        return value | {key: new}
    return {key: value} if how == "wrap" else json.dumps(value) if how == "write" else new


@st.composite
def bent_bodies(draw: st.DrawFn) -> tuple[str, Json]:
    asked_id, body = draw(st.sampled_from(BODIES))
    for _ in range(draw(st.integers(0, 4))):
        how = draw(st.sampled_from(["replace", "take out", "rename", "wrap", "write", "join", "join"]))
        path = draw(st.sampled_from(list(places_in(body))))
        body = changed(body, path, (how, draw(BENT_KEYS), draw(BENT_VALUES)))
    return asked_id, body


def objects_in(value: Json) -> Iterator[dict[str, Json]]:
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "[", '"'):
        try:
            value = json.loads(value)
        except ValueError:
            return
        yield from objects_in(value)
    elif isinstance(value, dict):
        yield value
        for item in value.values():
            yield from objects_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects_in(item)


def says(record: dict[str, Json]) -> set[State]:
    """Return the ends that an object names, read more generously than a record is."""
    found = set()
    for name in STATE_NAMES:
        said = record.get(name)
        if not isinstance(said, str):
            continue
        word = re.sub(r"[\W_]+", "", said).lower().removeprefix("taskstatus")
        found |= {State.SUCCESS} if word in SUCCESSES else set()
        is_failure = word in FAILURES or re.search(
            r"(?i)\w[\s_-]+(error|fail|failed|failure|exception)\s*$", said
        )
        found |= {State.FAIL} if is_failure and not said.lower().startswith("no") else set()
    flag = record.get("successFlag")
    if isinstance(flag, str | int | float) and not isinstance(flag, bool):
        of_flag = {"1": State.SUCCESS, "2": State.FAIL, "3": State.FAIL}.get(
            str(flag).strip().removesuffix(".0")
        )
        found |= {of_flag} if of_flag else set()
        gives_reason = any(record.get(name) for name in (*REASON, *ENDED))
        found |= {State.FAIL} if str(flag).strip() in ("0", "0.0") and gives_reason else set()
    return found


def end_of(status: int, body: Json, asked_id: str) -> State | None:
    """Return the end that a record in a body says of its task, if any."""
    record = parse_answer(status, {}, json.dumps(body).encode(), asked_id).record
    return record.state if record and record.state.finished else None


ARBITRARY = st.tuples(
    st.just("task-1"), JSON | st.dictionaries(KEYS | st.just("state"), JSON | STATE_WORDS, max_size=6)
)


@given(bent_bodies() | ARBITRARY, STATUSES)
@example(("task-1", {"data": {"taskId": "task-1", "status": "success", "task_status": "processing"}}), 200)
@example(
    ("task-1", {"data": {"taskId": "task-1", "successFlag": 0, "sunoData": [{"status": "success"}]}}), 200
)
@example(("task-1", {"data": {"taskId": "task-1", "successFlag": 4, "response": None}}), 200)
@settings(max_examples=200)
def test_no_body_gives_an_end_that_it_does_not_say(bent: tuple[str, Json], status: int) -> None:
    asked_id, body = bent
    for whole in (body, {"code": 200, "data": body}, {"code": 501, "data": body}):
        end = end_of(status, whole, asked_id)
        assert end is None or any(end in says(each) for each in objects_in(body)), whole


@given(
    status=STATUSES,
    code=st.sampled_from([None, 0, 200, 400, 401, 404, 422, 429, 500, 501, "500"]),
    word=st.sampled_from(
        ["error", "fail", "success", "timeout", "rejected", "ERROR", "aborted", "done", "ok"]
    ),
    more=st.fixed_dictionaries(
        {},
        optional={
            "taskId": st.just("task-1"),
            "id": st.just("task-1"),
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
    assert end_of(status, {"code": code, "status": word, **more}, "task-1") is None


@given(
    STATUSES,
    GOES_ON,
    st.dictionaries(
        KEYS.filter(lambda key: key not in ("state", "data", "taskId", "task_id")),
        JSON | STATE_WORDS,
        max_size=6,
    ),
    st.dictionaries(KEYS.filter(lambda key: key != "data"), JSON | STATE_WORDS, max_size=4),
    bent_bodies(),
)
def test_a_record_that_says_that_it_goes_on_is_never_at_an_end(
    status: int, word: str, beside: Any, around: Any, bent: tuple[str, Json]
) -> None:
    record = {**beside, "taskId": "task-1", "state": word}
    for body in ({**around, "data": record}, {**around, "data": [record]}, record):
        assert end_of(status, body, "task-1") is None
    asked_id, inner = bent
    for name in ("state", "task_status"):
        record = {**(inner if isinstance(inner, dict) else {}), "taskId": asked_id, "state": None}
        record |= {"taskStatus": None, name: word}
        answer = parse_answer(200, {}, json.dumps({"code": 200, "data": record}).encode(), asked_id)
        assert answer.record is not None
        assert not answer.record.state.finished, record

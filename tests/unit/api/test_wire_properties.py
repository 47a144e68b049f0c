"""Whatever comes, parsing raises nothing and lets nothing through that a terminal acts on."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskdash.api.record import RECORD_FIELDS, STATE_KEYS
from taskdash.api.wire import parse_answer

if TYPE_CHECKING:
    from types import ModuleType


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
        "success",
        "fail",
        "https://a.example/1",
        "https://a\x1b",
        "\x9b\u202e",
        "\ud800",
        "1777459967759",
        '{"a":[1]}',
    ]
)
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
@settings(max_examples=300)
def test_arbitrary_json_is_a_problem_or_a_record(status: int, document: Any, ascii_only: bool) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "replace")
    assert fuzz_wire.fault_in(parse_answer(status, {}, body, "task_1")) is None


@given(st.dictionaries(KEYS, JSON, max_size=12))
@settings(max_examples=100)
def test_a_record_of_arbitrary_fields_is_read(fields: Any) -> None:
    fields = {**fields, "taskId": "task_1", "state": "success"}
    answer = parse_answer(200, {}, json.dumps({"code": 200, "data": fields}).encode(), "task_1")
    assert answer.record is not None
    assert fuzz_wire.fault_in(answer) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_answers_raise_nothing_and_leave_nothing_unsafe(seed: int) -> None:
    with fuzz_wire.stored() as sink:
        outcomes = fuzz_wire.run(4000, seed, sink)
    assert outcomes.total() == 4000
    assert {"record: success", "record: fail", "record: waiting", "unreadable"} <= set(outcomes)


def test_equal_seeds_make_equal_answers() -> None:
    assert list(fuzz_wire.cases(50, 7)) == list(fuzz_wire.cases(50, 7))
    assert list(fuzz_wire.cases(50, 7)) != list(fuzz_wire.cases(50, 8))

"""However a body is bent, a task ends only where the body says so: an end stops its checks for good."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from taskdash.api import fields
from taskdash.api.wire import parse_answer
from taskdash.domain.task import Json, State

DATA = Path(__file__).parents[2] / "data"
EXPECTED = json.loads((DATA / "families" / "expected.json").read_text())
BODIES: list[tuple[str, Json]] = [
    *(
        (each["id"], json.loads((DATA / "families" / f"{name}.json").read_text()))
        for name, each in EXPECTED.items()
    ),
    *(("task-1", each["body"]) for each in json.loads((DATA / "neighbours.json").read_text())),
]

SUCCESSES = {"success", "succeed", "succeeded", "complete", "completed", "done", "finished", "ready"}
FAILURES = {
    "fail", "failed", "failure", "error", "errored", "cancel", "canceled", "cancelled", "aborted", "rejected",
    "expired", "timeout", "timedout", "contentmoderated", "requestmoderated", "moderated", "nsfw",
}  # fmt: skip
STATE_NAMES = ("state", "status", "taskStatus", "task_status", "successFlag")
KEYS = st.sampled_from(
    [
        *STATE_NAMES, "successFlag", "data", "output", "taskId", "id", "code", "msg", "error", "response", "param",
        "resultJson", "errorMessage", "errorCode", "completeTime", "progress", "contentState", "x",
    ]
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.sampled_from(
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
        body = changed(body, path, (how, draw(KEYS), draw(VALUES)))
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
    """The ends that an object names, read more generously than a record is."""
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
        gives_reason = any(record.get(name) for name in (*fields.REASON, *fields.ENDED))
        found |= {State.FAIL} if str(flag).strip() in ("0", "0.0") and gives_reason else set()
    return found


@given(bent_bodies(), st.sampled_from([200, 200, 200, 404, 422, 500, 501]))
@example(("task-1", {"data": {"taskId": "task-1", "status": "success", "task_status": "processing"}}), 200)
@example(
    ("task-1", {"data": {"taskId": "task-1", "successFlag": 0, "sunoData": [{"status": "success"}]}}), 200
)
@example(("task-1", {"data": {"taskId": "task-1", "successFlag": 4, "response": None}}), 200)
@settings(max_examples=150)
def test_no_bent_body_gives_an_end_that_it_does_not_say(bent: tuple[str, Json], status: int) -> None:
    asked_id, body = bent
    record = parse_answer(status, {}, json.dumps(body).encode(), asked_id).record
    if record is not None and record.state.finished:
        assert any(record.state in says(each) for each in objects_in(body)), body


@given(bent_bodies(), st.sampled_from(["waiting", "GENERATING", "FIRST_SUCCESS", "half done", "NO_ERROR"]))
def test_a_record_that_says_that_it_goes_on_is_never_at_an_end(bent: tuple[str, Json], word: str) -> None:
    asked_id, body = bent
    fields = body if isinstance(body, dict) else {}
    for name in ("state", "task_status"):
        record: dict[str, Json] = {
            **fields,
            "taskId": asked_id,
            "state": None,
            "taskStatus": None,
            name: word,
        }
        found = parse_answer(200, {}, json.dumps({"code": 200, "data": record}).encode(), asked_id).record
        assert found is not None
        assert not found.state.finished, record

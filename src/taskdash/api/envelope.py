"""What stands around a record: a code, a text, and the place of the record itself.

The API's page has `{code, msg, data}`. At kie.ai-like gateways the text is `message` or missing, `data` may
be missing, and some answers are the record with no envelope at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.api.body import UnreadableError, json_document, unwrapped
from taskdash.api.record import (
    RECORD_FIELDS,
    STATE_KEYS,
    TASK_ID_KEYS,
    reason_in,
    request_in,
    state_of,
    state_word,
)
from taskdash.api.values import whole_number
from taskdash.domain.task import Json, State
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MESSAGE_CHARS: Final = 300

_TEXT_KEYS: Final = ("msg", "message", "error", "detail", "errorMessage", "error_description")
_RECORD_INFO_IS_NULL = re.compile(r"record\s*info\s+is\s+null", re.IGNORECASE)
_FIELDS_BUT_IDS: Final = RECORD_FIELDS.difference(TASK_ID_KEYS)
_WORDS_OF_REQUESTS: Final = frozenset(
    ("success", "done", "fail", "failure", "error", "timeout", "aborted", "rejected", "expired")
)
_HEX: Final = frozenset("0123456789abcdefABCDEF-")


@dataclass(frozen=True, slots=True)
class Envelope:
    """One answer, taken apart."""

    code: int | None
    """The body's own code; None where it has none that is a number."""
    message: str
    """The body's own words, inert and short; "" where it has none."""
    reason: str | None
    """The words that may say why a task failed, whole; None where all that is said is that the request went well."""
    record: dict[str, Json] | None
    """The record as it came, if there is one; not yet compared with the ID that was asked for."""
    data: dict[str, Json]
    """`data`, where it is an object, else the whole answer: where a 429 has its numbers."""
    record_info_is_null: bool = False
    """Whether it says, without a record, what kie.ai-like gateways say (with 422) for a task that they do not
    know, have purged, or do not know yet."""
    is_nothing: bool = False
    """Whether it says that all is well, and has nothing as its `data`: others say the same in this way."""

    @property
    def whole_failure(self) -> bool:
        """Tell whether the record says `fail` and is one beyond doubt: only that outweighs an error code."""
        if self.record is None or not RECORD_FIELDS.intersection(self.record):
            return False
        return _state_in(self.record) is State.FAIL and not _may_be_of_request(self.record)


def envelope_of(document: Json, asked_id: str) -> Envelope:
    """Take a JSON document apart; anything but an object (or a list of one) is an empty envelope."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        return Envelope(code=None, message="", reason=None, record=None, data={})
    data = unwrapped(document.get("data"))
    record = _record_in(document, data, asked_id)
    code = _code_of(document, has_record=record is not None)
    lines = [line for line in (inert_line(each, MAX_MESSAGE_CHARS) for each in _texts(document)) if line]
    is_null = any(_RECORD_INFO_IS_NULL.search(line) for line in lines)
    return Envelope(
        code=code,
        message=lines[0] if lines else "",
        reason=next(filter(None, map(reason_in, _texts(document))), None),
        record=record,
        data=data if isinstance(data, dict) else document,
        record_info_is_null=is_null and record is None and code in (None, 200, 422),
        is_nothing="data" in document and code in (0, 200) and data in (None, "", "null", [], {}),
    )


def echoed_request(body: bytes, task_id: str) -> Json:
    """Return the `createTask` request in the body of an answer, letter for letter: for sending the same once more.

    What is shown of it is made inert and cut (`api.record`); a prompt with joined emoji or of great length would not be
    the same afterwards. So this reads it from the body as it was kept. It is None where there is none, or no body.
    """
    try:
        record = envelope_of(json_document(body.decode("utf-8-sig", "replace")), task_id).record
    except UnreadableError:
        return None
    return request_in(record) if record is not None else None


def task_id_in(record: dict[str, Json]) -> str | None:
    """Return the ID that a record gives for itself; None where it gives none, or something that is no text."""
    for key in TASK_ID_KEYS:
        value = record.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def is_same_id(one: str, other: str) -> bool:
    """Tell whether two IDs name the same task: UUIDs and hex in any case, all others exactly."""
    return one == other or (one.lower() == other.lower() and _HEX.issuperset(one))


def _record_in(document: dict[str, Json], data: Json, asked_id: str) -> dict[str, Json] | None:
    if isinstance(data, dict):
        is_record = _is_record(data, asked_id) or isinstance(data.get("state"), str)
        return data if is_record else None
    if isinstance(data, list):
        records = [item for item in data if isinstance(item, dict) and _is_record(item, asked_id)]
        asked = [record for record in records if is_same_id(task_id_in(record) or "", asked_id)]
        if asked or len(records) == 1:
            return (asked or records)[0]
    # With `data: null` beside it, a `status` speaks of the request, not of a task.
    is_envelope = ("data" in document and data is None) or _may_be_of_request(document)
    return document if not is_envelope and _is_record(document, asked_id) else None


def _is_record(candidate: dict[str, Json], asked_id: str) -> bool:
    """Tell a record by a state and one field that only records have, or by two such fields whatever the state is.

    `{"status": "error", "message": ...}` is an error and must not be taken for a failed task, which is final.
    """
    names_task = not candidate.keys().isdisjoint(TASK_ID_KEYS) or candidate.get("id") == asked_id
    evidence = len(_FIELDS_BUT_IDS.intersection(candidate)) + names_task
    return evidence >= 2 or (evidence == 1 and _state_in(candidate) is not None)


def _may_be_of_request(candidate: dict[str, Json]) -> bool:
    """Tell whether a `status` may be that of the request, which errors have beside the ID that was asked for."""
    if _FIELDS_BUT_IDS.intersection(candidate) or isinstance(candidate.get("state"), str):
        return False
    said = next((said for key in STATE_KEYS if isinstance(said := candidate.get(key), str)), "")
    return said.strip().lower() in _WORDS_OF_REQUESTS


def _state_in(candidate: dict[str, Json]) -> State | None:
    for key in STATE_KEYS:
        value = candidate.get(key)
        if isinstance(value, str) and state_word(value):
            return state_of(state_word(value))
    return None


def _code_of(document: dict[str, Json], *, has_record: bool) -> int | None:
    """Return `code` as a number, text ("200") or float; without it and without a record, that of `error`."""
    code = whole_number(document.get("code"))
    error = document.get("error")
    if code is None and not has_record and isinstance(error, dict):
        code = whole_number(error.get("code"))
    return code


def _texts(document: dict[str, Json]) -> Iterator[str]:
    for key in _TEXT_KEYS:
        value = document.get(key)
        if isinstance(value, dict):
            value = value.get("message") or value.get("msg")
        if isinstance(value, str):
            yield value

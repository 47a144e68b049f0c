"""Reads the envelope around a record, which is its code and message, and locates the record itself.

The API's page has `{code, msg, data}`. At kie.ai-like gateways the message is in `message` or missing, `data`
may be missing, and some answers are a bare record without an envelope.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from taskdash.api import names
from taskdash.api.body import unwrapped
from taskdash.api.record import RECORD_FIELDS
from taskdash.api.result_urls import LAST_KEYS, RECORD_KEYS, result_urls
from taskdash.api.states import is_not_found, may_be_of_request, reason_in, says_state, standing_in
from taskdash.api.values import is_blank, whole_number, word
from taskdash.domain.task import Json, State
from taskdash.domain.untrusted import inert_line

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_MESSAGE_CHARS: Final = 300

_TEXT_KEYS: Final = ("msg", "message", "error", "detail", "errorMessage", "error_description")
_IS_NOT_FOUND = re.compile(
    r"record\s*info\s+is\s+null"
    r"|\b(?:task|job|record|video|generation)(?:[\s_-]*id)?[\s_-]+(?:(?:is|was|does|do|has)\s+)?"
    r"(?:not[\s_-]+(?:been\s+)?found|not[\s_-]+exist|doesn['\u2019]?t\s+exist)"
    r"|\bno\s+such\s+(?:task|job|record|video)\b|任[务務]不存在",
    re.IGNORECASE,
)
_NO_WRAPPERS: Final = frozenset(("data", "output", "error", "errors", *names.PARAM, "input", "request"))
_RESULTS: Final = frozenset((*RECORD_KEYS, *LAST_KEYS))
_FIELDS_BUT_IDS: Final = RECORD_FIELDS.difference(names.TASK_ID)
_PREFIX = re.compile(r"(?:[A-Za-z]{2,16}[_:-]){1,2}")
_LEAST_ID_CHARS: Final = 8
_ID_KEYS: Final = (*names.TASK_ID, names.OWN_ID[0])
_HEX: Final = frozenset("0123456789abcdefABCDEF-")


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of one answer."""

    code: int | None
    """The body's own code; None if it has none that is a number."""
    message: str
    """The body's own message, inert and short; "" if it has none."""
    reason: str | None
    """The message that may say why a task failed, uncut; None without one, or if it only reports success."""
    record: dict[str, Json] | None
    """The record as received, if there is one; it may be that of another task."""
    data: dict[str, Json]
    """`data` if it is an object, else the whole answer; a 429 has its limits there."""
    record_info_is_null: bool = False
    """Whether it has no record and reports the task as not found, as kie.ai-like gateways do (with 422) for a
    task that they do not know, have purged, or do not know yet."""
    is_nothing: bool = False
    """Whether it has a success code and empty `data`, which is how other gateways say that they have no record."""

    @property
    def whole_failure(self) -> bool:
        """Return whether this is beyond doubt the record of a failed task, which alone outweighs an error code."""
        if self.record is None or not RECORD_FIELDS.intersection(self.record):
            return False
        standing = standing_in(self.record)
        return standing is not None and standing.state is State.FAIL and not _may_be_of_request(self.record)


def envelope_of(document: Json, asked_id: str) -> Envelope:
    """Parse a JSON document into an envelope, an empty one unless it is an object or a list of one object."""
    if isinstance(document, list) and len(document) == 1:
        document = document[0]
    if not isinstance(document, dict):
        return Envelope(code=None, message="", reason=None, record=None, data={})
    data = unwrapped(document.get("data"))
    record = _record_in(document, data, asked_id)
    code = _code_of(document, has_record=record is not None)
    lines = [line for line in (inert_line(each, MAX_MESSAGE_CHARS) for each in _texts(document)) if line]
    is_null = any(_IS_NOT_FOUND.search(line) for line in lines)
    if record is not None and is_not_found(record):
        record, is_null = None, True
    return Envelope(
        code=code,
        message=lines[0] if lines else "",
        reason=next(filter(None, map(reason_in, _texts(document))), None),
        record=record,
        data=data if isinstance(data, dict) else document,
        record_info_is_null=is_null and record is None and code in (None, 200, 422),
        is_nothing="data" in document and code in (0, 200) and data in (None, "", "null", [], {}),
    )


def task_id_in(record: dict[str, Json], asked_id: str) -> str | None:
    """Return the task ID in a record; the one asked for, if it is among several.

    None if it has none, or only a number other than the ID asked for, such as a database row's `id`.
    """
    values = [value for key in _ID_KEYS if not is_blank(value := record.get(key))]
    said = (found for value in values if (found := word(value)) and is_same_id(found, asked_id))
    return next(said, None) or next((value.strip() for value in values if isinstance(value, str)), None)


def is_same_id(one: str, other: str) -> bool:
    """Return whether two IDs name the same task.

    UUIDs and hex IDs ignore case, all others must match exactly, but for a prefix (`task_`, `video-`): gateways
    add or drop one when they pass on a provider's ID.
    """
    if one == other or (one.lower() == other.lower() and _HEX.issuperset(one)):
        return True
    short, long = sorted((one, other), key=len)
    is_end = len(short) >= _LEAST_ID_CHARS and long.endswith(short)
    return is_end and _PREFIX.fullmatch(long, 0, len(long) - len(short)) is not None


def _record_in(document: dict[str, Json], data: Json, asked_id: str) -> dict[str, Json] | None:
    """Find the record in a document: its `data`, an item of a list there, its `output`, or the document itself."""
    if isinstance(data, dict):
        if _is_record(data, asked_id) or isinstance(data.get("state"), str):
            return data
        if not _names(document, asked_id):
            return None
    if isinstance(data, list):
        records = [item for item in data if isinstance(item, dict) and _is_record(item, asked_id)]
        asked = [record for record in records if _names(record, asked_id)]
        if asked or len(records) == 1:
            return (asked or records)[0]
    standing = standing_in(document)
    output = unwrapped(document.get("output"))
    if isinstance(output, dict) and standing is None and _is_record(output, asked_id):
        return output
    # Beside `data: null`, a `status` is that of the request, not of a task; so may be a flag on its own.
    is_flag_alone = (
        standing is not None and standing.keys == (names.FLAG,) and _FIELDS_BUT_IDS.isdisjoint(document)
    )
    is_envelope = ("data" in document and data is None) or is_flag_alone or _may_be_of_request(document)
    if not is_envelope and _is_record(document, asked_id):
        return document
    return _wrapped(document, asked_id)


def _wrapped(document: dict[str, Json], asked_id: str) -> dict[str, Json] | None:
    """Return the only record that names the requested task under some other key (`task`, `result`).

    Its result may be next to it (Novita).
    """
    records = [
        value
        for key, value in document.items()
        if key not in _NO_WRAPPERS and isinstance(value, dict)
        if _says(value, asked_id) and _is_record(value, asked_id) and not _may_be_of_request(value)
    ]
    if len(records) != 1:
        return None
    beside = {key: value for key, value in document.items() if key in _RESULTS and value is not records[0]}
    return {**beside, **records[0]}


def _says(record: dict[str, Json], asked_id: str) -> bool:
    said = (word(record.get(key)) for key in (*names.TASK_ID, *names.OWN_ID))
    return any(each and is_same_id(each, asked_id) for each in said)


def _names(record: dict[str, Json], asked_id: str) -> bool:
    named = task_id_in(record, asked_id)
    return named is not None and is_same_id(named, asked_id)


def _is_record(candidate: dict[str, Json], asked_id: str) -> bool:
    """Return whether this is a record: it has a state and one field that only records have, or two such fields.

    `{"status": "error", "message": ...}` is an error and must not be taken for a failed task, which is final.
    """
    names_task = not candidate.keys().isdisjoint(names.TASK_ID) or _says(candidate, asked_id)
    evidence = len(_FIELDS_BUT_IDS.intersection(candidate)) + names_task
    return evidence >= 2 or (evidence == 1 and says_state(candidate))


def _may_be_of_request(candidate: dict[str, Json]) -> bool:
    """Return whether `status` may be that of the request, as in errors that repeat the ID asked for.

    A success with result links is that of a task (getimg).
    """
    if not _FIELDS_BUT_IDS.isdisjoint(candidate) or not may_be_of_request(candidate):
        return False
    standing = standing_in(candidate)
    return standing is None or standing.state is not State.SUCCESS or not result_urls(candidate)


def _code_of(document: dict[str, Json], *, has_record: bool) -> int | None:
    """Return `code` as an integer, also from "200" or 200.0; without it and without a record, that of `error`."""
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

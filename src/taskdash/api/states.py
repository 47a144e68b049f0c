"""Reads the state of a task from the gateway's word for it, else from its flag, and why it failed.

Calling a task finished too early would stop its checks, so an unknown word, or a record that contradicts itself,
counts as unfinished.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from taskdash.api import names
from taskdash.api.body import MAX_UNWRAPS, unwrapped
from taskdash.api.result_urls import RECORD_KEYS, result_in, result_urls
from taskdash.api.values import Fields, is_blank, is_moment, text, whole_number, word
from taskdash.domain.task import Json, State, json_text
from taskdash.domain.untrusted import inert, inert_json, inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNKNOWN_STATE: Final = "unknown"
"""The word for a state that is missing, null, or not a word; the value itself is then in `extra`."""
_MAX_STATE_CHARS: Final = 64

# The API's page has `success` and `fail` ("failed or was canceled"); the other words are those of kie.ai, OpenAI,
# Replicate, fal, Kling, ModelScope, DashScope, BFL, Midjourney proxies and gateways to them.
_FINISHED_WORDS: Final = {
    State.SUCCESS: "success succeed succeeded complete completed done finished ready",
    State.FAIL: "fail failed failure error errored cancel canceled cancelled aborted rejected expired timeout"
    " timedout contentmoderated requestmoderated moderated nsfw",
}
_FINISHED: Final = {each: state for state, words in _FINISHED_WORDS.items() for each in words.split()}
# `SENSITIVE_WORD_ERROR`, `CREATE_TASK_FAILED`, `CALLBACK_EXCEPTION`. There is no such rule for success, as a word like
# `FIRST_SUCCESS` may be just one of the steps.
_ENDS_IN_FAILURE: Final = frozenset(("error", "failed", "failure", "fail", "exception"))
_BACK: Final = (
    "no not non never without after on if un retry retries retrying recover recovered recovering ignore ignored"
    " ignoring partial partially part some pre or cancel canceling cancelling refund"
)
_TAKES_IT_BACK: Final = frozenset(_BACK.split())
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_WORDS_OF_REQUESTS: Final = frozenset(
    ("success", "done", "ready", "fail", "failure", "error", "timeout", "aborted", "rejected", "expired")
)
_IS_NOT_FOUND = re.compile(r"\s*(?:(?:task|record|job|id)[\s_-]+)?not[\s_-]*found\s*", re.IGNORECASE)

_OF_FLAG: Final = {
    0: (State.WAITING, "generating"),
    1: (State.SUCCESS, "success"),
    2: (State.FAIL, "fail"),
    3: (State.FAIL, "fail"),
}


class Standing(NamedTuple):
    """The state of a task, and the gateway's word for it."""

    state: State
    word: str
    keys: tuple[str, ...]
    """The fields it was read from."""


def state_of(raw_state: str | None) -> State:
    """Return the state for a gateway's word, in any spelling: `timed out`, `TIMED_OUT`, `timedOut`."""
    said = (raw_state or "").strip().lower().removeprefix("task_status_")
    found = _FINISHED.get(_BETWEEN_WORDS.sub("", said))
    if found is not None:
        return found
    return State.FAIL if _names_failure(said) else State.WAITING


def _names_failure(said: str) -> bool:
    *before, last = _BETWEEN_WORDS.split(said)
    return last in _ENDS_IN_FAILURE and bool(before) and _TAKES_IT_BACK.isdisjoint(before)


def standing_in(record: Mapping[str, Json]) -> Standing | None:
    """Return the state in a record; None if it has none."""
    by_flag = _by_flag(record)
    for key in names.STATE:
        value = record.get(key)
        said = word(value) if value is not None else None
        if not said or (by_flag and not isinstance(value, str)):
            continue
        state = state_of(said)
        if by_flag and state.finished and by_flag.state.finished and by_flag.state is not state:
            state = State.WAITING
        keys = (key, names.FLAG) if by_flag else (key,)
        return Standing(state, inert_line(said, _MAX_STATE_CHARS), keys)
    return by_flag


def _by_flag(record: Mapping[str, Json]) -> Standing | None:
    if names.FLAG not in record:
        return None
    flag = whole_number(record[names.FLAG])
    if flag is None and (named := word(record[names.FLAG])):
        # Suno's file endpoints (`wav/record-info`) have a word here.
        return Standing(state_of(named), inert_line(named, _MAX_STATE_CHARS), (names.FLAG,))
    if flag is None or flag not in _OF_FLAG:
        return None
    state, said = _OF_FLAG[flag]
    if flag == 0 and _has_ended_in_vain(record):
        # According to Aleph's page, 0 is running or failed.
        state, said = _OF_FLAG[2]
    return Standing(state, said, (names.FLAG,))


def _has_ended_in_vain(record: Mapping[str, Json]) -> bool:
    fields = dict(record)
    has_end = any(is_moment(record.get(key)) for key in names.ENDED)
    names_reason = any(reason_in(fields.get(key)) for key in names.REASON)
    return not result_urls(fields) and (has_end or names_reason)


def says_state(record: Mapping[str, Json]) -> bool:
    """Return whether there is a word or a flag for the state; a number beside an ID may be the HTTP status."""
    standing = standing_in(record)
    return standing is not None and (names.FLAG in standing.keys or isinstance(record[standing.keys[0]], str))


def is_not_found(record: Mapping[str, Json]) -> bool:
    """Return whether the state is "not found", as at BFL."""
    return any(
        isinstance(said := record.get(key), str) and _IS_NOT_FOUND.fullmatch(said) for key in names.STATE
    )


def may_be_of_request(record: Mapping[str, Json]) -> bool:
    """Return whether the word may describe the request; only in `status`, as the other fields are the task's own."""
    for key in names.STATE:
        said = record.get(key)
        if isinstance(said, str) and said.strip():
            said = said.strip().lower()
            return key == names.STATE[-1] and (said in _WORDS_OF_REQUESTS or _names_failure(said))
    return False


# Why it failed: code and message, wherever they are in a record and in whatever form

Reason: TypeAlias = tuple[str | None, str | None]
"""Code and message of a failure."""

_REASONS: Final = (*names.REASON, *names.REASON_OF_FAILED)
_CODES_IN_ERROR: Final = ("code", "type")
_ALL_IN_ERROR: Final = frozenset((*names.FAIL_CODE, *names.ERROR_CODE, *_REASONS, *_CODES_IN_ERROR))
_MAX_REASONS: Final = 8
_NO_ERROR: Final = (0, 200)
_IS_FINE = re.compile(
    r"\W*(?:(?:query|get|request|operation|task|record|info|details?|is|was|fetched|retrieved)\W+)*"
    r"(?:success(?:ful|fully)?|succeed(?:ed)?|ok|okay|[\u4e00-\u9fff]*成功)\W*",
    re.IGNORECASE,
)
"""Messages about a request that succeeded, which are no reason why a task failed."""


def failure_of(fields: Fields, state: State, around: Reason) -> Reason:
    """Return code and message of a failure, each from the first source that has one.

    The record's own fields come first: `failMsg`, text on the API's page but possibly an object or a list at
    kie.ai-like gateways, then `error`, which has both in answers without an envelope. For a failed task, the
    record's other messages follow, then the error in its result, then the envelope.
    """
    has_failed = state is State.FAIL
    found: list[Reason] = [
        (fields.read(word, *names.FAIL_CODE) or fields.read(_error_code, *names.ERROR_CODE), None)
    ]
    for key in _REASONS if has_failed else names.REASON:
        value = fields.get(key)
        if value is None:
            fields.understood(key)
            continue
        code, message = _reason(value)
        is_taken = message is not None and all(said is None for _, said in found)
        if is_blank(value) or (is_taken and _says_no_more(value)):
            fields.understood(key)
        found.append((code, message))
    if has_failed:
        found.append((_word_of_error(fields), None))
        results = [result_in(fields.get(key)) for key in RECORD_KEYS]
        found += [_reason_among(part, ("code",)) for part in results if isinstance(part, dict)]
        found.append(around)
    fields.understood(*(key for key in names.ERROR_CODE if whole_number(fields.get(key)) in _NO_ERROR))
    return _first_of(found)


def reason_in(value: Json) -> str | None:
    """Return the message in a text or an error object that may say why a task failed."""
    return _reason(value)[1]


def _first_of(found: list[Reason]) -> Reason:
    return next((code for code, _ in found if code), None), next((said for _, said in found if said), None)


def _error_code(value: Json) -> str | None:
    """Return a code, unless it means that there is no error."""
    said = word(value)
    return None if said is None or whole_number(value) in _NO_ERROR or _IS_FINE.fullmatch(said) else said


def _word_of_error(fields: Fields) -> str | None:
    """Return the record's `code` if it is a word, as at DashScope; a number may be that of the request."""
    value = fields.get("code")
    return _error_code(value) if isinstance(value, str) and whole_number(value) is None else None


def _reason(value: Json, depth: int = MAX_UNWRAPS) -> Reason:
    """Return code and message of an error in any form; an object with neither is returned as JSON text."""
    value = unwrapped(value)
    if isinstance(value, list) and depth:
        found: list[Reason] = [_reason(item, depth - 1) for item in value[:_MAX_REASONS]]
        return _first_of(found)[0], inert("; ".join(said for _, said in found if said)) or None
    if isinstance(value, dict) and depth:
        found_in_it = _reason_among(value, _CODES_IN_ERROR, depth - 1)
        if any(found_in_it) or _ALL_IN_ERROR.issuperset(value):
            return found_in_it
    if isinstance(value, list | dict):
        value = inert_json(value)
        return None, None if _is_empty(value) else inert(json_text(value))
    said = text(value)
    is_none = said is None or whole_number(value) in _NO_ERROR or _IS_FINE.fullmatch(said)
    return None, None if is_none else said


def _reason_among(values: dict[str, Json], codes: Iterable[str], depth: int = MAX_UNWRAPS) -> Reason:
    within = Fields(values)
    code = within.read(word, *names.FAIL_CODE) or within.read(_error_code, *names.ERROR_CODE, *codes)
    return _first_of([(code, None), *(_reason(values[key], depth) for key in _REASONS if key in values)])


def _is_empty(value: Json) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return all(map(_is_empty, value)) if isinstance(value, list) else is_blank(value)


def _says_no_more(value: Json) -> bool:
    """Return whether a value has nothing but code and message."""
    if isinstance(value, dict):
        return _ALL_IN_ERROR.issuperset(value)
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)

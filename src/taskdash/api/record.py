"""Converts a record as received, field by field, into a `Record`.

For each field, the first name that has a value counts. The first names are those of the API's page. The others are
used by kie.ai and its families (Veo, 4o, Kontext, Aleph, Runway, Suno, Midjourney), by gateways to them, by Kling,
DashScope, ModelScope, Replicate, fal, OpenAI, Ark, Vidu, MiniMax, BFL, and by Midjourney proxies.

The state of a task is read from the gateway's word for it, else from its flag. Calling a task finished too early would
stop its checks, so an unknown word, or a record that contradicts itself, counts as unfinished.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from taskdash.api.result_urls import (
    LAST_KEYS,
    PARAM,
    RECORD_KEYS,
    is_purged,
    links_end_ms,
    result_parts,
    result_urls,
)
from taskdash.api.values import (
    MAX_UNWRAPS,
    Fields,
    amount,
    cost,
    is_blank,
    is_moment,
    text,
    timestamp_ms,
    unwrapped,
    whole_number,
    word,
)
from taskdash.domain.record import Record
from taskdash.domain.task import Json, State, json_text
from taskdash.domain.untrusted import inert, inert_json, inert_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TASK_ID: Final = ("taskId", "task_id")
OWN_ID: Final = ("id", "request_id", "job_id", "jobId")
"""The record's own ID, in place of a task ID. `request_id` is the task's at fal, elsewhere the request's."""
ID: Final = (*TASK_ID, OWN_ID[0])
STATE: Final = ("state", "task_status", "taskStatus", "status")
"""`status` comes last, as it may be that of the request."""
FLAG: Final = "successFlag"
MODEL: Final = ("model", "modelName", "model_name")
PROMPT: Final = ("prompt", "orig_prompt")
PROMPT_IN_PARAM: Final = ("prompt", "positivePrompt", "positive_prompt", "text", "description")
PROGRESS: Final = "progress"
COST: Final = ("costTime", "cost_time")
CREATED: Final = (
    "createTime",
    "create_time",
    "createdAt",
    "created_at",
    "created",
    "submitTime",
    "submit_time",
)
ENDED: Final = (
    *("completeTime", "complete_time", "completedAt", "completed_at", "completed"),
    *("finishTime", "finish_time", "finishedAt", "finished_at", "endTime", "end_time", "generateTime"),
)
UPDATED: Final = ("updateTime", "update_time", "updatedAt", "updated_at")
"""Used as the end time of a finished task without one."""
CREDITS: Final = (
    *("creditsConsumed", "credits_consumed", "consumeCredits", "consume_credits"),
    *("creditsUsed", "credits_used", "credits", "cost"),
)
USAGE: Final = "usage"
CREDITS_IN_USAGE: Final = ("credits_consumed", "credits_used", "credits_reserved", "credits")
FAIL_CODE: Final = ("failCode", "fail_code")
ERROR_CODE: Final = ("errorCode", "error_code", "errCode", "err_code", "failureCode", "failure_code")
"""Here 0 and 200 mean no failure."""
REASON: Final = ("failMsg", "fail_msg", "errorMessage", "error_message", "failReason", "error", "errors")
REASON_OF_FAILED: Final = (
    *("task_status_msg", "fail_reason", "failure", "failure_reason", "failureReason"),
    *("errorMsg", "error_msg", "raw_message", "message", "msg", "detail", "reason"),
)
"""Not specific to errors, so only used in a failed record or within an error object."""

UNKNOWN_STATE: Final = "unknown"
"""The word for a state that is missing, null, or not a word; the value itself is then in `extra`."""
_MAX_STATE_CHARS: Final = 64
_EMPTY_RESULTS: Final[list[Json]] = [None, "", "{}", "[]", {}, []]
_SHARE = re.compile(r"0?\.[0-9]{1,4}|[01]\.[0-9]{1,4}")
RECORD_FIELDS: Final = frozenset(
    [
        *(*TASK_ID, *PARAM, *RECORD_KEYS, "model", "failCode", "failMsg", "input", "progress", "file_id"),
        *(*COST, *CREATED, *ENDED, *UPDATED, *CREDITS),
    ]
).difference(("created", "completed", "credits", "cost"))
"""Fields that only a record has, unlike an error's `data` or unrelated JSON."""

Reason: TypeAlias = tuple[str | None, str | None]
"""Code and message of a failure."""


def record_of(wire: dict[str, Json], around: Reason = (None, None)) -> Record:
    """Convert a record; `around` is the envelope's code and message, which may be those of the failure.

    A field whose value makes no sense is None and stays in `extra` under its own name.
    """
    given = Fields(wire)
    standing = standing_in(wire) or Standing(State.WAITING, UNKNOWN_STATE, ())
    given.understood(*standing.keys, *(key for key in STATE if is_blank(wire.get(key))))
    state = standing.state
    param = request_in(given)
    create_ms = given.read(timestamp_ms, *CREATED)
    complete_ms = given.read(timestamp_ms, *ENDED)
    if complete_ms is None and state.finished:
        complete_ms = given.read(timestamp_ms, *UPDATED)
    parts = result_parts(wire)
    urls = result_urls(wire, parts)
    # A result without links, such as text, stays in `extra`.
    have_urls = [key for key in parts if urls and (len(parts) == 1 or result_urls({key: wire[key]}))]
    given.understood(*([key for key in have_urls if key not in LAST_KEYS] or have_urls))
    fail_code, fail_msg = _failure_of(given, state, [*parts.values()], around)
    credits_consumed, usage = given.read(_number_word, *CREDITS), given.get(USAGE)
    if credits_consumed is None and isinstance(usage, dict):
        credits_consumed = Fields(usage).read(_number_word, *CREDITS_IN_USAGE)
    return Record(
        task_id=given.read(lambda each: word(each) if isinstance(each, str) else None, *ID),
        state=state,
        raw_state=standing.word,
        model=given.read(word, *MODEL) or (word(param.get("model")) if isinstance(param, dict) else None),
        param=inert_json(param),
        prompt=_prompt_in(param) or given.read(_prompt, *PROMPT),
        result_urls=urls,
        fail_code=fail_code,
        fail_msg=fail_msg,
        cost_time_ms=_cost_ms(given, state, create_ms, complete_ms),
        complete_time_ms=complete_ms,
        create_time_ms=create_ms,
        progress=given.read(_progress, PROGRESS),
        credits_consumed=credits_consumed,
        # 0 is a statement, not a gap: nothing was charged (kie.ai-like gateways).
        credits=amount(credits_consumed),
        result_expires_at_ms=links_end_ms(wire, parts, urls, complete_ms),
        purged=is_purged(wire),
        # An empty result means null (kie.ai-like gateways).
        extra={
            key: value
            for key, value in given.rest().items()
            if key not in RECORD_KEYS or value not in _EMPTY_RESULTS
        },
    )


def _progress(value: Json) -> str | None:
    """Return 0 to 100 as text; some gateways send a fraction as text with a point (4o: "0.50")."""
    if isinstance(value, str) and _SHARE.fullmatch(value.strip()):
        return f"{min(float(value), 1.0) * 100:g}"
    return _number_word(value)


def _number_word(value: Json) -> str | None:
    found = word(value)
    return inert_line(found, 32) if found else None


def _cost_ms(given: Fields, state: State, create_ms: int | None, complete_ms: int | None) -> int | None:
    """Return how long the task took, in milliseconds.

    That is the unit on the API's page, where a failed task has null and no `completeTime` either. At kie.ai-like
    gateways some models report seconds (8 for a 10 s task, 12.5), a failure may have 0 for "none", and null or
    a missing field means complete - create.
    """
    elapsed_ms = None if create_ms is None or complete_ms is None else complete_ms - create_ms
    if elapsed_ms is not None and elapsed_ms < 0:
        elapsed_ms = None
    said = given.read(cost, *COST)
    if said is None:
        return elapsed_ms
    if said == 0 and state is not State.SUCCESS:
        return None
    # The extra tenth is for gateways that count from when they accepted the request, not from createTime.
    if elapsed_ms is not None and said < 1000 and said * 1000 <= elapsed_ms * 1.1:
        return round(said * 1000)
    return round(said)


def request_in(given: Fields) -> Json:
    """Return the `createTask` request that a record echoes, as sent, as an object; as text if it is not JSON.

    On the API's page it is JSON text of the whole request; some gateways send an object, and its `input` may
    again be JSON text. Answers without an envelope may have only the `input`.
    """
    found = unwrapped(given.read(_as_it_is, *PARAM))
    if found is None and isinstance(given.get("input"), str | dict):
        found = {"input": given.read(_as_it_is, "input")}
    if isinstance(found, dict) and isinstance(found.get("input"), str):
        found = {**found, "input": unwrapped(found["input"])}
    return found


def _as_it_is(value: Json) -> Json:
    return value


def _prompt_in(param: Json) -> str | None:
    """Return the prompt at `input.prompt`, next to `input`, or as the whole `input`. It may be missing."""
    param = _first_item(param)
    if not isinstance(param, dict):
        return None
    inner = _first_item(param.get("input"))
    places = [place for place in (inner, param) if isinstance(place, dict)]
    found = (_prompt(place.get(key)) for place in places for key in PROMPT_IN_PARAM)
    return next(filter(None, found), None) or _prompt(inner)


def _first_item(value: Json) -> Json:
    return next(iter(value), None) if isinstance(value, list) else value


def _prompt(value: Json) -> str | None:
    """Return a string, or the strings of a list joined by newlines; nothing else is a prompt."""
    if isinstance(value, list):
        value = "\n".join(item for item in value if isinstance(item, str))
    return inert(value) if isinstance(value, str) and value.strip() else None


# The state: a word, or a flag

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
_OF_FLAG: Final = {
    0: (State.WAITING, "generating"),
    1: (State.SUCCESS, "success"),
    2: (State.FAIL, "fail"),
    3: (State.FAIL, "fail"),
}


class Standing(NamedTuple):
    """Says the state of a task, and the gateway's word for it."""

    state: State
    word: str
    keys: tuple[str, ...]
    """The fields it was read from."""


def standing_in(record: Mapping[str, Json]) -> Standing | None:
    """Return the state in a record; None if it has none."""
    by_flag = _by_flag(record)
    for key in STATE:
        value = record.get(key)
        said = word(value) if value is not None else None
        if not said or (by_flag and not isinstance(value, str)):
            continue
        state = _state_of(said)
        if by_flag and state.finished and by_flag.state.finished and by_flag.state is not state:
            state = State.WAITING
        keys = (key, FLAG) if by_flag else (key,)
        return Standing(state, inert_line(said, _MAX_STATE_CHARS), keys)
    return by_flag


def _state_of(said: str) -> State:
    """Return the state for a gateway's word, in any spelling: `timed out`, `TIMED_OUT`, `timedOut`."""
    said = said.strip().lower().removeprefix("task_status_")
    found = State.FAIL if names_failure(said) else State.WAITING
    return _FINISHED.get(_BETWEEN_WORDS.sub("", said), found)


def names_failure(said: str) -> bool:
    """Return whether a word in lower case ends in one for a failure, and nothing before takes that back."""
    *before, last = _BETWEEN_WORDS.split(said)
    return last in _ENDS_IN_FAILURE and bool(before) and _TAKES_IT_BACK.isdisjoint(before)


def _by_flag(record: Mapping[str, Json]) -> Standing | None:
    said, flag = record.get(FLAG), whole_number(record.get(FLAG))
    if flag is None and (named := word(said)):
        # Suno's file endpoints (`wav/record-info`) have a word here.
        return Standing(_state_of(named), inert_line(named, _MAX_STATE_CHARS), (FLAG,))
    if flag is None or flag not in _OF_FLAG:
        return None
    if flag == 0 and not result_urls(dict(record)):
        # According to Aleph's page, 0 is running or failed.
        has_end = any(is_moment(record.get(key)) for key in ENDED)
        flag = 2 if has_end or any(reason_in(record.get(key))[1] for key in REASON) else 0
    return Standing(*_OF_FLAG[flag], (FLAG,))


# Why it failed: code and message, wherever they are in a record and in whatever form

_REASONS: Final = (*REASON, *REASON_OF_FAILED)
_CODES_IN_ERROR: Final = ("code", "type")
_ALL_IN_ERROR: Final = frozenset((*FAIL_CODE, *ERROR_CODE, *_REASONS, *_CODES_IN_ERROR))
_MAX_REASONS: Final = 8
_NO_ERROR: Final = (0, 200)
_IS_FINE = re.compile(
    r"\W*(?:(?:query|get|request|operation|task|record|info|details?|is|was|fetched|retrieved)\W+)*"
    r"(?:success(?:ful|fully)?|succeed(?:ed)?|ok|okay|[\u4e00-\u9fff]*成功)\W*",
    re.IGNORECASE,
)
"""Messages about a request that succeeded, which are no reason why a task failed."""


def _failure_of(given: Fields, state: State, results: list[Json], around: Reason) -> Reason:
    """Return code and message of a failure, each from the first source that has one.

    The record's own fields come first: `failMsg`, text on the API's page but possibly an object or a list at
    kie.ai-like gateways, then `error`, which has both in answers without an envelope. For a failed task, the
    record's other messages follow, then the error in its result, then the envelope.
    """
    has_failed = state is State.FAIL
    found: list[Reason] = [(given.read(word, *FAIL_CODE) or given.read(_error_code, *ERROR_CODE), None)]
    for key in _REASONS if has_failed else REASON:
        value = given.get(key)
        code, message = reason_in(value)
        is_taken = message is not None and all(said is None for _, said in found)
        if is_blank(value) or (is_taken and _says_no_more(value)):
            given.understood(key)
        found.append((code, message))
    if has_failed:
        # A word, as at DashScope; a number may be that of the request.
        named = given.get("code")
        if isinstance(named, str) and whole_number(named) is None:
            found.append((_error_code(named), None))
        found += [_reason_among(part, ("code",)) for part in results if isinstance(part, dict)]
        found.append(around)
    given.understood(*(key for key in ERROR_CODE if whole_number(given.get(key)) in _NO_ERROR))
    return _first_of(found)


def reason_in(value: Json, depth: int = MAX_UNWRAPS) -> Reason:
    """Return code and message of an error in any form; an object with neither is returned as JSON text."""
    value = unwrapped(value)
    if isinstance(value, list) and depth:
        found: list[Reason] = [reason_in(item, depth - 1) for item in value[:_MAX_REASONS]]
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
    code = within.read(word, *FAIL_CODE) or within.read(_error_code, *ERROR_CODE, *codes)
    return _first_of([(code, None), *(reason_in(values[key], depth) for key in _REASONS if key in values)])


def _first_of(found: list[Reason]) -> Reason:
    return next((code for code, _ in found if code), None), next((said for _, said in found if said), None)


def _error_code(value: Json) -> str | None:
    """Return a code, unless it means that there is no error."""
    said = word(value)
    return None if said is None or whole_number(value) in _NO_ERROR or _IS_FINE.fullmatch(said) else said


def _is_empty(value: Json) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return all(map(_is_empty, value)) if isinstance(value, list) else is_blank(value)


def _says_no_more(value: Json) -> bool:
    """Return whether a value has nothing but code and message."""
    if isinstance(value, dict):
        return _ALL_IN_ERROR.issuperset(value)
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)

"""A record as it came, field by field, into a `Record`.

Names without a remark are those of the API's page; every other name or form is marked with where it is met.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from taskdash.api.body import MAX_UNWRAPS, unwrapped
from taskdash.api.result_urls import RECORD_KEYS, result_in, result_urls
from taskdash.api.values import Fields, cost, is_blank, text, timestamp_ms, word
from taskdash.domain.task import Json, Record, State, json_text
from taskdash.domain.untrusted import inert, inert_json, inert_line

Reason: TypeAlias = tuple[str | None, str | None]
"""Code and message of a failure."""

UNKNOWN_STATE: Final = "unknown"
"""Stands for a state that is missing, null, or no word at all; the value itself is then in `extra`."""

_MAX_STATE_CHARS: Final = 64
_MAX_NUMBER_CHARS: Final = 32
# The API's page has `success` and `fail` ("failed or was canceled"); the other words are those of kie.ai, OpenAI,
# Replicate, fal, Kling, ModelScope, DashScope, Midjourney proxies and gateways to them. All others, known or not, are
# unfinished: to call a task finished that is not would stop its checks.
_SUCCESS_WORDS: Final = "success succeed succeeded complete completed done finished"
_FAIL_WORDS: Final = (
    "fail failed failure error errored cancel canceled cancelled aborted rejected expired timeout timedout"
)
_FINISHED: Final = dict.fromkeys(_SUCCESS_WORDS.split(), State.SUCCESS) | dict.fromkeys(
    _FAIL_WORDS.split(), State.FAIL
)
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
# `status` stands for `state` in answers without an envelope.
STATE_KEYS: Final = ("state", "status", "taskStatus")
TASK_ID_KEYS: Final = ("taskId", "task_id")
_PARAM_KEYS: Final = ("param", "paramJson", "generateParam")
_EMPTY_RESULTS: Final[list[Json]] = [None, "", "{}", "[]", {}, []]
_CODE_KEYS: Final = ("failCode", "fail_code", "errorCode")
# From "message" on the names are no error's own: they count in a failed record only, and within an error.
_REASON_KEYS: Final = (
    *("failMsg", "fail_msg", "errorMessage", "failReason", "error", "errors"),
    *("message", "msg", "detail", "reason"),
)
_MAX_REASONS: Final = 8
_IS_FINE = re.compile(
    r"\W*(?:(?:query|get|request|operation|task|record|info|details?|is|was|fetched|retrieved)\W+)*"
    r"(?:success(?:ful|fully)?|succeed(?:ed)?|ok|okay|[\u4e00-\u9fff]*成功)\W*",
    re.IGNORECASE,
)
"""What is said of a request that was answered, and is no reason why a task failed."""
_PROMPT_KEYS: Final = ("prompt", "positivePrompt", "positive_prompt", "text", "description")
RECORD_FIELDS: Final = frozenset(
    [
        *(*TASK_ID_KEYS, *_PARAM_KEYS, *RECORD_KEYS, "model", "failCode", "failMsg", "input", "progress"),
        *("costTime", "completeTime", "createTime", "updateTime", "created_at", "completed_at"),
        "creditsConsumed",
    ]
)
"""Fields that only a record has: what an error's `data` or a stranger's JSON is told from a record by."""


def state_of(raw_state: str | None) -> State:
    """Return where a task stands by the API's word for it, in any case: `timed out`, `TIMED_OUT`, `timedOut`."""
    return _FINISHED.get(_BETWEEN_WORDS.sub("", raw_state or "").lower(), State.WAITING)


def state_word(value: Json) -> str | None:
    """Return the API's word as it is shown: inert, on one short line."""
    found = word(value)
    return inert_line(found, _MAX_STATE_CHARS) if found else None


def record_of(wire: dict[str, Json], around: Reason = (None, None)) -> Record:
    """Return what a record says.

    A field that makes no sense is None here and stays in `extra` under its own name.

    Args:
        wire: as it came.
        around: code and message of the envelope, where they may be those of the failure.
    """
    fields = Fields(wire)
    raw_state = fields.read(state_word, *STATE_KEYS) or UNKNOWN_STATE
    state = state_of(raw_state)
    param = _param(fields)
    fail_code, fail_msg = _failure(fields, state, around)
    create_ms = fields.read(timestamp_ms, "createTime", "create_time", "created_at")
    complete_ms = fields.read(timestamp_ms, "completeTime", "complete_time", "completed_at")
    urls = result_urls(wire)
    fields.understood(*_keys_with_urls(wire, urls))
    return Record(
        task_id=fields.read(_id_word, *TASK_ID_KEYS),
        state=state,
        raw_state=raw_state,
        model=fields.read(word, "model") or _model_in(param),
        param=inert_json(param),
        prompt=_prompt_in(param) or fields.read(_prompt, "prompt"),
        result_urls=urls,
        fail_code=fail_code,
        fail_msg=fail_msg,
        cost_time_ms=_cost_ms(fields, state, create_ms, complete_ms),
        complete_time_ms=complete_ms,
        create_time_ms=create_ms,
        progress=fields.read(_number_word, "progress"),
        # 0 is a statement, not a gap: nothing was charged (kie.ai-like gateways).
        credits_consumed=fields.read(_number_word, "creditsConsumed", "credits_consumed"),
        extra=_extra(fields),
    )


def _keys_with_urls(wire: dict[str, Json], urls: tuple[str, ...]) -> list[str]:
    """Return the fields that gave `urls`; a result without links, as a text is, stays to be shown."""
    given = [key for key in RECORD_KEYS if not is_blank(wire.get(key))]
    if not urls or len(given) == 1:
        return given if urls else []
    return [key for key in given if result_urls({key: wire[key]})]


def request_in(wire: dict[str, Json]) -> Json:
    """Return the `createTask` request that a record echoes, as it was sent: hostile texts and all."""
    return _param(Fields(wire))


def _id_word(value: Json) -> str | None:
    return word(value) if isinstance(value, str) else None


def _number_word(value: Json) -> str | None:
    found = word(value)
    return inert_line(found, _MAX_NUMBER_CHARS) if found else None


def _extra(fields: Fields) -> dict[str, Json]:
    """Return the rest without empty results: "", "{}" and {} say no more than null (kie.ai-like gateways)."""
    rest = fields.rest()
    return {key: value for key, value in rest.items() if not (key in RECORD_KEYS and value in _EMPTY_RESULTS)}


def _failure(fields: Fields, state: State, around: Reason) -> Reason:
    """Return code and message of a failure, each from the first that has one.

    First the record's own fields: `failMsg`, which is a text by the API's page and may be an object or a list at
    kie.ai-like gateways, then `error`, which has both in answers without an envelope. Only of a failed task: what else
    in the record speaks, then the error in its result, then what stands around the record.
    """
    has_failed = state is State.FAIL
    keys = _REASON_KEYS if has_failed else _REASON_KEYS[: _REASON_KEYS.index("message")]
    found: list[Reason] = [(fields.read(word, *_CODE_KEYS), None)]
    for key in keys:
        value = fields.get(key)
        code, message = _reason(value)
        is_taken = message is not None and all(said is None for _, said in found)
        if is_blank(value) or (is_taken and _says_no_more(value)):
            fields.understood(key)
        found.append((code, message))
    if has_failed:
        results = [result_in(fields.get(key)) for key in RECORD_KEYS]
        found += [_reason_among(part, (*_CODE_KEYS, "code")) for part in results if isinstance(part, dict)]
        found.append(around)
    return _first_of(found)


def _first_of(found: list[Reason]) -> Reason:
    """Return the first code and the first message, whoever has them."""
    return next((code for code, _ in found if code), None), next((said for _, said in found if said), None)


def _reason(value: Json, depth: int = MAX_UNWRAPS) -> Reason:
    """Return code and message of an error in any form; of an object with neither, the whole as JSON."""
    value = unwrapped(value)
    if isinstance(value, list) and depth:
        found: list[Reason] = [_reason(item, depth - 1) for item in value[:_MAX_REASONS]]
        return _first_of(found)[0], inert("; ".join(said for _, said in found if said)) or None
    if isinstance(value, dict) and depth:
        found_in_it = _reason_among(value, (*_CODE_KEYS, "code", "type"), depth - 1)
        if any(found_in_it):
            return found_in_it
    if isinstance(value, list | dict):
        value = inert_json(value)
        return None, None if _is_empty(value) else inert(json_text(value))
    said = text(value)
    return None, None if said and _IS_FINE.fullmatch(said) else said


def _reason_among(values: dict[str, Json], code_keys: tuple[str, ...], depth: int = MAX_UNWRAPS) -> Reason:
    code = Fields(values).read(word, *code_keys)
    return _first_of([(code, None), *(_reason(values.get(key), depth) for key in _REASON_KEYS)])


def reason_in(value: Json) -> str | None:
    """Return the words in a text or an error object that may say why a task failed."""
    return _reason(value)[1]


def _is_empty(value: Json) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return all(map(_is_empty, value)) if isinstance(value, list) else is_blank(value)


def _says_no_more(value: Json) -> bool:
    """Tell whether code and message are all that there is in a value."""
    if isinstance(value, dict):
        return {*_CODE_KEYS, *_REASON_KEYS, "code", "type"}.issuperset(value)
    return not isinstance(value, list) or all(isinstance(item, str) for item in value)


def _cost_ms(fields: Fields, state: State, create_ms: int | None, complete_ms: int | None) -> int | None:
    """Return how long the task took.

    Milliseconds by the API's page, where a failed task has null and no `completeTime` either. At kie.ai-like
    gateways some models give seconds (8 for a 10 s task, 12.5), a failure may have 0 for "none", and null or
    nothing stands for complete - create.
    """
    both = create_ms is not None and complete_ms is not None and complete_ms >= create_ms
    elapsed_ms = (
        complete_ms - create_ms if both and complete_ms is not None and create_ms is not None else None
    )
    given = fields.read(cost, "costTime", "cost_time")
    if given is None:
        return elapsed_ms
    if given == 0 and state is not State.SUCCESS:
        return None
    # The tenth more is for gateways that count from when they took the request, not from createTime.
    if elapsed_ms is not None and given < 1000 and given * 1000 <= elapsed_ms * 1.1:
        return round(given * 1000)
    return round(given)


def _param(fields: Fields) -> Json:
    """Return the `createTask` request: an object, or the text where it is no JSON.

    JSON text of the whole request by the API's page; an object at some gateways, and `input` in it may be
    JSON text once more. Answers without an envelope may have the `input` alone.
    """
    found = unwrapped(fields.take(*_PARAM_KEYS))
    if found is None and isinstance(fields.get("input"), str | dict):
        found = {"input": unwrapped(fields.take("input"))}
    if isinstance(found, dict) and isinstance(found.get("input"), str):
        found = {**found, "input": unwrapped(found["input"])}
    return found


def _model_in(param: Json) -> str | None:
    return word(param.get("model")) if isinstance(param, dict) else None


def _prompt_in(param: Json) -> str | None:
    """Return the prompt at `input.prompt`, beside `input`, or as the whole `input`. To have none is legal."""
    if isinstance(param, list):
        param = param[0] if param else None
    if not isinstance(param, dict):
        return None
    inner = param.get("input")
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    for place in (inner, param):
        if isinstance(place, dict):
            for key in _PROMPT_KEYS:
                found = _prompt(place.get(key))
                if found:
                    return found
    return _prompt(inner)


def _prompt(value: Json) -> str | None:
    """Return a text, or several of a list; nothing else is a prompt."""
    if isinstance(value, list):
        value = "\n".join(item for item in value if isinstance(item, str))
    return inert(value) if isinstance(value, str) and value.strip() else None

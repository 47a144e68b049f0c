"""A record as it came, field by field, into a `Record`.

Names without a remark are those of the API's page; every other name or form is marked with where it is met.
"""

from __future__ import annotations

import re
from typing import Final

from taskdash.api.body import unwrapped
from taskdash.api.result_urls import RECORD_KEYS, result_urls
from taskdash.api.values import Fields, cost, is_blank, text, timestamp_ms, word
from taskdash.domain.task import Json, Record, State
from taskdash.domain.untrusted import inert, inert_json, inert_line

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
    """The API's word as it is shown: inert, on one short line."""
    found = word(value)
    return inert_line(found, _MAX_STATE_CHARS) if found else None


def record_of(wire: dict[str, Json]) -> Record:
    """Return what a record says.

    A field that makes no sense is None here and stays in `extra` under its own name.
    """
    fields = Fields(wire)
    raw_state = fields.read(state_word, *STATE_KEYS) or UNKNOWN_STATE
    state = state_of(raw_state)
    param = _param(fields)
    fail_code, fail_msg = _failure(fields)
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
    """The fields that gave `urls`; a result without links, as a text is, stays to be shown."""
    given = [key for key in RECORD_KEYS if not is_blank(wire.get(key))]
    if not urls or len(given) == 1:
        return given if urls else []
    return [key for key in given if result_urls({key: wire[key]})]


def request_in(wire: dict[str, Json]) -> Json:
    """The `createTask` request that a record echoes, as it was sent: hostile texts and all."""
    return _param(Fields(wire))


def _id_word(value: Json) -> str | None:
    return word(value) if isinstance(value, str) else None


def _number_word(value: Json) -> str | None:
    found = word(value)
    return inert_line(found, _MAX_NUMBER_CHARS) if found else None


def _extra(fields: Fields) -> dict[str, Json]:
    """The rest without empty results: "", "{}" and {} say no more than null (kie.ai-like gateways)."""
    rest = fields.rest()
    return {key: value for key, value in rest.items() if not (key in RECORD_KEYS and value in _EMPTY_RESULTS)}


def _failure(fields: Fields) -> tuple[str | None, str | None]:
    """Code and message: two fields, or one `error` of both (or a mere text) in answers without an envelope.

    `failCode` is a string by the API's page, and also an integer, "" or null at kie.ai-like gateways.
    """
    code = fields.read(word, "failCode", "fail_code", "errorCode")
    message = fields.read(text, "failMsg", "fail_msg", "errorMessage")
    error = fields.get("error")
    if isinstance(error, dict):
        inner = Fields(error)
        code = code or inner.read(word, "code", "type")
        message = message or inner.read(text, "message", "msg")
        if not inner.rest():
            fields.understood("error")
        return code, message
    return code, message or fields.read(text, "error")


def _cost_ms(fields: Fields, state: State, create_ms: int | None, complete_ms: int | None) -> int | None:
    """How long the task took.

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
    """The `createTask` request: an object, or the text where it is no JSON.

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
    """The prompt at `input.prompt`, beside `input`, or as the whole `input`. To have none is legal."""
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
    """A text, or several as a list; nothing else is a prompt."""
    if isinstance(value, list):
        value = "\n".join(item for item in value if isinstance(item, str))
    return inert(value) if isinstance(value, str) and value.strip() else None

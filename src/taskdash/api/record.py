"""Converts a record as received, field by field, into a `Record`. The field names are in `names`."""

from __future__ import annotations

import re
from typing import Final

from taskdash.api import names
from taskdash.api.body import unwrapped
from taskdash.api.result_urls import (
    LAST_KEYS,
    RECORD_KEYS,
    is_purged,
    links_end_ms,
    result_parts,
    result_urls,
)
from taskdash.api.states import UNKNOWN_STATE, Reason, Standing, failure_of, standing_in
from taskdash.api.values import Fields, amount, cost, is_blank, timestamp_ms, word
from taskdash.domain.record import Record
from taskdash.domain.task import Json, State
from taskdash.domain.untrusted import inert, inert_json, inert_line

_MAX_NUMBER_CHARS: Final = 32
_EMPTY_RESULTS: Final[list[Json]] = [None, "", "{}", "[]", {}, []]
_SHARE = re.compile(r"0?\.[0-9]{1,4}|[01]\.[0-9]{1,4}")
RECORD_FIELDS: Final = frozenset(
    [
        *(*names.TASK_ID, *names.PARAM, *RECORD_KEYS, "model", "failCode", "failMsg", "input", "progress"),
        "file_id",
        *(*names.COST, *names.CREATED, *names.ENDED, *names.UPDATED, *names.CREDITS),
    ]
).difference(("created", "completed", "credits", "cost"))
"""Fields that only a record has, unlike an error's `data` or unrelated JSON."""


def record_of(wire: dict[str, Json], around: Reason = (None, None)) -> Record:
    """Convert a record; `around` is the envelope's code and message, which may be those of the failure.

    A field whose value makes no sense is None and stays in `extra` under its own name.
    """
    fields = Fields(wire)
    standing = standing_in(wire) or Standing(State.WAITING, UNKNOWN_STATE, ())
    fields.understood(*standing.keys, *(key for key in names.STATE if is_blank(wire.get(key))))
    state = standing.state
    param = _param(fields)
    fail_code, fail_msg = failure_of(fields, state, around)
    create_ms = fields.read(timestamp_ms, *names.CREATED)
    complete_ms = fields.read(timestamp_ms, *names.ENDED)
    if complete_ms is None and state.finished:
        complete_ms = fields.read(timestamp_ms, *names.UPDATED)
    parts = result_parts(wire)
    urls = result_urls(wire, parts)
    fields.understood(*_keys_with_urls(wire, parts, urls))
    credits_consumed = fields.read(_number_word, *names.CREDITS) or _credits_in_usage(fields)
    return Record(
        task_id=fields.read(_id_word, *names.TASK_ID, names.OWN_ID[0]),
        state=state,
        raw_state=standing.word,
        model=fields.read(word, *names.MODEL)
        or (word(param.get("model")) if isinstance(param, dict) else None),
        param=inert_json(param),
        prompt=_prompt_in(param) or fields.read(_prompt, *names.PROMPT),
        result_urls=urls,
        fail_code=fail_code,
        fail_msg=fail_msg,
        cost_time_ms=_cost_ms(fields, state, create_ms, complete_ms),
        complete_time_ms=complete_ms,
        create_time_ms=create_ms,
        progress=fields.read(_progress, *names.PROGRESS),
        credits_consumed=credits_consumed,
        # 0 is a statement, not a gap: nothing was charged (kie.ai-like gateways).
        credits=amount(credits_consumed),
        result_expires_at_ms=links_end_ms(wire, parts, urls, complete_ms),
        purged=is_purged(wire),
        extra=_extra(fields),
    )


def _keys_with_urls(wire: dict[str, Json], parts: dict[str, Json], urls: tuple[str, ...]) -> list[str]:
    """Return the fields that `urls` come from; a result without links, such as text, stays in `extra`."""
    if not urls:
        return []
    given = [key for key in parts if not is_blank(wire[key])]
    if len(given) == 1:
        return given
    found = [key for key in given if result_urls({key: wire[key]}, {key: parts[key]})]
    return [key for key in found if key not in LAST_KEYS] or found


def _credits_in_usage(fields: Fields) -> str | None:
    usage = fields.get(names.USAGE)
    return Fields(usage).read(_number_word, *names.CREDITS_IN_USAGE) if isinstance(usage, dict) else None


def _progress(value: Json) -> str | None:
    """Return 0 to 100 as text; some gateways send a fraction as text with a point (4o: "0.50")."""
    if isinstance(value, str) and _SHARE.fullmatch(value.strip()):
        return f"{min(float(value), 1.0) * 100:g}"
    return _number_word(value)


def request_in(wire: dict[str, Json]) -> Json:
    """Return the `createTask` request that a record echoes, exactly as sent, not made inert."""
    return _param(Fields(wire))


def _id_word(value: Json) -> str | None:
    return word(value) if isinstance(value, str) else None


def _number_word(value: Json) -> str | None:
    found = word(value)
    return inert_line(found, _MAX_NUMBER_CHARS) if found else None


def _extra(fields: Fields) -> dict[str, Json]:
    """Return the remaining fields without empty results: "", "{}" and {} mean null (kie.ai-like gateways)."""
    rest = fields.rest()
    return {key: value for key, value in rest.items() if not (key in RECORD_KEYS and value in _EMPTY_RESULTS)}


def _cost_ms(fields: Fields, state: State, create_ms: int | None, complete_ms: int | None) -> int | None:
    """Return how long the task took, in milliseconds.

    That is the unit on the API's page, where a failed task has null and no `completeTime` either. At kie.ai-like
    gateways some models report seconds (8 for a 10 s task, 12.5), a failure may have 0 for "none", and null or
    a missing field means complete - create.
    """
    elapsed_ms = None if create_ms is None or complete_ms is None else complete_ms - create_ms
    if elapsed_ms is not None and elapsed_ms < 0:
        elapsed_ms = None
    given = fields.read(cost, *names.COST)
    if given is None:
        return elapsed_ms
    if given == 0 and state is not State.SUCCESS:
        return None
    # The extra tenth is for gateways that count from when they accepted the request, not from createTime.
    if elapsed_ms is not None and given < 1000 and given * 1000 <= elapsed_ms * 1.1:
        return round(given * 1000)
    return round(given)


def _param(fields: Fields) -> Json:
    """Return the `createTask` request as an object, or as text if it is not JSON.

    On the API's page it is JSON text of the whole request; some gateways send an object, and its `input` may
    again be JSON text. Answers without an envelope may have only the `input`.
    """
    found = unwrapped(fields.take(*names.PARAM))
    if found is None and isinstance(fields.get("input"), str | dict):
        found = {"input": unwrapped(fields.take("input"))}
    if isinstance(found, dict) and isinstance(found.get("input"), str):
        found = {**found, "input": unwrapped(found["input"])}
    return found


def _prompt_in(param: Json) -> str | None:
    """Return the prompt at `input.prompt`, next to `input`, or as the whole `input`. It may be missing."""
    param = _first_item(param)
    if not isinstance(param, dict):
        return None
    inner = _first_item(param.get("input"))
    places = [place for place in (inner, param) if isinstance(place, dict)]
    found = (_prompt(place.get(key)) for place in places for key in names.PROMPT_IN_PARAM)
    return next(filter(None, found), None) or _prompt(inner)


def _first_item(value: Json) -> Json:
    return next(iter(value), None) if isinstance(value, list) else value


def _prompt(value: Json) -> str | None:
    """Return a string, or the strings of a list joined by newlines; nothing else is a prompt."""
    if isinstance(value, list):
        value = "\n".join(item for item in value if isinstance(item, str))
    return inert(value) if isinstance(value, str) and value.strip() else None

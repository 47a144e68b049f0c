"""Rebuilds the `createTask` request that a record echoes, for a script to send again.

taskdash itself never sends one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from taskdash.api.record import request_in
from taskdash.api.values import Fields, UnreadableError, json_document
from taskdash.api.wire import envelope_of
from taskdash.domain.gateways import RECORD_PATH, family_of
from taskdash.domain.untrusted import CUT_MARK

if TYPE_CHECKING:
    from taskdash.domain.task import Json, TaskDetail

# The keys of a `createTask` request that are not inputs; any other key at the top level is one.
_NOT_INPUTS: Final = ("model", "input", "callBackUrl", "callbackUrl")


class NoRequestError(Exception):
    """Says why the request of a task cannot be rebuilt."""


def request_again(detail: TaskDetail) -> dict[str, Json]:
    """Return a `createTask` body that repeats the request of a task.

    Raises NoRequestError if that is not known.
    """
    task = detail.task
    if task.record_path not in (None, RECORD_PATH):
        raise NoRequestError(f"tasks of {family_of(task.record_path)} are not made by createTask")
    if not detail.raw and detail.param is None:
        raise NoRequestError("no record yet")
    try:
        # An imported list has no bodies, only the inert param.
        param = echoed_request(detail.raw, task.task_id) if detail.raw else whole(detail.param)
        return create_body(param, task.model)
    except RecursionError:
        raise NoRequestError("its param is nested too deeply") from None


def echoed_request(body: bytes, task_id: str) -> Json:
    """Return the `createTask` request in the body of an answer, unchanged, so that it can be sent again.

    The param in a `Record` is made inert and cut (`api.record`), which would change a very long prompt or one with
    joined emoji, so this reads the stored body. Return None if there is no request, or the body cannot be read.
    """
    try:
        record = envelope_of(json_document(body.decode("utf-8-sig", "replace")), task_id).record
    except UnreadableError:
        return None
    return request_in(Fields(record)) if record is not None else None


def create_body(param: Json, model: str | None) -> dict[str, Json]:
    """Return a `createTask` body for a request as the record echoes it.

    On the API's page the echo is complete; older gateways leave out `model`, or `input` with the inputs at the top.
    Raises NoRequestError if something is missing.
    """
    if not isinstance(param, dict) or not param:
        raise NoRequestError("no param in its record" if not param else "its param is not a JSON object")
    named = param.get("model") or model
    if not isinstance(named, str):
        raise NoRequestError("its model is unknown")
    if "input" in param:
        rest = {key: value for key, value in param.items() if key != "model"}
    else:
        rest = {"input": {key: value for key, value in param.items() if key not in _NOT_INPUTS}}
        rest |= {key: value for key, value in param.items() if key in _NOT_INPUTS and key != "model"}
    if not rest["input"]:
        raise NoRequestError("its param has no inputs")
    return {"model": named, **rest}


def whole(param: Json) -> Json:
    """Return a request that was stored inert, without its body; raise NoRequestError if a text in it was cut."""
    if CUT_MARK in json.dumps(param, ensure_ascii=False):
        raise NoRequestError("its inputs were too long to be kept whole")
    return param

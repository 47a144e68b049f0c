"""The `createTask` request that a record echoes: what a script sends to ask for the same once more.

taskdash itself never sends one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from taskdash.api.body import UnreadableError, json_document
from taskdash.api.envelope import envelope_of
from taskdash.api.record import request_in
from taskdash.domain.record_paths import RECORD_PATH, family_of
from taskdash.domain.untrusted import CUT_MARK

if TYPE_CHECKING:
    from taskdash.domain.task import Json, TaskDetail

# Beside the inputs in a `createTask` request; anything else at its top is an input.
_NOT_INPUTS: Final = ("model", "input", "callBackUrl", "callbackUrl")


class NoRequestError(Exception):
    """No request can be made of what is known of a task; the message says why."""


def request_again(detail: TaskDetail) -> dict[str, Json]:
    """Return the body that asks `createTask` for what a task was asked for once more.

    Raises NoRequestError where that is not known.
    """
    task = detail.task
    if task.record_path not in (None, RECORD_PATH):
        raise NoRequestError(f"tasks of {family_of(task.record_path)} are not made by createTask")
    if not detail.raw and detail.param is None:
        raise NoRequestError("no record yet")
    try:
        # A list that was imported has no bodies, only what was shown of them.
        param = echoed_request(detail.raw, task.task_id) if detail.raw else whole(detail.param)
        return create_body(param, task.model)
    except RecursionError:
        raise NoRequestError("its param is nested too deeply") from None


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


def create_body(param: Json, model: str | None) -> dict[str, Json]:
    """Return the body that asks for the same once more, for the first request as the record echoes it.

    It is whole by the API's page; older gateways leave `model` or `input` out, and have the inputs beside each other.
    Raises NoRequestError where something is missing.
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


def callback_of(body: dict[str, Json]) -> str | None:
    """Return the URL that is told when the new task ends, where the first request named one."""
    found = body.get("callBackUrl") or body.get("callbackUrl")
    return found if isinstance(found, str) else None


def whole(param: Json) -> Json:
    """Return a request that was kept inert, for want of the body it came in; refuse one of which a text was cut."""
    if CUT_MARK in json.dumps(param, ensure_ascii=False):
        raise NoRequestError("its inputs were too long to be kept whole")
    return param

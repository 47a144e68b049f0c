"""A task as JSON: one set of fields for `list`, `show`, `wait`, `export` and the user's own commands.

The API's names and units come first, then ours. All texts are inert already, so this only arranges them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskdash.domain.task import Json, TaskDetail

FIELDS: Final = (
    "taskId",
    "model",
    "state",
    "rawState",
    "param",
    "resultUrls",
    "failCode",
    "failMsg",
    "costTime",
    "completeTime",
    "createTime",
    "profile",
    "label",
    "note",
    "addedAt",
    "checkedAt",
    "problem",
    "saved",
)
RAW: Final = "raw"
CSV_FIELDS: Final = (*FIELDS, "prompt", "progress", "creditsConsumed", "extra", "savedFiles")
"""What another list needs to show a task as this one does, but for the body as it was sent."""


MAX_VALUE_BYTES: Final = 32_768
"""Linux starts no program with a variable of 128 KiB or more; what is longer stands whole in the JSON."""
VARIABLES: Final = (
    "TASKDASH_TASK_ID",
    "TASKDASH_STATE",
    "TASKDASH_RAW_STATE",
    "TASKDASH_PROFILE",
    "TASKDASH_MODEL",
    "TASKDASH_LABEL",
    "TASKDASH_NOTE",
    "TASKDASH_PROMPT",
    "TASKDASH_RESULT_URLS",
    "TASKDASH_COST_TIME_MS",
    "TASKDASH_CREATE_TIME_MS",
    "TASKDASH_COMPLETE_TIME_MS",
    "TASKDASH_FAIL_CODE",
    "TASKDASH_FAIL_MSG",
)


def task_json(detail: TaskDetail) -> dict[str, Json]:
    """Return the fields of a task in their order. Times are Unix ms, `costTime` ms; what is not known is null."""
    task = detail.task
    problem: Json = None
    if task.problem is not None:
        problem = {
            "kind": task.problem.kind.value,
            "message": task.problem.message,
            "since": task.problem.since_ms,
        }
    return {
        "taskId": task.task_id,
        "model": task.model,
        "state": task.state.value,
        "rawState": task.raw_state,
        "param": detail.param,
        "resultUrls": list(detail.result_urls),
        "failCode": task.fail_code,
        "failMsg": task.fail_msg,
        "costTime": task.cost_time_ms,
        "completeTime": task.complete_time_ms,
        "createTime": task.create_time_ms,
        "profile": task.profile,
        "label": task.label,
        "note": task.note,
        "addedAt": task.added_at_ms,
        "checkedAt": task.checked_at_ms,
        "problem": problem,
        "saved": [saved.path for saved in detail.saved],
    }


def saved_json(detail: TaskDetail) -> list[Json]:
    """Return what `saved` leaves out: which result is in which file, and how large that is."""
    files: list[Json] = []
    for saved in detail.saved:
        size: dict[str, Json] = {} if saved.size is None else {"bytes": saved.size}
        files.append({"result": saved.number, "path": saved.path, **size})
    return files


def export_json(detail: TaskDetail) -> dict[str, Json]:
    """Return a task with everything that another list needs to show it as this one does."""
    return {
        **task_json(detail),
        "prompt": detail.task.prompt,
        "progress": detail.task.progress,
        "creditsConsumed": detail.credits_consumed,
        "extra": detail.extra,
        "savedFiles": saved_json(detail),
        RAW: detail.raw.decode("utf-8", "replace") if detail.raw else None,
    }


def toml_table(values: dict[str, Json]) -> dict[str, Json]:
    """Return what `export_json` gave, as TOML can say it."""
    table: dict[str, Json] = {}
    for name, value in values.items():
        if value is None or name == RAW:
            continue
        if name in ("param", "extra") and not _fits_toml(value):
            table[f"{name}Json"] = json.dumps(value)
        else:
            table[name] = value
    return table


def _fits_toml(value: Json) -> bool:
    if isinstance(value, dict):
        return all(map(_fits_toml, value.values()))
    if isinstance(value, list):
        return all(map(_fits_toml, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return value is not None


def task_environ(detail: TaskDetail) -> dict[str, str]:
    """Return the variables of a task; what is not known is empty."""
    task = detail.task
    values: tuple[str | int | None, ...] = (
        task.task_id,
        task.state.value,
        task.raw_state,
        task.profile,
        task.model,
        task.label,
        task.note,
        task.prompt,
        "\n".join(detail.result_urls),
        task.cost_time_ms,
        task.create_time_ms,
        task.complete_time_ms,
        task.fail_code,
        task.fail_msg,
    )
    return {name: _fit(value) for name, value in zip(VARIABLES, values, strict=True)}


def _fit(value: str | int | None) -> str:
    if value is None:
        return ""
    # Inert text has neither NUL nor surrogates; a variable must not have them whatever the store's file says.
    data = str(value).replace("\0", "").encode("utf-8", "replace")
    return data[:MAX_VALUE_BYTES].decode("utf-8", "ignore")

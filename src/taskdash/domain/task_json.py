"""Converts a task to JSON, to a TOML table, and to environment variables for the user's own commands.

The API's fields come first, under its names and in its units, then ours. All texts are inert already.
"""

from __future__ import annotations

import json
from operator import attrgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskdash.domain.task import Json, TaskDetail

FIELDS: Final = (
    *("taskId", "model", "state", "rawState", "param", "resultUrls", "failCode", "failMsg"),
    *("costTime", "completeTime", "createTime"),
    *("profile", "label", "note", "addedAt", "checkedAt", "problem", "saved"),
    *("credits", "recordPath", "verdicts", "overdue"),
)
"""The fields of `list`, `show`, `wait` and the user's own commands, in their order."""
CSV_FIELDS: Final = (
    *(*FIELDS, "prompt", "progress", "creditsConsumed", "extra", "savedFiles"),
    *("resultExpiresAt", "renewedAt", "purged"),
)
"""The fields that another list needs to show a task as this one does, except for the body as it was sent."""
RAW: Final = "raw"


def json_name(attribute: str) -> str:
    """Return the JSON name of an attribute of a task: `costTime` for `cost_time_ms`."""
    first, *others = attribute.removesuffix("_ms").split("_")
    return first + "".join(map(str.capitalize, others))


def _named(*attributes: str) -> dict[str, str]:
    return {json_name(each): each for each in attributes}


LINES: Final = _named("model", "raw_state", "fail_code", "label", "progress", "record_path")
TEXTS: Final = _named("fail_msg", "note", "prompt")
TIMES: Final = _named(
    *("cost_time_ms", "complete_time_ms", "create_time_ms"),
    *("added_at_ms", "checked_at_ms", "result_expires_at_ms", "renewed_at_ms"),
)
"""The attributes of a task by the names of their fields: texts of one line, texts of more, and milliseconds."""
MAX_CREDITS: Final = 1e15
_ATTRIBUTES: Final = {
    name: attribute
    for name, attribute in {"taskId": "task_id", "profile": "profile", **LINES, **TEXTS, **TIMES}.items()
    if name in FIELDS
}
_values_of: Final = attrgetter(*_ATTRIBUTES.values())

MAX_VALUE_BYTES: Final = 32_768
"""Linux starts no program with a variable of 128 KiB or more; the JSON has longer values whole."""
_IN_ENVIRON: Final = (
    *("task_id", "state", "raw_state", "profile", "model", "label", "note", "prompt", "result_urls"),
    *("cost_time_ms", "create_time_ms", "complete_time_ms", "fail_code", "fail_msg"),
)
VARIABLES: Final = tuple(f"TASKDASH_{name.upper()}" for name in _IN_ENVIRON)


def task_json(detail: TaskDetail) -> dict[str, Json]:
    """Return the fields of a task in their order. Times are Unix ms, `costTime` ms; unknown values are null."""
    task, problem = detail.task, detail.task.problem
    values: dict[str, Json] = dict.fromkeys(FIELDS)
    values.update(zip(_ATTRIBUTES, _values_of(task), strict=True))
    values["state"] = task.state.value
    values["param"] = detail.param
    values["resultUrls"] = list(detail.result_urls)
    values["credits"] = _plain_number(task.credits)
    values["verdicts"] = [detail.verdicts.get(n) for n, _ in enumerate(detail.result_urls, 1)]
    values["overdue"] = detail.is_overdue
    values["saved"] = [saved.path for saved in detail.saved]
    if problem is not None:
        kind, message = problem.kind.value, problem.message
        values["problem"] = {"kind": kind, "message": message, "since": problem.since_ms}
    return values


def _plain_number(number: float | None) -> int | float | None:
    """Return an amount for JSON: an int if it is whole, None if it is implausible."""
    if number is None or not 0 <= number <= MAX_CREDITS:
        return None
    return int(number) if number == int(number) else round(number, 6)


def saved_json(detail: TaskDetail) -> list[Json]:
    """Return what `saved` leaves out: the number of the result in each file, and its size."""
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
        "resultExpiresAt": detail.task.result_expires_at_ms,
        "renewedAt": detail.task.renewed_at_ms,
        "purged": detail.task.purged or None,
        RAW: detail.raw.decode("utf-8", "replace") if detail.raw else None,
    }


def toml_table(values: dict[str, Json]) -> dict[str, Json]:
    """Return the result of `export_json` for TOML: nulls omitted, and values with a null in them as JSON."""
    table: dict[str, Json] = {}
    for name, value in values.items():
        says_nothing = name == "verdicts" and isinstance(value, list) and not any(value)
        if value is None or name == RAW or says_nothing:
            continue
        if _fits_toml(value):
            table[name] = value
        else:
            table[f"{name}Json"] = json.dumps(value)
    return table


def _fits_toml(value: Json) -> bool:
    if isinstance(value, dict | list):
        return all(map(_fits_toml, value.values() if isinstance(value, dict) else value))
    if isinstance(value, int) and not isinstance(value, bool):
        return abs(value) < 2**63
    return value is not None


def task_environ(detail: TaskDetail) -> dict[str, str]:
    """Return the environment variables of a task; unknown values are empty, and long ones truncated."""
    values = (
        "\n".join(detail.result_urls) if name == "result_urls" else getattr(detail.task, name)
        for name in _IN_ENVIRON
    )
    return {name: _fit(value) for name, value in zip(VARIABLES, values, strict=True)}


def _fit(value: str | int | None) -> str:
    if value is None:
        return ""
    # Inert text has neither NUL nor surrogates, but a variable must not have them even if the store is corrupt.
    data = str(value).replace("\0", "").encode("utf-8", "replace")
    return data[:MAX_VALUE_BYTES].decode("utf-8", "ignore")

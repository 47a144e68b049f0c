"""A task as JSON: one set of fields for `list`, `show`, `wait`, `export` and the user's own commands.

The API's names and units come first, then ours. All texts are inert already, so this only arranges them.
"""

from __future__ import annotations

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


def task_json(detail: TaskDetail) -> dict[str, Json]:
    """The fields of a task in their order. Times are Unix ms, `costTime` ms; what is not known is null."""
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

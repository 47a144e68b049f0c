"""A task as environment variables, for the user's own command: every value is inert text, and none is too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from taskdash.domain.task import TaskDetail

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


def task_environ(detail: TaskDetail) -> dict[str, str]:
    """The variables of a task; what is not known is empty."""
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

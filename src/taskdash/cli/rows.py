"""What `list` prints of a task: a cell for each column, or the fields that `--fields` names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from taskdash.domain.durations import NONE, duration
from taskdash.domain.errors import UsageError
from taskdash.domain.task import State
from taskdash.domain.task_json import FIELDS, TIMES, task_json
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import iso_time, state_word, waited_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from taskdash.domain.task import Json, Task, TaskDetail

HEADINGS: Final = (
    *("STATE", "TASK ID", "MODEL", "DURATION", "CREATED", "CHECKED", "LABEL", "PROMPT", "REASON", "PROBLEM"),
    "PROFILE",
)
"""The columns outside of a terminal, in an order that does not change; the last only with several profiles."""
FIELD_NAMES: Final = (*FIELDS, "prompt")
"""What `--fields` may name: the fields of the JSON, and the prompt, which `param` has somewhere inside."""
_MOMENTS: Final = frozenset(TIMES) - {"costTime"}


def cells(task: Task, now_ms: int, *, has_profile: bool) -> list[str]:
    """Return the cells of a task, one for each of `HEADINGS`, each whole."""
    problem = task.problem
    row: list[str | None] = [
        state_word(task),
        task.task_id,
        task.model,
        duration_word(task, now_ms),
        iso_time(task.create_time_ms),
        iso_time(task.checked_at_ms),
        task.label and inert_line(task.label),
        task.prompt and inert_line(task.prompt),
        reason_of(task),
        None if problem is None else f"{problem.kind.value}: {inert_line(problem.message)}",
    ]
    return [cell or NONE for cell in ([*row, task.profile] if has_profile else row)]


def duration_word(task: Task, now_ms: int) -> str:
    """Return how long a task took, or has waited so far."""
    if task.state is State.WAITING:
        return duration(waited_ms(task, now_ms))
    return duration(task.cost_time_ms, measured=True)


def reason_of(task: Task) -> str | None:
    """Return why a task failed; None where it did not, or nobody knows."""
    said = (task.fail_msg or task.fail_code) if task.state is State.FAIL else None
    return inert_line(said) if said else None


def read_fields(text: str) -> tuple[str, ...]:
    """Return the fields that a list with commas names; refuse none, and those that there are not."""
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    unknown = [name for name in names if name not in FIELD_NAMES]
    if unknown or not names:
        what = f"no field {inert_line(unknown[0], 40)!r}" if unknown else "--fields is empty"
        raise UsageError(f"{what}: use one or more of {', '.join(FIELD_NAMES)}")
    return names


def complete_fields(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return what goes on with the last field of a list with commas."""
    del context, parameter
    before, comma, begun = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in FIELD_NAMES if name.startswith(begun)]


def fields_of(detail: TaskDetail, names: Sequence[str]) -> dict[str, Json]:
    """Return the named fields of a task as the JSON has them."""
    values = {**task_json(detail), "prompt": detail.task.prompt}
    return {name: values[name] for name in names}


def field_cells(detail: TaskDetail, names: Sequence[str]) -> list[str]:
    """Return the named fields of a task, each on one line: moments as ISO 8601 has them, objects as JSON."""
    return [_cell(name, value) for name, value in fields_of(detail, names).items()]


def _cell(name: str, value: Json) -> str:
    if isinstance(value, int) and name in _MOMENTS:
        return iso_time(value)
    if isinstance(value, list | dict | bool):
        return json.dumps(value)
    return NONE if value in (None, "") else inert_line(str(value))

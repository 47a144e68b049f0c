"""Defines the core types: a task, its problem, its saved results. The API's answers are in `domain.record`.

All texts in here are inert already (`domain.untrusted`); all times are Unix milliseconds, as on the wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_VARIANT_KEYS: Final = (
    *("size", "image_size", "resolution", "aspect_ratio", "aspectRatio", "quality", "mode"),
    *("n", "num_images", "nVariants", "duration", "n_frames"),
)
"""Inputs of `createTask` that change how long a task takes, as gateways name them."""


def json_text(value: Json) -> str:
    """Return a value for people: a text as it is, anything else as JSON on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def inputs_of(param: Json) -> list[tuple[str, Json]]:
    """Return the inputs of a `createTask` request with their names, then its other fields.

    The prompt and the model are left out, as a task has attributes for them.
    """
    if not isinstance(param, dict):
        return [("request", param)] if param else []
    inputs = param.get("input")
    pairs = [(name, value) for name, value in param.items() if name != "model"]
    if isinstance(inputs, dict) and inputs:
        pairs = [*inputs.items(), *(pair for pair in pairs if pair[0] != "input")]
    return [(name, value) for name, value in pairs if name != "prompt"]


def variant_of(param: Json) -> str | None:
    """Return the inputs of a `createTask` request that change its duration, as one text; None without any.

    They are within `input`, or beside the model.
    """
    if not isinstance(param, dict):
        return None
    inner = param.get("input")
    inputs = inner if isinstance(inner, dict) else param
    parts = []
    for key in _VARIANT_KEYS:
        value = inputs.get(key)
        if isinstance(value, str | int | float) and value != "":
            parts.append(f"{key}={str(value).strip().lower()[:40]}")
    return " ".join(parts) or None


class State(StrEnum):
    """Tells the state of a task. The API's own word is kept beside it as `raw_state`."""

    NEW = "new"
    """No record of it has come yet."""
    WAITING = "waiting"
    """Unfinished, whatever the API calls it."""
    SUCCESS = "success"
    FAIL = "fail"

    @property
    def finished(self) -> bool:
        """Return whether the task has ended; it is then not checked again unless the user asks."""
        return self in (State.SUCCESS, State.FAIL)


class Verdict(StrEnum):
    """Records the user's opinion of a result; a result that has not been judged has none."""

    PICKED = "picked"
    REJECTED = "rejected"


class ProblemKind(StrEnum):
    """Names the reasons why a check brought no record."""

    NOT_FOUND = "not found"
    UNAUTHORIZED = "unauthorized"
    NO_CREDITS = "no credits"
    RATE_LIMITED = "rate limited"
    REJECTED = "rejected"
    SERVER_ERROR = "server error"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"


class FailureClass(StrEnum):
    """Names what the failure of a task is about, and so what to do next; `domain.failures` finds it."""

    CONTENT_POLICY = "content policy"
    """The prompt, an input or the result was refused: change the prompt."""
    INVALID_INPUT = "invalid input"
    """A parameter or file is wrong: correct it."""
    CREDITS = "credits"
    """Balance or quota: top up."""
    PROVIDER_ERROR = "provider error"
    """The model's backend broke or is overloaded: try again."""
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    OTHER = "other"


class Problem(NamedTuple):
    """Says why the last check failed. It is kept beside the record and never replaces it."""

    kind: ProblemKind
    message: str
    since_ms: int
    """When the current run of failures of this kind began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Describes a row of the list, as shown in the table. `TaskDetail` adds what only the detail pane shows."""

    seq: int
    """The position in the default order, ascending: last added first, and within one paste as pasted."""
    profile: str
    task_id: str
    added_at_ms: int
    state: State = State.NEW
    raw_state: str | None = None
    model: str | None = None
    prompt: str | None = None
    label: str | None = None
    note: str | None = None
    fail_code: str | None = None
    fail_msg: str | None = None
    cost_time_ms: int | None = None
    complete_time_ms: int | None = None
    create_time_ms: int | None = None
    progress: str | None = None
    result_count: int = 0
    saved_count: int = 0
    picked_count: int = 0
    rejected_count: int = 0
    checked_at_ms: int | None = None
    """When the last check was answered, with or without a record."""
    next_check_at_ms: int | None = None
    """None: never, unless the user asks."""
    problem: Problem | None = None
    variant: str | None = None
    """The inputs that affect the duration, such as "size=1024x1024 quality=high"; see `variant_of`."""
    asked_at_ms: int | None = None
    """Set while a check that the user asked for is unanswered. Later requests have greater values, even if the wall
    clock was set back in between."""
    finished_at_ms: int | None = None
    """When this list learned that the task had ended; not when it ended."""
    checks: int = 0
    misses: int = 0
    """How many checks in a row brought no record."""
    record_path: str | None = None
    """The path that has its record, as written in the config; None: not known yet."""
    path_hint: str | None = None
    """The path suggested by the text that it was added from."""
    path_misses: int = 0
    """How many answers in a row said that their path does not know it; a request by the user resets it."""
    credits: float | None = None
    result_expires_at_ms: int | None = None
    """When the first of its links expires, if the answer or a signed link says so."""
    renewed_at_ms: int | None = None
    """When an answer replaced earlier links by its current ones; None if these are the first."""
    purged: bool = False
    unseen: bool = False
    """Whether it has ended and nobody has looked at it since."""


class SavedResult(NamedTuple):
    """Tells where a result is saved as a file."""

    number: int
    """Which of the task's results, from 1."""
    path: str
    size: int | None = None
    """In bytes, when it was saved; None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetail:
    """Adds to a task the rest of its record, its saved results and verdicts."""

    task: Task
    param: Json = None
    result_urls: tuple[str, ...] = ()
    credits_consumed: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)
    saved: tuple[SavedResult, ...] = ()
    """In the order of the results."""
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    """By the number of the result, from 1."""
    raw: bytes = b""
    """The last body with a record, as it was sent."""
    is_overdue: bool = False
    """Whether, when it was read, it had waited much longer than such tasks take; set only if the reader asks for it."""

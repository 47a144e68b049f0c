"""The nouns: a task, its problem, what is saved of it. What the API says of it is in `domain.record`.

All texts in here are inert already (`domain.untrusted`); all times are Unix milliseconds, as on the wire.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_ID_CHARS: Final = 128
ID_PATTERN: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_ID_CHARS}}}")
"""Used with `fullmatch`."""


def is_task_id(text: str) -> bool:
    """Return whether `text` could be sent as a task ID at all, placeholders included."""
    return ID_PATTERN.fullmatch(text) is not None


def looks_like_option(text: str) -> bool:
    """Return whether a command would take `text` for an option: no such ID is put on a list."""
    return text.startswith("-")


def json_text(value: Json) -> str:
    """Return a value for people: a text as it is, anything else as JSON on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def inputs_of(param: Json) -> list[tuple[str, Json]]:
    """Return the inputs of a `createTask` request with their names, and what else stands beside them.

    The prompt and the model are not among them: a task has these for itself.
    """
    if not isinstance(param, dict):
        return [("request", param)] if param else []
    inputs = param.get("input")
    pairs = [(name, value) for name, value in param.items() if name != "model"]
    if isinstance(inputs, dict) and inputs:
        pairs = [*inputs.items(), *(pair for pair in pairs if pair[0] != "input")]
    return [(name, value) for name, value in pairs if name != "prompt"]


class State(StrEnum):
    """Names where a task stands. The API's own word is kept beside it as `raw_state`."""

    NEW = "new"
    """Never answered."""
    WAITING = "waiting"
    """Unfinished, whatever word the API has for it."""
    SUCCESS = "success"
    FAIL = "fail"

    @property
    def finished(self) -> bool:
        """Return whether this is an end: such a task is never checked again unless somebody asks."""
        return self in (State.SUCCESS, State.FAIL)


class Verdict(StrEnum):
    """Says what somebody thinks of a result; one that nobody has judged has none."""

    PICKED = "picked"
    REJECTED = "rejected"


class ProblemKind(StrEnum):
    """Names why a check brought no record."""

    NOT_FOUND = "not found"
    UNAUTHORIZED = "unauthorized"
    NO_CREDITS = "no credits"
    RATE_LIMITED = "rate limited"
    REJECTED = "rejected"
    SERVER_ERROR = "server error"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"


class Problem(NamedTuple):
    """The last check's failure. It stands beside the record and never replaces it."""

    kind: ProblemKind
    message: str
    since_ms: int
    """When the first of this unbroken row of failures of this kind was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One line of the list: what the table shows. What only the detail shows is in `TaskDetail`."""

    seq: int
    """Place in the default order, ascending: last added first, and within one paste as pasted."""
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
    """None: never, unless somebody asks."""
    problem: Problem | None = None
    variant: str | None = None
    """The inputs that change how long the model takes, such as "1024x1024 high"; see `record.variant_of`."""
    asked_at_ms: int | None = None
    """Set where somebody asked for a check that has not been answered yet: the later the request the greater, even
    where the wall clock was set back in between."""
    finished_at_ms: int | None = None
    """When this list learned that the task had ended; not when it ended."""
    checks: int = 0
    misses: int = 0
    """How many checks in a row brought no record."""
    record_path: str | None = None
    """The path that knew it, as the config has it; None: none did yet."""
    path_hint: str | None = None
    """The path that whoever added it told of."""
    path_misses: int = 0
    """How many answers in a row, since somebody asked, said that their path does not know it."""
    credits: float | None = None
    result_expires_at_ms: int | None = None
    """When the first of its links dies, where the answer or a signed link says so."""
    renewed_at_ms: int | None = None
    """When an answer brought other links than an earlier one; None where its links are the first."""
    purged: bool = False
    """Whether the answer says that its result was removed."""
    unseen: bool = False
    """Whether it has ended and nobody has looked at it since."""


class SavedResult(NamedTuple):
    """A result that is saved as a file."""

    number: int
    """Which of the task's results, from 1."""
    path: str
    size: int | None = None
    """In bytes, when it was saved; None where nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDetail:
    """A task with its bodies."""

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
    """Whether it waited much longer than such tasks take when it was read, as far as that was asked."""

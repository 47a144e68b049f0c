"""The nouns: a task, its record, its problem. What the API says becomes one of these in `api.wire`, once.

All texts in here are inert already (`domain.untrusted`); all times are Unix milliseconds, as on the wire.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def json_text(value: Json) -> str:
    """A value for people: a text as it is, anything else as JSON on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class State(StrEnum):
    """Where a task stands. The API's own word is kept beside it as `raw_state`."""

    NEW = "new"
    """Never answered."""
    WAITING = "waiting"
    """Unfinished, whatever word the API has for it."""
    SUCCESS = "success"
    FAIL = "fail"

    @property
    def finished(self) -> bool:
        """Whether this is an end: such a task is never checked again unless somebody asks."""
        return self in (State.SUCCESS, State.FAIL)


class ProblemKind(StrEnum):
    """Why a check brought no record."""

    NOT_FOUND = "not found"
    UNAUTHORIZED = "unauthorized"
    NO_CREDITS = "no credits"
    RATE_LIMITED = "rate limited"
    REJECTED = "rejected"
    SERVER_ERROR = "server error"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Problem:
    """The last check's failure. It stands beside the record and never replaces it."""

    kind: ProblemKind
    message: str
    since_ms: int
    """When the first of this unbroken row of failures of this kind was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The last good answer of `recordInfo` for a task. Unknown values are None, never "" or 0."""

    task_id: str | None = None
    """As the answer names it; None where it names none."""
    state: State
    raw_state: str
    """The API's own word, shown to the user as it is."""
    model: str | None = None
    param: Json = None
    """The `createTask` request, decoded (`input` too); a text that is not JSON stays a text."""
    prompt: str | None = None
    result_urls: tuple[str, ...] = ()
    """http(s) links in the order of the result's known keys, then of the document. Filled in every state, but only
    those of a `success` are final."""
    fail_code: str | None = None
    fail_msg: str | None = None
    cost_time_ms: int | None = None
    """As the answer gives it, or complete - create; see `api.wire` for when it is None."""
    complete_time_ms: int | None = None
    create_time_ms: int | None = None
    progress: str | None = None
    """0 to 100 as text, where a gateway reports it."""
    credits_consumed: str | None = None
    extra: dict[str, Json] = field(default_factory=dict)
    """Every field of the record that has no place above, decoded and inert; and each known field whose value made
    no sense, under its own name: `createTime` in here is shown as `?`, missing from here and above as `–`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """What a 429 says of the key's limits in its body or its Retry-After header; None where it does not say."""

    retry_after_s: float
    """Clamped to 1..3600."""
    limit: int | None = None
    """Checks allowed in `window_s`."""
    tier: str | None = None
    window_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The outcome of one check: a record, or why there is none."""

    record: Record | None = None
    problem: ProblemKind | None = None
    message: str = ""
    """For people; set with `problem`, or to report an oddity beside a record."""
    raw: bytes = b""
    """The body as it was sent; kept only with a record."""
    throttle: Throttle | None = None
    is_lost: bool = False
    """Whether the gateway closed a kept connection just as the check crossed, which is no fault of anybody's: it is
    sent once more, at once. The gateway may have counted the first one."""


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
    """How many of the results were saved."""
    checked_at_ms: int | None = None
    """When the last check was answered, with or without a record."""
    next_check_at_ms: int | None = None
    """None: never, unless somebody asks."""
    problem: Problem | None = None
    variant: str | None = None
    """The inputs that change how long the model takes, such as "1024x1024 high"; see `domain.durations`."""
    asked_at_ms: int | None = None
    """Set where somebody asked for a check that has not been answered yet: the later the request the greater, even
    where the wall clock was set back in between."""
    finished_at_ms: int | None = None
    """When this list learned that the task had ended; not when it ended."""
    checks: int = 0
    """How often it was checked."""
    misses: int = 0
    """How many checks in a row brought no record."""


@dataclass(frozen=True, slots=True)
class SavedResult:
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
    raw: bytes = b""
    """The last body with a record, as it was sent."""

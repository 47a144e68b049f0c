"""The nouns: a task, its record, its problem, and what one check makes of a task.

What the API says becomes one of these in `api.wire`, once. All texts in here are inert already (`domain.untrusted`);
all times are Unix milliseconds, as on the wire.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from taskdash.domain.record_paths import RecordPaths

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

MAX_ID_CHARS: Final = 128
ID_PATTERN: Final = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_ID_CHARS}}}")
"""Used with `fullmatch`."""
_ONE_PATH: Final = RecordPaths()
_VARIANT_KEYS: Final = (
    *("size", "image_size", "resolution", "aspect_ratio", "aspectRatio", "quality", "mode"),
    *("n", "num_images", "nVariants", "duration", "n_frames"),
)
"""Inputs of `createTask` that change how long a task takes, as gateways name them."""


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


def variant_of(param: Json) -> str | None:
    """Return the inputs of a `createTask` request that change its duration, as one text; None without any.

    They stand beneath `input` or beside the model.
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
    """Where a task stands. The API's own word is kept beside it as `raw_state`."""

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
    """What somebody thinks of a result; one that nobody has judged has none."""

    PICKED = "picked"
    REJECTED = "rejected"


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
    credits: float | None = None
    """The same as a number. 0 is a statement: nothing was charged."""
    result_expires_at_ms: int | None = None
    """When the first of the result links dies, where the answer or a signed link says so."""
    purged: bool = False
    """Whether the answer says that the result was removed, so that no link will come."""
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
    is_bare_404: bool = False
    """Whether it is a 404 that speaks of no task: the path may not be there at all."""
    is_lost: bool = False
    """Whether the gateway closed a kept connection just as the check crossed, which is no fault of anybody's: it is
    sent once more, at once. The gateway may have counted the first one."""

    @property
    def knows_no_task(self) -> bool:
        """Return whether it says that there is no such task."""
        return self.problem is ProblemKind.NOT_FOUND

    @property
    def refuses_task(self) -> bool:
        """Return whether it says that the task, or its ID, is none to ask for here."""
        return self.problem is ProblemKind.REJECTED

    @property
    def is_fault(self) -> bool:
        """Return whether it says nothing of a task, but that something went wrong, or a key is not taken."""
        return self.problem in (ProblemKind.SERVER_ERROR, ProblemKind.UNREADABLE, ProblemKind.UNAUTHORIZED)


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
    picked_count: int = 0
    rejected_count: int = 0
    """How many of them have which verdict."""
    checked_at_ms: int | None = None
    """When the last check was answered, with or without a record."""
    next_check_at_ms: int | None = None
    """None: never, unless somebody asks."""
    problem: Problem | None = None
    variant: str | None = None
    """The inputs that change how long the model takes, such as "1024x1024 high"; see `variant_of`."""
    asked_at_ms: int | None = None
    """Set where somebody asked for a check that has not been answered yet: the later the request the greater, even
    where the wall clock was set back in between."""
    finished_at_ms: int | None = None
    """When this list learned that the task had ended; not when it ended."""
    checks: int = 0
    """How often it was checked."""
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
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    """By the number of the result, from 1."""
    raw: bytes = b""
    """The last body with a record, as it was sent."""
    is_overdue: bool = False
    """Whether it waited much longer than such tasks take when it was read, as far as that was asked."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A check that was answered: the task as it is now, and the answer where its record was taken over."""

    before: Task
    task: Task
    record: Record | None
    """The record to keep; None where the task keeps the one it has."""
    raw: bytes

    @property
    def finished(self) -> bool:
        """Return whether the task came to its end with this check."""
        return self.task.state.finished and not self.before.state.finished

    @property
    def changed(self) -> bool:
        """Return whether there is something to tell: another state, another word for it, another kind of problem."""
        return (self.before.state, self.before.raw_state, _kind(self.before)) != (
            self.task.state,
            self.task.raw_state,
            _kind(self.task),
        )


def apply_answer(task: Task, answer: Answer, now_ms: int, paths: RecordPaths = _ONE_PATH) -> Outcome:
    """Return what `answer`, arrived at `now_ms`, makes of `task`, which was asked for under the next of `paths`.

    A problem stands beside the record and never replaces it. `success` and `fail` are final: a gateway that later
    says otherwise is reported as a problem and not believed. "Not found" is said once all paths were asked, and until
    then a request is not answered.
    """
    checked = replace(task, checked_at_ms=now_ms, checks=task.checks + 1, asked_at_ms=None)
    record = answer.record
    if record is None:
        return Outcome(task, _without_record(task, checked, answer, now_ms, paths), None, b"")
    if task.state.finished and record.state is not task.state:
        message = (
            f"the task had ended as {task.state}, now the answer says {record.raw_state}: kept as it was"
        )
        return Outcome(task, _with_problem(checked, ProblemKind.UNREADABLE, message, now_ms), None, b"")
    known = replace(checked, record_path=paths.next_for(task), path_misses=0)
    return Outcome(task, _with_record(known, record, now_ms), record, answer.raw)


def _without_record(task: Task, checked: Task, answer: Answer, now_ms: int, paths: RecordPaths) -> Task:
    if not paths.is_miss(task, answer):
        return _with_problem(checked, answer.problem, answer.message, now_ms)
    checked = replace(checked, path_misses=task.path_misses + 1)
    if paths.are_all_asked(checked, is_asked=task.asked_at_ms is not None):
        kind = ProblemKind.NOT_FOUND if answer.problem is ProblemKind.REJECTED else answer.problem
        return _with_problem(checked, kind, paths.told(checked, answer.message), now_ms)
    was_said = task.problem is not None and task.problem.kind is ProblemKind.NOT_FOUND
    return replace(
        checked,
        problem=task.problem if was_said else None,
        misses=task.misses + 1,
        asked_at_ms=task.asked_at_ms,
    )


def _with_problem(task: Task, kind: ProblemKind | None, message: str, now_ms: int) -> Task:
    kind = kind or ProblemKind.UNREADABLE
    since_ms = task.problem.since_ms if task.problem and task.problem.kind is kind else now_ms
    return replace(task, problem=Problem(kind, message, since_ms), misses=task.misses + 1)


def _with_record(task: Task, record: Record, now_ms: int) -> Task:
    newly_finished = record.state.finished and not task.state.finished
    return replace(
        task,
        problem=None,
        misses=0,
        state=State.WAITING if record.state is State.NEW else record.state,
        raw_state=record.raw_state,
        model=record.model or task.model,
        prompt=record.prompt or task.prompt,
        variant=variant_of(record.param) or task.variant,
        fail_code=record.fail_code,
        fail_msg=record.fail_msg,
        cost_time_ms=record.cost_time_ms,
        complete_time_ms=record.complete_time_ms,
        create_time_ms=record.create_time_ms or task.create_time_ms,
        progress=record.progress,
        result_count=len(record.result_urls),
        credits=record.credits,
        result_expires_at_ms=record.result_expires_at_ms,
        purged=record.purged,
        finished_at_ms=now_ms if newly_finished else task.finished_at_ms,
    )


def _kind(task: Task) -> ProblemKind | None:
    return task.problem.kind if task.problem else None

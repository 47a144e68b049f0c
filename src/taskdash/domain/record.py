"""Applies the answer to a check, which is a record or the reason why there is none, and picks the next record path.

One key may own tasks of several families, whose IDs look alike but whose records are under different paths. A path
answers alike for IDs of other families and unknown ones, so a task is not found only once all paths have been tried.

`api.wire` parses answers into these types; texts and times are as in `domain.task`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, NamedTuple

from taskdash.domain.gateways import RECORD_PATH
from taskdash.domain.task import Json, Problem, ProblemKind, State, Task, variant_of

_OF_A_TASK: Final = (ProblemKind.NOT_FOUND, ProblemKind.REJECTED)
_FAULTS: Final = (ProblemKind.SERVER_ERROR, ProblemKind.UNREADABLE, ProblemKind.UNAUTHORIZED)
"""Problems that concern the task or its ID, and those that do not."""
_YOUNG_MS: Final = 15_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Says what the last good answer of `recordInfo` told of a task. Unknown values are None, never "" or 0."""

    task_id: str | None = None
    """As the answer gives it; None if it gives none."""
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
    """When the first of the result links expires, if the answer or a signed link says so."""
    purged: bool = False
    """Whether the answer says that the result was removed, so no link will come."""
    extra: dict[str, Json] = field(default_factory=dict)
    """All other fields of the record, decoded and inert, and known fields with an invalid value, under their own
    names: a `createTime` in here is shown as `?`, one missing here and above as `–`."""


_TAKEN_OVER: Final = {each.name for each in fields(Record)} & {each.name for each in fields(Task)} - {
    "task_id"
}
"""The fields that a task takes over from its record unchanged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Tells the key's limits, as the body or the Retry-After header of a 429 gives them; None for those left out."""

    retry_after_s: float
    """Clamped to 1..3600."""
    limit: int | None = None
    """Checks allowed in `window_s`."""
    tier: str | None = None
    window_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Tells what a check brought: a record, or why there is none."""

    record: Record | None = None
    problem: ProblemKind | None = None
    message: str = ""
    """For people; set with `problem`, or to report an oddity beside a record."""
    raw: bytes = b""
    """The body as it was sent; kept only with a record."""
    throttle: Throttle | None = None
    is_bare_404: bool = False
    """Whether it is a 404 that mentions no task: the path may not exist at all."""
    is_lost: bool = False
    """Whether the gateway closed a keep-alive connection just as the check was sent, a race that is nobody's fault: it
    is resent once, at once. The gateway may have counted the first one."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tells what an answer did to a task: before, after, and the record if it was accepted."""

    before: Task
    task: Task
    record: Record | None
    """The record to store; None if the task keeps the one it has."""
    raw: bytes

    @property
    def finished(self) -> bool:
        """Return whether this check found that the task has ended."""
        return self.task.state.finished and not self.before.state.finished

    @property
    def is_news(self) -> bool:
        """Return whether the task has ended, and was seen unfinished or ended only after it was added.

        Some gateways give no completion time for failed tasks: one that was added soon after its creation had most
        likely not ended yet.
        """
        before, task = self.before, self.task
        if not self.finished or before.state is State.WAITING:
            return self.finished
        if task.complete_time_ms is not None:
            return task.complete_time_ms > task.added_at_ms
        return task.create_time_ms is not None and task.added_at_ms - task.create_time_ms < _YOUNG_MS

    @property
    def changed(self) -> bool:
        """Return whether there is something to tell: another state, another word for it, another kind of problem."""
        return _told(self.before) != _told(self.task)


class RecordPaths(NamedTuple):
    """Knows the paths of a profile, and what they have answered so far."""

    paths: tuple[str, ...] = (RECORD_PATH,)
    """The most common first."""
    right: frozenset[str] = frozenset()
    """Those that have given an answer about a task."""
    bare: frozenset[str] = frozenset()
    """Those that have given a 404 that mentions no task."""

    def next_for(self, task: Task) -> str:
        """Return the path to request a task from next: the one that knew it, else each in turn."""
        if task.record_path in self.paths:
            return task.record_path
        if len(self.paths) == 1:
            return self.paths[0]
        # Imported late: the finder is slow to import, and a single path needs no hint.
        from taskdash.domain.task_ids import path_hint_of

        hint = task.path_hint or path_hint_of(task.task_id)
        # The same path may have a prefix at a gateway, or its query spelt out.
        query = "?taskId={id}"
        end = hint.removesuffix(query) if hint else None
        first = [path for path in self.paths if end and path.removesuffix(query).endswith(end)]
        in_turn = [*first, *(path for path in self.paths if path not in first)]
        return in_turn[task.path_misses % len(in_turn)]

    def is_miss(self, task: Task, answer: Answer) -> bool:
        """Return whether an answer only means that its path does not know a task, while another one may.

        Some paths reject the IDs of other families, or fail on them. A failure counts as that if the path has never
        given an answer about a task, and others have.
        """
        if answer.problem is ProblemKind.NOT_FOUND:
            return True
        if len(self.paths) == 1 or task.record_path in self.paths:
            return False
        is_strange = bool(self.right) and self.next_for(task) not in self.right
        return answer.problem is ProblemKind.REJECTED or (answer.problem in _FAULTS and is_strange)

    def told(self, task: Task, said: str) -> str:
        """Return the message for a task that was not found; `said` is the answer's own."""
        is_known = task.record_path in self.paths
        asked = "" if is_known or len(self.paths) == 1 else f"asked under {len(self.paths)} record paths"
        remark = "" if is_known else self.remark
        return "; ".join(filter(None, (said, asked, remark)))

    def seen(self, path: str, answer: Answer) -> RecordPaths:
        """Return the paths, updated by the answer of one of them."""
        if answer.is_bare_404:
            return self if path in self.bare else self._replace(bare=self.bare | {path})
        speaks = answer.record is not None or answer.problem in _OF_A_TASK
        return self._replace(right=self.right | {path}) if speaks and path not in self.right else self

    @property
    def remark(self) -> str:
        """Return a remark on paths that may not exist at all; "" if all seem to."""
        wrong = [path for path in self.paths if path in self.bare and path not in self.right]
        if not wrong:
            return ""
        answer = "answers" if len(wrong) == 1 else "answer"
        return f"{' and '.join(wrong)} {answer} 404 to everything: look at record_paths in the config"


_ONE_PATH: Final = RecordPaths()


def apply_answer(task: Task, answer: Answer, now_ms: int, paths: RecordPaths = _ONE_PATH) -> Outcome:
    """Apply an answer, received at `now_ms` from the path that `paths` gives for `task`.

    A problem is kept beside the record and never replaces it. `success` and `fail` are final: a later answer that
    contradicts them is reported as a problem and not believed. "Not found" is reported once all paths have been tried;
    until then a request for a check stays open.
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
    count = len(paths.paths)
    # For a check that the user asked for, the current round of paths is completed first.
    is_round_open = task.asked_at_ms is not None and checked.path_misses % count > 0
    if task.record_path in paths.paths or (checked.path_misses >= count and not is_round_open):
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
    taken: dict[str, Any] = {name: getattr(record, name) for name in _TAKEN_OVER}
    # What an answer leaves out is known from an earlier one.
    taken |= {name: taken[name] or getattr(task, name) for name in ("model", "prompt", "create_time_ms")}
    if record.state is State.NEW:
        taken["state"] = State.WAITING
    return replace(
        task,
        problem=None,
        misses=0,
        variant=variant_of(record.param) or task.variant,
        result_count=len(record.result_urls),
        finished_at_ms=now_ms if newly_finished else task.finished_at_ms,
        **taken,
    )


def _told(task: Task) -> tuple[State, str | None, ProblemKind | None]:
    return task.state, task.raw_state, task.problem.kind if task.problem else None

"""What one check changes about a task. Pure, so that every rule of it is tested without a server or a store."""

from __future__ import annotations

from dataclasses import dataclass, replace

from taskdash.domain.durations import variant_of
from taskdash.domain.task import Answer, Problem, ProblemKind, Record, State, Task


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
        """Whether the task came to its end with this check."""
        return self.task.state.finished and not self.before.state.finished

    @property
    def changed(self) -> bool:
        """Whether there is something to tell: another state, another word for it, another kind of problem."""
        return (self.before.state, self.before.raw_state, _kind(self.before)) != (
            self.task.state,
            self.task.raw_state,
            _kind(self.task),
        )


def apply_answer(task: Task, answer: Answer, now_ms: int) -> Outcome:
    """Return what `answer`, arrived at `now_ms`, makes of `task`.

    A problem stands beside the record and never replaces it. `success` and `fail` are final: a gateway that later
    says otherwise is reported as a problem and not believed.
    """
    checked = replace(task, checked_at_ms=now_ms, checks=task.checks + 1, asked_at_ms=None)
    record = answer.record
    if record is None:
        return Outcome(task, _with_problem(checked, answer.problem, answer.message, now_ms), None, b"")
    if task.state.finished and record.state is not task.state:
        message = (
            f"the task had ended as {task.state}, now the answer says {record.raw_state}: kept as it was"
        )
        return Outcome(task, _with_problem(checked, ProblemKind.UNREADABLE, message, now_ms), None, b"")
    return Outcome(task, _with_record(checked, record, now_ms), record, answer.raw)


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
        finished_at_ms=now_ms if newly_finished else task.finished_at_ms,
    )


def _kind(task: Task) -> ProblemKind | None:
    return task.problem.kind if task.problem else None

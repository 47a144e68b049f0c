"""What `check` and `wait` say of tasks: what is new about one, and what it all came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.domain.durations import duration
from taskdash.domain.task import State, Task
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural, state_word

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_PROMPT_CHARS: Final = 60
NO_REASON: Final = "no reason given"


def word(task: Task) -> str:
    """Return the state as one word; `new` for what was never answered."""
    return State.NEW.value if task.state is State.NEW else state_word(task)


def change_line(before: Task, after: Task) -> str | None:
    """Return what is new about a task, with its label and prompt at the end; None where nothing is."""
    problem = after.problem
    if problem is not None and (before.problem is None or before.problem.kind is not problem.kind):
        return f"{after.task_id}: {problem.kind.value}: {problem.message}{_name(after)}"
    if word(before) == word(after):
        return None
    end = ""
    if after.state is State.SUCCESS and after.cost_time_ms is not None:
        end = f" in {duration(after.cost_time_ms, measured=True)}"
    elif after.state is State.FAIL:
        end = f": {after.fail_msg or after.fail_code or NO_REASON}"
    return f"{after.task_id}: {word(before)} -> {word(after)}{end}{_name(after)}"


def _name(task: Task) -> str:
    prompt = inert_line(task.prompt or "")
    if len(prompt) > MAX_PROMPT_CHARS:
        prompt = prompt[: MAX_PROMPT_CHARS - 1].rstrip() + "…"
    name = " · ".join(filter(None, (task.label, prompt)))
    return f" ({name})" if name else ""


def removed_line(task: Task) -> str:
    """Return what is said of a task that is on the list no more."""
    return f"{task.task_id}: was removed from the list"


def summary(
    total: int, counts: Mapping[str, int], elapsed_ms: int, *, finished: int, timeout_ms: int | None = None
) -> str:
    """Return what a wait came to: `3 tasks finished: 2 succeeded, 1 failed in 1m52s`.

    Args:
        total: of the tasks that were waited for.
        counts: what became of how many; none of it is said of no task.
        elapsed_ms: how long the waiting took.
        finished: how many of them are finished.
        timeout_ms: how long it was to take at most, where that was too short.
    """
    parts = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    if finished == total:
        took = f" in {duration(elapsed_ms, measured=True)}" if elapsed_ms else ""
        return f"{plural(total, 'task')} finished: {parts}{took}"
    why = "" if timeout_ms is None else f"timed out after {duration(timeout_ms, measured=True)}: "
    return f"{why}{parts}"

"""What `check` and `wait` say of tasks: what is new about one, and what it all came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.domain.durations import duration
from taskdash.domain.task import State, Task
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural, state_word

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_NAME_CHARS: Final = 80
LEAST_NAME_CELLS: Final = 24
"""What tells one task from another, even where it begins another line."""
NO_REASON: Final = "no reason given"


def word(task: Task) -> str:
    """Return the state as one word; `new` for what was never answered."""
    return State.NEW.value if task.state is State.NEW else state_word(task)


def change_line(before: Task, after: Task, cells: int | None = None) -> str | None:
    """Return what is new about a task, with its label and prompt at the end; None where nothing is.

    Args:
        before: as it was.
        after: as it is.
        cells: of a line of the terminal, which label and prompt are cut to fit.
    """
    problem = after.problem
    if problem is not None and (before.problem is None or before.problem.kind is not problem.kind):
        return _named(f"{after.task_id}: {problem.kind.value}: {problem.message}", after, cells)
    if word(before) == word(after):
        return None
    end = ""
    if after.state is State.SUCCESS and after.cost_time_ms is not None:
        end = f" in {duration(after.cost_time_ms, measured=True)}"
    elif after.state is State.FAIL:
        end = f": {after.fail_msg or after.fail_code or NO_REASON}"
    return _named(f"{after.task_id}: {word(before)} -> {word(after)}{end}", after, cells)


def _named(line: str, task: Task, cells: int | None) -> str:
    name = " · ".join(filter(None, (task.label, inert_line(task.prompt or ""))))
    if not name:
        return line
    if cells is None:
        name = name if len(name) <= MAX_NAME_CHARS else name[: MAX_NAME_CHARS - 1].rstrip() + "…"
    else:
        from taskdash.cli.screen import cropped

        name = cropped(name, max(LEAST_NAME_CELLS, cells - len(f"{line} ()")))
    return f"{line} ({name})"


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
    why = "" if timeout_ms is None else f"timed out after {duration(timeout_ms, measured=True)} with "
    return f"{why}{finished:,} of {plural(total, 'task')} finished ({parts})"

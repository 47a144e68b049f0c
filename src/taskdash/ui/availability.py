"""What a key would do nothing for now, and why: help and palette say it before somebody tries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State
from taskdash.ui.actions import RESULT_KEYS

if TYPE_CHECKING:
    from taskdash.domain.task import Task

_ON_TASKS: Final = frozenset(
    ("remove", "edit", "mark", "mark_range", "check", "copy_id", "copy_menu", "zoom", "raw")
)
_ON_RESULTS: Final = frozenset(("open_result", "download", "copy_urls", "preview_next"))
_ON_ANY: Final = frozenset(
    ("mark_all", "check_all", "failures", "statistics", "sort", "reverse", "last", "first")
)


class Situation(NamedTuple):
    """What decides it."""

    task: Task | None
    """The one under the cursor."""
    marked: int
    total: int
    """Tasks in the tab, under the filter."""
    key_advice: str | None
    can_undo: bool
    expires: bool
    """Whether the profile says how long results live."""
    downloads: bool
    """Whether some are under way."""


def why_not(action: str, now: Situation) -> str | None:
    """Return why an action would do nothing; None where it would do something."""
    if action in ("check", "check_all") and now.key_advice:
        return "no API key is set"
    if action == "undo" and not now.can_undo:
        return "nothing to take back"
    if action == "expiring" and not now.expires:
        return "the profile sets no result_ttl"
    if action == "cancel_downloads" and not now.downloads:
        return "none is under way"
    if action in _ON_ANY and not now.total:
        return "no task is shown"
    if action in _ON_TASKS | _ON_RESULTS | set(RESULT_KEYS) and now.task is None and not now.marked:
        return "no task is shown"
    return _why_not_on_task(action, now.task) if now.task is not None and not now.marked else None


def _why_not_on_task(action: str, task: Task) -> str | None:
    if action == "raw" and task.state is State.NEW:
        return "no answer with a record yet"
    if action in RESULT_KEYS and int(action.rpartition("_")[2]) > task.result_count > 0:
        return f"the task has {task.result_count}"
    if (action not in _ON_RESULTS and action not in RESULT_KEYS) or task.result_count:
        return None
    if task.state is State.FAIL:
        return "a failed task has no result"
    return "no result yet" if not task.state.finished else "no link in the result"

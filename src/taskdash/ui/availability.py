"""What is not to be had now, and why: keys that would do nothing, for help and palette, and a list without tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State
from taskdash.domain.words import plural
from taskdash.ui.actions import OWN, RESULT_KEYS

if TYPE_CHECKING:
    from taskdash.domain.task import Task
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.widgets.window import Window

_ON_TASKS: Final = frozenset(
    ("remove", "edit", "mark", "mark_range", "check", "copy_id", "copy_menu", "zoom", "raw")
)
_ON_RESULTS: Final = frozenset(("open_result", "download", "copy_urls", "preview_next"))
_ON_ANY: Final = frozenset(
    ("mark_all", "check_all", "review", "failures", "statistics", "sort", "reverse", "last", "first")
)

_EMPTY: Final = """\
No tasks yet. Paste anything containing task IDs: a log, JSON, URLs or the bare IDs.

Or press  a  to type one.

From a script:   taskdash add <task ID>
"""
_EMPTY_VIEW: Final = "No tasks in this view. [ and ] switch tabs."
_EMPTY_TAB: Final = "No tasks in this state. [ and ] switch tabs."


class Situation(NamedTuple):
    """What decides it."""

    task: Task | None
    """The one under the cursor."""
    marked: int
    total: int
    """Tasks in the tab, under the filter."""
    key_advice: str | None
    can_undo: bool
    downloads: bool
    """Whether some are under way."""


def situation_of(main: MainScreen) -> Situation:
    """Return what decides which keys are of use now."""
    return Situation(
        task=main.table.task_at_cursor,
        marked=len(main.table.marked),
        total=main.table.window.total,
        key_advice=main.context.key_advice,
        can_undo=main.acts.can_undo,
        downloads=main.downloads.under_way,
    )


def why_not(action: str, now: Situation) -> str | None:
    """Return why an action would do nothing; None where it would do something."""
    if action in ("check", "check_all") and now.key_advice:
        return "no API key is set"
    if action == "undo" and not now.can_undo:
        return "nothing to undo"
    if action == "cancel_downloads" and not now.downloads:
        return "none running"
    if action in _ON_ANY and not now.total:
        return "no tasks shown"
    acts_on_tasks = action in _ON_TASKS | _ON_RESULTS | set(RESULT_KEYS) or action.startswith(OWN)
    if acts_on_tasks and now.task is None and not now.marked:
        return "no tasks shown"
    return _why_not_on_task(action, now.task) if now.task is not None and not now.marked else None


def _why_not_on_task(action: str, task: Task) -> str | None:
    if action == "raw" and task.state is State.NEW:
        return "no record yet"
    if action in RESULT_KEYS and int(action.rpartition("_")[2]) > task.result_count > 0:
        return f"only {plural(task.result_count, 'result')}"
    if (action not in _ON_RESULTS and action not in RESULT_KEYS) or task.result_count:
        return None
    if task.state is State.FAIL:
        return "task failed"
    return "no result yet" if not task.state.finished else "no link in the response"


def why_empty(window: Window, filter_text: str, *, is_view: bool = False) -> str:
    """Return why no task is shown, in a view of the user's own or a state's tab, and what to do; "" where some are."""
    if window.total:
        return ""
    in_other_tabs = any(window.counts.values())
    if is_view and not filter_text.strip():
        return _EMPTY_VIEW
    if not window.query.terms:
        return _EMPTY_TAB if in_other_tabs else _EMPTY
    matching = f'match "{filter_text.strip()}"'
    if in_other_tabs:
        return f"No tasks in this state {matching}. [ and ] switch tabs, Esc clears the filter."
    return f"No tasks {matching}. Esc clears the filter."

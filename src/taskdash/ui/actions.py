"""Lists the actions, the source of bindings, footer, help, palette and the key tables in docs/keys.md.

Also explains why an action would do nothing right now, for help and palette, and why the list is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.task import State
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.binding import Binding

    from taskdash.domain.task import Task
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.widgets.window import Window


class Action(NamedTuple):
    """Describes one thing that the dashboard can do."""

    name: str
    """Its name in the config's `[keys]`."""
    keys: tuple[str, ...]
    """As Textual names them; the footer shows the first. Empty: only in the palette."""
    title: str
    group: str
    call: str = ""
    """Textual's action string; "" if it is the name."""


NO_KEY: Final = "no-key"
"""The key of actions without one: Textual requires a key, and no terminal sends this."""
MOVES: Final = ("cursor_up", "cursor_down", "page_up", "page_down", "first", "last")
"""Actions bound to each pane, to move within the focused one; all others are bound to the screen."""
EVERYWHERE: Final = ("copy_or_quit", "redraw", "suspend", "messages")
"""Actions of the list that the review has, too."""
ACTIONS: Final[tuple[Action, ...]] = (
    Action("cursor_up", ("up", "k"), "move up", "Move", "move(-1)"),
    Action("cursor_down", ("down", "j"), "move down", "Move", "move(1)"),
    Action("page_up", ("pageup",), "page up", "Move", "move_page(-1)"),
    Action("page_down", ("pagedown",), "page down", "Move", "move_page(1)"),
    Action("first", ("g", "home"), "first task", "Move", "move_to_end(-1)"),
    Action("last", ("G", "end"), "last task", "Move", "move_to_end(1)"),
    Action("next_pane", ("tab",), "next pane", "Move"),
    Action("previous_pane", ("shift+tab",), "previous pane", "Move", "next_pane(-1)"),
    Action("previous_tab", ("left_square_bracket", "left"), "previous state tab", "Move", "go_to_tab(-1)"),
    Action("next_tab", ("right_square_bracket", "right"), "next state tab", "Move", "go_to_tab(1)"),
    Action("add", ("a",), "add task IDs (or just paste)", "List"),
    Action("remove", ("x",), "remove from the list", "List"),
    Action("undo", ("z",), "undo the last change", "List"),
    Action("edit", ("e",), "edit label and note", "List"),
    Action("filter", ("slash",), "filter", "List"),
    Action("expiring", ("E",), "toggle: unsaved results about to expire", "List"),
    Action("sort", ("s",), "sort", "List"),
    Action("reverse", ("S",), "reverse the order", "List"),
    Action("mark", ("space",), "mark or unmark the row", "Marks"),
    Action("mark_range", ("V",), "start or end a range of marks", "Marks"),
    Action("mark_up", ("shift+up",), "mark and move up", "Marks", "mark_and_move(-1)"),
    Action("mark_down", ("shift+down",), "mark and move down", "Marks", "mark_and_move(1)"),
    Action("mark_all", ("A",), "mark all shown", "Marks"),
    Action("check", ("r",), "check the selected or marked tasks now", "Check"),
    Action("check_all", ("R",), "check all unfinished now", "Check"),
    Action("pause", ("p",), "pause or resume automatic checks", "Check"),
    Action("open_result", ("o",), "open the result", "Results"),
    *(
        Action(f"open_result_{n}", (str(n),), f"open result link {n}", "Results", f"open_result({n})")
        for n in range(1, 10)
    ),
    Action("download", ("d",), "download results", "Results"),
    Action("cancel_downloads", ("X",), "cancel running downloads", "Results"),
    Action("copy_urls", ("u",), "copy result links", "Results"),
    Action("copy_id", ("y",), "copy the task ID", "Results"),
    Action("copy_menu", ("c",), "copy menu (prompt, inputs, curl)", "Results"),
    Action("preview", ("i",), "toggle picture preview", "Results"),
    Action("preview_next", ("I",), "preview the next result", "Results"),
    Action("zoom", ("enter",), "toggle full-screen detail", "View"),
    Action("detail_position", ("v",), "move or hide the detail pane", "View"),
    Action(
        "larger_detail", ("plus",), "enlarge the detail pane (or drag the divider)", "View", "grow_detail(1)"
    ),
    Action("smaller_detail", ("minus",), "shrink the detail pane", "View", "grow_detail(-1)"),
    Action("columns", ("C",), "choose, order and size columns", "View"),
    Action("reset_look", (), "reset the view (columns, sorting, theme, panes)", "View"),
    Action("close", ("escape",), "close, then clear marks, then clear the filter", "View"),
    Action("review", ("b",), "review: pick and reject results", "View"),
    Action("failures", ("F",), "group failures by reason", "View"),
    Action("batches", ("B",), "batches: progress, results and cost by label", "View"),
    Action("statistics", ("t",), "statistics of what is shown", "View"),
    Action("status", (), "status: watcher, budget, gateway", "View"),
    Action("raw", ("J",), "raw JSON response", "View"),
    Action("messages", ("m",), "messages of this run", "View"),
    Action("palette", ("colon", "ctrl+p"), "command palette", "View", "app.palette"),
    Action("help", ("question_mark", "f1"), "help", "View"),
    Action("suspend", ("ctrl+z",), "suspend to the shell (fg returns)", "View", "app.suspend_process"),
    Action("quit", ("q", "ctrl+q"), "quit", "View", "app.quit"),
    Action("redraw", ("ctrl+l",), "redraw the screen", "View", "app.draw_again"),
    Action("copy_or_quit", ("ctrl+c",), "copy selection, or quit (twice)", "View", "app.copy_or_quit"),
)
REVIEW_ACTIONS: Final[tuple[Action, ...]] = (
    Action("review_left", ("left", "h"), "move left", "Move", "review_move(-1, 0)"),
    Action("review_right", ("right", "l"), "move right", "Move", "review_move(1, 0)"),
    Action("review_up", ("up", "k"), "move up", "Move", "review_move(0, -1)"),
    Action("review_down", ("down", "j"), "move down", "Move", "review_move(0, 1)"),
    Action("review_page_up", ("pageup",), "page up", "Move", "review_page(-1)"),
    Action("review_page_down", ("pagedown",), "page down", "Move", "review_page(1)"),
    Action("review_first", ("g", "home"), "first result", "Move", "review_end(-1)"),
    Action("review_last", ("G", "end"), "last result", "Move", "review_end(1)"),
    Action("review_next", ("n",), "next undecided result", "Move", "review_undecided(1)"),
    Action("review_previous", ("N",), "previous undecided result", "Move", "review_undecided(-1)"),
    Action("review_pick", ("plus", "p"), "pick", "Verdict", "review_judge('picked')"),
    Action("review_reject", ("minus", "x"), "reject", "Verdict", "review_judge('rejected')"),
    Action("review_take_back", ("0", "u"), "take back the verdict", "Verdict", "review_judge"),
    Action("review_undo", ("z",), "undo the last change", "Verdict"),
    Action("review_mark", ("space",), "mark or unmark", "Verdict"),
    Action("review_large", ("enter",), "toggle large view, with prompt and inputs", "View"),
    Action("review_filter", ("f",), "show all, undecided, picked or rejected", "View", "review_next_kind"),
    Action("review_open", ("o",), "open the result", "Results"),
    Action("review_download", ("d",), "save marked results, else picked ones", "Results"),
    Action("review_sheet", ("e",), "contact sheet of marked or shown results", "Results"),
    Action("review_copy", ("y",), "copy the result link", "Results"),
    Action("review_renew", ("r",), "fetch the record again, for fresh links", "Results"),
    Action("review_help", ("question_mark", "f1"), "help", "View"),
    Action("review_close", ("escape", "q", "b"), "back to the list, at this task", "View"),
)
"""The actions of the review, which shares only `EVERYWHERE` with the list."""
FOOTER_OF_REVIEW: Final = {
    "review_pick": "pick",
    "review_reject": "reject",
    "review_take_back": "take back",
    "review_next": "next undecided",
    "review_large": "large",
    "review_filter": "show",
    "review_download": "save picked",
    "review_open": "open",
    "review_undo": "undo",
    "review_mark": "mark",
    "review_help": "help",
    "review_close": "list",
}

FOOTER: Final = {
    "add": "add",
    "filter": "filter",
    "open_result": "open",
    "download": "download",
    "copy_urls": "copy link",
    "zoom": "detail",
    "remove": "remove",
    "check": "check",
    "pause": "pause",
    "copy_id": "copy ID",
    "help": "help",
    "quit": "quit",
}
"""The footer's labels, most wanted first, as a narrow one cannot show all; help and quit are always shown last."""
FOOTER_ON_MARKS: Final = {
    "download": "download",
    "copy_menu": "copy",
    "remove": "remove",
    "close": "unmark",
    "check": "check",
    "edit": "label",
    "help": "help",
    "quit": "quit",
}
"""The footer's labels while rows are marked."""

OWN: Final = "commands."
"""Prefix of the user's own commands in a key map, where they are listed beside the actions."""
RESULT_KEYS: Final = tuple(f"open_result_{n}" for n in range(1, 10))
_CALLS: Final = {action.name: action.call or action.name for action in (*ACTIONS, *REVIEW_ACTIONS)}


def all_actions(keymap: Mapping[str, tuple[str, ...]]) -> tuple[Action, ...]:
    """Return the actions, and the user's own commands after them."""
    own = {name: name.removeprefix(OWN) for name in keymap if name.startswith(OWN)}
    return *ACTIONS, *(Action(name, keymap[name], f"run {own[name]}", "Your commands") for name in own)


def call_of(action: str) -> str:
    """Return Textual's action string for an action, to be run on the screen or pane that it is bound to."""
    own = f"own_command('{action.removeprefix(OWN)}')"
    return own if action.startswith(OWN) else _CALLS[action]


def own_bindings(keymap: Mapping[str, tuple[str, ...]]) -> list[Binding]:
    """Return the bindings of the user's own commands."""
    return [_binding(action) for action in all_actions(keymap)[len(ACTIONS) :]]


def bindings(place: str) -> list[Binding]:
    """Return the bindings, with their default keys, of a place: `screen`, `pane` or `review`."""
    if place == "review":
        also = [action for action in ACTIONS if action.name in EVERYWHERE]
        return [_binding(action) for action in (*REVIEW_ACTIONS, *also)]
    return [_binding(action) for action in ACTIONS if (action.name in MOVES) == (place == "pane")]


def _binding(action: Action) -> Binding:
    """Return a binding with priority, so that keys act in the order typed, whichever widget has the focus."""
    # Imported late: this table is also loaded by commands, and before Textual is.
    from textual.binding import Binding

    keys = ",".join(action.keys) or NO_KEY
    return Binding(keys, call_of(action.name), show=False, priority=True, id=action.name)


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

From a script:   taskdash{options} add <task ID>
"""
_EMPTY_VIEW: Final = "No tasks in this view. [ and ] switch tabs."
_EMPTY_TAB: Final = "No tasks in this state. [ and ] switch tabs."


class Situation(NamedTuple):
    """Tells what decides which actions would do something."""

    task: Task | None
    marked: int
    total: int
    """Tasks in the tab that match the filter."""
    key_advice: str | None
    can_undo: bool
    downloads: bool


def situation_of(main: MainScreen) -> Situation:
    """Return the current situation of the list."""
    return Situation(
        task=main.table.task_at_cursor,
        marked=len(main.table.marked),
        total=main.table.window.total,
        key_advice=main.context.key_advice,
        can_undo=main.acts.can_undo,
        downloads=main.downloads.under_way,
    )


def why_not(action: str, now: Situation) -> str | None:
    """Return why an action would do nothing; None if it would do something."""
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


def why_empty(window: Window, filter_text: str, *, is_view: bool = False, options: str = "") -> str:
    """Return why the table is empty, be it a state's tab or the user's own view, and what to do; "" if it is not.

    `options` are what the command `taskdash` needs to add to this list, such as ` --profile work`.
    """
    if window.total:
        return ""
    in_other_tabs = any(window.counts.values())
    if is_view and not filter_text.strip():
        return _EMPTY_VIEW
    if not window.query.terms:
        return _EMPTY_TAB if in_other_tabs else _EMPTY.format(options=options)
    matching = f'match "{filter_text.strip()}"'
    if in_other_tabs:
        return f"No tasks in this state {matching}. [ and ] switch tabs, Esc clears the filter."
    return f"No tasks {matching}. Esc clears the filter."

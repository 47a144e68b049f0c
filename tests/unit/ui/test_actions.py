"""The table of actions, the contract with the user's fingers, and what help and palette say of useless keys."""

from __future__ import annotations

from dataclasses import replace

import pytest

from taskdash.domain.query import Query, parse_filter
from taskdash.domain.task import State, Task
from taskdash.ui.actions import (
    ACTIONS,
    MOVES,
    RESULT_KEYS,
    Situation,
    call_of,
    why_empty,
    why_not,
)
from taskdash.ui.app import Dashboard
from taskdash.ui.screens.main import MainScreen
from taskdash.ui.widgets.panes import DetailPane
from taskdash.ui.widgets.task_table import TaskTable
from taskdash.ui.widgets.window import Window

CONTRACT = {
    "cursor_up": ("up", "k"),
    "cursor_down": ("down", "j"),
    "page_up": ("pageup",),
    "page_down": ("pagedown",),
    "first": ("g",),
    "last": ("G",),
    "next_pane": ("tab",),
    "previous_pane": ("shift+tab",),
    "previous_tab": ("left_square_bracket",),
    "next_tab": ("right_square_bracket",),
    "zoom": ("enter",),
    "detail_position": ("v",),
    "open_result": ("o",),
    **{f"open_result_{n}": (str(n),) for n in range(1, 10)},
    "copy_urls": ("u",),
    "copy_id": ("y",),
    "mark": ("space",),
    "check": ("r",),
    "check_all": ("R",),
    "pause": ("p",),
    "remove": ("x",),
    "undo": ("z",),
    "add": ("a",),
    "close": ("escape",),
    "help": ("question_mark",),
    "quit": ("q", "ctrl+q"),
    "copy_or_quit": ("ctrl+c",),
}


@pytest.mark.parametrize("name", CONTRACT)
def test_every_key_of_the_documentation_does_what_it_says(name: str) -> None:
    (action,) = (action for action in ACTIONS if action.name == name)
    assert set(CONTRACT[name]) <= set(action.keys)


def test_every_action_exists_where_its_key_is_bound() -> None:
    for action in ACTIONS:
        call = call_of(action.name).partition("(")[0]
        of_app = call.startswith("app.")
        for place in (
            (TaskTable, DetailPane) if action.name in MOVES else (Dashboard if of_app else MainScreen,)
        ):
            assert callable(getattr(place, f"action_{call.removeprefix('app.')}")), action.name


# What would do nothing

TASK = Task(seq=1, profile="p", task_id="task_1", added_at_ms=0)
DONE = replace(TASK, state=State.SUCCESS, result_count=2)
ALL_WELL = Situation(task=DONE, marked=0, total=3, key_advice=None, can_undo=True, downloads=True)


def test_where_all_is_well_every_key_is_of_use_but_those_of_further_results() -> None:
    useless = [action.name for action in ACTIONS if why_not(action.name, ALL_WELL)]
    assert useless == list(RESULT_KEYS[2:])


@pytest.mark.parametrize(
    ("action", "now", "why"),
    [
        ("check", ALL_WELL._replace(key_advice="set it"), "no API key is set"),
        ("undo", ALL_WELL._replace(can_undo=False), "nothing to undo"),
        ("cancel_downloads", ALL_WELL._replace(downloads=False), "none running"),
        ("mark_all", ALL_WELL._replace(total=0, task=None), "no tasks shown"),
        ("remove", ALL_WELL._replace(task=None), "no tasks shown"),
        ("raw", ALL_WELL._replace(task=TASK), "no record yet"),
        ("open_result", ALL_WELL._replace(task=TASK), "no result yet"),
        ("open_result_3", ALL_WELL, "only 2 results"),
        ("download", ALL_WELL._replace(task=replace(DONE, result_count=0)), "no link in the response"),
        ("copy_urls", ALL_WELL._replace(task=replace(TASK, state=State.FAIL)), "task failed"),
        ("remove", ALL_WELL._replace(task=None, marked=2), None),
        ("open_result", ALL_WELL._replace(task=TASK, marked=2), None),
        ("quit", ALL_WELL._replace(task=None, total=0), None),
    ],
)
def test_a_key_that_would_do_nothing_says_why(action: str, now: Situation, why: str | None) -> None:
    assert why_not(action, now) == why


@pytest.mark.parametrize(
    ("filter_text", "in_other_tabs", "why"),
    [
        ("", False, "No tasks yet. Paste anything containing task IDs"),
        ("", True, "No tasks in this state. [ and ] switch tabs."),
        (" fox ", False, 'No tasks match "fox". Esc clears the filter.'),
        ("fox", True, 'No tasks in this state match "fox". [ and ] switch tabs, Esc clears the filter.'),
    ],
)
def test_an_empty_list_says_why_it_is_and_what_to_press(
    filter_text: str, in_other_tabs: bool, why: str
) -> None:
    query = Query("p", terms=parse_filter(filter_text))
    counts = {State.FAIL: 3} if in_other_tabs else {}
    assert why_empty(Window(query=query, counts=counts), filter_text).startswith(why)
    assert not why_empty(Window(query=query, total=1), filter_text)


def test_an_empty_list_names_the_command_for_its_profile() -> None:
    empty = Window(query=Query("work"))
    assert "taskdash --profile work add <task ID>" in why_empty(empty, "", options=" --profile work")
    assert "taskdash add <task ID>" in why_empty(empty, "")

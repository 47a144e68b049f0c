"""The table of actions is the contract with the user's fingers."""

from __future__ import annotations

from collections import Counter

import pytest

from taskdash.ui.actions import ACTIONS, FOOTER, MOVES, call_of
from taskdash.ui.app import Dashboard
from taskdash.ui.screens.main import MainScreen
from taskdash.ui.widgets.panes import DetailPane
from taskdash.ui.widgets.task_table import TaskTable

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


def test_no_key_does_two_things() -> None:
    keys = Counter(key for action in ACTIONS for key in action.keys)
    assert [key for key, count in keys.items() if count > 1] == []


def test_every_action_exists_where_its_key_is_bound() -> None:
    for action in ACTIONS:
        call = call_of(action.name).partition("(")[0]
        of_app = call.startswith("app.")
        for place in (
            (TaskTable, DetailPane) if action.name in MOVES else (Dashboard if of_app else MainScreen,)
        ):
            assert callable(getattr(place, f"action_{call.removeprefix('app.')}")), action.name


def test_the_footer_ends_with_the_ways_to_help_and_out() -> None:
    assert list(FOOTER)[-2:] == ["help", "quit"]

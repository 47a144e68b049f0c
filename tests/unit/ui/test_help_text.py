"""The help as text: nothing is cut at any width, and what one looks for is found."""

from __future__ import annotations

import pytest

from taskdash.ui.actions import ACTIONS, RESULT_KEYS, Situation
from taskdash.ui.keymap import DEFAULT_KEYS
from taskdash.ui.screens.help import TWO_COLUMNS_CELLS, help_sections, help_text, matching

NOTHING_TO_DO = Situation(
    task=None, marked=0, total=0, key_advice="set a key", can_undo=False, downloads=False
)


@pytest.mark.parametrize("place", ["table", "detail", "filter"])
@pytest.mark.parametrize("width", [1, 9, 40, 60, TWO_COLUMNS_CELLS - 1, TWO_COLUMNS_CELLS, 118, 200])
def test_all_of_the_help_is_there_at_every_width(place: str, width: int) -> None:
    sections = help_sections(DEFAULT_KEYS, place, NOTHING_TO_DO)
    lines = help_text(sections, width, height=99).plain.split("\n")
    if width >= 40:
        assert max(map(len, lines)) <= width
        words = " ".join(lines).split()
        assert [action.name for action in ACTIONS if action.name not in (*words, *RESULT_KEYS)] == []
    one_column = help_text(sections, TWO_COLUMNS_CELLS - 1, height=99).plain.split("\n")
    assert width < TWO_COLUMNS_CELLS or len(lines) < len(one_column)


@pytest.mark.parametrize("place", ["table", "detail", "filter"])
@pytest.mark.parametrize("situation", [NOTHING_TO_DO, NOTHING_TO_DO._replace(marked=1, total=1)])
def test_on_a_terminal_of_120x36_the_help_is_one_page(place: str, situation: Situation) -> None:
    text = help_text(help_sections(DEFAULT_KEYS, place, situation), 118, height=35).plain
    assert text.count("\n") < 35
    assert "undo the last change (nothing to undo)" in text


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("undo", {"undo the last change"}),
        ("COPY link", {"copy result links"}),
        ("reset_look", {"reset the view (columns, sorting, theme, panes)"}),
        ("ctrl+l", {"redraw the screen"}),
        ("marks space", {"mark the row, or all shown"}),
        ("no such thing", set()),
    ],
)
def test_a_search_finds_by_key_text_name_and_title(typed: str, found: set[str]) -> None:
    sections = matching(help_sections(DEFAULT_KEYS, "table", NOTHING_TO_DO), typed)
    assert {entry.does for section in sections for entry in section.entries} == found

"""The tabs as one line: all of them in words, with signs for the states, or those around the one in use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Size

from taskdash.config.own import OwnView
from taskdash.ui.widgets.bars import TabLine, tabs_of

VIEWS = [OwnView(name=name) for name in ("to redo", "everything", "日本の狐", "posters of today", "kie")]


class Line(TabLine):
    """One of a given width, outside of any application."""

    width = 0

    @property
    def size(self) -> Size:
        return Size(self.width, 1)


def shown(width: int, chosen: int, views: list[OwnView] = VIEWS, count: int | None = 1_234) -> str:
    tabs = tabs_of(views)
    line = Line(tabs)
    line.width = width
    line._counts = {} if count is None else dict.fromkeys(tabs, count)
    line._chosen = chosen
    return line.fitted().plain


@pytest.mark.parametrize(
    ("width", "chosen", "text"),
    [
        (
            99,
            0,
            " [All 1,234]  ○ New 1,234   ◐ Waiting 1,234   ✓ Success 1,234   × Fail 1,234   to redo 1,234 ",
        ),
        (80, 5, "  All 1,234   ○ 1,234   ◐ 1,234   ✓ 1,234   × 1,234  [to redo 1,234]"),
        (50, 5, "  ◐ 1,234   ✓ 1,234   × 1,234  [to redo 1,234]"),
        (50, 0, " [All 1,234]  ○ 1,234   ◐ 1,234   ✓ 1,234 "),
    ],
)
def test_the_tabs_give_way_to_the_room(width: int, chosen: int, text: str) -> None:
    assert shown(width, chosen, VIEWS[:1]) == text


def test_what_is_not_counted_yet_has_no_number() -> None:
    assert shown(60, 5, VIEWS[:1], None) == "  All   ○ New   ◐ Waiting   ✓ Success   × Fail  [to redo]"


@given(st.integers(20, 200), st.integers(0, 9), st.integers(0, 10**6))
def test_the_one_in_use_is_always_seen(width: int, chosen: int, count: int) -> None:
    line = shown(width, chosen, count=count)
    tab = tabs_of(VIEWS)[chosen]
    title = f"{tab.title} {count:,}]"
    whole = "[" in line and title in line
    assert whole or width < 35

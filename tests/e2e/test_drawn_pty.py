"""What is drawn, as a terminal shows it: the screen is the one that a full redraw gives, the detail the cursor's.

Of what ticks only the numbers change.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

import pytest
from tests.command import Command

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from collections.abc import Callable, Sequence

from tests.pty_screen import PtyScreen

from lists import build

COUNT: Final = 400
LAYOUTS: Final = ((120, 36), (80, 24))
"""With the detail at the right, and below with little room."""
# So old that no age on the screen has another unit, or another number, while the test runs.
AGE_MS: Final = (3 * 24 * 60 + 12 * 60 + 30) * 60_000 + 30_000
DIVIDERS: Final = ("│", "────")
"""Between table and detail: upright, or lying where the detail is below."""
DRAW_AGAIN: Final = "\x0c"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A list of tasks that have ended; nothing on it changes."""
    path = tmp_path / "list" / "tasks.db"
    build(path, COUNT, waiting=0, labels=1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE tasks SET create_time_ms = added_at_ms - ?, complete_time_ms = added_at_ms - ? + cost_time_ms, "
            "checked_at_ms = added_at_ms - ?, finished_at_ms = added_at_ms - ?, added_at_ms = added_at_ms - ?",
            [AGE_MS] * 5,
        )
    return path


def opened(store: Path, columns: int, rows: int, **environment: str) -> PtyScreen:
    """The dashboard of a user without a key; no picture is fetched."""
    taskdash = Command(store.parent)
    taskdash.config.write_text(
        '[view]\npreview = false\ncolumns = ["state", "label", "cost", "id"]\nwidths = { id = 9 }\n', "utf-8"
    )
    without_key = {"AIGPTIMAGE_API_KEY": None, "TZ": "UTC"}
    return taskdash.dashboard(columns=columns, rows=rows, env=without_key | environment)


def place_of(screen: PtyScreen, text: str) -> tuple[int, int]:
    """Column and line of a text where it is first on the screen."""
    line = next(number for number, line in enumerate(screen.lines) if text in line)
    return screen.lines[line].index(text), line


def assert_drawn_whole(screens: Sequence[PtyScreen], act: str) -> None:
    """Each screen is as after Ctrl+L, colours and all, and its detail is that of the task at the cursor."""
    screens[0].wait_until_at_rest(*screens[1:])
    for screen in screens:
        before, text, written = screen.looks, screen.text, len(screen.raw)
        screen.send(DRAW_AGAIN)
        screen.wait_for(lambda _: len(screen.raw) - written > len(text))  # noqa: B023 - it is called at once
        try:
            screen.wait_for(lambda _: screen.looks == before, 5)  # noqa: B023 - as above
        except AssertionError:
            raise AssertionError(
                f"after {act} this was on the screen, and not what is:\n{text}\n\n{screen.text}"
            ) from None
        if "\n▌" in text and "╭" not in text:  # neither the detail alone nor a dialog over it
            assert_detail_is_of_the_cursor(screen, act)


def assert_detail_is_of_the_cursor(screen: PtyScreen, act: str) -> None:
    """The task at the cursor is soon the one in the detail: its ID is there, or its link, or words of its prompt."""

    def is_of_the_cursor(text: str) -> bool:
        row = next((line for line in text.splitlines() if line.startswith("▌")), None)
        assert row is not None, f"after {act} there is no cursor:\n{text}"
        # The ID is at the end of the detail, out of sight on few lines.
        form = r"\b[0-9a-f]{8}" if screen.size[1] > 30 else r"(?:[a-z]+ ){4}"
        found = re.findall(form, row.partition("│")[0])
        return not found or text.count(found[-1]) > 1  # a table that is hardly there has no room for either

    try:
        screen.wait_for(is_of_the_cursor, 5)
    except AssertionError as error:
        raise AssertionError(f"after {act} the detail is not that of the cursor: {error}") from None


class Hand:
    """A hand on the mouse, for a layout with table and detail; where things are it sees on the screen."""

    def __init__(self, screen: PtyScreen) -> None:
        self.screen = screen
        self._goal = (0, 0)

    def wheel(self, notches: int, text: str = "batch") -> None:
        """Turn the wheel over a text: the first one of the table, unless another is named."""
        self.screen.wheel(*place_of(self.screen, text), notches)

    def click(self, text: str, times: int = 1) -> None:
        self.screen.click(*place_of(self.screen, text), times)

    def click_row(self, number: int, times: int = 1) -> None:
        """Click on a row of the table, counted from the first on the screen."""
        column, first = place_of(self.screen, "batch")
        self.screen.click(column, first + number, times)

    def take(self, place: tuple[int, int], goal: tuple[int, int]) -> None:
        """Press the button at a place and drag half of the way to another."""
        self._goal = goal
        self.screen.point_at(*place)
        self.screen.press_button(*place)
        self.screen.drag((place[0] + goal[0]) // 2, (place[1] + goal[1]) // 2)

    def let_go(self) -> None:
        """Drag the rest of the way and let go."""
        self.screen.drag(*self._goal)
        self.screen.release_button(*self._goal)

    @property
    def divider(self) -> tuple[int, int]:
        """A place on the line between table and detail."""
        return place_of(self.screen, next(each for each in DIVIDERS if each in self.screen.text))

    def take_divider(self, cells: int) -> None:
        """Begin to drag the line between table and detail."""
        column, line = self.divider
        is_upright = "│" in self.screen.text
        goal = (column + cells, line) if is_upright else (column, line + cells)
        # A terminal tells of no place outside of itself.
        self.take((column, line), (max(0, goal[0]), max(0, goal[1])))

    @property
    def bar(self) -> tuple[int, range]:
        """The column of the table's scroll bar, and its lines."""
        column, line = self.divider
        _, first = place_of(self.screen, "batch")
        if "│" in self.screen.text:
            return column - 1, range(first, self.screen.size[1] - 1)
        return self.screen.size[0] - 1, range(first, line)

    def take_bar(self, share: float) -> None:
        """Begin to drag the handle of the scroll bar, from where it is to so much of its way."""
        column, lines = self.bar
        cells = {line: self.screen.looks[line][column] for line in lines}
        [(ground, _)] = Counter(cells.values()).most_common(1)
        handle = next(line for line, cell in cells.items() if cell != ground)
        self.take((column, handle), (column, round(lines[0] + share * (len(lines) - 1))))


def acts(hand: Hand) -> list[tuple[str, Callable[[], None]]]:
    screen = hand.screen
    return [
        ("a notch of the wheel", lambda: hand.wheel(1)),
        ("a spin of the wheel", lambda: hand.wheel(60)),
        ("a click on a row", lambda: hand.click_row(4)),
        ("a spin back", lambda: hand.wheel(-25)),
        ("a double click", lambda: hand.click_row(2, times=2)),
        ("another one, by Enter", lambda: screen.send("\r")),
        ("half a drag of the scroll bar", lambda: hand.take_bar(0.8)),
        ("the rest of it", hand.let_go),
        ("a spin past the end", lambda: hand.wheel(300)),
        ("a click on the bar", lambda: screen.click(hand.bar[0], hand.bar[1][-1])),
        ("half a drag of the divider", lambda: hand.take_divider(-6)),
        ("a drag of the divider", hand.let_go),
        ("a click on a title", lambda: hand.click("Duration")),
        ("a click on a tab", lambda: hand.click("× Fail")),
        ("a wheel in a tab", lambda: hand.wheel(5)),
        ("a click on the first tab", lambda: hand.click("All 4")),
        ("a click on the footer", lambda: hand.click("? help")),
        ("a click beside the dialog that it opened", lambda: screen.click(1, 1)),
        ("its end", lambda: screen.send("\x1b")),
    ]


def test_after_each_act_of_the_mouse_the_screen_is_as_drawn_anew(store: Path) -> None:
    with ExitStack() as stack:
        screens = [stack.enter_context(opened(store, *layout)) for layout in LAYOUTS]
        for screen in screens:
            screen.wait_for(f"[All {COUNT}]", 30)
            assert_detail_is_of_the_cursor(screen, "the start")
        for both in zip(*(acts(Hand(screen)) for screen in screens), strict=True):
            for _, act in both:
                act()
            assert_drawn_whole(screens, both[0][0])
        for screen in screens:
            screen.quit()


def in_reverse(screen: PtyScreen) -> list[str]:
    """The words of each line that stand in reverse; single cells, as of a scroll bar, are not words."""
    words = ["".join(cell.data for cell in line if cell.reverse).strip() for line in screen.looks]
    return [text for text in words if len(text) > 1]


def test_without_colours_what_is_chosen_shows_in_reverse(store: Path) -> None:
    with opened(store, *LAYOUTS[0], NO_COLOR="1") as screen:
        screen.wait_for("added   ", 30)
        before = in_reverse(screen)
        assert [text for text in before if text.startswith("▌ ✓ success")], "the row at the cursor"
        for key, first, second in (
            ("s", "newest first", "state: new, waiting, success, fail"),
            ("C", "State", "Prompt"),
            ("F", "policy", "content policies."),
            ("c", "task ID", "links"),
            (":", "", "Undo the last change"),
        ):
            screen.send(key)
            screen.wait_until_at_rest()
            if first:
                assert [text for text in in_reverse(screen) if first in text], f"{key}:\n{screen.text}"
            screen.send("\x1b[B" * (1 if first else 2))
            screen.wait_for(lambda _: [text for text in in_reverse(screen) if second in text])  # noqa: B023 - at once
            assert not first or not [
                text for text in in_reverse(screen) if first in text and second not in text
            ]
            screen.send("\x1b", shows=lambda _: in_reverse(screen) == before)
        column, line = place_of(screen, "added   ")
        screen.press_button(column, line)
        screen.drag(column + 6, line)
        screen.release_button(column + 6, line)
        screen.wait_for(lambda _: "added" in in_reverse(screen))
        screen.quit()


@pytest.mark.parametrize(("term", "is_bright"), [("screen", True), ("xterm-256color", False)])
def test_in_few_colours_states_stay_apart_and_the_cursor_is_seen(
    store: Path, term: str, is_bright: bool
) -> None:
    with opened(store, *LAYOUTS[0], TERM=term) as screen:
        screen.wait_for("added   ", 30)
        screen.send("j", shows=lambda text: "\n▌" in text)
        screen.wait_until_at_rest()
        lines = screen.looks
        seen = {}
        for state in ("✓ success", "× fail"):
            line = next(number for number, text in enumerate(screen.lines) if text.startswith(f"  {state}"))
            seen[state] = lines[line][2]
        at_cursor = next(
            cells for cells, text in zip(lines, screen.lines, strict=True) if text.startswith("▌")
        )
        assert len({cell.fg for cell in seen.values()}) == 2
        assert (seen["× fail"].fg == "brightred") is is_bright
        assert at_cursor[30].bg not in (seen["× fail"].bg, "default")
        screen.quit()

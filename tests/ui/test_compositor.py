"""Frames of which only a part is drawn: a terminal that got them all shows what a whole frame would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from tests.servers import fail_body, success_body, waiting_body
from tests.ui.driven_dashboard import NOW_MS, add, answer, driven, uuid
from textual._compositor import Compositor, CompositorUpdate
from textual.app import App
from textual.geometry import Region

from taskdash.ui.compositor import Pieces, _anchored, _around, blocks

if TYPE_CHECKING:
    from rich.console import RenderableType
    from tests.ui.driven_dashboard import DrivenDashboard, FrozenClock
    from textual.screen import Screen

    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk

COLUMNS, LINES = 120, 36


class Terminal:
    """What a terminal of that size shows of all that was sent to it."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.Stream(self.screen)
        self.sent = self.frames = 0

    def take(self, app: App[None], update: object) -> None:
        if isinstance(update, CompositorUpdate):
            text = update.render_segments(app.console)
            self.sent += len(text)
            self.frames += 1
            self._stream.feed(text)

    @property
    def cells(self) -> list[list[tuple[object, ...]]]:
        return [[tuple(self.screen.buffer[y][x]) for x in range(COLUMNS)] for y in range(LINES)]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal that is sent every frame of the application."""
    terminal = Terminal()

    def display(app: App[None], _screen: Screen[None], update: RenderableType | None) -> None:
        terminal.take(app, update)

    monkeypatch.setattr(App, "_display", display)
    return terminal


async def until_same(dash: DrivenDashboard, terminal: Terminal) -> None:
    """Wait until the terminal shows what the dashboard would draw as a whole."""

    def is_same() -> bool:
        whole = Terminal()
        screen = dash.app.screen
        whole.take(dash.app, screen._compositor.render_full_update())
        return whole.cells == terminal.cells

    await dash.until(is_same, "the terminal to show the whole frame")


async def test_what_is_sent_in_parts_is_the_whole(desk: Desk, other: Store, terminal: Terminal) -> None:
    ids = [uuid(n) for n in range(60)]
    add(other, *ids)
    async with driven(desk, total=60, size=(COLUMNS, LINES)) as dash:
        await until_same(dash, terminal)
        for keys in (
            "jjk",
            " j ",
            ["pagedown"],
            ["pagedown", "k"],
            "G",
            "g",
            "]",
            "[",
            "S",
            "S",
            "p",
            "p",
            "p",
        ):
            await dash.press(*keys)
            await until_same(dash, terminal)
        answer(other, ids[3], success_body(ids[3]))
        answer(other, ids[4], fail_body(ids[4]))
        await dash.until_shown("× fail")
        for _ in range(3):
            dash.desk.clock.at_ms += 61_000  # type: ignore[attr-defined] # it is the frozen one
            dash.main._tick()
            await until_same(dash, terminal)
        await dash.press("question_mark")
        await dash.until_dialog("Help")
        await dash.press("escape")
        await dash.until_dialog(None)
        await until_same(dash, terminal)


async def test_a_tick_is_one_frame_that_leaves_nothing_out(
    desk: Desk, other: Store, clock: FrozenClock, terminal: Terminal
) -> None:
    ids = [uuid(n) for n in range(40)]
    add(other, *ids)
    for n, task_id in enumerate(ids):
        answer(other, task_id, waiting_body(task_id, createTime=NOW_MS - 7_000 * n))
    async with driven(desk, total=40, size=(COLUMNS, LINES)) as dash:
        await until_same(dash, terminal)
        for lies_over in (False, True):
            for seconds in (1, 1, 8, 51, 1, 3600, -3600, 1):
                await dash.settle()
                clock.at_ms += 1000 * seconds
                terminal.frames = 0
                dash.main._tick()
                await until_same(dash, terminal)
            # Rows and detail together, where the text is as long as it was.
            assert lies_over or terminal.frames == 1
            # From here on a toast lies over some of it, and after that a dialog over all.
            dash.main.say("something over several\nlines")
            await dash.until_shown("something over")
        await dash.press("question_mark")
        await dash.until_dialog("Help")
        clock.at_ms += 1000
        dash.main._tick()
        await dash.press("escape")
        await dash.until_dialog(None)
        await until_same(dash, terminal)


async def test_of_a_key_and_of_a_tick_only_what_changes_is_sent(
    desk: Desk, other: Store, terminal: Terminal
) -> None:
    add(other, *[uuid(n) for n in range(60)])
    async with driven(desk, total=60, size=(COLUMNS, LINES)) as dash:
        await dash.press("p", "p")
        await until_same(dash, terminal)
        whole, terminal.sent = terminal.sent, 0
        await dash.press("j")
        await until_same(dash, terminal)
        assert 0 < terminal.sent < whole / 10


@given(
    st.lists(
        st.builds(Region, st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.integers(1, 6)),
        max_size=4,
    )
)
def test_blocks_hold_each_cell_of_the_spans_once(regions: list[Region]) -> None:
    wanted = {(x, y) for region in regions for x in region.column_range for y in region.line_range}
    found = [
        (x, y)
        for block in blocks(list(Compositor._regions_to_spans(regions)))
        for x in block.column_range
        for y in block.line_range
    ]
    assert sorted(found) == sorted(wanted)


@given(
    st.builds(Region, st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.integers(1, 6)),
    st.builds(Region, st.integers(0, 9), st.integers(0, 9), st.integers(1, 6), st.integers(1, 6)),
)
def test_a_part_and_what_is_around_it_are_the_whole(place: Region, other: Region) -> None:
    part = place.intersection(other)
    if not part:
        return
    pieces = [part, *_around(part, place)]
    assert sum(piece.area for piece in pieces) == place.area
    assert all(place.contains_region(piece) for piece in pieces)
    assert not any(a.overlaps(b) for a in pieces for b in pieces if a is not b)


@pytest.mark.parametrize("cells", [0, 1, 2])
@pytest.mark.parametrize("odd", ["हिन्दी में", "👍🏽 🤦🏿", "🇮🇳🇩🇪", "❤️ ☎️", "ภาพถ่าย"])
def test_columns_stay_where_they_are_whatever_a_terminal_takes_for_a_characters_width(
    odd: str, cells: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pyte.screens.wcwidth", lambda char: 1 if char.isascii() else cells)
    screen, width = pyte.Screen(80, 3), cell_len(odd)
    stream = pyte.Stream(screen)
    for text in ("x" * width, odd):
        line = [Segment(text, Style(bold=True)), Segment("  after", Style())]
        stream.feed(Pieces(list(_anchored(2, 1, line))).render_segments(Console(force_terminal=True)))
    assert "x" not in "".join(screen.buffer[1][x].data or " " for x in range(80))
    assert "".join(screen.buffer[1][x].data for x in range(2 + width, 9 + width)) == "  after"

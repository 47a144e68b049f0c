"""How one picture meets the terminal: what is written for it, when, and that it is taken away again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual._context import visible_screen_stack
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Static
from textual.widgets._toast import Toast

from taskdash.ui.widgets import drawing
from taskdash.ui.widgets.drawing import Drawn
from taskdash.ui.widgets.picture import UPPER_HALF, PictureView, TerminalPicture

BLOCKS = bytes(range(1, 1 + 4 * 3 * 6))
PLAIN = Drawn("PNG", 8, 6, 4, 3, BLOCKS)
KITTY = Drawn("PNG", 8, 6, 4, 3, BLOCKS, size=(40, 60), pixels=bytes(40 * 60 * 3))
SIXEL = Drawn("PNG", 8, 6, 4, 3, BLOCKS, size=(40, 60), sixels=("q#1~", "q#2~", "q#3~"))


class Window(App[None]):
    CSS = "#picture { width: 4; height: 3; } #tail { height: 60; } Screen { overflow: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static("a line")
            yield PictureView(id="picture")
            yield Static("tail", id="tail")


class Stage:
    """A picture in a small application, and everything that goes to its terminal beside the frames."""

    def __init__(self, pilot: Pilot[None], written: list[str]) -> None:
        self.pilot = pilot
        self.written = written
        self.view = pilot.app.query_one(PictureView)

    async def show(self, drawn: Drawn | None) -> None:
        self.view.show(TerminalPicture(drawn, self.written.append) if drawn else None)
        await self.rest()

    async def rest(self) -> None:
        for _ in range(3):
            await self.pilot.pause()

    @property
    def screen(self) -> str:
        screen = self.pilot.app.screen
        visible_screen_stack.set(self.pilot.app._background_screens)
        return "\n".join(strip.text for strip in screen._compositor.render_strips())

    @property
    def lines_with_sixels(self) -> dict[int, str]:
        """The sixels that come with each line of the screen."""
        strips = self.pilot.app.screen._compositor.render_strips()
        found = {
            y: re.findall(r"\x1bP(.*?)\x1b", strip.render(self.pilot.app.console))
            for y, strip in enumerate(strips)
        }
        return {y: text for y, texts in found.items() for text in texts}

    @property
    def control(self) -> list[str]:
        """What the first line of the picture has beside text."""
        line = self.view.render_lines(self.view.size.region)[0]
        return [segment.text for segment in line if segment.control]

    @property
    def sent(self) -> list[int]:
        """The numbers of the pictures that kitty was given."""
        return [int(n) for n in re.findall(r"\x1b_Ga=T,[^;]*?i=(\d+)", "".join(self.written))]

    @property
    def removed(self) -> list[int]:
        return [int(n) for n in re.findall(r"\x1b_Ga=d,d=I,i=(\d+)", "".join(self.written))]


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    app = Window()
    async with app.run_test(size=(40, 12), notifications=True) as pilot:
        made = Stage(pilot, app.written)
        await made.rest()
        app.written.clear()
        yield made


@pytest.fixture
async def on() -> AsyncIterator[Stage]:
    async with stage() as made:
        yield made


async def test_half_blocks_have_the_colours_of_the_picture(on: Stage) -> None:
    await on.show(PLAIN)
    assert on.screen.count(UPPER_HALF) == 12
    first = next(iter(on.view.render_line(0))).style
    assert first is not None
    assert first.color is not None
    assert first.bgcolor is not None
    assert first.color.triplet == tuple(BLOCKS[:3])
    assert first.bgcolor.triplet == tuple(BLOCKS[12:15])
    assert on.written == []


async def test_kitty_is_given_a_picture_once_and_shows_it_in_placeholders(on: Stage) -> None:
    await on.show(KITTY)
    on.view.refresh()
    await on.rest()
    assert len(on.sent) == 1
    assert on.screen.count(drawing.PLACEHOLDER) == 12
    assert UPPER_HALF not in on.screen
    style = on.view.render_lines(on.view.size.region)[0]._segments[0].style
    assert style is not None
    assert style.color is not None
    assert style.color.triplet == tuple(on.sent[0].to_bytes(3, "big"))


async def test_kitty_forgets_a_picture_that_another_one_replaces(on: Stage) -> None:
    await on.show(KITTY)
    await on.show(Drawn("PNG", 8, 6, 4, 3, BLOCKS, size=(1, 1), pixels=b"abc"))
    assert len(on.sent) == 2
    assert on.removed == on.sent[:1]
    assert on.sent[0] != on.sent[1]
    await on.show(None)
    assert on.removed == on.sent
    assert drawing.PLACEHOLDER not in on.screen


async def test_kitty_gets_the_picture_again_after_a_stop(on: Stage) -> None:
    await on.show(KITTY)
    on.pilot.app.app_resume_signal.publish(on.pilot.app)
    await on.rest()
    first, again = on.sent
    assert first == again, "the cells, which may be cached, name the first"
    assert on.screen.count(drawing.PLACEHOLDER) == 12
    await on.show(None)
    assert set(on.removed) == set(on.sent)


@pytest.mark.parametrize("drawn", [KITTY, SIXEL], ids=["kitty", "sixel"])
async def test_under_a_dialog_there_are_half_blocks_only(drawn: Drawn, on: Stage) -> None:
    await on.show(drawn)
    dialog: ModalScreen[None] = ModalScreen()
    on.pilot.app.push_screen(dialog)
    await on.rest()
    assert on.screen.count(UPPER_HALF) == 12
    assert drawing.PLACEHOLDER not in on.screen
    assert on.lines_with_sixels == {}
    dialog.dismiss()
    await on.rest()
    if drawn is KITTY:
        assert on.screen.count(drawing.PLACEHOLDER) == 12
    else:
        assert len(on.lines_with_sixels) == 3


async def test_each_line_brings_its_sixels_and_puts_the_cursor_back(on: Stage) -> None:
    await on.show(SIXEL)
    assert on.lines_with_sixels == {1: "q#1~", 2: "q#2~", 3: "q#3~"}
    assert on.screen.count(UPPER_HALF) == 12, "what shows where the terminal knows no sixels"
    assert on.control == ["\x1b7\x1b[1G\x1bPq#1~\x1b\\\x1b8"]
    await on.show(None)
    assert on.lines_with_sixels == {}


async def test_lines_that_a_toast_lies_over_bring_none(on: Stage) -> None:
    on.view.styles.dock = "bottom"
    on.view.styles.offset = (30, -1)
    await on.show(SIXEL)
    assert len(on.lines_with_sixels) == 3
    on.pilot.app.notify("a toast", timeout=60)
    await on.rest()
    (toast,) = on.pilot.app.screen.query(Toast)
    assert toast.region.overlaps(on.view.region)
    assert not set(on.lines_with_sixels) & set(range(toast.region.y, toast.region.bottom))
    assert on.screen.count(UPPER_HALF) < 12
    on.pilot.app.clear_notifications()
    await on.rest()
    assert len(on.lines_with_sixels) == 3

"""The private names of Textual that we lean on are where we found them; Textual is pinned for their sake."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, Compositor
from textual._parser import Parser
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import SGR_STYLES, Strip
from textual.widget import Widget

from taskdash.ui.app import Dashboard

if TYPE_CHECKING:
    from taskdash.ui.desk import Desk


def test_a_crash_ends_in_the_one_method_that_we_replace() -> None:
    assert "self._fatal_error()" in inspect.getsource(App._handle_exception)
    assert "show_locals=True" in inspect.getsource(App._fatal_error)
    assert callable(App._close_messages_no_wait)


def test_the_error_that_ended_an_application_is_kept() -> None:
    assert "self._exception = error" in inspect.getsource(App._handle_exception)


def test_the_driver_writes_to_a_file_that_we_can_replace() -> None:
    assert "self._file = sys.__stderr__" in inspect.getsource(LinuxDriver.__init__)
    assert "WriterThread(self._file)" in inspect.getsource(LinuxDriver.start_application_mode)
    used = set(re.findall(r"_file\.(\w+)", inspect.getsource(LinuxDriver) + inspect.getsource(WriterThread)))
    assert used <= {"write", "flush", "fileno"}


def test_the_driver_has_what_ours_replaces_and_leans_on() -> None:
    driver = inspect.getsource(LinuxDriver)
    assert "Thread(target=self._run_input_thread" in driver
    assert "while not self.exit_event.is_set()" in inspect.getsource(LinuxDriver.run_input_thread)
    assert "self.attrs_before = termios.tcgetattr(self.fileno)" in driver
    assert "self._query_in_band_window_resize()" in inspect.getsource(LinuxDriver.start_application_mode)
    assert "signal.signal(signal.SIGCONT, self._sigcont_application)" in inspect.getsource(
        LinuxDriver.__init__
    )
    assert "if self._must_signal_resume:" in inspect.getsource(LinuxDriver.start_application_mode)
    # As it is it takes the terminal twice after a SIGSTOP: this is what ours replaces.
    assert "if self._auto_restart:\n            self.resume" in inspect.getsource(
        LinuxDriver._sigcont_application
    )
    assert "self._loop = asyncio.get_running_loop()" in inspect.getsource(Driver.__init__)


def test_the_parser_has_what_ours_leans_on() -> None:
    assert "self._timeout_time is not None and get_time() >= self._timeout_time" in inspect.getsource(
        Parser.tick
    )
    assert "self.mouse_pixels" in inspect.getsource(XTermParser.parse_mouse_code)
    assert (BRACKETED_PASTE_START, BRACKETED_PASTE_END) == ("\x1b[200~", "\x1b[201~")
    # Why ours guards it, and takes pastes away from it.
    with pytest.raises((ValueError, OverflowError)):
        list(XTermParser().feed("\x1b[4999999E"))


def test_a_resume_draws_nothing_by_itself() -> None:
    assert "if self._size == event.size:\n            return" in inspect.getsource(App._on_resize)
    assert "app_resume_signal.publish" in inspect.getsource(App._resume_signal)


def test_tooltips_are_left_out_by_the_name_that_we_set() -> None:
    assert "if not self.app._disable_tooltips:\n            widgets.insert(0, Tooltip(" in inspect.getsource(
        Screen._extend_compose
    )
    assert App()._disable_tooltips is False


def test_textual_has_shades_of_grey_for_no_color() -> None:
    assert "Monochrome()" in inspect.getsource(App.__init__)


def test_a_link_is_written_with_the_id_that_we_give_it() -> None:
    style = Style(link="https://cdn.example.com/a")
    style._link_id = "given"
    assert style.link_id == "given"
    written = Strip([Segment("text", style)]).render(Console(color_system="truecolor", force_terminal=True))
    assert written == "\x1b]8;id=given;https://cdn.example.com/a\x1b\\text\x1b]8;;\x1b\\"


def test_a_style_and_a_console_have_what_our_pen_reads() -> None:
    style = Style(bold=True) + Style(bold=False, italic=True)
    assert (style._attributes & style._set_attributes, len(SGR_STYLES)) == (1 << SGR_STYLES.index("3"), 13)
    assert "console._color_system or ColorSystem.TRUECOLOR" in inspect.getsource(Strip.render)


def test_text_boxes_paste_from_where_we_put_what_was_copied() -> None:
    assert "return self._clipboard" in inspect.getsource(App)
    assert "self._clipboard = text" in inspect.getsource(App.copy_to_clipboard)


async def test_a_crash_shows_no_values_and_keeps_its_error(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    app = Dashboard(desk)

    def crash() -> None:
        key = "sk-canary-0123456789"
        raise RuntimeError(f"about {len(key)} characters")

    async def run_into_it() -> None:
        async with app.run_test() as pilot:
            app.call_later(crash)
            await pilot.pause()

    with pytest.raises(RuntimeError, match="about 20"):
        await run_into_it()
    assert isinstance(app.crash, RuntimeError)
    shown = capsys.readouterr()
    assert "canary" not in shown.out + shown.err


def test_the_compositor_has_what_ours_replaces_and_leans_on() -> None:
    assert "self._compositor = Compositor()" in inspect.getsource(Screen.__init__)
    assert "return self.render_partial_update()" in inspect.getsource(Compositor.render_update)
    source = inspect.getsource(Compositor)
    assert "self._dirty_regions.update(regions)" in source
    # From the front to the back: ours relies on it.
    assert "visible_widgets.sort(key=itemgetter(0), reverse=True)" in source
    assert "visible_screen_stack.set(" in inspect.getsource(Compositor.render_update)
    assert {"chops", "spans", "chop_ends"} <= set(inspect.signature(ChopsUpdate.__init__).parameters)
    assert list(Compositor._regions_to_spans([Region(1, 2, 3, 1)])) == [(2, 1, 4)]


def test_a_screen_and_a_driver_have_what_our_shorter_way_to_a_frame_leans_on() -> None:
    on_timer = inspect.getsource(Screen._on_timer_update)
    for needed in (
        "if self.is_current and not self.app._batch_count:",
        "if self._layout_required:",
        "elif self._scroll_required:",
        "self._compositor.update_widgets(self._dirty_widgets)\n                self._compositor_refresh()",
    ):
        assert needed in on_timer
    assert "self._dirty_widgets.clear()" in inspect.getsource(Screen._compositor_refresh)
    assert "self._layout_cache.get(cache_key, None)" in inspect.getsource(Widget._render)
    assert list(Strip([Segment("a")])) == Strip([Segment("a")])._segments
    # Nothing but a frame is written between the two.
    display = inspect.getsource(App._display)
    assert display.index("self._begin_update()") < display.index(
        "finally:\n                    self._end_update()"
    )
    assert "self._driver.write(SYNC_START)" in inspect.getsource(App._begin_update)
    assert "self._driver.write(SYNC_END)" in inspect.getsource(App._end_update)

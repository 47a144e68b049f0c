"""The private names of Textual that we lean on are where we found them; Textual is pinned for their sake."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest
from textual._parser import Parser
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.app import App
from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver
from textual.screen import Screen

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

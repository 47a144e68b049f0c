"""The private names of Textual that we lean on are where we found them; Textual is pinned for their sake."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

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

"""Shuts the dashboard down, whether by key, signal, error or closed terminal, and restores the terminal.

That takes a few seconds at most. Also handles job control: being stopped by Ctrl+Z, continued by `fg`, or started in
the background by `&`.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import termios
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from taskdash.ui.app import Dashboard

_log = logging.getLogger(__name__)

ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
PATIENCE_S: Final = 3.0
"""How long an orderly shutdown may take after a signal before the process exits without it."""
HANG_UP_PATIENCE_S: Final = 0.7
"""The same for a closed terminal: only the store is left to close, and it survives any kind of exit."""
LAST_PATIENCE_S: Final = 0.5
"""How long to wait for a stalled terminal to accept the last write."""
RESET: Final = b"".join(b"\x1b[?%dl" % mode for mode in (2004, 1000, 1003, 1015, 1006, 1004, 2026)) + (
    b"\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h\x1b[23;2t"
)
"""Undoes every terminal mode that Textual sets, and brings back the title."""


class Leaving:
    """Shuts the dashboard down, by force if that takes too long, and restores its terminal."""

    def __init__(
        self, app: Dashboard, loop: asyncio.AbstractEventLoop, fatal: Callable[[Exception], None]
    ) -> None:
        """Install handlers for terminating signals, and for errors that Textual does not catch.

        Python would print errors of threads and of the loop's callbacks where nobody reads them; they are passed to
        `fatal`, on the loop.
        """
        assert sys.__stdin__ is not None  # noqa: S101 - checked before the dashboard is opened
        assert sys.__stderr__ is not None  # noqa: S101
        self._app, self._loop, self._fatal = app, loop, fatal
        self._input, self._output = sys.__stdin__.fileno(), sys.__stderr__.fileno()
        self._modes = termios.tcgetattr(self._input)
        self._last_words = threading.Lock()
        for number in ENDING_SIGNALS:
            # Not the loop's own signal handlers: they wait for the loop, which a stalled terminal may be blocking.
            signal.signal(number, lambda number, _frame: self.leave(128 + number))
        threading.excepthook = self._in_thread
        loop.set_exception_handler(self._in_callback)

    def leave(self, code: int, patience_s: float = PATIENCE_S) -> None:
        """Start the shutdown; may be called from any thread."""
        with suppress(RuntimeError):  # the loop is closed: the shutdown is under way
            self._loop.call_soon_threadsafe(partial(self._app.exit, return_code=code))
        patience = threading.Timer(patience_s, self._end_now, (code,))
        patience.daemon = True
        patience.start()

    def crash(self, error: Exception) -> None:
        """Start the shutdown because of an error; may be called from any thread."""
        if not os.isatty(self._output):  # the terminal is gone: Textual could not write to it
            self.leave(128 + signal.SIGHUP, HANG_UP_PATIENCE_S)
            return
        with suppress(RuntimeError):  # the loop is closed: nobody needs the thread's work
            self._loop.call_soon_threadsafe(self._fatal, error)

    def finish(self) -> None:
        """Restore Ctrl+C after an orderly shutdown; never return if the forced exit has begun.

        In that case output written since then, terminal modes included, may be lost.
        """
        with self._last_words:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _in_thread(self, stray: threading.ExceptHookArgs) -> None:
        if isinstance(stray.exc_value, Exception):
            self.crash(stray.exc_value)

    def _in_callback(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            self._fatal(error)
        else:
            # From tasks that were dropped: nobody needs their outcome.
            _log.warning("%s (%s)", context.get("message"), type(error).__name__)

    def _end_now(self, code: int) -> None:
        """Restore the terminal as far as possible without waiting for anything, and exit at once."""
        self._last_words.acquire()
        with suppress(OSError, termios.error):
            termios.tcsetattr(self._input, termios.TCSANOW, self._modes)
            # Reset below: other processes share the terminal, and expect it to block.
            os.set_blocking(self._output, False)
            try:
                _write_last(self._output, RESET)
            finally:
                os.set_blocking(self._output, True)
        os._exit(code)


def _write_last(terminal: int, data: bytes) -> None:
    """Write to a terminal, discarding its pending output if there is no room.

    Another thread may be blocked writing a frame. Discarding the output wakes it; as the terminal is set not to block,
    that write then fails when the buffer is full again.
    """
    until_s = time.monotonic() + LAST_PATIENCE_S
    while data and time.monotonic() < until_s:
        try:
            data = data[os.write(terminal, data) :]
        except BlockingIOError:
            termios.tcflush(terminal, termios.TCOFLUSH)
            time.sleep(0.01)


def has_job_control() -> bool:
    """Return whether a shell runs this process as a job in its terminal: elsewhere nobody would continue it."""
    shell = os.getsid(0)
    if shell == 1:
        # PID 1 leads the session. A container's init also gives a program its own process group, but does not notice
        # when it stops. A shell ignores SIGTSTP, so as not to stop itself.
        ignored = Path("/proc/1/status").read_text().partition("SigIgn:")[2].split()[0]
        return bool(int(ignored, 16) >> (signal.SIGTSTP - 1) & 1)
    return shell != os.getpgrp()


@contextmanager
def default_job_signals() -> Iterator[None]:
    """Restore the default handlers of the stop and continue signals within the block."""
    numbers = (signal.SIGTSTP, signal.SIGCONT, signal.SIGTTOU)
    before = [(number, signal.signal(number, signal.SIG_DFL)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def stop_job() -> None:
    """Stop this job as Ctrl+Z stops any other; return once it is continued.

    Stops the whole process group: a shell does not notice if only the program that `sudo`, say, runs for it stops.
    """
    with default_job_signals():
        os.killpg(0, signal.SIGTSTP)


def is_in_foreground() -> bool:
    """Return whether this job may use its terminal.

    Raises:
        OSError: the terminal is gone.
    """
    assert sys.__stdin__ is not None  # noqa: S101 - checked before the dashboard is opened
    return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()


def wait_for_foreground() -> None:
    """Block until this job is in the foreground: the system stops a background job that sets the terminal's modes.

    Raises:
        termios.error: no shell can bring this job to the foreground.
    """
    assert sys.__stdin__ is not None  # noqa: S101 - checked before the dashboard is opened
    with default_job_signals():
        termios.tcsetattr(sys.__stdin__, termios.TCSANOW, termios.tcgetattr(sys.__stdin__))

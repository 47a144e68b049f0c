"""The end of the dashboard, however it comes: by a key, a signal, an error, or a terminal that is gone.

The terminal is given back in any case, and within seconds. And how a job of a shell leaves it for a while: stopped by
Ctrl+Z, continued by `fg`, started in the background by `&`.
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
"""How long an orderly end may take after a signal before the process ends without it."""
HANG_UP_PATIENCE_S: Final = 0.7
"""The same for a terminal that is gone: nothing is left to put in order but the store, which bears any end."""
LAST_PATIENCE_S: Final = 0.5
"""How long a terminal may take to make room for the last that is written to it."""
RESET: Final = b"".join(b"\x1b[?%dl" % mode for mode in (2004, 1000, 1003, 1015, 1006, 1004, 2026)) + (
    b"\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
)
"""Switches off all that Textual switches on."""


class Leaving:
    """Ends the dashboard in order, and after a while all the same, with its terminal given back."""

    def __init__(
        self, app: Dashboard, loop: asyncio.AbstractEventLoop, fatal: Callable[[Exception], None]
    ) -> None:
        """Begin to listen for signals that end a program, and for errors that no handler of Textual sees.

        Python would print those of threads and of callbacks of the loop where nobody reads them; `fatal` is handed them
        on the loop.
        """
        assert sys.__stdin__ is not None  # noqa: S101 - asked before the dashboard is opened
        assert sys.__stderr__ is not None  # noqa: S101
        self._app, self._loop, self._fatal = app, loop, fatal
        self._input, self._output = sys.__stdin__.fileno(), sys.__stderr__.fileno()
        self._modes = termios.tcgetattr(self._input)
        self._last_words = threading.Lock()
        for number in ENDING_SIGNALS:
            # Not by the loop's own signal handlers: they wait for a loop that a stalled terminal may be blocking.
            signal.signal(number, lambda number, _frame: self.leave(128 + number))
        threading.excepthook = self._in_thread
        loop.set_exception_handler(self._in_callback)

    def leave(self, code: int, patience_s: float = PATIENCE_S) -> None:
        """Begin to end; may be called from any thread."""
        with suppress(RuntimeError):  # the loop is closed: it is ending
            self._loop.call_soon_threadsafe(partial(self._app.exit, return_code=code))
        patience = threading.Timer(patience_s, self._end_now, (code,))
        patience.daemon = True
        patience.start()

    def crash(self, error: Exception) -> None:
        """Begin to end because of an error; may be called from any thread."""
        if not os.isatty(self._output):  # the terminal is gone: Textual could not write to it
            self.leave(128 + signal.SIGHUP, HANG_UP_PATIENCE_S)
            return
        with suppress(RuntimeError):  # the loop is closed: what the thread was for has ended
            self._loop.call_soon_threadsafe(self._fatal, error)

    def finish(self) -> None:
        """Give Ctrl+C back, as the end has come in order; do not return where the other end has begun.

        What was written since is lost then, the terminal's modes among it.
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
            # Of tasks that were dropped: what they were for has ended.
            _log.warning("%s (%s)", context.get("message"), type(error).__name__)

    def _end_now(self, code: int) -> None:
        """Give the terminal back as far as it can be done without waiting for anything, and be gone."""
        self._last_words.acquire()
        with suppress(OSError, termios.error):
            termios.tcsetattr(self._input, termios.TCSANOW, self._modes)
            # Whoever shares the terminal finds it blocking, as it was.
            os.set_blocking(self._output, False)
            try:
                title = self._app.terminal.title.ending if self._app.terminal else ""
                _write_last(self._output, RESET + title.encode())
            finally:
                os.set_blocking(self._output, True)
        os._exit(code)


def _write_last(terminal: int, data: bytes) -> None:
    """Write to a terminal in place of whatever waits to be written to it.

    A frame may be under way in another thread. Its write wakes when what waits is dropped; as the terminal does not
    block any more, it gives up when that room is full too.
    """
    until_s = time.monotonic() + LAST_PATIENCE_S
    while data and time.monotonic() < until_s:
        try:
            data = data[os.write(terminal, data) :]
        except BlockingIOError:
            termios.tcflush(terminal, termios.TCOFLUSH)
            time.sleep(0.01)


def has_job_control() -> bool:
    """Return whether a shell runs this process as a job in its terminal: nobody continues one that stops elsewhere."""
    shell = os.getsid(0)
    if shell == 1:
        # The init of a container gives a program a group of its own as well, but does not see that it stops. A shell
        # ignores the signal, so as not to stop itself.
        ignored = Path("/proc/1/status").read_text().partition("SigIgn:")[2].split()[0]
        return bool(int(ignored, 16) >> (signal.SIGTSTP - 1) & 1)
    return shell != os.getpgrp()


@contextmanager
def default_job_signals() -> Iterator[None]:
    """Leave it to the system in the block to stop and to continue this process."""
    numbers = (signal.SIGTSTP, signal.SIGCONT, signal.SIGTTOU)
    before = [(number, signal.signal(number, signal.SIG_DFL)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def stop_job() -> None:
    """Stop this job as Ctrl+Z stops any other; return when it is continued.

    All of it: a shell does not see that a program is stopped which another one, such as `sudo`, runs for it.
    """
    with default_job_signals():
        os.killpg(0, signal.SIGTSTP)


def is_in_foreground() -> bool:
    """Return whether this job may use its terminal.

    Raises:
        OSError: the terminal is gone.
    """
    assert sys.__stdin__ is not None  # noqa: S101 - asked before the dashboard is opened
    return os.tcgetpgrp(sys.__stdin__.fileno()) == os.getpgrp()


def wait_for_foreground() -> None:
    """Return once this job may use its terminal: the system stops one in the background that sets its modes.

    Raises:
        termios.error: no shell can bring this job to the foreground.
    """
    assert sys.__stdin__ is not None  # noqa: S101 - asked before the dashboard is opened
    with default_job_signals():
        termios.tcsetattr(sys.__stdin__, termios.TCSANOW, termios.tcgetattr(sys.__stdin__))

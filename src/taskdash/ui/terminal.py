"""The terminal as it is: it goes away, stalls, sends anything, and has to be given back however the program ends.

Textual's writer thread dies of the first failed write; its queue then fills, and the event loop waits for it for
ever. Its input thread reads the end of a closed terminal over and over, and its driver knows no signal that ends a
program. All of it was seen with Textual 8.2.8.
"""

from __future__ import annotations

import codecs
import os
import select
import signal
import sys
import termios
import threading
import time
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from typing import IO, TYPE_CHECKING, Any, Final

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.drivers.linux_driver import LinuxDriver

from taskdash.ui.terminal_input import TerminalInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from textual.message import Message

    from taskdash.ui.app import Dashboard

ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
PATIENCE_S: Final = 3.0
"""How long an orderly end may take after a signal before the process ends without it."""
HANG_UP_PATIENCE_S: Final = 0.7
"""The same for a terminal that is gone: nothing is left to put in order but the store, which bears any end."""
LAST_PATIENCE_S: Final = 0.5
"""How long a terminal may take to make room for the last that is written to it."""
READ_BYTES: Final = 65_536
_TERMINALS_WITHOUT_COLOUR: Final = frozenset({"52", "100", "102", "220", "320", "420"})
RESET: Final = b"".join(b"\x1b[?%dl" % mode for mode in (2004, 1000, 1003, 1015, 1006, 1004, 2026)) + (
    b"\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
)
"""Switches off all that Textual switches on."""


def has_no_colour(term: str) -> bool:
    """Whether terminals of that name have none; Textual and Rich take all for such of 16 colours at least."""
    return term.endswith(("-m", "-mono")) or (
        term.startswith("vt") and term[2:].partition("-")[0] in _TERMINALS_WITHOUT_COLOUR
    )


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


class ForgivingFile:
    """A terminal to write to that may be gone: what cannot be written is dropped."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._gone = False

    def write(self, text: str) -> int:
        """Write, or drop."""
        self._try(lambda: self._file.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        self._try(self._file.flush)

    def fileno(self) -> int:
        """The terminal's descriptor."""
        return self._file.fileno()

    def _try(self, action: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            action()
        except (OSError, ValueError):
            self._gone = True


class WakingEvent(threading.Event):
    """An event that also wakes whoever waits for a file, so that nobody need look at it every tenth of a second."""

    def __init__(self) -> None:
        super().__init__()
        self.wakes, self._out = os.pipe()

    def set(self) -> None:
        """Set it: `wakes` can be read from."""
        super().set()
        os.write(self._out, b".")

    def clear(self) -> None:
        """Take it back, and with it what there is to be read."""
        super().clear()
        os.read(self.wakes, 1 << 10)


class TerminalDriver(LinuxDriver):
    """Textual's driver, with output that cannot fail, input that cannot end it, and an end for every signal."""

    def __init__(self, app: Dashboard, **kwargs: Any) -> None:  # noqa: ANN401 - whatever Textual's driver takes
        super().__init__(app, **kwargs)
        app.terminal = self
        # Not by Textual's handlers: what a signal interrupts may hold the lock of what is written.
        self._loop.add_signal_handler(signal.SIGTSTP, app.action_suspend_process)
        self._loop.add_signal_handler(signal.SIGCONT, app.continue_process)
        file = self._file or sys.stderr
        if isinstance(file, TextIOWrapper) and codecs.lookup(file.encoding).name != "utf-8":
            from taskdash.ui.lookalikes import register

            file.reconfigure(errors=register())
        self._output = ForgivingFile(file)
        self._file = self._output  # type: ignore[assignment] # it has the three methods that are used
        self.exit_event: WakingEvent = WakingEvent()
        self._frame: list[str] | None = None
        """What there is of a frame that is being written; None while none is."""
        self._last_words = threading.Lock()

    def start_application_mode(self) -> None:
        """Take the terminal, with every signal that ends a program ending this one in order."""
        for number in ENDING_SIGNALS:
            signal.signal(number, self._end_by_signal)
        super().start_application_mode()  # type: ignore[no-untyped-call] # so it is in Textual

    def _get_terminal_size(self) -> tuple[int, int]:
        """Of the terminal that is drawn on. What Textual asks takes 2 ms to import, and asks about stdout."""
        with suppress(OSError):
            columns, rows = os.get_terminal_size(self._output.fileno())
            if columns and rows:
                return columns, rows
        return super()._get_terminal_size()

    def write(self, data: str) -> None:
        """Write; a frame in one piece, as Textual begins and ends it: each piece wakes the thread that writes."""
        if data == SYNC_START:
            self._frame = []
        if self._frame is None:
            super().write(data)
            return
        self._frame.append(data)
        if data == SYNC_END:
            frame, self._frame = "".join(self._frame), None
            super().write(frame)

    def _query_in_band_window_resize(self) -> None:
        """Ask for nothing: sizes come from the system, with a signal; those in the input may be made up."""

    def close(self) -> None:
        """The end, unless the other one has begun: what was written since is lost, the terminal's modes among it."""
        super().close()
        with self._last_words:
            return

    def _end_by_signal(self, number: int, _frame: FrameType | None) -> None:
        # Not by the loop's own signal handlers: they wait for a loop that a stalled terminal may be blocking.
        self._leave(128 + number, PATIENCE_S)

    def _leave(self, code: int, patience_s: float) -> None:
        """End in order, and after a while all the same."""
        with suppress(RuntimeError):  # the loop is closed: it is ending
            self._loop.call_soon_threadsafe(partial(self._app.exit, return_code=code))
        patience = threading.Timer(patience_s, self._end_now, (code,))
        patience.daemon = True
        patience.start()

    def _end_now(self, code: int) -> None:
        """Give the terminal back as far as it can be done without waiting for anything, and be gone."""
        self._last_words.acquire()
        if self.attrs_before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        with suppress(OSError, termios.error):
            output = self._output.fileno()
            # Whoever shares the terminal finds it blocking, as it was.
            os.set_blocking(output, False)
            try:
                _write_last(output, RESET)
            finally:
                os.set_blocking(output, True)
        os._exit(code)

    # Input, in a thread of its own

    def _run_input_thread(self) -> None:
        """Let an error of ours end the application as any in a thread does; Textual's way has exit code 0."""
        self.run_input_thread()

    def run_input_thread(self) -> None:
        """Read until the application wants no more or the terminal is gone."""
        stream = TerminalInput()
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        poll.register(self.exit_event.wakes, select.POLLIN)
        while True:
            messages: list[Message] = []
            found = poll.poll(None if stream.wait_s is None else stream.wait_s * 1000)
            if self.exit_event.is_set():
                return
            if found:
                data = self._read()
                if not data:
                    self._leave(128 + signal.SIGHUP, HANG_UP_PATIENCE_S)
                    return
                messages = stream.feed(data)
            for message in (*messages, *stream.tick()):
                self.process_message(message)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, READ_BYTES)
        except OSError:
            return b""

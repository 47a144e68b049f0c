"""The end of a command, whatever still holds it: another program's lock, a look-up of an address, a user's command."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

END_S: Final = 1.0
"""How long a command may take to end when its time is over or a signal came."""


def end_soon(code: int) -> None:
    """End this process in a second, unless it has ended by then."""
    timer = threading.Timer(END_S, os._exit, [code])
    timer.daemon = True
    timer.start()


def end_on_signals() -> None:
    """Have a signal end a command: in good order if that takes no longer than a second."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Who started us may want a signal ignored (nohup).
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    end_soon(128 + number)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


class TimeLimit:
    """The time that a command was given, which ends it a second later whatever it does."""

    def __init__(self, timeout_s: float | None) -> None:
        """Begin to count; None: for ever."""
        self._until_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        self._last_word = threading.Lock()
        self._has_last_word = False

    @property
    def left_s(self) -> float:
        """How much of it is left, in seconds."""
        return max(0.0, self._until_s - time.monotonic())

    def enforce(self, report: Callable[[], int]) -> None:
        """End the process a second after the time is over; `report` tells the outcome and returns the exit code.

        It is called in another thread, and only if the command itself has not begun to tell it.
        """
        if self._until_s == math.inf:
            return
        timer = threading.Timer(min(self.left_s + END_S, threading.TIMEOUT_MAX), self._end, [report])
        timer.daemon = True
        timer.start()

    def take_last_word(self) -> None:
        """Have nobody else tell the outcome; this does not return where that is being done."""
        if not self._has_last_word:
            self._last_word.acquire()
            self._has_last_word = True

    def _end(self, report: Callable[[], int]) -> None:
        if self._last_word.acquire(blocking=False):
            code = report()
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(code)

"""What Textual leaves open about terminals that go away: output to them must not raise, and they must be noticed.

Textual's writer thread dies of the first failed write; its queue then fills, and the event loop waits for it for
ever. Its input thread reads the end of a closed terminal over and over. Both were seen with Textual 8.2.8.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, Final

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from types import FrameType

ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
PATIENCE_S: Final = 3.0
"""How long an orderly end may take after a signal before the process ends without it."""


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


class TerminalDriver(LinuxDriver):
    """Textual's driver, with output that cannot fail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever Textual's driver takes
        super().__init__(*args, **kwargs)
        self._file = ForgivingFile(self._file or sys.stderr)  # type: ignore[assignment] # it has the three methods that are used


def terminal_is_gone() -> bool:
    """Whether the terminal of this process was closed."""
    if sys.__stdin__ is None:
        return True
    poll = select.poll()
    poll.register(sys.__stdin__.fileno(), select.POLLHUP)
    return any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poll.poll(0))


def end_on_signals(loop: asyncio.AbstractEventLoop, leave: Callable[[int], None]) -> None:
    """Have every signal that ends a program call `leave` with the exit code, on the loop.

    Not by the loop's own signal handlers: they wait for a loop that a stalled terminal may be blocking. What cannot
    leave in order ends all the same after `PATIENCE_S`.
    """

    def ending(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - as signals call
        code = 128 + number
        loop.call_soon_threadsafe(leave, code)
        patience = threading.Timer(PATIENCE_S, os._exit, (code,))
        patience.daemon = True
        patience.start()

    for number in ENDING_SIGNALS:
        signal.signal(number, ending)

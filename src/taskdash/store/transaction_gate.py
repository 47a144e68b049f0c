"""Holds back what reads and writes the store while this process is stopped: the file would stay locked for all."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class TransactionGate:
    """Lets reads and transactions through, or holds them back.

    Whoever is inside may go in again. One that waits for another process's lock has none itself: it steps aside. Ctrl+Z
    in a thread that is inside stops the process when it has left.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_closed = False
        self._depths: dict[int, int] = {}
        """How often each thread that is inside went in."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Be inside for the block, once the gate is open."""
        thread = threading.get_ident()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
        try:
            self._enter(thread)
            try:
                yield
            finally:
                self._leave(thread)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

    def step_aside(self) -> None:
        """Let a stop come before this thread, which has nothing locked; nothing happens to one that went in twice."""
        thread = threading.get_ident()
        if self._depths.get(thread) == 1:
            self._leave(thread)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
            self._enter(thread)

    def close(self) -> None:
        """Let nobody in any more."""
        with self._changed:
            self._is_closed = True

    def wait_until_clear(self, timeout_s: float | None = None) -> None:
        """Return once nobody is inside, the gate was opened again, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._is_closed and self._depths), timeout_s)

    def open(self) -> None:
        """Let everybody in."""
        with self._changed:
            self._is_closed = False
            self._changed.notify_all()

    def _enter(self, thread: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closed or thread in self._depths)
            self._depths[thread] = self._depths.get(thread, 0) + 1

    def _leave(self, thread: int) -> None:
        with self._changed:
            self._depths[thread] -= 1
            if not self._depths[thread]:
                del self._depths[thread]
                self._changed.notify_all()


TRANSACTIONS: Final = TransactionGate()
"""Of all stores that this process has open."""

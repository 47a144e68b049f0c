"""Keeps this process from being stopped (Ctrl+Z) in mid-transaction, which would lock the file for everyone."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


class TransactionGate:
    """Lets reads and transactions through, or holds them back.

    A thread inside may enter again. One that waits for another process's lock holds none itself, so it steps aside.
    Ctrl+Z in a thread inside stops the process once the thread has left.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_closed = False
        self._depths: dict[int, int] = {}
        """How many times each thread inside has entered."""

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Wait until the gate is open, and stay inside for the block."""
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
        """Let a pending stop go first, as this thread has nothing locked; a no-op if it has entered twice."""
        thread = threading.get_ident()
        if self._depths.get(thread) == 1:
            self._leave(thread)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTSTP})
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTSTP})
            self._enter(thread)

    def close(self) -> None:
        """Let no more threads in."""
        with self._changed:
            self._is_closed = True

    def wait_until_clear(self, timeout_s: float | None = None) -> None:
        """Wait until no thread is inside, the gate is opened again, or the timeout is over."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._is_closed and self._depths), timeout_s)

    def open(self) -> None:
        """Let all threads in."""
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
"""Shared by all stores that this process has open."""

"""A queue for a number of places that may change while they are taken, which asyncio's semaphore cannot."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """Lets at most `limit` callers in at once, first come first served. For one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be in at once."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        """Let more in from now on, or fewer once some have left."""
        self._limit = limit
        self._admit()

    async def take(self) -> None:
        """Return once there is a place; each one taken is given back by `end`."""
        if self._taken < self._limit and not self._waiting:
            self._taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._waiting.remove(turn)
            else:  # it was given the place in the same moment
                self.end()
            raise

    def end(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._admit()

    def _admit(self) -> None:
        free = self._limit - self._taken
        for turn in [turn for turn in self._waiting if not turn.done()][: max(0, free)]:
            self._waiting.remove(turn)
            self._taken += 1
            turn.set_result(None)

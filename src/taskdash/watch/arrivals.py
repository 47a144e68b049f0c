"""Answers that have arrived and are not on disk yet, and when it is time to write them down: together, but soon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from taskdash.domain.task import Answer, Task

FLUSH_EVERY_S: Final = 0.2
FLUSH_AT: Final = 100
FLUSH_AT_BYTES: Final = 1024 * 1024
"""Large bodies are not kept waiting for each other."""


class Arrival(NamedTuple):
    """The task as it was when it was checked, what came back, and when, in Unix ms."""

    task: Task
    answer: Answer
    at_ms: int


class Arrivals:
    """What waits to be written down. Used on one event loop."""

    def __init__(self) -> None:
        self._waiting: list[Arrival] = []
        self._written = asyncio.Event()
        self._flushed_at_s = 0.0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, arrival: Arrival) -> None:
        """Have one more wait."""
        self._waiting.append(arrival)

    def waiting(self) -> list[Arrival]:
        """Those that wait, in the order they came in."""
        return self._waiting[:]

    def written(self, count: int, now_s: float) -> None:
        """The first `count` of them are on disk."""
        del self._waiting[:count]
        self._written.set()
        self._flushed_at_s = now_s

    def due_in_s(self, now_s: float) -> float:
        """How long they may still wait for others; 0 or less: write them down now."""
        if self._is_much():
            return 0.0
        # A clock that is set back must not keep answers from the disk.
        return min(FLUSH_EVERY_S, self._flushed_at_s + FLUSH_EVERY_S - now_s)

    async def room(self) -> None:
        """Return once not much waits any more."""
        while self._is_much():
            self._written.clear()
            await self._written.wait()

    def _is_much(self) -> bool:
        bodies_bytes = sum(len(arrival.answer.raw) for arrival in self._waiting)
        return len(self._waiting) >= FLUSH_AT or bodies_bytes >= FLUSH_AT_BYTES

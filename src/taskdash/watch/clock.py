"""Time, as something that is handed in: tests drive years through the watcher without waiting."""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Wall time for what people see, monotonic time for what is counted."""

    def now_ms(self) -> int:
        """Unix milliseconds. May jump."""

    def now_s(self) -> float:
        """Seconds of the machine's monotonic clock, the same for every process since boot."""

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return when `event` is set or `timeout_s` seconds have passed."""


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def now_s(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Wait for the event, at most `timeout_s` seconds."""
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await event.wait()
        except TimeoutError:
            return


@lru_cache(maxsize=1)
def boot_id() -> str:
    """A name for this run of the machine: monotonic times are comparable only within one.

    "" where the system has none. The moment of boot would be no name for it: it moves with the wall clock.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""

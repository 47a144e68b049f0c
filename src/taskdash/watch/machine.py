"""Provides the clocks and the boot ID, and checks whether another process is alive or stopped.

The clock is passed in everywhere, so that tests can take the watcher through years without waiting.
"""

from __future__ import annotations

import asyncio
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdash.store.checks import Process


class Clock:
    """Reads the system clocks: wall time for display, monotonic time for intervals."""

    def now_ms(self) -> int:
        """Return Unix milliseconds, which may jump."""
        return time.time_ns() // 1_000_000

    def now_s(self) -> float:
        """Return monotonic seconds, the same for every process since boot."""
        return time.monotonic()

    async def sleep(self, wait_s: float) -> None:
        """Sleep for `wait_s` seconds."""
        await asyncio.sleep(wait_s)

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Wait until `event` is set, for `timeout_s` seconds at most."""
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await event.wait()
        except TimeoutError:
            return


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the ID of the current boot, within which monotonic times are comparable; "" if the system has none.

    The boot time would not do as an ID, because it moves with the wall clock.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=1)
def this_process() -> Process:
    """Return the current process."""
    # Imported late: the dashboard's first frame needs the clock, but no watcher.
    from taskdash.store.checks import Process

    return Process(os.getpid(), _started(os.getpid()))


def is_alive(process: Process) -> bool:
    """Return whether this very process still runs, not a later one with the same PID.

    If the system does not report start times, any process with that PID counts.
    """
    if process.pid <= 0:
        return False
    try:
        os.kill(process.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    started = _started(process.pid)
    return not (started and process.started) or started == process.started


def is_stopped(process: Process) -> bool:
    """Return whether the process is stopped (SIGSTOP, SIGTSTP); False if the system does not report that."""
    return _stat(process.pid)[:1] == ["T"]


def _started(pid: int) -> str:
    """Return the start time, in clock ticks since boot; "" if unknown."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    # The process name before the state may contain spaces and brackets.
    return stat.rpartition(b")")[2].decode("ascii", "replace").split()

"""Asks the machine for its clocks, which run of it this is, and whether another process lives or was stopped.

Time is handed in, so that tests drive years through the watcher without waiting.
"""

from __future__ import annotations

import asyncio
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskdash.store.gateways import Process


class Clock:
    """The machine's clocks: wall time for what people see, monotonic time for what is counted."""

    def now_ms(self) -> int:
        """Return Unix milliseconds, which may jump."""
        return time.time_ns() // 1_000_000

    def now_s(self) -> float:
        """Return monotonic seconds, the same for every process since boot."""
        return time.monotonic()

    async def sleep(self, wait_s: float) -> None:
        """Return when so many seconds have passed."""
        await asyncio.sleep(wait_s)

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:
        """Return when `event` is set or `timeout_s` seconds have passed."""
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await event.wait()
        except TimeoutError:
            return


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return a name for this run of the machine, as monotonic times are comparable only within one; "" for none.

    The moment of boot would be no name for it: it moves with the wall clock.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=1)
def this_process() -> Process:
    """Return the process we are."""
    # The dashboard's first frame needs the clock, and no watcher yet.
    from taskdash.store.gateways import Process

    return Process(os.getpid(), _started(os.getpid()))


def is_alive(process: Process) -> bool:
    """Return whether this very process still runs; a later one of the same number is another.

    Where the system does not tell when a process started, any of that number counts.
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
    """Return whether the process is stopped (SIGSTOP, SIGTSTP); False where the system does not tell."""
    return _stat(process.pid)[:1] == ["T"]


def _started(pid: int) -> str:
    """Return when it started, in the system's own units since boot."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    # The name before the state may have spaces and brackets in it.
    return stat.rpartition(b")")[2].decode("ascii", "replace").split()

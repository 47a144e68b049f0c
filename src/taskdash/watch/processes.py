"""Whether another process lives, and whether it was stopped."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from taskdash.store.gateways import Process


@lru_cache(maxsize=1)
def this_process() -> Process:
    """The process we are."""
    return Process(os.getpid(), _started(os.getpid()))


def is_alive(process: Process) -> bool:
    """Whether this very process still runs; a later one of the same number is another.

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
    """Whether the process is stopped (SIGSTOP, SIGTSTP); False where the system does not tell."""
    return _stat(process.pid)[:1] == ["T"]


def _started(pid: int) -> str:
    """When it started, in the system's own units since boot."""
    fields = _stat(pid)
    return fields[19] if len(fields) > 19 else ""


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; the name before them may have spaces and brackets in it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    return stat.rpartition(b")")[2].decode("ascii", "replace").split()

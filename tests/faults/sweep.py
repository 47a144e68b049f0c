"""Many answers put to one run of the real program: each to a task of its own, none of them shielded by another.

A gateway that fails is left alone for a second, then two, then four. That is a promise of its own, with tests of its
own; here it would turn hundreds of faults into hours, so `check` runs with those pauses taken out, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.command import Command
from tests.servers import Peer, RawServer, Request
from tests.warm import Piped

Play = Callable[[Peer, Request], Awaitable[None]]

_IMPATIENT: Final = """
import taskdash.domain.pacing, taskdash.cli.check_rules, taskdash.api.client, taskdash.watch.watcher
taskdash.domain.pacing.FIRST_PAUSE_S = taskdash.watch.watcher.LEAST_ROUND_S = 0.0
taskdash.cli.check_rules.FAILURES_IN_A_ROW = 10**9
taskdash.api.client.Gateway.__init__.__kwdefaults__["deadline_s"] = {deadline_s}
"""
DEADLINE_S: Final = 15.0
"""The program's own, for a whole request."""


def task_id(number: int) -> str:
    """An ID of a known form, so that `check` takes it unasked."""
    return f"task_{number:032x}"


class ScriptedServer(RawServer):
    """A gateway whose every byte is scripted, per task."""

    def __init__(self) -> None:
        super().__init__(self._play)
        self.plays: dict[str, Play] = {}

    async def _play(self, peer: Peer, request: Request) -> None:
        await self.plays[request.task_id or ""](peer, request)


@dataclass(frozen=True, slots=True)
class Swept:
    """What became of one run of `check`."""

    returncode: int
    stderr: str
    peak_mb: float
    """The most memory the process ever had."""
    tasks: dict[str, dict[str, Any]]
    """As `list --json` has them, by ID."""

    def problem(self, task_id: str) -> str:
        """Kind and message of a task's problem; "" for none."""
        problem = self.tasks[task_id]["problem"]
        return f"{problem['kind']}: {problem['message']}" if problem else ""


def start_check(
    taskdash: Command,
    ids: Iterable[str],
    *,
    deadline_s: float = DEADLINE_S,
    first: str = "",
) -> Piped:
    """Start `check` with the pauses after a failure taken out; `first` is Python that runs before it.

    `deadline_s` may be less than it is.
    """
    return taskdash.start("check", *ids, first=first + _IMPATIENT.format(deadline_s=deadline_s))


def sweep(taskdash: Command, ids: Iterable[str], *, timeout_s: float = 120, is_listed: bool = True) -> Swept:
    """Check every ID once and list them; none is left out and nothing crashes.

    Raises:
        AssertionError: one was not answered, or there was a traceback.
    """
    wanted = list(ids)
    first = _IMPATIENT.format(deadline_s=DEADLINE_S)
    done, peak_mb = taskdash.measured("check", *wanted, first=first, timeout_s=timeout_s)
    assert "Traceback" not in done.stderr, done.stderr
    assert "not checked" not in done.stderr, done.stderr
    listed = taskdash.json("list", "--json") if is_listed else []
    tasks = {task["taskId"]: task for task in listed}
    assert not is_listed or tasks.keys() >= set(wanted)
    return Swept(done.returncode, done.stderr, peak_mb, tasks)


@contextmanager
def running(process: Piped) -> Iterator[Piped]:
    """End a process with the block, if it has not ended by itself."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def memory_mb(pid: int) -> float:
    """The most memory that a process ever had, in MB; 0 once it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = status.partition("VmHWM:")[2].split()
    return int(found[0]) / 1024 if found else 0.0


def cpu_s(pid: int) -> float:
    """How long a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

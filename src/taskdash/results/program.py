"""Runs a program of the user's to its end: in a session of its own, within a time, and without any key."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from taskdash.config.locations import users_umask
from taskdash.domain.task_json import task_environ, task_json

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from taskdash.domain.secret import KnownKeys
    from taskdash.domain.task import TaskDetail

MAX_OUTPUT_BYTES: Final = 16_384
MAX_KEPT_BYTES: Final = 1_048_576
"""What it prints goes into a temporary file, which is cut when it has more than this."""
POLL_S: Final = 0.05
TERM_GRACE_S: Final = 2.0
"""So long a command may take to end when asked to, before it is killed."""
STOP_GRACE_S: Final = 0.2
"""The same where taskdash itself is ending, and nobody is to wait for it."""
LIMIT_S: Final = 60.0
TOO_LONG: Final = "took too long and was ended"

START_WAIT_S: Final = 0.2
"""How long a program that is just being started is waited for before all are killed."""
_under_way: Final[set[subprocess.Popen[bytes]]] = set()
_starting: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run came out."""

    fault: str = ""
    """What went wrong, in a few words that follow the command's name; empty where nothing did."""
    output: str = ""
    """The beginning of what it printed, stderr as well."""
    started: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Runs programs of the user's for tasks: no key gets into what they are given, or out of what they print."""

    store_path: Path
    environ: Mapping[str, str]
    keys: KnownKeys
    hidden: Collection[str] = ()
    """Variables that no program gets, whatever is in them."""
    limit_s: float = LIMIT_S
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, arguments: Sequence[str], details: Sequence[TaskDetail], *, is_one: bool = True) -> Ran:
        """Run one for tasks, which it finds as JSON on its input; where it `is_one`, in its environment, too."""
        found = [self.keys.redact_values(detail) for detail in details]
        text = json.dumps(task_json(found[0]) if is_one else [task_json(each) for each in found])
        given = {
            name: value
            for name, value in self.environ.items()
            if name not in self.hidden and not self.keys.are_in(value)
        }
        environ = (
            given | (task_environ(found[0]) if is_one else {}) | {"TASKDASH_STORE": str(self.store_path)}
        )
        ran = run_command(arguments, text.encode() + b"\n", environ, limit_s=self.limit_s, stop=self.stop)
        return replace(ran, output=self.keys.redact(ran.output))


def end_threads(threads: Collection[threading.Thread], stop: threading.Event, grace_s: float) -> None:
    """Wait `grace_s` seconds for threads that run programs; then have `stop` end those, and wait for that."""
    until_s = time.monotonic() + grace_s
    try:
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
    finally:
        stop.set()
        for thread in threads:
            thread.join(2 * TERM_GRACE_S)


def kill_all() -> None:
    """Kill what runs, as this process ends without waiting for it; may be called from any thread."""
    is_ours = _starting.acquire(timeout=START_WAIT_S)
    for process in tuple(_under_way):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    if is_ours:
        _starting.release()


def run_command(
    arguments: Sequence[str],
    data: bytes,
    environ: Mapping[str, str],
    *,
    limit_s: float,
    stop: threading.Event,
) -> Ran:
    """Run a command to its end, with `data` on its standard input; no shell reads its arguments.

    After `limit_s`, or when `stop` is set, it is ended, with all that it started and that stayed in its session, which
    is its own: nothing it does reaches our terminal, and none of the terminal's keys reaches it.
    """
    program = os.path.expanduser(arguments[0])  # noqa: PTH111 - a bare name must stay one, to be found on the PATH
    try:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
            given.write(data)
            given.seek(0)
            # Written to its end, whatever that is: so it can be cut.
            fcntl.fcntl(printed, fcntl.F_SETFL, os.O_RDWR | os.O_APPEND)
            with _starting:
                process = subprocess.Popen(  # noqa: S603 - the user's own command, from the user's own config
                    [program, *arguments[1:]],
                    stdin=given,
                    stdout=printed,
                    stderr=subprocess.STDOUT,
                    env=dict(environ),
                    start_new_session=True,
                    umask=users_umask(),
                )
                _under_way.add(process)
            try:
                fault = _wait(process, printed.fileno(), time.monotonic() + limit_s, stop)
            finally:
                _under_way.discard(process)
            printed.seek(0)
            return Ran(fault, printed.read(MAX_OUTPUT_BYTES).decode("utf-8", "replace"))
    except (OSError, ValueError) as error:
        # A folder on the PATH that may not be searched makes of a missing program one that may not be run.
        is_name = isinstance(error, PermissionError) and os.sep not in program
        is_missing = is_name and not shutil.which(program, path=environ.get("PATH"))
        if is_missing or isinstance(error, FileNotFoundError):
            return Ran("was not found", started=False)
        return Ran(f"cannot be run ({getattr(error, 'strerror', None) or error})", started=False)


def _wait(process: subprocess.Popen[bytes], printed: int, until_s: float, stop: threading.Event) -> str:
    """Wait until the process has ended, or end it; return what went wrong, if anything."""
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(POLL_S)
            return f"was ended by signal {-code}" if code < 0 else f"failed (exit {code})" if code else ""
        if os.fstat(printed).st_size > MAX_KEPT_BYTES:
            os.ftruncate(printed, MAX_OUTPUT_BYTES)
        if stop.is_set():
            _end(process, STOP_GRACE_S)
            return "was ended together with taskdash"
        if time.monotonic() >= until_s:
            _end(process, TERM_GRACE_S)
            return TOO_LONG


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End the process and all of its group: politely, then not."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace_s)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

"""Runs the user's own programs for tasks: in a session of their own, with a time limit, and without any API key.

`OwnCommands` are run by key presses in the dashboard. `FinishCommand` is `on_finish`, whose queue is the store: a free
thread claims a task and runs the command for it. Tasks left when taskdash ends are handled by the next watcher; a
claimed one is never run again, whatever happened to it.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import signal
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.config.files import users_umask
from taskdash.domain.batches import Way
from taskdash.domain.errors import StoreError
from taskdash.domain.task_json import task_environ, task_json
from taskdash.domain.untrusted import inert, inert_line
from taskdash.domain.words import plural
from taskdash.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from taskdash.config.own import OwnCommand
    from taskdash.domain.secret import KnownKeys
    from taskdash.domain.task import TaskDetail

MAX_OUTPUT_BYTES: Final = 16_384
MAX_KEPT_BYTES: Final = 1_048_576
"""Output goes to a temporary file, which is truncated when it exceeds this."""
POLL_S: Final = 0.05
TERM_GRACE_S: Final = 2.0
"""How long a command may take to exit on SIGTERM before it is killed."""
STOP_GRACE_S: Final = 0.2
"""The same while taskdash itself is ending and should not be held up."""
LIMIT_S: Final = 60.0
TOO_LONG: Final = "took too long and was ended"
FINISHED_AT_ONCE: Final = 2
"""How many tasks `on_finish` runs for at a time."""
RETRY_S: Final = 5.0
MAX_LOGGED_LINES: Final = 40
MAX_AT_ONCE: Final = 64
MAX_OUTPUT_CHARS: Final = 65_536
"""Of the output for all tasks together; the rest is left out."""
_under_way: Final[set[subprocess.Popen[bytes]]] = set()

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ran:
    """Tells how a run ended."""

    fault: str = ""
    """What went wrong, in a few words that follow the command's name; empty if nothing did."""
    output: str = ""
    """The beginning of its output, including stderr."""
    started: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Runs the user's own programs for tasks, without any API key in their input, environment or reported output.

    Each has a session of its own, so that it cannot reach our terminal, and the terminal's keys do not reach it. After
    `limit_s`, or when `stop` is set, it is ended together with everything that it started in its process group.
    """

    store_path: Path
    environ: Mapping[str, str]
    keys: KnownKeys
    hidden: Collection[str] = ()
    limit_s: float = LIMIT_S
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, arguments: Sequence[str], details: Sequence[TaskDetail], *, is_one: bool = True) -> Ran:
        """Run a program to its end, without a shell, for tasks, which it gets as JSON on its input.

        With `is_one`, it gets the task in its environment as well.
        """
        found = [self.keys.redact_values(detail) for detail in details]
        text = json.dumps(task_json(found[0]) if is_one else [task_json(each) for each in found])
        environ = {
            name: value
            for name, value in self.environ.items()
            if name not in self.hidden and not self.keys.are_in(value)
        }
        if is_one:
            environ |= task_environ(found[0])
        environ["TASKDASH_STORE"] = str(self.store_path)
        try:
            ran = self._run(arguments, text.encode() + b"\n", environ)
        except FileNotFoundError:
            return Ran("was not found", started=False)
        except (OSError, ValueError) as error:
            return Ran(f"cannot be run ({getattr(error, 'strerror', None) or error})", started=False)
        return replace(ran, output=self.keys.redact(ran.output))

    def end(self, runs: Collection[Future[None]], grace_s: float) -> None:
        """Wait `grace_s` seconds for runs to end; then end them, and wait for that."""
        try:
            wait(runs, grace_s)
        finally:
            self.stop.set()
            wait(runs, 2 * TERM_GRACE_S)

    def _run(self, arguments: Sequence[str], data: bytes, environ: Mapping[str, str]) -> Ran:
        program = os.path.expanduser(arguments[0])  # noqa: PTH111 - a bare name must stay one, to be found on the PATH
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as printed:
            given.write(data)
            given.seek(0)
            # Append mode, so that the file can be truncated while the program writes to it.
            fcntl.fcntl(printed, fcntl.F_SETFL, os.O_RDWR | os.O_APPEND)
            process = subprocess.Popen(  # noqa: S603 - the user's own command, from the user's own config
                [program, *arguments[1:]],
                stdin=given,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env=environ,
                start_new_session=True,
                umask=users_umask(),
            )
            _under_way.add(process)
            try:
                fault = self._wait(process, printed.fileno())
            finally:
                _under_way.discard(process)
            printed.seek(0)
            return Ran(fault, printed.read(MAX_OUTPUT_BYTES).decode("utf-8", "replace"))

    def _wait(self, process: subprocess.Popen[bytes], printed: int) -> str:
        """Wait until the process has ended, or end it; return what went wrong, if anything."""
        until_s = time.monotonic() + self.limit_s
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(POLL_S)
                if code < 0:
                    return f"was ended by signal {-code}"
                return f"failed (exit {code})" if code else ""
            if os.fstat(printed).st_size > MAX_KEPT_BYTES:
                os.ftruncate(printed, MAX_OUTPUT_BYTES)
            if self.stop.is_set():
                _end(process, STOP_GRACE_S)
                return "was ended together with taskdash"
            if time.monotonic() >= until_s:
                _end(process, TERM_GRACE_S)
                return TOO_LONG


def _end(process: subprocess.Popen[bytes], grace_s: float) -> None:
    """End the process and its group, by SIGTERM first, then by SIGKILL."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(grace_s)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


# Run by key presses


class Ended(NamedTuple):
    """Tells the user how a command ended."""

    text: str
    output: str = ""
    """Its output, inert and without any API key."""
    is_bad: bool = False


class OwnCommands:
    """Runs commands in threads of their own, each for one task after another; only `close` waits for them."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._pool = ThreadPoolExecutor(MAX_AT_ONCE, "command")
        self._runs: dict[Future[None], str] = {}

    def run(
        self,
        command: OwnCommand,
        seqs: Sequence[int],
        read: Callable[[Sequence[int]], list[TaskDetail]],
        on_end: Callable[[Ended], None],
    ) -> None:
        """Start a command for tasks; `read` and `on_end` are called from another thread, the latter once."""

        def work() -> None:
            runs: list[tuple[str, Ran]] = []
            is_each = command.runs_for == "each"
            try:
                for portion in [seqs] if command.runs_for == "all" else [[seq] for seq in seqs]:
                    details = read(portion)
                    if not details:
                        continue  # removed since
                    ran = self._programs.run(command.command, details, is_one=is_each)
                    runs.append((details[0].task.task_id if is_each else "", ran))
                    # One that cannot be started is tried once, and one that hangs is not run for the rest.
                    if self._programs.stop.is_set() or not ran.started or ran.fault == TOO_LONG:
                        break
                ended = _ended(command, runs, len(seqs))
            except StoreError as error:
                ended = Ended(f"{command.name}: {error}", is_bad=True)
            except Exception as error:
                # No traceback: it might show values.
                _log.error("command %s: %s", command.name, type(error).__name__)
                ended = Ended(f"{command.name}: {type(error).__name__} in taskdash", is_bad=True)
            _log.info("command %s", ended.text)
            on_end(ended)

        under_way = {run: name for run, name in self._runs.items() if not run.done()}
        self._runs = under_way | {self._pool.submit(work): command.name}

    @property
    def running(self) -> list[str]:
        """Return the names of the running commands."""
        return [name for run, name in self._runs.items() if not run.done()]

    def close(self, grace_s: float = 0.0) -> None:
        """End commands that still run after `grace_s` seconds."""
        self._pool.shutdown(wait=False)
        self._programs.end(self._runs, grace_s)


def _ended(command: OwnCommand, runs: Sequence[tuple[str, Ran]], count: int) -> Ended:
    """Put into words how runs ended, each with the ID of its task ("" if it was for all)."""
    if not runs:
        return Ended(f"{command.name}: these tasks are no longer on the list", is_bad=True)
    faults = [ran.fault for _, ran in runs if ran.fault]
    if len(runs) == 1:
        (_, ran), program = runs[0], inert_line(command.command[0], 80)
        how = ran.fault or "ended (exit 0)"
        text = f"{command.name}: {how}" if ran.started else f"{command.name}: {program} {how}"
    else:
        text = f"{command.name} ended for {plural(len(runs), 'task')}"
        text += f", {len(faults):,} of which failed: {faults[0]}" if faults else " (exit 0)"
    if TOO_LONG in faults and command.runs_for == "each" and len(runs) < count:
        text += "; not run for the rest"
    printed = [(task_id, ran.output.rstrip()) for task_id, ran in runs]
    parts = [f"{task_id}:\n{output}" if len(runs) > 1 else output for task_id, output in printed if output]
    return Ended(text, inert("\n".join(parts), max_chars=MAX_OUTPUT_CHARS), bool(faults))


# Run for each task that finishes


class FinishCommand:
    """Runs `on_finish` in threads of its own; only `is_idle` and `close` wait for them."""

    def __init__(self, arguments: Sequence[str], profile: str, programs: Programs) -> None:
        """Prepare; nothing runs before the first `wake`."""
        self._arguments = tuple(arguments)
        self._profile = profile
        self._programs = programs
        self._pool = ThreadPoolExecutor(FINISHED_AT_ONCE, "on-finish")
        self._looks: list[Future[None]] = []
        self._lock = threading.Lock()
        self._closing = False
        self._told: set[str] = set()
        self._on_trouble: Callable[[str], None] = lambda _: None

    def listen(self, on_trouble: Callable[[str], None]) -> None:
        """Call `on_trouble` with one line, from any thread, when the command fails in a way not reported yet."""
        self._on_trouble = on_trouble

    @property
    def is_running(self) -> bool:
        """Return whether it is at work on a task, or looks for one."""
        return any(look.running() for look in self._looks)

    def wake(self) -> None:
        """Look in the store for ended tasks that the command has not been run for."""
        with self._lock:
            if self._closing:
                return
            self._looks = [look for look in self._looks if not look.done()]
            # Running look-ups may miss new tasks.
            waiting = sum(not look.running() for look in self._looks)
            self._looks += [self._pool.submit(self._look) for _ in range(waiting, FINISHED_AT_ONCE)]

    def is_idle(self, timeout_s: float) -> bool:
        """Wait until everything found since the last `wake` has run; return whether that was within the time."""
        return not wait(self._looks, timeout_s).not_done

    def close(self, grace_s: float = 0.0) -> None:
        """Start nothing more, and end commands that still run after `grace_s` seconds."""
        with self._lock:
            self._closing = True
        self._pool.shutdown(wait=False)
        self._programs.end(self._looks, grace_s)

    def kill(self) -> None:
        """Kill what runs, as this process ends without waiting for it; may be called from any thread."""
        for process in tuple(_under_way):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)

    def _look(self) -> None:
        """Run the command for one task after another, until none is left."""
        # Opening a list that has just been deleted would begin a new one: those who have it open notice and say so.
        if self._closing or not self._programs.store_path.exists():
            return
        try:
            with Store(self._programs.store_path) as store:
                while not self._closing:
                    seq = store.news.claim_next(self._profile, Way.COMMAND)
                    if seq is None:
                        return
                    self._run(store, seq)
        except StoreError as error:
            _log.warning("on_finish waits for the store: %s", error)
            again = threading.Timer(RETRY_S, self.wake)
            again.daemon = True
            again.start()

    def _run(self, store: Store, seq: int) -> None:
        if (detail := store.tasks.detail(seq)) is None:
            return
        began_s = time.monotonic()
        try:
            ran = self._programs.run(self._arguments, [detail])
        except Exception as error:
            # No traceback: it might show values.
            _log.error("on_finish: %s", type(error).__name__)
            self._on_trouble(f"on_finish: {type(error).__name__} in taskdash")
            return
        task_id, took_s = detail.task.task_id, time.monotonic() - began_s
        level = logging.WARNING if ran.fault else logging.INFO
        _log.log(level, "on_finish for %s %s, %.1f s", task_id, ran.fault or "ran", took_s)
        for line in ran.output.splitlines()[:MAX_LOGGED_LINES]:
            _log.info("on_finish for %s printed: %s", task_id, inert_line(line, 1_000))
        with self._lock:
            # Each kind of failure is reported once, as a broken command fails for every task.
            is_news = bool(ran.fault) and ran.fault not in self._told
            self._told.add(ran.fault)
        if is_news:
            whose = f" for {task_id}; the log has more" if ran.started else ""
            self._on_trouble(f"on_finish: {inert_line(self._arguments[0], 80)} {ran.fault}{whose}")

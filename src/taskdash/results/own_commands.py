"""The user's own commands: programs that a key runs for tasks, beside the dashboard, and what they printed."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.errors import StoreError
from taskdash.domain.untrusted import inert, inert_line
from taskdash.domain.words import plural
from taskdash.results.program import TOO_LONG, end_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from taskdash.config.own import OwnCommand
    from taskdash.domain.task import TaskDetail
    from taskdash.results.program import Programs, Ran

MAX_OUTPUT_CHARS: Final = 65_536
"""Of what is printed for all tasks together; the rest is left out."""

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())


class Ended(NamedTuple):
    """How a command came out, for people."""

    text: str
    output: str = ""
    """What it printed, inert and without any key."""
    is_bad: bool = False


class OwnCommands:
    """Runs them in threads of their own, each for one task after the other: nothing here waits for them but `close`."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._threads: dict[threading.Thread, str] = {}

    def run(
        self,
        command: OwnCommand,
        seqs: Sequence[int],
        read: Callable[[Sequence[int]], list[TaskDetail]],
        on_end: Callable[[Ended], None],
    ) -> None:
        """Begin to run a command for tasks; `read` and `on_end` are called from another thread, the latter once."""
        work = partial(self._work, command, self._runs(command, seqs, read), len(seqs), on_end)
        thread = threading.Thread(target=work, name=f"command-{command.name}", daemon=True)
        thread.start()
        alive = {each: name for each, name in self._threads.items() if each.is_alive()}
        self._threads = alive | {thread: command.name}

    @property
    def running(self) -> list[str]:
        """Return the names of those that run."""
        return [name for thread, name in self._threads.items() if thread.is_alive()]

    def close(self, grace_s: float = 0.0) -> None:
        """End what still runs after `grace_s` seconds."""
        end_threads(self._threads, self._programs.stop, grace_s)

    def _work(
        self,
        command: OwnCommand,
        runs: Iterator[tuple[str, Ran]],
        count: int,
        on_end: Callable[[Ended], None],
    ) -> None:
        try:
            ended = self._ended(command, list(runs), count)
        except StoreError as error:
            ended = Ended(f"{command.name}: {error}", is_bad=True)
        except Exception as error:
            # No traceback: it might show values.
            _log.error("command %s: %s", command.name, type(error).__name__)
            ended = Ended(f"{command.name}: {type(error).__name__} in taskdash", is_bad=True)
        _log.info("command %s", ended.text)
        on_end(ended)

    def _runs(
        self,
        command: OwnCommand,
        seqs: Sequence[int],
        read: Callable[[Sequence[int]], list[TaskDetail]],
    ) -> Iterator[tuple[str, Ran]]:
        """Yield what each run is for, and how it came out.

        A program that cannot be run is tried once, and one that hangs is not run for the rest: each would take as long.
        """
        for portion in [seqs] if command.runs_for == "all" else [[seq] for seq in seqs]:
            details = read(portion)
            if not details:
                continue  # removed since
            is_one = command.runs_for == "each"
            ran = self._programs.run(command.command, details, is_one=is_one)
            yield details[0].task.task_id if is_one else "", ran
            if self._programs.stop.is_set() or not ran.started or ran.fault == TOO_LONG:
                return

    def _ended(self, command: OwnCommand, runs: Sequence[tuple[str, Ran]], count: int) -> Ended:
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
        parts = [
            f"{task_id}:\n{output}" if len(runs) > 1 else output for task_id, output in printed if output
        ]
        return Ended(text, inert("\n".join(parts), max_chars=MAX_OUTPUT_CHARS), bool(faults))

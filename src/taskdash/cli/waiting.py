"""`taskdash check` and `taskdash wait`: have the watcher check tasks, once or until they are finished."""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, Self

import click

from taskdash.cli.check_rules import CheckRules
from taskdash.cli.editing import with_stdin
from taskdash.cli.following import Following, run_logged
from taskdash.cli.options import command, complete_ids, selection_options, waiting_options
from taskdash.cli.output import RESUMES, complain, print_json, print_json_array, print_lines, talk
from taskdash.cli.process import END_S, end_now
from taskdash.cli.rules import WaitRules
from taskdash.cli.selection import find_or_add
from taskdash.domain.errors import TaskdashError, UsageError
from taskdash.domain.query import STATES, UNFINISHED
from taskdash.domain.task import State, TaskDetail
from taskdash.domain.task_json import task_json
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.query import Query
    from taskdash.domain.task import Json, Task
    from taskdash.results.download_thread import DownloadThread

SAVING_POLL_S: Final = 0.2
HEADWAY_S: Final = 5.0
HEADWAY_BYTES: Final = 65_536
"""How much must arrive in `HEADWAY_S`, unless a result is done, for a command to keep waiting."""
_FIND: Final = partial(find_or_add, tells_prefixes=True)


@command(
    "Check tasks once and print what changed.",
    example="taskdash check && taskdash list --state success --ids",
)
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.option("--no-wait", is_flag=True, help="Exit at once if rate-limited (default: wait up to 10s).")
@click.option(
    "--json", "as_json", is_flag=True, help="Output the tasks as a JSON array, whatever the exit code."
)
@click.pass_obj
def check(
    session: Session, task_ids: Sequence[str], *, selection: Selection, no_wait: bool, as_json: bool
) -> int:
    """Check tasks once, now, and print what changed.

    Without IDs, checks all unfinished tasks; --filter and --label narrow that down, --state can select finished ones.
    Prints a line for each task whose state changed: its ID, a tab, old and new state. Errors go to stderr. A full ID
    that is not listed is added first.
    """
    task_ids = with_stdin(session, task_ids)
    with session.open_store() as store:
        tasks = selection.tasks(session, store, task_ids, _FIND, states=STATES[UNFINISHED])
    if not tasks:
        talk("nothing to check: no unfinished tasks")
        if as_json:
            print_json_array([])
        return 0
    rules = CheckRules(tasks, are_named=bool(task_ids), waits=not no_wait)
    with AutoSaving(session) as saving:
        ended_by = run_logged(session, Following(session, rules, saving).run())
        changes, troubles, code = rules.outcome()
        for line in troubles:
            complain(line)
        if as_json:
            _print_items(_items(session, rules))
        else:
            print_lines(changes)
        if ended_by:
            return 128 + ended_by
        saving.finish(is_patient=False)
    return code


@command(
    "Wait until tasks are finished.", example="taskdash wait --label mugs --timeout 15m && notify-send done"
)
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@waiting_options
@click.option(
    "--json", "as_json", is_flag=True, help="Output the tasks as a JSON array, whatever the exit code."
)
@click.pass_obj
def wait(
    session: Session,
    task_ids: Sequence[str],
    *,
    selection: Selection,
    timeout_s: float | None,
    compact: bool,
    as_json: bool,
    beside: dict[str, Json] | None = None,
) -> int:
    """Wait until tasks are finished, with a line on stderr for each change.

    Give IDs, `-` to read them from standard input, or a selection. A selection covers the tasks that match at the start
    (if none do, exits with 1) and any that match later. A full ID that is not listed is added first.

    Exits with 0 only if every task succeeded; with 1 if one failed, 3 if one is unknown, 4 if the API key is missing or
    rejected, 5 or 124 on timeout. Rate limits and server or network errors are retried.
    """
    # `beside` is the rest of the JSON document that `add --wait` prints with the tasks.
    rules: WaitRules | None = None
    limit = TimeLimit(timeout_s)
    try:
        task_ids = with_stdin(session, task_ids)
        with session.open_store(limit.left_s + END_S) as store:
            tasks = selection.tasks(session, store, task_ids, _FIND)
            query = selection.query(session) if selection.is_given else None
            rules = WaitRules(
                tasks,
                session.now_ms(),
                timeout_s,
                are_named=query is None,
                is_compact=compact,
            )
        limit.enforce(partial(_give_up, rules, as_json=as_json, beside=beside))
        return _watch(session, rules, limit, query, RESUMES if beside is None else _resumes(task_ids))
    except (UsageError, click.UsageError):
        # With a wrong command line or config, there was no wait, and so no array to print.
        as_json = False
        raise
    finally:
        limit.take_last_word()
        if as_json:
            _print_items(_items(session, rules, limit.left_s) if rules else [], beside)


def _resumes(task_ids: Sequence[str]) -> str:
    """Return how to wait on after `add --wait`: what created the tasks before it must not run again."""
    command = f"`taskdash wait {task_ids[0]}`" if len(task_ids) == 1 else "`taskdash wait` with these IDs"
    return f"interrupted; run {command} to resume"


def _watch(session: Session, rules: WaitRules, limit: TimeLimit, query: Query | None, resumes: str) -> int:
    with AutoSaving(session) as saving:
        saving.see(rules.tasks)
        ended_by = 0
        if not rules.is_over(0):
            following = Following(session, rules, saving, query)
            ended_by = run_logged(session, following.run(lambda: not limit.left_s))
        if ended_by:
            talk(resumes)
            return 128 + ended_by
        saving.finish(limit.left_s)
    limit.take_last_word()
    code = rules.exit_code()
    for line in rules.untold():
        complain(line)
    (complain if code else talk)(rules.summary())
    return code


def _give_up(rules: WaitRules, *, as_json: bool, beside: dict[str, Json] | None) -> int:
    """Print the state so far if something keeps this command from ending; return the exit code."""
    rules.timed_out = True
    code = rules.exit_code()
    (complain if code else talk)(rules.summary())
    if as_json:
        _print_items(_last_seen(rules), beside)
    return code


def _print_items(items: list[Json], beside: dict[str, Json] | None = None) -> None:
    if beside is None:
        print_json_array(list(map(json.dumps, items)))
    else:
        print_json({**beside, "tasks": items})


def _items(session: Session, rules: CheckRules | WaitRules, left_s: float = math.inf) -> list[Json]:
    """Return the current state of the tasks for JSON, or the last one seen if the store cannot be read."""
    try:
        with session.open_store(left_s + END_S) as store:
            seqs = [task.seq for task in rules.tasks]
            store.saved.forget_gone(seqs)
            return [*map(task_json, store.tasks.details(seqs, raw=False, now_ms=session.now_ms()))]
    except TaskdashError:
        return _last_seen(rules)


def _last_seen(rules: CheckRules | WaitRules) -> list[Json]:
    return [task_json(TaskDetail(task=task)) for task in rules.tasks]


class AutoSaving:
    """Saves each result as its task finishes, in a `with` block, if the config asks for it (`auto_download`)."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._thread: DownloadThread | None = None
        self._seen: set[int] = set()

    def see(self, tasks: Iterable[Task]) -> None:
        """Save the results of tasks that have just succeeded, in the background."""
        having = (task.seq for task in tasks if task.state is State.SUCCESS and task.result_count)
        session = self._session
        if session.settings.auto_download and (seqs := [seq for seq in having if seq not in self._seen]):
            self._seen.update(seqs)
            self._thread = self._thread or session.wiring.downloads(is_beside_command=True)
            self._thread.save(seqs)

    def finish(self, left_s: float = math.inf, *, is_patient: bool = True) -> None:
        """Wait up to `left_s` for downloads to finish; unless `is_patient`, only while they make progress."""
        if (thread := self._thread) is None:
            return
        arrived_s, at = time.monotonic(), (-1, 0)
        until_s = arrived_s + left_s
        while not thread.is_drained(min(SAVING_POLL_S, left_s)):
            now_s, status = time.monotonic(), thread.status
            got = sum(each.got for each in status.running)
            if status.done != at[0] or got >= at[1] + HEADWAY_BYTES:
                arrived_s, at = now_s, (status.done, got)
            if now_s >= until_s or not (is_patient or now_s - arrived_s < HEADWAY_S):
                left = plural(max(1, status.total - status.done), "result")
                talk(f"{left} not saved yet; run `taskdash download` to resume")
                return
        self._tell(thread)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel the downloads that are still running."""
        if self._thread is not None:
            self._thread.stop(END_S)
            self._tell(self._thread)

    def _tell(self, thread: DownloadThread) -> None:
        for news in thread.take_news():
            talk(news.text)


class TimeLimit:
    """Limits the time of a command; once enforced, it ends the process a second after the time is up."""

    def __init__(self, timeout_s: float | None) -> None:
        self._until_s = math.inf if timeout_s is None else time.monotonic() + timeout_s
        self._last_word = threading.RLock()

    @property
    def left_s(self) -> float:
        """Return the time left, in seconds."""
        return max(0.0, self._until_s - time.monotonic())

    def enforce(self, report: Callable[[], int]) -> None:
        """End the process a second after the time is up; `report` prints the outcome and returns the exit code.

        It is called in another thread, and only if the command itself has not started to print the outcome.
        """
        if self._until_s < math.inf:
            timer = threading.Timer(min(self.left_s + END_S, threading.TIMEOUT_MAX), self._end, [report])
            timer.daemon = True
            timer.start()

    def take_last_word(self) -> None:
        """Reserve the outcome for this thread to print; never returns if another thread is printing it."""
        self._last_word.acquire()

    def _end(self, report: Callable[[], int]) -> None:
        if self._last_word.acquire(blocking=False):
            code = report()
            with suppress(OSError, ValueError):
                sys.stdout.flush()
            end_now(code)

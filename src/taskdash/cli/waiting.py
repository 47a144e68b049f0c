"""`taskdash wait`: follow tasks to their end, whoever checks them."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.auto_saving import AutoSaving
from taskdash.cli.finishing import mark_told
from taskdash.cli.following import (
    EXIT_CODES,
    POLL_S,
    Notices,
    change_line,
    find_or_add,
    first_cause,
    pause,
    run_beside_watcher,
)
from taskdash.cli.options import common_options, complete_ids, pass_session
from taskdash.cli.output import print_json_array, talk
from taskdash.cli.progress import Progress
from taskdash.config.keys import find_key
from taskdash.domain.errors import StoreError, TaskdashError, UsageError
from taskdash.domain.task import ProblemKind, State, Task
from taskdash.domain.words import started_ms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.session import Session
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.watcher import Watcher

NEW_FOR_MS: Final = 30_000
"""So long after it was added, an ID that is not found may only be too new."""
APART_MS: Final = 5_000
"""Two checks that found nothing count as two when they are so far apart."""
OLD_MS: Final = 600_000
"""The schedule knows best when to look at a young task. An older one it leaves alone ever longer, not so who waits."""
OLD_GAPS_MS: Final = ((30_000, 3_000), (120_000, 5_000), (600_000, 15_000))
"""How far apart the checks of an old task are, until so long after the waiting began; then `OLDEST_GAP_MS`."""
OLDEST_GAP_MS: Final = 30_000
READ_EVERY_S: Final = 1.0
LEFT_TO_WATCHER_MS: Final = 1_000
"""A check that is due is left to the dashboard that watches for so long; then it may be paused, so it is asked for."""
_RIDDEN_OUT: Final = (ProblemKind.RATE_LIMITED, ProblemKind.SERVER_ERROR, ProblemKind.UNREACHABLE)
_SETTLED: Final = (ProblemKind.NO_CREDITS, ProblemKind.REJECTED, ProblemKind.UNREADABLE)


@click.command(
    epilog="Example: taskdash wait 5064bd1a --timeout 600 && taskdash open 5064bd1a",
    short_help="Wait until tasks are finished.",
)
@click.argument("task_ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete_ids)
@click.option(
    "--timeout",
    "timeout_s",
    metavar="S",
    type=click.FloatRange(min=0, max=31_536_000),
    help="Give up after so many seconds (default: never).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the tasks as one JSON array, however it ends.")
@common_options
@pass_session
def wait(session: Session, task_ids: Sequence[str], *, timeout_s: float | None, as_json: bool) -> int:
    """Wait until all tasks are finished; each change is a line on stderr.

    Exits with 0 only if every task is a success: 1 if one failed, 3 if one is unknown, 4 if the key is refused or
    missing, 5 or 124 if the time is over. Rate limits and failures of the server or the network are waited out. An ID
    that is not on the list is added first. ID may be a unique prefix of 6 characters or more.
    """
    vigil: Vigil | None = None
    try:
        with session.open_store() as store:
            vigil = Vigil(find_or_add(session, store, task_ids), session.now_ms(), timeout_s)
        return _watch(session, vigil)
    except UsageError:
        # With the command line or the config wrong there was no waiting, and no array of it.
        as_json = False
        raise
    except TaskdashError:
        if vigil is None and as_json:
            print_json_array([])
            as_json = False
        raise
    finally:
        if as_json:
            print_json_array(_items(session, vigil))


def _watch(session: Session, vigil: Vigil) -> int:
    if vigil.is_over(session.now_ms()):
        with AutoSaving(session) as saving:
            saving.see(vigil.tasks)
            saving.finish()
        return vigil.exit_code()
    key = find_key(session.profile, session.environ).secret
    with AutoSaving(session) as saving:
        run = _Run(session, vigil, saving)
        ended_by = asyncio.run(run_beside_watcher(session, key, run.follow))
        if ended_by:
            return 128 + ended_by
        saving.finish()
    code = vigil.exit_code()
    if code:
        talk(vigil.closing_line())
    return code


def _items(session: Session, vigil: Vigil | None) -> list[str]:
    """The tasks as they are now; as they were last seen where the store cannot be read any more."""
    if vigil is None:
        return []
    import json

    from taskdash.domain.task import TaskDetail
    from taskdash.domain.task_json import task_json

    try:
        with session.open_store() as store:
            details = list(store.documents.details([task.seq for task in vigil.tasks]))
    except TaskdashError:
        details = [TaskDetail(task=task) for task in vigil.tasks]
    return [json.dumps(task_json(detail)) for detail in details]


class Vigil:
    """What is waited for, and what may end the waiting. Pure: every moment is handed in."""

    def __init__(self, tasks: Sequence[Task], started_ms: int, timeout_s: float | None = None) -> None:
        self.tasks = list(tasks)
        self.removed: list[Task] = []
        self.timed_out = False
        self._started_ms = started_ms
        self._now_ms = started_ms
        self._timeout_ms = None if timeout_s is None else round(timeout_s * 1000)

    @property
    def waiting_for(self) -> list[Task]:
        """Those that are still to finish."""
        return [task for task in self.tasks if not self._is_settled(task)]

    def see(self, tasks: Sequence[Task]) -> list[str]:
        """Take the tasks as they are now; return a line for each change. A task that is missing was removed."""
        now = {task.seq: task for task in tasks}
        lines = []
        for before in self.tasks:
            after = now.get(before.seq)
            if after is None:
                self.removed.append(before)
                lines.append(f"{before.task_id}: was removed from the list")
            elif line := change_line(before, after):
                lines.append(line)
        self.tasks = list(tasks)
        return lines

    def to_ask(self, now_ms: int, left_to_watcher_ms: int) -> list[int]:
        """The `seq` of the tasks that want a check now and were not asked for yet."""
        return [
            task.seq
            for task in self.waiting_for
            if task.asked_at_ms is None and self._due_ms(task, left_to_watcher_ms) <= now_ms
        ]

    def is_over(self, now_ms: int, elapsed_ms: int = 0) -> bool:
        """Whether there is nothing left to wait for."""
        self._now_ms = now_ms
        self.timed_out = self._timeout_ms is not None and elapsed_ms >= self._timeout_ms
        hopeless = any(self._is_refused(task) or self._is_unknown(task) for task in self.tasks)
        return not self.waiting_for or hopeless or bool(self.removed) or self.timed_out

    def left_s(self, elapsed_s: float) -> float:
        """How long until the time is over, in seconds."""
        return math.inf if self._timeout_ms is None else max(0.0, self._timeout_ms / 1000 - elapsed_s)

    def exit_code(self) -> int:
        """What it came to, once `is_over`."""
        codes = {3} if self.removed else set()
        for task in self.tasks:
            problem = task.problem
            if task.state.finished:
                codes |= {1} if task.state is State.FAIL else set()
            elif self._is_refused(task) or self._is_unknown(task) or self._is_settled(task):
                assert problem is not None  # noqa: S101 - each of the three is a problem
                codes.add(EXIT_CODES[problem.kind])
            elif self.timed_out:
                codes.add(5 if problem is not None and problem.kind in _RIDDEN_OUT else 124)
        return first_cause(codes)

    def closing_line(self) -> str:
        """In words, how it ended badly."""
        unknown = sum(self._is_unknown(task) for task in self.tasks)
        counts = [
            (sum(task.state is State.SUCCESS for task in self.tasks), "succeeded"),
            (sum(task.state is State.FAIL for task in self.tasks), "failed"),
            (unknown, "unknown to the API"),
            (len(self.removed), "removed"),
            (sum(not task.state.finished for task in self.tasks) - unknown, "not finished"),
        ]
        why = "time is over: " if self.timed_out else ""
        return why + ", ".join(f"{count} {what}" for count, what in counts if count)

    def _due_ms(self, task: Task, left_to_watcher_ms: int) -> int:
        answered = self._is_answered(task)
        if task.problem is not None and not answered:
            # An old problem says nothing of today: ask anew.
            return self._started_ms
        due_ms = self._started_ms if task.next_check_at_ms is None else task.next_check_at_ms
        checked_ms = task.checked_at_ms
        if checked_ms is not None and task.problem is None and checked_ms - started_ms(task) >= OLD_MS:
            due_ms = min(due_ms, checked_ms + self._old_gap_ms(checked_ms))
        elif (
            checked_ms is not None and task.problem is not None and task.problem.kind is ProblemKind.NOT_FOUND
        ):
            # The schedule looks for lost IDs ever more rarely; here somebody waits for the answer.
            due_ms = min(due_ms, checked_ms + APART_MS)
        return due_ms + left_to_watcher_ms

    def _old_gap_ms(self, checked_ms: int) -> int:
        waited_ms = checked_ms - self._started_ms
        return next((gap_ms for until_ms, gap_ms in OLD_GAPS_MS if waited_ms < until_ms), OLDEST_GAP_MS)

    def _is_answered(self, task: Task) -> bool:
        return task.checked_at_ms is not None and task.checked_at_ms >= self._started_ms

    def _is_settled(self, task: Task) -> bool:
        if task.state.finished:
            return True
        return task.problem is not None and task.problem.kind in _SETTLED and self._is_answered(task)

    def _is_refused(self, task: Task) -> bool:
        refused = task.problem is not None and task.problem.kind is ProblemKind.UNAUTHORIZED
        return refused and not task.state.finished and self._is_answered(task)

    def _is_unknown(self, task: Task) -> bool:
        problem, checked_ms = task.problem, task.checked_at_ms
        if (
            task.state.finished
            or problem is None
            or problem.kind is not ProblemKind.NOT_FOUND
            or checked_ms is None
        ):
            return False
        twice = checked_ms - problem.since_ms >= APART_MS
        return self._is_answered(task) and twice and self._now_ms - task.added_at_ms >= NEW_FOR_MS


class _Run:
    """The loop of `wait`: it looks at the store, and marks there what is due."""

    def __init__(self, session: Session, vigil: Vigil, saving: AutoSaving) -> None:
        self._saving = saving
        self._session = session
        self._vigil = vigil
        self._seqs = [task.seq for task in vigil.tasks]
        self._asked: dict[int, int] = {}
        self._version = -1

    async def follow(self, watcher: Watcher, store: StoreThread, news: asyncio.Event) -> None:
        """Look until the waiting is over."""
        vigil = self._vigil
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        with Progress("tasks finished", len(self._seqs)) as progress:
            notices = Notices(self._session, progress)
            try:
                self._saving.see(vigil.tasks)
                while not vigil.is_over(self._session.now_ms(), round((loop.time() - started_s) * 1000)):
                    await self._ask(watcher, store)
                    notices.see(watcher.status)
                    progress.show(len(self._seqs) - len(vigil.waiting_for))
                    left_s = vigil.left_s(loop.time() - started_s)
                    await self._pause(store, news, min(READ_EVERY_S, left_s))
                    for line in vigil.see(await store.run(self._look)):
                        notices.say_again(line)
                    self._saving.see(vigil.tasks)
            finally:
                # What nobody waits for any more needs no check. If the store is gone, that is for others to tell.
                with suppress(StoreError):
                    await store.run(self._withdraw)

    async def _ask(self, watcher: Watcher, store: StoreThread) -> None:
        now_ms = self._session.now_ms()
        seqs = self._vigil.to_ask(now_ms, 0 if watcher.status.leading else LEFT_TO_WATCHER_MS)
        if seqs:
            await store.run(lambda store: store.checks.ask(seqs, now_ms))
            self._asked.update(dict.fromkeys(seqs, now_ms))
            watcher.wake()

    async def _pause(self, store: StoreThread, news: asyncio.Event, timeout_s: float) -> None:
        """Until the store was written to, or some time has passed: then something may have come due."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while (left_s := deadline_s - loop.time()) > 0:
            await pause(news, min(POLL_S, left_s))
            if await store.run(lambda store: store.database.data_version()) != self._version:
                return

    def _look(self, store: Store) -> list[Task]:
        # The version first: what is written in between is then read once more, not missed.
        self._version = store.database.data_version()
        return store.tasks.by_seq(self._seqs)

    def _withdraw(self, store: Store) -> None:
        mark_told(store, self._session.profile.name, self._seqs)
        for task in store.tasks.by_seq(self._seqs):
            asked_at_ms = self._asked.get(task.seq)
            if asked_at_ms is not None and asked_at_ms == task.asked_at_ms:
                store.checks.withdraw([task.seq], asked_at_ms)

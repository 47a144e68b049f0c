"""`taskdash check`: have tasks checked now, by whoever watches, and say what changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.auto_saving import AutoSaving
from taskdash.cli.finishing import mark_told
from taskdash.cli.following import (
    EXIT_CODES,
    POLL_S,
    Elsewhere,
    Notices,
    find_or_add,
    first_cause,
    pause,
    run_beside_watcher,
    word,
)
from taskdash.cli.options import common_options, complete_ids, pass_session
from taskdash.cli.output import print_lines, talk
from taskdash.cli.progress import Progress
from taskdash.domain.task import ProblemKind, Task
from taskdash.domain.words import plural
from taskdash.watch.thread import run_unwaited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.session import Session
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.status import WatchStatus
    from taskdash.watch.watcher import Watcher

FAILURES_IN_A_ROW: Final = 3
"""After so many, and no good answer since, the gateway is not asked for the rest."""
STOPPED_FOR_S: Final = 3.0
"""How long a watcher that was stopped is given to go on."""
QUIET_FOR_S: Final = 1.0
"""The answer that asked for quiet may be ours: it is on the list by then."""
_NOWHERE: Final = (ProblemKind.UNAUTHORIZED, ProblemKind.UNREACHABLE)
_GATEWAY_FAILS: Final = (ProblemKind.UNREACHABLE, ProblemKind.SERVER_ERROR)


@click.command(
    epilog="Example: taskdash check && taskdash list --state success --ids",
    short_help="Check tasks once, now, and print what changed.",
)
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@common_options
@pass_session
def check(session: Session, task_ids: Sequence[str]) -> int:
    """Check tasks once, now (default: all unfinished), and print what changed.

    Prints a line for each task whose state changed: its ID, a tab, and the old and the new state. What went wrong is
    said on stderr. An ID that is not on the list is added first. An ID of a known form may be shortened to a
    unique prefix of 6 characters or more.
    """
    with session.open_store() as store:
        before = _wanted(session, store, task_ids)
    if not before:
        talk("nothing to check: no unfinished task on the list")
        return 0
    key = session.find_key()
    run = _Run(session, before, are_named=bool(task_ids))
    ended_by = run_unwaited(run_beside_watcher(session, key, run.follow))
    code = run.report()
    if not ended_by:
        with AutoSaving(session) as saving:
            saving.see(run.after)
            saving.finish(is_patient=False)
    return 128 + ended_by if ended_by else code


def _wanted(session: Session, store: Store, task_ids: Sequence[str]) -> list[Task]:
    from taskdash.domain.query import Query
    from taskdash.domain.query_language import UNFINISHED, parse_states

    if task_ids:
        return find_or_add(session, store, task_ids)
    query = Query(profile=session.profile.name, states=parse_states(UNFINISHED))
    return store.tasks.rows(query, session.now_ms())


class _Lasting:
    """How long something has been so."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    def for_s(self, now_s: float, *, holds: bool) -> float:
        """Seconds that it holds without a break, now included; 0 where it does not."""
        self._since_s = (now_s if self._since_s is None else self._since_s) if holds else None
        return 0.0 if self._since_s is None else now_s - self._since_s


class _Run:
    """One run of `check`."""

    def __init__(self, session: Session, before: Sequence[Task], *, are_named: bool) -> None:
        self._session = session
        self._are_named = are_named
        self._before = {task.seq: task for task in before}
        self.after = list(before)
        """The tasks as they were last seen."""
        self._marks: dict[int, int] = {}
        """Of our requests, by task."""
        self._checks = {task.seq: task.checks for task in before}
        """How often each had been checked when it was asked for."""
        self._elsewhere = Elsewhere()
        self._again: dict[int, Task] = {}
        """Those that another key, or gateway, got nowhere with: ours is to be tried."""
        self._in_order: dict[int, Task] = {}
        """Those that were answered, as the answers came."""
        self._why_not: str | None = None

    async def follow(self, watcher: Watcher, store: StoreThread, news: asyncio.Event) -> None:
        """Ask, and wait until all are answered or the rest is hopeless."""
        seqs = list(self._before)
        loop = asyncio.get_running_loop()
        stopped, quiet = _Lasting(), _Lasting()
        try:
            await self._ask(watcher, store, seqs)
            with Progress("checks", len(seqs)) as progress:
                notices = Notices(self._session, progress)
                while True:
                    found = await store.run(lambda store: store.tasks.heads(seqs))
                    # In a list that was exchanged the place may be another task's.
                    self.after = [task for task in found if task.task_id == self._before[task.seq].task_id]
                    status = watcher.status
                    is_elsewhere = self._elsewhere.answers(status)
                    self._take_note(is_elsewhere=is_elsewhere)
                    progress.show(len(self._in_order))
                    if all(task.seq in self._in_order for task in self.after):
                        return
                    notices.see(status)
                    if self._again and (status.leading or (status.watcher_pid and not status.differs)):
                        await self._ask(watcher, store, list(self._again))
                        self._again.clear()
                    elif not is_elsewhere:
                        self._in_order.update(self._again)
                    self._why_not = self._hopeless(
                        status,
                        stopped_s=stopped.for_s(loop.time(), holds=status.watcher_stopped),
                        quiet_s=quiet.for_s(loop.time(), holds=status.problem is ProblemKind.RATE_LIMITED),
                    )
                    if self._why_not:
                        return
                    await pause(news, POLL_S)
        finally:
            await store.run(self._leave)

    async def _ask(self, watcher: Watcher, store: StoreThread, seqs: Sequence[int]) -> None:
        now_ms = self._session.now_ms()
        mark = await store.run(lambda store: store.checks.ask(seqs, now_ms))
        self._marks.update(dict.fromkeys(seqs, mark))
        watcher.wake()

    def _take_note(self, *, is_elsewhere: bool) -> None:
        for task in sorted(self.after, key=lambda task: task.checked_at_ms or 0):
            if task.seq in self._in_order or not self._is_answered(task):
                continue
            self._checks[task.seq] = task.checks
            if is_elsewhere and task.problem is not None and task.problem.kind in _NOWHERE:
                self._again[task.seq] = task
            else:
                self._in_order[task.seq] = task

    def _leave(self, store: Store) -> None:
        for mark in set(self._marks.values()):
            store.checks.withdraw([seq for seq, each in self._marks.items() if each == mark], mark)
        mark_told(store, self._session.profile.name, list(self._before))

    def report(self) -> int:
        """Print what changed; return the exit code."""
        codes: set[int] = set()
        left = 0
        removed = self._before.keys() - {task.seq for task in self.after}
        for seq in sorted(removed):
            talk(f"{self._before[seq].task_id}: was removed from the list")
        if removed and self._are_named:
            codes.add(3)
        for task in self.after:
            if task.seq not in self._in_order:
                left += 1
                continue
            if task.problem is not None:
                codes.add(EXIT_CODES[task.problem.kind])
                talk(f"{task.task_id}: {task.problem.kind.value}: {task.problem.message}")
            before = self._before[task.seq]
            if word(task) != word(before):
                print_lines([f"{task.task_id}\t{word(before)} -> {word(task)}"])
        if left:
            talk(f"{plural(left, 'task')} not checked{f': {self._why_not}' if self._why_not else ''}")
            codes.add(5 if self._why_not and not codes else 1)
        return first_cause(codes)

    def _is_answered(self, task: Task) -> bool:
        if task.checks == self._checks[task.seq]:
            return False
        return task.asked_at_ms is None or task.asked_at_ms != self._marks[task.seq]

    def _hopeless(self, status: WatchStatus, *, stopped_s: float, quiet_s: float) -> str | None:
        """Why the rest will not be answered soon; None while it may."""
        if stopped_s >= STOPPED_FOR_S:
            return f"the watcher (pid {status.watcher_pid}) is stopped"
        kinds = [task.problem.kind if task.problem else None for task in self._in_order.values()]
        if ProblemKind.RATE_LIMITED in kinds:
            return "the gateway refuses every check for now"
        if ProblemKind.UNAUTHORIZED in kinds and status.problem is ProblemKind.UNAUTHORIZED:
            return "the gateway refuses the key"
        last = kinds[-FAILURES_IN_A_ROW:]
        if len(last) == FAILURES_IN_A_ROW and all(kind in _GATEWAY_FAILS for kind in last):
            return "the gateway does not answer"
        if quiet_s >= QUIET_FOR_S and status.held_until_ms is not None:
            wait_ms = status.held_until_ms - self._session.now_ms()
            if wait_ms > 0:
                return f"the gateway asked for quiet for another {wait_ms // 1000 + 1} s"
        return None

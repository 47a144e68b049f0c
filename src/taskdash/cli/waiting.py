"""`taskdash wait`: follow tasks to their end, whoever checks them."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.auto_saving import AutoSaving
from taskdash.cli.ending import END_S, TimeLimit
from taskdash.cli.finishing import mark_told
from taskdash.cli.following import (
    POLL_S,
    Elsewhere,
    Notices,
    find_or_add,
    pause,
    run_beside_watcher,
)
from taskdash.cli.options import common_options, complete_ids, number, pass_session
from taskdash.cli.output import print_json_array, talk
from taskdash.cli.progress import Progress
from taskdash.cli.vigil import REFUSED_APART_MS, Vigil
from taskdash.domain.errors import StoreError, TaskdashError, UsageError
from taskdash.domain.task import TaskDetail
from taskdash.domain.task_json import task_json
from taskdash.watch.thread import run_unwaited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.session import Session
    from taskdash.domain.task import Task
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.watcher import Watcher

MAX_TIMEOUT_S: Final = 365 * 86_400
READ_EVERY_S: Final = 1.0
LEFT_TO_WATCHER_MS: Final = 1_000
"""A check that is due is left to the dashboard that watches for so long; then it may be paused, so it is asked for."""


@click.command(
    epilog="Example: taskdash wait 5064bd1a --timeout 600 && taskdash open 5064bd1a",
    short_help="Wait until tasks are finished.",
)
@click.argument("task_ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete_ids)
@click.option(
    "--timeout",
    "timeout_s",
    metavar="S",
    type=number(0, MAX_TIMEOUT_S, is_whole=False),
    help="Give up after so many seconds (default: never).",
)
@click.option("--json", "as_json", is_flag=True, help="Print the tasks as one JSON array, however it ends.")
@common_options
@pass_session
def wait(session: Session, task_ids: Sequence[str], *, timeout_s: float | None, as_json: bool) -> int:
    """Wait until all tasks are finished; each change is a line on stderr.

    Exits with 0 only if every task is a success: 1 if one failed, 3 if one is unknown, 4 if the key is refused or
    missing, 5 or 124 if the time is over. Rate limits and failures of the server or the network are waited out. An ID
    that is not on the list is added first. An ID of a known form may be shortened to a unique prefix of 6
    characters or more.
    """
    vigil: Vigil | None = None
    limit = TimeLimit(timeout_s)
    try:
        with session.open_store(limit.left_s + END_S) as store:
            vigil = Vigil(find_or_add(session, store, task_ids), session.now_ms(), timeout_s)
        limit.enforce(partial(_give_up, vigil, as_json=as_json))
        return _watch(session, vigil, limit)
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
        limit.take_last_word()
        if as_json:
            print_json_array(_items(session, vigil, limit))


def _watch(session: Session, vigil: Vigil, limit: TimeLimit) -> int:
    if vigil.is_over(0):
        with AutoSaving(session) as saving:
            saving.see(vigil.tasks)
            saving.finish(limit.left_s)
        return vigil.exit_code()
    key = session.find_key()
    with AutoSaving(session) as saving:
        run = _Run(session, vigil, saving)
        ended_by = run_unwaited(run_beside_watcher(session, key, run.follow, limit=limit))
        if ended_by:
            return 128 + ended_by
        saving.finish(limit.left_s)
    limit.take_last_word()
    code = vigil.exit_code()
    if code:
        talk(vigil.closing_line())
    return code


def _give_up(vigil: Vigil, *, as_json: bool) -> int:
    """Tell what is known where something does not let this command end; return the exit code."""
    vigil.timed_out = True
    code = vigil.exit_code()
    if code:
        talk(vigil.closing_line())
    if as_json:
        print_json_array(_last_seen(vigil))
    return code


def _items(session: Session, vigil: Vigil | None, limit: TimeLimit) -> list[str]:
    """The tasks as they are now; as they were last seen where the store cannot be read any more."""
    if vigil is None:
        return []
    try:
        with session.open_store(limit.left_s + END_S) as store:
            seqs = [task.seq for task in vigil.tasks]
            store.saved.forget_gone(seqs)
            details = store.tasks.details(seqs, raw=False)
            return [json.dumps(task_json(detail)) for detail in details]
    except TaskdashError:
        return _last_seen(vigil)


def _last_seen(vigil: Vigil) -> list[str]:
    return [json.dumps(task_json(TaskDetail(task=task))) for task in vigil.tasks]


class _Run:
    """The loop of `wait`: it looks at the store, and marks there what is due."""

    def __init__(self, session: Session, vigil: Vigil, saving: AutoSaving) -> None:
        self._saving = saving
        self._session = session
        self._vigil = vigil
        self._seqs = [task.seq for task in vigil.tasks]
        self._asked: dict[int, int] = {}
        self._version = -1
        self._elsewhere = Elsewhere()
        self._started_s = 0.0

    async def follow(self, watcher: Watcher, store: StoreThread, news: asyncio.Event) -> None:
        """Look until the waiting is over."""
        vigil = self._vigil
        self._started_s = asyncio.get_running_loop().time()
        with Progress("tasks finished", len(self._seqs)) as progress:
            notices = Notices(self._session, progress)
            try:
                self._saving.see(vigil.tasks)
                while not vigil.is_over(self._elapsed_ms()):
                    await self._ask(watcher, store)
                    notices.see(watcher.status)
                    if vigil.is_key_doubted:
                        notices.say(
                            f"the key was refused: asked again after {REFUSED_APART_MS // 1000} s, to be sure"
                        )
                    progress.show(len(self._seqs) - len(vigil.waiting_for))
                    left_s = vigil.left_s(self._elapsed_ms() / 1000)
                    await self._pause(store, news, min(READ_EVERY_S, left_s))
                    tasks = await store.run(self._look)
                    is_elsewhere = self._elsewhere.answers(watcher.status)
                    now_ms, elapsed_ms = self._session.now_ms(), self._elapsed_ms()
                    for line in vigil.see(tasks, now_ms, elapsed_ms, is_elsewhere=is_elsewhere):
                        notices.say_again(line)
                    self._saving.see(vigil.tasks)
            finally:
                # What nobody waits for any more needs no check. If the store is gone, that is for others to tell.
                with suppress(StoreError):
                    await store.run(self._withdraw)

    def _elapsed_ms(self) -> int:
        return round((asyncio.get_running_loop().time() - self._started_s) * 1000)

    async def _ask(self, watcher: Watcher, store: StoreThread) -> None:
        left_ms = 0 if watcher.status.leading else LEFT_TO_WATCHER_MS
        seqs = self._vigil.to_ask(self._elapsed_ms(), left_ms)
        if seqs:
            now_ms = self._session.now_ms()
            asked_at_ms = await store.run(lambda store: store.checks.ask(seqs, now_ms))
            self._asked.update(dict.fromkeys(seqs, asked_at_ms))
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
        return store.tasks.heads(self._seqs)

    def _withdraw(self, store: Store) -> None:
        mark_told(store, self._session.profile.name, self._seqs)
        for task in store.tasks.by_seq(self._seqs):
            asked_at_ms = self._asked.get(task.seq)
            if asked_at_ms is not None and asked_at_ms == task.asked_at_ms:
                store.checks.withdraw([task.seq], asked_at_ms)

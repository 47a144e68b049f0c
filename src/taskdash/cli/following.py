"""Follows tasks for `check` and `wait`: runs a watcher, and a loop that polls the store.

The commands send no requests themselves. They mark tasks in the store for the process that holds the lease: a
dashboard, another command, or, if there is no other, the watcher beside the command, which checks only tasks that are
asked for, until a dashboard follows it. So any number of commands together send no more requests than one would.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from taskdash.cli.log import start_log
from taskdash.cli.output import Progress, talk
from taskdash.cli.process import LAST_ACTS, end_now, end_soon
from taskdash.cli.rules import WaitRules
from taskdash.domain.batches import Way, progress_of
from taskdash.domain.errors import StoreError
from taskdash.domain.task import ProblemKind, State
from taskdash.domain.usual import Durations
from taskdash.domain.words import moment, plural, started_ms, time_left
from taskdash.store.store import StoreThread
from taskdash.store.store_file import TRANSACTIONS
from taskdash.watch.machine import Clock, is_alive, this_process
from taskdash.watch.thread import CONNECTION, run_unwaited
from taskdash.watch.watcher import build_watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from taskdash.cli.check_rules import CheckRules
    from taskdash.cli.process import Session
    from taskdash.cli.waiting import AutoSaving
    from taskdash.domain.query import Query
    from taskdash.domain.task import Task
    from taskdash.results.own_commands import FinishCommand
    from taskdash.store.store import Store
    from taskdash.watch.thread import WatchStatus
    from taskdash.watch.watcher import Watcher

T = TypeVar("T")

POLL_S: Final = 0.1
READ_EVERY_S: Final = 1.0
SAY_AFTER_S: Final = 1.0
DRAIN_S: Final = 120.0
"""How long a command waits for `on_finish` before it leaves the remaining runs to the next process."""
SLOW_AFTER_S: Final = 3.0
"""How long the budget may delay checks before a notice is printed."""
ELSEWHERE_S: Final = 15.0
"""How long a watcher with another key or gateway, which fails, is given to yield the lease."""
STAND_DOWN_S: Final = 2.0
"""How long a command that is being suspended waits for its checks to be recorded ..."""
REST_S: Final = 2.0
"""... and for its reads and transactions of the store."""
_CLOCK: Final = Clock()
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Following:
    """Runs a watcher for a command, polls the tasks of its rules, and marks in the store those that they ask for."""

    def __init__(
        self, session: Session, rules: CheckRules | WaitRules, saving: AutoSaving, query: Query | None = None
    ) -> None:
        """Prepare to follow the tasks of `rules`, and those that come to match `query`."""
        self._key = session.find_key()
        self._session = session
        self._profile = session.profile.name
        self._rules = rules
        self._saving = saving
        self._seqs = [task.seq for task in rules.tasks]
        self._query = query
        self._durations = Durations()
        self._version = -1
        self._started_s = 0.0
        self._differed = False
        self._elsewhere_since_s: float | None = None
        self._news = asyncio.Event()
        """Set when the watcher has something new."""

    async def run(self, is_over: Callable[[], bool] = lambda: False) -> int:
        """Follow the tasks, with a watcher for the checks asked for; return the signal that ended it, or 0.

        Without a signal, it ends when the rules are over or the watcher fails, after waiting for `on_finish` until
        `is_over`.
        """
        session = self._session
        store = StoreThread(session.store_path, "store", on_mishap=session.tell_mishap)
        command = session.wiring.finish_command() if session.settings.on_finish else None
        if command is not None:
            command.listen(talk)
            LAST_ACTS.append(command.kill)

        def on_change() -> None:
            self._news.set()
            if command is not None:
                command.wake()

        watcher = await build_watcher(
            session.profile, self._key, session.store_path, on_change, scheduled=False
        )
        running = asyncio.create_task(watcher.run())
        working = asyncio.ensure_future(self._look_on(watcher, store))
        ended_by = cancel_on_signal(working)
        stop_at_rest(watcher)
        try:
            await asyncio.wait({running, working}, return_when=asyncio.FIRST_COMPLETED)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            if command is None:
                # The next command drops them as well: no reason for this one to fail.
                with suppress(StoreError):
                    await store.run(lambda store: store.news.drop(self._profile, Way.COMMAND))
            else:
                await _drain(command, lambda: bool(ended_by) or is_over())
        finally:
            watcher.stop()
            # Concurrently: after a time-out, there is only a second for both.
            ending = [running] if command is None else [running, asyncio.to_thread(command.close)]
            await asyncio.gather(*ending, return_exceptions=True)
            store.close()
        for each in (running, working):
            if not each.cancelled() and (failure := each.exception()) is not None:
                raise failure
        return ended_by[0] if ended_by else 0

    async def _look_on(self, watcher: Watcher, store: StoreThread) -> None:
        rules = self._rules
        self._started_s = asyncio.get_running_loop().time()
        left = self._left if isinstance(rules, WaitRules) else None
        with Progress(len(self._seqs), left=left) as progress:
            if progress.enabled and left:
                ended = await store.run(lambda store: [*store.history.durations(self._profile)])
                self._durations = Durations(ended)
            notices = Notices(self._session, progress)
            try:
                self._saving.see(rules.tasks)
                rules.status = watcher.status
                while not rules.is_over(self._elapsed_ms()):
                    await self._ask(watcher, store)
                    notices.see(watcher.status)
                    if rules.notice:
                        notices.say(rules.notice)
                    progress.total = len(rules.tasks)
                    progress.show(rules.done)
                    await self._pause(store, (rules.timeout_ms - self._elapsed_ms()) / 1000)
                    tasks = await store.run(self._look)
                    rules.status = watcher.status
                    is_elsewhere = self._is_elsewhere(rules.status)
                    now_ms, elapsed_ms = self._session.now_ms(), self._elapsed_ms()
                    for line in rules.see(tasks, now_ms, elapsed_ms, is_elsewhere=is_elsewhere):
                        progress.say(line)
                    self._saving.see(rules.tasks)
            finally:
                # Nobody waits for these checks any more. If the store is gone, that is reported elsewhere.
                with suppress(StoreError):
                    await store.run(self._withdraw)

    def _left(self) -> str | None:
        """Return in words the failures, if compact, and the time left as in the dashboard; None if there is neither."""
        now_ms, tasks = self._session.now_ms(), self._rules.tasks
        self._durations.see_waiting(
            (task.model, task.variant, now_ms - started_ms(task)) for task in tasks if not task.state.finished
        )
        left_ms = progress_of(tasks).left_ms(self._durations.usual, now_ms)
        failed = sum(task.state is State.FAIL for task in tasks) if self._rules.is_compact else 0
        parts = f"{failed:,} failed" if failed else None, None if left_ms is None else time_left(left_ms)
        return " · ".join(filter(None, parts)) or None

    def _is_elsewhere(self, status: WatchStatus) -> bool:
        """Return whether an answer read now may come from another key or gateway than this command's."""
        # Until our watcher has reported who leads, that may be any process.
        is_unknown = not status.leading and status.watcher_pid is None
        differs = bool(status.differs) or is_unknown
        # The lease may have changed hands since the answer.
        did, self._differed = differs or self._differed, differs
        if not did:
            return False
        now_s = time.monotonic()
        self._elsewhere_since_s = self._elsewhere_since_s or now_s
        # If that watcher does not yield the lease, believe its answers after a while.
        return now_s < self._elsewhere_since_s + ELSEWHERE_S

    def _elapsed_ms(self) -> int:
        return round((asyncio.get_running_loop().time() - self._started_s) * 1000)

    async def _ask(self, watcher: Watcher, store: StoreThread) -> None:
        if seqs := self._rules.to_ask(self._elapsed_ms()):
            now_ms = self._session.now_ms()
            mark = await store.run(lambda store: store.checks.ask(seqs, now_ms))
            self._rules.asked.update(dict.fromkeys(seqs, mark))
            watcher.wake()

    async def _pause(self, store: StoreThread, timeout_s: float) -> None:
        """Wait until the store is written to, for a second at most, when something may be due."""
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + min(READ_EVERY_S, timeout_s)
        while (left_s := deadline_s - loop.time()) > 0:
            await _CLOCK.wait(self._news, min(POLL_S, left_s))
            self._news.clear()
            if await store.run(lambda store: store.data_version()) != self._version:
                return

    def _look(self, store: Store) -> list[Task]:
        # The version first, so that a write in between is read twice, not missed.
        self._version = store.data_version()
        if self._query is not None:
            known = set(self._seqs)
            found = store.tasks.seqs(self._query, self._session.now_ms())
            self._seqs += [seq for seq in found if seq not in known]
        return store.tasks.heads(self._seqs)

    def _withdraw(self, store: Store) -> None:
        # This command has reported these ends, so they are not news, unless a dashboard will announce them. If the
        # store fails, one announces them again: no reason for this command to fail.
        with suppress(StoreError):
            has_dashboard = any(
                viewer.follows and viewer.process != this_process() and is_alive(viewer.process)
                for viewer in store.gateways.viewers(self._profile)
            )
            if not has_dashboard and store.news.is_any(self._profile, Way.SCREEN):
                store.news.claim(Way.SCREEN, self._seqs)
        asked = self._rules.asked
        left = [
            task.seq for task in store.tasks.heads(self._seqs) if task.asked_at_ms == asked.get(task.seq, 0)
        ]
        for mark in {asked[seq] for seq in left}:
            store.checks.withdraw([seq for seq in left if asked[seq] == mark], mark)


class Notices:
    """Prints the reasons why checks are held up, each once."""

    def __init__(self, session: Session, progress: Progress) -> None:
        self._session = session
        self._progress = progress
        self._said: set[str] = set()
        self._over_budget_since_s: float | None = None

    def see(self, status: WatchStatus) -> None:
        """Print the notices that the watcher's status calls for."""
        if status.differs == CONNECTION:
            self.say(f"the watcher (pid {status.watcher_pid}) cannot reach the gateway; trying from here")
        elif status.differs:
            self.say(
                f"the watcher (pid {status.watcher_pid}) uses a different {status.differs}; "
                "this command takes over if that one fails"
            )
        elif status.problem is ProblemKind.UNAUTHORIZED and status.held_until_ms and not status.leading:
            again = f"trying again at {moment(status.held_until_ms)}"
            self.say(f"API key of the watcher (pid {status.watcher_pid}) rejected; {again}")
        if status.watcher_stopped:
            self.say(
                f"the watcher (pid {status.watcher_pid}) is stopped, so nothing is checked: "
                f"resume it with `kill -CONT {status.watcher_pid}`, or end it"
            )
        if not status.over_budget:
            self._over_budget_since_s = None
        elif self._over_budget_since_s is None:
            self._over_budget_since_s = time.monotonic()
        elif time.monotonic() - self._over_budget_since_s >= SLOW_AFTER_S:
            self._say_budget(status)

    def _say_budget(self, status: WatchStatus) -> None:
        line = f"slowed by the budget of {plural(status.per_second, 'check')} a second, {status.per_minute:,} a minute"
        if (status.tier or "").endswith("(assumed)"):
            setting = f"profiles.{self._session.profile.name}.tier"
            line += f": tier {status.tier}; set {setting} in the config if yours differs"
        self.say(line)

    def say(self, text: str) -> None:
        """Print a line on stderr, unless it was printed before."""
        if text not in self._said:
            self._said.add(text)
            self._progress.say(text)


async def _drain(command: FinishCommand, is_over: Callable[[], bool]) -> None:
    """Wait until `on_finish` has run for all finished tasks, for `DRAIN_S` or until `is_over` at most."""
    if is_over():
        return
    command.wake()
    began_s, has_said = time.monotonic(), False
    while not command.is_idle(0.0):
        await asyncio.sleep(POLL_S)
        waited_s = time.monotonic() - began_s
        if is_over() or waited_s > DRAIN_S:
            return
        if waited_s > SAY_AFTER_S and not has_said:
            has_said = True
            talk("waiting for on_finish")


def run_logged(session: Session, main: Coroutine[Any, Any, T]) -> T:
    """Run `main`. Internal errors go to the log; without one, Python would print them with all their values."""
    start_log(session)
    # It may run for days.
    gc.enable()
    return run_unwaited(main)


def stop_at_rest(watcher: Watcher | None = None) -> None:
    """On Ctrl+Z, yield the lease and finish transactions before the process stops.

    Without a shell that could continue it, the process does not stop.
    """
    loop = asyncio.get_running_loop()
    stopping: set[asyncio.Task[None]] = set()

    def listen() -> None:
        loop.add_signal_handler(signal.SIGTSTP, stop_soon)

    def stop_soon() -> None:
        if not stopping:
            stopping.add(task := loop.create_task(stop()))
            task.add_done_callback(stopping.discard)

    async def stop() -> None:
        if watcher is not None:
            watcher.yield_lease(True)
            with suppress(TimeoutError):
                async with asyncio.timeout(STAND_DOWN_S):
                    await watcher.stood_down()
        TRANSACTIONS.close()
        try:
            await asyncio.to_thread(TRANSACTIONS.wait_until_clear, REST_S)
            loop.remove_signal_handler(signal.SIGTSTP)
            signal.raise_signal(signal.SIGTSTP)
            listen()
        finally:
            TRANSACTIONS.open()
        if watcher is not None:
            watcher.yield_lease(False)

    if signal.getsignal(signal.SIGTSTP) is not signal.SIG_IGN:
        listen()


def cancel_on_signal(working: asyncio.Future[Any]) -> list[int]:
    """Cancel on the first signal, and exit a second later or on a second signal; return a list for its number."""
    numbers: list[int] = []

    def leave(number: int) -> None:
        if numbers:
            end_now(128 + number)
        end_soon(128 + number)
        numbers.append(number)
        working.cancel()

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, leave, number)
    return numbers

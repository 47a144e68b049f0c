"""The one who sends checks: takes the lease, picks what is due, stays within the budget, writes down the answers.

Each round: write down what arrived, pick the most wanted tasks that budget and gateway allow, reserve their checks
in the store, send them, and sleep until something can have changed. A reservation is on disk before its request is
sent, so that a successor, even after a kill, knows what the last minute has cost. A store that fails stops the
checks, not the watcher: it tries again, and says so meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.errors import StoreError
from taskdash.domain.record import Answer, Outcome
from taskdash.watch.status import WatchStatus

if TYPE_CHECKING:
    from taskdash.domain.task import Task
    from taskdash.store.store import StoreThread
    from taskdash.watch.dispatch import Dispatch
    from taskdash.watch.lease import Lease
    from taskdash.watch.machine import Clock

FOLLOW_POLL_S: Final = 0.5
KEYLESS_POLL_S: Final = 1.0
"""Without a key there is nothing to take over, only something to tell."""
LEAD_POLL_S: Final = 0.25
ASK_EVERY_S: Final = 2.0
"""The longest time that a leader takes the store's file for what it was: elsewhere a file's time may lag behind."""
LEAST_ROUND_S: Final = 0.02
"""Answers that come one by one are taken together."""
FIRST_RETRY_S: Final = 0.5
LONGEST_RETRY_S: Final = 8.0
HAND_OVER_S: Final = 3 * FOLLOW_POLL_S
"""How long a lease that was handed over is left alone, so that the other one finds it."""
STOP_GRACE_S: Final = 2.0
"""How long `stop` waits for a store that another process has locked."""
STAND_DOWN_S: Final = 1.5
"""How long the lease is kept for that when this process is being suspended."""

FLUSH_EVERY_S: Final = 0.2
FLUSH_AT: Final = 100
FLUSH_AT_BYTES: Final = 1024 * 1024
"""Large bodies are not kept waiting for each other."""

_log = logging.getLogger(__name__)
# Where nobody wants a log, Python would print warnings to stderr, across the dashboard.
_log.addHandler(logging.NullHandler())

Fetch = Callable[[str, str], Awaitable[Answer]]
"""Sends a check: a task ID, and the path that it is asked for under."""


class Arrival(NamedTuple):
    """The task as it was when it was checked, what came back, and when, in Unix ms."""

    task: Task
    answer: Answer
    at_ms: int


class Arrivals:
    """Holds what waits to be written down. Used on one event loop."""

    def __init__(self) -> None:
        self.waiting: list[Arrival] = []
        self._written = asyncio.Event()
        self._flushed_at_s = 0.0

    def written(self, count: int, now_s: float) -> None:
        """Take note that the first `count` of them are on disk."""
        del self.waiting[:count]
        self._written.set()
        self._flushed_at_s = now_s

    def due_in_s(self, now_s: float) -> float:
        """Return how long they may still wait for others; 0 or less: write them down now."""
        if self._is_much():
            return 0.0
        # A clock that is set back must not keep answers from the disk.
        return min(FLUSH_EVERY_S, self._flushed_at_s + FLUSH_EVERY_S - now_s)

    async def room(self) -> None:
        """Return once not much waits any more."""
        while self._is_much():
            self._written.clear()
            await self._written.wait()

    def _is_much(self) -> bool:
        bodies_bytes = sum(len(arrival.answer.raw) for arrival in self.waiting)
        return len(self.waiting) >= FLUSH_AT or bodies_bytes >= FLUSH_AT_BYTES


class Watcher:
    """Watches one profile of one store; runs on the event loop that calls `run`.

    Its other methods belong to that loop too: call them from elsewhere with `call_soon_threadsafe`.
    """

    def __init__(
        self,
        *,
        store: StoreThread,
        lease: Lease,
        dispatch: Dispatch,
        fetch: Fetch | None,
        clock: Clock,
        on_change: Callable[[], None] = lambda: None,
        on_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Prepare to watch. The store is the watcher's own, and closed when `run` ends.

        `fetch` sends a check; None where there is no key: then this watcher only follows. `on_change` is called on
        this loop whenever the list or `status` has changed, and `on_end`, which closes what `fetch` uses, awaited
        when `run` ends.
        """
        self.status = WatchStatus(has_key=fetch is not None)
        self._store = store
        self._lease = lease
        self._dispatch = dispatch
        self._fetch = fetch
        self._clock = clock
        self._on_change = on_change
        self._on_end = on_end
        self._event = asyncio.Event()
        self._never = asyncio.Event()
        self._stood_down = asyncio.Event()
        self._stopping = False
        self._yielding = False
        self._paused = False
        self._competes_at_s = 0.0
        self._retry_s = FIRST_RETRY_S
        self._checks: set[asyncio.Task[None]] = set()
        self._arrived = Arrivals()
        self._version = -1
        self._asked_at_s = -math.inf
        self._error: Exception | None = None
        self._timers: list[asyncio.TimerHandle] = []

    # What others ask of it

    def wake(self) -> None:
        """Look at once: something was added or asked for."""
        self._version = -1
        self._event.set()

    def pause(self, paused: bool) -> None:
        """Stop or resume scheduled checks; what is asked for is checked all the same."""
        self._paused = paused
        self.wake()

    def stop(self) -> None:
        """End `run` soon, even while the store is locked; requests under way are dropped."""
        if not self._stopping:
            self._stopping = True
            self._timers.append(asyncio.get_running_loop().call_later(STOP_GRACE_S, self._store.interrupt))
        self._event.set()

    def yield_lease(self, yielding: bool) -> None:
        """Give the lease up and do not take it again until called with False: this process is being suspended."""
        self._yielding = yielding
        self.wake()

    async def stood_down(self) -> None:
        """Return once no check is under way and the lease is not held."""
        try:
            await asyncio.wait_for(self._stood_down.wait(), STAND_DOWN_S)
        except TimeoutError:
            # The store is locked. What arrived is written down when it is free again.
            await self._abandon_lease()

    async def room(self) -> None:
        """Return once there is not much that arrived and is not written yet: what comes next may be large."""
        await self._arrived.room()

    # The loop

    async def run(self) -> None:
        """Watch until `stop`."""
        try:
            while not self._stopping:
                try:
                    await self._watch()
                except StoreError as error:
                    await self._abandon_lease()
                    await self._sleep(self._trouble(error))
        except Exception as error:
            failure = f"the watcher has stopped: {type(error).__name__} in taskdash"
            self._publish(self.status._replace(failure=failure))
            raise
        finally:
            await self._end()

    async def _watch(self) -> None:
        """Lead while the lease is ours, else follow for a moment."""
        may_lead = self._fetch is not None and not self._yielding
        if may_lead and self._clock.now_s() >= self._competes_at_s:
            if self._lease.acquire():
                self._stood_down.clear()
                await self._lead()
                return
            self._dispatch.was_refused = False
        self._stood_down.set()
        self._publish(self._joined(await self._dispatch.follow(self._store, self._paused, can_lead=may_lead)))
        self._recovered()
        await self._sleep(FOLLOW_POLL_S if self._fetch is not None else KEYLESS_POLL_S)

    async def _lead(self) -> None:
        await self._dispatch.take_over(self._store)
        self._version = -1
        self._publish(self.status._replace(leading=True, watcher_pid=os.getpid(), watcher_stopped=False))
        _log.info("this process watches now")
        while not (self._stopping or self._yielding):
            if not self._lease.held:
                # Its file was removed, or replaced by a copy: another process may hold that one.
                self._dispatch.owes_word = True
                break
            began_s = self._clock.now_s()
            try:
                wait_s = await self._round()
                self._recovered()
            except StoreError as error:
                wait_s = self._trouble(error)
            if self._dispatch.should_hand_over and not self._checks and not self._arrived.waiting:
                self._competes_at_s = self._clock.now_s() + HAND_OVER_S
                self._dispatch.was_refused = True  # unless somebody is found to hold it then
                break
            await self._sleep(wait_s)
            rest_s = began_s + LEAST_ROUND_S - self._clock.now_s()
            if rest_s > 0:
                await self._clock.wait(self._never, rest_s)
        await self._step_down()

    async def _round(self) -> float:
        """Take one turn of the loop; return how long to sleep at most."""
        if self._error is not None:
            raise self._error
        if self._arrived.waiting and self._arrived.due_in_s(self._clock.now_s()) <= 0:
            await self._flush()
        changed = await self._others_wrote()
        picked = await self._dispatch.pick(self._store, paused=self._paused, changed=changed)
        if self._stopping or self._yielding or not self._lease.held:
            self._dispatch.drop(picked)
            return 0.0
        for task in picked:
            check = asyncio.create_task(self._check(task))
            self._checks.add(check)
            check.add_done_callback(self._checks.discard)
        self._publish(self._joined(self._dispatch.status()))
        waits = [LEAD_POLL_S, self._dispatch.wait_s]
        if self._arrived.waiting:
            waits.append(self._arrived.due_in_s(self._clock.now_s()))
        return max(0.0, min(waits))

    async def _others_wrote(self) -> bool:
        """Return whether the list may be another one; a file that is as it was is seldom asked, in its thread."""
        may_have_changed = self._store.change_hint.may_have_changed()
        since_s = self._clock.now_s() - self._asked_at_s
        if self._version >= 0 and not may_have_changed and 0 <= since_s < ASK_EVERY_S:
            return False
        self._asked_at_s = self._clock.now_s()
        version = await self._store.run(lambda store: store.data_version())
        changed, self._version = version != self._version, version
        return changed

    async def _sleep(self, wait_s: float) -> None:
        if wait_s > 0:
            await self._clock.wait(self._event, wait_s)
        self._event.clear()

    async def _check(self, task: Task) -> None:
        assert self._fetch is not None  # noqa: S101 - without a key nothing is picked
        answer: Answer | None = None
        try:
            answer = await self._fetch(task.task_id, self._dispatch.path_of(task))
            if answer.is_lost:
                answer = None
                self._dispatch.lost(task)
        except Exception as error:
            self._error = error
        finally:
            self._dispatch.answered(task, answer)
            self._event.set()
        if answer is not None:
            self._arrived.waiting.append(Arrival(task, answer, self._clock.now_ms()))

    async def _flush(self) -> None:
        """Write down what arrived. Not before this are its tasks free to be picked again."""
        arrived = self._arrived.waiting[:]
        if not arrived:
            return
        outcomes = [self._dispatch.outcome(*item) for item in arrived]
        await self._store.run(lambda store: store.checks.record(outcomes))
        self._arrived.written(len(arrived), self._clock.now_s())
        self._dispatch.recorded(outcomes)
        for outcome in outcomes:
            _log_outcome(outcome)
        self._on_change()

    # Leaving

    async def _step_down(self) -> None:
        """Drop what is under way, write down what arrived, and give the lease up."""
        await self._drop_checks()
        try:
            await self._flush()
        finally:
            await self._abandon_lease()

    async def _drop_checks(self) -> None:
        for check in self._checks:
            check.cancel()
        await asyncio.gather(*self._checks, return_exceptions=True)

    async def _abandon_lease(self) -> None:
        await self._drop_checks()
        self._lease.release()
        self._stood_down.set()
        self._publish(self.status._replace(leading=False))

    async def _end(self) -> None:
        try:
            await self._step_down()
            await self._dispatch.leave(self._store)
        except StoreError as error:
            self._publish(self.status._replace(store_problem=str(error)))
        finally:
            for timer in self._timers:
                timer.cancel()
            if self._on_end is not None:
                await self._on_end()
            self._store.interrupt()
            self._store.close()

    # Saying so

    def _trouble(self, error: StoreError) -> float:
        """Tell that the store fails; return how long to leave it alone, in seconds."""
        self._publish(self.status._replace(store_problem=str(error)))
        # Only the store itself can tell that it works again.
        self._version = -1
        wait_s, self._retry_s = self._retry_s, min(2 * self._retry_s, LONGEST_RETRY_S)
        return FOLLOW_POLL_S if self._dispatch.owes_word else wait_s

    def _recovered(self) -> None:
        self._retry_s = FIRST_RETRY_S
        self._publish(self.status._replace(store_problem=None))

    def _joined(self, status: WatchStatus) -> WatchStatus:
        """Return what the dispatch says together with what only this watcher knows."""
        mine = self.status
        return status._replace(has_key=mine.has_key, store_problem=mine.store_problem, failure=mine.failure)

    def _publish(self, status: WatchStatus) -> None:
        if status != self.status:
            self.status = status
            self._on_change()


def _log_outcome(outcome: Outcome) -> None:
    task = outcome.task
    if outcome.finished:
        _log.info("%s ended as %s", task.task_id, task.state)
    elif task.problem is not None and outcome.changed:
        _log.warning("%s: %s: %s", task.task_id, task.problem.kind, task.problem.message)
    else:
        _log.debug("%s checked: %s", task.task_id, task.raw_state or task.state)

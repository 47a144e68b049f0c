"""Watches: takes the lease, picks tasks to check, stays within the budget, and stores the answers.

Each round stores the answers that arrived, picks the most urgent tasks that budget and gateway allow, reserves their
checks in the store, sends them, and sleeps until something can have changed. A reservation is on disk before its
request is sent, so that a successor knows what the last minute has cost, even after a kill. If the store fails, checks
stop, but the watcher keeps retrying and reports the problem meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.domain.record import Answer
from taskdash.store.store import StoreThread
from taskdash.watch.accounts import WatchPolicy, policy_of
from taskdash.watch.dispatch import Dispatch
from taskdash.watch.machine import Clock
from taskdash.watch.peers import Access, Lease
from taskdash.watch.thread import WatchStatus

if TYPE_CHECKING:
    from pathlib import Path

    from taskdash.config.profile import Profile
    from taskdash.domain.secret import Secret
    from taskdash.domain.task import Task

FOLLOW_POLL_S: Final = 0.5
KEYLESS_POLL_S: Final = 1.0
"""Slower without a key: there is no lease to take over, only a status to report."""
LEAD_POLL_S: Final = 0.25
LEAST_ROUND_S: Final = 0.02
"""The least duration of a round, so that answers are handled in batches."""
RETRY_EVERY_S: Final = 4.0
"""The pause between attempts to use a store that fails."""
HAND_OVER_S: Final = 3 * FOLLOW_POLL_S
"""How long to leave a handed-over lease alone, so that the other process can take it."""
STOP_GRACE_S: Final = 2.0
"""How long `stop` waits for a store locked by another process."""
STAND_DOWN_S: Final = 1.5
"""How long a locked store may delay giving up the lease when this process is being suspended."""
FLUSH_EVERY_S: Final = 0.2
FLUSH_AT: Final = 100
FLUSH_AT_BYTES: Final = 1024 * 1024
"""Flush early once the waiting bodies are this large."""

_log = logging.getLogger(__name__)

Fetch = Callable[[str, str], Awaitable[Answer]]
"""Sends a check, given a task ID and the path to request it under."""


class Watcher:
    """Watches one profile of one store, on the event loop that calls `run`.

    Its other methods belong to that loop too; from elsewhere, call them with `call_soon_threadsafe`.
    """

    def __init__(
        self,
        store: StoreThread,
        policy: WatchPolicy,
        access: Access,
        fetch: Fetch | None,
        *,
        clock: Clock,
        chance: Callable[[], float] = random.random,
        on_change: Callable[[], None] = lambda: None,
        on_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Prepare to watch. The watcher owns the store, and closes it when `run` ends.

        `fetch` sends a check; it is None without a key, and this watcher then only follows. `chance` returns random
        numbers, to spread retries. `on_change` is called on this loop whenever the list or `status` changes. `on_end`,
        which closes the resources of `fetch`, is awaited when `run` ends.
        """
        self.status = WatchStatus(has_key=fetch is not None)
        self._store = store
        self._lease = Lease(store.path, policy.profile)
        self._dispatch = Dispatch(store, policy, clock, chance, access)
        self._fetch = fetch
        self._clock = clock
        self._on_change = on_change
        self._on_end = on_end
        self._event = asyncio.Event()
        self._stood_down = asyncio.Event()
        self._stopping = False
        self._yielding = False
        self._paused = False
        self._competes_at_s = 0.0
        self._checks: set[asyncio.Task[None]] = set()
        self._arrived: list[tuple[Task, Answer, int]] = []
        """The answers waiting to be stored: each with its task as it was when checked, and when it came, in Unix ms."""
        self._flushed = asyncio.Event()
        self._flushed_at_s = 0.0
        self._version = -1
        self._error: Exception | None = None
        self._timers: list[asyncio.TimerHandle] = []

    # Requests from outside

    def wake(self) -> None:
        """Look for checks at once, as something was added or asked for."""
        self._version = -1
        self._event.set()

    def pause(self, paused: bool) -> None:
        """Stop or resume scheduled checks; requested checks are sent regardless."""
        self._paused = paused
        self.wake()

    def stop(self) -> None:
        """End `run` soon, even while the store is locked; drop the requests in flight."""
        if not self._stopping:
            self._stopping = True
            self._timers.append(asyncio.get_running_loop().call_later(STOP_GRACE_S, self._store.interrupt))
        self._event.set()

    def yield_lease(self, yielding: bool) -> None:
        """Give up the lease until called with False, as this process is being suspended."""
        self._yielding = yielding
        self.wake()

    async def stood_down(self) -> None:
        """Wait until no check is in flight and the lease is released."""
        try:
            await asyncio.wait_for(self._stood_down.wait(), STAND_DOWN_S)
        except TimeoutError:
            # The store is locked. The answers that arrived are stored when it is free again.
            await self._abandon_lease()

    async def room(self) -> None:
        """Wait until few answers are left to store, as the next one may be large."""
        while self._has_arrived_much():
            self._flushed.clear()
            await self._flushed.wait()

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
        finally:
            await self._end()

    async def _watch(self) -> None:
        """Lead while this process has the lease, else follow for a moment."""
        may_lead = self._fetch is not None and not self._yielding
        if may_lead and self._clock.now_s() >= self._competes_at_s and self._lease.acquire():
            self._stood_down.clear()
            await self._lead()
            return
        self._stood_down.set()
        status = await self._dispatch.follow(paused=self._paused, can_lead=may_lead)
        self._publish(status._replace(has_key=self._fetch is not None))
        await self._sleep(FOLLOW_POLL_S if self._fetch is not None else KEYLESS_POLL_S)

    async def _lead(self) -> None:
        await self._dispatch.take_over()
        self._version = -1
        self._publish(self.status._replace(leading=True, watcher_pid=os.getpid(), watcher_stopped=False))
        _log.info("this process watches now")
        while not (self._stopping or self._yielding):
            if not self._lease.held:
                # The lock file was removed or replaced by a copy, which another process may have locked.
                self._dispatch.owes_word = True
                break
            began_s = self._clock.now_s()
            try:
                wait_s = await self._round()
            except StoreError as error:
                wait_s = self._trouble(error)
            if self._dispatch.should_hand_over and not self._checks and not self._arrived:
                self._competes_at_s = self._clock.now_s() + HAND_OVER_S
                break
            await self._sleep(wait_s)
            await self._clock.sleep(max(0.0, began_s + LEAST_ROUND_S - self._clock.now_s()))
        await self._step_down()

    async def _round(self) -> float:
        """Run one round; return how long to sleep at most."""
        if self._error is not None:
            raise self._error
        if self._flush_due_in_s() <= 0:
            await self._flush()
        changed = await self._others_wrote()
        picked = await self._dispatch.pick(paused=self._paused, changed=changed)
        if self._stopping or self._yielding or not self._lease.held:
            self._dispatch.drop(picked)
            return 0.0
        for task in picked:
            check = asyncio.create_task(self._check(task))
            self._checks.add(check)
            check.add_done_callback(self._checks.discard)
        self._publish(self._dispatch.status())
        return max(0.0, min(LEAD_POLL_S, self._dispatch.wait_s, self._flush_due_in_s()))

    async def _others_wrote(self) -> bool:
        """Return whether another process may have changed the list since this was asked last."""
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
            self._arrived.append((task, answer, self._clock.now_ms()))

    def _has_arrived_much(self) -> bool:
        bodies_bytes = sum(len(answer.raw) for _, answer, _ in self._arrived)
        return len(self._arrived) >= FLUSH_AT or bodies_bytes >= FLUSH_AT_BYTES

    def _flush_due_in_s(self) -> float:
        """Return how long answers may still wait for others; 0 or less: store them now."""
        if not self._arrived:
            return math.inf
        if self._has_arrived_much():
            return 0.0
        # A clock that is set back must not keep answers from the disk.
        return min(FLUSH_EVERY_S, self._flushed_at_s + FLUSH_EVERY_S - self._clock.now_s())

    async def _flush(self) -> None:
        """Store the answers that arrived. Only then can their tasks be picked again."""
        outcomes = [self._dispatch.outcome(*arrived) for arrived in self._arrived]
        if not outcomes:
            return
        await self._store.run(lambda store: store.checks.record(outcomes))
        del self._arrived[: len(outcomes)]
        self._flushed.set()
        self._flushed_at_s = self._clock.now_s()
        self._dispatch.recorded(outcomes)
        for outcome in outcomes:
            task = outcome.task
            if outcome.finished:
                _log.info("%s ended as %s", task.task_id, task.state)
            elif task.problem is not None and outcome.changed:
                _log.warning("%s: %s: %s", task.task_id, task.problem.kind, task.problem.message)
            else:
                _log.debug("%s checked: %s", task.task_id, task.raw_state or task.state)
        self._on_change()

    # Leave

    async def _step_down(self) -> None:
        """Drop the checks in flight, store the answers that arrived, and give up the lease."""
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
            await self._dispatch.leave()
        except StoreError as error:
            self._publish(self.status._replace(store_problem=str(error)))
        finally:
            for timer in self._timers:
                timer.cancel()
            if self._on_end is not None:
                await self._on_end()
            self._store.interrupt()
            self._store.close()

    # Report

    def _trouble(self, error: StoreError) -> float:
        """Report that the store fails; return how many seconds to wait before the next attempt."""
        self._publish(self.status._replace(store_problem=str(error)))
        # Only a query can show that the store works again.
        self._version = -1
        return FOLLOW_POLL_S if self._dispatch.owes_word else RETRY_EVERY_S

    def _publish(self, status: WatchStatus) -> None:
        if status != self.status:
            self.status = status
            self._on_change()


async def build_watcher(
    profile: Profile,
    key: Secret | None,
    store_path: Path,
    on_change: Callable[[], None],
    *,
    scheduled: bool = True,
    trust_env: bool = True,
    store: StoreThread | None = None,
) -> Watcher:
    """Return a watcher for the running event loop, with its own gateway, and its own store unless one is given."""
    gateway = None
    if key is not None:
        from taskdash.api.client import Gateway

        gateway = Gateway(profile.base_url, key, auth_header=profile.auth_header, trust_env=trust_env)
    watcher = Watcher(
        store or StoreThread(store_path, "watcher-store"),
        policy_of(profile, scheduled=scheduled),
        Access(profile.base_url, key),
        gateway.fetch_record if gateway else None,
        clock=Clock(),
        on_change=on_change,
        on_end=gateway.aclose if gateway else None,
    )
    if gateway is not None:
        gateway.room_for_large = watcher.room
    return watcher

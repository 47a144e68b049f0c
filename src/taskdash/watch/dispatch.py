"""Chooses which checks to send next, by the list, the schedule, the budget and the gateway's health.

That takes queries, so it is only done when the result can have changed: a task fell due, a wait is over, an
answer came while other checks waited, or another process changed the list. Otherwise it only reads the clock.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from taskdash.domain.record import Answer, apply_answer
from taskdash.domain.schedule import is_urgent, next_check_ms, price_for, urgency
from taskdash.domain.task import State, Task
from taskdash.domain.usual import Durations
from taskdash.store.checks import InLine, Sent
from taskdash.watch.accounts import RESERVATION_S, Accounts
from taskdash.watch.machine import boot_id, this_process
from taskdash.watch.peers import Notes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskdash.domain.record import Outcome
    from taskdash.store.checks import Entry, GatewayNote
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.accounts import WatchPolicy
    from taskdash.watch.machine import Clock
    from taskdash.watch.peers import Access
    from taskdash.watch.thread import WatchStatus

CANDIDATES: Final = 32
COUNT_EVERY_S: Final = 1.0
LOOK_EVERY_S: Final = 30.0
"""Look at the list at least this often, whatever was planned."""
OFFER_EVERY_S: Final = 6.0
"""How long after an offer of the lease that no rival took the next one is made."""
CROWD: Final = 20
URGENT_IN_A_ROW: Final = 3
"""After this many urgent checks in a crowd, one scheduled check has its turn."""
PRICE_EVERY_S: Final = 2.0
MOST_PRICED: Final = 5_000
_PRICED_A_SECOND: Final = 500
"""A long list is priced less often, as its price moves less."""
CLOCK_STEP_S: Final = 2.0
"""A wall clock that drifts from the monotonic one by more than this was set."""


class Dispatch:
    """Picks the checks of one profile for the watcher. Used on one event loop."""

    def __init__(
        self,
        store: StoreThread,
        policy: WatchPolicy,
        clock: Clock,
        chance: Callable[[], float],
        access: Access,
    ) -> None:
        self.durations = Durations()
        self.wait_s = 0.0
        """How long until the next look, as of the last `pick`, unless an answer or a change comes first."""
        self.should_hand_over = False
        """A process with another key, gateway or connection should have the lease, as this one gets nowhere or only
        serves requests."""
        self.owes_word = False
        """The lease was lost with its file, and the holder of its replacement must still learn what was sent."""
        self._accounts = Accounts(policy, clock, chance)
        self._notes = Notes(store, self._accounts, policy, clock, access)
        self._price_s = 1.0
        """The delay, in seconds, that a check must be expected to save."""
        self._price_at_s = -math.inf
        self._store = store
        self._policy = policy
        self._clock = clock
        self._line = InLine(0, 0, 0, None)
        self._counted_at_s = -math.inf
        self._look_at_s = -math.inf
        self._left_over = False
        self._asked_again = False
        self._over_budget = False
        self._urgent_in_a_row = 0
        self._paused = False
        self._others_rival = False
        self._offer_from_s = -math.inf
        self._sends_scheduled = policy.scheduled
        self._wall_ahead_s: float | None = None

    # Take over, follow, leave

    async def take_over(self) -> None:
        """Load from the store what earlier watchers spent and learned."""
        profile, now_ms, known = self._policy.profile, self._clock.now_ms(), self._accounts.ledger()
        self._notes.forget()

        def read(store: Store) -> tuple[GatewayNote, list[Entry], list[tuple[str, str | None, int]]]:
            store.checks.bring_back(profile, now_ms)
            entries = store.gateways.agree(profile, known)
            return store.gateways.note(profile), entries, store.history.durations(profile)

        note, entries, finished = await self._store.run(read)
        self.durations = Durations(finished)
        self._accounts.take_over(note, entries, has_same_key=not self._notes.differs_from(note))
        self.owes_word = self.should_hand_over = False
        self._look_at_s = self._price_at_s = -math.inf
        self._wall_ahead_s = None

    async def follow(self, *, paused: bool, can_lead: bool) -> WatchStatus:
        """Return the status while another process watches."""
        if self.owes_word:
            await self._agree()
        return await self._notes.follow(paused=paused, can_lead=can_lead)

    async def leave(self) -> None:
        """Remove this process from the store's list of viewers."""
        await self._store.run(lambda store: store.gateways.leave(self._policy.profile, [this_process()]))

    # Pick

    async def pick(self, *, paused: bool, changed: bool) -> list[Task]:
        """Choose and reserve the next checks, and set `wait_s`. If it raises StoreError, nothing was chosen."""
        self._accounts.used()  # the budget counts a long gap between calls as a short one
        await self._mend_clock()
        if changed:
            viewers = await self._notes.meet(paused=paused, can_lead=True)
            self._paused, self._others_rival = viewers.paused, viewers.others_rival
            # Whoever leads sends the checks that dashboards would send, even a command that needs none of them.
            self._sends_scheduled = self._policy.scheduled or viewers.others_follow
            self._look_at_s = -math.inf
        is_worse = self._accounts.gets_nowhere() or not self._policy.scheduled
        if self._others_rival and is_worse and self._clock.now_s() >= self._offer_from_s:
            self.should_hand_over = True
            self._offer_from_s = self._clock.now_s() + OFFER_EVERY_S
        await self._count()
        await self._notes.leave_word(self.status())
        # Last, as what is picked counts as busy until the caller has sent it.
        is_time = self._clock.now_s() >= self._look_at_s and not self.should_hand_over
        picked = await self._pick_now() if is_time else []
        self.wait_s = max(0.0, self._look_at_s - self._clock.now_s())
        return picked

    def drop(self, tasks: Sequence[Task]) -> None:
        """Forget tasks that were picked but not sent."""
        self._accounts.drop(tasks)

    async def _pick_now(self) -> list[Task]:
        room = self._accounts.room()
        if not room:
            self._left_over = True
            self._look_at_s = self._clock.now_s() + LOOK_EVERY_S
            return []
        if self._sends_scheduled:
            await self._renew_price()
        picked = self._choose(*await self._look(room), room)
        if picked:
            await self._reserve(picked)
        return picked

    async def _renew_price(self) -> None:
        """Recompute the price every few seconds, from the running tasks and the rest of the budget."""
        now_s = self._clock.now_s()
        if now_s < self._price_at_s:
            return
        running = await self._store.run(lambda store: store.checks.running(self._policy.profile, MOST_PRICED))
        now_ms = self._clock.now_ms()
        self._price_s = price_for(running, now_ms, self.durations, self._accounts.capacity())
        self._price_at_s = now_s + PRICE_EVERY_S + len(running) / _PRICED_A_SECOND

    async def _reserve(self, picked: list[Task]) -> None:
        """Write the checks to the store. Drop them if that fails, or takes so long that their time is wrong.

        They are also dropped if another process turns out to have reserved some, or the list to be another file.
        """
        sent = Sent(boot_id(), self._clock.now_s(), len(picked))
        last = self._accounts.last
        self._accounts.reserving(sent)
        is_written = False
        try:
            entries = await self._store.run(
                lambda store: store.gateways.reserve(self._policy.profile, sent, last)
            )
            if entries is None:
                await self._agree()
            else:
                *others, self._accounts.last = entries
                is_alone = not self._accounts.learn_of(entry.sent for entry in others)
                is_written = is_alone and self._clock.now_s() <= sent.clock_s + RESERVATION_S
        finally:
            if not is_written:
                self.drop(picked)
                picked.clear()
                self._look_at_s = -math.inf

    async def _agree(self) -> None:
        """Add recent reservations to a list whose file was replaced, and charge those of others in it."""
        known = self._accounts.ledger()
        entries = await self._store.run(lambda store: store.gateways.agree(self._policy.profile, known))
        self._accounts.last = entries[-1] if entries else None
        self._accounts.learn_of(entry.sent for entry in entries)
        self.owes_word = False

    async def _look(self, room: int) -> tuple[list[Task], bool]:
        """Return the tasks to check, most urgent first, and whether others were postponed."""
        profile, now_ms = self._policy.profile, self._clock.now_ms()
        limit = room + self._accounts.busy
        wants_scheduled = self._may_send_scheduled()

        def read(store: Store) -> tuple[list[Task], InLine]:
            tasks = store.checks.asked(profile, limit)
            if wants_scheduled:
                tasks += store.checks.never_checked(profile, limit)
                tasks += store.checks.due(profile, now_ms, CANDIDATES + limit)
            return tasks, store.checks.in_line(profile, now_ms)

        tasks, self._line = await self._store.run(read)
        self._accounts.see_requests(tasks)
        self._counted_at_s = self._clock.now_s()
        self._asked_again = any(
            task.asked_at_ms is not None and self._accounts.is_busy(task.seq) for task in tasks
        )
        worth: dict[int, tuple[float, Task]] = {}
        later: list[tuple[int, int | None]] = []
        for task in {task.seq: task for task in tasks if not self._accounts.is_busy(task.seq)}.values():
            # When it is due at the current price, which may have risen since the check was planned. A last check in the
            # future means that the clock was set back since.
            is_due = is_urgent(task) or (task.checked_at_ms or 0) > now_ms
            next_ms = now_ms if is_due else next_check_ms(task, now_ms, self.durations, self._price_s)
            if next_ms is None or next_ms > now_ms:
                later.append((task.seq, next_ms))
            else:
                gain_s = urgency(
                    task, now_ms, self.durations, asked_in_line=self._line.asked, new_in_line=self._line.new
                )
                worth[task.seq] = gain_s, task
        if later:
            await self._store.run(lambda store: store.checks.postpone(later))
        return [task for _, task in sorted(worth.values(), key=lambda pair: -pair[0])], bool(later)

    def _choose(self, found: list[Task], has_put_off: bool, room: int) -> list[Task]:
        """Begin the checks that may be sent, and set when to look again."""
        picked: list[Task] = []
        now_s, hold_s = self._clock.now_s(), self._accounts.hold_s()
        wait_s = min(LOOK_EVERY_S, hold_s) if hold_s > 0 else LOOK_EVERY_S
        # While scheduled checks are on hold, none were looked for; the next answer may end that.
        self._over_budget, self._left_over = False, hold_s > 0
        for task in self._in_turn(found):
            if len(picked) >= room:
                break
            task_wait_s, is_over_budget = self._accounts.wait_s(task)
            if task_wait_s > 0:
                self._left_over = True
                self._over_budget = self._over_budget or is_over_budget
                wait_s = min(wait_s, task_wait_s)
            else:
                self._accounts.begin(task)
                picked.append(task)
                self._urgent_in_a_row = self._urgent_in_a_row + 1 if is_urgent(task) else 0
        if len(picked) == room:  # there may be more than were looked for
            self._left_over = True
        if has_put_off:  # there may be more behind those
            wait_s = 0.0
        # With the budget exhausted, a task that falls due would only wait with the others.
        next_ms = self._line.next_ms
        if next_ms is not None and self._may_send_scheduled() and not self._over_budget:
            wait_s = min(wait_s, (next_ms - self._clock.now_ms()) / 1000)
        self._look_at_s = now_s + max(0.0, wait_s)
        return picked

    def _in_turn(self, found: list[Task]) -> list[Task]:
        """Move the most urgent scheduled check to the front every few checks, if a crowd of new or asked IDs waits."""
        is_crowd = max(self._line.new, self._line.asked) > CROWD
        if not is_crowd or self._urgent_in_a_row < URGENT_IN_A_ROW:
            return found
        running = next((task for task in found if not is_urgent(task)), None)
        return found if running is None else [running, *(task for task in found if task is not running)]

    def _may_send_scheduled(self) -> bool:
        return self._sends_scheduled and not self._paused and self._accounts.hold_s() == 0

    # Answers

    def answered(self, task: Task, answer: Answer | None) -> None:
        """Account for an answer; None: the request was dropped."""
        self._accounts.answered(task, answer)
        if self._left_over:
            self._look_at_s = -math.inf

    def lost(self, task: Task) -> None:
        """Send a lost check (`Answer.is_lost`) again as soon as the budget allows."""
        self.drop([task])
        self._look_at_s = -math.inf

    def path_of(self, task: Task) -> str:
        """Return the path to check a task under."""
        return self._accounts.paths.next_for(task)

    def outcome(self, task: Task, answer: Answer, at_ms: int) -> Outcome:
        """Apply an answer to a task; return the outcome, with the time of the next check."""
        outcome = apply_answer(task, answer, at_ms, self._accounts.paths)
        next_ms = next_check_ms(outcome.task, self._clock.now_ms(), self.durations, self._price_s)
        return replace(outcome, task=replace(outcome.task, next_check_at_ms=next_ms))

    def recorded(self, outcomes: Sequence[Outcome]) -> None:
        """Note that the outcomes are on disk: free their tasks for new checks, and learn how long they took."""
        now_s, now_ms = self._clock.now_s(), self._clock.now_ms()
        for outcome in outcomes:
            task = outcome.task
            self._accounts.recorded(task.seq)
            if task.next_check_at_ms is not None:
                self._look_at_s = min(self._look_at_s, now_s + (task.next_check_at_ms - now_ms) / 1000)
            if outcome.finished and task.state is State.SUCCESS:
                self.durations.learn(task.model, task.variant, task.cost_time_ms)
        self._counted_at_s = -math.inf
        if self._left_over or self._asked_again:
            self._look_at_s = -math.inf

    # Keep track

    def status(self) -> WatchStatus:
        """Return the status while leading."""
        return self._notes.leader_status()._replace(
            over_budget=self._over_budget,
            due=max(0, self._line.due - self._accounts.busy),
            new=self._line.new,
            next_check_at_ms=self._line.next_ms,
            paused=self._paused,
        )

    async def _count(self) -> None:
        """Count the tasks in line for the status, unless a look did so a moment ago."""
        now_s, now_ms = self._clock.now_s(), self._clock.now_ms()
        if now_s >= self._counted_at_s + COUNT_EVERY_S:
            self._counted_at_s = now_s
            self._line = await self._store.run(
                lambda store: store.checks.in_line(self._policy.profile, now_ms)
            )

    async def _mend_clock(self) -> None:
        """If the wall clock was set, look for checks now due, and bring those back that it has left in the future."""
        now_ms = self._clock.now_ms()
        ahead_s = now_ms / 1000 - self._clock.now_s()
        step_s = 0.0 if self._wall_ahead_s is None else ahead_s - self._wall_ahead_s
        if abs(step_s) > CLOCK_STEP_S:
            if step_s < 0:
                await self._store.run(lambda store: store.checks.bring_back(self._policy.profile, now_ms))
            self._look_at_s = -math.inf
        self._wall_ahead_s = ahead_s

"""What the processes on one list tell each other, and what a follower makes of it for its own status."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from taskdash.domain.task import ProblemKind
from taskdash.store.gateways import GatewayNote, Sent, Viewer
from taskdash.watch.accounts import used_lately
from taskdash.watch.processes import is_alive, is_stopped, this_process
from taskdash.watch.status import CONNECTION

if TYPE_CHECKING:
    from taskdash.store.checks import InLine
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.access import Access
    from taskdash.watch.accounts import Accounts, Terms
    from taskdash.watch.clock import Clock

NOTE_EVERY_S: Final = 1.0
TOLD: Final = (
    "problem",
    "key_doubted",
    "message",
    "held_until_ms",
    "per_second",
    "per_minute",
    "tier",
    "learned",
    "over_budget",
)
"""What of the leader's status followers cannot find out for themselves."""
READ_EVERY_S: Final = 30.0
"""The longest time that a follower takes the store's file for what it was."""
_SAME_MOMENT_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Company:
    """The living processes on this list, ourselves among them."""

    paused: bool
    """One of them wants scheduled checks stopped."""
    others_follow: bool
    """Another one, running and not stopped, would send scheduled checks had it the lease."""
    others_rival: bool
    """Another one, running and not stopped, has another key or gateway than a watcher that gets nowhere."""
    others: list[Viewer]


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the store said to a follower, under which terms (paused, can lead) and when."""

    terms: tuple[bool, bool]
    company: Company
    note: GatewayNote
    differs: str
    sent: list[Sent]
    line: InLine
    due_since_ms: int | None
    """Since when checks are due, as far as it was seen; None where none is."""
    read_s: float
    read_ms: int


class Notes:
    """The words of one process about one profile."""

    def __init__(self, terms: Terms, clock: Clock, access: Access | None = None) -> None:
        self._terms = terms
        self._access = access
        self._clock = clock
        self._noted: GatewayNote | None = None
        self._noted_at_s = -math.inf
        self._held_until_ms: int | None = None
        self._reading: _Reading | None = None

    def differs_from(self, note: GatewayNote, *, gets_nowhere: bool = True) -> str:
        """What this process has another of than the watcher that left this word; "" for nothing.

        Unless it got nowhere itself (`gets_nowhere`) it may have a connection where that one reaches nobody.
        """
        differs = self._access.differs_from(note.status) if self._access else ""
        is_offline = note.status.get("problem") == ProblemKind.UNREACHABLE
        return differs or (CONNECTION if is_offline and not gets_nowhere else "")

    async def attend(
        self, store: StoreThread, *, paused: bool, can_lead: bool, rivals: bool = False
    ) -> Company:
        """Say that this process is here and what it wants; see who else is, and forget the dead."""
        profile = self._terms.profile
        me = Viewer(this_process(), paused, can_lead and self._terms.scheduled, rivals)

        def work(store: Store) -> list[Viewer]:
            viewers = store.gateways.viewers(profile)
            dead = [viewer.process for viewer in viewers if not is_alive(viewer.process)]
            if dead:
                store.gateways.leave(profile, dead)
            if me not in viewers:
                store.gateways.view(profile, me)
            return [each for each in viewers if each.process not in (me.process, *dead)]

        others = await store.run(work)
        return Company(
            paused or any(viewer.paused for viewer in others),
            any(viewer.follows and not is_stopped(viewer.process) for viewer in others),
            any(viewer.rivals and not is_stopped(viewer.process) for viewer in others),
            others,
        )

    async def leave(self, store: StoreThread) -> None:
        """Take this process off the list of viewers."""
        await store.run(lambda store: store.gateways.leave(self._terms.profile, [this_process()]))

    async def follow(
        self, store: StoreThread, accounts: Accounts, *, paused: bool, can_lead: bool
    ) -> dict[str, Any]:
        """The status while another process watches. The store is asked only where it may say something else.

        Args:
            store: the list.
            accounts: what became of the checks of this process, when it watched.
            paused: whether this process wants scheduled checks stopped.
            can_lead: whether it could watch.
        """
        may_have_changed, reading = store.change_hint.may_have_changed(), self._reading
        if may_have_changed or reading is None or self._is_stale(reading, (paused, can_lead)):
            self._reading = None
            gets_nowhere = accounts.gets_nowhere()
            note = await store.run(lambda store: store.gateways.note(self._terms.profile))
            differs = self.differs_from(note, gets_nowhere=gets_nowhere)
            is_useless = bool(differs) or note.watcher == this_process() or accounts.failed_lately
            company = await self.attend(
                store,
                paused=paused,
                # With what got nowhere it has no use for the lease of one who has something else, known yet or not.
                can_lead=can_lead and not (gets_nowhere and is_useless),
                rivals=can_lead and bool(differs) and _gets_nowhere(note) and not gets_nowhere,
            )
            reading = self._reading = await self._read(store, company, differs, (paused, can_lead), reading)
        return self._follower_words(reading)

    def _is_stale(self, reading: _Reading, terms: tuple[bool, bool]) -> bool:
        now_ms, age_s = self._clock.now_ms(), self._clock.now_s() - reading.read_s
        next_ms = reading.line.next_ms
        return (
            reading.terms != terms
            or not 0 <= age_s < READ_EVERY_S
            # The wall clock was set, or a check fell due.
            or now_ms < reading.read_ms
            or (next_ms is not None and next_ms <= now_ms)
            or not all(is_alive(viewer.process) for viewer in reading.company.others)
        )

    async def _read(
        self,
        store: StoreThread,
        company: Company,
        differs: str,
        terms: tuple[bool, bool],
        last: _Reading | None,
    ) -> _Reading:
        profile, now_s, now_ms = self._terms.profile, self._clock.now_s(), self._clock.now_ms()

        def work(store: Store) -> tuple[GatewayNote, list[Sent], InLine]:
            return (
                store.gateways.note(profile),
                store.gateways.sent(profile),
                store.checks.in_line(profile, now_ms),
            )

        note, sent, line = await store.run(work)
        due_since_ms = (last and last.due_since_ms) or now_ms if line.due else None
        return _Reading(terms, company, note, differs, sent, line, due_since_ms, now_s, now_ms)

    def _follower_words(self, reading: _Reading) -> dict[str, Any]:
        note, line, now_ms = reading.note, reading.line, self._clock.now_ms()
        watcher = note.watcher if note.watcher and is_alive(note.watcher) else None
        told = {name: note.status.get(name) for name in TOLD} if watcher else {}
        until_ms = told.get("held_until_ms")
        return {
            "leading": False,
            "watcher_pid": watcher.pid if watcher else None,
            "watcher_stopped": watcher is not None and is_stopped(watcher),
            "differs": reading.differs if watcher else "",
            "key_doubted": bool(told.get("key_doubted")),
            "paused": reading.company.paused,
            "used": used_lately(reading.sent, self._clock.now_s()),
            "per_second": _whole(told.get("per_second")),
            "per_minute": _whole(told.get("per_minute")),
            "tier": told.get("tier"),
            "learned": told.get("learned"),
            "problem": _kind(told.get("problem")),
            "message": str(told.get("message") or ""),
            "held_until_ms": until_ms if isinstance(until_ms, int) and until_ms > now_ms else None,
            "over_budget": bool(told.get("over_budget")),
            "due": line.due,
            "new": line.new,
            "next_check_at_ms": reading.due_since_ms if line.due else line.next_ms,
        }

    def words(self, accounts: Accounts) -> dict[str, Any]:
        """The status of the gateway and the key, as the one who sends the checks knows it."""
        now_s, now_ms = self._clock.now_s(), self._clock.now_ms()
        held_s = accounts.told_hold_s()
        until_ms = now_ms + round(1000 * held_s) if 0 < held_s < math.inf else None
        # Two clocks are read for it: it is not said anew for the odd millisecond between them.
        said_ms = self._held_until_ms
        if until_ms is None or said_ms is None or abs(until_ms - said_ms) > _SAME_MOMENT_MS:
            self._held_until_ms = until_ms
        problem = accounts.health.problem(now_s)
        return {
            "used": accounts.used(),
            "per_second": accounts.limits.per_second,
            "per_minute": accounts.limits.per_minute,
            "tier": accounts.learned.get("tier") or self._terms.tier,
            "learned": self._learned_words(accounts),
            "problem": problem,
            "differs": "",
            "key_doubted": accounts.health.is_key_doubted,
            "message": accounts.health.message if problem else "",
            "held_until_ms": self._held_until_ms,
        }

    async def leave_word(self, store: StoreThread, accounts: Accounts, *, over_budget: bool) -> None:
        """Write down what followers and successors must know, if it is news.

        What forbids or limits checks is written at once: a successor must know it, even after a kill.
        """
        words = self.words(accounts) | {"over_budget": over_budget}
        note = GatewayNote(
            watcher=this_process(),
            status={name: words[name] for name in TOLD} | (self._access.told() if self._access else {}),
            learned=accounts.learned,
            quiet=accounts.quiet(),
        )
        last, now_s = self._noted, self._clock.now_s()
        if note == last:
            return
        is_urgent = last is None or (note.learned, note.quiet) != (last.learned, last.quiet)
        if not is_urgent and self._noted_at_s <= now_s < self._noted_at_s + NOTE_EVERY_S:
            return
        await store.run(lambda store: store.gateways.set_note(self._terms.profile, note))
        self._noted, self._noted_at_s = note, now_s

    def forget(self) -> None:
        """Another process may have left word since: the next one is written whatever the last one was."""
        self._noted = self._reading = None

    def _learned_words(self, accounts: Accounts) -> str | None:
        if not accounts.learned or accounts.key_limits == self._terms.limits:
            return None
        limits, tier = accounts.key_limits, accounts.learned.get("tier")
        says = f"is `{tier}`:" if tier else "may send"
        return f"The server says this key {says} {limits.per_minute:,} per minute, {limits.per_second:,} per second."


def _gets_nowhere(note: GatewayNote) -> bool:
    """Whether the one who sends the checks is refused, or reaches nobody."""
    return bool(note.status.get("key_doubted")) or note.status.get("problem") == ProblemKind.UNREACHABLE


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _kind(value: object) -> ProblemKind | None:
    return ProblemKind(str(value)) if value in ProblemKind.__members__.values() else None

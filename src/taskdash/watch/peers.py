"""Shares a list and its key with other processes: who has the lease, and what each leaves in the store for the others.

The lease is the right to send checks. One process holds it per list and profile, by an OS file lock that dies with it.
A lock belongs to a file, not to its name. If the folder is removed or restored from a copy, another process can lock
the new file of that name, so the holder verifies before each burst that it has locked the current one.
"""

from __future__ import annotations

import math
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from taskdash.domain.errors import StoreError
from taskdash.domain.gateways import TIERS
from taskdash.domain.task import ProblemKind
from taskdash.store.checks import Entry, GatewayNote, Viewer
from taskdash.store.store_file import Identity, identity_of, lock_path
from taskdash.watch.accounts import used_lately
from taskdash.watch.machine import is_alive, is_stopped, this_process
from taskdash.watch.thread import CONNECTION, WatchStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from taskdash.domain.secret import Secret
    from taskdash.store.checks import InLine
    from taskdash.store.store import Store, StoreThread
    from taskdash.watch.accounts import Accounts, WatchPolicy
    from taskdash.watch.machine import Clock

NOTE_EVERY_S: Final = 1.0
MARK_BYTES: Final = 4
"""Enough to tell two keys apart, too few to recover one."""
_LOCK_TRIES: Final = 3
_TOLD: Final[dict[str, type]] = {
    **dict.fromkeys(("problem", "message", "paths_remark", "tier", "learned"), str),
    **dict.fromkeys(("per_second", "per_minute", "held_until_ms"), int),
    **dict.fromkeys(("key_doubted", "over_budget"), bool),
}
"""The fields of a leader's status that followers cannot find out for themselves, and their types."""


class Lease:
    """Locks a file beside the store's. Not tied to a thread."""

    def __init__(self, store_path: Path, profile: str) -> None:
        self._store_path = store_path
        self._profile = profile
        self._lock: FileLock | None = None
        self._identity: Identity | None = None

    @property
    def held(self) -> bool:
        """Return whether this process holds the lease, with a lock on the file that has the name now."""
        return self._lock is not None and self._identity_now() == self._identity

    def acquire(self) -> bool:
        """Take the lease if it is free; return whether this process holds it.

        Raises StoreError if no lock file can be made in the store's folder.
        """
        if self.held:
            return True
        self.release()
        for _ in range(_LOCK_TRIES):
            before, path = self._identity_now(), self._path()
            if not path.parent.is_dir():
                # FileLock would create it.
                raise StoreError("no lock can be made beside the store: its folder is gone")
            lock = FileLock(path, timeout=0, mode=0o600, thread_local=False)
            try:
                lock.acquire(blocking=False)
            except Timeout:
                return False
            except OSError as error:
                raise StoreError(
                    f"no lock can be made beside the store ({error.strerror}): is its folder read-only?"
                ) from error
            if before is not None and self._identity_now() == before:
                self._lock, self._identity = lock, before
                return True
            # The file was just created or replaced; only another try can be sure which one is locked.
            lock.release(force=True)
        return False

    def release(self) -> None:
        """Release the lease, so that another process can take it."""
        if self._lock is not None:
            self._lock.release(force=True)
            self._lock = self._identity = None

    def _path(self) -> Path:
        return lock_path(self._store_path, profile=self._profile)

    def _identity_now(self) -> Identity | None:
        """Return the identity of the file that has the name; None if there is none or it cannot be read."""
        with suppress(OSError):
            return identity_of(self._path())
        return None


class Access:
    """Describes a base URL and a key, for other processes to compare with their own without learning the key."""

    def __init__(self, base_url: str, key: Secret | None) -> None:
        self._base_url = base_url
        self._key = key
        self._salt = secrets.token_hex(blake2b.SALT_SIZE)

    def told(self) -> dict[str, str]:
        """Return what may be stored: the base URL, and a few bits of a salted hash of the key, useless without it."""
        return {"base_url": self._base_url, "salt": self._salt, "key_mark": self._mark(self._salt)}

    def differs_from(self, told: Mapping[str, Any]) -> str:
        """Return what differs from the process that stored `told`, "base URL" or "API key"; "" if nothing does."""
        base_url, salt, mark = told.get("base_url"), told.get("salt"), told.get("key_mark")
        if isinstance(base_url, str) and base_url != self._base_url:
            return "base URL"
        if not (isinstance(salt, str) and isinstance(mark, str)) or self._key is None:
            return ""
        try:
            return "" if mark == self._mark(salt) else "API key"
        except ValueError:
            return ""

    def _mark(self, salt: str) -> str:
        key = b"" if self._key is None else self._key.reveal().encode()
        return blake2b(key, digest_size=MARK_BYTES, salt=bytes.fromhex(salt)).hexdigest()


@dataclass(frozen=True, slots=True)
class Viewers:
    """Says what the live processes on this list want, including this one."""

    paused: bool
    """Whether any of them has paused scheduled checks."""
    others_follow: bool
    """Whether another one, not stopped, would send scheduled checks if it had the lease."""
    others_rival: bool
    """Whether another one, not stopped, may succeed where the watcher gets nowhere."""


class Notes:
    """Reads and writes the notes of one process about one profile."""

    def __init__(
        self, store: StoreThread, accounts: Accounts, policy: WatchPolicy, clock: Clock, access: Access
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._policy = policy
        self._access = access
        self._clock = clock
        self._noted: GatewayNote | None = None
        self._noted_at_s = -math.inf

    def differs_from(self, note: GatewayNote, *, gets_nowhere: bool = True) -> str:
        """Return what differs between this process and the watcher that left the note; "" if nothing does.

        If that watcher cannot reach the gateway, the connection counts as different unless `gets_nowhere`.
        """
        differs = self._access.differs_from(note.status)
        is_offline = note.status.get("problem") == ProblemKind.UNREACHABLE
        return differs or (CONNECTION if is_offline and not gets_nowhere else "")

    async def meet(self, *, paused: bool, can_lead: bool, rivals: bool = False) -> Viewers:
        """Register this process and its wishes, remove dead ones, and return the viewers."""
        profile = self._policy.profile
        me = Viewer(this_process(), paused, can_lead and self._policy.scheduled, rivals)

        def work(store: Store) -> list[Viewer]:
            viewers = store.gateways.viewers(profile)
            dead = [viewer.process for viewer in viewers if not is_alive(viewer.process)]
            if dead:
                store.gateways.leave(profile, dead)
            if me not in viewers:
                store.gateways.view(profile, me)
            return [each for each in viewers if each.process not in (me.process, *dead)]

        others = await self._store.run(work)
        return Viewers(
            paused or any(viewer.paused for viewer in others),
            any(viewer.follows and not is_stopped(viewer.process) for viewer in others),
            any(viewer.rivals and not is_stopped(viewer.process) for viewer in others),
        )

    # Follow

    async def follow(self, *, paused: bool, can_lead: bool) -> WatchStatus:
        """Return the status while another process watches."""
        profile, now_ms = self._policy.profile, self._clock.now_ms()

        def work(store: Store) -> tuple[GatewayNote, list[Entry], InLine]:
            gateways = store.gateways
            return gateways.note(profile), gateways.entries(profile), store.checks.in_line(profile, now_ms)

        note, entries, line = await self._store.run(work)
        # By this process's own checks, from when it watched.
        gets_nowhere = self._accounts.gets_nowhere()
        differs = self.differs_from(note, gets_nowhere=gets_nowhere)
        leader = _told_in(note.status)
        leader_gets_nowhere = leader.key_doubted or leader.problem is ProblemKind.UNREACHABLE
        viewers = await self.meet(
            paused=paused,
            # Nobody wants scheduled checks sent with another key or to another gateway.
            can_lead=can_lead and not differs,
            rivals=can_lead
            and bool(differs)
            and not gets_nowhere
            and (leader_gets_nowhere or self._policy.scheduled),
        )
        watcher = note.watcher if note.watcher and is_alive(note.watcher) else None
        told = leader if watcher else WatchStatus()
        until_ms = told.held_until_ms
        return told._replace(
            watcher_pid=watcher.pid if watcher else None,
            watcher_stopped=watcher is not None and is_stopped(watcher),
            differs=differs if watcher else "",
            paused=viewers.paused,
            used=used_lately((entry.sent for entry in entries), self._clock.now_s()),
            held_until_ms=until_ms if until_ms is not None and until_ms > now_ms else None,
            due=line.due,
            new=line.new,
            next_check_at_ms=line.next_ms,
        )

    # Lead

    def leader_status(self) -> WatchStatus:
        """Return the status of the gateway and the key, as the process that sends the checks knows it."""
        accounts = self._accounts
        now_s, now_ms = self._clock.now_s(), self._clock.now_ms()
        held_s = accounts.told_hold_s()
        # To the second, as it is worked out from two clocks.
        until_ms = 1000 * math.ceil(now_ms / 1000 + held_s) if 0 < held_s < math.inf else None
        problem = accounts.health.problem(now_s)
        return WatchStatus(
            leading=True,
            watcher_pid=this_process().pid,
            used=accounts.used(),
            per_second=accounts.limits.per_second,
            per_minute=accounts.limits.per_minute,
            tier=(accounts.learned and accounts.learned.tier) or self._policy.tier,
            learned=self._learned_words(),
            problem=problem,
            key_doubted=accounts.health.is_key_doubted,
            message=accounts.health.message if problem else "",
            paths_remark=accounts.paths.remark,
            held_until_ms=until_ms,
        )

    async def leave_word(self, status: WatchStatus) -> None:
        """Store what followers and successors must know of the leader's status, if it has changed.

        Anything that forbids or limits checks is stored at once, so that a successor knows it even after a kill.
        """
        learned, quiet = self._accounts.learned, self._accounts.quiet()
        note = GatewayNote(
            watcher=this_process(),
            status={name: getattr(status, name) for name in _TOLD} | self._access.told(),
            learned=asdict(learned) if learned else {},
            quiet=asdict(quiet) if quiet else {},
        )
        last, now_s = self._noted, self._clock.now_s()
        if note == last:
            return
        is_urgent = last is None or _what_hinders(note) != _what_hinders(last)
        if not is_urgent and self._noted_at_s <= now_s < self._noted_at_s + NOTE_EVERY_S:
            return
        await self._store.run(lambda store: store.gateways.set_note(self._policy.profile, note))
        self._noted, self._noted_at_s = note, now_s

    def forget(self) -> None:
        """Force the next note to be written, as another process may have left one since."""
        self._noted = None

    def _learned_words(self) -> str | None:
        learned, limits = self._accounts.learned, self._accounts.key_limits
        if not learned or limits == self._policy.limits:
            return None
        tier = (learned.tier or "").strip().lower()
        allowed = f"{limits.per_minute:,} checks a minute, {limits.per_second:,} a second"
        advice = f'set tier = "{tier}"' if TIERS.get(tier) == limits else "set both in the config"
        return f"The server allows {allowed}: {advice}."


def _told_in(note: Mapping[str, Any]) -> WatchStatus:
    """Return the status that a leader stored; fields that make no sense are ignored."""
    told = {name: note[name] for name, kind in _TOLD.items() if isinstance(note.get(name), kind)}
    problem = next((kind for kind in ProblemKind if kind == told.get("problem")), None)
    return WatchStatus(**told | {"problem": problem})


def _what_hinders(note: GatewayNote) -> tuple[object, ...]:
    return note.learned, note.quiet, note.status.get("problem")

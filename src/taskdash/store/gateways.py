"""Keeps what processes tell each other about a profile's gateway: what was sent, learned and asked."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.store.database import Part

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence


SENT_KEPT_S: Final = 120.0
_ENTRIES: Final = "SELECT n, boot, clock_s, checks FROM sent WHERE profile = ?"


class Sent(NamedTuple):
    """Checks that were reserved together, just before they were sent."""

    boot: str
    """Which run of the machine; "" where the system does not tell."""
    clock_s: float
    """The machine's monotonic clock; comparable only within one `boot`."""
    checks: int


class Entry(NamedTuple):
    """A reservation as it stands in the store, under its number."""

    n: int
    sent: Sent


class Reserved(NamedTuple):
    """Says what became of a reservation."""

    entry: Entry | None
    """None: the store is another file, and nothing was written."""
    others: list[Sent]
    """What somebody else reserved since the last entry that was known."""


class GatewayNote(NamedTuple):
    """Holds what the last watcher left to know of a profile's gateway. The mappings are the watcher's own affair."""

    watcher: Process | None = None
    status: Mapping[str, Any] = MappingProxyType({})
    """What its status says, for followers."""
    learned: Mapping[str, Any] = MappingProxyType({})
    """What the gateway said of the key's limits."""
    quiet: Mapping[str, Any] = MappingProxyType({})
    """Until when nothing may be sent."""


class Process(NamedTuple):
    """A process, told from a later one of the same number by when it started ("" where that is unknown)."""

    pid: int
    started: str


class Viewer(NamedTuple):
    """A process that shows this list or waits for it."""

    process: Process
    paused: bool
    """It wants scheduled checks stopped."""
    follows: bool
    """It would send scheduled checks itself, had it the lease."""
    rivals: bool = False
    """It has another key or gateway than the watcher, which gets nowhere with its own."""


class Gateways(Part):
    """The notes of every profile in one store."""

    def reserve(self, profile: str, sent: Sent, last: Entry | None = None) -> Reserved:
        """Write down checks before they are sent, so that whoever watches next stays within the budget.

        Where the last entry that is known is missing nothing is written, as this is another file than it was written
        to.
        """
        with self._database.writing() as connection:
            since = connection.execute(
                f"{_ENTRIES} AND n >= ? ORDER BY n", (profile, last.n if last else 0)
            ).fetchall()
            entries = [_entry(row) for row in since]
            if last is not None and entries[:1] != [last]:
                return Reserved(None, [])
            n = _insert(connection, profile, sent)
            connection.execute(
                "DELETE FROM sent WHERE profile = ? AND (boot <> ? OR abs(clock_s - ?) > ?)",
                (profile, sent.boot, sent.clock_s, SENT_KEPT_S),
            )
        return Reserved(Entry(n, sent), [entry.sent for entry in entries if entry != last])

    def sent(self, profile: str) -> list[Sent]:
        """Return what was reserved lately, oldest first."""
        return [entry.sent for entry in self._entries(profile)]

    def agree(self, profile: str, known: Sequence[Sent]) -> list[Entry]:
        """Add what of `known` is missing, as the list was exchanged for a copy; return all that is there then."""
        entries = self._entries(profile)
        if all(each in (entry.sent for entry in entries) for each in known):
            return entries
        with self._database.writing() as connection:
            entries = [_entry(row) for row in connection.execute(f"{_ENTRIES} ORDER BY n", (profile,))]
            there = {entry.sent for entry in entries}
            added = [Entry(_insert(connection, profile, each), each) for each in known if each not in there]
        return entries + added

    def _entries(self, profile: str) -> list[Entry]:
        return [_entry(row) for row in self._database.rows(f"{_ENTRIES} ORDER BY n", [profile])]

    def note(self, profile: str) -> GatewayNote:
        """Return what earlier and other watchers left to know of a profile's gateway."""
        rows = self._database.rows(
            "SELECT watcher_pid, watcher_started, status, learned, quiet FROM gateways WHERE profile = ?",
            [profile],
        )
        if not rows:
            return GatewayNote()
        pid, started, status, learned, quiet = rows[0]
        return GatewayNote(
            watcher=None if pid is None else Process(int(pid), str(started)),
            status=_object(status),
            learned=_object(learned),
            quiet=_object(quiet),
        )

    def set_note(self, profile: str, note: GatewayNote) -> None:
        """Leave word of a profile's gateway to other processes and to later ones."""
        texts = (json.dumps(dict(each)) for each in (note.status, note.learned, note.quiet))
        watcher = note.watcher or Process(0, "")
        self._database.write(
            "INSERT OR REPLACE INTO gateways (profile, watcher_pid, watcher_started, status, learned, quiet) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(profile, watcher.pid or None, watcher.started, *texts)],
        )

    def view(self, profile: str, viewer: Viewer) -> None:
        """Tell the watcher of this process."""
        self._database.write(
            "INSERT OR REPLACE INTO viewers (pid, started, profile, paused, follows, rivals) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(*viewer.process, profile, viewer.paused, viewer.follows, viewer.rivals)],
        )

    def viewers(self, profile: str) -> list[Viewer]:
        """Return every process that said it views this profile's list; some may have died since."""
        rows = self._database.rows(
            "SELECT pid, started, paused, follows, rivals FROM viewers WHERE profile = ?", [profile]
        )
        return [Viewer(Process(int(pid), str(started)), *map(bool, flags)) for pid, started, *flags in rows]

    def leave(self, profile: str, processes: Sequence[Process]) -> None:
        """Forget processes that ended."""
        sql = "DELETE FROM viewers WHERE profile = ? AND pid = ? AND started = ?"
        self._database.write(sql, ((profile, *process) for process in processes))


def _entry(row: tuple[Any, ...]) -> Entry:
    n, boot, clock_s, checks = row
    return Entry(int(n), Sent(str(boot), float(clock_s), int(checks)))


def _insert(connection: sqlite3.Connection, profile: str, sent: Sent) -> int:
    sql = "INSERT INTO sent (profile, boot, clock_s, checks) VALUES (?, ?, ?, ?)"
    return int(connection.execute(sql, (profile, *sent)).lastrowid or 0)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}

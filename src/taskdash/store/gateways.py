"""Shares facts about a gateway between processes: checks sent, limits learned, and who is watching or viewing."""

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
    """The ID of the machine's boot; "" if the system does not report it."""
    clock_s: float
    """The machine's monotonic clock; comparable only within one `boot`."""
    checks: int


class Entry(NamedTuple):
    """A reservation as it is stored, with its number."""

    n: int
    sent: Sent


class Reserved(NamedTuple):
    """The result of a reservation."""

    entry: Entry | None
    """None if the store has become another file; then nothing was written."""
    others: list[Sent]
    """Reservations by other processes since the last known entry."""


class GatewayNote(NamedTuple):
    """Holds what the last watcher recorded about a profile's gateway. The mappings are opaque to the store."""

    watcher: Process | None = None
    status: Mapping[str, Any] = MappingProxyType({})
    """Its status, for followers."""
    learned: Mapping[str, Any] = MappingProxyType({})
    """What the gateway said about the key's limits."""
    quiet: Mapping[str, Any] = MappingProxyType({})
    """Until when nothing may be sent."""


class Process(NamedTuple):
    """A process, told from a later one with the same PID by when it started ("" if unknown)."""

    pid: int
    started: str


class Viewer(NamedTuple):
    """A process that shows this list or waits for it."""

    process: Process
    paused: bool
    """It wants scheduled checks stopped."""
    follows: bool
    """It would send scheduled checks itself if it had the lease."""
    rivals: bool = False
    """It has another key or gateway than the watcher, whose own key is refused."""


class Gateways(Part):
    """The notes, reservations and viewers of every profile in one store."""

    def reserve(self, profile: str, sent: Sent, last: Entry | None = None) -> Reserved:
        """Record checks before they are sent, so that the next watcher stays within the budget.

        If `last`, the last known entry, is missing, the file is not the one that it was written to, and nothing is
        written.
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
        """Return recent reservations, oldest first."""
        return [entry.sent for entry in self._entries(profile)]

    def agree(self, profile: str, known: Sequence[Sent]) -> list[Entry]:
        """Add those of `known` that are missing because the list was replaced by a copy; return all entries."""
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
        """Return the last watcher's note on a profile's gateway, or an empty one."""
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
        """Store the note on a profile's gateway for other processes and later ones."""
        texts = (json.dumps(dict(each)) for each in (note.status, note.learned, note.quiet))
        watcher = note.watcher or Process(0, "")
        self._database.write(
            "INSERT OR REPLACE INTO gateways (profile, watcher_pid, watcher_started, status, learned, quiet) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(profile, watcher.pid or None, watcher.started, *texts)],
        )

    def view(self, profile: str, viewer: Viewer) -> None:
        """Register a process as a viewer, for the watcher to see."""
        self._database.write(
            "INSERT OR REPLACE INTO viewers (pid, started, profile, paused, follows, rivals) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [(*viewer.process, profile, viewer.paused, viewer.follows, viewer.rivals)],
        )

    def viewers(self, profile: str) -> list[Viewer]:
        """Return every process registered as a viewer of a profile's list; some may have died since."""
        rows = self._database.rows(
            "SELECT pid, started, paused, follows, rivals FROM viewers WHERE profile = ?", [profile]
        )
        return [Viewer(Process(int(pid), str(started)), *map(bool, flags)) for pid, started, *flags in rows]

    def leave(self, profile: str, processes: Sequence[Process]) -> None:
        """Remove processes that have ended from the viewers."""
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

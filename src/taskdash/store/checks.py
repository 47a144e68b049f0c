"""Serves the watcher: what to check and when, what that found, and who else sends checks with this key."""

from __future__ import annotations

import json
from dataclasses import replace
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.domain.batches import Way
from taskdash.domain.task import State, Task
from taskdash.store.database import Part
from taskdash.store.rows import CHECKED_COLUMNS, dump_json, keep_body, read_tasks, row_from_task, search_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from taskdash.domain.record import Outcome

LONGEST_WAIT_MS: Final = 25 * 3_600_000
"""No check is planned more than a day ahead (`domain.schedule`)."""
LARGE_BYTES: Final = 1024 * 1024
"""Writing bodies of this size fills SQLite's page cache with pages that nobody reads again."""
# Word for word the conditions of the partial indexes, or SQLite would not use them.
_NEVER_CHECKED: Final = "next_check_at_ms IS NOT NULL AND checked_at_ms IS NULL"
_PLANNED: Final = "next_check_at_ms IS NOT NULL AND checked_at_ms IS NOT NULL"
_SCHEDULED_BY: Final = (
    *("seq", "profile", "task_id", "added_at_ms", "raw_state"),
    *("model", "variant", "create_time_ms", "checked_at_ms"),
)
"""The columns of a running task that the schedule needs."""
_searched: Final = attrgetter("prompt", "model", "fail_code", "fail_msg")
"""The fields that a check may change and that filter words are matched against."""
_KEEP_OUTCOME: Final = (
    f"UPDATE tasks SET {', '.join(f'{name} = :{name}' for name in CHECKED_COLUMNS)}, "
    # A request made while the check was in flight wants a newer answer than this one.
    "next_check_at_ms = CASE WHEN asked_at_ms IS :asked_before THEN :next_check_at_ms ELSE next_check_at_ms END, "
    "asked_at_ms = CASE WHEN asked_at_ms IS :asked_before THEN :asked_at_ms ELSE asked_at_ms END "
    # The file may have been replaced since, and `seq` may be another task in the new one.
    "WHERE seq = :seq AND profile = :profile AND task_id = :task_id AND checks = :checks_before"
)

# A request restarts the round through the API paths, unless an earlier request has a round under way.
_ASKED: Final = (
    "asked_at_ms = ?, next_check_at_ms = ?, path_misses = iif(asked_at_ms IS NULL, 0, path_misses)"
)
SENT_KEPT_S: Final = 120.0


class InLine(NamedTuple):
    """Says how many tasks are due for a check, and when the next one will be."""

    asked: int
    new: int
    """Never checked."""
    due: int
    """All that are due by now, including new ones."""
    next_ms: int | None
    """When the next check after now is planned, in Unix ms; None if none is."""


class Checks(Part):
    """Picks the tasks to check, and records what checks have found."""

    def asked(self, profile: str, limit: int) -> list[Task]:
        """Return tasks whose check was requested: the `limit` waiting longest, and the `limit` requested last.

        After the gateway has refused the former, only newer requests may try it again.
        """
        return self._both_ends("asked_at_ms IS NOT NULL", "asked_at_ms", limit, profile)

    def due(self, profile: str, now_ms: int, limit: int) -> list[Task]:
        """Return answered tasks whose check is due: the `limit` longest overdue, and the `limit` that came due last.

        The latter include the young tasks, however many old ones are waiting.
        """
        condition = f"{_PLANNED} AND next_check_at_ms <= ?"
        return self._both_ends(condition, "next_check_at_ms", limit, profile, now_ms)

    def never_checked(self, profile: str, limit: int) -> list[Task]:
        """Return tasks that were never checked, in list order."""
        return self._tasks(f"profile = ? AND {_NEVER_CHECKED} ORDER BY seq LIMIT ?", profile, limit)

    def in_line(self, profile: str, now_ms: int) -> InLine:
        """Count the tasks of a profile that are due for a check by now."""

        def one(figure: str, condition: str, *values: object) -> Any:  # noqa: ANN401 - a cell has the type of its column
            sql = f"SELECT {figure} FROM tasks WHERE removal = 0 AND profile = ? AND {condition}"
            return self._database.value(sql, [profile, *values])

        asked, new = one("count(*)", "asked_at_ms IS NOT NULL"), one("count(*)", _NEVER_CHECKED)
        planned = one("count(*)", f"{_PLANNED} AND next_check_at_ms <= ?", now_ms)
        next_ms = one("min(next_check_at_ms)", f"{_PLANNED} AND next_check_at_ms > ?", now_ms)
        return InLine(asked, new, new + planned, next_ms)

    def running(self, profile: str, limit: int) -> list[Task]:
        """Return running tasks without a problem, newest first, with only the fields that the schedule needs."""
        rows = self._database.rows(
            f"SELECT {', '.join(_SCHEDULED_BY)} FROM tasks "
            "WHERE removal = 0 AND profile = ? AND state = 1 AND problem_kind IS NULL ORDER BY seq LIMIT ?",
            [profile, limit],
        )
        return [Task(**dict(zip(_SCHEDULED_BY, row, strict=True)), state=State.WAITING) for row in rows]

    def ask(self, seqs: Sequence[int], now_ms: int) -> int:
        """Mark tasks, even finished ones, to be checked as soon as the budget allows; return the mark.

        A request made during a check leads to another one, as that check's answer may be older than the request.
        """
        with self._database.writing() as connection:
            asked_at_ms = _next_mark(connection, now_ms)
            connection.executemany(
                f"UPDATE tasks SET {_ASKED} WHERE seq = ? AND removal = 0",
                ((asked_at_ms, now_ms, seq) for seq in seqs),
            )
        return asked_at_ms

    def withdraw(self, seqs: Sequence[int], asked_at_ms: int) -> None:
        """Withdraw the unanswered requests that `ask` gave this mark, as the caller has stopped waiting."""
        self._database.write(
            "UPDATE tasks SET asked_at_ms = NULL, "
            "next_check_at_ms = CASE WHEN state IN (0, 1) THEN next_check_at_ms END "
            "WHERE seq = ? AND asked_at_ms = ?",
            ((seq, asked_at_ms) for seq in seqs),
        )

    def ask_unfinished(self, profile: str, now_ms: int) -> int:
        """Mark every unfinished task of a profile to be checked; return how many there are."""
        with self._database.writing() as connection:
            return connection.execute(
                f"UPDATE tasks SET {_ASKED} WHERE removal = 0 AND profile = ? AND state IN (0, 1)",
                (_next_mark(connection, now_ms), now_ms, profile),
            ).rowcount

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Store the outcomes of checks in one transaction. A task removed meanwhile stays removed.

        An outcome is dropped if another check of its task was recorded since it was sent, as it may be the older one.
        """
        with self._database.writing() as connection:
            for outcome in outcomes:
                _keep_outcome(connection, outcome)
        if sum(len(outcome.raw) for outcome in outcomes) >= LARGE_BYTES:
            self._database.connection.execute("PRAGMA shrink_memory").close()

    def postpone(self, times: Sequence[tuple[int, int | None]]) -> None:
        """Reschedule checks that were not requested: pairs of `seq` and Unix ms (None: never)."""
        sql = "UPDATE tasks SET next_check_at_ms = ? WHERE seq = ? AND asked_at_ms IS NULL"
        self._database.write(sql, ((at_ms, seq) for seq, at_ms in times))

    def bring_back(self, profile: str, now_ms: int) -> None:
        """Make checks due now that were left in the future because the clock was set back.

        Those are checks planned further ahead than any can be, or of tasks last checked at a time yet to come.
        """
        planned = (
            f"removal = 0 AND profile = ? AND {_PLANNED} AND next_check_at_ms > ? "
            "AND (next_check_at_ms > ? OR checked_at_ms > ?)"
        )
        bound = (profile, now_ms, now_ms + LONGEST_WAIT_MS, now_ms)
        if self._database.value(f"SELECT 1 FROM tasks WHERE {planned} LIMIT 1", bound):
            self._database.write(f"UPDATE tasks SET next_check_at_ms = ? WHERE {planned}", [(now_ms, *bound)])

    def finished_since(self, profile: str, after_ms: int, limit: int = 1_000) -> list[Task]:
        """Return tasks whose end was learned after `after_ms`, in that order."""
        condition = "profile = ? AND finished_at_ms > ? ORDER BY finished_at_ms, seq LIMIT ?"
        return self._tasks(condition, profile, after_ms, limit)

    def _both_ends(self, condition: str, order: str, limit: int, profile: str, *values: object) -> list[Task]:
        condition = f"profile = ? AND {condition} ORDER BY {order}"
        first = self._tasks(f"{condition}, seq LIMIT ?", profile, *values, limit)
        if len(first) < limit:
            return first
        last = self._tasks(f"{condition} DESC, seq DESC LIMIT ?", profile, *values, limit)
        return list({task.seq: task for task in (*first, *last)}.values())

    def _tasks(self, condition: str, *values: object) -> list[Task]:
        return read_tasks(self._database, f"FROM tasks WHERE removal = 0 AND {condition}", values)


def _keep_outcome(connection: sqlite3.Connection, outcome: Outcome) -> None:
    """Store one outcome, unless a later check was recorded: the task's row, body, search text and news."""
    before, task = outcome.before, outcome.task
    values = row_from_task(task) | {"asked_before": before.asked_at_ms, "checks_before": before.checks}
    is_newest = connection.execute(_KEEP_OUTCOME, values).rowcount
    if is_newest and outcome.record is not None:
        if before.state is State.SUCCESS:
            # It may have had links before, and have different ones now.
            sql = (
                "UPDATE tasks SET renewed_at_ms = ? WHERE seq = ? AND result_count > 0 "
                "AND (SELECT result_urls FROM bodies WHERE bodies.seq = tasks.seq) NOT IN (?, '[]')"
            )
            urls = dump_json(list(outcome.record.result_urls))
            if connection.execute(sql, (task.checked_at_ms, task.seq, urls)).rowcount:
                connection.execute("DELETE FROM warned WHERE seq = ?", (task.seq,))
        keep_body(connection, task.seq, outcome.record, outcome.raw)
        if outcome.is_news:
            connection.execute("UPDATE tasks SET unseen = 1 WHERE seq = ?", (task.seq,))
            # To be announced once in each way (`store.news`).
            sql = "INSERT OR IGNORE INTO untold VALUES (?, ?)"
            connection.executemany(sql, ((task.seq, way) for way in Way))
        if _searched(before) != _searched(task):
            # Label and note may have been edited meanwhile.
            sql = "SELECT label, note FROM tasks WHERE seq = ?"
            label, note = connection.execute(sql, (task.seq,)).fetchone()
            folded = search_text(replace(task, label=label, note=note))
            connection.execute("UPDATE search SET folded = ? WHERE seq = ?", (folded, task.seq))


def _next_mark(connection: sqlite3.Connection, now_ms: int) -> int:
    """Return a mark for a request: the time, but greater than all earlier marks even if the clock was set back."""
    (mark,) = connection.execute(
        "INSERT INTO numbers VALUES ('asked', ?) "
        "ON CONFLICT (name) DO UPDATE SET value = max(value + 1, excluded.value) RETURNING value",
        (now_ms,),
    ).fetchone()
    return int(mark)


class Sent(NamedTuple):
    """Tells of checks that were reserved together, just before they were sent."""

    boot: str
    """The ID of the machine's boot; "" if the system does not report it."""
    clock_s: float
    """The machine's monotonic clock; comparable only within one `boot`."""
    checks: int


class Entry(NamedTuple):
    """Numbers a reservation as it is stored."""

    n: int
    sent: Sent


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
    """Names a process; tells it from a later one with the same PID by when it started ("" if unknown)."""

    pid: int
    started: str


class Viewer(NamedTuple):
    """Describes a process that shows this list or waits for it."""

    process: Process
    paused: bool
    """It wants scheduled checks stopped."""
    follows: bool
    """It would send scheduled checks itself if it had the lease."""
    rivals: bool = False
    """It has another key or gateway than the watcher, and could do more with the lease."""


class Gateways(Part):
    """Shares notes on the gateway, reservations and viewers of every profile between processes."""

    def reserve(self, profile: str, sent: Sent, last: Entry | None = None) -> list[Entry] | None:
        """Record checks before they are sent, so that the next watcher stays within the budget.

        Return the entries made since `last`, the last known one: those of other processes, and this one at the end.
        If `last` is missing, the store has become another file; return None, with nothing written.
        """
        with self._database.writing() as connection:
            entries = self.entries(profile, last.n if last else 0)
            if last is not None and entries[:1] != [last]:
                return None
            new = Entry(_insert(connection, profile, sent), sent)
            connection.execute(
                "DELETE FROM sent WHERE profile = ? AND (boot <> ? OR abs(clock_s - ?) > ?)",
                (profile, sent.boot, sent.clock_s, SENT_KEPT_S),
            )
        return [*(entry for entry in entries if entry != last), new]

    def entries(self, profile: str, from_n: int = 0) -> list[Entry]:
        """Return recent reservations, oldest first."""
        sql = "SELECT n, boot, clock_s, checks FROM sent WHERE profile = ? AND n >= ? ORDER BY n"
        rows = self._database.rows(sql, [profile, from_n])
        return [Entry(int(n), Sent(str(boot), float(s), int(checks))) for n, boot, s, checks in rows]

    def agree(self, profile: str, known: Sequence[Sent]) -> list[Entry]:
        """Add those of `known` that are missing because the list was replaced by a copy; return all entries."""
        entries = self.entries(profile)
        if all(each in (entry.sent for entry in entries) for each in known):
            return entries
        with self._database.writing() as connection:
            entries = self.entries(profile)
            there = {entry.sent for entry in entries}
            added = [Entry(_insert(connection, profile, each), each) for each in known if each not in there]
        return entries + added

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


def _insert(connection: sqlite3.Connection, profile: str, sent: Sent) -> int:
    sql = "INSERT INTO sent (profile, boot, clock_s, checks) VALUES (?, ?, ?, ?)"
    return int(connection.execute(sql, (profile, *sent)).lastrowid or 0)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}

"""Keeps news until it is announced. The process that claims a task announces it; no other will, in this run or later.

A claim is one transaction, on disk before anything is shown or run. So a crash in between loses a message, but none is
ever repeated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.domain.batches import Batch, Way
from taskdash.domain.query import ExpiryTerm
from taskdash.domain.task import State
from taskdash.domain.words import USUAL_LIFE_MS, notice_ms
from taskdash.store.database import Part
from taskdash.store.query_sql import ENDED, LINKS_SINCE, UNSAVED, expiring
from taskdash.store.rows import IN_LIST, STATE_CODES, STATES, as_json, by_state, read_tasks

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence

    from taskdash.domain.task import Task

_UNTOLD = "FROM untold CROSS JOIN tasks USING (seq) WHERE way = ? AND removal = 0 AND profile = ?"
_UNSEEN: Final = "removal = 0 AND unseen = 1 AND (profile = ? OR ? IS NULL)"


LEARNED_AFTER_MS: Final = 60_000
"""How long after a task's end it may be learned, if the record does not say when that was."""


class Missed(NamedTuple):
    """Counts what happened while nobody was there."""

    finished: int
    failed: int
    expiring: int
    """Tasks with unsaved results that expire soon."""
    newly_expiring: int
    """Those of them that were not about to expire before."""

    @property
    def is_any(self) -> bool:
        """Return whether there is anything to report."""
        return bool(self.finished or self.failed or self.newly_expiring)


class News(Part):
    """Tracks which ends of tasks are still to be announced, or looked at by the user."""

    def untold(self, profile: str, way: Way, limit: int = 1_000) -> list[Task]:
        """Return tasks whose end was not yet announced in this way, in the order it was learned."""
        waiting = f"{_UNTOLD} ORDER BY finished_at_ms, seq LIMIT ?"
        return read_tasks(self._database, waiting, [way, profile, limit])

    def is_any(self, profile: str, way: Way) -> bool:
        """Return whether any task's end is still to be announced in this way."""
        return bool(self._database.value(f"SELECT 1 {_UNTOLD} LIMIT 1", [way, profile]))

    def claim(self, way: Way, seqs: Iterable[int]) -> set[int]:
        """Claim the announcement of tasks; return those that no other process has claimed."""
        with self._database.writing() as connection:
            return _claim(connection, way, seqs)

    def claim_messages(self, tasks: Sequence[Task]) -> tuple[list[Task], list[Batch]]:
        """Claim messages on the screen; return the tasks claimed, and the batches that they complete.

        A batch is the tasks added under a label since it was last complete: two or more, all of them finished and
        announced.
        """
        with self._database.writing() as connection:
            seqs = _claim(connection, Way.SCREEN, (task.seq for task in tasks))
            ours = [task for task in tasks if task.seq in seqs]
            number = "SELECT profile, label, batch FROM tasks WHERE seq = ?"
            names = dict.fromkeys(
                connection.execute(number, (task.seq,)).fetchone() for task in ours if task.label
            )
            batches = [_batch(connection, *name) for name in names if name]
        return ours, [batch for batch in batches if batch is not None]

    def claim_next(self, profile: str, way: Way) -> int | None:
        """Claim the task that has waited longest and return its `seq`; None if there is none."""
        while waiting := self.untold(profile, way, 1):
            if seqs := self.claim(way, [waiting[0].seq]):
                return seqs.pop()
        return None

    def drop(self, profile: str, way: Way) -> None:
        """Drop all announcements still to be made in this way."""
        if self.is_any(profile, way):
            listed = "SELECT seq FROM tasks WHERE profile = ? AND removal = 0"
            self._database.write(f"DELETE FROM untold WHERE way = ? AND seq IN ({listed})", [(way, profile)])

    def claim_expiring(self, profile: str, now_ms: int, ttl_ms: int | None) -> list[Task]:
        """Claim the warnings about unsaved results that expire soon, the first to expire first, each once.

        `ttl_ms` is how long result links live; None if that is known of those alone that state their expiry.
        """
        condition, values, dies = self._expiring(profile, now_ms, ttl_ms)
        sql = f"FROM tasks WHERE {condition} AND seq NOT IN warned ORDER BY {dies}, seq LIMIT 1000"
        if not (tasks := read_tasks(self._database, sql, values)):
            return []
        with self._database.writing() as connection:
            keep = "INSERT OR IGNORE INTO warned VALUES (?)"
            return [task for task in tasks if connection.execute(keep, (task.seq,)).rowcount]

    def _expiring(self, profile: str, now_ms: int, ttl_ms: int | None) -> tuple[str, list[Any], str]:
        """Return the condition on tasks with unsaved results that expire soon, its values, and the SQL of when."""
        ttls_ms = () if ttl_ms is None else ((profile, ttl_ms),)
        soon = ExpiryTerm(ttls_ms, "<", notice_ms(ttl_ms or USUAL_LIFE_MS))
        condition, values = expiring(soon, profile, now_ms)
        dies = f"coalesce(result_expires_at_ms, {LINKS_SINCE} + {ttl_ms or 0:d})"
        return f"{condition} AND {UNSAVED}", values, dies

    def seen_at_ms(self, profile: str) -> int | None:
        """Return when somebody last looked at the list of a profile; None if nobody has yet."""
        at_ms = self._database.value("SELECT value FROM numbers WHERE name = ?", [f"seen {profile}"])
        return None if at_ms is None else int(at_ms)

    def see(self, profile: str, at_ms: int) -> None:
        """Record that somebody is looking at the list of a profile."""
        self._database.write("INSERT OR REPLACE INTO numbers VALUES (?, ?)", [(f"seen {profile}", at_ms)])

    def saw(self, profile: str, at_ms: int) -> None:
        """Record that somebody looked at the list at a past moment, unless a later look is recorded."""
        self._database.write(
            "INSERT INTO numbers VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            [(f"seen {profile}", at_ms)],
        )

    def missed(self, profile: str, since_ms: int, back_ms: int, now_ms: int, ttl_ms: int | None) -> Missed:
        """Count what is known to have happened from `since_ms` until `back_ms`, when somebody was there again.

        An end before `back_ms` may have been learned after it. `ttl_ms` is how long result links live; None if that is
        not known.
        """
        # All that is known of an end without a time is that it was learned a little later.
        ended = "coalesce(complete_time_ms, create_time_ms + cost_time_ms, finished_at_ms - ?)"
        sql = (
            "SELECT state, count(*) FROM tasks WHERE removal = 0 AND profile = ? AND finished_at_ms IS NOT NULL "
            f"AND finished_at_ms > ? AND {ENDED} > ? AND {ended} <= ? GROUP BY state"
        )
        bound = [profile, since_ms, since_ms, LEARNED_AFTER_MS, back_ms]
        counts = {STATES.get(code): count for code, count in self._database.rows(sql, bound)}
        condition, values, dies = self._expiring(profile, now_ms, ttl_ms)
        sql = f"SELECT count(*), coalesce(sum({dies} > ?), 0) FROM tasks WHERE {condition}"
        bound = [since_ms + notice_ms(ttl_ms or USUAL_LIFE_MS), *values]
        ((expiring, new),) = self._database.rows(sql, bound)
        return Missed(counts.get(State.SUCCESS, 0), counts.get(State.FAIL, 0), expiring, new)

    def unseen(self, profile: str | None) -> int:
        """Return how many tasks of a profile (None: of all) have ended and were not looked at since."""
        return int(self._database.value(f"SELECT count(*) FROM tasks WHERE {_UNSEEN}", [profile, profile]))

    def look_at(self, seqs: Iterable[int]) -> None:
        """Record that somebody has looked at tasks."""
        sql = "UPDATE tasks SET unseen = 0 WHERE seq = ? AND unseen = 1"
        self._database.write(sql, ((seq,) for seq in seqs))

    def look_at_all(self, profile: str | None) -> None:
        """Record that somebody has looked at all tasks of a profile (None: of all profiles)."""
        self._database.write(f"UPDATE tasks SET unseen = 0 WHERE {_UNSEEN}", [(profile, profile)])

    def batch_of(self, seqs: Collection[int]) -> Batch | None:
        """Return the tasks as a batch; None where one of them is not finished. Those that were removed do not count."""
        sql = f"SELECT state, count(*) FROM tasks WHERE removal = 0 AND seq {IN_LIST} GROUP BY state"
        counts = by_state(self._database.rows(sql, [as_json(seqs)]))
        if counts[State.NEW] or counts[State.WAITING]:
            return None
        return Batch(None, counts[State.SUCCESS], counts[State.FAIL], frozenset(seqs))


def _claim(connection: sqlite3.Connection, way: Way, seqs: Iterable[int]) -> set[int]:
    sql = "DELETE FROM untold WHERE seq = ? AND way = ?"
    return {seq for seq in seqs if connection.execute(sql, (seq, way)).rowcount}


def _batch(connection: sqlite3.Connection, profile: str, label: str, number: int) -> Batch | None:
    if not number:
        return None
    named = (profile, label, number)
    of_batch = "FROM tasks WHERE removal = 0 AND profile = ? AND label = ? AND batch = ?"
    if connection.execute(f"SELECT 1 {of_batch} AND +state < 2 LIMIT 1", named).fetchone():
        return None
    untold = f"SELECT 1 {_UNTOLD} AND label = ? AND batch = ? LIMIT 1"
    if connection.execute(untold, (Way.SCREEN, *named)).fetchone():
        return None
    ended = dict(connection.execute(f"SELECT seq, state {of_batch}", named).fetchall())
    success = sum(code == STATE_CODES[State.SUCCESS] for code in ended.values())
    return Batch(label, success, len(ended) - success, frozenset(ended)) if len(ended) > 1 else None

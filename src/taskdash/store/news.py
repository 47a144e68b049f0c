"""What nobody was told of yet. Whoever claims a task here tells of it; nobody else will, in this run or a later one.

A claim is one transaction, and it is on disk before anything is said or run: so a crash in between loses a message,
but none ever comes twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdash.domain.task import State
from taskdash.domain.telling import Batch, Way
from taskdash.store.connection import chunks
from taskdash.store.expiry_sql import ENDED, HAS_RESULTS, UNSAVED
from taskdash.store.query_sql import STATE_CODES
from taskdash.store.rows import STATES, TASK_COLUMNS, task_from_row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Sequence

    from taskdash.domain.task import Task
    from taskdash.store.database import Database

_UNTOLD = "FROM untold CROSS JOIN tasks USING (seq) WHERE way = ? AND removal = 0 AND profile = ?"


class News:
    """The ends of one store that are still to be told."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def untold(self, profile: str, way: Way, limit: int = 1_000) -> list[Task]:
        """Tasks whose end nobody was told of in this way, in the order in which it was learned."""
        rows = self._database.rows(
            f"SELECT {TASK_COLUMNS} {_UNTOLD} ORDER BY finished_at_ms, seq LIMIT ?", [way, profile, limit]
        )
        return [task_from_row(row) for row in rows]

    def is_any(self, profile: str, way: Way) -> bool:
        """Whether there is one."""
        return bool(self._database.value(f"SELECT 1 {_UNTOLD} LIMIT 1", [way, profile]))

    def claim(self, way: Way, seqs: Iterable[int]) -> set[int]:
        """Take the telling of tasks upon oneself; those that another process has not taken yet are ours."""
        with self._database.writing() as connection:
            return _claim(connection, way, seqs)

    def claim_messages(self, tasks: Sequence[Task]) -> tuple[list[Task], list[Batch]]:
        """Claim messages on the screen; return the tasks that are ours, and the labels that are complete with them.

        A label is complete where all of its two or more tasks are finished and none is left to be told of.
        """
        with self._database.writing() as connection:
            seqs = _claim(connection, Way.SCREEN, (task.seq for task in tasks))
            ours = [task for task in tasks if task.seq in seqs]
            names = dict.fromkeys((task.profile, task.label) for task in ours if task.label)
            batches = [_batch(connection, profile, label) for profile, label in names if label]
        return ours, [batch for batch in batches if batch is not None]

    def claim_next(self, profile: str, way: Way) -> int | None:
        """Claim the one that waits longest; None where there is none."""
        while waiting := self.untold(profile, way, 1):
            if seqs := self.claim(way, [waiting[0].seq]):
                return seqs.pop()
        return None

    def drop(self, profile: str, way: Way) -> None:
        """Nobody is to be told in this way."""
        if self.is_any(profile, way):
            with self._database.writing() as connection:
                connection.execute(
                    "DELETE FROM untold WHERE way = ? "
                    "AND seq IN (SELECT seq FROM tasks WHERE profile = ? AND removal = 0)",
                    (way, profile),
                )

    def claim_expiring(self, profile: str, ended: tuple[int, int], limit: int = 1_000) -> list[Task]:
        """Claim the warning of results that are not saved, of tasks that ended between two moments (Unix ms).

        Each is warned of once; the first to expire comes first.
        """
        sql = (
            f"SELECT {TASK_COLUMNS} FROM tasks WHERE {HAS_RESULTS} AND profile = ? AND {ENDED} > ? AND {ENDED} < ? "
            f"AND {UNSAVED} AND seq NOT IN warned ORDER BY {ENDED} LIMIT ?"
        )
        tasks = [task_from_row(row) for row in self._database.rows(sql, [profile, *ended, limit])]
        if not tasks:
            return []
        with self._database.writing() as connection:
            keep = "INSERT OR IGNORE INTO warned VALUES (?)"
            return [task for task in tasks if connection.execute(keep, (task.seq,)).rowcount]

    def batch_of(self, seqs: Collection[int]) -> Batch | None:
        """The tasks as a batch; None where one of them is not finished. Those that were removed do not count."""
        counts = dict.fromkeys(STATE_CODES, 0)
        for chunk in chunks(sorted(seqs)):
            marks = ", ".join("?" * len(chunk))
            sql = f"SELECT state, count(*) FROM tasks WHERE removal = 0 AND seq IN ({marks}) GROUP BY state"
            for code, count in self._database.rows(sql, chunk):
                counts[STATES.get(code, State.WAITING)] += count
        if counts[State.NEW] or counts[State.WAITING]:
            return None
        return Batch(None, counts[State.SUCCESS], counts[State.FAIL], frozenset(seqs))


def keep_untold(connection: sqlite3.Connection, seq: int) -> None:
    """Write down that a task has ended and somebody is to be told, in each way."""
    connection.executemany("INSERT OR IGNORE INTO untold VALUES (?, ?)", ((seq, way) for way in Way))


def _claim(connection: sqlite3.Connection, way: Way, seqs: Iterable[int]) -> set[int]:
    sql = "DELETE FROM untold WHERE seq = ? AND way = ?"
    return {seq for seq in seqs if connection.execute(sql, (seq, way)).rowcount}


def _batch(connection: sqlite3.Connection, profile: str, label: str) -> Batch | None:
    of_label = "FROM tasks WHERE removal = 0 AND profile = ? AND label = ?"
    unfinished = f"SELECT 1 {of_label} AND state IN (0, 1) LIMIT 1"
    untold = f"SELECT 1 {_UNTOLD} AND label = ? LIMIT 1"
    if connection.execute(unfinished, (profile, label)).fetchone():
        return None
    if connection.execute(untold, (Way.SCREEN, profile, label)).fetchone():
        return None
    counts = dict(
        connection.execute(f"SELECT state, count(*) {of_label} GROUP BY state", (profile, label)).fetchall()
    )
    batch = Batch(label, counts.get(STATE_CODES[State.SUCCESS], 0), counts.get(STATE_CODES[State.FAIL], 0))
    return batch if batch.success + batch.fail > 1 else None

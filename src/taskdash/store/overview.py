"""What a reader of a long list wants to know of its part that is not on the screen."""

from __future__ import annotations

import json
from bisect import bisect_left
from typing import TYPE_CHECKING

from taskdash.domain.query import Sort
from taskdash.store.query_sql import where

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskdash.domain.query import Query
    from taskdash.store.database import Database
    from taskdash.store.tasks import TaskList


class Overview:
    """Counts over the list that are cheap however long it is."""

    def __init__(self, database: Database, tasks: TaskList) -> None:
        self._database = database
        self._tasks = tasks

    def newest_seq(self) -> int | None:
        """The `seq` of the task that was added last, of whatever profile; None in an empty store."""
        seq = self._database.value("SELECT min(seq) FROM tasks")
        return None if seq is None else int(seq)

    def newer(self, query: Query, seq: int, now_ms: int) -> int:
        """How many tasks of `query` were added after the one with `seq`, or stand above it in the same paste."""
        if query.terms:
            # One search serves this and the rows that are on the screen.
            in_order = self._tasks.seqs(query, now_ms, may_lag=True)
            return (
                bisect_left(in_order, seq) if query.sort == Sort() else sum(each < seq for each in in_order)
            )
        condition, values = where(query, now_ms)
        sql = f"SELECT count(*) FROM tasks WHERE {condition} AND seq < ?"
        return int(self._database.value(sql, [*values, seq]))

    def shown(self, query: Query, seqs: Collection[int], now_ms: int) -> int:
        """How many of the named tasks are among those of `query`."""
        if query.terms:
            return len(set(seqs).intersection(self._tasks.seqs(query, now_ms, may_lag=True)))
        condition, values = where(query, now_ms)
        sql = f"SELECT count(*) FROM tasks WHERE {condition} AND seq IN (SELECT value FROM json_each(?))"
        return int(self._database.value(sql, [*values, json.dumps(list(seqs))]))

"""Finds tasks that have waited too long, by what the list's own history says of their kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskdash.domain.usual import Durations
from taskdash.store.checks import Checks
from taskdash.store.query_sql import BEGUN

if TYPE_CHECKING:
    from taskdash.store.database import Database


class Overdue:
    """The overdue tasks of one store: those that wait for more than their kind's `Usual.overdue_ms`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seqs(self, profile: str | None, now_ms: int) -> list[int]:
        """Return the `seq` of every task of a profile, None being all of them, that is overdue at `now_ms`."""
        profiles = [profile]
        if profile is None:
            # Each gateway has a history of its own.
            sql = "SELECT profile FROM counts WHERE state = 1 AND tasks > 0"
            profiles = [name for (name,) in self._database.rows(sql)]
        found = [self._found("seq", name, now_ms) for name in profiles if name is not None]
        return [seq for rows in found for (seq,) in rows]

    def by_label(self, profile: str, now_ms: int) -> dict[str | None, int]:
        """Return how many tasks of each label are overdue, of those that have any."""
        return dict(self._found("label, count(*)", profile, now_ms, "GROUP BY label"))

    def _found(self, columns: str, profile: str, now_ms: int, rest: str = "") -> list[tuple[Any, ...]]:
        # In the index of what is unfinished, of which its own condition is a part.
        waiting = "FROM tasks WHERE removal = 0 AND profile = ? AND state < 2 AND state = 1"
        kinds = self._database.rows(f"SELECT DISTINCT model, variant {waiting}", [profile])
        if not kinds:
            return []
        checks = Checks(self._database)
        history = Durations(checks.durations(profile))
        history.see_waiting(checks.waiting(profile))
        # A variant that is not told apart takes what its model takes.
        limits: dict[tuple[str, ...], int] = {}
        for model, variant in kinds:
            if of_kind := history.usual(model, variant):
                of_model = history.usual(model)
                is_apart = variant is not None and of_kind != of_model
                limits[(model, variant) if is_apart else (model,)] = of_kind.overdue_ms
        if not limits:
            return []
        cases, values = [], []
        for kind in sorted(limits, key=len, reverse=True):
            cases.append(f"WHEN model = ?{' AND variant = ?' if len(kind) > 1 else ''} THEN ?")
            values += [*kind, limits[kind]]
        sql = f"SELECT {columns} {waiting} AND ? - {BEGUN} > CASE {' '.join(cases)} END {rest}"
        return self._database.rows(sql, [profile, now_ms, *values])

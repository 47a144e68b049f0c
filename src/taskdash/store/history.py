"""Reads how long the tasks of a list took, and which ones have waited too long by that measure."""

from __future__ import annotations

from typing import Any

from taskdash.store.database import Part
from taskdash.store.query_sql import BEGUN


class History(Part):
    """The durations of tasks. A task is overdue if it has waited longer than its kind's `Usual.overdue_ms`."""

    def durations(self, profile: str, limit: int = 5_000) -> list[tuple[str, str | None, int]]:
        """Return model, variant and costTime (ms) of the most recent successes, oldest first."""
        rows = self._database.rows(
            "SELECT model, variant, cost_time_ms FROM tasks WHERE removal = 0 AND profile = ? "
            "AND finished_at_ms IS NOT NULL AND state = 2 AND cost_time_ms IS NOT NULL AND model IS NOT NULL "
            "ORDER BY finished_at_ms DESC LIMIT ?",
            [profile, limit],
        )
        return [(str(model), variant, int(cost_ms)) for model, variant, cost_ms in reversed(rows)]

    def waiting(self, profile: str, limit: int = 1_000) -> list[tuple[str, str | None, int]]:
        """Return model, variant and age (ms) at the last check of waiting tasks, newest first."""
        rows = self._database.rows(
            f"SELECT model, variant, checked_at_ms - {BEGUN} FROM tasks "
            "WHERE removal = 0 AND profile = ? AND state = 1 AND model IS NOT NULL AND problem_kind IS NULL "
            "AND checked_at_ms IS NOT NULL ORDER BY seq LIMIT ?",
            [profile, limit],
        )
        return [(str(model), variant, int(age_ms)) for model, variant, age_ms in rows]

    def overdue(self, profile: str | None, now_ms: int) -> list[int]:
        """Return the `seq` of every task of a profile (None: of all) that is overdue at `now_ms`."""
        profiles = [profile]
        if profile is None:
            # Each gateway has a history of its own.
            sql = "SELECT profile FROM counts WHERE state = 1 AND tasks > 0"
            profiles = [name for (name,) in self._database.rows(sql)]
        found = [self._found("seq", name, now_ms) for name in profiles if name is not None]
        return [seq for rows in found for (seq,) in rows]

    def overdue_by_label(self, profile: str, now_ms: int) -> dict[str | None, int]:
        """Return how many tasks of each label are overdue; labels without any are left out."""
        return dict(self._found("label, count(*)", profile, now_ms, "GROUP BY label"))

    def _found(self, columns: str, profile: str, now_ms: int, rest: str = "") -> list[tuple[Any, ...]]:
        # `state < 2` is there to match the index of unfinished tasks, or SQLite would not use it.
        waiting = "FROM tasks WHERE removal = 0 AND profile = ? AND state < 2 AND state = 1"
        kinds = self._database.rows(f"SELECT DISTINCT model, variant {waiting}", [profile])
        if not kinds:
            return []
        # Imported late, as few lists have waiting tasks when they are read.
        from taskdash.domain.usual import Durations

        history = Durations(self.durations(profile))
        history.see_waiting(self.waiting(profile))
        # A variant whose durations do not differ from the others' gets its model's limit.
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

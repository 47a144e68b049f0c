"""Which tasks have waited too long, by what the list's own history says of their kind."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
        return [seq for name in profiles if name is not None for seq, _ in self.found(name, now_ms)]

    def found(self, profile: str, now_ms: int) -> list[tuple[int, str | None]]:
        """Return the `seq` and the label of what is overdue in a profile."""
        # In the index of what is unfinished, of which its own condition is a part.
        waiting = "removal = 0 AND profile = ? AND state < 2 AND state = 1"
        kinds = self._database.rows(f"SELECT DISTINCT model, variant FROM tasks WHERE {waiting}", [profile])
        if not kinds:
            return []
        checks = Checks(self._database)
        history = Durations(checks.durations(profile))
        history.see_waiting(checks.waiting(profile))
        limits_ms = {kind: usual.overdue_ms for kind in kinds if (usual := history.usual(*kind))}
        if not limits_ms:
            return []
        rows = self._database.rows(
            f"SELECT seq, label, model, variant, {BEGUN} FROM tasks WHERE {waiting} AND {BEGUN} < ?",
            [profile, now_ms - min(limits_ms.values())],
        )
        return [
            (seq, label)
            for seq, label, *kind, since_ms in rows
            if now_ms - since_ms > limits_ms.get((kind[0], kind[1]), math.inf)
        ]

"""Which results were saved, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdash.domain.untrusted import inert_line
from taskdash.store.additions import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.store.database import Database


class SavedFiles:
    """The paths of saved results in one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, seq: int, n: int, path: str, now_ms: int) -> None:
        """Remember that result `n` (from 1) of a task is at `path`; what was there before is forgotten."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO saved (seq, n, path, saved_at_ms) VALUES (?, ?, ?, ?)",
                (seq, n, path, now_ms),
            )

    def of(self, seqs: Sequence[int]) -> dict[int, dict[int, str]]:
        """The paths of tasks, by `seq` and number of the result."""
        found: dict[int, dict[int, str]] = {}
        for chunk in chunks(seqs):
            marks = ", ".join("?" * len(chunk))
            for seq, n, path in self._database.rows(
                f"SELECT seq, n, path FROM saved WHERE seq IN ({marks})", chunk
            ):
                found.setdefault(seq, {})[n] = inert_line(str(path))
        return found

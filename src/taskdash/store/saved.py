"""Which results were saved, and where; and which could not be saved on their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.domain.untrusted import inert_line
from taskdash.store.connection import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.store.database import Database

_UNSAVED: Final = "removal = 0 AND profile = ? AND state = 2 AND result_count > saved_count"


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A result that was saved."""

    path: Path
    """As it is on the disk: not fit to be shown."""
    size: int | None
    """In bytes, when it was saved; None where nobody knows."""

    @property
    def shown(self) -> str:
        """The path, fit to be shown."""
        return inert_line(str(self.path))

    def is_there(self) -> bool:
        """Whether the file still is what was saved, as far as can be seen from outside."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):
            return False
        return self.path.is_file() and self.size in (None, status.st_size)


@dataclass(frozen=True, slots=True)
class Try:
    """What became of a task whose results were to be saved on their own."""

    tries: int
    next_try_at_ms: int | None


class SavedFiles:
    """The paths of saved results in one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, seq: int, n: int, path: Path, size: int | None, now_ms: int) -> None:
        """Remember that result `n` (from 1) of a task is at `path`; what was there before is forgotten."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO saved (seq, n, path, saved_at_ms, bytes) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (seq, n) DO UPDATE SET path = excluded.path, saved_at_ms = excluded.saved_at_ms, "
                "bytes = excluded.bytes",
                (seq, n, str(path), now_ms, size),
            )

    def of(self, seqs: Sequence[int]) -> dict[int, dict[int, SavedFile]]:
        """The saved results of tasks, by `seq` and number of the result."""
        found: dict[int, dict[int, SavedFile]] = {}
        for chunk in chunks(seqs):
            marks = ", ".join("?" * len(chunk))
            for seq, n, path, size in self._database.rows(
                f"SELECT seq, n, path, bytes FROM saved WHERE seq IN ({marks})", chunk
            ):
                found.setdefault(seq, {})[n] = SavedFile(Path(str(path)), size)
        return found

    # What is saved on its own, as tasks finish

    def unsaved(self, profile: str) -> list[int]:
        """The `seq` of the successful tasks with results that are not saved and were never tried on their own."""
        sql = (
            f"SELECT seq FROM tasks WHERE {_UNSAVED} "
            "AND NOT EXISTS (SELECT 1 FROM unsaved WHERE unsaved.seq = tasks.seq) ORDER BY seq"
        )
        return [seq for (seq,) in self._database.rows(sql, [profile])]

    def to_try(self, profile: str, since_ms: int, now_ms: int) -> list[int]:
        """Such tasks that finished at `since_ms` or later, and those that are due for another try."""
        fresh = (
            f"SELECT seq FROM tasks WHERE {_UNSAVED} AND finished_at_ms >= ? "
            "AND NOT EXISTS (SELECT 1 FROM unsaved WHERE unsaved.seq = tasks.seq)"
        )
        due = (
            "SELECT seq FROM unsaved JOIN tasks USING (seq) "
            f"WHERE next_try_at_ms IS NOT NULL AND next_try_at_ms <= ? AND {_UNSAVED}"
        )
        rows = self._database.rows(f"{fresh} UNION {due} ORDER BY seq", [profile, since_ms, now_ms, profile])
        return [seq for (seq,) in rows]

    def tried(self, seq: int) -> Try | None:
        """How often the results of a task were tried on their own; None: never without success."""
        rows = self._database.rows("SELECT tries, next_try_at_ms FROM unsaved WHERE seq = ?", [seq])
        return Try(*rows[0]) if rows else None

    def failed(self, seq: int, tries: int, next_try_at_ms: int | None, reason: str) -> None:
        """Remember that they could not be saved, and when it is tried again (None: not at all)."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO unsaved (seq, tries, next_try_at_ms, reason) VALUES (?, ?, ?, ?)",
                (seq, tries, next_try_at_ms, reason),
            )

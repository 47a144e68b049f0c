"""Records where results were saved, which automatic downloads failed, and the user's verdicts on results."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from taskdash.domain.errors import StoreError
from taskdash.domain.task import Verdict
from taskdash.domain.untrusted import inert_line
from taskdash.store.database import Part, repeatable
from taskdash.store.query_sql import UNSAVED
from taskdash.store.rows import IN_LIST, as_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from taskdash.store.store import StoreThread

    Given = tuple[int, int, Verdict | None]
    """The `seq` of a task, the number of a result, from 1, and the verdict on it; None: none."""

_MAX_INTEGER: Final = 2**63 - 1
_UNSAVED: Final = f"removal = 0 AND profile = ? AND state = 2 AND {UNSAVED}"


class SavedFile(NamedTuple):
    """Names the file of a saved result."""

    path: Path
    """As it is on the disk; not safe to show."""
    size: int | None
    """In bytes, when it was saved; None if unknown."""

    @property
    def shown(self) -> str:
        """Return the path, made safe to show."""
        return inert_line(str(self.path))

    def is_there(self) -> bool:
        """Return whether the file still exists with the size that was saved."""
        try:
            status = self.path.stat()
        except (OSError, ValueError):
            return False
        return stat.S_ISREG(status.st_mode) and self.size in (None, status.st_size)


class SavedAs(NamedTuple):
    """Names a result of a listed task, and describes the file that it was saved as."""

    profile: str
    task_id: str
    n: int
    size: int | None
    """In bytes; None if unknown."""
    sha256: str | None
    """Of its content, in hexadecimal; None if unknown."""


def gone_files(files: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Return the files that no longer exist. On a network disk this may take a minute.

    A file that was changed is not gone: it may have been cropped.
    """
    # A list may have 100,000 files, and Path takes three times as long.
    return [(seq, n, path) for seq, n, path in files if not os.path.isfile(path)]  # noqa: PTH113 - see above


def forget_gone_files(store: StoreThread) -> None:
    """Check in a thread of its own whether saved files still exist, and forget the others: slow disks take a minute.

    It uses the watcher's store, because opening another would create a new list if the file has just been deleted.
    """

    def look() -> None:
        # The store may be closed meanwhile.
        with suppress(StoreError, RuntimeError):
            gone = gone_files(store.submit(lambda opened: opened.saved.files()).result())
            store.submit(lambda opened: opened.saved.forget(gone)).result()

    Thread(target=look, name="saved-files", daemon=True).start()


class SavedFiles(Part):
    """Records the saved results of one store, and its failed automatic downloads."""

    def keep(
        self, seq: int, n: int, path: Path, size: int | None, now_ms: int, sha256: str | None = None
    ) -> None:
        """Record that result `n` (from 1) of a task is saved at `path`, replacing any earlier record."""
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO saved (seq, n, path, saved_at_ms, bytes) VALUES (?, ?, ?, ?, ?)",
                (seq, n, str(path), now_ms, size),
            )
            if sha256 is not None:
                connection.execute("INSERT OR IGNORE INTO contents VALUES (?, ?, ?)", (seq, n, sha256))
            sql = "INSERT OR REPLACE INTO numbers (name, value) VALUES ('saved_in', ?)"
            connection.execute(sql, (self._number_of_list(),))

    def of(self, seqs: Sequence[int]) -> dict[int, dict[int, SavedFile]]:
        """Return the saved results of tasks, by `seq` and number of the result."""
        found: dict[int, dict[int, SavedFile]] = {}
        for seq, n, path, size in self._rows(seqs):
            found.setdefault(seq, {})[n] = SavedFile(Path(str(path)), size)
        return found

    def results_at(self, path: Path) -> list[SavedAs]:
        """Return the results of listed tasks that were saved at `path`."""
        return self._saved_as("saved LEFT JOIN contents USING (seq, n)", "bytes", "path", str(path))

    def results_with(self, sha256: str) -> list[SavedAs]:
        """Return the results of listed tasks that were saved with this content, wherever those files are now."""
        return self._saved_as("contents", "NULL", "sha256", sha256)

    def _saved_as(self, table: str, size: str, column: str, value: str) -> list[SavedAs]:
        sql = (
            f"SELECT profile, task_id, n, {size}, sha256 FROM {table} JOIN tasks USING (seq) "
            f"WHERE removal = 0 AND {column} = ? ORDER BY seq, n"
        )
        return [SavedAs(*row) for row in self._database.rows(sql, [value])]

    def forget_gone(self, seqs: Sequence[int] | None = None) -> None:
        """Forget saved files of tasks (None: of all) that no longer exist.

        A file that the user deleted is not downloaded again automatically, unless its folder is gone as well, or this
        list is a copy, for example on another machine. A list that cannot be written stays as it is.
        """
        self.forget(gone_files(self.files(seqs)))

    def files(self, seqs: Sequence[int] | None = None) -> list[tuple[int, int, str]]:
        """Return `seq`, number and path of each saved result of tasks (None: of all)."""
        return [(seq, n, str(path)) for seq, n, path, _ in self._rows(seqs)]

    def forget(self, gone: Sequence[tuple[int, int, str]]) -> None:
        """Forget the saved results that `gone_files` has found, as `forget_gone` does."""
        if not gone:
            return
        folder_of = {path: Path(path).parent for _, _, path in gone}
        folders_here = {folder for folder in set(folder_of.values()) if folder.is_dir()}
        with suppress(StoreError), self._database.writing() as connection:
            saved_in = connection.execute("SELECT value FROM numbers WHERE name = 'saved_in'").fetchone()
            is_copy = saved_in is not None and saved_in[0] != self._number_of_list()
            connection.executemany("DELETE FROM saved WHERE seq = ? AND n = ? AND path = ?", gone)
            connection.executemany(
                "INSERT OR IGNORE INTO unsaved (seq, tries, next_try_at_ms, reason) VALUES (?, 0, NULL, ?)",
                (
                    (seq, "its file was removed")
                    for seq, _, path in gone
                    if folder_of[path] in folders_here and not is_copy
                ),
            )

    def _rows(self, seqs: Sequence[int] | None) -> list[tuple[Any, ...]]:
        sql = "SELECT seq, n, path, bytes FROM saved"
        if seqs is None:
            return self._database.rows(sql)
        return self._database.rows(f"{sql} WHERE seq {IN_LIST}", [as_json(seqs)])

    def _number_of_list(self) -> int:
        """Return a number that tells this file of a list from a copy: its inode."""
        return self._database.path.stat().st_ino & _MAX_INTEGER

    # Automatic downloads as tasks finish

    def to_try(self, profile: str) -> list[int]:
        """Return the `seq` of successful tasks with unsaved results, the last added first.

        Those whose automatic download was given up are left out.
        """
        given_up = "SELECT 1 FROM unsaved WHERE unsaved.seq = tasks.seq AND next_try_at_ms IS NULL"
        # By itself, SQLite would go through all successful tasks, each time the list changes.
        tasks = "tasks INDEXED BY tasks_unsaved"
        sql = f"SELECT seq FROM {tasks} WHERE {_UNSAVED} AND NOT EXISTS ({given_up}) ORDER BY seq"
        return [seq for (seq,) in self._database.rows(sql, [profile])]

    def give_up(self, seq: int, reason: str) -> None:
        """Record that the results of a task are not to be downloaded automatically any more."""
        sql = "INSERT OR REPLACE INTO unsaved (seq, tries, next_try_at_ms, reason) VALUES (?, 0, NULL, ?)"
        self._database.write(sql, [(seq, reason)])


class Verdicts(Part):
    """Keeps verdicts on results. They stay with their task, even while it is off the list."""

    def of(self, seqs: Sequence[int]) -> dict[int, dict[int, Verdict]]:
        """Return the verdicts of tasks, by `seq` and number of the result, from 1."""
        found: dict[int, dict[int, Verdict]] = {}
        sql = f"SELECT seq, n, verdict FROM verdicts WHERE seq {IN_LIST} ORDER BY seq, n"
        for seq, n, verdict in self._database.rows(sql, [as_json(seqs)]):
            if verdict in Verdict.__members__.values():
                found.setdefault(seq, {})[n] = Verdict(verdict)
        return found

    def results(self, seqs: Sequence[int], verdict: Verdict) -> set[tuple[int, int]]:
        """Return the results of tasks that have this verdict, by `seq` and number."""
        return {
            (seq, n) for seq, given in self.of(seqs).items() for n, each in given.items() if each is verdict
        }

    @repeatable
    def give(self, verdicts: Sequence[Given], now_ms: int) -> list[Given]:
        """Set verdicts in one transaction; return the earlier ones, for another call to restore.

        Those on results that do not exist are left out.
        """
        seqs = as_json(dict.fromkeys(seq for seq, _, _ in verdicts))
        with self._database.writing() as connection:
            # Meanwhile another process may have deleted the task, or a check may have found fewer results.
            counts = dict(
                connection.execute(f"SELECT seq, result_count FROM tasks WHERE seq {IN_LIST}", (seqs,))
            )
            before = self.of([*counts])
            known = [each for each in verdicts if 1 <= each[1] <= counts.get(each[0], 0)]
            connection.executemany(
                "INSERT OR REPLACE INTO verdicts (seq, n, verdict, given_at_ms) VALUES (?, ?, ?, ?)",
                ((seq, n, verdict.value, now_ms) for seq, n, verdict in known if verdict),
            )
            connection.executemany(
                "DELETE FROM verdicts WHERE seq = ? AND n = ?",
                ((seq, n) for seq, n, verdict in known if not verdict),
            )
        return [(seq, n, before.get(seq, {}).get(n)) for seq, n, _ in known]

"""Keeps what somebody thinks of results: which are picked, and which are rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskdash.domain.task import Verdict
from taskdash.store.database import IN_LIST, Part, as_json

if TYPE_CHECKING:
    from collections.abc import Sequence


class Verdicts(Part):
    """The verdicts of one store. They stay with their task, also where it is off the list for a while."""

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

    def give(
        self, verdicts: Sequence[tuple[int, int, Verdict | None]], now_ms: int
    ) -> list[tuple[int, int, Verdict | None]]:
        """Keep verdicts in one transaction, None being none; return what stood before, for undo by another call.

        Each is of a task's `seq` and the number of a result; one that there is no result for is left out.
        """
        return self._database.again(lambda: self._give(verdicts, now_ms))

    def _give(
        self, verdicts: Sequence[tuple[int, int, Verdict | None]], now_ms: int
    ) -> list[tuple[int, int, Verdict | None]]:
        seqs = as_json(dict.fromkeys(seq for seq, _, _ in verdicts))
        with self._database.writing() as connection:
            # Another process may have taken the task away meanwhile, or a check have brought fewer results.
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

"""What the list adds up to, as far as SQL counts best: outcomes for statistics, failures by what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from taskdash.domain.failures import FailedTasks
from taskdash.domain.tally import TaskFigures
from taskdash.domain.task import ProblemKind, State
from taskdash.domain.untrusted import inert_line
from taskdash.store.database import IN_LIST, as_json
from taskdash.store.query_sql import ENDED, where
from taskdash.store.rows import STATES

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskdash.domain.query import Query
    from taskdash.store.database import Database


class Summaries:
    """Of the tasks of a query, or of the marked ones alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def outcomes(
        self, query: Query, now_ms: int, *, marked: Collection[int] | None = None
    ) -> list[TaskFigures]:
        """Return what counts of each task of `query`; of the tasks with these `seq` where `marked` is given."""
        condition, values = _where(query, now_ms, marked)
        rows = self._database.rows(
            f"SELECT model, state, cost_time_ms, {ENDED}, credits_consumed "
            f"FROM tasks LEFT JOIN bodies USING (seq) WHERE {condition}",
            values,
        )
        return [
            TaskFigures(
                None if model is None else inert_line(str(model)), STATES.get(code, State.WAITING), *rest
            )
            for model, code, *rest in rows
        ]

    def failures(
        self, query: Query, now_ms: int, *, marked: Collection[int] | None = None
    ) -> list[FailedTasks]:
        """Return the failed tasks of `query`, whatever states it asks for, counted by what their answers say."""
        condition, values = _where(replace(query, states=frozenset({State.FAIL})), now_ms, marked)
        # SQLite takes the bare `seq` from the row that has the maximum.
        rows = self._database.rows(
            "SELECT fail_code, fail_msg, raw_state, count(*), seq, "
            f"max(coalesce({ENDED}, create_time_ms, added_at_ms)) "
            f"FROM tasks WHERE {condition} GROUP BY fail_code, fail_msg, raw_state",
            values,
        )
        return [FailedTasks(*row) for row in rows]

    def problems(
        self, query: Query, now_ms: int, *, marked: Collection[int] | None = None
    ) -> list[tuple[ProblemKind, int]]:
        """Return the problems that checks of the tasks of `query` have now, the commonest first, with their counts."""
        condition, values = _where(query, now_ms, marked)
        rows = self._database.rows(
            f"SELECT problem_kind, count(*) FROM tasks WHERE {condition} AND problem_kind IS NOT NULL "
            "GROUP BY problem_kind ORDER BY count(*) DESC, problem_kind",
            values,
        )
        known = set(ProblemKind)
        return [(ProblemKind(kind), count) for kind, count in rows if kind in known]


def _where(query: Query, now_ms: int, marked: Collection[int] | None) -> tuple[str, list[Any]]:
    condition, values = where(query, now_ms)
    if marked is None:
        return condition, values
    return f"{condition} AND seq {IN_LIST}", [*values, as_json(marked)]

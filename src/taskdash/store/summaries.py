"""Sums up the list as SQL counts best: outcomes, failures, problems and the progress of batches."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.domain.batches import KEPT_ENDS, LabelFigures, Progress, UnfinishedKind
from taskdash.domain.failures import Reason, reasons
from taskdash.domain.query import COMPLETED_FIELDS
from taskdash.domain.tally import QUARTER_MS, By, TaskFigures, day_of
from taskdash.domain.task import ProblemKind, State
from taskdash.domain.untrusted import inert_line
from taskdash.store.database import Part
from taskdash.store.query_sql import BEGUN, ENDED, HAS_RESULTS, LINKS_SINCE, UNSAVED, order, where
from taskdash.store.rows import STATES, by_state

if TYPE_CHECKING:
    from collections.abc import Collection

    from taskdash.domain.query import Query
    from taskdash.domain.task import Task

MAX_ENDS: Final = 1_000
"""How many of the list's most recent ends are read to work out the pace of its batches."""
MAX_VALUES: Final = 500
"""Per field; nobody goes through more with Tab."""


class FailureCounts(NamedTuple):
    """Counts the reasons why tasks failed, with examples, and the problems of the last checks."""

    reasons: list[Reason]
    problems: list[tuple[ProblemKind, int]]
    """Most frequent first."""
    newest: dict[int, Task]
    """By `seq`: the task named by each reason's `newest_seq`, with long texts cut."""
    total: int
    """How many tasks were looked at."""


class Summaries(Part):
    """Sums up the tasks of a query, or the marked ones alone."""

    def outcomes(
        self, query: Query, now_ms: int, by: By = By.MODEL, *, marked: Collection[int] | None = None
    ) -> list[TaskFigures]:
        """Return the figures of each task of `query`, or only of those whose `seq` is in `marked`, if given.

        Each carries the name of the group that it counts in.
        """
        condition, values = where(self._database, query, now_ms, marked)
        name = f"{BEGUN} / {QUARTER_MS}" if by is By.DAY else by.value
        rows = self._database.rows(
            f"SELECT {name}, state, cost_time_ms, {ENDED}, credits FROM tasks WHERE {condition}", values
        )
        named = day_of if by is By.DAY else _name
        return [
            TaskFigures(named(name), STATES.get(code, State.WAITING), *figures)
            for name, code, *figures in rows
        ]

    def states(self, query: Query, now_ms: int) -> dict[State, int]:
        """Count the tasks of `query` by state, without replacing the cached matches of the filter on the screen."""
        condition, values = where(self._database, query, now_ms)
        rows = self._database.rows(
            f"SELECT state, count(*) FROM tasks WHERE {condition} GROUP BY state", values
        )
        return by_state(rows)

    def result_counts(
        self, query: Query, now_ms: int, *, marked: Collection[int] | None = None
    ) -> list[tuple[int, int]]:
        """Return `seq` and number of results of each successful task with results, in the order of `query`."""
        condition, values = where(self._database, query, now_ms, marked)
        sql = f"SELECT seq, result_count FROM tasks WHERE {condition} AND {HAS_RESULTS} ORDER BY {order(query.sort)}"
        return [(seq, count) for seq, count in self._database.rows(sql, values)]

    def filter_values(self, profile: str) -> dict[str, list[str]]:
        """Return the labels and models of a profile, for completing a filter."""
        values = {}
        for field in COMPLETED_FIELDS:
            listed = f"FROM tasks WHERE removal = 0 AND profile = ? AND {field} != ''"
            sql = f"SELECT DISTINCT {field} {listed} ORDER BY {field} LIMIT {MAX_VALUES}"
            values[field] = [inert_line(str(value)) for (value,) in self._database.rows(sql, [profile])]
        return values

    def failure_counts(self, query: Query, marked: Collection[int] | None, now_ms: int) -> FailureCounts:
        """Count the failures and problems among the tasks of `query`, which names no states, or the marked ones."""
        tasks = self._database.tasks
        failed, values = where(self._database, query._replace(states=frozenset({State.FAIL})), now_ms, marked)
        # SQLite takes the bare `seq` from the row with the maximum. Most failures state only when they were created,
        # which is nearer to their end than when that was learned, possibly days later.
        rows = self._database.rows(
            "SELECT fail_code, fail_msg, raw_state, count(*), seq, "
            "max(coalesce(complete_time_ms, create_time_ms + cost_time_ms, create_time_ms, finished_at_ms, "
            "added_at_ms)), total(credits > 0), total(credits) "
            f"FROM tasks WHERE {failed} GROUP BY fail_code, fail_msg, raw_state",
            values,
        )
        found = reasons(rows)
        newest = {task.seq: task for task in tasks.heads([reason.newest_seq for reason in found])}
        condition, values = where(self._database, query, now_ms, marked)
        rows = self._database.rows(
            f"SELECT problem_kind, count(*) FROM tasks WHERE {condition} AND problem_kind IS NOT NULL "
            "GROUP BY problem_kind ORDER BY count(*) DESC, problem_kind",
            values,
        )
        known = set(ProblemKind)
        problems = [(ProblemKind(kind), count) for kind, count in rows if kind in known]
        total = sum(tasks.counts(query, now_ms).values()) if marked is None else len(marked)
        return FailureCounts(found, problems, newest, total)

    def progress(
        self, profile: str, *, shown: str | None = None, before: str | None = None
    ) -> Progress | None:
        """Return the progress of the batch with the most unfinished tasks; None if no batch is under way.

        A batch is what was added under a label since it was last complete. That of the label `shown` on the screen
        comes first; else the one reported `before` stays, until another has more than twice as many unfinished tasks.
        """
        # Read from the index alone, as the rows themselves are too wide to scan.
        sql = (
            "SELECT label, count(*) FROM tasks WHERE removal = 0 AND profile = ? AND label IS NOT NULL "
            "AND state < 2 GROUP BY label ORDER BY count(*) DESC, min(seq)"
        )
        unfinished = dict(self._database.rows(sql, [profile]))
        if not unfinished:
            return None
        label, most = next(iter(unfinished.items()))
        if 2 * unfinished.get(before, 0) >= most:
            label = before
        if shown in unfinished:
            label = shown
        # Each plus makes SQLite use the index of labels: a label has part of the list, a state may have most.
        sql = "SELECT batch FROM tasks WHERE removal = 0 AND profile = ? AND label = ? AND +state < 2 LIMIT 1"
        batch = self._database.value(sql, [profile, label])
        of_batch, bound = "removal = 0 AND profile = ? AND label = ? AND batch = ?", [profile, label, batch]
        sql = f"SELECT count(*), total(state >= 2) FROM tasks WHERE {of_batch}"
        ((total, done),) = self._database.rows(sql, bound)
        if total < 2:
            return None
        last = f"SELECT {ENDED} FROM tasks WHERE {of_batch} AND +state >= 2 AND {ENDED} IS NOT NULL"
        rows = self._database.rows(f"{last} ORDER BY {ENDED} DESC LIMIT {KEPT_ENDS}", bound)
        return Progress(
            label=inert_line(str(label)),
            done=int(done),
            total=total,
            ends_ms=tuple(int(at_ms) for (at_ms,) in reversed(rows)),
            # All unfinished tasks of a label are of the same batch.
            kinds=tuple(self._unfinished_by_label(profile).get(label, ())),
        )

    def batches(self, profile: str, now_ms: int, ttl_ms: int | None) -> list[LabelFigures]:
        """Return the figures of each label of a profile, and of tasks without a label, newest first.

        `ttl_ms` is how long result links live that do not state their expiry.
        """
        ends = f"coalesce(result_expires_at_ms, {LINKS_SINCE} + :ttl_ms)"
        unsaved = f"state = 2 AND {UNSAVED}"
        # Read from the index of labels alone.
        rows = self._database.rows(
            "SELECT label, total(state = 0), total(state = 1), total(state = 2), total(state = 3), "
            "sum(credits), total(state >= 2 AND credits IS NULL), "
            f"total(iif({unsaved}, result_count - saved_count, 0)), "
            f"coalesce(min(iif({unsaved} AND {ends} > :now_ms, {ends}, NULL)), max(iif({unsaved}, {ends}, NULL))) "
            "FROM tasks WHERE removal = 0 AND profile = :profile GROUP BY label ORDER BY min(seq)",
            {"ttl_ms": ttl_ms, "now_ms": now_ms, "profile": profile},
        )
        kinds, ended_ms = self._unfinished_by_label(profile), self._last_ends(profile)
        overdue = self._database.history.overdue_by_label(profile, now_ms)
        found = []
        for label, *numbers, cost, without, files, expires_at_ms in rows:
            name = _name(label)
            # As in `progress_of`, ends from before the rest was begun say nothing about its pace.
            since_ms = min((kind.oldest_ms for kind in kinds.get(label, ())), default=math.inf)
            ends_ms = sorted(at_ms for at_ms in ended_ms.get(label, ()) if at_ms >= since_ms)
            counts = {state: int(number) for state, number in zip(STATES.values(), numbers, strict=True)}
            progress = Progress(
                label=name or "",
                done=counts[State.SUCCESS] + counts[State.FAIL],
                total=sum(counts.values()),
                ends_ms=tuple(ends_ms[-KEPT_ENDS:]),
                kinds=tuple(kinds.get(label, ())),
            )
            found.append(
                LabelFigures(
                    label=name,
                    counts=counts,
                    overdue=overdue.get(label, 0),
                    progress=progress,
                    credits=cost,
                    without_credits=int(without),
                    unsaved=int(files),
                    expires_at_ms=expires_at_ms,
                )
            )
        return found

    def _unfinished_by_label(self, profile: str) -> dict[str | None, list[UnfinishedKind]]:
        """Return the kinds of unfinished tasks of each label."""
        kinds: dict[str | None, list[UnfinishedKind]] = {}
        # In the order of the index of unfinished tasks, which is all that is read.
        for label, *kind in self._database.rows(
            f"SELECT label, model, variant, min({BEGUN}), max({BEGUN}) FROM tasks "
            "WHERE removal = 0 AND profile = ? AND state < 2 GROUP BY state, label, model, variant",
            [profile],
        ):
            kinds.setdefault(label, []).append(UnfinishedKind(*kind))
        return kinds

    def _last_ends(self, profile: str) -> dict[str | None, list[int]]:
        """Return when tasks of each label ended, latest first, from the list's `MAX_ENDS` most recent ends."""
        ended_ms: dict[str | None, list[int]] = {}
        for label, at_ms in self._database.rows(
            f"SELECT label, {ENDED} FROM tasks WHERE removal = 0 AND profile = ? AND finished_at_ms IS NOT NULL "
            "ORDER BY finished_at_ms DESC LIMIT ?",
            [profile, MAX_ENDS],
        ):
            ended_ms.setdefault(label, []).append(at_ms)
        return ended_ms

    def last_check_ms(self, profile: str) -> int | None:
        """Return when a task of a profile was last checked; None if never."""
        sql = "SELECT max(checked_at_ms) FROM tasks WHERE removal = 0 AND profile = ?"
        at_ms = self._database.value(sql, [profile])
        return None if at_ms is None else int(at_ms)


@lru_cache(1_000)
def _name(text: object) -> str | None:
    """Return a label or model name made safe to show, as the file may have been edited by hand."""
    return None if text is None else inert_line(str(text))

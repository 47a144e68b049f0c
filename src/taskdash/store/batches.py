"""Adds up the tasks of each label, for one look at all of them, in the indexes alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from taskdash.domain.batches import LabelFigures
from taskdash.domain.progress import KEPT_ENDS, Progress, UnfinishedKind
from taskdash.domain.task import State
from taskdash.domain.untrusted import inert_line
from taskdash.store.history import History
from taskdash.store.query_sql import BEGUN, ENDED, LINKS_SINCE, UNSAVED
from taskdash.store.rows import STATES

if TYPE_CHECKING:
    from taskdash.store.database import Database

MAX_ENDS: Final = 1_000
"""How many of the list's last ends are read to tell the pace of its batches."""


class Batches:
    """The labels of one store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, profile: str, now_ms: int, ttl_ms: int | None) -> list[LabelFigures]:
        """Return what the tasks of each label of a profile come to, and of none, the newest first.

        `ttl_ms` is how long result links live that do not say it.
        """
        ends = f"coalesce(result_expires_at_ms, {LINKS_SINCE} + :ttl_ms)"
        unsaved = f"state = 2 AND {UNSAVED}"
        # In the index of labels alone.
        rows = self._database.rows(
            "SELECT label, min(seq), total(state = 0), total(state = 1), total(state = 2), total(state = 3), "
            "sum(credits), total(state >= 2 AND credits IS NULL), "
            f"total(iif({unsaved}, result_count - saved_count, 0)), "
            f"coalesce(min(iif({unsaved} AND {ends} > :now_ms, {ends}, NULL)), max(iif({unsaved}, {ends}, NULL))) "
            "FROM tasks WHERE removal = 0 AND profile = :profile GROUP BY label ORDER BY min(seq)",
            {"ttl_ms": ttl_ms, "now_ms": now_ms, "profile": profile},
        )
        (kinds, begun_ms), ended_ms = self._unfinished(profile), self._last_ends(profile)
        overdue = History(self._database).overdue_by_label(profile, now_ms)
        found = []
        for label, newest_seq, *numbers, cost, without, files, expires_at_ms in rows:
            # The file may have been edited by hand.
            name = None if label is None else inert_line(str(label))
            # As in `progress_of`: what ended before the rest was begun says nothing of its pace.
            since_ms = begun_ms.get(label, math.inf)
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
                    newest_seq=newest_seq,
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

    def _unfinished(
        self, profile: str
    ) -> tuple[dict[str | None, list[UnfinishedKind]], dict[str | None, int]]:
        """Return the kinds of tasks of each label that are unfinished, and when the first of them was begun."""
        kinds: dict[str | None, list[UnfinishedKind]] = {}
        begun_ms: dict[str | None, int] = {}
        # In the order and from the index of those.
        for label, model, variant, first_ms, count, known, *ends_ms in self._database.rows(
            f"SELECT label, model, variant, min({BEGUN}), count(*), count(create_time_ms), min(create_time_ms), "
            "max(create_time_ms) FROM tasks WHERE removal = 0 AND profile = ? AND state < 2 "
            "GROUP BY state, label, model, variant",
            [profile],
        ):
            oldest_ms, youngest_ms = ends_ms if known == count else (None, None)
            kinds.setdefault(label, []).append(UnfinishedKind(model, variant, oldest_ms, youngest_ms))
            begun_ms[label] = min(first_ms, begun_ms.get(label, first_ms))
        return kinds, begun_ms

    def _last_ends(self, profile: str) -> dict[str | None, list[int]]:
        """Return when tasks of each label ended, the last first, as far as they are the last of the list."""
        ended_ms: dict[str | None, list[int]] = {}
        for label, at_ms in self._database.rows(
            f"SELECT label, {ENDED} FROM tasks WHERE removal = 0 AND profile = ? AND finished_at_ms IS NOT NULL "
            "ORDER BY finished_at_ms DESC LIMIT ?",
            [profile, MAX_ENDS],
        ):
            ended_ms.setdefault(label, []).append(at_ms)
        return ended_ms

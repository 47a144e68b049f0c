"""Reads the table's window from the store, the rows around the cursor, and counts what is out of sight.

Not the whole list is read, and only in the store's thread.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from taskdash.domain.errors import StoreError
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from textual.worker import WorkType

    from taskdash.domain.query import Query
    from taskdash.domain.task import State, Task
    from taskdash.store.store import Store
    from taskdash.ui.context import Context
    from taskdash.ui.widgets.task_table import TaskTable


class Place(NamedTuple):
    """Tells where the user is: the cursor's task and line, and the first line on screen."""

    chosen_seq: int | None = None
    """The task the user last moved to, remembered even while a tab or filter hides it."""
    cursor_seq: int | None = None
    cursor: int = 0
    top: int = 0
    home: bool = True
    """Whether the user is at the top of the list, so that tasks added above come into view."""


class Window(NamedTuple):
    """Holds rows `first` to `first + len(rows)` of the `total` rows of a query, and where the cursor is among them."""

    query: Query
    total: int = 0
    counts: Mapping[State, int] = MappingProxyType({})
    """Matches of the filter by state, whatever states the query asks for."""
    listed: Mapping[State, int] = MappingProxyType({})
    """Like `counts`, but without the filter."""
    labels: tuple[str | None, ...] = ()
    """The first and last label among the filter's matches, whatever states the query asks for: only one if they are
    the same, and preceded by None if some tasks have no label."""
    cursor: int = 0
    top: int = 0
    first: int = 0
    rows: Sequence[Task] = ()
    versions: tuple[int, int] = (0, 0)
    """The store's data version, which other connections' commits change, before and after these reads."""

    @property
    def label(self) -> str | None:
        """Return the label that all tasks share; None if there are several, or none."""
        return self.labels[0] if len(self.labels) == 1 else None

    @property
    def has_labels(self) -> bool:
        return sum(label is not None for label in self.labels) > 1

    def row(self, index: int) -> Task | None:
        """Return the task on line `index` of the query; None if it is outside this window."""
        position = index - self.first
        return self.rows[position] if 0 <= position < len(self.rows) else None

    def others_wrote_since(self, earlier: Window) -> bool:
        """Return whether differences from an earlier window may be due to others, not to the user."""
        return self.versions[1] != earlier.versions[0]

    def covers(self, top: int, height: int) -> bool:
        """Return whether this window has lines `top` to `top + height`, or those of them that exist."""
        return self.first <= max(0, top) and min(self.total, top + height) <= self.first + len(self.rows)


def read_window(
    store: Store, query: Query, place: Place, height: int, now_ms: int, *, may_lag: bool = False
) -> Window:
    """Find the cursor's task again and read the rows around it, for a screen of `height` lines.

    The task keeps its line on the screen if possible; if it is gone, the cursor stays on the same line. With `may_lag`,
    recent matches of a filter may be reused.
    """
    version = store.data_version()
    counts = store.tasks.counts(query, now_ms, may_lag=may_lag)
    listed = store.tasks.counts(query.without_terms(), now_ms) if query.terms else counts
    total = sum(count for state, count in counts.items() if query.states is None or state in query.states)
    rank = None
    for seq in (place.chosen_seq, place.cursor_seq):
        if seq is not None and rank is None:
            rank = store.tasks.rank(query, seq, now_ms, may_lag=may_lag)
    cursor = max(0, min(place.cursor if rank is None else rank, total - 1))
    top = place.top if rank is None or place.home else cursor - (place.cursor - place.top)
    top = max(0, min(top, total - height, cursor))
    top = max(top, cursor - height + 1)
    first = max(0, top - height)
    rows = store.tasks.rows(query, now_ms, limit=3 * height, offset=first, may_lag=may_lag)
    return Window(
        query=query,
        total=total,
        counts=counts,
        listed=listed,
        labels=store.tasks.labels(query, now_ms, may_lag=may_lag),
        cursor=cursor,
        top=top,
        first=first,
        rows=rows,
        versions=(version, store.data_version()),
    )


def changed_tasks(before: Iterable[Task], after: Iterable[Task]) -> set[int]:
    """Return the `seq` of each task that differs in `before` and `after`, apart from its checks and `unseen`."""
    known = {task.seq: task for task in before}
    pairs = [(known[task.seq], task) for task in after if task.seq in known]
    return {new.seq for old, new in pairs if old != new and _settled(old) != _settled(new)}


def _settled(task: Task) -> Task:
    return replace(
        task, checked_at_ms=None, next_check_at_ms=None, asked_at_ms=None, checks=0, misses=0, unseen=False
    )


class Unseen:
    """Counts hidden marks and finished tasks not looked at yet, after the rows are read."""

    def __init__(self, context: Context, table: TaskTable) -> None:
        self._context = context
        self._table = table
        self._hidden = 0
        self.ended = 0
        """How many finished tasks nobody has looked at yet."""
        self._kept: set[int] = set()

    async def count(self) -> None:
        """Count them for the window on screen."""
        table, now_ms = self._table, self._context.clock.now_ms()
        query, marked = table.window.query, frozenset(table.marked)
        may_hide = bool(marked) and (query.states is not None or bool(query.terms))

        def count(store: Store) -> tuple[int, int]:
            hidden = len(marked) - store.tasks.shown(query, marked, now_ms) if may_hide else 0
            return hidden, store.news.unseen(query.profile)

        # Not if another query is wanted by now: counting would hold up its rows.
        counted = await self._context.store.run_while(lambda: table.wanted is query, count)
        if counted is not None:
            self._hidden, self.ended = counted

    def tick(self) -> None:
        """Save which tasks were looked at, for other dashboards and after a restart."""
        cursor = self._table.task_at_cursor
        # Not the one at the cursor: a filter might hide it at once.
        seqs = self._context.looked_at - self._kept - ({cursor.seq} if cursor else set())
        if seqs:
            self._kept |= seqs
            keep: WorkType[None] = partial(self._keep, seqs)
            self._table.run_worker(keep, group="seen")

    async def _keep(self, seqs: set[int]) -> None:
        with suppress(StoreError):  # reported elsewhere, and all are saved once more at the end
            await self._context.store.run(lambda store: store.news.look_at(seqs))
            self._table.reload()

    async def clear(self) -> None:
        profile = self._table.window.query.profile
        await self._context.store.run(lambda store: store.news.look_at_all(profile))
        self.ended = 0
        self._table.reload()

    def note(self) -> str:
        """Return how many tasks are marked, and how many of them a tab or filter hides; "" for none."""
        marked = len(self._table.marked)
        hidden = f", {min(self._hidden, marked):,} of them hidden" if self._hidden else ""
        return f"{plural(marked, 'task')} marked{hidden}" if marked else ""

"""Reads the table's window from the store: the rows around the cursor, not the whole list.

Pure apart from the store it is given; the table runs it in the store's thread.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskdash.domain.query import Query
    from taskdash.domain.task import State, Task
    from taskdash.store.store import Store


class Place(NamedTuple):
    """The user's position: the cursor's task and line, and the first line on screen."""

    chosen_seq: int | None = None
    """The task the user last moved to, remembered even while a tab or filter hides it."""
    cursor_seq: int | None = None
    cursor: int = 0
    top: int = 0
    height: int = 25
    home: bool = True
    """Whether the user is at the top of the list, so that tasks added above come into view."""

    def sent_to(self, seq: int) -> Place:
        return self._replace(chosen_seq=seq, cursor_seq=seq, home=False)

    def moved_to(self, line: int, top: int, seq: int | None) -> Place:
        """Return the place after the user has moved to a line with this task."""
        home = line == 0 and top == 0
        return self._replace(cursor=line, top=top, home=home, chosen_seq=seq, cursor_seq=seq)

    def found_at(self, line: int, top: int, seq: int | None) -> Place:
        """Return the place in rows read since, the user not having moved."""
        chosen_seq = seq if self.chosen_seq is None else self.chosen_seq
        return self._replace(cursor=line, top=top, chosen_seq=chosen_seq, cursor_seq=seq)

    def of_height(self, height: int) -> Place:
        return self._replace(height=height)


class Window(NamedTuple):
    """Rows `first` to `first + len(rows)` of the `total` rows of a query, and where the cursor is among them."""

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


def read_window(store: Store, query: Query, place: Place, now_ms: int, *, may_lag: bool = False) -> Window:
    """Find the cursor's task again and read the rows around it.

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
    top = max(0, min(top, total - place.height, cursor))
    top = max(top, cursor - place.height + 1)
    first = max(0, top - place.height)
    rows = store.tasks.rows(query, now_ms, limit=3 * place.height, offset=first, may_lag=may_lag)
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
    return {
        task.seq
        for task in after
        if (old := known.get(task.seq)) is not None and old != task and _settled(old) != _settled(task)
    }


def _settled(task: Task) -> Task:
    return replace(
        task, checked_at_ms=None, next_check_at_ms=None, asked_at_ms=None, checks=0, misses=0, unseen=False
    )

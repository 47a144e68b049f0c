"""Counts things out of sight: marks hidden by a filter, new tasks off screen, and finished tasks not looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.domain.query import SortKey
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from taskdash.store.store import Store
    from taskdash.ui.context import Context
    from taskdash.ui.widgets.task_table import TaskTable

KEEP_AGAIN_S: Final = 60.0
"""How long to wait, after a failed write, before saving again which tasks were looked at."""


class Unseen:
    """The counts for the footer and the list's title, read after the rows, and only where needed."""

    def __init__(self, context: Context, table: TaskTable, seen_seq: int | None) -> None:
        self._context = context
        self._table = table
        self._seen_seq = seen_seq
        self._newer = 0
        self._hidden = 0
        self.ended = 0
        """How many finished tasks nobody has looked at yet."""
        self._kept: set[int] = set()
        self._keep_at_s = 0.0
        self._busy = False
        self._again = False

    async def look(self) -> bool:
        """Recount, and return True; if a count is already running, have that one repeated and return False."""
        self._again = True
        if self._busy:
            return False
        self._busy = True
        try:
            while self._again:
                self._again = False
                await self._count()
        finally:
            self._busy = False
        return True

    async def _count(self) -> None:
        table, now_ms = self._table, self._context.clock.now_ms()
        query, marked, seen_seq = table.window.query, frozenset(table.marked), self._see()
        filtered = query.states is not None or bool(query.terms)
        by_time = query.sort.key is SortKey.ADDED and self._unseen_lines > 0

        def count(store: Store) -> tuple[int | None, int, int, int]:
            seen = store.tasks.newest_seq() if seen_seq is None else seen_seq
            hidden = len(marked) - store.tasks.shown(query, marked, now_ms) if filtered and marked else 0
            newer = store.tasks.newer(query, seen, now_ms) if by_time and seen is not None else 0
            return seen, hidden, newer, store.news.unseen(query.profile)

        # Not if another query is wanted by now: counting would hold up its rows.
        counted = await self._context.store.run_while(lambda: table.wanted is query, count)
        if counted is not None:
            self._seen_seq, self._hidden, self._newer, self.ended = counted

    @property
    def _to_keep(self) -> set[int]:
        """Return the tasks to save as looked at, except the one at the cursor: a filter might hide it at once."""
        cursor = self._table.task_at_cursor
        return self._context.looked_at - self._kept - ({cursor.seq} if cursor else set())

    @property
    def is_time(self) -> bool:
        """Return whether to save which tasks were looked at."""
        return self._context.clock.now_s() >= self._keep_at_s and bool(self._to_keep)

    async def keep(self) -> None:
        """Save which tasks were looked at, for other dashboards and after a restart."""
        seqs = self._to_keep
        self._kept |= seqs
        try:
            await self._context.store.run(lambda store: store.news.look_at(seqs))
        except StoreError:  # reported elsewhere
            self._kept -= seqs
            # A write that waits for a lock holds up reads.
            self._keep_at_s = self._context.clock.now_s() + KEEP_AGAIN_S
        else:
            self._table.reload()

    async def clear(self) -> None:
        profile = self._table.window.query.profile
        await self._context.store.run(lambda store: store.news.look_at_all(profile))
        self.ended = 0
        self._table.reload()

    def _see(self) -> int | None:
        """Return the `seq` of the newest task that has been on screen, updating it if the newest row is visible."""
        window, table = self._table.window, self._table
        line = window.total - 1 if window.query.sort.reverse else 0
        task = window.row(line) if self._unseen_lines == 0 else None
        if task is not None and self._seen_seq is not None and window.query.sort.key is SortKey.ADDED:
            self._seen_seq = min(self._seen_seq, task.seq)
        return self._seen_seq if table.window.total else None

    @property
    def _unseen_lines(self) -> int:
        """Return how many lines are between the screen and the end of the list where new tasks appear."""
        table = self._table
        if table.window.query.sort.reverse:
            return max(0, table.window.total - table.top - table.size.height)
        return table.top

    @property
    def has_news(self) -> bool:
        """Return whether new tasks were off screen at the last count."""
        return self._newer > 0

    def marks(self) -> str:
        """Return how many tasks are marked and how many of them are hidden; "" for none."""
        marked = len(self._table.marked)
        if not marked:
            return ""
        hidden = f", {min(self._hidden, marked):,} of them hidden" if self._hidden else ""
        return f"{plural(marked, 'task')} marked{hidden}"

    def news(self, first_key: str, last_key: str) -> str:
        """Return how many new tasks are off screen, and the key that goes there; "" for none."""
        count = min(self._newer, self._unseen_lines)
        if not count:
            return ""
        arrow, key = ("↓", last_key) if self._table.window.query.sort.reverse else ("↑", first_key)
        return f"{arrow} {count:,} new: {key}" if key else f"{arrow} {count:,} new"

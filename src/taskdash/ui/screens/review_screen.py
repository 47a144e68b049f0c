"""The dashboard's one screen as something to learn from: what the tasks shown, or the marked ones, add up to."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from taskdash.domain.words import plural
from taskdash.ui.patience import patient
from taskdash.ui.said import warning
from taskdash.ui.screens.browse_screen import BrowseScreen

if TYPE_CHECKING:
    from taskdash.domain.query import Query
    from taskdash.domain.reasons import FailedTasks
    from taskdash.domain.tally import Outcome
    from taskdash.domain.task import ProblemKind, Task
    from taskdash.store.store import Store

_WORD: Final = re.compile(r'\S*"[^"]*"|\S+')


class ReviewScreen(BrowseScreen):
    """The list with its failures by reason and its statistics. Both go by the filter, not by the tab."""

    @patient
    async def action_statistics(self) -> None:
        """What is shown, or marked, by model and by hour."""
        from taskdash.ui.screens.statistics import Statistics

        query, marked, now_ms = self._reviewed()

        def read(store: Store) -> list[Outcome]:
            return store.summaries.outcomes(query, now_ms, marked=marked)

        outcomes = await self._desk.store.run(read)
        if outcomes:
            self.app.push_screen(Statistics(self._scope(len(outcomes)), outcomes, now_ms))
        else:
            self.tell(warning("No task to count here."))

    @patient
    async def action_failures(self) -> None:
        """Failed tasks by reason; Enter there filters to them."""
        from taskdash.domain.reasons import reasons
        from taskdash.ui.screens.failures import Failures

        query, marked, now_ms = self._reviewed()

        def read(store: Store) -> tuple[list[FailedTasks], list[tuple[ProblemKind, int]], int]:
            summaries = store.summaries
            return (
                summaries.failures(query, now_ms, marked=marked),
                summaries.problems(query, now_ms, marked=marked),
                sum(store.tasks.counts(query, now_ms).values()) if marked is None else len(marked),
            )

        failed, problems, total = await self._desk.store.run(read)
        if not failed and not problems:
            self.tell(warning(self._why_no_failures(total)))
            return
        found = reasons(failed)

        def read_newest(store: Store) -> list[Task]:
            return store.tasks.by_seq([reason.newest_seq for reason in found])

        newest = {task.seq: task for task in await self._desk.store.run(read_newest)}
        self.app.push_screen(Failures(self._scope(total), found, problems, newest, now_ms), self._filter_to)

    def _reviewed(self) -> tuple[Query, list[int] | None, int]:
        """What is asked for whatever the tab, the marks if there are any, the time in ms."""
        query = replace(self.table.wanted, states=None)
        marked = sorted(self.table.marked)
        if marked:
            return replace(query, terms=()), marked, self._desk.clock.now_ms()
        return query, None, self._desk.clock.now_ms()

    def _why_no_failures(self, total: int) -> str:
        """Say what was looked at, and what keeps other failures out of it."""
        if self.table.marked:
            return f"No failed task among the {plural(total, 'marked task')}. Esc clears the marks."
        if self.table.wanted.terms:
            return f"No failed task matches {self.filter_text.strip()}. Esc clears the filter."
        return "No task has failed here."

    def _scope(self, count: int) -> str:
        if self.table.marked:
            return f"{plural(count, 'marked task')}"
        if self.table.wanted.terms:
            return f"{plural(count, 'task')} that match {self.filter_text.strip()}"
        return f"all {plural(count, 'task')}" if count > 1 else plural(count, "task")

    async def _filter_to(self, filter_text: str | None) -> None:
        if filter_text is None:
            return
        self.show_tab(0)
        before = "" if self.table.marked else self.filter_text.strip()
        added = [word for word in _WORD.findall(filter_text) if word not in before]
        await self.filter_box.put(" ".join([before, *added]).strip())

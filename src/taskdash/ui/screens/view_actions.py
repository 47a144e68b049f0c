"""What the keys show: tab, filter and order of the list, what it adds up to, and the view, which is kept over restarts.

Dialogs are imported when they are opened, as in `task_actions`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.domain.query import Sort
from taskdash.ui import screens
from taskdash.ui.acts import Scope, warning
from taskdash.ui.screens.task_actions import TaskActions, in_order
from taskdash.ui.widgets.bars import TABS

if TYPE_CHECKING:
    from textual.worker import WorkType

    from taskdash.domain.query import Query
    from taskdash.ui.following import Following
    from taskdash.ui.widgets.bars import StateTabs, TableHeader
    from taskdash.ui.widgets.filter_box import FilterBox
    from taskdash.ui.widgets.panes import Panes

_WORD: Final = r'\S*"[^"]*"|\S+'


class ViewActions(TaskActions):
    """The acts of the main screen on what it shows of the list, and how."""

    panes: Panes
    following: Following
    _tab: int = 0
    _saving_view: asyncio.Lock

    if TYPE_CHECKING:

        def show_titles(self) -> None: ...

    # Tabs, filter, order

    def action_go_to_tab(self, steps: int) -> None:
        self.show_tab(self._tab + steps)

    def on_state_tabs_chosen(self, event: StateTabs.Chosen) -> None:
        self.show_tab(event.index)

    def show_tab(self, index: int) -> None:
        """Show the tasks of another tab; `index` goes round in TABS."""
        self._tab = index % len(TABS)
        state = TABS[self._tab][1]
        self.table.show(replace(self.table.wanted, states=None if state is None else frozenset({state})))

    @property
    def filter_text(self) -> str:
        """Return what stands in the filter box."""
        return self.filter_box.text

    def on_filter_box_changed(self, event: FilterBox.Changed) -> None:
        self.table.show(replace(self.table.wanted, terms=event.terms))

    @in_order
    async def action_sort(self) -> None:
        key = await self.ask(screens.ChooseSort(self.table.wanted.sort.key))
        if key is not None:
            self._sort_by(Sort(key))

    def action_reverse(self) -> None:
        sort = self.table.wanted.sort
        self._sort_by(Sort(sort.key, reverse=not sort.reverse))

    def on_table_header_clicked(self, event: TableHeader.Clicked) -> None:
        """Sort by the title that was clicked; a second click reverses."""
        sort = self.table.wanted.sort
        reverse = not sort.reverse if sort.key is event.key else False
        self._sort_by(Sort(event.key, reverse))

    def _sort_by(self, sort: Sort) -> None:
        self.table.show(replace(self.table.wanted, sort=sort))
        self.remember(sort=str(sort))

    # What is looked into: a response, and what the tasks that are shown, or the marked ones, add up to

    @in_order
    async def action_raw(self) -> None:
        task = self.table.task_at_cursor
        text = await self.acts.raw(task) if task else None
        if task is None or text is None:
            self.tell(warning("No record yet."))
        else:
            await self.ask(screens.RawJson(task.task_id, text))

    @in_order
    async def action_statistics(self) -> None:
        scope = self._scope(self.table.wanted)
        if outcomes := await self.acts.outcomes(scope):
            await self.ask(
                screens.Statistics(scope.name(len(outcomes)), outcomes, self.context.clock.now_ms())
            )
        else:
            self.tell(warning("Nothing to count."))

    @in_order
    async def action_failures(self) -> None:
        # Failures of the filter, whatever the tab.
        scope = self._scope(replace(self.table.wanted, states=None))
        now_ms = self.context.clock.now_ms()
        found = await self.context.store.run(lambda store: screens.read_failures(store, scope, now_ms))
        if not found.reasons and not found.problems:
            self.tell(warning(scope.no_failures(found.total)))
        elif filter_text := await self.ask(screens.Failures(scope.name(found.total), found, now_ms)):
            self.show_tab(0)
            before = "" if self.table.marked else scope.filter_text
            added = [word for word in re.findall(_WORD, filter_text) if word not in before]
            self.filter_box.put(" ".join([before, *added]).strip())

    @in_order
    async def action_batches(self) -> None:
        batches = await self.context.store.run(partial(screens.read_batches, context=self.context))
        if not batches:
            self.tell(warning("No tasks yet."))
        elif chosen := await self.ask(
            screens.Batches(self.context, self.following, batches, self.downloads.save)
        ):
            self.show_tab(0)
            self.filter_box.put(chosen.filter_text)
            if chosen.action:
                # It acts on what is shown: what was put in the box has not been read yet.
                self.table.clear_marks()
                self.table.show(replace(self.table.wanted, terms=chosen.terms))
                await self.run_action(chosen.action)

    def _scope(self, query: Query) -> Scope:
        return Scope(query, sorted(self.table.marked), self.filter_box.text.strip())

    # The view, which is kept over restarts

    @in_order
    async def action_columns(self) -> None:
        drawn = {placed.column.name for placed in self.table.rows.columns}
        columns = await self.ask(screens.ChooseColumns(self.context.view, self.context.first_view, drawn))
        if columns is not None:
            self.remember(columns=columns.names, widths=columns.widths)
            self._place_columns()

    def action_reset_look(self) -> None:
        first = self.context.first_view
        self.remember(**{field.name: getattr(first, field.name) for field in fields(first)})
        self.panes.follow(first)
        self.panes.fit_screen(self.size.width, self.size.height)
        self._place_columns()
        self.table.show(replace(self.table.wanted, sort=Sort.of(first.sort)))
        self.app.themes.use(first.theme)
        self.say("View reset.")

    def _place_columns(self) -> None:
        self.table.rows.place_columns()
        self.show_titles()

    def remember(self, **changes: object) -> None:
        """Keep a change of the view for the next time."""
        self.context.view = replace(self.context.view, **changes)  # type: ignore[arg-type] # the names are View's own
        self.context.is_view_kept = False

        async def save() -> None:
            # One after the other: the last change is the one that stays.
            async with self._saving_view:
                warning = await asyncio.to_thread(self.context.remember_view)
            if warning:
                self.say(warning, "error")

        work: WorkType[None] = save
        self.run_worker(work, group="remember")

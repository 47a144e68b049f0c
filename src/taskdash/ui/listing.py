"""Decides what the table lists: the tab or the user's own view, the filter, the sort order and the columns."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash import ui
from taskdash.domain.errors import StoreError
from taskdash.domain.query import NEWEST_FIRST, Exact, ExactTerm, Query, Sort, parse_sort
from taskdash.domain.words import USUAL_LIFE_MS, filter_of
from taskdash.ui.following import Pace
from taskdash.ui.messages import Feedback, warning
from taskdash.ui.widgets.bars import state_counts, tabs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.worker import WorkType

    from taskdash.config.own import OwnView
    from taskdash.domain.query import Term
    from taskdash.domain.task import State
    from taskdash.store.store import Store
    from taskdash.ui.acts import Scope
    from taskdash.ui.context import Context
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.widgets.bars import Tab
    from taskdash.ui.widgets.task_table import TaskTable
    from taskdash.ui.widgets.window import Window

_WORD: Final = r'\S*"[^"]*"|\S+'
PROFILE_CELLS: Final = 12


class Listing:
    """Applies the tab, filter, sort order and columns to a screen's table.

    The count of the tab that is shown comes from the table's window; a worker counts the user's own views.
    """

    def __init__(self, context: Context, screen: MainScreen, table: TaskTable) -> None:
        self._context, self._screen, self._table = context, screen, table
        self.tabs = tabs_of(context.settings.views)
        self.terms: tuple[Term, ...] = ()
        self._index = 0
        self._sorts: dict[int, Sort] = {}
        self._in_states: Mapping[State, int] | None = None
        self._in_views: dict[Tab, int] = {}
        self._pace = Pace(context.clock)

    def show(self) -> None:
        self._table.show(self._query(self.tab, self.terms, self.sort))

    def _query(self, tab: Tab, terms: tuple[Term, ...], sort: Sort) -> Query:
        settings, view = self._context.settings, tab.view
        if view is None:
            return Query(settings.profile, frozenset({tab.state}) if tab.state else None, terms, sort)
        terms = (*view.terms(settings.ttls_ms(None)), *terms)
        if view.profiles is None:
            return Query(None, None, terms, sort)
        if len(view.profiles) > 1:
            return Query(None, None, (ExactTerm(Exact.PROFILE, frozenset(view.profiles)), *terms), sort)
        return Query((view.profiles or (settings.profile,))[0], None, terms, sort)

    # Tabs

    @property
    def tab(self) -> Tab:
        return self.tabs[self._index]

    @property
    def view(self) -> OwnView | None:
        """Return the user's own view that is shown; None in the tab of a state."""
        return self.tab.view

    @property
    def shown_profiles(self) -> tuple[str, ...]:
        """Return the profiles whose tasks are shown."""
        settings = self._context.settings
        names = self.view.shown_profiles(settings.profiles, settings.profile) if self.view else ()
        return names or (settings.profile,)

    def show_tab(self, index: int) -> None:
        """Show another tab; `index` wraps around."""
        self._index = index % len(self.tabs)
        self.place_columns()
        self.show()

    def go_to_tab(self, steps: int) -> None:
        self.show_tab(self._index + steps)

    def show_counts(self) -> None:
        """Show the number of tasks of each tab that has been counted in the tab line."""
        window = self._table.window
        if self.view is None:
            self._in_states = window.counts
        counts = self._in_views | ({} if self._in_states is None else state_counts(self._in_states))
        counts |= {self.tab: window.total} if self.view else {}
        self._screen.tab_line.show_counts(counts, self._index)

    def count_views(self) -> None:
        """Count the tabs that are not shown, if there are views, and something may have changed."""
        state = (self._table.window, self.terms)
        if self._context.settings.views and self._pace.is_time(state):
            count: WorkType[None] = partial(self._count, state)
            self._screen.run_worker(count, group="tabs")

    async def _count(self, state: tuple[Window, tuple[Term, ...]]) -> None:
        context, terms = self._context, state[1]
        now_ms = context.clock.now_ms()

        def states(store: Store, query: Query) -> Mapping[State, int]:
            # Without a filter the store has them ready.
            counted = store.summaries.states if query.terms else store.tasks.counts
            return counted(query, now_ms)

        with self._pace.reading(state), suppress(StoreError):  # reported elsewhere
            # One query at a time, as a key may be waiting for the store.
            whole = Query(context.profile, terms=terms)
            self._in_states = await context.store.run(partial(states, query=whole))
            for tab in self.tabs:
                if tab.view:
                    query = self._query(tab, terms, NEWEST_FIRST)
                    counted = await context.store.run(partial(states, query=query))
                    self._in_views[tab] = sum(counted.values())
        self.show_counts()

    # Filter

    def filter_by(self, terms: tuple[Term, ...]) -> None:
        self.terms = terms
        self.show()

    async def toggle_expiring(self) -> Feedback | None:
        """Toggle the filter for unsaved results about to expire; return a warning if expiry is unknown."""
        context, box = self._context, self._screen.filter_box
        ttl_ms, text = context.result_ttl_ms, filter_of(context.result_ttl_ms or USUAL_LIFE_MS)
        if box.text == text:
            box.clear()
        elif ttl_ms or await context.store.run(lambda store: store.tasks.has_own_lives(context.profile)):
            await box.put(text)
        else:
            return warning(f"Expiry is unknown: set profiles.{context.profile}.result_ttl in the config.")
        return None

    async def narrow(self, words: str) -> None:
        """Add `words` to the filter, or replace it if tasks are marked, as the words then come from those."""
        if self.view is None:
            self.show_tab(0)
        box = self._screen.filter_box
        before = "" if self._table.marked else box.text.strip()
        added = [word for word in re.findall(_WORD, words) if word not in before]
        await box.put(" ".join([before, *added]).strip())

    def scope(self, query: Query) -> Scope:
        """Return the scope of statistics, failures and the review, described by the filters of view and box."""
        words = (self.view.filter if self.view else "", self._screen.filter_box.text.strip())
        return ui.acts.Scope(query, sorted(self._table.marked), " ".join(filter(None, words)))

    # Order and columns

    @property
    def sort(self) -> Sort:
        """Return the tab's sort order; in a view with its own order a change affects only that view and this run."""
        own = self.view.sort if self.view else None
        return self._sorts.get(self._index, parse_sort(own or self._context.view.sort))

    def sort_by(self, sort: Sort) -> None:
        if self.view and self.view.sort:
            self._sorts[self._index] = sort
        else:
            self._screen.remember(sort=str(sort))
        self.show()

    def place_columns(self) -> None:
        """Show the columns of the tab.

        For several profiles there is also a profile column, however narrow, unless the view sets its own columns.
        """
        columns, widths = self._context.view.columns, self._context.view.widths
        if len(profiles := self.shown_profiles) > 1:
            widths = {"profile": min(PROFILE_CELLS, max(map(len, profiles)))} | dict(widths)
            if "profile" not in columns:
                columns = (*columns[:1], "profile", *columns[1:])
        self._table.columns = (self.view.columns if self.view else None) or columns
        self._table.widths = widths
        self._table.rows.place_columns()
        self._screen.show_titles()

    def reset(self) -> None:
        """Drop the sort orders chosen in views, and show the order and columns of the look in force."""
        self._sorts.clear()
        self.place_columns()
        self.show()

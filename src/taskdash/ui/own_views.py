"""The user's own views: their queries, their columns, and how many tasks each has."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from taskdash.domain.errors import StoreError
from taskdash.domain.query import NEWEST_FIRST, Exact, ExactTerm, Query
from taskdash.domain.query_language import parse_filter
from taskdash.ui.following import Pace
from taskdash.ui.widgets.bars import state_counts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.worker import WorkType

    from taskdash.config.own import OwnView
    from taskdash.domain.query import Sort, Term
    from taskdash.domain.task import State
    from taskdash.store.store import Store
    from taskdash.ui.context import Context
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.widgets.bars import Tab
    from taskdash.ui.widgets.window import Window

PROFILE_CELLS: Final = 12


class OwnViews:
    """The user's own views. The shown one's count comes from its window; a worker counts those of the other tabs."""

    def __init__(self, context: Context, screen: MainScreen) -> None:
        self._context = context
        self._screen = screen
        self._states: Mapping[State, int] = {}
        self._views: dict[Tab, int] = {}
        self._pace = Pace(context.clock)

    def query(self, view: OwnView, terms: tuple[Term, ...], sort: Sort) -> Query:
        settings = self._context.settings
        terms = (*parse_filter(view.filter, settings.ttls_ms(None), lambda: True), *terms)
        if view.profiles is None:
            return Query(None, None, terms, sort)
        if len(view.profiles) > 1:
            return Query(None, None, (ExactTerm(Exact.PROFILE, frozenset(view.profiles)), *terms), sort)
        return Query((view.profiles or (settings.profile,))[0], None, terms, sort)

    def columns(self, view: OwnView) -> tuple[tuple[str, ...], Mapping[str, int]]:
        """Return the columns of a view, and the widths of those that never shrink.

        With several profiles there is also a profile column, however narrow, unless the view sets its own columns.
        """
        columns, widths = self._context.view.columns, self._context.view.widths
        profiles = view.shown_profiles(self._context.settings.profiles, self._context.profile)
        if len(profiles) > 1:
            widths = {"profile": min(PROFILE_CELLS, max(map(len, profiles)))} | dict(widths)
            if "profile" not in columns:
                columns = (*columns[:1], "profile", *columns[1:])
        return view.columns or columns, widths

    def counts(self, window: Window) -> dict[Tab, int]:
        """Return the number of tasks of each tab that has been counted."""
        tab = self._screen.listing.tab
        if tab.view is None:
            self._states = window.counts
            return self._views | state_counts(window.counts)
        return self._views | (state_counts(self._states) if self._states else {}) | {tab: window.total}

    def tick(self) -> None:
        state = (self._screen.table.window, self._screen.listing.terms)
        if self._pace.is_time(state):
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
            self._states = await context.store.run(partial(states, query=whole))
            for tab in self._screen.listing.tabs:
                if tab.view:
                    query = self.query(tab.view, terms, NEWEST_FIRST)
                    counted = await context.store.run(partial(states, query=query))
                    self._views[tab] = sum(counted.values())
        self._screen.listing.show_counts()

"""The tab, filter, sort order and columns that the table shows."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

from taskdash import ui
from taskdash.domain.query import Query, Sort
from taskdash.domain.words import USUAL_LIFE_MS, filter_of
from taskdash.ui.messages import Feedback, warning
from taskdash.ui.widgets.bars import state_counts, tabs_of

if TYPE_CHECKING:
    from taskdash.config.own import OwnView
    from taskdash.domain.query import Term
    from taskdash.ui.acts import Scope
    from taskdash.ui.context import Context
    from taskdash.ui.own_views import OwnViews
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.widgets.bars import Tab
    from taskdash.ui.widgets.task_table import TaskTable

_WORD: Final = r'\S*"[^"]*"|\S+'


class Listing:
    """Applies the tab, filter, sort order and columns to a screen's table."""

    def __init__(self, context: Context, screen: MainScreen, table: TaskTable) -> None:
        self._context, self._screen, self._table = context, screen, table
        self.tabs = tabs_of(context.settings.views)
        self.terms: tuple[Term, ...] = ()
        self._index = 0
        self._sorts: dict[int, Sort] = {}
        self._is_counting = False

    @cached_property
    def own_views(self) -> OwnViews:
        return ui.own_views.OwnViews(self._context, self._screen)

    def show(self) -> None:
        if self.view is None:
            states = None if self.tab.state is None else frozenset({self.tab.state})
            self._table.show(Query(self._context.profile, states, self.terms, self.sort))
        else:
            self._table.show(self.own_views.query(self.view, self.terms, self.sort))

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
        """Show the number of tasks of each tab in the tab line."""
        window = self._table.window
        # The first frame does not wait for the counts of views.
        counts = self.own_views.counts(window) if self._is_counting else state_counts(window.counts)
        self._screen.tab_line.show_counts(counts, self._index)

    def count_views(self) -> None:
        if self._context.settings.views:
            self._is_counting = True
            self.own_views.tick()

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
        return self._sorts.get(self._index, Sort.of(own or self._context.view.sort))

    def sort_by(self, sort: Sort) -> None:
        if self.view and self.view.sort:
            self._sorts[self._index] = sort
        else:
            self._screen.remember(sort=str(sort))
        self.show()

    def place_columns(self) -> None:
        look = self._context.view
        own = self.own_views.columns(self.view) if self.view else (look.columns, look.widths)
        self._table.columns, self._table.widths = own
        self._table.rows.place_columns()
        self._screen.show_titles()

    def reset(self) -> None:
        """Drop the sort orders chosen in views, and show the order and columns of the look in force."""
        self._sorts.clear()
        self.place_columns()
        self.show()

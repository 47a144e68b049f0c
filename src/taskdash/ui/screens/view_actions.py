"""Acts on what is shown: tab, filter and order of the list, what it adds up to, and the view, kept over restarts.

Dialogs are imported when they are opened, as in `task_actions`.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import fields, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

from taskdash.domain.query import Query, Sort
from taskdash.domain.words import USUAL_LIFE_MS, filter_of
from taskdash.ui import deferred
from taskdash.ui.acts import Scope, warning
from taskdash.ui.screens.task_actions import TaskActions, in_order
from taskdash.ui.text.status import sentence
from taskdash.ui.widgets.bars import state_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.worker import WorkType

    from taskdash.config.own import OwnView
    from taskdash.domain.query import Term
    from taskdash.ui.following import Following
    from taskdash.ui.widgets.bars import Tab, TableHeader, TabLine
    from taskdash.ui.widgets.filter_box import FilterBox
    from taskdash.ui.widgets.own_views import OwnViews
    from taskdash.ui.widgets.panes import Panes

_WORD: Final = r'\S*"[^"]*"|\S+'


class ViewActions(TaskActions):
    """The acts of the main screen on what it shows of the list, and how."""

    panes: Panes
    following: Following
    tabs: Sequence[Tab]
    tab_line: TabLine
    _begun: bool
    _tab: int = 0
    terms: tuple[Term, ...] = ()
    _sorts: dict[int, Sort]
    _saving_view: asyncio.Lock

    if TYPE_CHECKING:

        def show_titles(self) -> None: ...

    # Tabs, filter, order

    def action_go_to_tab(self, steps: int) -> None:
        self.show_tab(self._tab + steps)

    def on_tab_line_chosen(self, event: TabLine.Chosen) -> None:
        self.show_tab(event.index)

    def show_tab(self, index: int) -> None:
        """Show the tasks of another tab; `index` goes round in them."""
        self._tab = index % len(self.tabs)
        self._place_columns()
        self._show_query()

    @property
    def tab(self) -> Tab:
        return self.tabs[self._tab]

    @property
    def view(self) -> OwnView | None:
        """Return the view of the user's own that is shown; None in the tab of a state."""
        return self.tab.view

    @property
    def shown_profiles(self) -> tuple[str, ...]:
        """Return the profiles whose tasks are shown, as far as they are configured."""
        settings = self.context.settings
        names = self.view.shown_profiles(settings.profiles, settings.profile) if self.view else ()
        return names or (settings.profile,)

    @property
    def sort(self) -> Sort:
        """Return the order of the tab: a view's own counts there alone, and for this run."""
        own = self.view.sort if self.view else None
        return self._sorts.get(self._tab, Sort.of(own or self.context.view.sort))

    @cached_property
    def own_views(self) -> OwnViews:
        return deferred.OwnViews(self.context, self)

    def count_views(self) -> None:
        if self.context.settings.views:
            self.own_views.tick()

    def show_tabs(self) -> None:
        window = self.table.window
        # The first frame does not wait for those of views.
        is_first = not (self._begun and self.context.settings.views)
        counts = state_counts(window.counts) if is_first else self.own_views.counts(window)
        self.tab_line.show_counts(counts, self._tab)

    def _show_query(self) -> None:
        if self.view is None:
            states = None if self.tab.state is None else frozenset({self.tab.state})
            self.table.show(Query(self.context.profile, states, self.terms, self.sort))
        else:
            self.table.show(self.own_views.query(self.view, self.terms, self.sort))

    @cached_property
    def filter_box(self) -> FilterBox:
        return deferred.FilterBox(self)

    @property
    def filter_text(self) -> str:
        return self.filter_box.text

    def on_filter_box_changed(self, event: FilterBox.Changed) -> None:
        self.terms = event.terms
        self._show_query()

    @in_order
    async def action_expiring(self) -> None:
        ttl_ms, profile = self.context.result_ttl_ms, self.context.profile
        text = filter_of(ttl_ms or USUAL_LIFE_MS)
        if self.filter_box.text == text:
            self.filter_box.clear()
        elif ttl_ms or await self.context.store.run(lambda store: store.tasks.has_own_lives(profile)):
            await self.filter_box.put(text)
        else:
            setting = f"profiles.{profile}.result_ttl"
            self.tell(warning(f"Expiry is unknown: set {setting} in the config."))

    @in_order
    async def action_sort(self) -> None:
        key = await self.ask(deferred.ChooseSort(self.table.wanted.sort.key))
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
        if self.view and self.view.sort:
            self._sorts[self._tab] = sort
        else:
            self.remember(sort=str(sort))
        self._show_query()

    async def action_preview(self) -> None:
        preview = not self.context.view.preview
        self.remember(preview=preview)
        for service in self.context.services.values():
            service.retry_previews()
        self.pane.draw()
        words = "" if preview else "Picture preview off."
        if missing := await self.context.missing_for_pictures():
            self.tell(warning(f"{words} {sentence(missing)}".lstrip()))
        else:
            self.say(words or "Picture preview on.")

    async def action_preview_next(self) -> None:
        task, key = self.table.task_at_cursor, self.context.key_of("preview")
        if missing := await self.context.missing_for_pictures():
            self.tell(warning(sentence(missing)))
        elif task is None or task.result_count < 2:
            self.tell(warning("No other result to preview."))
        elif not self.context.view.preview:
            switch = f" Press {key} to turn it on." if key else ""
            self.tell(warning(f"Picture preview is off.{switch}"))
        elif self.pane.preview is None or self.pane.preview.next_result() < 2:
            self.tell(warning("No room for a picture here."))
        self.pane.draw()

    # What is looked into: a response, and what the tasks that are shown, or the marked ones, add up to

    @in_order
    async def action_raw(self) -> None:
        task = self.table.task_at_cursor
        text = await self.acts.raw(task) if task else None
        if task is None or text is None:
            self.tell(warning("No record yet."))
        else:
            await self.ask(deferred.RawJson(task.task_id, text))

    @in_order
    async def action_statistics(self) -> None:
        scope = self._scope(self.table.wanted)
        if outcomes := await self.acts.outcomes(scope):
            await self.ask(
                deferred.Statistics(scope.name(len(outcomes)), outcomes, self.context.clock.now_ms())
            )
        else:
            self.tell(warning("Nothing to count."))

    @in_order
    async def action_failures(self) -> None:
        # Failures of the filter, whatever the tab.
        wanted = self.table.wanted
        scope = self._scope(Query(wanted.profile, None, wanted.terms, wanted.sort))
        now_ms = self.context.clock.now_ms()
        found = await self.context.store.run(lambda store: deferred.read_failures(store, scope, now_ms))
        if not found.reasons and not found.problems:
            self.tell(warning(scope.no_failures(found.total)))
        elif filter_text := await self.ask(deferred.Failures(scope.name(found.total), found, now_ms)):
            if self.view is None:
                self.show_tab(0)
            before = "" if self.table.marked else self.filter_box.text.strip()
            added = [word for word in re.findall(_WORD, filter_text) if word not in before]
            await self.filter_box.put(" ".join([before, *added]).strip())

    @in_order
    async def action_batches(self) -> None:
        batches = await self.context.store.run(partial(deferred.read_batches, context=self.context))
        if not batches:
            self.tell(warning("No tasks yet."))
        elif chosen := await self.ask(deferred.Batches(self, batches)):
            self.show_tab(0)
            await self.filter_box.put(chosen.filter_text)
            if chosen.action:
                # It acts on what is shown: what was put in the box has not been read yet.
                self.table.clear_marks()
                self.terms = chosen.terms
                self._show_query()
                await self.run_action(chosen.action)

    def action_messages(self) -> None:
        self.app.push_screen(deferred.Messages(self.app.messages.kept))

    @in_order
    async def action_status(self) -> None:
        profile = self.context.profile
        checked_ms = await self.context.store.run(lambda store: store.summaries.last_check_ms(profile))
        self.app.push_screen(deferred.Status(self.context, checked_ms))

    def _scope(self, query: Query) -> Scope:
        words = (self.view.filter if self.view else "", self.filter_box.text.strip())
        return Scope(query, sorted(self.table.marked), " ".join(filter(None, words)))

    # The view, which is kept over restarts

    @in_order
    async def action_columns(self) -> None:
        if self.view and self.view.columns:
            self.tell(warning("The columns of this view are set in the config."))
            return
        drawn = {placed.column.name for placed in self.table.rows.columns}
        if chosen := await self.ask(
            deferred.ChooseColumns(self.context.view, self.context.first_view, drawn)
        ):
            columns, widths = chosen
            self.remember(columns=columns, widths=widths)
            self._place_columns()

    def action_reset_look(self) -> None:
        first = self.context.first_view
        self.remember(**{field.name: getattr(first, field.name) for field in fields(first)})
        self.panes.follow(first)
        self.panes.fit_screen(self.size.width, self.size.height)
        self._place_columns()
        self._sorts.clear()
        self._show_query()
        self.app.themes.use(first.theme)
        self.say("View reset.")

    def _place_columns(self) -> None:
        look = self.context.view
        own = self.own_views.columns(self.view) if self.view else (look.columns, look.widths)
        self.table.columns, self.table.widths = own
        self.table.rows.place_columns()
        self.show_titles()

    def remember(self, **changes: object) -> None:
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

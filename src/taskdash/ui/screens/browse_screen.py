"""The dashboard's one screen as something to walk about in: panes, lines, tabs, filter and order."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from taskdash.domain.query import Sort
from taskdash.ui.screens.live_screen import LiveScreen
from taskdash.ui.widgets.lines import TABS

if TYPE_CHECKING:
    from taskdash.domain.query import SortKey
    from taskdash.ui.widgets.filter_box import FilterBox
    from taskdash.ui.widgets.lines import StateTabs, TableHeader


class BrowseScreen(LiveScreen):
    """The list and the task under the cursor, with the keys to move in it."""

    # Panes

    def action_detail_position(self) -> None:
        """Right, below, hidden."""
        self.panes.next_position()

    def action_larger_detail(self) -> None:
        """Move the line between table and detail towards the table."""
        self._grow_detail(1)

    def action_smaller_detail(self) -> None:
        """Move the line between table and detail towards the detail."""
        self._grow_detail(-1)

    def _grow_detail(self, steps: int) -> None:
        if not self.panes.grow_detail(steps):
            self.say("The detail is not beside the table.", "warning")

    def action_zoom(self) -> None:
        """The detail over the whole body, and back."""
        if self.table.task_at_cursor is not None:
            self.panes.zoom(not self.panes.zoomed)
            (self.pane if self.panes.zoomed else self.table).focus()

    def on_task_table_opened(self) -> None:
        """A double click does what Enter does."""
        self.action_zoom()

    def action_next_pane(self) -> None:
        """Table, detail, table."""
        (self.pane if self.table.has_focus and self.pane.display else self.table).focus()

    def action_previous_pane(self) -> None:
        """There are two panes: back is forth."""
        self.action_next_pane()

    @property
    def closes_something(self) -> bool:
        """Whether `close` has more to do than to go back to the table."""
        return self.panes.zoomed or bool(self.table.marked) or bool(self.filter_text)

    def action_close(self) -> None:
        """Leave the full screen, else clear the marks, else go back to the table."""
        if self.panes.zoomed:
            self.action_zoom()
        elif self.table.marked:
            self.table.clear_marks()
            self.show_keys()
        elif self.filter_text:
            self.filter_box.clear()
        elif self.following.trouble.forget():
            self.show_status()
        else:
            self.table.focus()

    # Moving

    def action_cursor_up(self) -> None:
        """A line up, in the pane that has the focus."""
        self._step(-1)

    def action_cursor_down(self) -> None:
        """A line down, in the pane that has the focus."""
        self._step(1)

    def _step(self, lines: int) -> None:
        if self.pane.has_focus:
            self.pane.scroll_relative(y=lines, animate=False)
        else:
            self.table.move(lines)

    def action_page_up(self) -> None:
        """A screen up."""
        self._page(-1)

    def action_page_down(self) -> None:
        """A screen down."""
        self._page(1)

    def _page(self, pages: int) -> None:
        if self.pane.has_focus:
            self.pane.scroll_relative(y=pages * max(1, self.pane.size.height - 1), animate=False)
        else:
            self.table.page(pages)

    def action_first(self) -> None:
        """To the top."""
        if self.pane.has_focus:
            self.pane.scroll_home(animate=False)
        else:
            self.table.move_to(0)

    def action_last(self) -> None:
        """To the end."""
        if self.pane.has_focus:
            self.pane.scroll_end(animate=False)
        else:
            self.table.move_to(self.table.window.total - 1)

    def action_previous_tab(self) -> None:
        """The state tab at the left."""
        self.show_tab(self._tab - 1)

    def action_next_tab(self) -> None:
        """The state tab at the right."""
        self.show_tab(self._tab + 1)

    def on_state_tabs_chosen(self, event: StateTabs.Chosen) -> None:
        """A tab was clicked."""
        self.show_tab(event.index)

    # Filter and order

    @cached_property
    def filter_box(self) -> FilterBox:
        """The filter box, put over the list when it is first wanted."""
        from taskdash.ui.widgets.filter_box import FilterBox

        ttls_ms = {self._desk.profile: self._desk.result_ttl_ms} if self._desk.result_ttl_ms else {}
        box = FilterBox(ttls_ms, id="filter")
        self.mount(box, before=self.panes)
        return box

    @property
    def filter_text(self) -> str:
        """What stands in the filter box."""
        return self.filter_box.text if "filter_box" in vars(self) else ""

    @property
    def types_filter(self) -> bool:
        """Whether the filter box has the focus."""
        return "filter_box" in vars(self) and self.filter_box.has_focus_within

    async def action_filter(self) -> None:
        """Type a filter."""
        await self.filter_box.open()

    def on_filter_box_changed(self, event: FilterBox.Changed) -> None:
        """Results follow as one types."""
        self.table.show(replace(self.table.wanted, terms=event.terms))

    def on_filter_box_left(self) -> None:
        """Back to the list."""
        self.table.focus()

    def action_sort(self) -> None:
        """Choose an order."""
        from taskdash.ui.screens.dialogs import ChooseSort

        def chosen(key: SortKey | None) -> None:
            if key is not None:
                self._sort_by(Sort(key))

        self.app.push_screen(ChooseSort(self.table.wanted.sort.key), chosen)

    def action_reverse(self) -> None:
        """The same order, the other way round."""
        sort = self.table.wanted.sort
        self._sort_by(replace(sort, reverse=not sort.reverse))

    def on_table_header_clicked(self, event: TableHeader.Clicked) -> None:
        """A click on a title sorts by it; another one reverses."""
        sort = self.table.wanted.sort
        reverse = not sort.reverse if sort.key is event.key else False
        self._sort_by(Sort(event.key, reverse))

    def _sort_by(self, sort: Sort) -> None:
        self.table.show(replace(self.table.wanted, sort=sort))
        self.remember(sort=str(sort))

    def show_tab(self, index: int) -> None:
        """Show the tasks of another tab; `index` goes round in TABS."""
        self._tab = index % len(TABS)
        state = TABS[self._tab][1]
        self.table.show(replace(self.table.wanted, states=None if state is None else frozenset({state})))

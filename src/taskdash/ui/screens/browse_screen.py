"""The dashboard's one screen as something to look at: its layout, its movements, and how it keeps up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.containers import Container, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from taskdash.domain.query import Query, Sort, parse_sort
from taskdash.domain.task import State, Task
from taskdash.domain.words import plural
from taskdash.ui.actions import FOOTER
from taskdash.ui.key_names import key_name
from taskdash.ui.status_text import banner_text, status_text
from taskdash.ui.widgets.detail_pane import DetailPane
from taskdash.ui.widgets.filter_box import FilterBox
from taskdash.ui.widgets.lines import TABS, KeyBar, Line, StateTabs, TableHeader
from taskdash.ui.widgets.task_table import MARGIN, TaskTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.app import ComposeResult

    from taskdash.domain.query import SortKey
    from taskdash.ui.acting import Said, Severity
    from taskdash.ui.desk import Desk

WIDE_COLUMNS: Final = 110
"""From this width on the detail is at the right of the table."""
TALL_LINES: Final = 20
"""From this height on a narrow screen has the detail below the table."""
POLL_S: Final = 0.4
REFRESH_EVERY_S: Final = 0.1
MAX_TOASTS: Final = 3
POSITIONS: Final = ("right", "below", "hidden")

_EMPTY: Final = """\
Nothing on this list yet.

Paste task IDs here: as they are, in JSON, in a log, in a URL.
Or press  a  to type one.

From a script:   taskdash add <task ID>
"""
_EMPTY_TAB: Final = "No task here in this state. [ and ] go to the other tabs."
_EMPTY_FILTER: Final = "No task matches the filter. Esc drops it."


class BrowseScreen(Screen[None]):
    """The list and the task under the cursor, kept up to date."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._tab = 0
        self._news = asyncio.Event()
        self._version = -1
        self._begun = False
        self._crowd = 0
        position = desk.view.detail
        self._position = None if position == "auto" else position
        self._told_until_ms = desk.clock.now_ms()
        # Held, not looked up: news may still arrive while the screen is being taken down.
        self.table = TaskTable(desk, Query(desk.profile, sort=parse_sort(desk.view.sort)), id="table")
        self.pane = DetailPane(desk, id="detail")
        self.filter_box = FilterBox(id="filter")
        self._status = Line(id="status")
        self._banner = Line(id="banner")
        self._tabs = StateTabs(id="tabs")
        self._titles = TableHeader(id="titles")
        self._empty = Static(Content(_EMPTY), id="empty")
        self._keys = KeyBar(id="keys")

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self._status
        yield self._banner
        yield self._tabs
        yield self.filter_box
        with Container(id="body"):
            with Vertical(id="list"):
                yield self._titles
                yield self._empty
                yield self.table
            yield self.pane
        yield self._keys

    # Keeping up with the store and the watcher

    def on_mount(self) -> None:
        """Only what the first frame needs; the rest begins when that is drawn."""
        self.table.focus()
        self.show_keys()

    def _begin(self) -> None:
        """Start to watch and to follow what is written."""
        loop = asyncio.get_running_loop()

        def tell() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._news.set)

        self._desk.watcher.start(tell)
        self.run_worker(self._follow(), group="follow")
        self.set_interval(1.0, self._tick)

    async def _follow(self) -> None:
        """Take over what others write: this process's watcher, other dashboards, scripts."""
        await self._desk.read_history()
        while True:
            version = await self._desk.store.run(lambda store: store.database.data_version())
            if version != self._version:
                self._version = version
                self.table.reload()
                await self._tell_finished()
            self._show_status()
            try:
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()
            except TimeoutError:
                continue
            self._news.clear()
            await asyncio.sleep(REFRESH_EVERY_S)

    async def _tell_finished(self) -> None:
        profile, after_ms = self._desk.profile, self._told_until_ms
        finished = await self._desk.store.run(lambda store: store.checks.finished_since(profile, after_ms))
        if not finished:
            return
        self._told_until_ms = max(task.finished_at_ms or 0 for task in finished)
        for task in finished:
            self._desk.learn(task)
        # An ID that had ended when it was added is no news.
        self._toast([task for task in finished if task.checks > 1])

    def _toast(self, finished: Sequence[Task]) -> None:
        if finished and self._desk.bell:
            self.app.bell()
        if len(finished) > MAX_TOASTS:
            good = sum(task.state is State.SUCCESS for task in finished)
            bad = len(finished) - good
            self.say(f"{plural(len(finished), 'task')} finished: {good:,} success, {bad:,} fail")
            return
        for task in finished:
            name = (task.label or task.prompt or task.task_id)[:60]
            if task.state is State.SUCCESS:
                self.say(f"✓ success: {name}")
            else:
                self.say(f"× fail: {name}\n{(task.fail_msg or task.fail_code or '')[:120]}", "error")

    def _tick(self) -> None:
        self.table.tick()
        self.pane.tick()
        self._show_status()

    def _show_status(self) -> None:
        status, now_ms = self._desk.watcher.status, self._desk.clock.now_ms()
        counts = self.table.window.counts
        self._status.show(status_text(self._desk.profile, counts, status, now_ms, self.size.width))
        self._crowd = max(self._crowd, status.new) if status.new else 0
        banner = banner_text(status, self._desk.key_advice, now_ms, self._crowd)
        self._banner.display = bool(banner.plain)
        self._banner.show(banner)

    def on_task_table_loaded(self, event: TaskTable.Loaded) -> None:
        """Another window of the list: counts, tabs and titles follow it."""
        window = event.window
        if not self._begun:
            # What the watcher imports would compete with the first frame for the interpreter.
            self._begun = True
            self.call_after_refresh(self._begin)
        self._tabs.show_counts(window.counts, self._tab)
        self._show_titles()
        self._show_status()
        self.show_keys()
        self._empty.display = window.total == 0
        self.set_class(window.total == 0, "-empty")
        if window.total == 0:
            others = any(window.counts.values())
            self._empty.update(
                Content(_EMPTY_TAB if others else _EMPTY_FILTER if window.query.terms else _EMPTY)
            )

    def _show_titles(self) -> None:
        self._titles.display = self.table.window.total > 0
        self._titles.show_columns(self.table.placed_columns, self.table.wanted.sort, MARGIN)

    def show_keys(self) -> None:
        """Draw the footer."""
        marked = len(self.table.marked)
        keys = [
            (key_name(self._desk.keymap[action.name][0]), action.short)
            for action in FOOTER
            if self._desk.keymap[action.name]
        ]
        self._keys.show_keys(keys, f"{plural(marked, 'task')} marked" if marked else "")

    def say(self, text: str, severity: Severity = "information") -> None:
        """Tell the user one thing."""
        self.notify(text, severity=severity, markup=False, timeout=4)

    def tell(self, said: Said) -> None:
        """Tell what an act did, and hand over what it copied."""
        if said.copy is not None:
            self.app.copy_to_clipboard(said.copy)
        self.say(said.text, said.severity)

    def on_task_table_cursor_moved(self, event: TaskTable.CursorMoved) -> None:
        """Show the task under the cursor."""
        self.pane.show_task(event.task)

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        """Put the detail where there is room for it."""
        self._arrange(event.size.width, event.size.height)

    def _arrange(self, width: int, height: int) -> None:
        fitting = "right" if width >= WIDE_COLUMNS else "below" if height >= TALL_LINES else "hidden"
        for name in POSITIONS:
            self.set_class((self._position or fitting) == name, f"-detail-{name}")
        self._size_pane()
        self._show_titles()
        self._show_status()
        self.call_after_refresh(self.pane.draw)

    def _size_pane(self) -> None:
        """Give the detail its share of the screen, or all of it in full screen."""
        percent = None if self.has_class("-zoomed") else f"{self._desk.view.detail_percent}%"
        self.pane.styles.width = percent if self.has_class("-detail-right") else None
        self.pane.styles.height = percent if self.has_class("-detail-below") else None

    def action_detail_position(self) -> None:
        """Right, below, hidden."""
        current = next(name for name in POSITIONS if self.has_class(f"-detail-{name}"))
        self._position = POSITIONS[(POSITIONS.index(current) + 1) % len(POSITIONS)]
        self.remove_class("-zoomed")
        self._arrange(self.size.width, self.size.height)
        self.remember(detail=self._position)
        if not self.pane.display:
            self.table.focus()

    def action_zoom(self) -> None:
        """The detail over the whole body, and back."""
        if self.table.task_at_cursor is not None:
            self.toggle_class("-zoomed")
            self._size_pane()
            (self.pane if self.has_class("-zoomed") else self.table).focus()
            self.call_after_refresh(self.pane.draw)

    def on_task_table_opened(self) -> None:
        """A double click does what Enter does."""
        self.action_zoom()

    def action_next_pane(self) -> None:
        """Table, detail, table."""
        (self.pane if self.table.has_focus and self.pane.display else self.table).focus()

    def action_previous_pane(self) -> None:
        """There are two panes: back is forth."""
        self.action_next_pane()

    def action_close(self) -> None:
        """Leave the full screen, else clear the marks, else go back to the table."""
        if self.has_class("-zoomed"):
            self.action_zoom()
        elif self.table.marked:
            self.table.clear_marks()
            self.show_keys()
        elif self.filter_box.text:
            self.filter_box.clear()
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
        self._choose_tab(self._tab - 1)

    def action_next_tab(self) -> None:
        """The state tab at the right."""
        self._choose_tab(self._tab + 1)

    def on_state_tabs_chosen(self, event: StateTabs.Chosen) -> None:
        """A tab was clicked."""
        self._choose_tab(event.index)

    # Filter and order

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

    def remember(self, **changes: str) -> None:
        """Keep a change of the look for the next time."""
        self._desk.view = replace(self._desk.view, **changes)  # type: ignore[arg-type] # the names are View's own
        view = self._desk.view

        async def save() -> None:
            warning = await asyncio.to_thread(self._desk.remember, view)
            if warning:
                self.say(warning, "warning")

        self.run_worker(save(), group="remember")

    def _choose_tab(self, index: int) -> None:
        self._tab = index % len(TABS)
        state = TABS[self._tab][1]
        self.table.show(replace(self.table.wanted, states=None if state is None else frozenset({state})))

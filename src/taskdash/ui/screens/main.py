"""Shows the main screen: lays out its parts, follows the store and the watcher, and decides what is listed."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import work
from textual.message import Message
from textual.reactive import var
from textual.widgets import Input

from taskdash import ui
from taskdash.domain.query import Sort, SortKey
from taskdash.domain.words import plural
from taskdash.ui import screens, widgets
from taskdash.ui.actions import bindings, call_of, situation_of, why_empty
from taskdash.ui.following import Following
from taskdash.ui.in_order import in_order
from taskdash.ui.keymap import footer_keys
from taskdash.ui.listing import Listing
from taskdash.ui.messages import warning
from taskdash.ui.screens.task_actions import TaskActions
from taskdash.ui.text.status import list_title, unseen_order
from taskdash.ui.widgets.bars import Headlines, KeyBar, TableHeader, TabLine
from taskdash.ui.widgets.panes import DetailPane, Panes, Tasks
from taskdash.ui.widgets.task_table import TaskTable
from taskdash.ui.widgets.window import Unseen

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.geometry import Size

    from taskdash.ui.context import Context
    from taskdash.ui.widgets.filter_box import FilterBox
    from taskdash.ui.widgets.passing import AwayLine, Tour

LONG_READ_S: Final = 0.03
READS_APART: Final = 4
COARSE_MS: Final = 10_000
"""How often rows without seconds are redrawn, so that many share one frame."""
WHILE_TYPING: Final = frozenset(("close", "next_pane", "help"))
"""The screen's actions that stay available while a text box has the focus, as do all of the app's."""


class MainScreen(TaskActions):
    """Shows the list and the task under the cursor."""

    AUTO_FOCUS = "#table"
    BLANK = True
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screen")]

    writes = var(0)
    """How often others have written to the store; screens above watch it."""

    class Painted(Message):
        """Posted when the first frame is drawn, to start the work that could wait for it."""

    def __init__(self, context: Context, size: Size) -> None:
        super().__init__()
        self.context = context
        self._coarse_now = 0
        self._fitted: Size | None = None
        self.tour: Tour | None = None
        self._saving_view = asyncio.Lock()
        self.following = Following(context, self)
        self.headlines = Headlines(context, self.following.banner)
        # Kept as attributes, not queried: updates may still arrive while the screen is being removed.
        window, detail = context.opening.result()
        self.table = TaskTable(context, window)
        self.unseen = Unseen(context, self.table)
        self.pane = DetailPane(context)
        self.listing = Listing(context, self, self.table)
        self.tab_line = TabLine(self.listing.tabs)
        self._titles = TableHeader(self.table)
        self._keys = KeyBar(id="keys")
        self._tasks = Tasks(self._titles, self.table)
        self.panes = Panes(self._tasks, self.pane, context.view)
        # Set before mounting, these need no second layout.
        self.panes.fit_screen(size)
        self.pane.open(detail)
        self._show_window(size.width, filter_text="")

    def compose(self) -> ComposeResult:
        yield self.headlines.top
        yield self.headlines.banner
        yield self.tab_line
        yield self.panes
        yield self._keys

    @cached_property
    def filter_box(self) -> FilterBox:
        return widgets.filter_box.FilterBox(self)

    @cached_property
    def away(self) -> AwayLine:
        return widgets.passing.AwayLine(self.context, self.table)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Disable most actions while a text box has the focus: their bindings have priority over its own."""
        return action in WHILE_TYPING or not isinstance(self.focused, Input)

    # Following the store and the watcher

    def _begin(self) -> None:
        self.post_message(self.Painted())
        self._finished = [
            ui.background.FinishedTasks(self.context, self, name) for name in self.context.services
        ]
        for command in filter(None, (each.on_finish for each in self.context.services.values())):
            command.listen(self.say_from_thread)
        self.following.start()
        self.app.show_title(self.table.window.listed)
        self._expiring = ui.background.ExpiringResults(self.context, self)
        self.set_interval(1.0, self._tick)
        self.listing.count_views()
        self.downloads.begin()
        self.away.begin()
        # With tasks on the list this is not a first start, and the banner shows what is missing.
        if self.context.is_first_start and not any(self.table.window.counts.values()):
            self.app.push_screen(screens.welcome.Welcome(self.context))
        if self.context.is_demo:
            self.tour = widgets.passing.Tour(self)
            self.mount(self.tour, before=self.tab_line)

    async def follow_writes(self) -> None:
        """Show what others have written to the store, and announce the tasks that have finished."""
        self.table.reload()
        for each in self._finished:
            await each.tell()
        # After a slow read, such as filtering a long list, leave the CPU to others.
        if self.table.read_s > LONG_READ_S:
            await asyncio.sleep(READS_APART * self.table.read_s)
        self.writes += 1

    def _tick(self) -> None:
        coarse_now = self.context.clock.now_ms() // COARSE_MS
        is_whole, self._coarse_now = coarse_now != self._coarse_now, coarse_now
        self.table.tick(is_whole=is_whole)
        self.pane.tick(is_whole=is_whole)
        self._expiring.tick()
        self.app.show_title(self.table.window.listed)
        self.listing.count_views()
        self.unseen.tick()
        self.headlines.tick(self.table.window, self.size.width)
        self.away.tick(self.table.window)

    def show_status(self) -> None:
        self.headlines.show(self.table.window, self.size.width)

    def on_task_table_loaded(self) -> None:
        self._show_window(self.size.width, filter_text=self.filter_box.text)
        self._look_around()
        self.listing.count_views()

    def _show_window(self, width: int, *, filter_text: str) -> None:
        window = self.table.window
        self.listing.show_counts()
        self.show_titles()
        self.headlines.show(window, width)
        self.show_keys()
        self.panes.set_class(window.total == 0, "-empty", update=self.is_mounted)
        is_view, profiles = self.listing.view is not None, self.context.settings.profiles
        options = f" --profile {self.context.profile}" if len(profiles) > 1 else ""
        self._tasks.tell_empty(why_empty(window, filter_text, is_view=is_view, options=options))

    def show_titles(self) -> None:
        self._titles.display = self.table.window.total > 0
        self._titles.draw()
        self._show_range()

    def _show_range(self) -> None:
        window = self.table.window
        listed = sum(window.listed.values()) if self.listing.terms else None
        seen = [place.column.sort for place in self.table.rows.columns]
        self._tasks.show_title(
            list_title(
                self.table.lines_seen,
                window.total,
                window.label,
                filtered_from=listed,
                order=unseen_order(window.query.sort, seen),
                unseen=self.unseen.ended,
            )
        )

    def show_keys(self) -> None:
        keys = footer_keys(self.context.keymap, on_marks=bool(self.table.marked), zoomed=self.panes.zoomed)
        self._keys.show_keys(keys, self.unseen.note())

    @work(group="look")
    async def _look_around(self) -> None:
        await self.unseen.count()
        self.show_keys()
        self._show_range()

    def on_screen_suspend(self) -> None:
        """Hide toasts while a dialog is open: it shows them itself, elsewhere."""
        self.query("Toast").set(visible=False)

    def on_screen_resume(self) -> None:
        self.query("Toast").set(visible=True)

    def on_task_table_cursor_moved(self, event: TaskTable.CursorMoved) -> None:
        self.pane.show_task(event.task)
        self._show_range()

    # Layout

    def on_resize(self, event: events.Resize) -> None:
        if event.size == self._fitted:
            # Textual reports the initial size three times.
            return
        is_first, self._fitted = self._fitted is None, event.size
        self.panes.fit_screen(event.size)
        self.show_titles()
        self.show_status()
        if is_first:
            # The first layout is done. Let its frame come first: the watcher's imports would compete for the GIL.
            self.call_after_refresh(self._begin)

    def on_panes_rearranged(self) -> None:
        self.remember(detail=self.panes.chosen, detail_percent=self.panes.percent)
        self.show_keys()
        if self.panes.chosen == "hidden":
            self.table.focus()

    def action_detail_position(self) -> None:
        self.panes.next_position()

    def action_grow_detail(self, steps: int) -> None:
        if not self.panes.grow_detail(steps):
            key = self.context.key_of("detail_position")
            where = "fills the screen" if self.panes.zoomed else f"is hidden ({key})" if key else "is hidden"
            self.say(f"The detail pane {where}.", "warning")

    def action_zoom(self) -> None:
        if self.table.task_at_cursor is not None:
            self.panes.zoom(not self.panes.zoomed)
            (self.pane if self.panes.zoomed else self.table).focus()
            self.show_keys()

    def on_task_table_opened(self) -> None:
        self.action_zoom()

    async def action_next_pane(self, steps: int = 1) -> None:
        if self.filter_box.has_focus_within:
            await self.filter_box.complete(steps)
            return
        # Not `has_focus` or `focus()`: both lag behind, for example just after a dialog closes.
        self.set_focus(self.pane if self.focused is self.table and self.pane.display else self.table)

    def action_close(self) -> None:
        if self.filter_box.has_focus_within:
            self.filter_box.restore()
        elif self.panes.zoomed:
            self.action_zoom()
        elif self.away.dismiss():
            pass
        elif self.table.marked:
            self.table.clear_marks()
            self.show_keys()
        elif self.filter_box.text:
            self.filter_box.clear()
        elif self.tour is not None:
            self.tour.leave()
        elif self.following.forget():
            self.show_status()
        elif self.focused is not self.table or not self.unseen.ended:
            self.table.focus()
        else:
            self._see_all()

    @work(group="seen")
    async def _see_all(self) -> None:
        seen = plural(self.unseen.ended, "task")
        await self.unseen.clear()
        self.say(f"{seen} marked as seen.")

    # Tabs, filter, order and columns

    def action_go_to_tab(self, steps: int) -> None:
        self.listing.go_to_tab(steps)

    async def action_filter(self) -> None:
        await self.filter_box.open()

    @in_order
    async def action_expiring(self) -> None:
        if feedback := await self.listing.toggle_expiring():
            self.tell(feedback)

    @in_order
    async def action_sort(self) -> None:
        key = await self.ask(screens.questions.ChooseSort(self.table.wanted.sort.key))
        if key is not None:
            self.listing.sort_by(Sort(key))

    def action_reverse(self) -> None:
        sort = self.table.wanted.sort
        self.listing.sort_by(Sort(sort.key, reverse=not sort.reverse))

    @in_order
    async def action_columns(self) -> None:
        if (view := self.listing.view) and view.columns:
            self.tell(warning("The columns of this view are set in the config."))
            return
        drawn = {placed.column.name for placed in self.table.rows.columns}
        if chosen := await self.ask(
            screens.questions.ChooseColumns(self.context.view, self.context.first_view, drawn)
        ):
            columns, widths = chosen
            self.remember(columns=columns, widths=widths)
            self.listing.place_columns()

    @in_order
    async def action_batches(self) -> None:
        batches = await self.context.store.run(partial(screens.groups.read_batches, context=self.context))
        if not batches:
            self.tell(warning("No tasks yet."))
        elif chosen := await self.ask(screens.groups.Batches(self, batches)):
            self.listing.show_tab(0)
            await self.filter_box.put(chosen.filter_text)
            if chosen.action:
                # The action applies to the filter in effect, and the box has not reported its new text yet.
                self.table.clear_marks()
                self.listing.filter_by(chosen.terms)
                await self.run_action(chosen.action)

    @in_order
    async def action_review(self) -> None:
        scope, now_ms = self.listing.scope(self.table.wanted), self.context.clock.now_ms()
        results = await self.context.store.run(
            lambda store: ui.review_list.read_results(store, scope, now_ms)
        )
        if results:
            missing = await self.context.missing_for_pictures()
            seq = await self.ask(screens.review.Review(self, scope, results, missing))
            self.table.show(self.table.wanted, seq=seq)
        else:
            self.say("No results to review in this view.", "warning")

    def action_reset_look(self) -> None:
        first = self.context.first_view
        self.remember(**{field.name: getattr(first, field.name) for field in fields(first)})
        self.panes.follow(first)
        self.panes.fit_screen(self.size)
        self.listing.reset()
        self.app.themes.use(first.theme)
        self.say("View reset.")

    def remember(self, **changes: object) -> None:
        """Apply changes to the view, and keep them across restarts."""
        self.context.view = replace(self.context.view, **changes)  # type: ignore[arg-type] # the names are View's own
        self.context.is_view_kept = False
        self._save_view()

    @work(group="remember")
    async def _save_view(self) -> None:
        # Serialised, so that the last change wins.
        async with self._saving_view:
            not_kept = await asyncio.to_thread(self.context.remember_view)
        if not_kept:
            self.say(not_kept, "error")

    def on_key(self, event: events.Key) -> None:
        """Advance the demo's tour on `n`, if no binding has taken the key."""
        if event.key == "n" and self.tour is not None:
            event.stop()
            self.tour.go_on()

    async def on_click(self, event: events.Click) -> None:
        """Show a clicked tab, sort by a clicked title, run the action of a clicked key, or open the full status."""
        clicked = event.style.meta
        if "tab" in clicked:
            self.listing.show_tab(clicked["tab"])
        elif clicked.get("sort"):
            # A second click reverses the order.
            sort, key = self.table.wanted.sort, SortKey(clicked["sort"])
            self.listing.sort_by(Sort(key, reverse=sort.key is key and not sort.reverse))
        elif "key" in clicked:
            if isinstance(self.focused, Input):
                self.set_focus(self.table)  # the text box would disable the action
            await self.run_action(call_of(clicked["key"]))
        elif self.headlines.top.region.contains_point(event.screen_offset):
            await self.run_action("status")

    async def action_help(self) -> None:
        pane = "detail" if self.focused is self.pane else "table"
        place = "filter" if self.filter_box.has_focus_within else pane
        # Awaited, so that the next keys go to the dialog.
        sections = screens.help.help_sections(self.context.keymap, place, situation_of(self))
        await self.app.push_screen(screens.help.Help(sections))

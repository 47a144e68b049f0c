"""The dashboard's one screen as it stands: its parts, where they are, and how they keep up with what is written."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Final, cast

from textual.message import Message
from textual.screen import Screen

from taskdash.domain.query_language import parse_sort
from taskdash.ui.actions import FOOTER, FOOTER_ON_MARKS
from taskdash.ui.following import Following
from taskdash.ui.headlines import Headlines
from taskdash.ui.key_names import key_name
from taskdash.ui.out_of_sight import OutOfSight
from taskdash.ui.store_trouble import sentence
from taskdash.ui.widgets.detail_pane import DetailPane
from taskdash.ui.widgets.lines import KeyBar, StateTabs, TableHeader
from taskdash.ui.widgets.panes import Panes, Tasks
from taskdash.ui.widgets.task_table import MARGIN, TaskTable

if TYPE_CHECKING:
    from typing import Self

    from textual import events
    from textual.app import ComposeResult
    from textual.geometry import Region, Size
    from textual.worker import WorkType

    from taskdash.ui.desk import Desk
    from taskdash.ui.expiring import ExpiringResults
    from taskdash.ui.finished import FinishedTasks
    from taskdash.ui.program import Program
    from taskdash.ui.said import Said, Severity
    from taskdash.ui.window import Window

LONG_READ_S: Final = 0.03
READS_APART: Final = 4
COARSE_MS: Final = 10_000
"""What tells no seconds is drawn again once in so long a time: many rows with one frame."""

_EMPTY: Final = """\
Nothing on this list yet.

Paste task IDs here: as they are, in JSON, in a log, in a URL.
Or press  a  to type one.

From a script:   taskdash add <task ID>
"""
_EMPTY_TAB: Final = "No task here in this state. [ and ] go to the other tabs."
_EMPTY_FILTER: Final = "No task matches the filter. Esc drops it."


class LiveScreen(Screen[None]):
    """The list and the task under the cursor, kept up to date."""

    AUTO_FOCUS = "#table"
    # Nothing of it is seen but what is on it: it need not be drawn line by line.
    BLANK = True

    class Painted(Message):
        """The first frame is drawn: from now on there is time for the rest."""

    def __init__(self, desk: Desk, size: Size) -> None:
        super().__init__()
        self._desk = desk
        self._tab = 0
        self._coarse_now = 0
        self._begun = False
        self._fitted: Size | None = None
        self._saving = asyncio.Lock()
        self.following = Following(desk)
        self.headlines = Headlines(desk)
        self.headlines.alarms.append(self.following.trouble.banner)
        # Held, not looked up: news may still arrive while the screen is being taken down.
        opening = desk.opening.result()
        self.table: TaskTable = TaskTable(desk, opening.window, id="table")
        self.out_of_sight = OutOfSight(desk, self.table, opening.newest_seq)
        self.pane = DetailPane(desk, id="detail")
        self._tabs = StateTabs(id="tabs")
        self._titles = TableHeader(
            lambda: self.table.placed_columns, self.table.wanted.sort, MARGIN, id="titles"
        )
        self._keys = KeyBar(id="keys")
        self._tasks = Tasks(self._titles, self.table, id="list")
        self.panes = Panes(self._tasks, self.pane, desk.view)
        # What is set before the screen is mounted costs no second layout.
        self.panes.fit_screen(size.width, size.height)
        self.pane.open(opening.detail)
        self._show_window(opening.window, size.width)

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self.headlines.status
        yield self.headlines.banner
        yield self._tabs
        yield self.panes
        yield self._keys

    # Keeping up with the store and the watcher: imported when the first frame is drawn

    @cached_property
    def finished(self) -> FinishedTasks:
        """Tells of tasks that finish from now on."""
        from taskdash.ui.finished import FinishedTasks

        return FinishedTasks(
            self._desk, self.say, lambda: self.app.bell(), self._tell_again, lambda: self.table.marked
        )

    @cached_property
    def expiring(self) -> ExpiringResults:
        """Warns of results that expire."""
        from taskdash.ui.expiring import ExpiringResults

        return ExpiringResults(self._desk, self.say)

    def _begin(self) -> None:
        """Start to watch and to follow what is written."""
        self.post_message(self.Painted())
        self.following.on_written += [self._reload, self.finished.tell, self._rest]
        self.following.on_round.append(self.show_status)
        self.following.on_mishap.append(self._tell_mishap)
        if self._desk.on_finish is not None:
            self._desk.on_finish.listen(self._warn_from_thread)
        self.following.start_watcher()
        self.run_worker(self.following.run(), group="follow")
        self.set_interval(1.0, self._tick)

    def _tell_mishap(self, line: str) -> None:
        self.following.trouble.befell(line)
        self.say(sentence(line), "warning")

    def _warn_from_thread(self, text: str) -> None:
        with suppress(RuntimeError):  # the dashboard has ended
            self.app.call_later(self.say, text, "warning")

    def _tell_again(self, in_s: float) -> None:
        # A little later, so that it is not called before its time.
        self.set_timer(in_s + 0.01, lambda: self.run_worker(self.finished.tell(), group="tell"))

    async def _reload(self) -> None:
        self.table.reload()

    async def _rest(self) -> None:
        """Long reads, as of a filter on a long list, leave the processor to others in between."""
        if self.table.read_s > LONG_READ_S:
            await asyncio.sleep(READS_APART * self.table.read_s)

    def _tick(self) -> None:
        self.following.glance()
        coarse_now = self._desk.clock.now_ms() // COARSE_MS
        is_whole, self._coarse_now = coarse_now != self._coarse_now, coarse_now
        self.table.tick(is_whole=is_whole)
        self.pane.tick(is_whole=is_whole)
        if self.expiring.is_time:
            self.run_worker(self.expiring.warn(), group="expiring", exclusive=True)
        self.show_status()

    def show_status(self) -> None:
        """Draw the lines on top."""
        self.headlines.show(self.table.window.listed, self.size.width)

    def on_task_table_loaded(self, event: TaskTable.Loaded) -> None:
        """Another window of the list: counts, tabs and titles follow it."""
        self._show_window(event.window, self.size.width)
        self._look_around()

    def _show_window(self, window: Window, width: int) -> None:
        self._tabs.show_counts(window.counts, self._tab)
        self._show_titles()
        self.headlines.show(window.listed, width)
        self.show_keys()
        self.panes.set_class(window.total == 0, "-empty", update=self.is_mounted)
        others = any(window.counts.values())
        why = _EMPTY_TAB if others else _EMPTY_FILTER if window.query.terms else _EMPTY
        self._tasks.tell_empty("" if window.total else why)

    def _show_titles(self) -> None:
        self._titles.display = self.table.window.total > 0
        self._titles.show_sort(self.table.wanted.sort)

    def show_keys(self) -> None:
        """Draw the footer."""
        shown = FOOTER_ON_MARKS if self.table.marked else {action.name: action.short for action in FOOTER}
        keymap = self._desk.keymap
        keys = [(key_name(keymap[name][0]), short) for name, short in shown.items() if keymap[name]]
        first, last = (next(map(key_name, self._desk.keymap[name]), "") for name in ("first", "last"))
        notes = (self.out_of_sight.marks(), self.out_of_sight.news(first, last))
        self._keys.show_keys(keys, "  ".join(filter(None, notes)))

    def _look_around(self) -> None:
        """Count what is not on the screen, and say it in the footer."""

        async def look() -> None:
            if await self.out_of_sight.look():
                self.show_keys()

        work: WorkType[None] = look  # begun by the worker: one that is ended first leaves no coroutine behind
        self.run_worker(work, group="look")

    def say(self, text: str, severity: Severity = "information") -> None:
        """Tell the user one thing."""
        self.notify(text, severity=severity, markup=False, timeout=4)

    def tell(self, said: Said) -> None:
        """Tell what an act did; what it copied is told once that is done."""
        if said.copy is None:
            self.say(said.text, said.severity)
        else:
            cast("Program", self.app).copy(said)

    def on_task_table_cursor_moved(self, event: TaskTable.CursorMoved) -> None:
        """Show the task under the cursor."""
        self.pane.show_task(event.task)
        if self.out_of_sight.has_news:
            self._look_around()

    # Layout

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Textual styles every widget as it is mounted; it need not do so again before the first frame."""
        event.refresh_styles = event.refresh_styles and self._begun

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Textual asks for all of the screen again right after its first frame, which had it all."""
        if self._begun or regions or layout or recompose:
            super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        return self

    def on_resize(self, event: events.Resize) -> None:
        """Put the detail where there is room for it."""
        if event.size == self._fitted == self.outer_size:
            # At the start Textual tells the size three times.
            event.prevent_default()
            return
        self._fitted = event.size
        self.panes.fit_screen(event.size.width, event.size.height)
        self._show_titles()
        self.show_status()
        if not self._begun:
            # The first layout is done. What the watcher imports would compete with its frame for the interpreter.
            self._begun = True
            self.call_after_refresh(self._begin)

    def on_panes_rearranged(self, event: Panes.Rearranged) -> None:
        """Where the user put the detail is where it is the next time."""
        self.remember(detail=event.position, detail_percent=event.percent)
        if event.position == "hidden":
            self.table.focus()

    def place_columns(self) -> None:
        """Show the columns that the look has now."""
        self.table.place_columns()
        self._show_titles()

    def take_look(self) -> None:
        """Show everything as the look has it now."""
        view = self._desk.view
        self.panes.follow(view)
        self.panes.fit_screen(self.size.width, self.size.height)
        self.place_columns()
        self.table.show(replace(self.table.wanted, sort=parse_sort(view.sort)))
        if view.theme in self.app.available_themes:
            self.app.theme = view.theme

    def remember(self, **changes: object) -> None:
        """Keep a change of the look for the next time."""
        self._desk.view = replace(self._desk.view, **changes)  # type: ignore[arg-type] # the names are View's own
        self._desk.is_view_kept = False

        async def save() -> None:
            # One after the other: the last change is the one that stays.
            async with self._saving:
                view = self._desk.view
                warning = await asyncio.to_thread(self._desk.remember, view)
                self._desk.is_view_kept = view is self._desk.view
            if warning:
                self.say(warning, "warning")

        self.run_worker(save(), group="remember")

    @property
    def desk(self) -> Desk:
        """What it works with."""
        return self._desk

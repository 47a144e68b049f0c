"""The dashboard as a test drives it: a real app on a real store, with a watcher and a clock that do as they are told.

What a watcher or another process would write goes through a second `Store` on the same file, as in real life::

    async with driven(desk) as dash:
        add(other, PAGE_WAITING)
        answer(other, PAGE_WAITING, page("waiting"))
        await dash.until_shown("◐ waiting")
        await dash.press("o")
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from tests.servers import Body
from textual import events
from textual._context import visible_screen_stack
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from taskdash.api.wire import parse_answer
from taskdash.config.settings import Settings
from taskdash.domain.batches import Notice
from taskdash.domain.query import Query
from taskdash.domain.record import apply_answer
from taskdash.results.desktop import Opened
from taskdash.results.downloads import DownloadStatus
from taskdash.store.store import Store, StoreThread
from taskdash.ui.app import Dashboard
from taskdash.ui.context import Context
from taskdash.ui.screens.main import MainScreen
from taskdash.ui.widgets.task_table import TaskTable
from taskdash.watch.machine import Clock
from taskdash.watch.thread import WatcherThread, WatchStatus

PROFILE = "aigptimage"
NOW_MS = 1_777_475_100_000
"""A minute and a half after the last time on the API's page."""
PAYLOADS = Path(__file__).parent.parent / "data" / "payloads"

PAGE_WAITING = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
PAGE_SUCCESS = "task_xxx"
PAGE_FAIL = "5f6ff8ea-ae97-4bb8-af5e-752ef4e96c0d"
PAGE_LINK = "https://cdn.example.com/result.png"


def page(state: str) -> bytes:
    """The API's page's own body for a state."""
    return (PAYLOADS / f"page-{state}.json").read_bytes()


def uuid(number: int) -> str:
    """A task ID that tells its number."""
    return f"{number:08x}-0000-4000-8000-000000000000"


class FrozenClock(Clock):
    """Stands still until a test moves it."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms

    def now_s(self) -> float:
        return self.at_ms / 1000

    async def wait(self, event: asyncio.Event, timeout_s: float) -> None:  # noqa: ARG002 - the base's signature
        raise AssertionError("the dashboard has no use for this")


class FakeWatcher:
    """Says what a test wants said, and counts what the dashboard asks of it."""

    def __init__(self) -> None:
        self.status = WatchStatus(leading=True, used=3, per_second=1, per_minute=30, tier="basic")
        self.wakes = 0
        self.pauses: list[bool] = []
        self.stopped = False
        self._listener: Callable[[], None] = lambda: None

    def start(self, listener: Callable[[], None]) -> None:
        self._listener = listener

    def say(self, **changes: Any) -> None:
        """Publish another status."""
        self.status = self.status._replace(**changes)
        self._listener()

    def wake(self) -> None:
        self.wakes += 1

    def pause(self, paused: bool) -> None:
        self.pauses.append(paused)
        self.say(paused=paused)

    def yield_lease(self, yielding: bool) -> None:
        pass

    def stop(self, timeout_s: float = 5.0) -> None:  # noqa: ARG002 - the protocol's signature
        self.stopped = True

    def failure(self) -> BaseException | None:
        return None


class FakeBrowser:
    """Keeps the links it was to open; `refusal` set, it opens none and says so."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.refusal: str | None = None

    def __call__(self, url: str, **_: object) -> Opened:
        if self.refusal is not None:
            return Opened(ok=False, message=self.refusal)
        self.opened.append(url)
        return Opened(ok=True, message="opened in the browser")


class FakeDownloads:
    """Keeps what it was to save, and says what a test wants said."""

    def __init__(self) -> None:
        self.status = DownloadStatus()
        self.asked: list[list[int]] = []
        self.cancels = 0
        self.starts = 0
        self.stopped = False
        self._news: list[Notice] = []
        self._listener: Callable[[], None] = lambda: None

    def start(self, listener: Callable[[], None]) -> None:
        self.starts += 1
        self._listener = listener

    def save(self, seqs: Sequence[int], _only: object = None) -> None:
        self.asked.append(list(seqs))

    def cancel(self) -> None:
        self.cancels += 1

    def take_news(self) -> list[Notice]:
        taken, self._news = self._news, []
        return taken

    def say(self, *news: Notice, status: DownloadStatus | None = None) -> None:
        """Do what the thread would do."""
        self._news += news
        self.status = status or self.status
        self._listener()

    def stop(self, timeout_s: float = 5.0) -> None:  # noqa: ARG002 - the protocol's signature
        self.stopped = True


def context_on(store_path: Path, clock: FrozenClock, watcher: FakeWatcher | None = None) -> Context:
    """A context on a list, with a watcher and a clock that do as they are told."""
    return Context(
        settings=Settings(profile=PROFILE),
        store=StoreThread(store_path, "store"),
        watcher=cast("WatcherThread", watcher or FakeWatcher()),
        clock=clock,
    )


def configure(context: Context, **changes: Any) -> None:
    context.settings = replace(context.settings, **changes)


def configure_profile(context: Context, **changes: Any) -> None:
    profiles = context.settings.profiles
    configure(context, profiles={**profiles, PROFILE: replace(profiles[PROFILE], **changes)})


def add(store: Store, *task_ids: str, label: str | None = None, now_ms: int = NOW_MS) -> None:
    """Put IDs on the list, as another process does."""
    store.additions.add(PROFILE, task_ids, now_ms, label=label)


def answer(
    store: Store, task_id: str, body: Body | bytes, *, status: int = 200, now_ms: int = NOW_MS
) -> None:
    """Write down what a check of a listed task brought, as the watcher does."""
    answer_all(store, {task_id: body}, status=status, now_ms=now_ms)


def answer_all(
    store: Store, bodies: Mapping[str, Body | bytes], *, status: int = 200, now_ms: int = NOW_MS
) -> None:
    """Write down what the checks of several tasks brought, in one transaction."""
    outcomes = []
    for task_id, body in bodies.items():
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        parsed = parse_answer(status, {"content-type": "application/json"}, data, task_id)
        outcomes.append(apply_answer(store.tasks.find(PROFILE, task_id), parsed, now_ms))
    store.checks.record(outcomes)


def add_answered(store: Store, *bodies: Body, label: str | None = None) -> None:
    """Put tasks on the list that are answered with these bodies."""
    by_id = {body["data"]["taskId"]: body for body in bodies}
    add(store, *by_id, label=label)
    answer_all(store, by_id)


def fill_with_the_page(store: Store) -> None:
    """The three tasks of the API's page, in its order, each answered with its own body."""
    add(store, PAGE_WAITING, PAGE_SUCCESS, PAGE_FAIL)
    for task_id, state in ((PAGE_WAITING, "waiting"), (PAGE_SUCCESS, "success"), (PAGE_FAIL, "fail")):
        answer(store, task_id, page(state))


async def idle(*_: object) -> None:
    """Wait until nothing is left for the event loop to run; a timer or another thread may still bring more."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(0)
        if not loop._ready:  # type: ignore[attr-defined] # there is no other way to know
            return


class Dash:
    """A running dashboard, its screen as text, and ways to wait for what it shows."""

    def __init__(self, pilot: Pilot[None], desk: Context) -> None:
        self.pilot = pilot
        self.app = pilot.app
        self.desk = desk

    @property
    def main(self) -> MainScreen:
        """The screen with the list, whatever dialog is over it."""
        screen = self.app.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def table(self) -> TaskTable:
        return self.main.table

    @property
    def lines(self) -> list[str]:
        """The screen as text, with whatever lies over the list."""
        # What a dialog is drawn over has to be named for each drawing; without, the blank that is drawn is kept.
        visible_screen_stack.set(self.app._background_screens)
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def screen(self) -> str:
        return "\n".join(self.lines)

    @property
    def pane(self) -> str:
        """The detail pane, all of it, as it would be selected."""
        content = self.main.pane.query_one("#detail-text").render()
        return str(content)

    def row(self, text: str) -> str:
        """The line of the table that has `text` in it, or that is of the task whose ID begins with it."""
        rows = zip(self.table_lines, self.shown_ids, strict=False)
        found = [line for line, task_id in rows if text in line or task_id.startswith(text)]
        assert len(found) == 1, f"{text!r} is on {len(found)} lines:\n{self.screen}"
        return found[0]

    @property
    def table_lines(self) -> list[str]:
        return [strip.text for strip in self.table.render_lines(self.table.size.region)]

    @property
    def shown_ids(self) -> list[str]:
        """The IDs of the rows on screen, top to bottom."""
        top, window = int(self.table.scroll_offset.y), self.table.window
        rows = (window.row(line) for line in range(top, top + self.table.size.height))
        return [task.task_id for task in rows if task]

    @property
    def cursor(self) -> str | None:
        task = self.table.task_at_cursor
        return task.task_id if task else None

    @property
    def cursor_line(self) -> int | None:
        """The line of the table, from its top, that the cursor is drawn on."""
        drawn = [y for y, line in enumerate(self.table_lines) if line.startswith("▌")]
        assert len(drawn) <= 1
        return drawn[0] if drawn else None

    @property
    def marked_lines(self) -> list[int]:
        return [y for y, line in enumerate(self.table_lines) if line[1] == "•"]

    @property
    def tabs(self) -> str:
        return str(self.main.query_one("#tabs").render())

    @property
    def said(self) -> list[str]:
        """What was told, in the line over the footer or in toasts, oldest first."""
        return [message.text for message in cast("Dashboard", self.app).messages.kept]

    @property
    def toasts(self) -> list[str]:
        return [notification.message for notification in self.app._notifications]

    @property
    def typed(self) -> str:
        """What stands in the text box of the dialog."""
        return self.app.screen.query_one(Input).value

    @property
    def dialog(self) -> str | None:
        return type(self.app.screen).__name__ if len(self.app.screen_stack) > 1 else None

    async def press(self, *keys: str, **until: Any) -> None:
        """Type keys as fast as a terminal sends them, then wait: `press("x", dialog="Confirm")`.

        Each `until_...` below may be named. What the keys bring about besides may still be to come.
        """
        for key in keys:
            name = key if len(key) > 1 or key.isalnum() else _character_to_key(key)
            self.app.post_message(events.Key(name, key if len(key) == 1 else None))
        await self._settle_until(until)

    async def settle(self) -> None:
        """Wait until every message is handled that was under way, and those that they sent, and all is laid out."""
        for pump in (self.app, self.app.screen):
            # It may wait for the store, with more keys behind.
            handled = asyncio.Event()
            if pump.call_later(handled.set):
                await asyncio.wait_for(handled.wait(), 30)
        await idle()
        self.app.screen._on_timer_update()
        await idle()

    async def paste(self, text: str, **until: Any) -> None:
        """Hand over what the terminal does for a bracketed paste, then wait as `press` does."""
        self.app.post_message(events.Paste(text))
        await self._settle_until(until)

    async def open_palette(self, typed: str = "", **until: Any) -> None:
        await self.press(":")
        await self.until(lambda: self.dialog == "Palette", "the palette")
        await self.settle()
        await self.press(*typed, **until)

    async def _settle_until(self, until: Mapping[str, Any]) -> None:
        await self.settle()
        for what, wanted in until.items():
            await getattr(self, f"until_{what}")(wanted)

    async def until(self, holds: Callable[[], bool], what: str, timeout_s: float = 30.0) -> None:
        deadline_s, pause_s = time.monotonic() + timeout_s, 0.002
        while not holds():
            assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {what}\n{self.screen}"
            await asyncio.sleep(pause_s)
            pause_s = min(0.02, 1.5 * pause_s)

    async def until_shown(self, text: str, timeout_s: float = 30.0, *, times: int = 1) -> None:
        await self.until(lambda: self.screen.count(text) >= times, f"{text!r} on the screen", timeout_s)

    async def until_in_pane(self, text: str, *, times: int = 1) -> None:
        await self.until(lambda: self.pane.count(text) >= times, f"{text!r} in the pane: {self.pane}")

    async def until_tab(self, text: str) -> None:
        await self.until(lambda: text in self.tabs, f"the tab {text}")

    async def until_query(self, query: Query) -> None:
        await self.until(lambda: self.table.window.query == query, f"the list by {query}")

    async def until_size(self, columns: int, rows: int) -> None:
        await self.until(lambda: self.app.size == (columns, rows), f"the size {columns}x{rows}")

    async def until_gone(self, text: str) -> None:
        await self.until(lambda: text not in self.screen, f"{text!r} gone from the screen")

    async def until_said(self, text: str) -> None:
        await self.until(
            lambda: any(text in each for each in self.said), f"{text!r} said; there is {self.said}"
        )

    async def until_said_times(self, times: int) -> None:
        await self.until(lambda: len(self.said) == times, f"{times} messages; there are {self.said}")

    async def until_copied(self, text: str) -> None:
        await self.until(
            lambda: self.app.clipboard == text, f"{text!r} copied, there is {self.app.clipboard!r}"
        )

    async def until_marked(self, lines: list[int]) -> None:
        await self.until(
            lambda: self.marked_lines == lines, f"marks on {lines}, there are {self.marked_lines}"
        )

    async def until_cursor(self, task_id: str | None) -> None:
        await self.until(lambda: self.cursor == task_id, f"the cursor on {task_id}, it is on {self.cursor}")

    async def until_dialog(self, name: str | None) -> None:
        """Wait until a dialog of that class is on top and drawn, or, for None, there is none."""
        await self.until(lambda: self.dialog == name, f"dialog {name}")
        if name is not None:
            screen = self.app.screen
            await self.until(
                lambda: any(part.region.height > 2 for part in screen.query(".dialog, ReviewGrid")),
                f"{name} drawn",
            )
        await self.settle()

    async def until_total(self, total: int) -> None:
        await self.until(lambda: self.table.window.total == total, f"{total} tasks in the tab")

    async def reload(self) -> None:
        """Have the table read again, and wait until it has."""
        before = self.table.window
        self.table.reload()
        await self.until(lambda: self.table.window is not before, "the table read again")


@asynccontextmanager
async def driven(
    desk: Context, size: tuple[int, int] = (120, 36), *, total: int | None = None
) -> AsyncIterator[Dash]:
    """Run a dashboard; enter once it has read the list (`total` tasks, where given)."""
    async with Dashboard(desk).run_test(size=size, notifications=True) as pilot:
        dash = Dash(pilot, desk)
        await ready(dash, total)
        yield dash


def driven_by(
    desk: Context, act: Callable[[Dash], Awaitable[object]], total: int | None
) -> Callable[[Pilot[None]], Awaitable[None]]:
    """What a snapshot runs before its picture is taken: the list read, then `act`, then all at rest."""

    async def run(pilot: Pilot[None]) -> None:
        dash = Dash(pilot, desk)
        await ready(dash, total)
        await act(dash)
        await shows_cursor(dash)
        await dash.settle()

    return run


async def ready(dash: Dash, total: int | None = None) -> None:
    """Wait until the first frame is drawn, with the list as it is now, and its first task is in the pane."""
    await dash.until(lambda: dash.main._fitted is not None, "the first frame")
    if total is not None:
        await dash.until_total(total)
    await shows_cursor(dash)
    await dash.settle()


async def shows_cursor(dash: Dash) -> None:
    """Wait until the pane shows the task at the cursor."""
    if dash.table.window.total and dash.main.pane.display:
        await dash.until(lambda: (dash.cursor or "?") in dash.pane, "the pane shows the task at the cursor")

"""Shows lines that pass: what happened while the user was away, running downloads, and the demo tour."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.content import Content
from textual.widgets import Static

from taskdash.domain.errors import StoreError
from taskdash.domain.task import State
from taskdash.domain.words import USUAL_LIFE_MS, age, ended_ms, notice_ms
from taskdash.store.news import LEARNED_AFTER_MS
from taskdash.ui.following import Pace
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.widget import Widget
    from textual.worker import WorkType

    from taskdash.domain.task import Task
    from taskdash.results.downloads import DownloadStatus
    from taskdash.store.news import Missed
    from taskdash.store.store import Store
    from taskdash.ui.context import Context
    from taskdash.ui.screens.main import MainScreen
    from taskdash.ui.widgets.window import Window

AWAY_FROM_MS: Final = 60_000
"""Restarting sooner than this does not count as having been away."""
IDLE_MS: Final = 3_600_000
"""After this long without a key, the user counts as away."""
LEARNED_WITHIN_MS: Final = 600_000
"""How long after the user's return to keep counting tasks that ended before it."""
BAR_CELLS: Final = 12
ROOMY_LINES: Final = 30
"""From this screen height, single files have lines of their own."""
MAX_FILES: Final = 4
LOOK_EVERY_S: Final = 0.2
OWN_KEY: Final = "Demo: nothing is saved. To use your own key: export AIGPTIMAGE_API_KEY=..., then taskdash"
"""Shown in the banner after the tour."""


class AwayLine(Line):
    """Counts what happened since the user was last there, in a line that stays until Esc."""

    def __init__(self, context: Context, table: Widget) -> None:
        """`table` is on the screen that the line is added to once there is something to report."""
        super().__init__(id="away")
        self.context = context
        self._table = table
        self.display = False
        self._since_ms: int | None = None
        """When the absence began; None if the user was not away."""
        self._back_ms: int | None = None
        """When the user came back; None if not yet."""
        self._pace = Pace(context.clock)

    def counts(self, task: Task) -> bool:
        """Return whether a finished task is included in the line, as `store.news` counts it."""
        at_ms = ended_ms(task)
        if self._since_ms is None or self._back_ms is None or at_ms is None or at_ms <= self._since_ms:
            return False
        return at_ms <= self._back_ms + (LEARNED_AFTER_MS if at_ms == task.finished_at_ms else 0)

    def begin(self) -> None:
        """Look up when somebody last looked at the list, and count from then."""
        work: WorkType[None] = self._begin
        self._table.run_worker(work, group="away")

    async def _begin(self) -> None:
        context, now_ms = self.context, self.context.clock.now_ms()
        context.seen_at_ms = now_ms

        def see(store: Store) -> int | None:
            before_ms = store.news.seen_at_ms(context.profile)
            store.news.see(context.profile, now_ms)
            return before_ms

        with suppress(StoreError):  # reported elsewhere
            before_ms = await context.store.run(see)
            if before_ms is not None and now_ms - before_ms >= AWAY_FROM_MS:
                self._since_ms, self._back_ms = before_ms, now_ms

    def tick(self, window: Window) -> None:
        """Notice the user leaving and coming back, and recount if the list has changed."""
        now_ms, seen_ms = self.context.clock.now_ms(), self.context.seen_at_ms
        if seen_ms is None:
            return
        if now_ms - seen_ms >= IDLE_MS and (self._since_ms != seen_ms or self._back_ms is not None):
            self._since_ms, self._back_ms = seen_ms, None
        elif self._since_ms is not None and self._back_ms is None and seen_ms > self._since_ms:
            self._back_ms = seen_ms
        if self._since_ms is None or (self._back_ms and now_ms > self._back_ms + LEARNED_WITHIN_MS):
            return
        state = (self._since_ms, window.listed)
        if self._pace.is_time(state):
            work: WorkType[None] = partial(self._count, self._since_ms, state)
            self._table.run_worker(work, group="away")

    async def _count(self, since_ms: int, state: object) -> None:
        context, back_ms = self.context, self._back_ms
        now_ms, ttl_ms = context.clock.now_ms(), context.result_ttl_ms
        until_ms = now_ms if back_ms is None else back_ms

        def count(store: Store) -> Missed:
            return store.news.missed(context.profile, since_ms, until_ms, now_ms, ttl_ms)

        with self._pace.reading(state), suppress(StoreError):  # reported elsewhere
            missed = await context.store.run(count)
            if self._since_ms == since_ms and missed.is_any:
                if not self.is_attached:
                    await self._table.screen.mount(self, before="#tabs")
                self.show(away_text(missed, ttl_ms, *map(context.key_of, ("failures", "expiring"))))
                self.display = True

    def dismiss(self) -> bool:
        """Hide the line; return whether it was shown."""
        was_there, self.display = self.display, False
        self._since_ms = None
        return was_there


def away_text(missed: Missed, ttl_ms: int | None, failures_key: str, expiring_key: str) -> Content:
    """Return how many tasks finished, failed and expire soon, the last two with the key that lists them."""
    parts = []
    if missed.finished:
        parts.append(Content(f"{missed.finished:,} finished"))
    if missed.failed:
        parts.append(_with_key(f"{missed.failed:,} failed", "$text-error", failures_key))
    if missed.expiring:
        soon = age(notice_ms(ttl_ms or USUAL_LIFE_MS))
        words = f"{missed.expiring:,} {'expires' if missed.expiring == 1 else 'expire'} within {soon}"
        parts.append(_with_key(words, "$text-warning", expiring_key))
    return Content.assemble(
        " While you were away: ", Content(", ").join(parts), ("   Esc closes", "$text-muted")
    )


def _with_key(words: str, style: str, key: str) -> Content:
    shown = Content.styled(words, style)
    return Content.assemble(shown, " (", (key, "bold $text-accent"), ")") if key else shown


class DownloadBar(Static):
    """Shows the progress of downloads, while there are any."""

    DEFAULT_CSS = (
        "DownloadBar { height: auto; width: 1fr; background: $panel; padding: 0 1; text-wrap: nowrap; }"
    )

    def __init__(self, cancel_key: str) -> None:
        super().__init__(id="downloads")
        self._cancel_key = cancel_key
        self._count = 0
        self.display = False

    def show(self, status: DownloadStatus) -> None:
        self.display = status.is_busy
        if status.is_busy:
            hint = (f"   {self._cancel_key} cancels" if self._cancel_key else "", "$text-muted")
            arrow = ("↓ ", "bold $text-accent")
            lines = [Content.assemble(arrow, *_bar(status.share), f" {status.words}", hint)]
            lines += _files(status) if self.app.size.height >= ROOMY_LINES else []
            self.update(Content("\n").join(lines), layout=len(lines) != self._count)
            self._count = len(lines)


def _files(status: DownloadStatus) -> list[Content]:
    # Reserve a line for each file that may be running, so that the table does not jump as they come and go.
    lines = [
        Content.assemble(
            "  ",
            *_bar(each.got / each.whole if each.whole else 0.0),
            f" {each.words:<16} ",
            (each.name, "$text-muted"),
        )
        for each in status.running[:MAX_FILES]
    ]
    room = min(MAX_FILES, max(status.total, 1))
    return [*lines, *[Content(" ")] * (room - len(lines))]


def _bar(share: float) -> list[tuple[str, str]]:
    filled = min(BAR_CELLS, int(share * BAR_CELLS))
    return [("▰" * filled, "$text-accent"), ("▱" * (BAR_CELLS - filled), "$text-muted")]


class _Step(NamedTuple):
    text: str
    is_done: Callable[[MainScreen], bool] = lambda _: False


def _dialog(name: str) -> Callable[[MainScreen], bool]:
    return lambda main: type(main.app.screen).__name__ == name


STEPS: Final = (
    _Step("New here? Press n for a one-minute tour, Esc to skip."),
    _Step(
        "Each line is a task. Press ↓ or j: the detail pane follows the cursor.",
        lambda main: main.table.task_at_cursor != main.table.window.row(0),
    ),
    _Step(
        "[ and ] switch tabs. Go to the Fail tab.",
        lambda main: main.table.wanted.states == frozenset({State.FAIL}),
    ),
    _Step(
        "Press F to group failures by reason. Enter shows the tasks, Esc closes.",
        _dialog("Failures"),
    ),
    _Step(
        "/ filters as you type: try lighthouse or state:success. Esc clears the filter.",
        lambda main: bool(main.table.wanted.terms) and "reason:" not in main.filter_box.text,
    ),
    _Step("Finished tasks show their picture here (i hides it). o opens the result, d saves it."),
    _Step("Paste any text that contains task IDs, such as a log. Or press a to type one.", _dialog("AddIds")),
    _Step("That's it. Press ? for all keys. n or Esc ends the tour."),
)


class Tour(Static):
    """Shows the current step of the tour."""

    DEFAULT_CSS = "Tour { height: auto; padding: 0 1; background: $panel; }"

    def __init__(self, main: MainScreen) -> None:
        super().__init__(id="tour")
        self._main = main
        self._at = 0

    def on_mount(self) -> None:
        self._show()
        self.set_interval(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        if STEPS[self._at].is_done(self._main):
            self.go_on()

    def go_on(self) -> None:
        if self._at + 1 < len(STEPS):
            self._at += 1
            self._show()
        else:
            self.leave()

    def leave(self) -> None:
        self.remove()
        self._main.tour, self._main.headlines.remark = None, OWN_KEY
        self._main.show_status()

    def _show(self) -> None:
        number = f"Tour {self._at}/{len(STEPS) - 1}  " if self._at else "Demo  "
        after = "   n: next, Esc: leave" if 0 < self._at < len(STEPS) - 1 else ""
        self.update(Content.assemble((number, "bold"), STEPS[self._at].text, (after, "$text-muted")))

"""Shows groups of tasks to choose from: failures by reason, and batches by label."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual import work
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static
from textual.widgets.option_list import Option

from taskdash.domain.failures import charged_words, reason_lines
from taskdash.domain.query import ExactTerm, Flag, FlagTerm, Query
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NO_LABEL, NO_REASON, ago
from taskdash.ui.acts import Scope, saving
from taskdash.ui.following import Pace
from taskdash.ui.screens.dialog import Choices, Dialog
from taskdash.ui.text.figures import batch_lines
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from textual import events
    from textual.binding import BindingType
    from textual.geometry import Size
    from textual.widgets import OptionList

    from taskdash.domain.batches import LabelFigures
    from taskdash.domain.failures import Reason
    from taskdash.domain.task import Task
    from taskdash.store.store import Store
    from taskdash.store.summaries import FailureCounts
    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context
    from taskdash.ui.screens.main import MainScreen

_MAX_MESSAGE_CHARS: Final = 200
_MAX_NAME_CHARS: Final = 120
_LINES_AROUND: Final = 15
"""Lines for borders, title, the example of a reason, keys, and the blanks between them."""
_COARSE_MS: Final = 10_000
_HINT: Final = "Enter shows tasks, d saves results, b reviews, F failures, Esc closes"
_WHEEL_LINES = 3


class _Entry(NamedTuple):
    line: Content
    filter_text: str
    about: Content


class Failures(Choices[str]):
    """Lists the failure classes, each followed by its reasons. Dismissed with a filter for the chosen line."""

    SIZE = "wide full"
    BINDINGS: ClassVar[list[BindingType]] = [("F", "dismiss(None)", "close")]

    def __init__(self, scope: str, found: FailureCounts, now_ms: int) -> None:
        """`scope` describes the tasks, such as `12 tasks matching fox`."""
        failed = sum(reason.tasks for reason in found.reasons)
        lost = charged_words(found.reasons)
        self._entries = [*_entries(found, now_ms)]
        super().__init__(
            f"Failures by reason: {failed:,} of {scope.removeprefix('all ')}{lost and f', {lost}'}",
            "Enter shows these tasks, Esc closes",
            [(entry.filter_text, Option(entry.line)) for entry in self._entries],
        )
        self._about = Static(id="failure-about")
        self.body = (self.list, self._about)

    def on_mount(self) -> None:
        """Fix the height, capped by the style sheet, so that it does not change as the cursor moves."""
        for dialog in self.query(".dialog"):  # none if Esc has closed it already
            dialog.styles.height = len(self._entries) + _LINES_AROUND

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._about.update(self._entries[event.option_index].about)


def _entries(found: FailureCounts, now_ms: int) -> Iterator[_Entry]:
    for line in reason_lines(found.reasons):
        styles = ("bold $text-error", "$text-warning") if line.is_class else ("", "$text-muted")
        text = Content.styled(line.text, styles[0]) + Content.styled(line.more, styles[1])
        yield _Entry(text, line.filter_text, _about(line.latest, found.newest, now_ms))
    about = Content.styled("The last check returned nothing; retrying.", "$text-muted")
    for kind, count in found.problems:
        text = Content.styled(f"{count:>7,}         last check: {kind.value}", "$text-warning")
        yield _Entry(text, f"problem:{kind.value.replace(' ', '-')}", about)


def _about(reason: Reason, newest: Mapping[int, Task], now_ms: int) -> Content:
    task = newest.get(reason.newest_seq)
    if task is None:
        return Content("")
    name = ": ".join(filter(None, (task.label, task.prompt)))
    lines = [
        Content.assemble(
            (f"Latest ({ago(reason.newest_at_ms, now_ms)}): ", "$text-muted"),
            task.task_id,
            f"  {task.model or ''}",
        ),
        Content.styled((task.fail_msg or NO_REASON)[:_MAX_MESSAGE_CHARS], "$text-error"),
    ]
    if name:
        lines.append(Content(inert_line(name[:_MAX_NAME_CHARS])))
    return Content("\n").join(lines)


class Chosen(NamedTuple):
    """Holds the user's choice: a filter to apply, and an action to run on its tasks, if any."""

    filter_text: str
    terms: tuple[ExactTerm, ...]
    action: str = ""


def read_batches(store: Store, context: Context) -> list[LabelFigures]:
    """Read the current figures of each label in the active profile."""
    return store.summaries.batches(context.profile, context.clock.now_ms(), context.result_ttl_ms)


class LineList(Widget, can_focus=True):
    """Lists lines, with a cursor, as tall as its content or the room available."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"option-list--option-highlighted"}
    DEFAULT_CSS = "LineList { height: auto; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("down,j", "move(1)", "down"),
        ("up,k", "move(-1)", "up"),
        ("pagedown,space", "move_pages(1)", "a page down"),
        ("pageup", "move_pages(-1)", "a page up"),
        ("home,g", "move(-1_000_000)", "to the start"),
        ("end,G", "move(1_000_000)", "to the end"),
        ("enter", "choose", "choose"),
    ]

    class Moved(Message):
        """Posted when the cursor or the visible lines may have changed."""

    class Chosen(Message):
        """Posted when the line under the cursor is chosen."""

    def __init__(self) -> None:
        super().__init__()
        self._line: Callable[[int], Content] = lambda _: Content("")
        self.count = 0
        self.cursor = 0
        self._top = 0

    def show(self, count: int, line: Callable[[int], Content], cursor: int) -> None:
        """Show `count` lines, each made by `line` only while visible, with the cursor on line `cursor`."""
        is_other = count != self.count
        self.count, self._line = count, line
        self._go(cursor)
        self.refresh(layout=is_other)

    @property
    def seen(self) -> range:
        return range(self._top, min(self.count, self._top + max(1, self.content_size.height)))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        return max(1, self.count)

    def render(self) -> Content:
        lines = [self._line(n) for n in self.seen]
        if lines:
            at = self.cursor - self._top
            whole = lines[at].pad_right(max(0, self.content_size.width - lines[at].cell_length))
            lines[at] = whole.stylize_before(self.get_visual_style("option-list--option-highlighted"))
        return Content("\n").join(lines)

    def on_resize(self) -> None:
        self._go(self.cursor)

    def action_move(self, steps: int) -> None:
        self._go(self.cursor + steps)
        self.refresh()

    def action_move_pages(self, pages: int) -> None:
        self.action_move(pages * max(1, self.content_size.height - 1))

    def action_choose(self) -> None:
        if self.count:
            self.post_message(self.Chosen())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(_WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(-_WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        line = self._top + event.y
        if line < self.count:
            is_there = line == self.cursor
            self._go(line)
            self.refresh()
            if is_there or event.chain == 2:
                self.action_choose()

    def _go(self, line: int) -> None:
        """Move the cursor to a line, scrolling as little as possible."""
        self.cursor = max(0, min(line, self.count - 1))
        height = max(1, self.content_size.height)
        top = max(min(self._top, self.cursor), self.cursor - height + 1)
        self._top = max(0, min(top, self.count - height))
        self.post_message(self.Moved())


class Batches(Dialog[Chosen | None]):
    """Lists all labels, up to date with the store. Dismissed with the user's choice."""

    app: Dashboard
    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("B,q", "dismiss(None)", "close"),
        ("d", "save", "save the results of the batch"),
        ("b", "choose('review')", "review its results"),
        ("F", "failures", "its failures by reason"),
    ]

    def __init__(self, main: MainScreen, batches: Sequence[LabelFigures]) -> None:
        super().__init__("", _HINT)
        self.context, self._main = main.context, main
        self._batches = batches
        self._shown: Sequence[LabelFigures] = ()
        self._coarse_now = 0
        self._pace = Pace(main.context.clock, main.writes)
        self._heading = Line()
        self._titles = Line(id="batch-titles")
        self.list = LineList()
        self.body = (self._heading, self._titles, self.list)

    def on_mount(self) -> None:
        self.watch(self._main, "writes", self._tick, init=False)
        self.set_interval(1.0, self._tick)

    def on_resize(self) -> None:
        super().on_resize()
        self.list.styles.max_height = self.room
        self.call_after_refresh(self._draw)

    def _tick(self) -> None:
        if not self.is_mounted:
            return
        if self._pace.is_time(self._main.writes):
            self._read()
        elif self.context.clock.now_ms() // _COARSE_MS != self._coarse_now:
            # Times in minutes need not be redrawn every second.
            self._draw()

    @work(group="batches")
    async def _read(self) -> None:
        with self._pace.reading(self._main.writes):
            self._batches = await self.context.store.run(partial(read_batches, context=self.context))
        self._draw()

    def _draw(self) -> None:
        """Redraw with current times, keeping the cursor on its batch."""
        before, self._shown = self._at_cursor, self._batches
        self._coarse_now = self.context.clock.now_ms() // _COARSE_MS
        titles, line = batch_lines(
            self._shown, self._left_ms, self.context.clock.now_ms(), max(1, self.list.content_size.width)
        )
        self._titles.show(titles)
        label = before.label if before else None
        labels = [batch.label for batch in self._shown]
        is_there = before is not None and label in labels
        self.list.show(len(labels), line, labels.index(label) if is_there else self.list.cursor)

    def on_line_list_moved(self) -> None:
        seen, count = self.list.seen, self.list.count
        lines = f" · {seen.start + 1:,}–{seen.stop:,} of {count:,}" if len(seen) < count else ""
        self._heading.show(Content.styled(f"Batches, newest first{lines}", "bold"))

    def _left_ms(self, batch: LabelFigures) -> int | None:
        durations = self.context.durations
        if durations is None or batch.progress.done == batch.progress.total:
            return None
        per_minute = self.context.watcher.status.per_minute
        return batch.progress.left_ms(durations.usual, self.context.clock.now_ms(), per_minute)

    @property
    def _at_cursor(self) -> LabelFigures | None:
        return self._shown[self.list.cursor] if self.list.cursor < len(self._shown) else None

    def on_line_list_chosen(self) -> None:
        self.action_choose()

    def action_choose(self, action: str = "") -> None:
        if batch := self._at_cursor:
            self.dismiss(Chosen(batch.filter_text, (ExactTerm.label(batch.label),), action))

    def action_save(self) -> None:
        if batch := self._at_cursor:
            self._save_batch(batch)

    @work(group="save")
    async def _save_batch(self, batch: LabelFigures) -> None:
        query = self._query(batch, FlagTerm(Flag.SAVED, is_set=False))
        now_ms = self.context.clock.now_ms()
        seqs = await self.context.store.run(lambda store: store.tasks.seqs(query, now_ms))
        if seqs:
            await self._main.downloads.save(seqs)
            self.app.messages.tell(saving(self.context, batch.unsaved))
        else:
            self.app.messages.tell("Nothing to save in this batch.", "warning")

    def action_failures(self) -> None:
        if batch := self._at_cursor:
            self._show_failures(batch)

    @work(group="failures", exclusive=True)
    async def _show_failures(self, batch: LabelFigures) -> None:
        scope, now_ms = Scope(self._query(batch), (), batch.label or NO_LABEL), self.context.clock.now_ms()
        found = await self.context.store.run(
            lambda store: store.summaries.failure_counts(*scope.asked, now_ms)
        )
        if not found.reasons and not found.problems:
            self.app.messages.tell("No failed tasks in this batch.", "warning")
        elif words := await self.app.push_screen_wait(Failures(scope.name(found.total), found, now_ms)):
            self.dismiss(Chosen(f"{batch.filter_text} {words}", (ExactTerm.label(batch.label),)))

    def _query(self, batch: LabelFigures, *terms: FlagTerm) -> Query:
        return Query(self.context.profile, terms=(ExactTerm.label(batch.label), *terms))

"""Shows groups of tasks to choose from: failures by reason, and batches by label."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual import work
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from taskdash.domain.failures import charged_words, reason_lines
from taskdash.domain.query import ExactTerm, Flag, FlagTerm, Query
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NO_LABEL, NO_REASON, ago
from taskdash.ui.acts import Scope, saving
from taskdash.ui.following import Pace
from taskdash.ui.screens.dialog import ChoiceList, Choices, Dialog
from taskdash.ui.text.figures import batch_lines
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from textual.binding import BindingType
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
        super().__init__("Batches, newest first", _HINT)
        self.context, self._main = main.context, main
        self._batches = batches
        self._coarse_now = 0
        self._pace = Pace(main.context.clock, main.writes)
        self._titles = Line(id="batch-titles")
        # Empty lines, which `_draw` fills once the width is known: the dialog has its height from the start.
        self.list = ChoiceList(*(Option("") for _ in batches))
        self.body = (self._titles, self.list)

    def on_mount(self) -> None:
        self.watch(self._main, "writes", self._tick, init=False)
        self.set_interval(1.0, self._tick)

    def on_resize(self) -> None:
        super().on_resize()
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
            batches = await self.context.store.run(partial(read_batches, context=self.context))
        self._draw(batches)

    def _draw(self, batches: Sequence[LabelFigures] | None = None) -> None:
        """Redraw with current times, and if there are others, with those, keeping the cursor on its batch."""
        now_ms, before = self.context.clock.now_ms(), self._at_cursor
        self._coarse_now = now_ms // _COARSE_MS
        self._batches = self._batches if batches is None else batches
        # Less a cell for the scroll bar.
        width = max(1, self._titles.content_size.width - 1)
        titles, line = batch_lines(self._batches, self._left_ms, now_ms, width)
        self._titles.show(titles)
        labels = [batch.label for batch in self._batches]
        lines = [line(n) for n in range(len(labels))]
        if len(lines) == self.list.option_count:
            # Set anew, they would scroll back to the top.
            for n, text in enumerate(lines):
                self.list.replace_option_prompt_at_index(n, text)
        else:
            self.list.set_options(map(Option, lines))
        if before is not None and before.label in labels:
            self.list.highlighted = labels.index(before.label)
        else:
            self.list.highlighted = min(self.list.highlighted or 0, len(labels) - 1) if labels else None

    def _left_ms(self, batch: LabelFigures) -> int | None:
        durations = self.context.durations
        if durations is None or batch.progress.done == batch.progress.total:
            return None
        per_minute = self.context.watcher.status.per_minute
        return batch.progress.left_ms(durations.usual, self.context.clock.now_ms(), per_minute)

    @property
    def _at_cursor(self) -> LabelFigures | None:
        index = self.list.highlighted
        return None if index is None else self._batches[index]

    def on_option_list_option_selected(self) -> None:
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

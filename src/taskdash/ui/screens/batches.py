"""The batches of a list: a line for each label, with what is left of it, what it costs and what is not saved yet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual.content import Content

from taskdash.domain.query import ExactTerm, Flag, FlagTerm, Query
from taskdash.domain.words import NO_LABEL
from taskdash.ui.acts import Scope, saving
from taskdash.ui.screens.dialog import Dialog
from taskdash.ui.screens.failures import Failures, read_failures
from taskdash.ui.text.batches import batch_lines
from taskdash.ui.widgets.bars import READS_APART, Line
from taskdash.ui.widgets.line_list import LineList

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.worker import WorkType

    from taskdash.domain.progress import LabelFigures
    from taskdash.store.store import Store
    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context
    from taskdash.ui.screens.view_actions import ViewActions

_COARSE_MS: Final = 10_000
_HINT: Final = "Enter shows tasks, d saves results, b reviews, F failures, Esc closes"


class Chosen(NamedTuple):
    """Says what is to be done with a batch: show what a filter finds of it, and then do what an action does."""

    filter_text: str
    terms: tuple[ExactTerm, ...]
    action: str = ""


def read_batches(store: Store, context: Context) -> list[LabelFigures]:
    """Read what the labels of the profile in use come to by now."""
    return store.summaries.batches(context.profile, context.clock.now_ms(), context.result_ttl_ms)


class Batches(Dialog[Chosen | None]):
    """All labels, kept up with what is written. Dismissed with what is to be shown."""

    app: Dashboard
    SIZE = "wide"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("B,q", "dismiss(None)", "close"),
        ("d", "save", "save the results of the batch"),
        ("b", "choose('review')", "review its results"),
        ("F", "failures", "its failures by reason"),
    ]

    def __init__(self, main: ViewActions, batches: Sequence[LabelFigures]) -> None:
        super().__init__("", _HINT)
        self.context, self._main = main.context, main
        self._batches = batches
        self._shown: Sequence[LabelFigures] = ()
        self._coarse_now = 0
        self._is_read = True
        self._again_at_s = 0.0
        self._heading = Line()
        self._titles = Line(id="batch-titles")
        self.list = LineList()

    def compose_body(self) -> ComposeResult:
        yield self._heading
        yield self._titles
        yield self.list

    def on_mount(self) -> None:
        self._main.following.on_written.append(self._written)
        self.set_interval(1.0, self._tick)

    def on_unmount(self) -> None:
        self._main.following.on_written.remove(self._written)

    def on_resize(self) -> None:
        super().on_resize()
        self.list.styles.max_height = self.room
        self.call_after_refresh(self._draw)

    async def _written(self) -> None:
        self._is_read = False
        self._tick()

    def _tick(self) -> None:
        if not self.is_mounted:
            return
        now_ms = self.context.clock.now_ms()
        if self._is_read or now_ms < 1000 * self._again_at_s:
            # What tells minutes need not be drawn each second.
            if now_ms // _COARSE_MS != self._coarse_now:
                self._draw()
        else:
            read: WorkType[None] = self._read
            self.run_worker(read, group="batches", exclusive=True)

    async def _read(self) -> None:
        began_s, self._is_read = self.context.clock.now_s(), True
        self._batches = await self.context.store.run(partial(read_batches, context=self.context))
        now_s = self.context.clock.now_s()
        self._again_at_s = now_s + READS_APART * (now_s - began_s)
        self._draw()

    def _draw(self) -> None:
        """Draw as of now; the cursor stays with its batch."""
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
            save: WorkType[None] = partial(self._save_batch, batch)
            self.run_worker(save, group="save")

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
            show: WorkType[None] = partial(self._show_failures, batch)
            self.run_worker(show, group="failures", exclusive=True)

    async def _show_failures(self, batch: LabelFigures) -> None:
        scope, now_ms = Scope(self._query(batch), (), batch.label or NO_LABEL), self.context.clock.now_ms()
        found = await self.context.store.run(lambda store: read_failures(store, scope, now_ms))

        def show(filter_text: str | None) -> None:
            if filter_text is not None:
                self.dismiss(Chosen(f"{batch.filter_text} {filter_text}", (ExactTerm.label(batch.label),)))

        if found.reasons or found.problems:
            self.app.push_screen(Failures(scope.name(found.total), found, now_ms), show)
        else:
            self.app.messages.tell("No failed tasks in this batch.", "warning")

    def _query(self, batch: LabelFigures, *terms: FlagTerm) -> Query:
        return Query(self.context.profile, terms=(ExactTerm.label(batch.label), *terms))

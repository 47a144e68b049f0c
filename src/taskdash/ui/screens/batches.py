"""The batches of a list: a line for each label, with what is left of it, what it costs and what is not saved yet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from textual.widgets.option_list import Option

from taskdash.config.locations import download_dir
from taskdash.domain.query import Flag, FlagTerm, LabelTerm, Query
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NO_LABEL, plural
from taskdash.ui.acts import Scope
from taskdash.ui.screens.dialog import ChoiceList, Dialog
from taskdash.ui.screens.failures import Failures, read_failures
from taskdash.ui.text.batches import batch_lines
from taskdash.ui.widgets.bars import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.content import Content
    from textual.widgets import OptionList
    from textual.worker import WorkType

    from taskdash.domain.batches import LabelFigures
    from taskdash.store.store import Store
    from taskdash.ui.app import Dashboard
    from taskdash.ui.context import Context
    from taskdash.ui.following import Following

_MARGIN_CELLS: Final = 2
"""What a list leaves free beside its lines."""
_READS_APART: Final = 10
"""A long list is counted no oftener than this many times as long as it takes."""
_HINT: Final = "Enter shows tasks, d saves results, b reviews, F failures, Esc closes"


class Chosen(NamedTuple):
    """What is to be done with a batch: show what a filter finds of it, and then do what an action does."""

    filter_text: str
    terms: tuple[LabelTerm, ...]
    """What finds all of its tasks."""
    action: str = ""


def read_batches(store: Store, context: Context) -> list[LabelFigures]:
    """Read what the labels of the profile in use come to by now."""
    return store.batches.of(context.profile, context.clock.now_ms(), context.result_ttl_ms)


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

    def __init__(
        self,
        context: Context,
        following: Following,
        batches: Sequence[LabelFigures],
        save: Callable[[Sequence[int]], Awaitable[None]],
    ) -> None:
        """Show what was read; `following` tells when it is other, `save` saves the results of tasks by their `seq`."""
        super().__init__("Batches, newest first", _HINT)
        self.context, self._following, self._save = context, following, save
        self._batches = batches
        self._lines: list[Content] = []
        self._shown: list[str | None] = []
        self._is_read = True
        self._again_at_s = 0.0
        self._titles = Line(id="batch-titles")
        self.list = ChoiceList()

    def compose_body(self) -> ComposeResult:
        yield self._titles
        yield self.list

    def on_mount(self) -> None:
        self._following.on_written.append(self._written)
        self.set_interval(1.0, self._tick)

    def on_unmount(self) -> None:
        self._following.on_written.remove(self._written)

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self._draw)

    async def _written(self) -> None:
        self._is_read = False
        self._tick()

    def _tick(self) -> None:
        if not self.is_mounted:
            return
        if self._is_read or self.context.clock.now_s() < self._again_at_s:
            self._draw()
        else:
            read: WorkType[None] = self._read
            self.run_worker(read, group="batches", exclusive=True)

    async def _read(self) -> None:
        began_s, self._is_read = self.context.clock.now_s(), True
        self._batches = await self.context.store.run(partial(read_batches, context=self.context))
        now_s = self.context.clock.now_s()
        self._again_at_s = now_s + _READS_APART * (now_s - began_s)
        self._draw()

    def _draw(self) -> None:
        """Draw the lines that differ; the cursor stays with its batch."""
        width = self.list.scrollable_content_region.width - _MARGIN_CELLS
        titles, lines = batch_lines(self._batches, self._left_ms, self.context.clock.now_ms(), max(1, width))
        self._titles.show(titles)
        labels = [batch.label for batch in self._batches]
        if labels != self._shown:
            at, before = self.list.highlighted or 0, self._shown
            self.list.set_options(map(Option, lines))
            if labels:
                known = before[at] in labels if at < len(before) else False
                self.list.highlighted = labels.index(before[at]) if known else min(at, len(labels) - 1)
        else:
            for n, line in enumerate(lines):
                if line != self._lines[n]:
                    self.list.replace_option_prompt_at_index(n, line)
        self._shown, self._lines = labels, lines

    def _left_ms(self, batch: LabelFigures) -> int | None:
        durations = self.context.durations
        if durations is None or batch.progress.done == batch.progress.total:
            return None
        per_minute = self.context.watcher.status.per_minute
        return batch.progress.left_ms(durations.usual, self.context.clock.now_ms(), per_minute)

    @property
    def _at_cursor(self) -> LabelFigures | None:
        at = self.list.highlighted
        return self._batches[at] if at is not None and at < len(self._batches) else None

    def on_option_list_option_selected(self, _: OptionList.OptionSelected) -> None:
        self.action_choose()

    def action_choose(self, action: str = "") -> None:
        if batch := self._at_cursor:
            self.dismiss(Chosen(batch.filter_text, (LabelTerm(batch.label),), action))

    def action_save(self) -> None:
        if batch := self._at_cursor:
            save: WorkType[None] = partial(self._save_batch, batch)
            self.run_worker(save, group="save")

    async def _save_batch(self, batch: LabelFigures) -> None:
        query = self._query(batch, FlagTerm(Flag.SAVED, is_set=False))
        now_ms = self.context.clock.now_ms()
        seqs = await self.context.store.run(lambda store: store.tasks.seqs(query, now_ms))
        if seqs:
            where = inert_line(str(download_dir(self.context.settings)))
            self.app.messages.tell(f"Saving {plural(batch.unsaved, 'result')} to {where}.")
            await self._save(seqs)
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
                self.dismiss(Chosen(f"{batch.filter_text} {filter_text}", (LabelTerm(batch.label),)))

        if found.reasons or found.problems:
            self.app.push_screen(Failures(scope.name(found.total), found, now_ms), show)
        else:
            self.app.messages.tell("No failed tasks in this batch.", "warning")

    def _query(self, batch: LabelFigures, *terms: FlagTerm) -> Query:
        return Query(self.context.profile, terms=(LabelTerm(batch.label), *terms))

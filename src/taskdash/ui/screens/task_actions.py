"""Acts on the marked tasks, or else on the one under the cursor, and opens the dialogs that show data about them."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final, TypeVar

from textual import work
from textual.screen import Screen

from taskdash import ui
from taskdash.domain.errors import StoreError
from taskdash.domain.query import Query
from taskdash.domain.words import plural
from taskdash.ui import screens
from taskdash.ui.in_order import are_acts_done, in_order, let_keys_go_on
from taskdash.ui.messages import Feedback, warning
from taskdash.ui.text.status import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from taskdash.domain.task import Task
    from taskdash.results.own_commands import Ended
    from taskdash.ui.acts import Acts
    from taskdash.ui.app import Dashboard
    from taskdash.ui.background import BackgroundDownloads
    from taskdash.ui.context import Context
    from taskdash.ui.copying import Copying
    from taskdash.ui.listing import Listing
    from taskdash.ui.messages import Severity
    from taskdash.ui.widgets.panes import DetailPane
    from taskdash.ui.widgets.task_table import TaskTable

T = TypeVar("T")
ASK_ABOVE: Final = 5
"""Ask before opening more results than this at once."""
MAX_AT_ONCE: Final = 20
"""Never open more than this at once: each takes a window or a tab."""


class TaskActions(Screen[None]):
    """Acts on tasks: one part of the main screen."""

    app: Dashboard
    context: Context
    table: TaskTable
    pane: DetailPane
    listing: Listing

    if TYPE_CHECKING:

        def show_keys(self) -> None: ...
        def remember(self, **changes: object) -> None: ...

    _range_from: int | None = None
    _paused = False

    def say(self, text: str, severity: Severity = "information", *, is_batch: bool = False) -> None:
        self.app.messages.tell(text, severity, is_batch=is_batch)

    def tell(self, feedback: Feedback) -> None:
        """Show the outcome of an action; if it copies something, once that is done."""
        if feedback.copy is None:
            self.say(feedback.text, feedback.severity)
        else:
            self.app.copy(feedback)

    async def ask(self, dialog: Screen[T]) -> T | None:
        """Open a dialog and return its answer. Only for `in_order` actions, whose next keys then go to the dialog."""
        answer: asyncio.Future[T | None] = asyncio.get_running_loop().create_future()

        def tell(result: T | None) -> None:
            if not answer.done():  # the caller may have been cancelled
                answer.set_result(result)

        let_keys_go_on(self.app.push_screen(dialog, tell))
        return await answer

    @cached_property
    def acts(self) -> Acts:
        return ui.acts.Acts(self.context)

    @cached_property
    def downloads(self) -> BackgroundDownloads:
        return ui.background.BackgroundDownloads(self.context, self)

    @cached_property
    def _copying(self) -> Copying:
        return ui.copying.Copying(self.context)

    async def _chosen(self) -> list[Task]:
        tasks = await self.acts.chosen(self.table.marked, self.table.task_at_cursor)
        if not tasks:
            self.tell(warning("No task selected."))
        if not self.table.marked:
            self.table.look_at(tasks)
        return tasks

    def _show_changes(self) -> None:
        self.table.reload()
        self.show_keys()

    # Checking

    @in_order
    async def action_check(self) -> None:
        if tasks := await self._chosen():
            self.tell(await self.acts.check(tasks))
            self.table.reload()
            # In a worker of its own, so that the next keys do not wait for the answer.
            self.tell_renewal(tasks)

    @work(group="renewal", description="")  # else all tasks would be written out for it
    async def tell_renewal(self, tasks: Sequence[Task]) -> None:
        with suppress(StoreError):
            if feedback := await self.acts.renewed(tasks):
                self.tell(feedback)

    @in_order
    async def action_check_all(self) -> None:
        self.tell(await self.acts.check_all(self.listing.shown_profiles))
        self.table.reload()

    def action_pause(self) -> None:
        self._paused = not self._paused
        self.context.pause(self._paused)
        self.say("Automatic checks paused." if self._paused else "Automatic checks resumed.")

    # The list

    async def on_paste(self, event: events.Paste) -> None:
        event.stop()
        await self.action_add(event.text)

    @in_order
    async def action_add(self, text: str = "") -> None:
        while adding := await self.ask(screens.add_ids.AddIds(self.context, self.acts.begin_adding, text)):
            try:
                seq, feedback = await self.acts.added(adding)
            except StoreError as error:
                # The IDs may be the only trace of paid work: never drop one.
                self.context.adding.clear()
                self.tell(Feedback(sentence(f"not added: {error}"), "error"))
                text = "\n".join(adding[0])
            else:
                self.table.show(self.table.wanted, seq=seq)
                self.tell(feedback)
                return

    @in_order
    async def action_remove(self) -> None:
        # For several tasks the question states only their number, so do not read 100,000 of them.
        seqs: list[int] = sorted(self.table.marked)
        tasks: list[Task] = []
        if len(seqs) < 2:
            tasks = await self._chosen()
            seqs = [task.seq for task in tasks]
        if not seqs:
            return
        if await self.ask(screens.questions.Confirm(ui.acts.removal_question(len(seqs), tasks))):
            feedback = await self.acts.remove(seqs, frozenset(self.table.marked.intersection(seqs)))
            self.table.marked -= set(seqs)
            self._show_changes()
            self.tell(feedback)

    @in_order
    async def action_undo(self) -> None:
        if not await are_acts_done(self):
            return
        feedback, marked = await self.acts.undo()
        self.table.mark(marked)
        self._show_changes()
        self.tell(feedback)

    @in_order
    async def action_edit(self) -> None:
        tasks = await self._chosen()
        if tasks and (typed := await self.ask(screens.questions.EditLabel(tasks))):
            self.tell(await self.acts.edit([task.seq for task in tasks], *typed))
            self.table.reload()

    # Marks

    def action_mark(self) -> None:
        self.table.mark_and_move(1, unmarks=True)
        self.show_keys()

    def action_mark_and_move(self, steps: int) -> None:
        self.table.mark_and_move(steps)
        self.show_keys()

    @in_order
    async def action_mark_all(self) -> None:
        self.table.mark(await self._shown_seqs())
        self.show_keys()

    @in_order
    async def action_mark_range(self) -> None:
        task = self.table.task_at_cursor
        if task is None:
            return
        if self._range_from is None:
            self._range_from = task.seq
            self.say(f"Range started: move, then press {self.context.key_of('mark_range')} again.")
            return
        begun, self._range_from = self._range_from, None
        seqs = await self._shown_seqs()
        if begun in seqs and task.seq in seqs:
            first, last = sorted((seqs.index(begun), seqs.index(task.seq)))
            self.table.mark(seqs[first : last + 1])
            self.show_keys()
        else:
            key = self.context.key_of("mark_range")
            self.tell(warning(f"The start of the range is no longer shown. Press {key} to start again."))

    async def _shown_seqs(self) -> list[int]:
        query, now_ms = self.table.wanted, self.context.clock.now_ms()
        return await self.context.store.run(lambda store: store.tasks.seqs(query, now_ms))

    # Opening results

    @in_order
    async def action_open_result(self, number: int | None = None) -> None:
        """Open result `number` (from 1); None means the first, or asks if a single task has several."""
        tasks = await self._chosen()
        if len(tasks) > 1:
            await self._open_many(tasks, number or 1)
        elif tasks and (detail := await self.acts.detail(tasks[0])):
            index: int | None = number - 1 if number else 0
            if number is None and len(detail.result_urls) > 1:
                index = await self.ask(screens.questions.ChooseLink(detail.result_urls))
            if index is not None:
                # Do not hold up the next keys: a browser is given some time to fail.
                let_keys_go_on()
                self.tell(await self.acts.open_one(detail, index + 1))

    @in_order
    async def on_detail_pane_link_clicked(self, event: DetailPane.LinkClicked) -> None:
        """Open the clicked result: its file if it is saved, else the link."""
        let_keys_go_on()
        self.tell(await self.acts.open_shown(event.detail, event.number))

    async def _open_many(self, tasks: Sequence[Task], number: int) -> None:
        urls = await self.acts.links_to_open(tasks, number)
        count = len(urls)
        if not urls:
            self.tell(warning(f"No result {number} in these {plural(len(tasks), 'task')}."))
        elif count > MAX_AT_ONCE:
            limit = f"{count:,} results are too many to open at once (limit {MAX_AT_ONCE})."
            key = self.context.key_of("copy_urls")
            self.tell(warning(f"{limit} Press {key} to copy the links." if key else limit))
        elif count <= ASK_ABOVE or await self.ask(
            screens.questions.Confirm(f"Open {count} results in the browser, one per task?")
        ):
            let_keys_go_on()
            self.tell(await self.acts.open_many(urls, len(tasks) - count))

    # Copying

    @in_order
    async def action_copy_urls(self) -> None:
        if tasks := await self._chosen():
            self.tell(await self._copying.links(tasks))

    @in_order
    async def action_copy_id(self) -> None:
        if tasks := await self._chosen():
            self.tell(self._copying.ids(tasks))

    @in_order
    async def action_copy_menu(self) -> None:
        tasks = await self._chosen()
        choices = await self._copying.choices(tasks) if tasks else []
        if not choices:
            return
        what = plural(len(tasks), "task") if len(tasks) > 1 else f'"{ui.acts.name_of(tasks[0], 40)}"'
        letter = await self.ask(screens.questions.CopyMenu(f"Copy from {what}", choices))
        if letter is not None:
            self.tell(await self._copying.copy(tasks, letter))

    # The user's own commands

    @in_order
    async def action_own_command(self, name: str) -> None:
        seqs = [task.seq for task in await self._chosen()]
        if not seqs:
            return
        what = f"{name} for {plural(len(seqs), 'task')}"
        confirm = self.context.settings.commands[name].confirm
        if not confirm or await self.ask(screens.questions.Confirm(f"Run {what}?")):
            self.context.run_command(name, seqs, self._tell_from_thread)
            self.say(f"Running {what}.")

    def _tell_from_thread(self, ended: Ended) -> None:
        key = self.context.key_of("messages")
        how = f"; {key} shows its output" if key and ended.output else ""
        self.say_from_thread(f"{ended.text}{how}", "error" if ended.is_bad else "information", ended.output)

    def say_from_thread(self, text: str, severity: Severity = "error", more: str = "") -> None:
        with suppress(RuntimeError):  # the dashboard has ended
            self.app.call_later(partial(self.app.messages.tell, text, severity, more=more))

    # Files and pictures

    @in_order
    async def action_download(self) -> None:
        if tasks := await self._chosen():
            seqs, feedback = self.acts.to_download(tasks)
            if seqs:
                await self.downloads.save(seqs)
            self.tell(feedback)

    def action_cancel_downloads(self) -> None:
        self.downloads.cancel()

    async def action_preview(self) -> None:
        preview = not self.context.view.preview
        self.remember(preview=preview)
        for service in self.context.services.values():
            service.retry_previews()
        self.pane.draw()
        words = "" if preview else "Picture preview off."
        if missing := await self.context.missing_for_pictures():
            self.tell(warning(f"{words} {sentence(missing)}".lstrip()))
        else:
            self.say(words or "Picture preview on.")

    async def action_preview_next(self) -> None:
        task, key = self.table.task_at_cursor, self.context.key_of("preview")
        if missing := await self.context.missing_for_pictures():
            self.tell(warning(sentence(missing)))
        elif task is None or task.result_count < 2:
            self.tell(warning("No other result to preview."))
        elif not self.context.view.preview:
            switch = f" Press {key} to turn it on." if key else ""
            self.tell(warning(f"Picture preview is off.{switch}"))
        elif self.pane.preview is None or self.pane.preview.next_result() < 2:
            self.tell(warning("No room for a picture here."))
        self.pane.draw()

    # Dialogs: the raw response, and figures about the tasks shown or marked

    @in_order
    async def action_raw(self) -> None:
        task = self.table.task_at_cursor
        text = await self.acts.raw(task) if task else None
        if task is None or text is None:
            self.tell(warning("No record yet."))
        else:
            await self.ask(screens.inspect.RawJson(task.task_id, text, self.context.keys.redact))

    @in_order
    async def action_statistics(self) -> None:
        scope, now_ms = self.listing.scope(self.table.wanted), self.context.clock.now_ms()
        query, marked = scope.asked
        if outcomes := await self.context.store.run(
            lambda store: store.summaries.outcomes(query, now_ms, marked=marked)
        ):
            await self.ask(screens.inspect.Statistics(scope.name(len(outcomes)), outcomes, now_ms))
        else:
            self.tell(warning("Nothing to count."))

    @in_order
    async def action_failures(self) -> None:
        # By the filter, whatever the tab.
        wanted = self.table.wanted
        scope = self.listing.scope(Query(wanted.profile, None, wanted.terms, wanted.sort))
        now_ms = self.context.clock.now_ms()
        found = await self.context.store.run(
            lambda store: store.summaries.failure_counts(*scope.asked, now_ms)
        )
        if not found.reasons and not found.problems:
            self.tell(warning(scope.no_failures(found.total)))
        elif filter_text := await self.ask(screens.groups.Failures(scope.name(found.total), found, now_ms)):
            await self.listing.narrow(filter_text)

    def action_messages(self) -> None:
        self.app.push_screen(screens.inspect.Messages(self.app.messages.kept))

    @in_order
    async def action_status(self) -> None:
        profile = self.context.profile
        checked_ms = await self.context.store.run(lambda store: store.summaries.last_check_ms(profile))
        self.app.push_screen(screens.inspect.Status(self.context, checked_ms))

"""What the keys do to tasks: to the marked ones, else to the one under the cursor.

Dialogs are imported when they are opened: none of them is part of the first frame.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

from textual.worker import WorkerError

from taskdash.domain.errors import StoreError
from taskdash.domain.words import plural
from taskdash.ui.key_names import key_name
from taskdash.ui.said import Said, warning
from taskdash.ui.store_trouble import sentence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from textual import events
    from textual.screen import Screen
    from textual.widget import AwaitMount
    from textual.worker import Worker, WorkType

    from taskdash.domain.failures import FailedTasks
    from taskdash.domain.query import Query
    from taskdash.domain.tally import TaskFigures
    from taskdash.domain.task import ProblemKind, Task, TaskDetail
    from taskdash.store.store import Store
    from taskdash.ui.acting import Acting
    from taskdash.ui.copying import Copying
    from taskdash.ui.desk import Desk
    from taskdash.ui.expiring import ExpiringResults
    from taskdash.ui.opener import Opener
    from taskdash.ui.saving import Saving
    from taskdash.ui.screens.edit_label import Labels
    from taskdash.ui.widgets.detail_pane import DetailPane
    from taskdash.ui.widgets.filter_box import FilterBox
    from taskdash.ui.widgets.task_table import TaskTable

    _Screen = Screen[None]
else:
    _Screen = object

MAX_WAIT_S: Final = 0.25
"""How long the next key waits for what the last one does: they go one after the other, unless the store is locked."""
_WORD: Final = re.compile(r'\S*"[^"]*"|\S+')

P = ParamSpec("P")


def in_order(
    action: Callable[Concatenate[TaskActions, P], Coroutine[Any, Any, None]],
) -> Callable[Concatenate[TaskActions, P], Awaitable[None]]:
    """Make an action that reads or writes the store one that the keys after it wait for, but not for long."""

    @wraps(action)
    async def begin(screen: TaskActions, /, *args: P.args, **kwargs: P.kwargs) -> None:
        ended = asyncio.Event()

        async def act() -> None:
            try:
                await action(screen, *args, **kwargs)
            finally:
                ended.set()

        screen.work(act, group="act")
        try:
            await asyncio.wait_for(ended.wait(), MAX_WAIT_S)
        except TimeoutError:
            return

    return begin


class TaskActions(_Screen):
    """The acts of the main screen."""

    desk: Desk
    table: TaskTable
    pane: DetailPane
    filter_box: FilterBox
    saving: Saving
    expiring: ExpiringResults

    if TYPE_CHECKING:

        def tell(self, said: Said) -> None: ...
        def say(self, text: str) -> None: ...
        def show_keys(self) -> None: ...
        def show_tab(self, index: int) -> None: ...
        def remember(self, **changes: object) -> None: ...

    _range_from: int | None = None

    def work(self, work: Callable[[], Awaitable[None]], *, group: str) -> Worker[None]:
        """Do something that takes a while beside what is on the screen; an error of it is one of the screen's."""
        # Handed over as a function: a coroutine that is ended before it begins would be left behind unawaited.
        function: WorkType[None] = work  # type: ignore[assignment] # Textual asks for a coroutine's type
        return self.run_worker(function, group=group)

    @cached_property
    def acting(self) -> Acting:
        """Return the acts of this list, imported with the first of them."""
        from taskdash.ui.acting import Acting

        return Acting(self.desk)

    @cached_property
    def _opener(self) -> Opener:
        from taskdash.ui.opener import Opener

        return Opener(self.desk)

    @cached_property
    def _copying(self) -> Copying:
        from taskdash.ui.copying import Copying

        return Copying(self.desk)

    async def _chosen(self) -> list[Task]:
        tasks = await self.acting.chosen(self.table.marked, self.table.task_at_cursor)
        if not tasks:
            self.tell(warning("No task under the cursor."))
        return tasks

    # Checking

    @in_order
    async def action_check(self) -> None:
        if tasks := await self._chosen():
            self.tell(await self.acting.check(tasks))
            self.table.reload()

    @in_order
    async def action_check_all(self) -> None:
        self.tell(await self.acting.check_all())
        self.table.reload()

    # The list

    async def action_add(self) -> None:
        await self._open_add("")

    def on_paste(self, event: events.Paste) -> None:
        """Text pasted anywhere opens the add dialog with its preview."""
        event.stop()
        self._open_add(event.text)

    def _open_add(self, text: str) -> AwaitMount:
        from taskdash.ui.screens.add_ids import AddIds

        def done(ids: tuple[str, ...] | None) -> None:
            if ids:
                self.work(partial(self._add, ids), group="add")

        return self.app.push_screen(AddIds(self.desk, text), done)

    async def _add(self, ids: Sequence[str]) -> None:
        try:
            seq, said = await self.acting.add(ids)
        except StoreError as error:
            # They are all that is known of paid work: not one is dropped.
            self.desk.adding.clear()
            await self._open_add("\n".join(ids))
            raise StoreError(f"not added: {error}") from error
        self.table.show(self.table.wanted, seq=seq)
        self.tell(said)

    @in_order
    async def action_remove(self) -> None:
        from taskdash.ui.screens.dialog import Confirm

        # Of many only the number is asked about: 100,000 of them are not read for it.
        seqs: list[int] = sorted(self.table.marked)
        tasks: list[Task] = []
        if len(seqs) < 2:
            tasks = await self._chosen()
            seqs = [task.seq for task in tasks]
        if not seqs:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.work(partial(self._remove, seqs), group="remove")

        self.app.push_screen(Confirm(_removal_question(len(seqs), tasks)), answered)

    async def _remove(self, seqs: Sequence[int]) -> None:
        marked = self.table.marked.intersection(seqs)
        said = await self.acting.remove(seqs, frozenset(marked))
        self.table.marked -= set(seqs)
        self.table.reload()
        self.show_keys()
        self.tell(said)

    async def _finish_changes(self) -> None:
        """Wait for the changes that were typed before: the last of them is the one to undo."""
        changes = [each for each in self.workers if each.group in ("edit", "remove") and not each.is_finished]
        if changes:  # of none it would wait for all that works
            await self.workers.wait_for_complete(changes)

    @in_order
    async def action_undo(self) -> None:
        try:
            await self._finish_changes()
        except WorkerError:
            return  # It is told of by itself, and an earlier change is not what was meant.
        said, marked = await self.acting.undo()
        self.table.mark(marked)
        self.table.reload()
        self.show_keys()
        self.tell(said)

    @in_order
    async def action_edit(self) -> None:
        from taskdash.ui.screens.edit_label import EditLabel

        tasks = await self._chosen()
        if not tasks:
            return

        def save(typed: Labels) -> None:
            self.work(partial(self._edit, [task.seq for task in tasks], typed), group="edit")

        await self.app.push_screen(EditLabel(tasks, save))

    async def _edit(self, seqs: Sequence[int], typed: Labels) -> None:
        self.tell(await self.acting.edit(seqs, typed.label, typed.note))
        self.table.reload()

    def action_expiring(self) -> None:
        wanted = self.expiring.filter_text
        if wanted is None:
            profile = self.desk.profile
            self.tell(
                warning(f"Nothing is known to expire: set profiles.{profile}.result_ttl in the config.")
            )
        elif self.filter_box.text == wanted:
            self.filter_box.clear()
        else:
            self.filter_box.put(wanted)

    # Marks

    def action_mark(self) -> None:
        self.table.toggle_mark()
        self.show_keys()

    def action_mark_up(self) -> None:
        self._mark_and_move(-1)

    def action_mark_down(self) -> None:
        self._mark_and_move(1)

    def _mark_and_move(self, steps: int) -> None:
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
            self.say("Range begun: move, then V again marks all in between.")
            return
        begun, self._range_from = self._range_from, None
        seqs = await self._shown_seqs()
        if begun in seqs and task.seq in seqs:
            first, last = sorted((seqs.index(begun), seqs.index(task.seq)))
            self.table.mark(seqs[first : last + 1])
            self.show_keys()
        else:
            self.tell(warning("The range began at a task that is not shown now: press V to begin another."))

    async def _shown_seqs(self) -> list[int]:
        query, now_ms = self.table.wanted, self.desk.clock.now_ms()
        return await self.desk.store.run(lambda store: store.tasks.seqs(query, now_ms))

    # Opening results

    @in_order
    async def action_open_result(self) -> None:
        tasks = await self._chosen()
        if len(tasks) > 1:
            await self._open_many(tasks, 1)
        elif tasks:
            await self._open_or_choose(tasks[0])

    @in_order
    async def action_open_result_number(self, number: int) -> None:
        tasks = await self._chosen()
        if len(tasks) > 1:
            await self._open_many(tasks, number)
        elif tasks and (detail := await self.acting.detail(tasks[0])):
            self._open(detail, number)

    def on_detail_pane_link_clicked(self, event: DetailPane.LinkClicked) -> None:
        """A link in the detail was clicked."""
        self._open(event.detail, event.number)

    async def _open_or_choose(self, task: Task) -> None:
        from taskdash.ui.screens.dialog import ChooseLink

        detail = await self.acting.detail(task)
        if detail is None:
            return
        if len(detail.result_urls) < 2:
            self._open(detail, 1)
            return

        def chosen(index: int | None) -> None:
            if index is not None:
                self._open(detail, index + 1)

        self.app.push_screen(ChooseLink(detail.result_urls), chosen)

    def _open(self, detail: TaskDetail, number: int) -> None:
        async def opening() -> None:
            self.tell(await self._opener.one(detail, number))

        self.work(opening, group="open")

    async def _open_many(self, tasks: Sequence[Task], number: int) -> None:
        from taskdash.ui.opener import ASK_ABOVE, MAX_AT_ONCE
        from taskdash.ui.screens.dialog import Confirm

        urls = await self._opener.links(tasks, number)
        if not urls:
            self.tell(warning(f"No result {number} in these {plural(len(tasks), 'task')}."))
            return
        if len(urls) > MAX_AT_ONCE:
            self.tell(
                warning(
                    f"{len(urls):,} results: more than {MAX_AT_ONCE} at once are not opened; u copies the links."
                )
            )
            return

        async def opening() -> None:
            self.tell(await self._opener.many(urls, len(tasks) - len(urls)))

        def answered(yes: bool | None) -> None:
            if yes:
                self.work(opening, group="open")

        if len(urls) > ASK_ABOVE:
            self.app.push_screen(
                Confirm(f"Open {len(urls)} results in the browser, one of each task?"), answered
            )
        else:
            answered(True)

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
        from taskdash.ui.screens.copy_menu import CopyMenu

        tasks = await self._chosen()
        choices = await self._copying.choices(tasks) if tasks else []
        if not choices:
            return

        async def copying(letter: str) -> None:
            self.tell(await self._copying.copy(tasks, letter))

        def chosen(letter: str | None) -> None:
            if letter is not None:
                self.work(partial(copying, letter), group="copy")

        title = f"Copy of {plural(len(tasks), 'task')}" if len(tasks) > 1 else f"Copy of {_name(tasks[0])}"
        self.app.push_screen(CopyMenu(title, choices), chosen)

    # Files and pictures

    @in_order
    async def action_download(self) -> None:
        if tasks := await self._chosen():
            seqs, said = self.acting.to_download(tasks)
            if seqs:
                await self.saving.save(seqs)
            self.tell(said)

    def action_cancel_downloads(self) -> None:
        self.saving.cancel()

    async def action_preview(self) -> None:
        preview = not self.desk.view.preview
        self.remember(preview=preview)
        self.desk.retry_previews()
        self.pane.draw()
        words = "" if preview else "Picture preview off."
        if missing := await self._missing_for_pictures():
            self.tell(warning(f"{words} {sentence(missing)}".lstrip()))
        else:
            self.say(words or "Picture preview on.")

    async def action_preview_next(self) -> None:
        task, key = self.table.task_at_cursor, "".join(map(key_name, self.desk.keymap["preview"][:1]))
        if missing := await self._missing_for_pictures():
            self.tell(warning(sentence(missing)))
        elif task is None or task.result_count < 2:
            self.tell(warning("There is no other result to preview."))
        elif not self.desk.view.preview:
            switch = f": {key} switches it on." if key else "."
            self.tell(warning(f"Picture preview is off{switch}"))
        elif self.pane.preview is None or self.pane.preview.next_result() < 2:
            self.tell(warning("There is no room for a picture here."))
        self.pane.draw()

    async def _missing_for_pictures(self) -> str:
        return (await self.desk.previews()).missing if self.desk.make_previews else ""

    @in_order
    async def action_raw(self) -> None:
        from taskdash.ui.screens.inspect import RawJson

        task = self.table.task_at_cursor
        text = await self.acting.raw(task) if task else None
        if task is None or text is None:
            self.tell(warning("No answer with a record yet."))
        else:
            self.app.push_screen(RawJson(task.task_id, text))

    # What the tasks add up to: those of the filter whatever the tab, or the marked ones

    @in_order
    async def action_statistics(self) -> None:
        from taskdash.ui.screens.inspect import Statistics

        query, marked, now_ms = self._reviewed()

        def read(store: Store) -> list[TaskFigures]:
            return store.summaries.outcomes(query, now_ms, marked=marked)

        outcomes = await self.desk.store.run(read)
        if outcomes:
            self.app.push_screen(Statistics(self._scope(len(outcomes)), outcomes, now_ms))
        else:
            self.tell(warning("No task to count here."))

    @in_order
    async def action_failures(self) -> None:
        from taskdash.domain.failures import reasons
        from taskdash.ui.screens.failures import Failures

        query, marked, now_ms = self._reviewed()

        def read(store: Store) -> tuple[list[FailedTasks], list[tuple[ProblemKind, int]], int]:
            summaries = store.summaries
            return (
                summaries.failures(query, now_ms, marked=marked),
                summaries.problems(query, now_ms, marked=marked),
                sum(store.tasks.counts(query, now_ms).values()) if marked is None else len(marked),
            )

        failed, problems, total = await self.desk.store.run(read)
        if not failed and not problems:
            self.tell(warning(self._why_no_failures(total)))
            return
        found = reasons(failed)

        def read_newest(store: Store) -> list[Task]:
            return store.tasks.by_seq([reason.newest_seq for reason in found])

        newest = {task.seq: task for task in await self.desk.store.run(read_newest)}
        self.app.push_screen(Failures(self._scope(total), found, problems, newest, now_ms), self._filter_to)

    def _reviewed(self) -> tuple[Query, list[int] | None, int]:
        """Return what is asked for whatever the tab, the marks if there are any, the time in ms."""
        query = replace(self.table.wanted, states=None)
        marked = sorted(self.table.marked)
        if marked:
            return replace(query, terms=()), marked, self.desk.clock.now_ms()
        return query, None, self.desk.clock.now_ms()

    def _why_no_failures(self, total: int) -> str:
        """Say what was looked at, and what keeps other failures out of it."""
        if self.table.marked:
            return f"No failed task among the {plural(total, 'marked task')}. Esc clears the marks."
        if self.table.wanted.terms:
            return f"No failed task matches {self.filter_box.text.strip()}. Esc clears the filter."
        return "No task has failed here."

    def _scope(self, count: int) -> str:
        if self.table.marked:
            return f"{plural(count, 'marked task')}"
        if self.table.wanted.terms:
            return f"{plural(count, 'task')} that match {self.filter_box.text.strip()}"
        return f"all {plural(count, 'task')}" if count > 1 else plural(count, "task")

    def _filter_to(self, filter_text: str | None) -> None:
        if filter_text is None:
            return
        self.show_tab(0)
        before = "" if self.table.marked else self.filter_box.text.strip()
        added = [word for word in _WORD.findall(filter_text) if word not in before]
        self.filter_box.put(" ".join([before, *added]).strip())


def _removal_question(count: int, tasks: Sequence[Task]) -> str:
    if not tasks:
        what = f"Remove {plural(count, 'task')} from the list?"
    else:
        what = f"Remove this task from the list?\n\n{_name(tasks[0])}\n{tasks[0].task_id}"
    return f"{what}\n\nOnly the list changes, nothing at the gateway."


def _name(task: Task) -> str:
    return (task.label or task.prompt or task.task_id).partition("\n")[0][:200]

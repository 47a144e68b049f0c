"""The dashboard's one screen as something to work with: what each key does to the tasks.

Dialogs are imported when they are opened: none of them is part of the first frame.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, cast

from taskdash.domain.errors import StoreError
from taskdash.domain.words import plural
from taskdash.ui.key_names import key_name
from taskdash.ui.patience import patient
from taskdash.ui.said import warning
from taskdash.ui.screens.result_screen import ResultScreen
from taskdash.ui.store_trouble import sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.geometry import Size
    from textual.widget import AwaitMount

    from taskdash.domain.task import Task
    from taskdash.ui.column_choice import ChosenColumns
    from taskdash.ui.desk import Desk
    from taskdash.ui.program import Program
    from taskdash.ui.saving import Saving
    from taskdash.ui.screens.edit_label import Labels
    from taskdash.ui.usefulness import Situation
    from taskdash.ui.widgets.tour import Tour


class ListScreen(ResultScreen):
    """The list with all that can be done to it. Every act is for the marked rows, else for the one at the cursor."""

    def __init__(self, desk: Desk, size: Size) -> None:
        super().__init__(desk, size)
        self._paused = False
        self._range_from: int | None = None
        self._tour: Tour | None = None

    @cached_property
    def _saver(self) -> Saving:
        """Imported when the first frame is drawn."""
        from taskdash.ui.saving import Saving

        return Saving(self._desk, self)

    def _begin(self) -> None:
        super()._begin()
        self._saver.begin()
        # With tasks on the list it is not the first time: the banner says what is missing.
        if (first := self._desk.first_key) is not None and not any(self.table.window.counts.values()):
            from taskdash.ui.screens.welcome import Welcome

            self.app.push_screen(Welcome(first.place, first.variable))
        if self._desk.is_demo:
            from taskdash.ui.widgets.tour import Tour

            self._tour = Tour(self)
            self.mount(self._tour, before="#tabs")

    # The demo's tour

    def on_key(self, event: events.Key) -> None:
        """Keys that nothing else has: n goes on with the tour."""
        if event.key == "n" and self._tour is not None:
            event.stop()
            self._tour.go_on()

    def action_close(self) -> None:
        """The tour is what is closed last."""
        if self._tour is not None and not self.closes_something:
            self._leave_tour()
        else:
            super().action_close()

    def on_tour_left(self) -> None:
        """It is over."""
        self._leave_tour()

    def _leave_tour(self) -> None:
        from taskdash.ui.widgets.tour import OWN_KEY

        if self._tour is not None:
            self._tour.remove()
            self._tour = None
            self.headlines.warnings.append(lambda _: OWN_KEY)
            self.show_status()

    # Checking

    @patient
    async def action_check(self) -> None:
        """Check now what is marked, else the row."""
        if tasks := await self._chosen():
            self.tell(await self._acting.check(tasks))
            self.table.reload()

    @patient
    async def action_check_all(self) -> None:
        """Check every unfinished task now."""
        self.tell(await self._acting.check_all())
        self.table.reload()

    def action_pause(self) -> None:
        """Stop or resume scheduled checks."""
        self._paused = not self._paused
        self._desk.watcher.pause(self._paused)
        self.say("Paused: only r and R check now." if self._paused else "Going on with scheduled checks.")

    # The list

    def action_mark(self) -> None:
        """Mark or unmark the row."""
        self.table.toggle_mark()
        self.show_keys()

    async def action_add(self) -> None:
        """Open the add dialog."""
        await self._open_add("")

    def on_paste(self, event: events.Paste) -> None:
        """Text pasted anywhere opens the add dialog with its preview."""
        event.stop()
        self._open_add(event.text)

    def _open_add(self, text: str) -> AwaitMount:
        from taskdash.ui.screens.add_ids import AddIds

        def done(ids: tuple[str, ...] | None) -> None:
            if ids:
                self.run_worker(self._add(ids), group="add")

        return self.app.push_screen(AddIds(self._desk, text), done)

    async def _add(self, ids: Sequence[str]) -> None:
        try:
            seq, said = await self._acting.add(ids)
        except StoreError as error:
            # They are all that is known of paid work: not one is dropped.
            self._desk.adding.clear()
            await self._open_add("\n".join(ids))
            raise StoreError(f"not added: {error}") from error
        self.table.show(self.table.wanted, seq=seq)
        self.tell(said)

    @patient
    async def action_remove(self) -> None:
        """Ask, then take tasks off the list."""
        from taskdash.ui.screens.dialogs import Confirm

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
                self.run_worker(self._remove(seqs), group="remove")

        self.app.push_screen(Confirm(_removal_question(len(seqs), tasks)), answered)

    async def _remove(self, seqs: Sequence[int]) -> None:
        marked = self.table.marked.intersection(seqs)
        said = await self._acting.remove(seqs, frozenset(marked))
        self.table.marked -= set(seqs)
        self.table.reload()
        self.show_keys()
        self.tell(said)

    @patient
    async def action_undo(self) -> None:
        """Take back the last removal or edit; what was removed marked is marked again."""
        said, marked = await self._acting.undo()
        self.table.mark(marked)
        self.table.reload()
        self.show_keys()
        self.tell(said)

    async def action_edit(self) -> None:
        """Edit label and note of what is marked, else of the row."""
        from taskdash.ui.screens.edit_label import EditLabel

        tasks = await self._chosen()
        if not tasks:
            return

        def done(typed: Labels | None) -> None:
            if typed is not None:
                self.run_worker(self._edit([task.seq for task in tasks], typed), group="edit")

        await self.app.push_screen(EditLabel(tasks), done)

    async def _edit(self, seqs: Sequence[int], typed: Labels) -> None:
        self.tell(await self._acting.edit(seqs, typed.label, typed.note))
        self.table.reload()

    async def action_expiring(self) -> None:
        """Show only what expires soon and is not saved, and all again."""
        wanted = self.expiring.filter_text
        if wanted is None:
            profile = self._desk.profile
            self.tell(
                warning(f"Nothing is known to expire: set profiles.{profile}.result_ttl in the config.")
            )
        elif self.filter_text == wanted:
            self.filter_box.clear()
        else:
            await self.filter_box.put(wanted)

    # Marks

    def action_mark_up(self) -> None:
        """Mark and move up."""
        self._mark_and_move(-1)

    def action_mark_down(self) -> None:
        """Mark and move down."""
        self._mark_and_move(1)

    def _mark_and_move(self, steps: int) -> None:
        self.table.mark_and_move(steps)
        self.show_keys()

    @patient
    async def action_mark_all(self) -> None:
        """Mark all that the tab and the filter show."""
        query, now_ms = self.table.wanted, self._desk.clock.now_ms()
        self.table.mark(await self._desk.store.run(lambda store: store.tasks.seqs(query, now_ms)))
        self.show_keys()

    @patient
    async def action_mark_range(self) -> None:
        """Begin a range here, or mark from where it began to here."""
        task = self.table.task_at_cursor
        if task is None:
            return
        if self._range_from is None:
            self._range_from = task.seq
            self.say("Range begun: move, then V again marks all in between.")
            return
        begun, self._range_from = self._range_from, None
        query, now_ms = self.table.wanted, self._desk.clock.now_ms()
        seqs = await self._desk.store.run(lambda store: store.tasks.seqs(query, now_ms))
        if begun in seqs and task.seq in seqs:
            first, last = sorted((seqs.index(begun), seqs.index(task.seq)))
            self.table.mark(seqs[first : last + 1])
            self.show_keys()
        else:
            self.tell(warning("The range began at a task that is not shown now: press V to begin another."))

    # Files and pictures

    @patient
    async def action_download(self) -> None:
        """Save the results of what is marked, else of the row."""
        if tasks := await self._chosen():
            seqs, said = self._acting.to_download(tasks)
            if seqs:
                await self._saver.save(seqs)
            self.tell(said)

    def action_cancel_downloads(self) -> None:
        """Break off what is under way; what has arrived is kept where it can be gone on with."""
        self._saver.cancel()

    async def action_preview(self) -> None:
        """Show pictures of results in the detail, or no longer."""
        preview = not self._desk.view.preview
        self.remember(preview=preview)
        self._desk.retry_previews()
        self.pane.draw()
        words = "" if preview else "Picture preview off."
        if missing := await self._missing_for_pictures():
            self.tell(warning(f"{words} {sentence(missing)}".lstrip()))
        else:
            self.say(words or "Picture preview on.")

    async def action_preview_next(self) -> None:
        """Show the next result of the task."""
        task, key = self.table.task_at_cursor, "".join(map(key_name, self._desk.keymap["preview"][:1]))
        if missing := await self._missing_for_pictures():
            self.tell(warning(sentence(missing)))
        elif task is None or task.result_count < 2:
            self.tell(warning("There is no other result to preview."))
        elif not self._desk.view.preview:
            self.tell(
                warning(
                    f"Picture preview is off: {key} switches it on." if key else "Picture preview is off."
                )
            )
        elif self.pane.preview is None or self.pane.preview.next_result() < 2:
            self.tell(warning("There is no room for a picture here."))
        self.pane.draw()

    async def _missing_for_pictures(self) -> str:
        return (await self._desk.previews()).missing if self._desk.make_previews else ""

    # The rest

    @patient
    async def action_raw(self) -> None:
        """The last body with a record, as it was sent."""
        from taskdash.ui.screens.raw_json import RawJson

        task = self.table.task_at_cursor
        text = await self._acting.raw(task) if task else None
        if task is None or text is None:
            self.tell(warning("No answer with a record yet."))
        else:
            self.app.push_screen(RawJson(task.task_id, text))

    def action_columns(self) -> None:
        """Choose the table's columns, their order and their widths."""
        from taskdash.ui.screens.choose_columns import ChooseColumns

        def chosen(columns: ChosenColumns | None) -> None:
            if columns is not None:
                self.remember(columns=columns.names, widths=columns.widths)
                self.place_columns()

        drawn = {placed.column.name for placed in self.table.placed_columns}
        self.app.push_screen(ChooseColumns(self._desk.view, self._desk.first_view, drawn), chosen)

    def action_reset_look(self) -> None:
        """Columns, order, theme and panes as the config has them."""
        first = self._desk.first_view
        self.remember(**{field.name: getattr(first, field.name) for field in fields(first)})
        self.take_look()
        self.say("The look is as the config has it.")

    def action_palette(self) -> None:
        """Every action by name, and the themes."""
        self.app.action_command_palette()

    def action_help(self) -> None:
        """The keys, those of where the focus is first."""
        from taskdash.ui.screens.help import Help

        place = "filter" if self.types_filter else "detail" if self.pane.has_focus else "table"
        self.app.push_screen(Help(self._desk.keymap, place, self.situation))

    @property
    def situation(self) -> Situation:
        """What decides which keys are of use now."""
        from taskdash.ui.usefulness import Situation

        return Situation(
            task=self.table.task_at_cursor,
            marked=len(self.table.marked),
            total=self.table.window.total,
            key_advice=self._desk.key_advice,
            can_undo=self._acting.can_undo,
            expires=self._desk.result_ttl_ms is not None,
            downloads=self._saver.under_way,
        )

    def action_copy_or_quit(self) -> None:
        """Copy what is selected; with nothing selected, quit."""
        selected = self.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
        else:
            self.app.exit()

    def action_redraw(self) -> None:
        """Draw over what others have written on the terminal."""
        cast("Program", self.app).action_draw_again()

    def action_suspend(self) -> None:
        """Stop as any program in a terminal does."""
        self.app.action_suspend_process()

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit()


def _removal_question(count: int, tasks: Sequence[Task]) -> str:
    if not tasks:
        what = f"Remove {plural(count, 'task')} from the list?"
    else:
        name = (tasks[0].label or tasks[0].prompt or "")[:200]
        what = f"Remove this task from the list?\n\n{name}\n{tasks[0].task_id}".replace("\n\n\n", "\n\n")
    return f"{what}\n\nOnly the list changes, nothing at the gateway."

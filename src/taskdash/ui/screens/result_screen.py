"""The dashboard's one screen, as far as the results go: opening them, and copying what is known of a task."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from taskdash.domain.words import plural
from taskdash.ui.patience import patient
from taskdash.ui.said import warning
from taskdash.ui.screens.review_screen import ReviewScreen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.domain.task import Task, TaskDetail
    from taskdash.ui.acting import Acting
    from taskdash.ui.copying import Copying
    from taskdash.ui.opener import Opener
    from taskdash.ui.said import Said
    from taskdash.ui.widgets.detail_pane import DetailPane


class ResultScreen(ReviewScreen):
    """The list with the keys for results. Every act is for the marked rows, else for the one at the cursor."""

    @cached_property
    def _acting(self) -> Acting:
        """Imported with the first act."""
        from taskdash.ui.acting import Acting

        return Acting(self._desk)

    async def _chosen(self) -> list[Task]:
        tasks = await self._acting.chosen(self.table.marked, self.table.task_at_cursor)
        if not tasks:
            self.tell(warning("No task under the cursor."))
        return tasks

    # Opening

    @cached_property
    def _opener(self) -> Opener:
        """Imported when something is first opened: the first frame has no use for it."""
        from taskdash.ui.opener import Opener

        return Opener(self._desk)

    @patient
    async def action_open_result(self) -> None:
        """Open the result; with several, ask which; of several tasks, the first of each."""
        tasks = await self._chosen()
        if len(tasks) > 1:
            await self._open_many(tasks, 1)
        elif tasks:
            await self._open_or_choose(tasks[0])

    @patient
    async def action_open_result_number(self, number: int) -> None:
        """Open a result by its number."""
        tasks = await self._chosen()
        if len(tasks) > 1:
            await self._open_many(tasks, number)
        elif tasks and (detail := await self._acting.detail(tasks[0])):
            self._open(detail, number)

    def on_detail_pane_link_clicked(self, event: DetailPane.LinkClicked) -> None:
        """A link in the detail was clicked."""
        self._open(event.detail, event.number)

    async def _open_or_choose(self, task: Task) -> None:
        from taskdash.ui.screens.dialogs import ChooseLink

        detail = await self._acting.detail(task)
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

        if detail.result_urls:
            self.run_worker(opening(), group="open")
        else:
            from taskdash.ui.acting import no_links

            self.tell(no_links(detail.task))

    async def _open_many(self, tasks: Sequence[Task], number: int) -> None:
        from taskdash.ui.opener import ASK_ABOVE, MAX_AT_ONCE
        from taskdash.ui.screens.dialogs import Confirm

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
                self.run_worker(opening(), group="open")

        if len(urls) > ASK_ABOVE:
            self.app.push_screen(
                Confirm(f"Open {len(urls)} results in the browser, one of each task?"), answered
            )
        else:
            answered(True)

    # Copying

    @cached_property
    def _copying(self) -> Copying:
        """Imported when something is first copied."""
        from taskdash.ui.copying import Copying

        return Copying(self._desk)

    @patient
    async def action_copy_urls(self) -> None:
        """Copy the result links."""
        if tasks := await self._chosen():
            self.tell(await self._copying.links(tasks))

    @patient
    async def action_copy_id(self) -> None:
        """Copy the task IDs."""
        if tasks := await self._chosen():
            self.tell(self._copying.ids(tasks))

    @patient
    async def action_copy_menu(self) -> None:
        """Choose what to copy."""
        from taskdash.ui.screens.copy_menu import CopyMenu

        tasks = await self._chosen()
        choices = await self._copying.choices(tasks) if tasks else []
        if not choices:
            return

        async def copying(letter: str) -> None:
            said: Said = await self._copying.copy(tasks, letter)
            self.tell(said)

        def chosen(letter: str | None) -> None:
            if letter is not None:
                self.run_worker(copying(letter), group="copy")

        title = f"Copy of {plural(len(tasks), 'task')}" if len(tasks) > 1 else f"Copy of {_name(tasks[0])}"
        self.app.push_screen(CopyMenu(title, choices), chosen)


def _name(task: Task) -> str:
    return (task.label or task.prompt or task.task_id).partition("\n")[0][:200]

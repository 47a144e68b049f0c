"""What the keys do to tasks, without a screen: each act returns the one line that tells what was done.

Kept apart from the widgets so that it can be read and tested as what it is: store and watcher.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from taskdash.domain.task import State
from taskdash.domain.untrusted import inert, inert_line, raw_text
from taskdash.domain.words import plural
from taskdash.ui.said import Said, warning

if TYPE_CHECKING:
    from taskdash.domain.task import Task, TaskDetail
    from taskdash.store.store import Store
    from taskdash.ui.desk import Desk

MAX_RAW_CHARS: Final = 1_000_000

Undo = Callable[["Store"], tuple[Said, Mapping[int, int]]]
"""Takes something back; returns what to say, and the tasks that have another `seq` now."""


class Acting:
    """The acts of one dashboard, and what it takes to undo the last ones."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._undo: list[tuple[Undo, frozenset[int]]] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._undo)

    async def chosen(self, marked: set[int], at_cursor: Task | None) -> list[Task]:
        """The marked tasks in the order of the list, else the one under the cursor."""
        if marked:
            seqs = sorted(marked)
            return await self._desk.store.run(lambda store: store.tasks.by_seq(seqs))
        return [at_cursor] if at_cursor else []

    async def detail(self, task: Task) -> TaskDetail | None:
        """A task with its bodies."""
        return await self._desk.store.run(lambda store: store.tasks.detail(task.seq))

    # Checking

    async def check(self, tasks: Sequence[Task]) -> Said:
        """Have tasks checked now, finished ones too."""
        if self._desk.key_advice:
            return self._no_key()
        seqs, now_ms = [task.seq for task in tasks], self._desk.clock.now_ms()
        await self._desk.store.run(lambda store: store.checks.ask(seqs, now_ms))
        self._desk.watcher.wake()
        return Said(f"Checking {plural(len(tasks), 'task')} now." if len(tasks) > 1 else "Checking it now.")

    async def check_all(self) -> Said:
        """Have every unfinished task checked now."""
        if self._desk.key_advice:
            return self._no_key()
        profile, now_ms = self._desk.profile, self._desk.clock.now_ms()
        count = await self._desk.store.run(lambda store: store.checks.ask_unfinished(profile, now_ms))
        self._desk.watcher.wake()
        return (
            Said(f"Checking {plural(count, 'unfinished task')} now.")
            if count
            else warning("No unfinished task.")
        )

    def _no_key(self) -> Said:
        return warning(f"Nothing can be checked: {self._desk.key_advice}")

    # The list

    async def add(self, ids: Sequence[str]) -> tuple[int, Said]:
        """Put IDs on the list; return the `seq` of the first and what to say."""
        profile, now_ms = self._desk.profile, self._desk.clock.now_ms()
        adding = self._desk.store.submit(lambda store: store.tasks.add(profile, ids, now_ms))
        self._desk.adding.append((ids, adding))
        # Who leaves while it waits for a locked list has it added all the same, or is told.
        added = await asyncio.shield(asyncio.wrap_future(adding))
        first = (added.added or added.listed)[0]
        task = await self._desk.store.run(lambda store: store.tasks.find(profile, first))
        self._desk.watcher.wake()
        listed = f", {len(added.listed):,} already listed" if added.listed else ""
        return task.seq, Said(f"Added {plural(len(added.added), 'task')}{listed}.")

    async def remove(self, seqs: Sequence[int], marked: frozenset[int]) -> Said:
        """Take tasks off the list; those of them that were `marked` come back so."""
        now_ms = self._desk.clock.now_ms()
        removal = await self._desk.store.run(lambda store: store.tasks.remove(seqs, now_ms))

        def undo(store: Store) -> tuple[Said, Mapping[int, int]]:
            restored = store.tasks.restore(removal)
            return _brought_back(restored.back, len(restored.again)), restored.again

        self._undo.append((undo, marked))
        return Said(
            f"Removed {plural(len(seqs), 'task')}. z brings {'it' if len(seqs) == 1 else 'them'} back."
        )

    async def edit(self, seqs: Sequence[int], label: str | None, note: str | None) -> Said:
        """Set the label and note of tasks; None leaves them as they are."""
        if label is None and note is None:
            return Said("Nothing was changed.")
        edits = await self._desk.store.run(lambda store: store.tasks.edit(seqs, label=label, note=note))

        if not edits:
            return warning("Nothing was saved: the list does not have it any more.")

        def undo(store: Store) -> tuple[Said, Mapping[int, int]]:
            return _set_back(store.tasks.undo_edit(edits), len(edits)), {}

        self._undo.append((undo, frozenset()))
        return Said(f"Saved label and note of {plural(len(edits), 'task')}." if len(edits) > 1 else "Saved.")

    async def raw(self, task: Task) -> str | None:
        """The last body with a record, inert and without any key; None where there is none yet."""
        detail = await self.detail(task)
        if detail is None or not detail.raw:
            return None
        text = inert(raw_text(detail.raw).decode("utf-8", "replace"), max_chars=MAX_RAW_CHARS)
        return self._desk.keys.redact(text)

    async def undo(self) -> tuple[Said, set[int]]:
        """Take back the last removal or edit of this dashboard; what to say, and what is to be marked again."""
        if not self._undo:
            return warning("Nothing to undo."), set()
        undo, marked = self._undo.pop()
        said, moved = await self._desk.store.run(undo)
        marked = frozenset(moved.get(seq, seq) for seq in marked)
        back = await self._desk.store.run(lambda store: store.tasks.listed_seqs(sorted(marked)))
        self._desk.watcher.wake()
        return said, back

    # Results

    def to_download(self, tasks: Sequence[Task]) -> tuple[list[int], Said]:
        """The `seq` of the tasks that have something to save, and what to say of it."""
        good = [task for task in tasks if task.state is State.SUCCESS and task.result_count]
        if not good:
            without = "None of these tasks has a result to save."
            return [], no_links(tasks[0]) if len(tasks) == 1 else warning(without)
        count = sum(max(0, task.result_count - task.saved_count) for task in good)
        lacking = len(tasks) - len(good)
        rest = f" {plural(lacking, 'task')} without a result left out." if lacking else ""
        find = self._desk.find_download_dir
        where = inert_line(str(find())) if find else "the download folder"
        what = (
            f"Saving {plural(count, 'result')} to {where}."
            if count
            else "Saved before: looking for the files."
        )
        return [task.seq for task in good], Said(f"{what}{rest}")


def _brought_back(back: int, again: int) -> Said:
    if not back and not again:
        return warning("Nothing to bring back: what was removed is kept for a day.")
    words = [f"Brought back {plural(back, 'task')}."] if back or not again else []
    if again:
        words.append(
            f"{again:,} had been added again: what was known of {'it' if again == 1 else 'them'} is kept."
        )
    return Said(" ".join(words))


def _set_back(count: int, of: int) -> Said:
    if not count:
        return warning("Nothing was set back: it was changed again since.")
    left = of - count
    stays = "was changed again since and stays so" if left == 1 else "were changed again since and stay so"
    rest = f" {left:,} {stays}." if left else ""
    return Said(f"Set back label and note of {plural(count, 'task')}.{rest}")


def no_links(task: Task) -> Said:
    """Why there is nothing to open or copy."""
    why = f"it ended as {task.state}" if task.state.finished else "it is not finished"
    if task.state is State.SUCCESS:
        why = "the answer has none"
    return warning(f"No result link: {why}.")

"""Does what keys ask for, without a screen: most acts return the message to show.

Kept apart from the widgets, so that they can be tested with nothing but a store, a watcher and a browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from taskdash.config.files import download_dir
from taskdash.domain.task import State
from taskdash.domain.untrusted import inert, inert_line, raw_text
from taskdash.domain.words import REMOVED, are_links_dead, countdown, expiry_of, is_renewed, plural
from taskdash.results import content, desktop
from taskdash.results.links import safe_url
from taskdash.ui.messages import Feedback, warning

if TYPE_CHECKING:
    from concurrent.futures import Future
    from pathlib import Path

    from taskdash.domain.query import Query
    from taskdash.domain.task import Task, TaskDetail, Verdict
    from taskdash.store.edits import Added
    from taskdash.store.store import Store
    from taskdash.ui.context import Context

    Adding = tuple[Sequence[str], Future[Added]]
    """IDs being added to the list, and the pending result."""

MAX_RAW_CHARS: Final = 1_000_000
_URL_CHARS: Final = 300
RENEWAL_LOOK_S: Final = 0.25
RENEWAL_WAIT_MS: Final = 60_000
"""A later answer is not reported: nobody would connect it with the key."""

_IN_STATE: Final = {
    State.NEW: "new",
    State.WAITING: "waiting",
    State.SUCCESS: "successful",
    State.FAIL: "failed",
}

Undo = Callable[["Store"], tuple[Feedback, Mapping[int, int]]]
"""Undoes one change; returns the message, and the new `seq` of each task whose `seq` changed."""


class Scope(NamedTuple):
    """Limits statistics, failures and the review to the marked tasks, else to those of a query."""

    query: Query
    marked: Sequence[int]
    """The `seq` of the marked tasks; empty if none is marked."""
    filter_text: str

    @property
    def asked(self) -> tuple[Query, Sequence[int] | None]:
        """Return the query, and the marked tasks to limit it to; None: no limit."""
        return (self.query.without_terms(), self.marked) if self.marked else (self.query, None)

    def name(self, count: int) -> str:
        """Return a description of `count` tasks, such as `12 waiting tasks matching fox`."""
        if self.marked:
            return plural(count, "marked task")
        states = self.query.states or ()
        tasks = plural(count, " ".join([*(_IN_STATE[state] for state in states), "task"]))
        if self.filter_text:
            return f"{tasks} matching {self.filter_text}"
        return f"all {tasks}" if count > 1 and not states else tasks

    def no_failures(self, total: int) -> str:
        """Return the message that there are no failures, with the key that widens the search, if any."""
        if self.marked:
            return f"No failures in {plural(total, 'marked task')}. Esc clears the marks."
        if self.filter_text:
            return f'No failed tasks match "{self.filter_text}". Esc clears the filter.'
        return "No failed tasks in this view."


class Acts:
    """Does the acts of one dashboard, and undoes the last of them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._undo: list[tuple[Undo, frozenset[int]]] = []

    @property
    def can_undo(self) -> bool:
        return bool(self._undo)

    async def chosen(self, marked: set[int], at_cursor: Task | None) -> list[Task]:
        """Return the marked tasks in the order of the list, else the one under the cursor."""
        if marked:
            seqs = sorted(marked)
            return await self._context.store.run(lambda store: store.tasks.by_seq(seqs))
        return [at_cursor] if at_cursor else []

    async def detail(self, task: Task) -> TaskDetail | None:
        return await self._context.store.run(lambda store: store.tasks.detail(task.seq))

    # The list

    def begin_adding(self, found: Mapping[str, str | None]) -> Adding:
        """Start adding IDs to the list, each with the record path it was found with, if any.

        If the user quits from here on, say while the list is locked, they are still added, or else reported.
        """
        ids, hints = list(found), {task_id: path for task_id, path in found.items() if path}
        profile, now_ms = self._context.profile, self._context.clock.now_ms()
        added = self._context.store.submit(
            lambda store: store.additions.add(profile, ids, now_ms, hints=hints)
        )
        self._context.adding.append((ids, added))
        return ids, added

    async def added(self, adding: Adding) -> tuple[int, Feedback]:
        """Wait until the IDs are on the list; return the `seq` of the first, and the message."""
        added = await asyncio.shield(asyncio.wrap_future(adding[1]))
        profile, first = self._context.profile, (added.added or added.listed)[0]
        task = await self._context.store.run(lambda store: store.tasks.find(profile, first))
        self._context.wake()
        new = f"Added {plural(len(added.added), 'task')}" if added.added else "Nothing new"
        listed = f", {len(added.listed):,} already listed" if added.listed else ""
        return task.seq, Feedback(f"{new}{listed}.")

    async def remove(self, seqs: Sequence[int], marked: frozenset[int]) -> Feedback:
        """Take tasks off the list; undo brings them back, and marks those in `marked` again."""
        now_ms = self._context.clock.now_ms()
        removal = await self._context.store.run(lambda store: store.edits.remove(seqs, now_ms))

        def undo(store: Store) -> tuple[Feedback, Mapping[int, int]]:
            restored = store.edits.restore(removal)
            back, again = restored.back, len(restored.again)
            if not back and not again:
                return warning("Nothing to restore: removed tasks are kept for a day."), {}
            words = [f"Restored {plural(back, 'task')}."] if back else []
            if again:
                words.append(
                    f"{again:,} had been added again; {'its' if again == 1 else 'their'} data was merged."
                )
            return Feedback(" ".join(words)), restored.again

        self._undo.append((undo, marked))
        key = self._context.key_of("undo")
        how = f" Press {key} to undo." if key else ""
        return Feedback(f"Removed {plural(len(seqs), 'task')}.{how}")

    async def edit(self, seqs: Sequence[int], label: str | None, note: str | None) -> Feedback:
        """Set the label and note of tasks; None leaves them as they are."""
        if label is None and note is None:
            return Feedback("Nothing changed.")
        edits = await self._context.store.run(lambda store: store.edits.edit(seqs, label=label, note=note))
        if not edits:
            return warning("Not saved: the task is no longer on the list.")

        def undo(store: Store) -> tuple[Feedback, Mapping[int, int]]:
            if not (count := store.edits.undo_edit(edits)):
                return warning("Nothing restored: it was changed again since."), {}
            left = len(edits) - count
            rest = (
                f" Skipped {left:,} that {'was' if left == 1 else 'were'} changed again since."
                if left
                else ""
            )
            return Feedback(f"Restored label and note of {plural(count, 'task')}.{rest}"), {}

        self._undo.append((undo, frozenset()))
        what = f" label and note of {plural(len(edits), 'task')}" if len(edits) > 1 else ""
        return Feedback(f"Saved{what}.")

    async def judge(
        self, verdicts: Sequence[tuple[int, int, Verdict | None]]
    ) -> Sequence[tuple[int, int, object]]:
        """Give verdicts on results, by `seq` and number; return the previous verdicts of those that exist."""
        now_ms = self._context.clock.now_ms()
        before = await self._context.store.run(lambda store: store.verdicts.give(verdicts, now_ms))
        given = {(seq, n): verdict for seq, n, verdict in verdicts}

        def undo(store: Store) -> tuple[Feedback, Mapping[int, int]]:
            # Leave alone what another dashboard or script has decided since.
            now = store.verdicts.of([seq for seq, _, _ in before])
            mine = [each for each in before if now.get(each[0], {}).get(each[1]) is given[each[:2]]]
            if not (back := store.verdicts.give(mine, now_ms)):
                return warning("Nothing restored: these results were decided on elsewhere since."), {}
            return Feedback(f"Restored {plural(len(back), 'verdict')}."), {}

        if before:
            self._undo.append((undo, frozenset()))
        return before

    async def raw(self, task: Task) -> str | None:
        """Return the last response with a record, made inert and with keys redacted; None if there is none yet."""
        detail = await self.detail(task)
        if detail is None or not detail.raw:
            return None
        text = inert(raw_text(detail.raw).decode("utf-8", "replace"), max_chars=MAX_RAW_CHARS)
        return self._context.keys.redact(text)

    async def undo(self) -> tuple[Feedback, set[int]]:
        """Undo this dashboard's last removal, edit or verdicts; return the message and the tasks to mark again."""
        if not self._undo:
            return warning("Nothing to undo."), set()
        undo, marked = self._undo.pop()
        feedback, moved = await self._context.store.run(undo)
        marked = frozenset(moved.get(seq, seq) for seq in marked)
        back = await self._context.store.run(lambda store: store.tasks.listed_seqs(sorted(marked)))
        self._context.wake()
        return feedback, back

    # Checks

    async def check(self, tasks: Sequence[Task]) -> Feedback:
        """Request a check of tasks now, finished ones included."""
        tasks, left = self._context.checkable(tasks)
        if not tasks:
            return warning(f"Nothing can be checked: {left}")
        seqs, now_ms = [task.seq for task in tasks], self._context.clock.now_ms()
        await self._context.store.run(lambda store: store.checks.ask(seqs, now_ms))
        self._context.wake()
        rest = f" The others are skipped: {left}." if left else ""
        return Feedback(f"Checking {plural(len(tasks), 'task') + ' ' if len(tasks) > 1 else ''}now.{rest}")

    async def renewed(self, asked: Sequence[Task]) -> Feedback | None:
        """Wait for the answers of tasks with dead links; return the outcome, None without any or after a minute."""
        context, now_ms = self._context, self._context.clock.now_ms()
        tasks, _ = context.checkable(asked)
        dead = {task.seq: task for task in tasks if are_links_dead(task, context.ttl_ms_of(task), now_ms)}
        if not dead:
            return None
        until_ms, tasks = now_ms + RENEWAL_WAIT_MS, list(dead.values())
        while now_ms < until_ms:
            await asyncio.sleep(RENEWAL_LOOK_S)
            tasks = await self._context.store.run(lambda store: store.tasks.by_seq(sorted(dead)))
            now_ms = self._context.clock.now_ms()
            if all(task.asked_at_ms is None for task in tasks):
                break
        else:
            return None
        return _renewal([(dead[task.seq], task) for task in tasks], context, now_ms)

    async def check_all(self, profiles: Sequence[str]) -> Feedback:
        """Request a check of every unfinished task of these profiles now."""
        checked = [name for name in profiles if not self._context.why_unchecked(name)]
        if not checked:
            return warning(f"Nothing can be checked: {self._context.why_unchecked(profiles[0])}")
        now_ms = self._context.clock.now_ms()
        count = await self._context.store.run(
            lambda store: sum(store.checks.ask_unfinished(name, now_ms) for name in checked)
        )
        self._context.wake()
        said = f"Checking {plural(count, 'unfinished task')} now."
        return Feedback(said) if count else warning("No unfinished tasks.")

    # Results

    def to_download(self, tasks: Sequence[Task]) -> tuple[list[int], Feedback]:
        """Return the `seq` of the tasks with results, and the message about saving them."""
        good = [task for task in tasks if task.state is State.SUCCESS and task.result_count]
        if not good:
            none = "None of these tasks has a result."
            return [], no_links(tasks[0]) if len(tasks) == 1 else warning(none)
        count = sum(max(0, task.result_count - task.saved_count) for task in good)
        what = saving(self._context, count) if count else "Already saved: checking the files."
        return [task.seq for task in good], Feedback(f"{what}{_skipped(len(tasks) - len(good))}")

    # Opening results

    async def _open(self, opener: Callable[..., desktop.Opened], target: str | Path) -> desktop.Opened:
        command, environ = self._context.settings.open_command, self._context.environ
        return await asyncio.to_thread(opener, target, command=command, environ=environ)

    async def open_one(self, detail: TaskDetail, number: int) -> Feedback:
        """Open result `number` (from 1) of a task."""
        urls = detail.result_urls
        if not urls:
            return no_links(detail.task)
        if number > len(urls):
            return warning(f"No result {number}: this task has {len(urls)}.")
        url = urls[number - 1]
        opened = await self._open(desktop.open_url, url)
        if opened.ok:
            return Feedback(f"Result {number}: {opened.message}.")
        safe = safe_url(url)
        if safe is None:
            return warning(f"Result {number}: {opened.message}.")
        shown = safe if len(safe) <= _URL_CHARS else safe[:_URL_CHARS] + "…"
        text = f"Result {number}: {opened.message}: link copied"
        return Feedback(text, "error", copy=safe, what="The link", more=f"\n{shown}")

    async def open_shown(self, detail: TaskDetail, number: int) -> Feedback:
        """Open result `number` (from 1) of a task: the file it was saved to, else the link."""
        seq = detail.task.seq
        saved = await self._context.store.run(lambda store: store.saved.of([seq]).get(seq, {}).get(number))
        # The list may come from another machine, with paths that somebody else chose.
        if saved is None or not content.is_data(saved.path) or not await asyncio.to_thread(saved.is_there):
            return await self.open_one(detail, number)
        opened = await self._open(desktop.open_file, saved.path)
        if opened.ok:
            return Feedback(f"Result {number}: opened {inert_line(saved.path.name)}.")
        return Feedback(f"Result {number}: {opened.message}: it is saved as {saved.shown}.", "error")

    async def links_to_open(self, tasks: Sequence[Task], number: int) -> list[str]:
        """Return the link of result `number` (from 1) of each task that has it, in the order of `tasks`."""
        seqs = [task.seq for task in tasks if task.result_count >= number]
        found = await self._context.store.run(lambda store: list(store.tasks.links(seqs)))
        return [urls[number - 1] for _, urls in found if len(urls) >= number]

    async def open_many(self, urls: Sequence[str], without: int) -> Feedback:
        """Open results one after another; if that fails, copy the rest. `without` counts the tasks that have none."""
        opened = 0
        for place, url in enumerate(urls):
            answer = await self._open(desktop.open_url, url)
            if not answer.ok and safe_url(url) is not None:
                left = [safe for each in urls[place:] if (safe := safe_url(each))]
                what = plural(len(left), "link")
                before = f"{plural(opened, 'result')} opened, then: " if opened else ""
                text = f"{before}{answer.message}: {what} copied"
                return Feedback(text, "error", copy="\n".join(left), what=what, more=_skipped(without))
            opened += answer.ok
        refused = len(urls) - opened
        odd = f" Skipped {plural(refused, 'invalid link')}." if refused else ""
        said = f"Opened {plural(opened, 'result')} in the browser.{odd}{_skipped(without)}"
        return Feedback(said, "warning" if refused else "information")


def _renewal(tasks: Sequence[tuple[Task, Task]], context: Context, now_ms: int) -> Feedback | None:
    fresh = [task for before, task in tasks if is_renewed(before, task, context.ttl_ms_of(task), now_ms)]
    if not tasks:
        return None
    if len(tasks) > 1:
        left = len(tasks) - len(fresh)
        rest = f" {plural(left, 'task')} had none: the results have expired." if left else ""
        said = f"Fresh links for {plural(len(fresh), 'task')}.{rest}"
        return warning(said) if left else Feedback(said)
    task = tasks[0][1]
    expiry = expiry_of(task, context.ttl_ms_of(task))
    when = countdown(expiry, now_ms) if expiry is not None else ""
    if fresh:
        return Feedback(f"Fresh links: {when}." if when else "Fresh links.")
    if task.problem is not None:
        return warning(f"No fresh links: {task.problem.kind.value}.")
    if task.purged:
        return warning(f"{REMOVED}.")
    return warning(f"No fresh links: the response has the same ones, {when}.")


def saving(context: Context, count: int) -> str:
    """Return the message that `count` results are being saved, and where to."""
    return f"Saving {plural(count, 'result')} to {inert_line(str(download_dir(context.settings)))}."


def _skipped(count: int) -> str:
    return f" Skipped {plural(count, 'task')} without a result." if count else ""


def no_links(task: Task) -> Feedback:
    """Return a warning on why there is nothing to open or copy."""
    if not task.state.finished:
        return warning("No result yet.")
    why = "the response has no link" if task.state is State.SUCCESS else "the task failed"
    if task.purged:
        why = "the gateway has removed it"
    return warning(f"No result: {why}.")


def removal_question(count: int, tasks: Sequence[Task]) -> str:
    """Return the question to ask before removing `count` tasks; `tasks` holds the task if it is only one."""
    what = f"Remove {plural(count, 'task')} from the list?"
    if tasks:
        what = f"Remove this task from the list?\n\n{name_of(tasks[0])}\n{tasks[0].task_id}"
    return f"{what}\n\nThe task itself is not cancelled or deleted."


def name_of(task: Task, chars: int = 200) -> str:
    """Return a task's display name (label, prompt or ID): one line of up to `chars` characters."""
    name = (task.label or task.prompt or task.task_id).partition("\n")[0]
    return name if len(name) <= chars else f"{name[: chars - 1]}…"

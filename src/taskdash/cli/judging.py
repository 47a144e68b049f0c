"""`taskdash pick` and `taskdash reject`: give results a verdict, or take it back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.add import with_stdin
from taskdash.cli.options import command, complete_ids, pass_session, selection_options
from taskdash.cli.output import print_lines, talk
from taskdash.domain.errors import TaskdashError, UnknownTaskError
from taskdash.domain.task import State, Task, Verdict
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.store.store import Store

_RESULT: Final = r"(.+):([1-9][0-9]{0,5})"


@command("Pick results.", example="taskdash pick 5064bd1a:2 && taskdash download --picked -o best")
@click.argument("results", metavar="[ID[:N]]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.option("--undo", is_flag=True, help="Undo picks: the results are undecided again.")
@pass_session
def pick(session: Session, results: Sequence[str], *, selection: Selection, undo: bool) -> int:
    """Pick result N of a task, or all its results; --filter picked:yes and download --picked find them again.

    Prints the picked results as ID:N, one per line; `-` reads such lines from standard input. If any ID or result is
    unknown, nothing changes. An ID that contains a colon is taken whole if it is on the list. Picking a rejected result
    replaces the rejection; --undo skips results that are not picked.
    """
    return _judge(session, results, selection, Verdict.PICKED, undo=undo)


@command("Reject results.", example='taskdash reject --filter "picked:no prompt:draft"')
@click.argument("results", metavar="[ID[:N]]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.option("--undo", is_flag=True, help="Undo rejections: the results are undecided again.")
@pass_session
def reject(session: Session, results: Sequence[str], *, selection: Selection, undo: bool) -> int:
    """Reject result N of a task, or all its results. Nothing is deleted.

    Prints the rejected results as ID:N, one per line, and reads them as `taskdash pick` does. Rejecting a picked result
    replaces the pick; --undo skips results that are not rejected.
    """
    return _judge(session, results, selection, Verdict.REJECTED, undo=undo)


def _judge(
    session: Session, results: Sequence[str], selection: Selection, verdict: Verdict, *, undo: bool
) -> int:
    results = with_stdin(session, results)
    selection.check_alone(results)
    with session.open_store() as store:
        chosen = _named(session, store, results) if results else _selected(session, store, selection)
        if undo:
            given = store.verdicts.results([task.seq for task, _ in chosen], verdict)
            chosen = [(task, n) for task, n in chosen if (task.seq, n) in given]
        names = {(task.seq, n): f"{task.task_id}:{n}" for task, n in chosen}
        before = store.verdicts.give(
            [(seq, n, None if undo else verdict) for seq, n in names], session.now_ms()
        )
    print_lines(names[seq, n] for seq, n, _ in before)
    count = len(before)
    talk(f"{plural(count, 'verdict')} taken back" if undo else f"{plural(count, 'result')} {verdict}")
    return 0


def _selected(session: Session, store: Store, selection: Selection) -> list[tuple[Task, int]]:
    """Return the results of the selected tasks; raise TaskdashError if there are none."""
    found = [result for task in selection.tasks(session, store, ()) for result in _results_of(task)]
    if not found:
        raise TaskdashError(f"no results match {selection}")
    return found


def _results_of(task: Task) -> list[tuple[Task, int]]:
    count = task.result_count if task.state is State.SUCCESS else 0
    return [(task, n) for n in range(1, count + 1)]


def _named(session: Session, store: Store, texts: Sequence[str]) -> list[tuple[Task, int]]:
    """Return the named results; if any do not exist, print all errors but the last, and raise that."""
    found: list[tuple[Task, int]] = []
    wrong: list[TaskdashError] = []
    for text in texts:
        try:
            found += _results_by(session, store, text)
        except TaskdashError as error:
            wrong.append(error)
    # An unknown ID goes last, to be raised: it has the exit code that counts first.
    wrong.sort(key=lambda error: isinstance(error, UnknownTaskError))
    for each in wrong[:-1]:
        talk(session.redacted(f"taskdash: {each}"))
    if wrong:
        raise type(wrong[-1])(f"{wrong[-1]}\nnothing was changed")
    return found


def _results_by(session: Session, store: Store, text: str) -> list[tuple[Task, int]]:
    """Return the result that `ID:N` names, or all results of the task that `ID` names."""
    task, number = _find(session, store, text)
    results = _results_of(task)
    if number is None and not results:
        raise TaskdashError(f"{task.task_id} has no results ({task.state})")
    if number is not None and number > len(results):
        count = plural(len(results), "result")
        raise TaskdashError(f"{task.task_id} has {count} ({task.state}): there is no {number}")
    return results if number is None else [results[number - 1]]


def _find(session: Session, store: Store, text: str) -> tuple[Task, int | None]:
    """Return the task that `ID` or `ID:N` names, and N.

    IDs may contain colons: a text that is a whole ID is that task, not a result of another.
    """
    profile = session.profile.name
    try:
        whole = store.tasks.find(profile, text)
    except UnknownTaskError:
        whole = None
    match = re.fullmatch(_RESULT, text)
    if match and (whole is None or whole.task_id != text):
        try:
            return store.tasks.find(profile, match[1]), int(match[2])
        except UnknownTaskError:
            if whole is None:
                raise
    return whole or store.tasks.find(profile, text), None

"""Commands that edit the list: `taskdash add` and `remove`, `label`, and `pick` and `reject` for results."""

from __future__ import annotations

import importlib
import re
import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import command, complete_ids, selection_options, shown, waiting_options
from taskdash.cli.output import print_json, print_lines, talk, tell_not_added
from taskdash.domain.errors import TaskdashError, UnknownTaskError, UsageError
from taskdash.domain.id_forms import has_known_form, is_task_id, looks_like_option
from taskdash.domain.task import State, Task, Verdict
from taskdash.domain.untrusted import decoded
from taskdash.domain.words import plural
from taskdash.store.rows import clean_label

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.secret import Secret
    from taskdash.domain.task import Json
    from taskdash.domain.task_ids import Paste
    from taskdash.store.edits import Added
    from taskdash.store.store import Store

KEY_PREFIX: Final = "sk-"
MAX_SHOWN: Final = 20
_RESULT: Final = r"(.+):([1-9][0-9]{0,5})"


@command("Add task IDs to the list.", example="grep taskId run.log | taskdash add - --label nightly")
@click.argument("text", nargs=-1)
@click.option("--label", metavar="L", help="Label for the new tasks.")
@click.option(
    "--wait", "waits", is_flag=True, help="Wait until the tasks are finished, like `taskdash wait`."
)
@waiting_options
@click.option(
    "--json", "as_json", is_flag=True, help="Output JSON; --wait adds `tasks`, in their final state."
)
@click.pass_obj
def add(
    session: Session,
    text: Sequence[str],
    *,
    label: str | None,
    waits: bool,
    timeout_s: float | None,
    compact: bool,
    as_json: bool,
) -> int:
    """Add task IDs, given directly or found in any text (URLs, JSON, logs); `-` reads standard input.

    Prints the added IDs, one per line; the counts, and what was ignored, go to stderr. Exits with 1 if no task IDs are
    found. With --wait, then waits for all of them, new or already listed, and exits as `taskdash wait` does.
    """
    if not waits and (compact or timeout_s is not None):
        raise click.UsageError(f"{'--compact' if compact else '--timeout'} needs --wait")
    if label is not None:
        _refuse_key(label, session.keys)
    if not text and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("give task IDs, text that contains them, or - to read standard input")
    arguments = text or ("-",)
    found, ignored = _find(arguments, session.keys)
    outcome = put_on_list(session, found, label, tells_lost="-" in arguments)
    document: dict[str, Json] = {
        "added": list(outcome.added),
        "listed": list(outcome.listed),
        "ignored": [{"text": text, "why": why} for text, why in ignored],
    }
    waits = waits and bool(found)
    if not as_json:
        print_lines(outcome.added)
        sys.stdout.flush()
    elif not waits:
        print_json(document)
    talk(f"{len(outcome.added)} added, {len(outcome.listed)} already listed, {len(ignored)} ignored")
    for each, why in ignored[:MAX_SHOWN]:
        talk(f"ignored: {each} ({why})")
    if len(ignored) > MAX_SHOWN:
        talk(f"and {len(ignored) - MAX_SHOWN} more (--json lists them)")
    if not waits:
        return 0 if found else 1
    code: int = click.get_current_context().invoke(
        importlib.import_module("taskdash.cli.waiting").wait,
        task_ids=list(found),
        timeout_s=timeout_s,
        compact=compact,
        as_json=as_json,
        beside=document,
    )
    return code


def put_on_list(
    session: Session, found: Mapping[str, str | None], label: str | None = None, *, tells_lost: bool = True
) -> Added:
    """Put IDs on the list, each with the path found beside it; print them on failure, if `tells_lost`."""
    hints = {task_id: path for task_id, path in found.items() if path}
    try:
        with session.open_store() as store:
            profile, now_ms = session.profile.name, session.now_ms()
            return store.additions.add(profile, found, now_ms, label=label, hints=hints)
    except BaseException:
        if tells_lost:
            tell_not_added(list(found))
        raise


def read_stdin() -> bytes:
    """Return what is on standard input; raise UsageError if it is closed."""
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    return sys.stdin.buffer.read()


def with_stdin(session: Session, task_ids: Sequence[str]) -> Sequence[str]:
    """Return the IDs given to a command, with `-` replaced by those on standard input.

    These are either one per line, whole or shortened, or contained in any text.
    """
    if "-" not in task_ids:
        return task_ids
    text, keys = decoded(read_stdin()).text, session.keys
    lines = list(filter(None, map(str.strip, text.splitlines())))
    is_list = all(_may_be_id(line) and not _is_key(line, keys) for line in lines)
    found = lines if is_list else [item.task_id for item in pasted(text, keys).found]
    if not found:
        raise TaskdashError("no task IDs on standard input")
    return [each for given in task_ids for each in (found if given == "-" else [given])]


def _is_key(text: str, keys: Collection[Secret]) -> bool:
    return text.startswith(KEY_PREFIX) or any(key.reveal() == text for key in keys)


def _may_be_id(text: str) -> bool:
    return is_task_id(text) and not looks_like_option(text)


def pasted(text: str, keys: Collection[Secret]) -> Paste:
    """Return the IDs in a text, none of which is one of the keys."""
    # The paste finder takes some milliseconds to import, and most calls are given plain IDs.
    from taskdash.domain.task_ids import find_task_ids

    return find_task_ids(text, keys=keys)


def _find(
    arguments: Sequence[str], keys: Collection[Secret]
) -> tuple[dict[str, str | None], list[tuple[str, str]]]:
    """Return the IDs in order of first appearance, each with its path, and the ignored texts, each with the reason.

    They are looked for in the arguments, which may themselves be IDs, and for `-` in standard input.
    """
    found: dict[str, str | None] = {}
    ignored: list[tuple[str, str]] = []
    for argument in arguments:
        if _is_key(argument, keys):
            ignored.append(("(an API key)", "looks like an API key; not stored"))
        elif _may_be_id(argument):
            found.setdefault(argument, None)
        else:
            paste = pasted(decoded(read_stdin()).text if argument == "-" else argument, keys)
            for item in paste.found:
                found[item.task_id] = found.get(item.task_id) or item.path_hint
            ignored += [(item.text, item.why) for item in paste.ignored]
            if paste.unsure is not None:
                ignored.append((paste.unsure, "not in a known form; give it as an argument to add it anyway"))
    return found, ignored


@command("Label tasks on the list.", example='taskdash label --filter "age:<1h" mugs')
@click.argument("words", metavar="[ID]... TEXT", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.pass_obj
def label(session: Session, words: Sequence[str], *, selection: Selection) -> int:
    """Set the label of tasks to TEXT; an empty TEXT clears it. If any ID is unknown, nothing changes.

    Prints the IDs of the labelled tasks, one per line. To label selected tasks, give TEXT alone with --filter, --state
    or --label (their current label).
    """
    if len(words) < 2 and not (words and selection.is_given):
        raise click.UsageError("give task IDs and a label, or a label and --filter, --state or --label")
    *given, text = words
    task_ids = with_stdin(session, given)
    selection.check_alone(task_ids)
    _refuse_key(text, session.keys)
    if has_known_form(text):
        raise click.UsageError(f"the label comes last, and {shown(text)} is a task ID; nothing was labelled")
    with session.open_store() as store:
        tasks = selection.tasks(session, store, task_ids)
        store.edits.edit([task.seq for task in tasks], label=text, note=None)
    print_lines(task.task_id for task in tasks)
    cleared = clean_label(text) is None
    talk(f"{plural(len(tasks), 'label')} cleared" if cleared else f"{plural(len(tasks), 'task')} labelled")
    return 0


def _refuse_key(label: str, keys: Collection[Secret]) -> None:
    if any(key.reveal() in label for key in keys):
        raise UsageError("the label contains an API key; nothing was changed")


@command("Remove tasks from the list.", example="taskdash remove --state fail")
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.pass_obj
def remove(session: Session, task_ids: Sequence[str], *, selection: Selection) -> int:
    """Remove tasks from the list. If any ID is unknown, nothing is removed.

    Prints the removed IDs, one per line. The task itself is not cancelled or deleted: `taskdash add ID` brings it back.
    """
    task_ids = with_stdin(session, task_ids)
    with session.open_store() as store:
        try:
            tasks = selection.tasks(session, store, task_ids)
        except UnknownTaskError as error:
            raise UnknownTaskError(f"{error}\nnothing was removed") from None
        store.edits.remove([task.seq for task in tasks], session.now_ms())
    print_lines(task.task_id for task in tasks)
    talk(f"{plural(len(tasks), 'task')} removed")
    return 0


@command("Pick results.", example="taskdash pick 5064bd1a:2 && taskdash download --picked -o best")
@click.argument("results", metavar="[ID[:N]]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.option("--undo", is_flag=True, help="Undo picks: the results are undecided again.")
@click.pass_obj
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
@click.pass_obj
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
        if results:
            chosen = _named(session, store, results)
        else:
            tasks = selection.tasks(session, store, ())
            chosen = [(task, n) for task in tasks for n in _numbers_of(task)]
            if not chosen:
                raise TaskdashError(f"no results match {selection}")
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


def _numbers_of(task: Task) -> range:
    """Return the numbers of a task's results, from 1."""
    return range(1, 1 + (task.result_count if task.state is State.SUCCESS else 0))


def _named(session: Session, store: Store, texts: Sequence[str]) -> list[tuple[Task, int]]:
    """Return the named results; raise TaskdashError if any does not exist."""
    found: list[tuple[Task, int]] = []
    wrong: list[TaskdashError] = []
    for text in texts:
        try:
            found += _results_by(*_find_result(session, store, text))
        except TaskdashError as error:
            wrong.append(error)
    if wrong:
        # An unknown ID has the exit code that counts first.
        first = max(wrong, key=lambda each: each.exit_code)
        raise type(first)(f"{first}\nnothing was changed")
    return found


def _results_by(task: Task, number: int | None) -> list[tuple[Task, int]]:
    """Return that result of a task, or all if there is no number; raise TaskdashError if there is none."""
    numbers = _numbers_of(task)
    if number is None and not numbers:
        raise TaskdashError(f"{task.task_id} has no results ({task.state})")
    if number is not None and number not in numbers:
        count = plural(len(numbers), "result")
        raise TaskdashError(f"{task.task_id} has {count} ({task.state}): there is no {number}")
    return [(task, n) for n in numbers if number in (None, n)]


def _find_result(session: Session, store: Store, text: str) -> tuple[Task, int | None]:
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

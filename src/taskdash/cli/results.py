"""`taskdash open` and `taskdash download`: the results of finished tasks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import common_options, complete_folders, complete_ids, number, pass_session
from taskdash.cli.output import print_lines, talk
from taskdash.config.locations import absolute, download_dir
from taskdash.domain.errors import UsageError
from taskdash.domain.task import State
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from taskdash.cli.session import Session
    from taskdash.store.store import Store

MAX_NUMBER: Final = 10_000


@click.command(
    "open", epilog="Example: taskdash open 5064bd1a 2 --print", short_help="Open a result in the browser."
)
@click.argument("task_id", metavar="ID", shell_complete=complete_ids)
@click.argument("number", metavar="[N]", type=number(1, MAX_NUMBER), default=1)
@click.option("--print", "only_print", is_flag=True, help="Print the URL, open nothing.")
@common_options
@pass_session
def open_result(session: Session, task_id: str, number: int, *, only_print: bool) -> int:
    """Open result N of a task (the first, unless told) in the browser; an ID of a known form may be shortened.

    The link is given to `open_command` of the config, else to what BROWSER names, else to the desktop. Where there
    is no browser that would open before your eyes (over SSH, without a display) it is shown, and copied.
    """
    from taskdash.results.desktop import open_url
    from taskdash.results.links import UnsafeLinkError, checked_url

    with session.open_store() as store:
        detail = store.tasks.find_detail(session.profile.name, task_id)
    task, urls = detail.task, detail.result_urls
    if number > len(urls):
        count = plural(len(urls), "result link") if urls else "no result link"
        talk(f"taskdash: {task.task_id} has {count} ({task.state})")
        return 1
    try:
        url = checked_url(urls[number - 1])
    except UnsafeLinkError as error:
        talk(f"taskdash: result {number} is not opened, {error}: see `{session.line('show', task.task_id)}`")
        return 1
    if only_print:
        print_lines([url])
        return 0
    environ = session.keyless_environ()
    opened = open_url(url, command=session.settings.open_command, environ=environ)
    if opened.ok:
        talk(opened.message)
        return 0
    talk(f"taskdash: {opened.message}{_copied(url, environ)}: {url}")
    return 1


def _copied(url: str, environ: Mapping[str, str]) -> str:
    """Hand a link over that no browser takes; return what to say of it."""
    from taskdash.results.desktop import SENT, ClipboardError, find_clipboard, terminal_sequence

    program = find_clipboard(environ)
    if program is not None:
        try:
            program.copy(url)
        except ClipboardError as error:
            talk(f"taskdash: {error}")
        else:
            return f": link copied with {program.name}"
    sequence = terminal_sequence(url, environ)
    if sequence is None or sys.stderr is None or not sys.stderr.isatty() or environ.get("TERM") == "dumb":
        return ""
    sys.stderr.write(sequence)
    sys.stderr.flush()
    return f": link copied ({SENT})"


@click.command(
    epilog="Example: taskdash wait 5064bd1a && taskdash download 5064bd1a -o pictures",
    short_help="Save results that are not saved yet.",
)
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@click.option("--all", "every", is_flag=True, help="All results of the list; the same as no ID.")
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    shell_complete=complete_folders,
    help="Where to (default: download_dir of the config).",
)
@common_options
@pass_session
def download(session: Session, task_ids: Sequence[str], *, every: bool, folder: str | None) -> int:
    """Save the results that are not saved yet, of the tasks named or of all, and print their paths.

    A result that was saved is not saved again while its file is there. A file's name is the label or the prompt, the
    first 8 characters of the ID (all, where those are another's too), and the number of the result.
    What is broken off, by Ctrl+C too, goes on where it stopped the next time, if the server can do that.
    """
    from taskdash.cli.saving import save_results
    from taskdash.results.saved_results import wanted_of

    if task_ids and every:
        raise UsageError("give IDs or --all, not both")
    with session.open_store() as store:
        seqs, lacking = _with_results(session, store, task_ids)
        wanted, known = wanted_of(store, seqs)
    if not wanted:
        talk(_nothing(known))
        return 1 if lacking else 0
    path = absolute(folder) if folder is not None else download_dir(session.settings)
    failed = save_results(session, wanted, known, path)
    return failed or (1 if lacking else 0)


def _nothing(known: int) -> str:
    return (
        f"nothing to save: {plural(known, 'result')} saved before" if known else "nothing to save: no results"
    )


def _with_results(session: Session, store: Store, task_ids: Sequence[str]) -> tuple[list[int], int]:
    """Return the `seq` of the tasks that may have something to save, and how many of the named ones have nothing."""
    from taskdash.domain.query import Query

    if not task_ids:
        query = Query(session.profile.name, states=frozenset({State.SUCCESS}))
        return store.tasks.seqs(query, session.now_ms()), 0
    tasks = [store.tasks.find(session.profile.name, text) for text in task_ids]
    lacking = [task for task in tasks if task.state is not State.SUCCESS or not task.result_count]
    for task in lacking:
        talk(f"taskdash: {task.task_id} has no result to save ({task.state})")
    without = {task.seq for task in lacking}
    return list(dict.fromkeys(task.seq for task in tasks if task.seq not in without)), len(lacking)

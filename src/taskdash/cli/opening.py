"""`taskdash open`: opens a result in the browser."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import command, complete_ids, number, pass_session, selection_options
from taskdash.cli.output import print_lines, talk
from taskdash.cli.selection import read_details
from taskdash.domain.errors import TaskdashError
from taskdash.domain.words import plural
from taskdash.results.desktop import SENT, ClipboardError, find_clipboard, open_url, terminal_sequence
from taskdash.results.links import UnsafeLinkError, checked_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.task import TaskDetail

_NUMBER: Final = number(1, 10_000)


@command("Open a result in the browser.", example="taskdash open 5064bd1a 2 --print", name="open")
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete_ids)
@click.argument("number", metavar="[N]", type=_NUMBER, default=1)
@selection_options
@click.option("--print", "only_print", is_flag=True, help="Print the URL instead of opening it.")
@pass_session
def open_result(
    session: Session, task_id: str | None, number: int, *, selection: Selection, only_print: bool
) -> int:
    """Open result N of a task (default: 1) in the browser. An ID may be shortened to a unique prefix.

    Instead of an ID, --filter, --state or --label may select one task, or any number with --print. A full ID that is
    not listed is added first.

    Uses open_command from the config, else the program in BROWSER, else the desktop's browser. If no browser can open
    here (over SSH, or without a display), the link is printed and copied.
    """
    if task_id and selection.is_given and number == 1 and task_id.isdigit():
        number, task_id = _NUMBER(task_id), None
    details = read_details(session, [task_id] if task_id else [], selection)
    if len(details) > 1 and not only_print:
        raise TaskdashError(f"{len(details):,} tasks match {selection}: name one, or use --print")
    having = [detail for detail in details if len(detail.result_urls) >= number]
    return max(_open(session, detail, number, only_print=only_print) for detail in having or details[:1])


def _open(session: Session, detail: TaskDetail, number: int, *, only_print: bool) -> int:
    task, urls = detail.task, detail.result_urls
    if number > len(urls):
        count = plural(len(urls), "result link") if urls else "no result link"
        hint = "" if task.state.finished else f"; `{session.line('wait', task.task_id)}` waits for it"
        talk(f"taskdash: {task.task_id} has {count} ({task.state}){hint}")
        return 1
    try:
        url = checked_url(urls[number - 1])
    except UnsafeLinkError as error:
        talk(f"taskdash: result {number} was not opened: {error}; see `{session.line('show', task.task_id)}`")
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
    """Copy a link that no browser opened; return a note on that for the message, "" if it was not copied."""
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

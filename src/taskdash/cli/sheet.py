"""`taskdash sheet`: results with their pictures in one HTML file."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.add import with_stdin
from taskdash.cli.following import cancel_on_signal
from taskdash.cli.log import start_log
from taskdash.cli.options import command, complete_files, complete_ids, pass_session, selection_options
from taskdash.cli.output import Progress, print_lines, talk, write_utf8
from taskdash.cli.selection import OPTIONS
from taskdash.config.locations import absolute
from taskdash.domain.query import Query
from taskdash.domain.task import State
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural
from taskdash.results.sheet import cards_of, check_count, check_place, make_sheet, save_sheet
from taskdash.watch.thread import run_unwaited
from taskdash.wiring import open_previews

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.results.sheet import Card

DEFAULT_NAME: Final = "sheet.html"
STDOUT: Final = "-"


@command(
    "Make a contact sheet of results, as one HTML file.",
    example="taskdash sheet --filter picked:yes -o picks.html",
)
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.option(
    "-o",
    "--output",
    "file",
    metavar="FILE",
    default=DEFAULT_NAME,
    shell_complete=complete_files,
    help=f"Output file (default: ./{DEFAULT_NAME}; - for standard output).",
)
@pass_session
def sheet(session: Session, task_ids: Sequence[str], *, selection: Selection, file: str) -> int:
    """Make a contact sheet of results: one HTML file that opens in any browser and can be sent to anyone.

    Shows each result's picture, prompt, inputs, model, duration, credits, verdict and link. The pictures are embedded,
    smaller the more there are; the page loads nothing from the network. Without IDs or a selection, shows the results
    of all tasks. An existing contact sheet is overwritten, any other file is not.
    """
    path = None if file == STDOUT else absolute(file)
    if path is not None:
        check_place(path)
    task_ids = with_stdin(session, task_ids)
    with session.open_store(only_reads=True) as store:
        if task_ids or selection.is_given:
            seqs = [task.seq for task in selection.tasks(session, store, task_ids)]
        else:
            query = Query(session.profile.name, states=frozenset({State.SUCCESS}))
            seqs = store.tasks.seqs(query, session.now_ms())
        of_all = store.summaries.result_counts(Query(session.profile.name), session.now_ms(), marked=seqs)
        check_count(sum(count for _, count in of_all), f"give IDs, or {OPTIONS}")
        store.saved.forget_gone(seqs)
        cards = cards_of(store, seqs, session.keys)
    if not cards:
        talk("taskdash: no results to show")
        return 1
    asked = plural(len(set(task_ids)), "task") if task_ids else selection.heading or "All results"
    # Internal errors go to the log; without one, Python would print them with all their values.
    start_log(session)
    text = run_unwaited(_made(session, cards, session.redacted(asked), path))
    if isinstance(text, int):
        return text
    if path is None:
        write_utf8()
        sys.stdout.write(text)
    else:
        save_sheet(path, text)
        print_lines([inert_line(str(path))])
    talk(f"{plural(len(cards), 'result')}, {len(text.encode('utf-8', 'replace')) / 1_048_576:.1f} MiB")
    return 0


async def _made(session: Session, cards: Sequence[Card], asked: str, path: Path | None) -> str | int:
    """Return the page, or the exit code if a signal ended the work."""
    previews = open_previews(session.profile)
    if previews.missing:
        talk(previews.missing)
    with Progress("results", len(cards)) as progress:
        working = asyncio.ensure_future(
            make_sheet(
                cards,
                lambda _profile: previews,
                asked=asked,
                now_ms=session.now_ms(),
                ttls_ms=session.settings.ttls_ms(None),
                folder=None if path is None else path.parent,
                on_progress=progress.show,
            )
        )
        ended_by = cancel_on_signal(working)
        await asyncio.wait({working})
    previews.close()
    return 128 + ended_by[0] if ended_by else working.result()

"""`taskdash download` and `taskdash sheet`: save results as files, or on one page."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.editing import with_stdin
from taskdash.cli.following import cancel_on_signal, run_logged, stop_at_rest
from taskdash.cli.options import command, complete_files, complete_ids, selection_options
from taskdash.cli.output import RESUMES, Progress, print_lines, talk, write_utf8
from taskdash.cli.selection import OPTIONS, find_or_add
from taskdash.config.files import absolute, download_dir
from taskdash.domain.errors import KeyMissingError, UsageError
from taskdash.domain.query import Query
from taskdash.domain.task import State, Verdict
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural
from taskdash.results.download_thread import open_downloads
from taskdash.results.downloads import Downloads, End, Ended
from taskdash.results.sheet import cards_of, check_count, check_place, make_sheet, save_sheet
from taskdash.results.wanted import Renewals, wanted_of
from taskdash.watch.watcher import build_watcher

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.results.sheet import Card
    from taskdash.results.wanted import Wanted
    from taskdash.store.store import Store
    from taskdash.watch.watcher import Watcher

LOOK_EVERY_S: Final = 0.1
DEFAULT_NAME: Final = "sheet.html"
STDOUT: Final = "-"


@command(
    "Save results that are not saved yet.",
    example="taskdash wait 5064bd1a && taskdash download 5064bd1a -o pictures",
)
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.option("--all", "every", is_flag=True, help="All results on the list (same as no ID).")
@click.option("--picked", is_flag=True, help="Only picked results.")
@click.option(
    "-o",
    "--output",
    "folder",
    metavar="DIR",
    shell_complete=partial(complete_files, kind="dir"),
    help="Destination folder (default: download_dir in the config).",
)
@click.pass_obj
def download(
    session: Session,
    task_ids: Sequence[str],
    *,
    selection: Selection,
    every: bool,
    picked: bool,
    folder: str | None,
) -> int:
    """Save results that are not saved yet, and print their paths.

    Without IDs or a selection, saves the results of all tasks; `-` reads IDs from standard input. A result is not saved
    again while its file exists. Files are named after the label or prompt, the first 8 characters of the ID (more if
    another task shares them) and the result number, unless the config sets file_name. Interrupted downloads resume next
    time, if the server supports that.
    """
    if every and (task_ids or selection.is_given):
        raise UsageError(f"give {'task IDs' if task_ids else OPTIONS} or --all, not both")
    task_ids = with_stdin(session, task_ids)
    with session.open_store() as store:
        seqs, lacking = _with_results(session, store, task_ids, selection)
        only = store.verdicts.results(seqs, Verdict.PICKED) if picked else None
        wanted, known = wanted_of(store, seqs, only=only, file_name=session.settings.file_name)
    if not wanted:
        what = "picked result" if picked else "result"
        talk(f"nothing to save: {f'{plural(known, what)} already saved' if known else f'no {what}s'}")
        return 1 if lacking else 0
    path = absolute(folder) if folder is not None else download_dir(session.settings)
    return run_logged(session, _Run(session, wanted, known).save(path)) or (1 if lacking else 0)


def _with_results(
    session: Session, store: Store, task_ids: Sequence[str], selection: Selection
) -> tuple[list[int], int]:
    """Return the `seq` of the tasks that may have results to save, and how many of the named tasks have none."""
    if not task_ids and not selection.is_given:
        query = Query(session.profile.name, states=frozenset({State.SUCCESS}))
        return store.tasks.seqs(query, session.now_ms()), 0
    found, lacking = [], 0
    for task in selection.tasks(session, store, task_ids, find_or_add):
        if task.state is State.SUCCESS and task.result_count:
            found.append(task.seq)
        elif task_ids:
            # Not every task of a selection is expected to have results.
            lacking += 1
            why = "removed by the gateway" if task.purged else task.state
            talk(f"taskdash: {task.task_id} has no result to save ({why})")
    return found, lacking


class _Run:
    """Runs `download` once: saves, prints paths in the order asked for, and watches for links that have expired."""

    def __init__(self, session: Session, wanted: Sequence[Wanted], known: int) -> None:
        self._session = session
        self._wanted = wanted
        self._known = known
        self._ends: dict[tuple[int, int], Ended] = {}
        self._printed = 0
        self._beginning = asyncio.Lock()
        self._watcher: Watcher | None = None
        self._watching: asyncio.Task[None] | None = None
        self._progress = Progress()

    async def save(self, path: Path) -> int:
        """Save all results; return the exit code."""
        async with open_downloads(
            self._session.settings,
            self._session.keys,
            path,
            self._session.store_path,
            self._on_end,
            make_renewals=partial(Renewals, begin=self._watch),
        ) as downloads:
            working = asyncio.ensure_future(self._work(downloads))
            ended_by = cancel_on_signal(working)
            stop_at_rest()
            await asyncio.wait({working})
            if self._watcher is not None and self._watching is not None:
                self._watcher.stop()
                await asyncio.gather(self._watching, return_exceptions=True)
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error
        self._print_paths(of_all=True)
        if downloads.failure is not None:
            raise downloads.failure
        talk(downloads.status.summary(self._known))
        if ended_by:
            talk(RESUMES)
            return 128 + ended_by[0]
        return 1 if any(ended.end is End.FAILED for ended in self._ends.values()) else 0

    async def _watch(self) -> bool:
        """Start a watcher, once, for checks that are asked for; return whether one runs: not without a key."""
        async with self._beginning:
            if self._watching is None:
                session = self._session
                try:
                    key = session.find_key()
                except KeyMissingError:
                    return False
                self._watcher = await build_watcher(
                    session.profile, key, session.store_path, lambda: None, scheduled=False
                )
                self._watching = asyncio.create_task(self._watcher.run())
            return not self._watching.done()

    async def _work(self, downloads: Downloads) -> None:
        downloads.add(self._wanted)
        draining, waits = asyncio.ensure_future(downloads.drained()), False
        retrying = "some results are not there yet; retrying for up to 5m (Ctrl+C to stop)"
        try:
            while not draining.done() and downloads.failure is None:
                await asyncio.wait({draining}, timeout=LOOK_EVERY_S)
                if downloads.resting and not waits:
                    waits = True
                    self._progress.say(retrying)
                self._progress.show_downloads(downloads.status)
        finally:
            downloads.cancel()
            await draining
            self._progress.clear()

    def _on_end(self, ended: Ended) -> None:
        self._ends[ended.wanted.seq, ended.wanted.n] = ended
        wanted = ended.wanted
        if ended.error is not None:
            why_not = f", and {ended.why_not}" if ended.why_not else ""
            self._progress.say(f"taskdash: {wanted.task_id}, result {wanted.n}: {ended.error}{why_not}")
        elif ended.path is not None and ended.lacks:
            self._progress.say(f"taskdash: {inert_line(ended.path.name)}: {ended.lacks}")
        self._print_paths(of_all=False)

    def _print_paths(self, *, of_all: bool) -> None:
        """Print the paths that are next in order; with `of_all`, all that remain, skipping missing ones."""
        paths = []
        for wanted in self._wanted[self._printed :]:
            ended = self._ends.get((wanted.seq, wanted.n))
            if ended is None and not of_all:
                break
            self._printed += 1
            if ended is not None and ended.path is not None:
                paths.append(inert_line(str(ended.path)))
        if paths:
            self._progress.clear()
            print_lines(paths)


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
@click.pass_obj
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
    asked = plural(len(set(task_ids)), "task") if task_ids else str(selection) or "All results"
    text = run_logged(session, _made(session, cards, session.keys.redact_line(asked), path))
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
    previews = session.wiring.previews()
    if previews.missing:
        talk(previews.missing)
    with Progress(len(cards)) as progress:
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

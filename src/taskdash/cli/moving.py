"""`taskdash export` and `taskdash import`: write the list to a file, and read it back."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import tomli_w

from taskdash.cli.editing import pasted, put_on_list, read_stdin
from taskdash.cli.options import command, complete_files, selection_options
from taskdash.cli.output import Progress, print_csv, talk, write_utf8
from taskdash.domain.errors import TaskdashError, UsageError
from taskdash.domain.task_file import read_tasks
from taskdash.domain.task_json import CSV_FIELDS, TaskFileError, export_json, toml_table
from taskdash.domain.untrusted import Decoded, decoded, inert_line
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.task import Json, TaskDetail

_MAX_SHOWN: Final = 5


@command("Export the list.", example="taskdash export --all-profiles > list.json")
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv", "toml"]),
    default="json",
    help="Format (default: json, the only one that keeps the API's raw responses).",
)
@selection_options
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.pass_obj
def export(session: Session, *, form: str, selection: Selection, all_profiles: bool) -> None:
    """Export the list, with everything known about each task, for `taskdash import` on another machine.

    The export contains all prompts and result links, but no API keys and no images. In CSV, a cell that a spreadsheet
    would read as a formula gets a leading apostrophe, which the import removes.
    """
    query = selection.query(session, all_profiles=all_profiles)
    now_ms = session.now_ms()
    with session.open_store(only_reads=True) as store:
        store.saved.forget_gone()
        seqs = store.tasks.seqs(query, now_ms)
        if selection.is_given and not seqs:
            raise selection.matches_nothing()
        with Progress(len(seqs)) as progress:
            details = map(session.keys.redact_values, store.tasks.details(seqs, now_ms=now_ms))
            items = map(export_json, _counted(details, progress))
            if form == "csv":
                print_csv(CSV_FIELDS, items)
            else:
                (_write_json if form == "json" else _write_toml)(items)


def _counted(details: Iterable[TaskDetail], progress: Progress) -> Iterator[TaskDetail]:
    for n, detail in enumerate(details):
        progress.show(n)
        yield detail


def _write_json(items: Iterable[dict[str, Json]]) -> None:
    before = "[\n"
    for item in items:
        sys.stdout.write(before + json.dumps(item))
        before = ",\n"
    sys.stdout.write("[]\n" if before == "[\n" else "\n]\n")


def _write_toml(items: Iterable[dict[str, Json]]) -> None:
    write_utf8()
    # One table at a time: in TOML, an array of tables is just its tables one after another.
    tables = (tomli_w.dumps({"tasks": [toml_table(item)]}) + "\n" for item in items)
    sys.stdout.write(next(tables, tomli_w.dumps({"tasks": []})))
    sys.stdout.writelines(tables)


@command(
    "Import an exported list, or the IDs in any text.", example="taskdash import list.json", name="import"
)
@click.argument("file", metavar="FILE", shell_complete=complete_files)
@click.pass_obj
def import_list(session: Session, file: str) -> int:
    """Import a file written by `taskdash export`, or the task IDs in any other text; `-` reads standard input.

    A CSV that a spreadsheet saved again works too, unless it has changed numbers, and so does a table or JSON made by
    hand: taskId and any other fields.
    Imported tasks keep their order and go to the top of the list. Tasks already listed are left as they are. An invalid
    file changes nothing.
    """
    found = decoded(_read(file))
    left_out: set[str] = set()
    tasks = _parse(session, file, found, left_out)
    if tasks is None:
        return _import_text(session, found.text)
    with session.open_store() as store, Progress(len(tasks)) as progress:
        added, listed = store.documents.import_tasks(tasks, session.now_ms(), progress.show)
    talk(f"{plural(added, 'task')} added, {listed:,} already listed")
    if left_out:
        names = ", ".join(inert_line(name, 60) for name in sorted(left_out)[:_MAX_SHOWN])
        more = f" and {len(left_out) - _MAX_SHOWN:,} more" if len(left_out) > _MAX_SHOWN else ""
        talk(f"ignored unknown fields: {names}{more}")
    unknown = {detail.task.profile for detail in tasks} - set(session.settings.profiles)
    listing = session.line("list --all-profiles")
    for name in sorted(unknown)[:_MAX_SHOWN]:
        talk(f"profile {name} is not in the config: its tasks are kept but not checked; see `{listing}`")
    return 0


def _parse(session: Session, file: str, read: Decoded, left_out: set[str]) -> list[TaskDetail] | None:
    tasks = read_tasks(read.text, session.profile.name, session.now_ms(), left_out)
    if tasks is None:
        return None
    name = "standard input" if file == "-" else inert_line(file, 200)
    if read.broken_line is not None:
        raise _refused(name, f"line {read.broken_line}: neither UTF-8 nor UTF-16; save the file as UTF-8")
    # Few files contain a key, and searching every value for one is slow.
    has_key = session.keys.are_in(read.text)
    try:
        found = [session.keys.redact_values(detail) if has_key else detail for detail in tasks]
    except TaskFileError as error:
        raise _refused(name, str(error)) from None
    keys = {key.reveal() for key in session.keys}
    if any(detail.task.task_id in keys for detail in found):
        raise TaskdashError(f"{name}: it has an API key as a task ID; nothing was imported")
    return found


def _refused(name: str, why: str) -> TaskdashError:
    return TaskdashError(f"{name}: {why}; nothing was imported (`taskdash add - < FILE` adds just the IDs)")


def _import_text(session: Session, text: str) -> int:
    paste = pasted(text, session.keys)
    if not paste.found:
        talk("taskdash: no task IDs found: neither an export nor text that contains IDs")
        return 1
    outcome = put_on_list(session, {found.task_id: found.path_hint for found in paste.found})
    counts = f"{plural(len(outcome.added), 'task')} added, {len(outcome.listed):,} already listed"
    talk(f"{counts}, {len(paste.ignored)} ignored")
    return 0


def _read(file: str) -> bytes:
    if file == "-":
        return read_stdin()
    try:
        return Path(file).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise UsageError(f"cannot read {inert_line(file, 200)}: {reason}") from None

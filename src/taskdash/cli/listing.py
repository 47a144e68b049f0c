"""`taskdash list` and `taskdash show`: what the store knows, without a request."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import (
    common_options,
    complete_ids,
    complete_words,
    form_options,
    number,
    pass_session,
)
from taskdash.cli.output import print_csv, print_json, print_json_array, print_lines
from taskdash.cli.session import Session, collecting_later
from taskdash.domain.query import Query, Sort, SortKey
from taskdash.domain.query_language import STATES, parse_filter, parse_sort, parse_states
from taskdash.domain.task_json import FIELDS, task_json

if TYPE_CHECKING:
    from taskdash.domain.task import TaskDetail
    from taskdash.store.store import Store

MAX_LIMIT: Final = 1_000_000_000


@click.command(
    "list",
    epilog='Example: taskdash list --state fail --filter "age:<2h" --json | jq length',
    short_help="Print the list.",
)
@click.option(
    "--state",
    metavar="S",
    shell_complete=complete_words(STATES),
    help="Only new, waiting, success, fail or unfinished ones.",
)
@click.option(
    "--filter", "filter_text", metavar="F", help="Only those that match, as in the dashboard's filter box."
)
@click.option(
    "--sort",
    "sort_text",
    metavar="K",
    shell_complete=complete_words(SortKey),
    help="added, state, label, model, cost, created, checked, id; -K reverses.",
)
@click.option("--limit", type=number(0, MAX_LIMIT), metavar="N", help="At most so many.")
@click.option("--all-profiles", is_flag=True, help="The tasks of every gateway.")
@form_options(
    json="Print one JSON document.",
    ids="Print the IDs only, one a line.",
    csv="Print a table with a header.",
)
@common_options
@pass_session
def list_tasks(
    session: Session,
    *,
    state: str | None,
    filter_text: str | None,
    sort_text: str | None,
    limit: int | None,
    all_profiles: bool,
    form: str | None,
) -> None:
    """Print the list, last added first. No request is sent.

    In a terminal it is a table; elsewhere its cells are separated by tabs, and whole. A filter has words, all of which
    must match ID, label, note, prompt, model or failure text, and state:fail, model:gpt, label:x, problem:any,
    reason:timeout, cost:>30s, age:<2h, saved:no, !word or "a phrase"; with a result_ttl in the config also expires:<2h.
    """
    profile = None if all_profiles else session.profile.name
    query = Query(
        profile=profile,
        states=parse_states(state) if state else None,
        terms=parse_filter(filter_text, session.settings.ttls_ms(profile)) if filter_text else (),
        sort=parse_sort(sort_text) if sort_text else Sort(),
    )
    with collecting_later(), session.open_store() as store:
        if form in ("json", "csv") or filter_text:
            store.saved.forget_gone()
        _PRINTERS[form](store, query, session.now_ms(), -1 if limit is None else limit)


def _print_json(store: Store, query: Query, now_ms: int, limit: int) -> None:
    print_json_array(store.documents.json_items(query, now_ms, limit=limit))


def _print_ids(store: Store, query: Query, now_ms: int, limit: int) -> None:
    print_lines(task.task_id for task in store.tasks.rows(query, now_ms, limit=limit))


def _print_csv(store: Store, query: Query, now_ms: int, limit: int) -> None:
    seqs = store.tasks.seqs(query, now_ms)
    details = list(store.tasks.details(seqs if limit < 0 else seqs[:limit], raw=False))
    print_csv(FIELDS, map(task_json, details))


def _print_table(store: Store, query: Query, now_ms: int, limit: int) -> None:
    from taskdash.cli.table import plain_table, table_rows

    tasks = store.tasks.rows(query, now_ms, limit=limit)
    if sys.stdout.isatty():
        print_lines(plain_table(tasks, now_ms, shutil.get_terminal_size().columns))
    else:
        print_lines("\t".join(row) for row in table_rows(tasks, now_ms))


_PRINTERS = {None: _print_table, "json": _print_json, "ids": _print_ids, "csv": _print_csv}


@click.command(
    epilog="Example: taskdash show 5064bd1a --json | jq -r '.resultUrls[]'", short_help="Print one task."
)
@click.argument("task_id", metavar="ID", shell_complete=complete_ids)
@form_options(json="Print one JSON document.", raw="Print the last body with a record, as it was sent.")
@common_options
@pass_session
def show(session: Session, task_id: str, *, form: str | None) -> int:
    """Print one task; an ID of a known form may be shortened to a unique prefix of 6 characters or more."""
    with session.open_store() as store:
        task = store.tasks.find(session.profile.name, task_id)
        store.saved.forget_gone([task.seq])
        detail = store.tasks.find_detail(session.profile.name, task_id)
    if form == "json":
        print_json(task_json(detail))
    elif form == "raw":
        return _print_raw(session, detail)
    else:
        from taskdash.cli.table import detail_lines

        print_lines(detail_lines(detail, session.now_ms()))
    return 0


def _print_raw(session: Session, detail: TaskDetail) -> int:
    from taskdash.cli.output import talk
    from taskdash.domain.untrusted import raw_text

    if not detail.raw:
        task_id = detail.task.task_id
        talk(f"{task_id} has no record yet: check it with `{session.line('check', task_id)}`")
        return 1
    body = raw_text(detail.raw)
    sys.stdout.flush()
    sys.stdout.buffer.write(session.keys.redact_bytes(body))
    return 0

"""`taskdash list`, `show` and `stats`: what the store knows, without a request."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from taskdash.cli.options import (
    Command,
    complete_ids,
    complete_words,
    form_options,
    length_of_time,
    number,
    pass_session,
    selection_options,
)
from taskdash.cli.output import print_csv, print_json, print_json_array, print_lines, talk
from taskdash.cli.rows import HEADINGS, cells, complete_fields, field_cells, fields_of, read_fields
from taskdash.cli.selection import read_details
from taskdash.cli.session import Session, collecting_later
from taskdash.domain.durations import NONE, ago, duration
from taskdash.domain.query import NEWEST_FIRST, SortKey
from taskdash.domain.query_language import parse_sort
from taskdash.domain.task import State, json_text
from taskdash.domain.task_json import FIELDS, task_json
from taskdash.domain.untrusted import raw_text
from taskdash.domain.words import NO_MODEL, moment, plural, state_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import NoReturn

    from taskdash.cli.selection import Selection
    from taskdash.domain.query import Query
    from taskdash.domain.tally import Tally
    from taskdash.domain.task import Json, TaskDetail
    from taskdash.store.store import Store

MAX_LIMIT: Final = 1_000_000_000
MAX_WATCH_S: Final = 86_400
LEAST_WATCH_S: Final = 0.5
TALLY_HEADER: Final = (
    "MODEL",
    "TASKS",
    "SUCCESS",
    "FAIL",
    "UNFINISHED",
    "SUCCESS RATE",
    "P50",
    "P90",
    "CREDITS",
)
_NARROW: Final = re.compile(r"[ -~\u00a0-\u02ff\u2010-\u2027]*")
"""Texts in which each character is one cell, the dash for what is not known among them."""


@click.command(
    "list",
    cls=Command,
    epilog='Example: taskdash list --state fail --filter "age:<2h" --json | jq length',
    short_help="Print the list.",
)
@selection_options
@click.option(
    "--sort",
    "sort_text",
    metavar="K",
    shell_complete=complete_words(SortKey),
    help="added, state, label, model, cost, created, checked, id; -K reverses.",
)
@click.option("--limit", type=number(0, MAX_LIMIT), metavar="N", help="Maximum number of rows.")
@click.option("--all-profiles", is_flag=True, help="The tasks of all profiles.")
@click.option("--wide", is_flag=True, help="All columns, whole, on a terminal too.")
@click.option(
    "--fields",
    "fields_text",
    metavar="A,B,...",
    shell_complete=complete_fields,
    help="Columns by their JSON names.",
)
@click.option("--no-header", is_flag=True, help="No line of headings.")
@click.option(
    "--watch",
    "watch_s",
    metavar="[S]",
    is_flag=False,
    flag_value="2",
    type=length_of_time(MAX_WATCH_S),
    help="Print it again every 2 seconds, or every S (10, 1m), until Ctrl+C.",
)
@form_options(json="Output JSON.", ids="Output only IDs, one per line.", csv="Output CSV.")
@pass_session
def list_tasks(
    session: Session,
    *,
    selection: Selection,
    sort_text: str | None,
    limit: int | None,
    all_profiles: bool,
    wide: bool,
    fields_text: str | None,
    no_header: bool,
    watch_s: float | None,
    form: str | None,
) -> None:
    """Print the list, last added first. Sends no request.

    On a terminal it is a table that fits it; elsewhere all columns, whole and separated by tabs, with times in UTC.
    All words of a filter must match: text in ID, label, note, prompt, model or failure reason, state:fail, model:gpt,
    label:x, problem:any, reason:timeout, cost:>30s, age:<2h, saved:no, !word, "exact phrase"; with a result_ttl in the
    config also expires:<2h. --fields takes the names of the JSON, such as taskId,state,prompt.
    """
    fields = () if fields_text is None else read_fields(fields_text)
    if form == "ids" and fields:
        raise click.UsageError("--ids and --fields exclude each other: give one")
    if form and watch_s is not None:
        raise click.UsageError(f"--watch shows a table: it takes no --{form}")
    sort = parse_sort(sort_text) if sort_text else NEWEST_FIRST
    query = selection.query(session, all_profiles=all_profiles, sort=sort)
    table = _Table(fields, is_wide=wide, has_heading=not no_header, has_profile=all_profiles)
    rows = -1 if limit is None else limit
    with session.open_store(only_reads=True) as store:
        if form in ("json", "csv") or fields or selection.filter_text:
            store.saved.forget_gone()
        if watch_s is not None:
            try:
                _watch(session, store, query, rows, table, watch_s)
            except KeyboardInterrupt:
                # click would write an empty line.
                raise SystemExit(128 + signal.SIGINT) from None
        with collecting_later():
            _PRINTERS[form](store, query, session.now_ms(), rows, table)


class _Table(NamedTuple):
    """How the list is printed as a table or a part of its fields, as the options say."""

    fields: tuple[str, ...] = ()
    is_wide: bool = False
    has_heading: bool = True
    has_profile: bool = False

    @property
    def headings(self) -> tuple[str, ...]:
        """Return the names of the columns of what is printed whole."""
        return self.fields or (HEADINGS if self.has_profile else HEADINGS[:-1])

    def rows(self, store: Store, query: Query, now_ms: int, limit: int) -> Iterator[list[str]]:
        """Yield the cells of each task, one for each of `headings`."""
        if self.fields:
            yield from (field_cells(detail, self.fields) for detail in _details(store, query, now_ms, limit))
        else:
            for task in store.tasks.rows(query, now_ms, limit=limit, whole=True):
                yield cells(task, now_ms, has_profile=self.has_profile)

    def plain_lines(self, store: Store, query: Query, now_ms: int, limit: int) -> Iterator[str]:
        """Yield the lines for output that is no terminal."""
        if self.has_heading:
            yield "\t".join(self.headings)
        yield from map("\t".join, self.rows(store, query, now_ms, limit))

    def lines(self, store: Store, query: Query, now_ms: int, limit: int, width: int) -> Iterator[list[str]]:
        """Yield the lines for a terminal so many cells wide, in blocks."""
        # Rich takes longer to load than most lists take to be printed.
        from taskdash.cli.screen import cell_lines, task_lines

        if self.fields or self.is_wide:
            room = None if self.is_wide else width
            rows = self.rows(store, query, now_ms, limit)
            yield cell_lines(self.headings, rows, room, has_heading=self.has_heading)
        else:
            tasks = store.tasks.rows(query, now_ms, limit=limit)
            yield from task_lines(
                tasks, now_ms, width, has_heading=self.has_heading, has_profile=self.has_profile
            )


def _print_json(store: Store, query: Query, now_ms: int, limit: int, table: _Table) -> None:
    if table.fields:
        details = _details(store, query, now_ms, limit)
        print_json_array([json.dumps(fields_of(detail, table.fields)) for detail in details])
    else:
        print_json_array(store.documents.json_items(query, now_ms, limit=limit))


def _print_ids(store: Store, query: Query, now_ms: int, limit: int, _: _Table) -> None:
    print_lines(task.task_id for task in store.tasks.rows(query, now_ms, limit=limit))


def _print_csv(store: Store, query: Query, now_ms: int, limit: int, table: _Table) -> None:
    details = list(_details(store, query, now_ms, limit))
    items = (fields_of(detail, table.fields or FIELDS) for detail in details)
    print_csv(table.fields or FIELDS, items, has_heading=table.has_heading)


def _print_table(store: Store, query: Query, now_ms: int, limit: int, table: _Table) -> None:
    if not sys.stdout.isatty():
        print_lines(table.plain_lines(store, query, now_ms, limit))
        return
    from taskdash.cli.screen import terminal_size

    for lines in table.lines(store, query, now_ms, limit, terminal_size()[0]):
        print_lines(lines)


def _details(store: Store, query: Query, now_ms: int, limit: int) -> Iterator[TaskDetail]:
    seqs = store.tasks.seqs(query, now_ms)
    return store.tasks.details(seqs if limit < 0 else seqs[:limit], raw=False)


_PRINTERS = {None: _print_table, "json": _print_json, "ids": _print_ids, "csv": _print_csv}


def _watch(
    session: Session, store: Store, query: Query, limit: int, table: _Table, every_s: float
) -> NoReturn:
    """Print the list again and again, on a terminal in the same place, until a signal comes."""
    every_s = max(every_s, LEAST_WATCH_S)
    if not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        while True:
            _print_table(store, query, session.now_ms(), limit, table)
            print_lines([""])
            sys.stdout.flush()
            time.sleep(every_s)
    from taskdash.cli.screen import cropped, redraw

    def lines_for(width: int, height: int) -> list[str]:
        now_ms = session.now_ms()
        total = sum(
            count
            for state, count in store.tasks.counts(query, now_ms).items()
            if query.states is None or state in query.states
        )
        most = max(1, height - 2 - table.has_heading)
        most = most if limit < 0 else min(most, limit)
        blocks = table.lines(store, query, now_ms, most, width)
        lines = [line for block in blocks for line in block][: height - 2]
        shown = f"{min(most, total):,} of {plural(total, 'task')}" if total > most else plural(total, "task")
        return [*lines, "", cropped(f"{shown} · every {duration(1000 * every_s)} · Ctrl+C to quit", width)]

    redraw(lines_for, every_s)


@click.command(
    cls=Command,
    epilog="Example: taskdash show 5064bd1a --json | jq -r '.resultUrls[]'",
    short_help="Print one task.",
)
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete_ids)
@selection_options
@form_options(json="Print one JSON document.", raw="Print the last body with a record, as it was sent.")
@pass_session
def show(session: Session, task_id: str | None, *, selection: Selection, form: str | None) -> int:
    """Print one task, or all that are selected; an ID may be shortened to a unique prefix of 6 characters or more.

    With --filter, --state or --label the JSON document is an array. An ID that is not on the list is added first.
    """
    details = read_details(session, [task_id] if task_id else [], selection)
    if form == "raw":
        if len(details) > 1:
            raise click.UsageError(f"--raw prints one task, and {len(details):,} match: name one")
        return _print_raw(session, details[0])
    if form == "json":
        items: list[Json] = [task_json(detail) for detail in details]
        print_json(items[0] if task_id else items)
        return 0
    for n, detail in enumerate(details):
        print_lines([*([""] if n else []), *detail_lines(detail, session.now_ms())])
    return 0


def _print_raw(session: Session, detail: TaskDetail) -> int:
    if not detail.raw:
        task_id = detail.task.task_id
        talk(f"taskdash: {task_id} has no record yet: check it with `{session.line('check', task_id)}`")
        return 1
    body = raw_text(detail.raw)
    sys.stdout.flush()
    sys.stdout.buffer.write(session.keys.redact_bytes(body))
    return 0


@click.command(
    cls=Command,
    epilog='Example: taskdash stats --filter "age:<7d" --json | jq .successRate',
    short_help="Print counts, success rate and times per model.",
)
@selection_options
@click.option("--all-profiles", is_flag=True, help="The tasks of every gateway.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; times are in milliseconds.")
@pass_session
def stats(session: Session, *, selection: Selection, all_profiles: bool, as_json: bool) -> None:
    """Print counts, success rate, and the costTime that 50 % and 90 % of the successes of a model do not exceed.

    The success rate is out of all that ended, in success or failure; credits are as far as the gateway reports them.
    In JSON, `endedPerHour` has the last 24 hours, the oldest first. No request is sent.
    """
    from taskdash.domain.tally import ended_per_hour, tally

    query = selection.query(session, all_profiles=all_profiles)
    with session.open_store(only_reads=True) as store:
        outcomes = store.summaries.outcomes(query, session.now_ms())
    everything, models = tally(outcomes)
    if as_json:
        document: dict[str, Json] = {"profile": query.profile, **_tally_json(everything)}
        document["endedPerHour"] = [*ended_per_hour(outcomes, session.now_ms())]
        document["models"] = [{"model": each.model, **_tally_json(each)} for each in models]
        print_json(document)
    else:
        print_lines(tally_lines([*models, everything] if len(models) != 1 else models))


def _tally_json(tally: Tally) -> dict[str, Json]:
    return {
        "tasks": tally.total,
        **{state.value: tally.counts[state] for state in State},
        "successRate": tally.success_rate,
        "costTimeP50": tally.cost_p50_ms,
        "costTimeP90": tally.cost_p90_ms,
        "creditsConsumed": tally.credits_consumed,
    }


def detail_lines(detail: TaskDetail, now_ms: int) -> list[str]:
    """Return the lines that tell of one task in full."""
    task = detail.task
    pairs: list[tuple[str, str | None]] = [
        ("task ID", task.task_id),
        ("state", state_word(task)),
        ("problem", f"{task.problem.kind.value}: {task.problem.message}" if task.problem else None),
        ("model", task.model),
        ("label", task.label),
        ("note", task.note),
    ]
    if task.state is State.FAIL:
        # Its patterns take a millisecond to compile, which `list` has no use for.
        from taskdash.domain.failures import classify

        pairs += [
            ("kind", classify(task.fail_code, task.fail_msg, task.raw_state).value),
            ("failCode", task.fail_code or NONE),
            ("failMsg", task.fail_msg or NONE),
        ]
    pairs += [(f"result {n}", url) for n, url in enumerate(detail.result_urls, 1)]
    pairs += [("saved", saved.path) for saved in detail.saved]
    pairs += [
        ("costTime", duration(task.cost_time_ms, measured=True) if task.state.finished else None),
        ("created", _time(task.create_time_ms, now_ms)),
        ("completed", _time(task.complete_time_ms, now_ms)),
        ("added", _time(task.added_at_ms, now_ms)),
        ("checked", _time(task.checked_at_ms, now_ms)),
        ("param", json_text(detail.param) if detail.param is not None else None),
    ]
    lines = []
    for name, value in pairs:
        if value:
            first, *rest = value.splitlines() or [""]
            lines += [f"{name:<10} {first}", *(f"{'':<10} {line}" for line in rest)]
    return lines


def _time(at_ms: int | None, now_ms: int) -> str | None:
    return f"{moment(at_ms)} ({ago(at_ms, now_ms)})" if at_ms is not None else None


def tally_lines(tallies: Sequence[Tally]) -> list[str]:
    """Return a table of a line for each model; the last of several is that of all."""
    rows = [TALLY_HEADER, *(_tally_cells(each, n == len(tallies) - 1) for n, each in enumerate(tallies))]
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([_pad(row[0], widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    ]


def _tally_cells(tally: Tally, is_total: bool) -> tuple[str, ...]:
    rate = tally.success_rate
    return (
        tally.model or ("all" if is_total else NO_MODEL),
        f"{tally.total:,}",
        f"{tally.counts[State.SUCCESS]:,}",
        f"{tally.counts[State.FAIL]:,}",
        f"{tally.counts[State.NEW] + tally.counts[State.WAITING]:,}",
        NONE if rate is None else f"{rate:.1%}",
        duration(tally.cost_p50_ms, measured=True),
        duration(tally.cost_p90_ms, measured=True),
        NONE if tally.credits_consumed is None else f"{tally.credits_consumed:,g}",
    )


def cell_width(text: str) -> int:
    """Return how many cells a terminal needs for a text, whatever script it is in."""
    if _NARROW.fullmatch(text):
        return len(text)
    # Rich's tables of characters take longer to load than most lists need to be printed.
    from rich.cells import cell_len

    return cell_len(text)


def _pad(text: str, cells: int) -> str:
    return text + " " * (cells - cell_width(text))

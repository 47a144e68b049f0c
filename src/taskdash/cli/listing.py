"""`taskdash list` and `taskdash status`: print the list in full or in one line, without a request."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import sys
import time
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from taskdash.cli.options import (
    command,
    complete_words,
    form_options,
    length_of_time,
    number,
    selection_options,
)
from taskdash.cli.output import cropped, print_csv, print_json, print_json_array, print_lines, talk
from taskdash.domain.errors import UsageError
from taskdash.domain.query import NEWEST_FIRST, SortKey, parse_sort
from taskdash.domain.task import State
from taskdash.domain.task_json import FIELDS, TIMES, task_json
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import (
    NONE,
    amount,
    duration,
    duration_word,
    iso_time,
    plural,
    reason_of,
    state_word,
)
from taskdash.store.store import glance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import NoReturn

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.query import Query
    from taskdash.domain.task import Json, Task, TaskDetail
    from taskdash.store.store import Store

_HEADINGS: Final = (
    *("STATE", "TASK ID", "MODEL", "DURATION", "CREATED", "CHECKED", "LABEL", "PROMPT", "REASON", "PROBLEM"),
    "PROFILE",
)
"""The columns of piped output, in a stable order; the last only with `--all-profiles`."""
_FIELD_NAMES: Final = (*FIELDS, "prompt")
"""The names for `--fields`: the fields of the JSON, and the prompt, which is somewhere inside `param`."""
_MOMENTS: Final = frozenset(TIMES) - {"costTime"}
MAX_LIMIT: Final = 1_000_000_000
MAX_WATCH_S: Final = 86_400
LEAST_WATCH_S: Final = 0.5
NAMES: Final = ("new", "waiting", "unfinished", "failed", "done", "total", "credits_today", "profile")


@command(
    "Print the list.", example='taskdash list --state fail --filter "age:<2h" --json | jq length', name="list"
)
@selection_options
@click.option(
    "--sort",
    "sort_text",
    metavar="K",
    shell_complete=complete_words((*SortKey, "duration")),
    help="Sort by added, state, label, model, duration, created, checked, id or credits; -K reverses.",
)
@click.option("--limit", type=number(0, MAX_LIMIT), metavar="N", help="Maximum number of rows.")
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.option("--wide", is_flag=True, help="Print all columns in full, even on a terminal.")
@click.option(
    "--fields",
    "fields_text",
    metavar="A,B,...",
    help="Print only these fields, by their JSON names.",
)
@click.option("--no-header", is_flag=True, help="Omit the column headings.")
@click.option(
    "--watch",
    "watch_s",
    metavar="[S]",
    is_flag=False,
    flag_value="2",
    type=length_of_time(MAX_WATCH_S),
    help="Refresh every 2 seconds, or every S (10, 1m), until Ctrl+C; needs a terminal.",
)
@form_options(json="Output JSON.", ids="Output only IDs, one per line.", csv="Output CSV.")
@click.pass_obj
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
    """Print the list, newest first. Sends no request.

    On a terminal, the table fits the width. Elsewhere, all columns are printed in full, tab-separated, with times in
    UTC. --fields takes JSON names, such as taskId,state,prompt.

    In a filter, all words must match: text in the ID, label, note, prompt, model or failure reason; state:fail,
    model:gpt, label:x, problem:any, reason:timeout, duration:>30s, age:<2h, saved:no, picked:yes, rejected:yes,
    undecided:yes, overdue:yes, charged:yes and, where result links expire, expires:<2h; "exact phrase"; !word to
    exclude.
    """
    fields = () if fields_text is None else _read_fields(fields_text)
    if form == "ids" and fields:
        raise click.UsageError("--ids and --fields cannot be combined")
    if watch_s is not None and form:
        raise click.UsageError(f"--watch and --{form} cannot be combined")
    if watch_s is not None and (not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb"):
        raise UsageError("--watch needs a terminal")
    sort = parse_sort(sort_text) if sort_text else NEWEST_FIRST
    query = selection.query(session, all_profiles=all_profiles, sort=sort)
    most = -1 if limit is None else limit
    table = _Table(query, most, fields, is_wide=wide, has_heading=not no_header)

    @contextmanager
    def opened() -> Iterator[Store]:
        with session.open_store(only_reads=True) as store:
            if form in ("json", "csv") or fields or selection.filter_text:
                store.saved.forget_gone()
            yield store

    if watch_s is None:
        with opened() as store:
            table.print_as(form, store, session.now_ms())
        return
    # It may run for days.
    gc.enable()
    try:
        _watch(session, opened, table, max(watch_s, LEAST_WATCH_S))
    except KeyboardInterrupt:
        # click would print an empty line.
        raise SystemExit(128 + signal.SIGINT) from None


class _Table(NamedTuple):
    """Prints the tasks, and the columns of them, that the options select."""

    query: Query
    limit: int
    """-1: no limit."""
    fields: tuple[str, ...]
    is_wide: bool
    has_heading: bool

    @property
    def has_profile(self) -> bool:
        """Return whether there is a column for the profile."""
        return self.query.profile is None

    def print_as(self, form: str | None, store: Store, now_ms: int) -> None:
        fields = self.fields or FIELDS
        if form == "json" and not self.fields:
            print_json_array(store.documents.json_items(self.query, now_ms, limit=self.limit))
        elif form == "json":
            details = self._details(store, now_ms)
            print_json_array([json.dumps(_fields_of(detail, fields)) for detail in details])
        elif form == "ids":
            tasks = store.tasks.rows(self.query, now_ms, limit=self.limit)
            print_lines(task.task_id for task in tasks)
        elif form == "csv":
            rows = [_fields_of(detail, fields) for detail in self._details(store, now_ms)]
            print_csv(fields, rows, has_heading=self.has_heading)
        elif not sys.stdout.isatty():
            heading = [self._headings] if self.has_heading else []
            print_lines(map("\t".join, (*heading, *self._rows(store, now_ms))))
        else:
            lines = self.lines(store, now_ms)
            print_lines(lines)
            if len(lines) == self.has_heading and self.limit != 0:
                is_all = self.query.states is None and not self.query.terms
                talk("no tasks yet: add some with `taskdash add ID`" if is_all else "no tasks match")

    def lines(self, store: Store, now_ms: int) -> list[str]:
        """Return the lines for the terminal."""
        # Rich takes longer to import than most lists take to print.
        from taskdash.cli.screen import cell_lines, task_lines, terminal_size

        width, _ = terminal_size()
        if self.fields or self.is_wide:
            room, rows = None if self.is_wide else width, self._rows(store, now_ms)
            return cell_lines(self._headings, rows, room, has_heading=self.has_heading)
        tasks = store.tasks.rows(self.query, now_ms, limit=self.limit)
        return task_lines(tasks, now_ms, width, has_heading=self.has_heading, has_profile=self.has_profile)

    @property
    def _headings(self) -> tuple[str, ...]:
        """Return the column names of a table that is printed in full."""
        return self.fields or (_HEADINGS if self.has_profile else _HEADINGS[:-1])

    def _rows(self, store: Store, now_ms: int) -> Iterator[list[str]]:
        """Yield the cells of each task, one for each of `_headings`."""
        if self.fields:
            for detail in self._details(store, now_ms):
                yield [_cell(name, value) for name, value in _fields_of(detail, self.fields).items()]
        else:
            for task in store.tasks.rows(self.query, now_ms, limit=self.limit, whole=True):
                yield _cells(task, now_ms, has_profile=self.has_profile)

    def _details(self, store: Store, now_ms: int) -> Iterator[TaskDetail]:
        """Return the details of each task, without its raw response."""
        seqs = store.tasks.seqs(self.query, now_ms)
        asked_ms = now_ms if "overdue" in (self.fields or FIELDS) else None
        return store.tasks.details(seqs if self.limit < 0 else seqs[: self.limit], raw=False, now_ms=asked_ms)


def _watch(
    session: Session, opened: Callable[[], AbstractContextManager[Store]], table: _Table, every_s: float
) -> NoReturn:
    """Print the list on the terminal every `every_s` seconds, in place, until a signal arrives."""
    from taskdash.cli.screen import terminal_size

    # What was on the screen stays above, to be scrolled back to.
    sys.stdout.write("\n" * terminal_size()[1])
    while True:
        (width, height), now_ms = terminal_size(), session.now_ms()
        room = max(1, height - 3 - table.has_heading)
        most = room if table.limit < 0 else min(room, table.limit)
        query = table.query
        with opened() as store:
            counts = store.tasks.counts(query, now_ms)
            lines = table._replace(limit=most).lines(store, now_ms)[: height - 3]
        total = sum(count for state, count in counts.items() if query.states is None or state in query.states)
        shown = plural(total, "task") if total <= most else f"{most:,} of {plural(total, 'task')}"
        told = f"{shown} · every {duration(1000 * every_s, measured=True)} · Ctrl+C to quit"
        drawn = "".join(f"{line}\x1b[K\r\n" for line in (*lines, "", cropped(told, width)))
        sys.stdout.write(f"\x1b[H{drawn}\x1b[J")
        sys.stdout.flush()
        time.sleep(every_s)


def _cells(task: Task, now_ms: int, *, has_profile: bool) -> list[str]:
    """Return the cells of a task in full, one for each of `_HEADINGS`."""
    problem = task.problem
    row: list[str | None] = [
        state_word(task),
        task.task_id,
        task.model,
        duration_word(task, now_ms),
        iso_time(task.create_time_ms),
        iso_time(task.checked_at_ms),
        task.label and inert_line(task.label),
        task.prompt and inert_line(task.prompt),
        reason_of(task),
        None if problem is None else f"{problem.kind.value}: {inert_line(problem.message)}",
    ]
    return [cell or NONE for cell in ([*row, task.profile] if has_profile else row)]


def _read_fields(text: str) -> tuple[str, ...]:
    """Return the fields of a comma-separated list; raise UsageError if it is empty or one is unknown."""
    names = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    unknown = [name for name in names if name not in _FIELD_NAMES]
    if unknown or not names:
        what = f"no field {inert_line(unknown[0], 40)!r}" if unknown else "--fields is empty"
        raise UsageError(f"{what}: use one or more of {', '.join(_FIELD_NAMES)}")
    return names


def _fields_of(detail: TaskDetail, names: Sequence[str]) -> dict[str, Json]:
    """Return the named fields of a task as in its JSON."""
    values = {**task_json(detail), "prompt": detail.task.prompt}
    return {name: values[name] for name in names}


def _cell(name: str, value: Json) -> str:
    """Return a field of a task on one line: times in ISO 8601; booleans, lists and objects as JSON."""
    if isinstance(value, int) and name in _MOMENTS:
        return iso_time(value)
    if isinstance(value, list | dict | bool):
        return json.dumps(value)
    return NONE if value in (None, "") else inert_line(str(value))


@command(
    "Print a one-line summary, for a prompt or tmux.",
    example="taskdash status --format '{unfinished} left, {failed} failed'",
)
@click.option("--format", "form", metavar="TEXT", help=f"Text with names in braces: {', '.join(NAMES)}.")
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.pass_obj
def status(session: Session, *, form: str | None, all_profiles: bool, as_json: bool) -> None:
    """Print how many tasks are in each state, and what those created today cost.

    Sends no request. Counts of 0 are left out, and so are credits if none of today's tasks report any.
    """
    if form is not None and as_json:
        raise click.UsageError("--format and --json cannot be combined")
    for name in re.findall(r"\{(.*?)\}", form or ""):
        if name not in NAMES:
            shown = inert_line(name, 40)
            raise UsageError(f"no name {{{shown}}}: use {', '.join(f'{{{each}}}' for each in NAMES)}")
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    profile = None if all_profiles else session.profile.name
    found = glance(session.store_path, profile, round(1000 * midnight.timestamp()))
    if as_json:
        of_states = {state.value: found.counts.get(state, 0) for state in State}
        total = sum(of_states.values())
        print_json({"profile": profile, "tasks": total, **of_states, "creditsToday": found.credits})
        return
    new, waiting, done, failed = (found.counts.get(state, 0) for state in State)
    counts = (new, waiting, new + waiting, failed, done, new + waiting + done + failed)
    texts = (*(f"{count:,}" for count in counts), amount(found.credits), profile or "all profiles")
    values = dict(zip(NAMES, texts, strict=True))
    print_lines([_line(values) if form is None else re.sub(r"\{(.*?)\}", lambda name: values[name[1]], form)])


def _line(values: dict[str, str]) -> str:
    parts = [f"{values[name]} {name}" for name in ("new", "waiting", "failed", "done") if values[name] != "0"]
    if values["credits_today"] != NONE:
        parts.append(f"{values['credits_today']} credits today")
    return " · ".join(parts) or "no tasks"

"""`taskdash show` and `taskdash stats`: a task in full, and what all of them come to, without a request."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import Command, complete_ids, form_options, pass_session, selection_options
from taskdash.cli.output import print_json, print_lines, talk
from taskdash.cli.rows import duration_word
from taskdash.cli.selection import read_details
from taskdash.domain.durations import NONE, ago, duration
from taskdash.domain.record_paths import RECORD_PATH
from taskdash.domain.task import State, inputs_of, json_text
from taskdash.domain.task_json import task_json
from taskdash.domain.untrusted import raw_text
from taskdash.domain.words import NO_MODEL, REMOVED, countdown, expiry_of, moment, state_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.selection import Selection
    from taskdash.cli.session import Session
    from taskdash.domain.tally import Tally
    from taskdash.domain.task import Json, Task, TaskDetail

TALLY_HEADER: Final = ("MODEL", "TASKS", "SUCCESS", "FAIL", "LEFT", "RATE", "P50", "P90", "CREDITS")
MIN_MODEL_CELLS: Final = 12
"""A narrow terminal has the rest of a model's name before it has more figures."""
MAX_NAME_CELLS: Final = 20
PROSE: Final = ("prompt", "reason", "note", "problem")
"""What is read as text, so that it is worth to break its lines between words."""
_NARROW: Final = re.compile(r"[ -~\u00a0-\u02ff\u2010-\u2027]*")
"""Texts in which each character is one cell, the dash for what is not known among them."""


@click.command(
    cls=Command,
    epilog="Example: taskdash show 5064bd1a --json | jq -r '.resultUrls[]'",
    short_help="Print a task in full.",
)
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete_ids)
@selection_options
@form_options(json="Output JSON.", raw="Output the last response with a record, as it was sent.")
@pass_session
def show(session: Session, task_id: str | None, *, selection: Selection, form: str | None) -> int:
    """Print a task, or all selected tasks, in full.

    An ID may be shortened to a unique prefix of 6 characters or more. An ID that is not on the list is added first.
    With --filter, --state or --label, the JSON is an array.
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
    ttls_ms = session.settings.ttls_ms(None)
    for n, detail in enumerate(details):
        pairs = detail_pairs(detail, session.now_ms(), ttls_ms.get(detail.task.profile))
        print_lines([*([""] if n else []), *pair_lines(pairs)])
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


def detail_pairs(detail: TaskDetail, now_ms: int, ttl_ms: int | None) -> list[tuple[str, str]]:
    """Return all that is to be told of a task, each with its name, in the order of the dashboard's detail."""
    task = detail.task
    pairs: list[tuple[str, str | None]] = [
        ("prompt", task.prompt),
        *(_failure(task) if task.state is State.FAIL else []),
        *((f"result {n}", url) for n, url in enumerate(detail.result_urls, 1)),
        *((f"saved {saved.number}", saved.path) for saved in detail.saved),
        ("state", state_word(task)),
        ("duration", None if (took := duration_word(task, now_ms)) == NONE else took),
        *((name, json_text(value)) for name, value in inputs_of(detail.param)),
        ("created", _time(task.create_time_ms, now_ms)),
        ("completed", _time(task.complete_time_ms, now_ms)),
        ("added", _time(task.added_at_ms, now_ms)),
        ("checked", _time(task.checked_at_ms, now_ms)),
        ("path", None if task.record_path == RECORD_PATH else task.record_path),
        ("links", _expiry(task, now_ms, ttl_ms)),
        ("label", task.label),
        ("note", task.note),
        ("credits", detail.credits_consumed if task.credits is None else f"{task.credits:,g}"),
        *((name, json_text(value)) for name, value in detail.extra.items()),
        ("problem", _problem(task, now_ms)),
        ("task ID", task.task_id),
        ("model", task.model),
    ]
    return [(name, value) for name, value in pairs if value]


def _failure(task: Task) -> list[tuple[str, str | None]]:
    # Its patterns take a millisecond to compile.
    from taskdash.domain.failures import classify

    kind = classify(task.fail_code, task.fail_msg, task.raw_state).value
    code = f" (code {task.fail_code})" if task.fail_code else ""
    return [("reason", task.fail_msg or "no reason given"), ("failure", f"{kind}{code}")]


def _expiry(task: Task, now_ms: int, ttl_ms: int | None) -> str | None:
    if task.purged:
        return REMOVED
    expiry = expiry_of(task, ttl_ms)
    return None if expiry is None else f"{countdown(expiry, now_ms)} ({moment(expiry.at_ms)})"


def _problem(task: Task, now_ms: int) -> str | None:
    problem = task.problem
    if problem is None:
        return None
    return f"{problem.kind.value}: {problem.message} (since {ago(problem.since_ms, now_ms)})"


def _time(at_ms: int | None, now_ms: int) -> str | None:
    return f"{moment(at_ms)} ({ago(at_ms, now_ms)})" if at_ms is not None else None


def pair_lines(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return names and values as aligned lines; on a terminal prose is broken to fit it."""
    indent = 2 + max(min(MAX_NAME_CELLS, cell_width(name)) for name, _ in pairs)
    if sys.stdout.isatty():
        from taskdash.cli.screen import named_lines

        return named_lines(pairs, indent, PROSE)
    lines = []
    for name, value in pairs:
        first, *rest = value.splitlines() or [""]
        lines += [_pad(f"{name}  ", indent) + first, *(f"{'':<{indent}}{part}" for part in rest)]
    return lines


@click.command(
    cls=Command,
    epilog='Example: taskdash stats --filter "age:<7d" --json | jq .successRate',
    short_help="Print counts, success rates and durations by model.",
)
@selection_options
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON; times are in milliseconds.")
@pass_session
def stats(session: Session, *, selection: Selection, all_profiles: bool, as_json: bool) -> None:
    """Print how many tasks of each model succeeded and failed, and how long they took. Sends no request.

    RATE is successes out of all finished tasks; LEFT are those not finished. Half of the successes took no longer than
    P50, 90% no longer than P90. CREDITS are as the gateway reports them. In the JSON, endedPerHour covers the last 24
    hours, oldest first.
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
        width = shutil.get_terminal_size()[0] if sys.stdout.isatty() else None
        print_lines(tally_lines([*models, everything] if len(models) != 1 else models, width))


def _tally_json(tally: Tally) -> dict[str, Json]:
    return {
        "tasks": tally.total,
        **{state.value: tally.counts[state] for state in State},
        "successRate": tally.success_rate,
        "costTimeP50": tally.cost_p50_ms,
        "costTimeP90": tally.cost_p90_ms,
        "creditsConsumed": tally.credits_consumed,
    }


def tally_lines(tallies: Sequence[Tally], width: int | None = None) -> list[str]:
    """Return a table of a line for each model; the last of several is that of all.

    Args:
        tallies: the models, and all of them.
        width: the cells there are on a terminal.
    """
    rows = [TALLY_HEADER, *(_tally_cells(each, n == len(tallies) - 1) for n, each in enumerate(tallies))]
    if width is not None:
        rows = _fitting(rows, width)
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([_pad(row[0], widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    ]


def _fitting(rows: Sequence[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    """Leave out figures, the last first, until the names of models have room, and cut those to it.

    Credits that no gateway reports are left out in any case.
    """
    from taskdash.cli.screen import cropped

    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    shown = len(widths) if any(row[-1] != NONE for row in rows[1:]) else len(widths) - 1
    while (room := width - sum(2 + cells for cells in widths[1:shown])) < MIN_MODEL_CELLS and shown > 1:
        shown -= 1
    return [(cropped(row[0], max(1, room)), *row[1:shown]) for row in rows]


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

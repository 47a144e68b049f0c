"""`taskdash show`: prints a task in full, without a request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import command, complete_ids, form_options, pass_session, selection_options
from taskdash.cli.output import cell_width, padded, print_json, print_lines, talk
from taskdash.cli.selection import read_details
from taskdash.domain.durations import NONE, ago, amount
from taskdash.domain.failures import classify
from taskdash.domain.record_paths import RECORD_PATH
from taskdash.domain.task import State, Verdict, inputs_of, json_text
from taskdash.domain.task_json import task_json
from taskdash.domain.untrusted import raw_text
from taskdash.domain.words import NO_REASON, REMOVED, countdown, duration_word, expiry_of, moment, state_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.task import Json, Task, TaskDetail

MAX_NAME_CELLS: Final = 20
PROSE: Final = ("prompt", "reason", "note", "problem")
"""The values that are prose, and wrapped between words."""


@command("Print a task in full.", example="taskdash show 5064bd1a --json | jq -r '.resultUrls[]'")
@click.argument("task_id", metavar="[ID]", required=False, shell_complete=complete_ids)
@selection_options
@form_options(json="Output JSON.", raw="Output the last response with a record, as it was sent.")
@pass_session
def show(session: Session, task_id: str | None, *, selection: Selection, form: str | None) -> int:
    """Print a task, or all selected tasks, in full.

    An ID may be shortened to a unique prefix of 6 characters or more. A full ID that is not listed is added first. With
    --filter, --state or --label, the JSON is an array.
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
    """Return the names and values to show of a task, in the order of the dashboard's detail view."""
    task = detail.task
    took = duration_word(task, now_ms)
    pairs: list[tuple[str, str | None]] = [
        ("prompt", task.prompt),
        *(_failure(task) if task.state is State.FAIL else []),
        *((f"result {n}", url) for n, url in enumerate(detail.result_urls, 1)),
        *((f"saved {saved.number}", saved.path) for saved in detail.saved),
        *((verdict.value, _numbers(detail, verdict)) for verdict in Verdict),
        ("state", state_word(task)),
        ("duration", None if took == NONE else f"{took}, overdue" if detail.is_overdue else took),
        *((name, json_text(value)) for name, value in inputs_of(detail.param)),
        ("created", _time(task.create_time_ms, now_ms)),
        ("completed", _time(task.complete_time_ms, now_ms)),
        ("added", _time(task.added_at_ms, now_ms)),
        ("checked", _time(task.checked_at_ms, now_ms)),
        ("path", None if task.record_path == RECORD_PATH else task.record_path),
        ("links", _expiry(task, now_ms, ttl_ms)),
        ("label", task.label),
        ("note", task.note),
        ("credits", detail.credits_consumed if task.credits is None else amount(task.credits)),
        *((name, json_text(value)) for name, value in detail.extra.items()),
        ("problem", _problem(task, now_ms)),
        ("task ID", task.task_id),
        ("model", task.model),
    ]
    return [(name, value) for name, value in pairs if value]


def _numbers(detail: TaskDetail, verdict: Verdict) -> str:
    numbers = [n for n, given in sorted(detail.verdicts.items()) if given is verdict]
    results = "result" if len(numbers) == 1 else "results"
    return f"{results} {', '.join(map(str, numbers))}" if numbers else ""


def _failure(task: Task) -> list[tuple[str, str | None]]:
    kind = classify(task.fail_code, task.fail_msg, task.raw_state).value
    code = f" (code {task.fail_code})" if task.fail_code else ""
    return [("reason", task.fail_msg or NO_REASON), ("failure", f"{kind}{code}")]


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
    """Return names and values as aligned lines; on a terminal, prose is wrapped."""
    indent = 2 + max(min(MAX_NAME_CELLS, cell_width(name)) for name, _ in pairs)
    if sys.stdout.isatty():
        from taskdash.cli.screen import named_lines

        return named_lines(pairs, indent, PROSE)
    lines = []
    for name, value in pairs:
        first, *rest = value.splitlines() or [""]
        lines += [padded(f"{name}  ", indent) + first, *(f"{'':<{indent}}{part}" for part in rest)]
    return lines

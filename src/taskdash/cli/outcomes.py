"""`taskdash stats`, `failures` and `redo`: how tasks ended, why some failed, and their requests, to send them again."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import click

from taskdash.api.request import NoRequestError, request_again
from taskdash.cli.editing import with_stdin
from taskdash.cli.options import command, complete_ids, length_of_time, selection_options
from taskdash.cli.output import print_json, print_lines, talk
from taskdash.config.keys import DEFAULT_KEY_VARIABLE
from taskdash.domain.curl import NEXT_COMMAND, Endpoint, create_command
from taskdash.domain.query import SpanTerm
from taskdash.domain.tally import By, ended_per_hour, tally
from taskdash.domain.task import State
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NO_LABEL, NO_MODEL, NONE, amount, duration, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.failures import Reason
    from taskdash.domain.tally import Tally
    from taskdash.domain.task import Json, Task

MAX_CELL_CHARS: Final = 1_000
_UNNAMED: Final = {By.DAY: NONE, By.LABEL: NO_LABEL, By.MODEL: NO_MODEL, By.PROFILE: NONE}
MAX_SINCE_S: Final = 3_650 * 86_400
TIMES: Final = ("TASKS", "SUCCESS", "FAIL", "LEFT", "RATE", "P50", "P90", "CREDITS")
MONEY: Final = ("TASKS", "SUCCESS", "FAIL", "LEFT", "RATE", "CREDITS", "MEAN", "CHARGED", "WITHOUT")
"""The figures of a row: `TIMES` without `--by`, `MONEY` with it."""


@command(
    "Print counts, success rates, durations and credits.", example="taskdash stats --by label --since 7d"
)
@selection_options
@click.option(
    "--by",
    "by_name",
    type=click.Choice([by.value for by in By]),
    help="Group by day, label, model or profile, with costs.",
)
@click.option(
    "--since",
    "since_s",
    metavar="TIME",
    type=length_of_time(MAX_SINCE_S),
    help="Only tasks at most this old: 7d, 12h, 15m.",
)
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON; times are in milliseconds.")
@click.pass_obj
def stats(
    session: Session,
    *,
    selection: Selection,
    by_name: str | None,
    since_s: float | None,
    all_profiles: bool,
    as_json: bool,
) -> None:
    """Print how many tasks of each model succeeded and failed, and how long they took. Sends no request.

    RATE is the success rate of finished tasks; LEFT counts the unfinished. Half of the successes took no longer than
    P50, 90% no longer than P90. CREDITS are as reported by the gateway. In the JSON, endedPerHour covers the last 24
    hours, oldest first.

    With --by, MEAN is the average cost of a success, CHARGED how many failed tasks cost credits, and WITHOUT how many
    finished tasks have no credits in their record; these are not counted as 0. Days are local, by creation time. When
    piped, fields are tab-separated. --by profile counts all profiles.
    """
    by = By(by_name) if by_name else By.MODEL
    query = selection.query(session, all_profiles=all_profiles or by is By.PROFILE)
    if since_s is not None:
        query = query._replace(terms=(*query.terms, SpanTerm("age", "<", int(1000 * since_s))))
    with session.open_store(only_reads=True) as store:
        outcomes = store.summaries.outcomes(query, session.now_ms(), by)
    everything, parts = tally(outcomes, by)
    if as_json:
        document: dict[str, Json] = {"profile": query.profile, **_tally_json(everything)}
        if by_name:
            groups: list[Json] = [{by.value: each.name, **_tally_json(each)} for each in parts]
            document |= {"by": by.value, f"{by}s": groups}
        else:
            document["endedPerHour"] = [*ended_per_hour(outcomes, session.now_ms())]
            document["models"] = [{"model": each.name, **_tally_json(each)} for each in parts]
        print_json(document)
        return
    names = MONEY if by_name else TIMES
    rows = [(inert_line(each.name or _UNNAMED[by], MAX_CELL_CHARS), _figures(each)) for each in parts]
    if not sys.stdout.isatty():
        plain = ([name, *(figures[each].replace(",", "") for each in names)] for name, figures in rows)
        print_lines(map("\t".join, [[by.upper(), *names], *plain]))
        return
    # Rich takes longer to load than most lists take to be printed.
    from taskdash.cli.screen import cell_lines, terminal_size

    if len(parts) != 1:
        rows.append(("all", _figures(everything)))
    shown = [each for each in names if any(figures[each] != NONE for _, figures in rows)]
    cells = ([name, *(figures[each] for each in shown)] for name, figures in rows)
    print_lines(cell_lines([by.upper(), *shown], cells, terminal_size()[0], right=shown))
    if everything.remarks:
        talk("; ".join(everything.remarks))


def _tally_json(tally: Tally) -> dict[str, Json]:
    return {
        "tasks": tally.total,
        **{state.value: tally.counts[state] for state in State},
        "successRate": tally.success_rate,
        "costTimeP50": tally.cost_p50_ms,
        "costTimeP90": tally.cost_p90_ms,
        "credits": tally.credits,
        # The name of `credits` in 1.x.
        "creditsConsumed": tally.credits,
        "creditsPerSuccess": tally.mean_credits,
        "withoutCredits": tally.without_credits,
        "chargedFails": tally.charged_fails,
        "chargedFailCredits": tally.lost_credits,
    }


def _figures(tally: Tally) -> dict[str, str]:
    counts, rate = tally.counts, tally.success_rate
    return {
        "TASKS": f"{tally.total:,}",
        "SUCCESS": f"{counts[State.SUCCESS]:,}",
        "FAIL": f"{counts[State.FAIL]:,}",
        "LEFT": f"{counts[State.NEW] + counts[State.WAITING]:,}",
        "RATE": NONE if rate is None else f"{rate:.1%}",
        "P50": duration(tally.cost_p50_ms, measured=True),
        "P90": duration(tally.cost_p90_ms, measured=True),
        "CREDITS": amount(tally.credits),
        "MEAN": amount(tally.mean_credits),
        "CHARGED": f"{tally.charged_fails:,}",
        "WITHOUT": f"{tally.without_credits:,}",
    }


@command(
    "Show why tasks failed, grouped by reason.",
    example='taskdash failures --filter "age:<1d" --json | jq .reasons',
)
@selection_options
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@click.pass_obj
def failures(session: Session, *, selection: Selection, all_profiles: bool, as_json: bool) -> None:
    """Show why tasks failed: how many for each reason, and the newest one.

    On a terminal, reasons are grouped by kind. Elsewhere, each is one tab-separated line: count, kind, code, message,
    and ID, label and prompt of the newest task. Sends no request.
    """
    query = selection.query(session, all_profiles=all_profiles)
    now_ms = session.now_ms()
    with session.open_store(only_reads=True) as store:
        if selection.filter_text:
            store.saved.forget_gone()
        marked = None if query.states is None else store.tasks.seqs(query, now_ms)
        found = store.summaries.failure_counts(query._replace(states=None), marked, now_ms)
    failed = sum(each.tasks for each in found.reasons)
    nothing = f"no failed tasks among {plural(found.total, 'task')}"
    with_newest = [(each, found.newest.get(each.newest_seq)) for each in found.reasons]
    if as_json:
        document: dict[str, Json] = {"profile": query.profile, "tasks": found.total, "failed": failed}
        document["reasons"] = [_reason_json(*each) for each in with_newest]
        document["problems"] = [{"kind": kind.value, "count": count} for kind, count in found.problems]
        print_json(document)
    elif not found.reasons and not found.problems:
        talk(nothing if found.total or not selection.is_given else f"no tasks match {selection}")
    elif sys.stdout.isatty():
        # Rich takes longer to load than most lists take to be printed.
        from taskdash.cli.screen import failure_lines

        print_lines(failure_lines(found, failed))
    else:
        print_lines("\t".join(_reason_cells(*each)) for each in with_newest)


def _reason_json(reason: Reason, task: Task | None) -> Json:
    return {
        "reason": reason.failure_class.value,
        "failCode": reason.fail_code,
        "failMsg": reason.message,
        "count": reason.tasks,
        "charged": reason.charged,
        "credits": reason.credits,
        "newest": {"taskId": task.task_id, "label": task.label, "prompt": task.prompt} if task else None,
        "filter": reason.filter_text,
    }


def _reason_cells(reason: Reason, task: Task | None) -> tuple[str, ...]:
    newest = (task.task_id, task.label, task.prompt) if task else (None, None, None)
    texts = (reason.fail_code, reason.message, *newest)
    cells = (inert_line(text or NONE, MAX_CELL_CHARS) for text in texts)
    return (str(reason.tasks), reason.failure_class.value, *cells)


@command(
    "Print the requests of failed tasks, to resend them.",
    example="taskdash redo --label mugs > failed.jsonl",
)
@click.argument("task_ids", metavar="[ID]...", nargs=-1, shell_complete=complete_ids)
@selection_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "curl"]),
    default="jsonl",
    help="JSON bodies for createTask, one per line, or curl commands (default: jsonl).",
)
@click.pass_obj
def redo(session: Session, task_ids: Sequence[str], *, selection: Selection, form: str) -> int:
    """Print the createTask requests of failed tasks. Sends nothing: sending them is up to you, and costs credits.

    Without IDs, takes all failed tasks; --filter and --label narrow that down, --state takes others. `-` reads IDs from
    standard input. Each curl command has its own X-Request-ID, so running it twice creates one task, and takes your API
    key from its variable. Exits with 1 if any task's request is unknown; stderr lists those tasks.
    """
    task_ids = with_stdin(session, task_ids)
    lines: list[str] = []
    unknown: list[str] = []
    with session.open_store(only_reads=True) as store:
        tasks = selection.tasks(session, store, task_ids, states=frozenset({State.FAIL}))
        for detail in store.tasks.details([task.seq for task in tasks]):
            try:
                lines.append(_printed(session, request_again(detail), form))
            except NoRequestError as error:
                unknown.append(f"taskdash: {detail.task.task_id}: {error}")
    print_lines(lines if form == "jsonl" else filter(None, [NEXT_COMMAND.join(lines)]))
    for line in unknown:
        talk(line)
    if lines or not unknown:
        talk(f"{plural(len(lines), 'request')} printed" if lines else "nothing to redo: no failed tasks")
    return 1 if unknown else 0


def _printed(session: Session, body: dict[str, Json], form: str) -> str:
    if form == "jsonl":
        return session.keys.redact(json.dumps(body))
    profile = session.profile
    endpoint = Endpoint(profile.base_url, profile.api_key_env or DEFAULT_KEY_VARIABLE, profile.auth_header)
    return session.keys.redact(create_command(endpoint, body, str(uuid4())))

"""`taskdash stats` and `taskdash failures`: what a list comes to, and why tasks failed, without a request."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import Command, pass_session, selection_options
from taskdash.cli.output import cell_width, cropped, padded, print_json, print_lines, talk
from taskdash.domain.durations import NONE, duration
from taskdash.domain.failures import reasons
from taskdash.domain.tally import ended_per_hour, tally
from taskdash.domain.task import State
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import NO_MODEL, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.selection import Selection
    from taskdash.cli.session import Session
    from taskdash.domain.failures import Reason
    from taskdash.domain.tally import Tally
    from taskdash.domain.task import Json, Task

TALLY_HEADER: Final = ("MODEL", "TASKS", "SUCCESS", "FAIL", "LEFT", "RATE", "P50", "P90", "CREDITS")
MIN_MODEL_CELLS: Final = 12
"""A narrow terminal has the rest of a model's name before it has more figures."""
MAX_CELL_CHARS: Final = 1_000


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
    """Return a table of a line for each model, which fits a terminal so wide; the last of several is that of all."""
    rows = [TALLY_HEADER, *(_tally_cells(each, n == len(tallies) - 1) for n, each in enumerate(tallies))]
    if width is not None:
        rows = _fitting(rows, width)
    widths = [max(map(cell_width, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([padded(row[0], widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    ]


def _fitting(rows: Sequence[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    """Leave out figures, the last first, until the names of models have room, and cut those to it.

    Credits that no gateway reports are left out in any case.
    """
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


@click.command(
    cls=Command,
    epilog='Example: taskdash failures --filter "age:<1d" --json | jq .reasons',
    short_help="Show why tasks failed, grouped by reason.",
)
@selection_options
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@pass_session
def failures(session: Session, *, selection: Selection, all_profiles: bool, as_json: bool) -> None:
    """Show why tasks failed: how many for each reason, and the newest of them.

    On a terminal reasons of a kind stand together. Elsewhere there is a line for each, separated by tabs: count, kind,
    code, message, and ID, label and prompt of the newest task. Sends no request.
    """
    query = selection.query(session, all_profiles=all_profiles)
    now_ms = session.now_ms()
    with session.open_store(only_reads=True) as store:
        if selection.filter_text:
            store.saved.forget_gone()
        if query.states is not None:
            seqs = store.tasks.seqs(query, now_ms)
            query, total = replace(query, states=None), len(seqs)
        else:
            seqs, total = None, sum(store.tasks.counts(query, now_ms).values())
        found = reasons(store.summaries.failures(query, now_ms, marked=seqs))
        newest = {task.seq: task for task in store.tasks.heads([each.newest_seq for each in found])}
        problems = store.summaries.problems(query, now_ms, marked=seqs)
    failed = sum(each.count for each in found)
    with_newest = [(each, newest.get(each.newest_seq)) for each in found]
    if as_json:
        document: dict[str, Json] = {"profile": query.profile, "tasks": total, "failed": failed}
        document["reasons"] = [_reason_json(*each) for each in with_newest]
        document["problems"] = [{"kind": kind.value, "count": count} for kind, count in problems]
        print_json(document)
    elif not found and not problems:
        talk(
            f"no failed tasks among {plural(total, 'task')}"
            if total or not selection.is_given
            else f"no tasks match {selection}"
        )
    elif sys.stdout.isatty():
        # Rich takes longer to load than most lists take to be printed.
        from taskdash.cli.screen import reason_lines

        print_lines(reason_lines(with_newest, problems, failed, total))
    else:
        print_lines("\t".join(_reason_cells(*each)) for each in with_newest)


def _reason_json(reason: Reason, task: Task | None) -> Json:
    return {
        "reason": reason.failure_class.value,
        "failCode": reason.fail_code,
        "failMsg": reason.message,
        "count": reason.count,
        "newest": {"taskId": task.task_id, "label": task.label, "prompt": task.prompt} if task else None,
        "filter": reason.filter_text,
    }


def _reason_cells(reason: Reason, task: Task | None) -> tuple[str, ...]:
    newest = (task.task_id, task.label, task.prompt) if task else (None, None, None)
    texts = (reason.fail_code, reason.message, *newest)
    cells = (inert_line(text or NONE, MAX_CELL_CHARS) for text in texts)
    return (str(reason.count), reason.failure_class.value, *cells)

"""`taskdash failures`: why tasks failed, grouped by reason as the dashboard groups them."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from taskdash.cli.options import Command, pass_session, selection_options
from taskdash.cli.output import print_json, print_lines, talk
from taskdash.domain.durations import NONE
from taskdash.domain.failures import Reason, reasons
from taskdash.domain.untrusted import inert_line
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.selection import Selection
    from taskdash.cli.session import Session
    from taskdash.domain.task import Json, ProblemKind, Task

NO_MESSAGE: Final = "no reason given"
MAX_CELL_CHARS: Final = 1_000
ID_CHARS: Final = 8
"""Enough of an ID for `taskdash show`, and shorter than a line."""


class _Found(NamedTuple):
    reasons: Sequence[tuple[Reason, Task | None]]
    """Each with its newest task."""
    problems: Sequence[tuple[ProblemKind, int]]
    total: int
    """Of all the tasks that were looked at."""

    @property
    def failed(self) -> int:
        return sum(reason.count for reason, _ in self.reasons)


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
    outcome = _Found([(each, newest.get(each.newest_seq)) for each in found], problems, total)
    if as_json:
        print_json({"profile": query.profile, **_json(outcome)})
    elif not found and not problems:
        talk(
            f"no failed tasks among {plural(total, 'task')}"
            if total or not selection.is_given
            else f"no tasks match {selection}"
        )
    elif sys.stdout.isatty():
        _print_for_people(outcome)
    else:
        print_lines("\t".join(_cells(reason, task)) for reason, task in outcome.reasons)


def _json(found: _Found) -> dict[str, Json]:
    return {
        "tasks": found.total,
        "failed": found.failed,
        "reasons": [
            {
                "reason": reason.failure_class.value,
                "failCode": reason.fail_code,
                "failMsg": reason.message,
                "count": reason.count,
                "newest": None if task is None else _example(task),
                "filter": reason.filter_text,
            }
            for reason, task in found.reasons
        ],
        "problems": [{"kind": kind.value, "count": count} for kind, count in found.problems],
    }


def _example(task: Task) -> dict[str, Json]:
    return {"taskId": task.task_id, "label": task.label, "prompt": task.prompt}


def _cells(reason: Reason, task: Task | None) -> tuple[str, ...]:
    newest = (task.task_id, task.label, task.prompt) if task else (None, None, None)
    texts = (reason.fail_code, reason.message, *newest)
    cells = (inert_line(text or NONE, MAX_CELL_CHARS) for text in texts)
    return (str(reason.count), reason.failure_class.value, *cells)


def _print_for_people(found: _Found) -> None:
    # Rich takes longer to load than most lists take to be printed.
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, markup=False, emoji=False)
    lines = [Text(f"{found.failed:,} failed of {plural(found.total, 'task')}", "bold")]
    for failure_class in dict.fromkeys(reason.failure_class for reason, _ in found.reasons):
        some = [each for each in found.reasons if each[0].failure_class is failure_class]
        count = sum(reason.count for reason, _ in some)
        lines += [Text(""), Text(f"{_share(count, found.failed)}{failure_class.value}", "bold red")]
        for reason, task in some:
            said = inert_line((reason.message or NO_MESSAGE).strip())
            code = f" ({inert_line(reason.fail_code)})" if reason.fail_code else ""
            lines.append(Text(f"{_share(reason.count, found.failed)}  {said}{code}"))
            if task is not None:
                name = " · ".join(inert_line(text) for text in (task.label, task.prompt) if text)
                lines.append(Text(f"{'':15}  {task.task_id[:ID_CHARS]}  {name}", "dim"))
    for kind, count in found.problems:
        lines.append(Text(f"{count:>7,}        last check: {kind.value}", "yellow"))
    for line in lines:
        console.print(line, no_wrap=True, overflow="ellipsis")


def _share(count: int, of: int) -> str:
    return f"{count:>7,} {count / of:>5.0%}  "

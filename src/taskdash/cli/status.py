"""`taskdash status`: the list in one line, for a prompt or a status bar."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.options import command, pass_session
from taskdash.cli.output import print_json, print_lines
from taskdash.domain.durations import NONE, amount
from taskdash.domain.errors import UsageError
from taskdash.domain.task import State
from taskdash.domain.untrusted import inert_line
from taskdash.store.glance import Glance, glance

if TYPE_CHECKING:
    from taskdash.cli.process import Session

NAMES: Final = ("new", "waiting", "unfinished", "failed", "done", "total", "credits_today", "profile")


@command(
    "Print a one-line summary, for a prompt or tmux.",
    example="taskdash status --format '{unfinished} left, {failed} failed'",
)
@click.option("--format", "form", metavar="TEXT", help=f"Text with names in braces: {', '.join(NAMES)}.")
@click.option("--all-profiles", is_flag=True, help="Include the tasks of all profiles.")
@click.option("--json", "as_json", is_flag=True, help="Output JSON.")
@pass_session
def status(session: Session, *, form: str | None, all_profiles: bool, as_json: bool) -> None:
    """Print how many tasks are in each state, and what those created today cost.

    Sends no request and writes nothing. Counts of 0 are left out, and so are credits if none of today's tasks report
    any.
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
        counts = {state.value: found.counts.get(state, 0) for state in State}
        print_json(
            {"profile": profile, "tasks": sum(counts.values()), **counts, "creditsToday": found.credits}
        )
        return
    values = _values(found) | {"profile": profile or "all profiles"}
    print_lines([_line(values) if form is None else re.sub(r"\{(.*?)\}", lambda name: values[name[1]], form)])


def _values(found: Glance) -> dict[str, str]:
    """Return the values of all names except `profile`."""
    new, waiting, success, fail = (found.counts.get(state, 0) for state in State)
    counts = (new, waiting, new + waiting, fail, success, new + waiting + success + fail)
    spent = amount(found.credits)
    return dict(zip(NAMES, (*(f"{count:,}" for count in counts), spent), strict=False))


def _line(values: dict[str, str]) -> str:
    parts = [f"{values[name]} {name}" for name in ("new", "waiting", "failed", "done") if values[name] != "0"]
    if values["credits_today"] != NONE:
        parts.append(f"{values['credits_today']} credits today")
    return " · ".join(parts) or "no tasks"

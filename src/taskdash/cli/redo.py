"""`taskdash redo`: prints the requests of failed tasks, for the user's script to send again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from uuid import uuid4

import click

from taskdash.api.request import NoRequestError, request_again
from taskdash.cli.add import with_stdin
from taskdash.cli.options import command, complete_ids, pass_session, selection_options
from taskdash.cli.output import ERROR_PREFIX, complain, print_lines, talk
from taskdash.config.profile import DEFAULT_KEY_VARIABLE
from taskdash.domain.curl import NEXT_COMMAND, Endpoint, create_command
from taskdash.domain.task import State
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.process import Session
    from taskdash.cli.selection import Selection
    from taskdash.domain.task import Json


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
@pass_session
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
        tasks = selection.tasks_in(session, store, task_ids, frozenset({State.FAIL}))
        for detail in store.tasks.details([task.seq for task in tasks]):
            try:
                lines.append(_printed(session, request_again(detail), form))
            except NoRequestError as error:
                unknown.append(f"{ERROR_PREFIX}{detail.task.task_id}: {error}")
    print_lines(lines if form == "jsonl" else filter(None, [NEXT_COMMAND.join(lines)]))
    for line in unknown:
        complain(line)
    if lines or not unknown:
        talk(f"{plural(len(lines), 'request')} printed" if lines else "nothing to redo: no failed tasks")
    return 1 if unknown else 0


def _printed(session: Session, body: dict[str, Json], form: str) -> str:
    if form == "jsonl":
        text = json.dumps(body)
    else:
        profile = session.profile
        variable = profile.api_key_env or DEFAULT_KEY_VARIABLE
        endpoint = Endpoint(profile.base_url, variable, profile.auth_header)
        text = create_command(endpoint, body, str(uuid4()))
    return session.keys.redact(text)

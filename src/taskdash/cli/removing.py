"""`taskdash remove`: take tasks off the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from taskdash.cli.options import common_options, complete_ids, pass_session
from taskdash.cli.output import print_lines, talk
from taskdash.domain.errors import UnknownTaskError
from taskdash.domain.words import plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.cli.session import Session
    from taskdash.domain.task import Task


@click.command(
    epilog="Example: taskdash list --state fail --ids | xargs taskdash remove --",
    short_help="Remove tasks from the list.",
)
@click.argument("task_ids", metavar="ID...", nargs=-1, required=True, shell_complete=complete_ids)
@common_options
@pass_session
def remove(session: Session, task_ids: Sequence[str]) -> int:
    """Remove tasks from the list, all that are named or none.

    Prints the IDs removed, one a line. Nothing happens to the task at the API: `taskdash add ID` brings it back.
    An ID of a known form may be shortened to a unique prefix of 6 characters or more.
    """
    profile = session.profile.name
    with session.open_store() as store:
        found: dict[int, Task] = {}
        unknown: list[UnknownTaskError] = []
        for text in task_ids:
            try:
                task = store.tasks.find(profile, text)
                found[task.seq] = task
            except UnknownTaskError as error:
                unknown.append(error)
        for each in unknown:
            talk(session.redacted(f"taskdash: {each}"))
        if unknown:
            talk("nothing was removed")
            return UnknownTaskError.exit_code
        store.tasks.remove(list(found), session.now_ms())
    print_lines(task.task_id for task in found.values())
    talk(f"{plural(len(found), 'task')} removed")
    return 0

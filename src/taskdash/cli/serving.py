"""`taskdash demo-api`: the embedded API alone, for trying one's own scripts against."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import click

from taskdash.cli.options import common_options, number
from taskdash.cli.output import print_lines
from taskdash.domain.errors import TaskdashError

if TYPE_CHECKING:
    from taskdash.demo.server import DemoApi


@click.command(
    "demo-api",
    epilog="Example: taskdash demo-api --port 8123",
    short_help="Serve the embedded API for your own scripts.",
)
@click.option(
    "--port",
    metavar="N",
    type=number(0, 65_535),
    default=0,
    help="The port on 127.0.0.1 (default: any that is free).",
)
@common_options
def demo_api(*, port: int) -> int:
    """Serve the embedded API, with its sample tasks, until a signal comes.

    Prints its base URL, a key that it accepts, and the IDs it knows, one a line. It listens on 127.0.0.1 only, makes
    up everything and costs nothing. Set TASKDASH_BASE_URL and AIGPTIMAGE_API_KEY to point taskdash at it. createTask
    works as well; a prompt with the word "forbidden" in it fails.
    """
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        numbers.discard(signal.SIGHUP)
    # Blocked before the server's threads start, so that none of them is interrupted and `sigwait` gets it.
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    with _served(port) as api:
        print_lines([f"base URL  {api.base_url}", f"key       {api.key}", "task IDs", *api.task_ids])
        sys.stdout.flush()
        # Not by `talk`, which hides keys: this one is made up, and everybody may know it.
        click.echo(_advice(api.base_url, api.key, api.task_ids[0]), err=True)
        number = signal.sigwait(numbers)
    return 128 + number


def _advice(base_url: str, key: str, task_id: str) -> str:
    """What to try in another terminal, each command on lines of its own to be copied whole."""
    return f"""\

Ctrl+C ends it. Try in another terminal:

curl -H 'Authorization: Bearer {key}' \\
  '{base_url}/api/v1/jobs/recordInfo?taskId={task_id}'

export TASKDASH_CONFIG=/dev/null TASKDASH_PROFILE= TASKDASH_BASE_URL={base_url} AIGPTIMAGE_API_KEY={key}
taskdash --store demo.db wait {task_id}
taskdash --store demo.db"""


def _served(port: int) -> DemoApi:
    from taskdash.demo.server import DemoApi

    try:
        return DemoApi(port)
    except OSError as error:
        raise TaskdashError(
            f"port {port} of 127.0.0.1 cannot be had ({error.strerror}): name another"
        ) from None

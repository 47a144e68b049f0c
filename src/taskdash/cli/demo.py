"""Runs the demo: `taskdash demo-api` serves the embedded API, `taskdash --demo` shows its tasks, or prints them.

The demo ignores the user's config, keys and `TASKDASH_*` variables, and writes only to a temporary folder.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from taskdash.cli.dashboard import has_terminal, run_app
from taskdash.cli.options import command, number
from taskdash.cli.output import print_lines, speech
from taskdash.cli.rules import change_line
from taskdash.cli.screen import task_lines
from taskdash.config.keys import find_key
from taskdash.config.settings import demo_settings
from taskdash.demo.server import DemoApi
from taskdash.domain.errors import TaskdashError
from taskdash.domain.gateways import RECORD_PATH
from taskdash.domain.query import Query
from taskdash.domain.secret import KnownKeys
from taskdash.domain.task import State, Task
from taskdash.store.store import Store
from taskdash.watch.machine import Clock
from taskdash.watch.watcher import build_watcher
from taskdash.wiring import Wiring, open_context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.config.settings import Settings

TEXT_WIDTH: Final = 160
TEXT_DEADLINE_S: Final = 58.0
TIER: Final = "standard"
RESULT_TTL_MS: Final = 4 * 86_400_000
"""Longer than the age of the oldest sample, as every link of the demo works."""


def run_demo() -> int:
    """Run the demo to its end, as a dashboard or, without a terminal, as text; return the exit code."""
    # It leaves no log. Without any handler, Python would print warnings to stderr, across the dashboard.
    logging.getLogger("taskdash").addHandler(logging.NullHandler())
    with tempfile.TemporaryDirectory(prefix="taskdash-demo-") as folder, DemoApi(tier=TIER) as api:
        settings = demo_settings(
            api.base_url,
            api.key,
            download_dir=Path(folder) / "results",
            tier=TIER,
            result_ttl_ms=RESULT_TTL_MS,
            record_paths=(RECORD_PATH, *api.families),
        )
        store_path = Path(folder) / "tasks.db"
        with Store(store_path) as store:
            hints = {task_id: path for task_id, path in api.listed.items() if path}
            store.additions.add(settings.profile, api.listed, Clock().now_ms(), hints=hints)
        if has_terminal() and sys.stdout.isatty():
            return run_app(partial(open_context, Wiring(settings, {}, store_path, KnownKeys()), is_demo=True))
        return asyncio.run(_as_text(settings, store_path))


async def _as_text(settings: Settings, store_path: Path) -> int:
    """Print the list once all tasks are answered, then changes, and the list again when all are finished."""
    changed, clock, query = asyncio.Event(), Clock(), Query(settings.profile)
    key = find_key(settings.in_use, {}).secret
    watcher = await build_watcher(settings.in_use, key, store_path, changed.set, trust_env=False)
    running = asyncio.create_task(watcher.run())
    deadline_s = clock.now_s() + TEXT_DEADLINE_S
    known: dict[int, Task] = {}
    try:
        with Store(store_path) as store:
            while not running.done():
                await clock.wait(changed, 1.0)
                changed.clear()
                tasks = store.tasks.rows(query, clock.now_ms())
                answered = all(task.checks for task in tasks)
                if known:
                    # None is removed from or added to this list.
                    print_lines(filter(None, (change_line(known[task.seq], task) for task in tasks)))
                    sys.stdout.flush()
                elif answered:
                    _print_table("The list", tasks, clock.now_ms())
                if known or answered:
                    known = {task.seq: task for task in tasks}
                finished = all(task.state.finished or task.problem for task in tasks)
                if known and (finished or clock.now_s() > deadline_s):
                    _print_table("All finished" if finished else "Still unfinished", tasks, clock.now_ms())
                    return 0 if finished else 1
    finally:
        watcher.stop()
        # If it has failed, this raises why.
        await running
    return 1


def _print_table(title: str, tasks: Sequence[Task], now_ms: int) -> None:
    counts = {state: sum(task.state is state for task in tasks) for state in State}
    words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    print_lines([f"{title}: {words}", ""])
    print_lines([*task_lines(tasks, now_ms, TEXT_WIDTH), ""])
    sys.stdout.flush()


@command("Run the demo API server.", example="taskdash demo-api --port 8123", name="demo-api")
@click.option(
    "--port",
    metavar="N",
    type=number(0, 65_535),
    default=0,
    help="Port on 127.0.0.1 (default: any free port).",
)
def demo_api(*, port: int) -> int:
    """Run the demo API server until Ctrl+C.

    Prints its base URL, an API key it accepts and its task IDs, one per line. It listens on 127.0.0.1 only, and its
    data is made up. To use it with taskdash, set TASKDASH_BASE_URL and AIGPTIMAGE_API_KEY. createTask works too; a
    prompt that contains the word "forbidden" fails.
    """
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        numbers.discard(signal.SIGHUP)
    # It may run for days.
    gc.enable()
    # Block the signals before the server's threads start: they inherit the mask, so only `sigwait` gets a signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        served = DemoApi(port)
    except OSError as error:
        raise TaskdashError(f"cannot listen on 127.0.0.1:{port} ({error.strerror})") from None
    with served as api:
        print_lines([f"base URL  {api.base_url}", f"key       {api.key}", "task IDs", *api.task_ids])
        sys.stdout.flush()
        # Not with `talk`, which hides keys: this one is made up and no secret.
        if not speech.is_quiet:
            others = [f"{path}?taskId={job.task_id}" for path, job in api.families.items()]
            click.echo(_advice(api.base_url, api.key, api.task_ids[0], others), err=True)
        number = signal.sigwait(numbers)
    return 128 + number


def _advice(base_url: str, key: str, task_id: str, others: Sequence[str]) -> str:
    """Return commands to try in another terminal, each on lines of its own for copying."""
    return f"""\

Press Ctrl+C to stop. Try in another terminal:

curl -H 'Authorization: Bearer {key}' \\
  '{base_url}/api/v1/jobs/recordInfo?taskId={task_id}'

export TASKDASH_CONFIG=/dev/null TASKDASH_PROFILE= TASKDASH_BASE_URL={base_url} AIGPTIMAGE_API_KEY={key}
taskdash --store demo.db wait {task_id}
taskdash --store demo.db

A clip and a song, of families with record_paths of their own:

{chr(10).join(others)}"""

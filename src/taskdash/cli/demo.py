"""`taskdash --demo`: the dashboard, or its job told as text, on an embedded API and a store that is thrown away.

Nothing of the user's counts here: no config, no key, no `TASKDASH_*`, and nothing is written but in a temporary
folder.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from taskdash.cli.application import has_terminal, open_app
from taskdash.cli.output import print_lines
from taskdash.cli.table import crop, plain_table
from taskdash.config.settings import demo_settings
from taskdash.demo.server import DemoApi
from taskdash.domain.query import Query
from taskdash.domain.task import State, Task
from taskdash.domain.words import SYMBOLS, length, state_word
from taskdash.store.store import Store
from taskdash.watch.machine import SystemClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskdash.config.settings import Settings

TEXT_WIDTH: Final = 160
TEXT_DEADLINE_S: Final = 58.0
TIER: Final = "standard"
RESULT_TTL_MS: Final = 4 * 86_400_000
"""Longer than the oldest sample, as every link of the demo works."""


def open_demo() -> int:
    """Run the demo to its end, as a dashboard or, without a terminal, as text; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="taskdash-demo-") as folder, DemoApi(tier=TIER) as api:
        settings = demo_settings(
            api.base_url,
            api.key,
            download_dir=Path(folder) / "results",
            tier=TIER,
            result_ttl_ms=RESULT_TTL_MS,
        )
        store_path = Path(folder) / "tasks.db"
        with Store(store_path) as store:
            store.tasks.add(settings.profile, api.task_ids, SystemClock().now_ms())
        if has_terminal() and sys.stdout.isatty():
            return _dashboard(settings, store_path)
        # Without a handler SIGTERM would leave the temporary folder behind.
        signal.signal(signal.SIGTERM, _leave)
        return asyncio.run(_as_text(settings, store_path))


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _dashboard(settings: Settings, store_path: Path) -> int:
    return open_app(settings, {}, store_path, is_demo=True)


async def _as_text(settings: Settings, store_path: Path) -> int:
    from taskdash.config.keys import find_key
    from taskdash.wiring import build_watcher

    changed = asyncio.Event()
    key = find_key(settings.in_use, {}).secret
    watcher = await build_watcher(settings.in_use, key, store_path, changed.set, trust_env=False)
    running = asyncio.create_task(watcher.run())
    telling = asyncio.create_task(_tell(settings, store_path, changed))
    try:
        await asyncio.wait({running, telling}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        return await telling
    finally:
        telling.cancel()
        watcher.stop()
        await running


async def _tell(settings: Settings, store_path: Path, changed: asyncio.Event) -> int:
    clock = SystemClock()
    query = Query(settings.profile)
    deadline_s = clock.now_s() + TEXT_DEADLINE_S
    with Store(store_path) as store:
        known: dict[int, Task] = {}
        while True:
            await clock.wait(changed, 1.0)
            changed.clear()
            tasks = store.tasks.rows(query, clock.now_ms())
            answered = all(task.checks for task in tasks)
            if known:
                _print_changes(known, tasks)
            elif answered:
                _print_table("The list", tasks, clock.now_ms())
            if known or answered:
                known = {task.seq: task for task in tasks}
            finished = all(task.state.finished or task.problem for task in tasks)
            if known and (finished or clock.now_s() > deadline_s):
                _print_table("All finished" if finished else "Still unfinished", tasks, clock.now_ms())
                return 0 if finished else 1


def _print_table(title: str, tasks: Sequence[Task], now_ms: int) -> None:
    counts = {state: sum(task.state is state for task in tasks) for state in State}
    words = ", ".join(f"{count} {state}" for state, count in counts.items() if count)
    print_lines([f"{title}: {words}", "", *plain_table(tasks, now_ms, TEXT_WIDTH), ""])
    sys.stdout.flush()


def _print_changes(known: dict[int, Task], tasks: Sequence[Task]) -> None:
    for task in tasks:
        before = known.get(task.seq)
        if before is not None and (before.state, before.raw_state) != (task.state, task.raw_state):
            what = length(task.cost_time_ms) if task.state is State.SUCCESS else task.fail_msg or ""
            line = f"{SYMBOLS[task.state]} {state_word(task):<8} {task.task_id}  {what}  {task.prompt or ''}"
            print_lines([crop(line.replace("\n", " "), TEXT_WIDTH)])
    sys.stdout.flush()

"""What ticks, as a terminal shows it: only the numbers change, and all else stays at its place."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.command import Command
from tests.servers import waiting_body
from tests.ui.driven_dashboard import PROFILE, answer

from taskdash.store.store import Store

TASKS = [f"{n}a1f0c52-9b1e-4c1b-8f5e-0d6a2f1b9c10" for n in range(3)]
AGE_S = 10


def fill(path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    with Store(path) as store:
        store.additions.add(PROFILE, TASKS, now_ms - 600_000)
        for task_id in TASKS:
            body = waiting_body(task_id, createTime=now_ms - 1000 * AGE_S)
            answer(store, task_id, body, now_ms=now_ms - 600_000)


def seconds_shown(text: str) -> int:
    """Return how long the task at the cursor is under way, as the detail tells it."""
    found = re.search(r"waiting (\d+)s", text)
    return int(found[1]) if found else -1


def test_every_second_the_numbers_grow_and_nothing_else_changes(tmp_path: Path) -> None:
    fill(tmp_path / "tasks.db")
    with Command(tmp_path).dashboard(
        columns=160, rows=30, env={"AIGPTIMAGE_API_KEY": None, "TZ": "UTC"}
    ) as screen:
        before = screen.wait_for(lambda text: "no API key" in text and seconds_shown(text) >= AGE_S)
        first = seconds_shown(before)
        after = screen.wait_for(lambda text: seconds_shown(text) >= first + 2)
        assert len(re.findall(rf" {seconds_shown(after)}s ", after)) >= len(TASKS)

        def still(text: str) -> str:
            return re.sub(r" *\d+[smh]+\b", "#", text)

        assert still(after) == still(before)

"""Lists of many tasks and of large records: they are worked with like any other, in no more memory."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.command import Command
from tests.pty_screen import PtyScreen

from taskdash.domain.task import State, Task, TaskDetail
from taskdash.store.store import Store

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from lists import build

IDS = [f"task_{n:06d}_12345678" for n in range(30)]
LARGE = "x" * 1_000_000
MOST_MB = 30


def put(store: Store, large: str) -> None:
    tasks = [
        TaskDetail(
            task=Task(seq=0, profile="aigptimage", task_id=each, added_at_ms=1, state=State.SUCCESS),
            # Nobody may be asked for these, and nobody is.
            result_urls=("http://10.0.0.1/x.png",),
            param={"input": {"image": large}},
            raw=large.encode(),
        )
        for each in IDS
    ]
    store.documents.import_tasks(tasks, 1)


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Command]]:
    """One with small records, and one with large ones."""
    made = []
    for text in ("x", LARGE):
        taskdash = Command(tmp_path_factory.mktemp("records"))
        taskdash.write_config("https://gateway.test", top="auto_download = true")
        with Store(taskdash.store) as store:
            put(store, text)
        made.append(taskdash)
    yield made
    # Every file that is left is searched for keys.
    made[1].store.unlink()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it is asked how much memory it took")
@pytest.mark.parametrize("command", ["download", "wait", "export"])
def test_large_records_are_not_read_where_only_links_are_asked_for_nor_all_at_once(
    lists: list[Command], command: str, tmp_path: Path
) -> None:
    more = {"wait": IDS, "download": ["-o", str(tmp_path)]}.get(command, [])
    small, large = (taskdash.measured(command, *more)[1] for taskdash in lists)
    assert large - small < MOST_MB, f"{small} MB with small records, {large} MB with large ones"


COUNT = 12_000
PATIENCE_S = 60.0
"""A busy machine may take its time; what is quick is shown by the benchmarks."""
FIRST_LINE, LAST_LINE = 6, 38
"""Of the table, on a screen of 40 lines with a filter and a banner."""
EVERYTHING = (
    "SELECT seq, profile, task_id, state, model, label, cost_time_ms, create_time_ms, fail_msg, prompt, length(raw), "
    "param, result_urls FROM tasks LEFT JOIN bodies USING (seq) WHERE removal = 0 ORDER BY seq"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "list" / "tasks.db"
    build(path, COUNT, waiting=0, labels=10, raw=b"{}")
    yield path
    # Every file that is left is searched for keys.
    shutil.rmtree(path.parent)


def table_has_focus(screen: PtyScreen) -> bool:
    """The cursor's row is bold while keys go to the table."""
    rows = [number for number, line in enumerate(screen.lines) if line.startswith("▌")]
    return any(screen._screen.buffer[number][2].bold for number in rows)


class Row(NamedTuple):
    """A task as the list has it; the hash stands for all of its columns, which would fill hundreds of MB."""

    task_id: str
    state: int
    whole: int


def listed(store: Path) -> list[Row]:
    """All that the list has, in its order."""
    with closing(sqlite3.connect(store)) as connection:
        return [Row(row[2], row[3], hash(row)) for row in connection.execute(EVERYTHING)]


def test_it_is_filtered_sorted_marked_removed_and_brought_back_whole(store: Path, tmp_path: Path) -> None:
    before = listed(store)
    violating = [row for row in before if row.state == 3]
    assert len(before) == COUNT
    assert 1_000 < len(violating) < 1_400
    first, last = violating[0].task_id[:8], violating[-1].task_id[:8]
    taskdash = Command(tmp_path)
    taskdash.store = store
    # Without a key nothing is checked, so nothing else writes to the list.
    with taskdash.dashboard(columns=160, rows=40, env={"AIGPTIMAGE_API_KEY": None}) as screen:
        screen.wait_for(f"[All {COUNT:,}]", PATIENCE_S)
        # Filter: what the tabs count, the list has.
        screen.send("/")
        screen.wait_for("!exclude", PATIENCE_S)
        screen.send("policies !label:nothing")
        screen.wait_for(f"[All {len(violating):,}]", PATIENCE_S)
        screen.send("\r")
        screen.wait_for(lambda _: table_has_focus(screen), PATIENCE_S)
        # Turned round, the list begins with what was its end; the detail has the ID of the task at the cursor.
        screen.send("S")
        screen.wait_for(lambda text: "▌" in screen.lines[LAST_LINE] and first in text, PATIENCE_S)
        screen.send("g")
        screen.wait_for(lambda text: "▌" in screen.lines[FIRST_LINE] and last in text, PATIENCE_S)
        # Mark all that the filter shows, remove them, and see them gone.
        screen.send("A")
        screen.wait_for(f"{len(violating):,} tasks marked", PATIENCE_S)
        screen.send("x")
        screen.wait_for(f"Remove {len(violating):,} tasks", PATIENCE_S)
        screen.send("y")
        screen.wait_for(f"Removed {len(violating):,} tasks", PATIENCE_S)
        screen.wait_for("[All 0]", PATIENCE_S)
        assert listed(store) == [row for row in before if row.state != 3]
        # And back again, each in its place.
        screen.send("z")
        screen.wait_for(f"Restored {len(violating):,} tasks", PATIENCE_S)
        screen.wait_for(f"[All {len(violating):,}]", PATIENCE_S)
        assert listed(store) == before
        screen.quit(timeout_s=PATIENCE_S)

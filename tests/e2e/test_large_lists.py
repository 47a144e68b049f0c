"""Lists of many tasks and of large records: they are worked with like any other, in no more memory."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import Command

from taskdash.domain.task import State, Task, TaskDetail
from taskdash.store.store import Store

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

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

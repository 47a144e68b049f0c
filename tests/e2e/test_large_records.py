"""Records of a megabyte each, as those with pictures in their inputs are, cost a command no memory to speak of."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.command import Command

from taskdash.domain.task import State, Task, TaskDetail
from taskdash.store.store import Store

IDS = [f"task_{n:06d}_12345678" for n in range(30)]
LARGE = "x" * 1_000_000
MOST_KIB = 30 * 1_024


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


# The peak is asked for inside: what a parent tells of a child counts the parent's own memory before the `exec`.
MEASURED = """
import re, sys
from pathlib import Path
from taskdash.cli.process import exit_code_of

code = exit_code_of(sys.argv[1:])
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())
print(peak[1], file=sys.stderr)
sys.exit(code)
"""


def peak_kib(taskdash: Command, *arguments: str) -> int:
    """How much memory the command takes at most."""
    done = taskdash.run([sys.executable, "-c", MEASURED, *taskdash.line(*arguments)[1:]])
    assert done.returncode in (0, 1), done.stderr
    return int(done.stderr.split()[-1])


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
    small, large = (peak_kib(taskdash, command, *more) for taskdash in lists)
    assert large - small < MOST_KIB, f"{small} KiB with small records, {large} KiB with large ones"

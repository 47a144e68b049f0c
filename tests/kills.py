"""A process that adds IDs as fast as it can and says so, killed at moments nobody chose."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from taskdash.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

WRITER: Final = """
import sys
from pathlib import Path
from taskdash.store.store import Store

store, run = Store(Path(sys.argv[1])), sys.argv[2]
n = 0
while True:
    ids = [f"task_{run}_{n + i}" for i in range(3)]
    store.additions.add("p", ids, 1_790_000_000_000 + n)
    n += 3
    sys.stdout.write("\\n".join(ids) + "\\n")
    sys.stdout.flush()
"""


def killed_writers(path: Path, kills: int) -> list[str]:
    """Kill so many writers of the store at `path`, one after the other; return the IDs that they acknowledged."""
    chance = random.Random(11)  # noqa: S311 - the same moments in every run, more or less
    acknowledged: list[str] = []
    for run in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(run)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            # The first lines say that it is at work; from then on any moment is as good as another.
            first = writer.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.05))
            writer.kill()
            text = (first + writer.stdout.read()).decode()
        acknowledged += text[: text.rfind("\n")].split("\n")
    return acknowledged


def assert_whole(path: Path, acknowledged: list[str]) -> None:
    """The store has every ID that was acknowledged, and is sound."""
    with Store(path) as store:
        assert store.database.value("PRAGMA integrity_check") == "ok"
        assert set(acknowledged) == store.additions.listed("p", acknowledged)
        counted = store.database.value("SELECT sum(tasks) FROM counts")
        assert counted == store.database.value("SELECT count(*) FROM tasks")

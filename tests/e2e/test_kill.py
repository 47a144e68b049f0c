"""kill -9 at any moment loses no ID that was acknowledged, and leaves a list that is whole.

`KILLS=200 pytest tests/e2e/test_kill.py` does more of them than the suite.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from taskdash.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("KILLS", "25"))

WRITER = """
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


def test_no_acknowledged_id_is_lost_to_kills_at_random_moments(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    chance = random.Random(11)  # noqa: S311 - the same moments in every run, more or less
    acknowledged: list[str] = []
    for run in range(KILLS):
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
    with Store(path) as store:
        assert store.database.value("PRAGMA integrity_check") == "ok"
        listed = store.additions.listed("p", acknowledged)
        assert set(acknowledged) == listed
        counted = store.database.value("SELECT sum(tasks) FROM counts")
        assert counted == store.database.value("SELECT count(*) FROM tasks")
    assert len(acknowledged) > KILLS

"""Processes that write to a store: killed at moments nobody chose, or stopped in the middle of a change."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from tests.warm import Piped

from taskdash.store.store import Store

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

JUDGE: Final = """
import sys
from pathlib import Path
from taskdash.domain.task import Verdict
from taskdash.store.store import Store

store, n = Store(Path(sys.argv[1])), 0
seqs = [seq for (seq,) in store.rows("SELECT seq FROM tasks")]
while True:
    verdict = (Verdict.PICKED, Verdict.REJECTED, None)[n % 3]
    store.verdicts.give([(seq, result, verdict) for seq in seqs for result in (1, 2)], n)
    print(verdict, flush=True)
    n += 1
"""

_HOLD: Final = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], isolation_level=None)
store.execute("PRAGMA cache_spill = 1")
store.execute("PRAGMA cache_size = 1")
store.execute("BEGIN " + sys.argv[2])
store.execute("UPDATE tasks SET model = hex(zeroblob(2000))")
print(flush=True)
sys.stdin.read()
"""
"""Has a list locked with half of a change written to it: a cache of a page spills."""

tells_locks = pytest.mark.skipif(
    not Path("/proc/locks").exists(), reason="the system does not tell who has a file locked"
)


def killed_writers(path: Path, kills: int, script: str = WRITER, seed: int = 11) -> list[str]:
    """Kill so many writers of the store at `path`, one after the other; return the lines that they acknowledged."""
    chance = random.Random(seed)  # noqa: S311 - the same moments in every run, more or less
    acknowledged: list[str] = []
    for run in range(kills):
        with Piped(["writer", str(path), str(run)], cwd=path.parent, env=os.environ, first=script) as writer:
            # The first lines say that it is at work; from then on any moment is as good as another.
            first = writer.stdout.readline()
            time.sleep(chance.uniform(0.0, 0.05))
            writer.kill()
            text = first + writer.stdout.read()
        acknowledged += text[: text.rfind("\n")].split("\n")
    return acknowledged


def assert_whole(path: Path, acknowledged: list[str]) -> None:
    """The store has every ID that was acknowledged, and is sound."""
    with Store(path) as store:
        assert store.value("PRAGMA integrity_check") == "ok"
        assert set(acknowledged) == store.additions.listed("p", acknowledged)
        counted = store.value("SELECT sum(tasks) FROM counts")
        assert counted == store.value("SELECT count(*) FROM tasks")


@contextmanager
def stopped_holder(path: Path, kind: str = "EXCLUSIVE") -> Iterator[int]:
    """Have a list locked by a process that is stopped; the block gets its number."""
    line = [sys.executable, "-c", _HOLD, str(path), kind]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        holder.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED)
        try:
            yield holder.pid
        finally:
            holder.kill()

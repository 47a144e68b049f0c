"""Ctrl+Z on commands that watch: who is stopped holds nothing that others wait for."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from tests.command import EAGER, Command, wait_until
from tests.servers import FakeApi, Reply, success_body, waiting_body

from taskdash.watch.peers import Lease

SHELL = """
import os, subprocess, sys

os.setsid()
job = subprocess.Popen(sys.argv[1:], process_group=0)
print(job.pid, flush=True)
sys.exit(job.wait())
"""
"""Runs a command as a job of its own: only who has a shell in its session can be stopped by SIGTSTP."""


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0].decode()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="/proc tells whether a process is stopped")
@pytest.mark.parametrize("command", ["wait", "check"])
def test_a_command_that_watches_gives_the_lease_up_before_it_stops_and_goes_on_after(
    tmp_path: Path, fake_api: FakeApi, command: str
) -> None:
    ids = [f"task_job_{n:02d}_12345678" for n in range(30)]
    taskdash = Command(tmp_path, fake_api, first=EAGER)
    fake_api.override = Reply(delay_s=60)
    if command == "wait":
        fake_api.override = None
        for task_id in ids:
            fake_api.set(task_id, waiting_body(task_id))
    line = [sys.executable, "-c", SHELL, *taskdash.line(command, *ids)]
    lease = Lease(taskdash.store, "aigptimage")
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=taskdash.environment(), text=True
    ) as shell:
        assert shell.stdout is not None
        pid = int(shell.stdout.readline())
        try:
            fake_api.wait_for(lambda: fake_api.count() >= len(ids) // 2, 30)
            for n in range(5):
                time.sleep(0.08 * n)  # wherever it is just then
                os.kill(pid, signal.SIGTSTP)
                wait_until(lambda: state_of(pid) == "T")
                assert lease.acquire()
                lease.release()
                with closing(sqlite3.connect(taskdash.store, timeout=1, isolation_level=None)) as connection:
                    connection.execute("BEGIN EXCLUSIVE")
                    connection.execute("ROLLBACK")
                sent = fake_api.count()
                os.kill(pid, signal.SIGCONT)
                wait_until(lambda: state_of(pid) != "T")
                if n == 0:
                    fake_api.wait_for(lambda: fake_api.count() > sent, 20)  # noqa: B023 - called in this round
            fake_api.override = None
            for task_id in ids:
                fake_api.set(task_id, success_body(task_id))
            talk = shell.communicate(timeout=60)[1]
            assert shell.returncode == 0, talk
        finally:
            if shell.poll() is None:
                os.kill(pid, signal.SIGKILL)

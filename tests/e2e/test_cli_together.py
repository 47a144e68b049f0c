"""Several processes on one list: nothing is lost, no two locks are one, and who is stopped holds nobody up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock
from tests.command import Command, wait_until
from tests.servers import FakeApi, Reply, success_body, waiting_body

from taskdash.results.saved_results import ResultLocks
from taskdash.store.store_file import lock_path
from taskdash.watch.peers import Lease


def test_waits_on_one_task_send_what_one_would(tmp_path: Path, api: FakeApi) -> None:
    task_id = "task_shared_12345678"
    api.set(task_id, [*[waiting_body(task_id)] * 2, success_body(task_id)])
    taskdash = Command(tmp_path, api, per_second=5)
    taskdash("add", task_id)
    waiting = [taskdash.start("wait", task_id) for _ in range(3)]
    for process in waiting:
        talk = process.communicate(timeout=30)[1]
        assert process.returncode == 0, talk
    assert api.count(task_id) == 3


def test_wait_says_that_the_watcher_is_stopped(taskdash: Command, api: FakeApi) -> None:
    task_id = "task_frozen_12345678"
    api.set(task_id, waiting_body(task_id))
    taskdash("add", task_id)
    watching = taskdash.start("wait", task_id)
    try:
        api.wait_for(lambda: api.count() >= 1, 10)
        assert taskdash("wait", task_id, "--timeout", "0.2").returncode == 124
        for _ in range(9):
            watching.send_signal(signal.SIGSTOP)
            done = taskdash("wait", task_id, "--timeout", "2")
            if done.returncode != 6:
                break
            # It was stopped while it wrote, and has the list locked: let it go on for as long as another waits.
            watching.send_signal(signal.SIGCONT)
            taskdash("wait", task_id, "--timeout", "0.2")
        refused = taskdash("check", task_id)
        assert (done.returncode, refused.returncode in (1, 5)) == (124, True)
        assert f"pid {watching.pid}" in done.stderr
        assert f"pid {watching.pid}" in refused.stderr
    finally:
        watching.send_signal(signal.SIGCONT)
        watching.send_signal(signal.SIGTERM)
        watching.communicate(timeout=10)


def test_a_command_that_is_stopped_while_it_writes_leaves_the_list_to_everybody_else(
    taskdash: Command,
) -> None:
    names = taskdash.folder / "names"
    names.write_text("\n".join(f"task_{number:032x}" for number in range(15_000)))
    taskdash("add", "task_1")
    journal = taskdash.store.with_name(f"{taskdash.store.name}-journal")
    # A group of its own, in a session that others have a part in: as a shell does it.
    with subprocess.Popen(
        taskdash.line("import", str(names)),
        env=taskdash.environment(),
        process_group=0,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as command:
        while not journal.stat().st_size:
            assert command.poll() is None
        command.send_signal(signal.SIGTSTP)
        # It ends what it is writing first.
        os.waitid(os.P_PID, command.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        added = taskdash("add", "task_2", timeout_s=60)
        command.send_signal(signal.SIGCONT)
        assert command.wait(60) == 0
        assert added.returncode == 0, added.stderr
    assert len(taskdash.ids()) == 15_002


JOB = """
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
    taskdash: Command, api: FakeApi, command: str
) -> None:
    ids = [f"task_job_{n:02d}_12345678" for n in range(30)]
    for task_id in ids:
        api.set(task_id, waiting_body(task_id))
    if command == "check":
        api.override = Reply(delay_s=60)
    line = [sys.executable, "-c", JOB, *taskdash.line(command, *ids)]
    lease = Lease(taskdash.store, "aigptimage")
    with taskdash.begin(line) as shell:
        assert shell.stdout is not None
        pid = int(shell.stdout.readline())
        try:
            api.wait_for(lambda: api.count() >= len(ids) // 2, 30)
            for n in range(5):
                time.sleep(0.08 * n)  # wherever it is just then
                os.kill(pid, signal.SIGTSTP)
                wait_until(lambda: state_of(pid) == "T")
                assert lease.acquire()
                lease.release()
                with taskdash.locked():
                    sent = api.count()
                os.kill(pid, signal.SIGCONT)
                wait_until(lambda: state_of(pid) != "T")
                if n == 0:
                    api.wait_for(lambda: api.count() > sent, 20)  # noqa: B023 - called in this round
            api.override = None
            for task_id in ids:
                api.set(task_id, success_body(task_id))
            talk = shell.communicate(timeout=60)[1]
            assert shell.returncode == 0, talk
        finally:
            if shell.poll() is None:
                os.kill(pid, signal.SIGKILL)


def test_every_lock_is_a_file_of_its_own_even_where_case_does_not_count(tmp_path: Path) -> None:
    profiles = ["mend", "downloads", "MEND", "p", "P", "p.q", "q", "p-q", "x" * 64, "X" * 64]
    leases = [(tmp_path / "tasks.db", name) for name in profiles]
    # The list beside it is called as the first one's profiles may be.
    leases += [(tmp_path / "tasks.db.p", "q"), (tmp_path / "tasks.db.mend", "p")]
    with ExitStack() as held:
        for store, name in leases:
            lease = Lease(store, name)
            assert lease.acquire()
            held.callback(lease.release)
        for store in (tmp_path / "tasks.db", tmp_path / "tasks.db.p"):
            held.enter_context(ResultLocks(store))
            held.enter_context(FileLock(lock_path(store, "mend")))
        names = [path.name.casefold() for path in tmp_path.iterdir()]
        assert len(set(names)) == len(leases) + 4

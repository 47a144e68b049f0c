"""Several processes on one list: nothing is lost, nobody sees a lock, and all of them stay within one budget."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.command import Command
from tests.kills import stopped_holder, tells_locks
from tests.servers import FakeApi, success_body, waiting_body


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


@tells_locks
def test_commands_that_only_read_need_no_lock_that_a_stopped_process_has(taskdash: Command) -> None:
    ids = [f"task_{n:032}" for n in range(500)]
    assert taskdash("add", *ids).returncode == 0
    with stopped_holder(taskdash.store, "IMMEDIATE") as pid:
        for line in (["list", "--ids"], ["show", ids[0]], ["stats"], ["export"]):
            done = taskdash(*line, timeout_s=8)
            assert done.returncode == 0, line
            assert ids[0] in done.stdout or line == ["stats"]
            assert done.stderr.count(f"kill -CONT {pid}") == 1, line
        opened = taskdash("open", ids[0], timeout_s=8)
        assert "has no result link" in opened.stderr
    assert taskdash("list", "--ids").stdout.split() == ids
    assert taskdash("list", "--ids").stderr == ""

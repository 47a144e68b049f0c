"""Several processes on one list: nothing is lost, nobody sees a lock, and all of them stay within one budget."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from tests.command import EAGER, Command
from tests.kills import stopped_holder, tells_locks
from tests.servers import FakeApi, Reply, success_body, waiting_body

PROCESSES = 8


def ids_of(process: int, count: int) -> list[str]:
    return [f"task_p{process}_{n:013d}" for n in range(count)]


def test_eight_processes_adding_hundreds_of_ids_each_lose_none(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
    adding = [taskdash.start("add", "-", stdin="\n".join(ids_of(number, 300))) for number in range(PROCESSES)]
    for number, process in enumerate(adding):
        out, talk = process.communicate(timeout=60)
        assert (process.returncode, out.splitlines()) == (0, ids_of(number, 300)), talk
    listed = taskdash.ids()
    assert len(listed) == len(set(listed)) == PROCESSES * 300
    # Each paste stands together, in its own order.
    place = {task_id: n for n, task_id in enumerate(listed)}
    for number in range(PROCESSES):
        places = [place[task_id] for task_id in ids_of(number, 300)]
        assert places == list(range(places[0], places[0] + 300))


def test_waits_on_one_task_send_what_one_would(tmp_path: Path, fake_api: FakeApi) -> None:
    task_id = "task_shared_12345678"
    fake_api.set(task_id, [*[waiting_body(task_id)] * 2, success_body(task_id)])
    taskdash = Command(tmp_path, fake_api, per_second=5)
    taskdash("add", task_id)
    waiting = [taskdash.start("wait", task_id) for _ in range(3)]
    for process in waiting:
        talk = process.communicate(timeout=30)[1]
        assert process.returncode == 0, talk
    assert fake_api.count(task_id) == 3


def test_a_wait_takes_over_when_the_one_that_watched_is_killed(tmp_path: Path, fake_api: FakeApi) -> None:
    task_id = "task_orphan_12345678"
    fake_api.set(task_id, waiting_body(task_id))
    taskdash = Command(tmp_path, fake_api, first=EAGER)
    taskdash("add", task_id)
    first = taskdash.start("wait", task_id)
    fake_api.wait_for(lambda: fake_api.count() >= 1, 10)
    second = taskdash.start("wait", task_id)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    fake_api.set(task_id, success_body(task_id))
    talk = second.communicate(timeout=20)[1]
    assert second.returncode == 0, talk


def test_wait_says_that_the_watcher_is_stopped(tmp_path: Path, fake_api: FakeApi) -> None:
    task_id = "task_frozen_12345678"
    fake_api.set(task_id, waiting_body(task_id))
    taskdash = Command(tmp_path, fake_api, first=EAGER)
    taskdash("add", task_id)
    watching = taskdash.start("wait", task_id)
    try:
        fake_api.wait_for(lambda: fake_api.count() >= 1, 10)
        done = taskdash("wait", task_id, "--timeout", "0.2")
        assert done.returncode == 124
        for _ in range(9):
            watching.send_signal(signal.SIGSTOP)
            done = taskdash("wait", task_id, "--timeout", "2")
            if done.returncode != 6:
                break
            # It was stopped while it wrote, and has the list locked: let it go on for as long as another waits.
            watching.send_signal(signal.SIGCONT)
            taskdash("wait", task_id, "--timeout", "0.2")
        assert done.returncode == 124
        assert f"pid {watching.pid}" in done.stderr
        refused = taskdash("check", task_id)
        assert refused.returncode in (1, 5)
        assert f"pid {watching.pid}" in refused.stderr
    finally:
        watching.send_signal(signal.SIGCONT)
        watching.send_signal(signal.SIGTERM)
        watching.communicate(timeout=10)


def test_a_lost_answer_does_not_hang_a_wait_with_a_timeout(tmp_path: Path, fake_api: FakeApi) -> None:
    task_id = "task_silent_12345678"
    fake_api.set(task_id, Reply(delay_s=60))
    taskdash = Command(tmp_path, fake_api, first=EAGER)
    assert taskdash("wait", task_id, "--timeout", "0.5", timeout_s=8).returncode == 124


def test_a_command_that_is_stopped_while_it_writes_leaves_the_list_to_everybody_else(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
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
def test_commands_that_only_read_need_no_lock_that_a_stopped_process_has(tmp_path: Path) -> None:
    taskdash = Command(tmp_path)
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

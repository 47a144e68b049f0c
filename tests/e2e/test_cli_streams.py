"""What a command does with streams that are closed, full, or not what it hopes for."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
from tests.command import Command


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_an_error(taskdash: Command) -> None:
    taskdash.ok("add", "task_new_12345678")
    done = taskdash.run(["sh", "-c", f"{shlex.join(taskdash.line('list'))} > /dev/full"])
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "cannot be written" in done.stderr


def test_an_ascii_terminal_gets_escapes_instead_of_a_crash(taskdash: Command) -> None:
    taskdash("add", "task_new_12345678", "--label", "Dünen 満月")
    done = taskdash("list", "--limit", "1", env={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert done.returncode == 0
    assert "D\\xfcnen" in done.stdout


def test_long_work_has_a_progress_line_on_a_terminal_only(taskdash: Command, tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    task = json.dumps({"taskId": "ID", "addedAt": 1, "param": {"input": {"prompt": "x" * 400}}})
    file.write_text("[" + ",\n".join(task.replace("ID", f"task_more_{n:013d}") for n in range(4_000)) + "]")
    soon = "import taskdash.cli.output as p; p.SHOWN_AFTER_S = p.REDRAWN_EVERY_S = 0.02"
    silent = ["sh", "-c", 'exec "$0" "$@" >/dev/null </dev/null']
    with taskdash.dashboard(
        "import", str(file), within=silent, env={"TERM": "xterm"}, spoilt_by=soon
    ) as screen:
        assert screen.wait_exit(30) == 0
        shown = screen.raw
    assert b"4,000 tasks added" in shown
    assert b"tasks read" in shown or b"/4,000" in shown
    assert shown.rstrip().endswith(b"listed")
    assert "\r" not in taskdash.after(soon)("import", str(file)).stderr


def test_ctrl_c_while_standard_input_is_read_is_quiet(taskdash: Command) -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stdin:
        process = subprocess.Popen(
            taskdash.line("add", "-"),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=taskdash.environment(),
        )
    # Once it has taken this in, it is past its start.
    os.write(write, b"x" * 65_536)
    os.write(write, b"x" * 65_536)
    # Python may be between two reads, and notice a signal only after the next: a person presses the key again.
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    out, talk = process.communicate(timeout=10)
    os.close(write)
    assert (process.returncode, out, talk.strip()) == (130, b"", b"")

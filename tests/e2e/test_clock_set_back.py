"""A wall clock that is set back while commands wait: what came since is told without it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.command import Command
from tests.servers import FakeApi, Reply, waiting_body

if TYPE_CHECKING:
    from pathlib import Path

HOUR_S = 3_600
SPOILT = """
import pathlib, sys, time

ahead = pathlib.Path(sys.argv.pop(1))
real_ns = time.time_ns
time.time_ns = lambda: real_ns() + 1_000_000_000 * int(ahead.read_text())
time.time = lambda: time.time_ns() / 1e9

from taskdash.cli.main import run

run()
"""


class Watch:
    """A command line of its own list, whose wall clock the test sets."""

    def __init__(self, folder: Path, api: FakeApi, task_id: str) -> None:
        folder.mkdir()
        self.api, self.task_id = api, task_id
        self.taskdash = Command(folder, api)
        self.ahead = folder / "ahead"
        # It was added a minute ago, so that a 404 may be believed.
        self.set(-60)
        added = self.start("add", task_id)
        talk = added.communicate(timeout=30)[1]
        assert added.returncode == 0, talk
        self.set(0)
        self.process = self.start("wait", task_id)

    def set(self, ahead_s: int) -> None:
        """Set the clock, at one stroke: it is read all the time."""
        file = self.ahead.with_name("ahead.part")
        file.write_text(str(ahead_s))
        file.replace(self.ahead)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        line = self.taskdash.line(*arguments)
        return subprocess.Popen(
            [sys.executable, "-c", SPOILT, str(self.ahead), *line[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.taskdash.environment(),
        )


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S])
def test_a_wait_sees_what_comes_after_its_clock_was_set(tmp_path: Path, jump_s: int) -> None:
    codes = {404: 3, 401: 4, 402: 1}
    with FakeApi() as api:
        watches = {}
        for status in codes:
            task_id = f"task_clock_{status}_12345"
            api.set(task_id, waiting_body(task_id))
            watches[status] = Watch(tmp_path / str(status), api, task_id)
        try:
            for status, watch in watches.items():
                api.wait_for(lambda task_id=watch.task_id: api.count(task_id) >= 1, 30)  # type: ignore[misc]
                watch.set(jump_s)
                api.set(watch.task_id, Reply(status))
            for status, watch in watches.items():
                talk = watch.process.communicate(timeout=60)[1]
                assert watch.process.returncode == codes[status], talk
        finally:
            for watch in watches.values():
                watch.process.kill()
                watch.process.communicate()

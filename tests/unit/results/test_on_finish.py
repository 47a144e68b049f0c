"""`on_finish` with real commands: what they get, that each runs once, and what becomes of those that misbehave."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.bodies import Body, fail_body, success_body, waiting_body
from tests.command import is_gone, wait_until
from tests.store_lists import replied
from tests.unit.results.fakes import KEY, programs

from taskdash.domain.task import TaskDetail
from taskdash.domain.task_json import VARIABLES, task_json
from taskdash.results import own_commands
from taskdash.results.own_commands import FINISHED_AT_ONCE, MAX_OUTPUT_BYTES, FinishCommand, Ran
from taskdash.store.store import Store

PROFILE = "aigptimage"
NOW_MS = 1_777_475_100_000
ENVIRON = {"PATH": os.environ["PATH"]}


class Finishing:
    """A list, and commands that are run for each of its tasks that ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "tasks.db")
        self.commands: list[FinishCommand] = []
        self.told: list[str] = []

    def end(self, *bodies: Body, label: str | None = None) -> list[str]:
        """Have tasks end that were seen waiting."""
        ids = [str(body["data"]["taskId"]) for body in bodies]
        self.store.additions.add(PROFILE, ids, NOW_MS, label=label)
        for task_id, body in zip(ids, bodies, strict=True):
            replied(self.store, waiting_body(task_id), PROFILE, NOW_MS)
            replied(self.store, body, PROFILE, NOW_MS)
        return ids

    def begin(
        self, *arguments: str, environ: Mapping[str, str] = ENVIRON, limit_s: float = 60
    ) -> FinishCommand:
        """Begin with a command."""
        made = programs(self.store.path, environ, limit_s=limit_s)
        command = FinishCommand(arguments, PROFILE, made)
        command.listen(self.told.append)
        self.commands.append(command)
        command.wake()
        return command

    def run(self, *arguments: str, **options: Any) -> None:
        """Run a command for all that has ended."""
        assert self.begin(*arguments, **options).is_idle(20), "the command is still busy"

    def script(self, text: str, **options: Any) -> None:
        """Run a Python program, which is told the folder, for all that has ended."""
        program = self.folder / "on-finish.py"
        program.write_text(text, "utf-8")
        self.run(sys.executable, str(program), str(self.folder), **options)

    def kept(self, task_id: str) -> Any:
        """Return what `KEEP` has written down."""
        return json.loads((self.folder / f"{task_id}.json").read_text())

    def detail(self, task_id: str) -> TaskDetail:
        return self.store.tasks.find_detail(PROFILE, task_id)


@pytest.fixture
def finishing(tmp_path: Path) -> Iterator[Finishing]:
    made = Finishing(tmp_path)
    yield made
    for command in made.commands:
        command.close()
    made.store.close()


KEEP = """\
import json, os, sys
data = sys.stdin.read()
name = os.environ["TASKDASH_TASK_ID"]
with open(f"{sys.argv[1]}/{name}.json", "x") as file:
    json.dump({"stdin": data, "env": dict(os.environ), "argv": sys.argv, "sid": os.getsid(0), "pid": os.getpid()}, file)
"""


def test_a_list_that_was_deleted_is_not_begun_anew(finishing: Finishing) -> None:
    finishing.end(success_body("task_a"))
    finishing.store.path.unlink()
    finishing.run("true")
    assert not finishing.store.path.exists()


def test_the_command_gets_the_task_on_its_input_and_its_fields_in_its_environment(
    finishing: Finishing,
) -> None:
    links = ["https://cdn.example.com/1.png", "https://cdn.example.com/2.png"]
    param = json.dumps({"model": "m", "input": {"prompt": "two\nlines; $(rm -rf /) `x` \"'"}})
    body = success_body("task_good_12345678", links, param=param)
    finishing.end(body, fail_body("task_bad_123456789"), label="posters")
    finishing.script(KEEP)

    good = finishing.kept("task_good_12345678")
    assert json.loads(good["stdin"]) == task_json(finishing.detail("task_good_12345678"))
    env = good["env"]
    assert set(VARIABLES) <= set(env)
    assert (
        env.items()
        >= {
            "TASKDASH_STATE": "success",
            "TASKDASH_LABEL": "posters",
            "TASKDASH_PROFILE": PROFILE,
            "TASKDASH_COST_TIME_MS": "32241",
            "TASKDASH_RESULT_URLS": "\n".join(links),
            "TASKDASH_PROMPT": "two\nlines; $(rm -rf /) `x` \"'",
            "TASKDASH_FAIL_CODE": "",
            "TASKDASH_FAIL_MSG": "",
            "TASKDASH_STORE": str(finishing.store.path),
        }.items()
    )
    assert good["sid"] == good["pid"], "it has a session of its own"

    bad = finishing.kept("task_bad_123456789")["env"]
    assert (bad["TASKDASH_STATE"], bad["TASKDASH_FAIL_CODE"]) == ("fail", "400")
    assert "content policies" in bad["TASKDASH_FAIL_MSG"]
    assert bad["TASKDASH_COST_TIME_MS"] == bad["TASKDASH_RESULT_URLS"] == ""


def test_no_key_is_in_its_environment_its_arguments_or_its_input(finishing: Finishing) -> None:
    param = json.dumps({"model": "m", "input": {"prompt": f"my key is {KEY}"}})
    finishing.end(success_body("task_good_12345678", param=param))
    others = {"COPY": f"Bearer {KEY}", "SLACK_TOKEN": "the command's own affair"}
    finishing.script(KEEP, environ={**ENVIRON, **others, "AIGPTIMAGE_API_KEY": "sk-another-key-987654"})
    kept = finishing.kept("task_good_12345678")
    assert KEY not in json.dumps(kept)
    assert "sk-another-key-987654" not in json.dumps(kept)
    assert "AIGPTIMAGE_API_KEY" not in kept["env"]
    assert kept["env"]["SLACK_TOKEN"] == "the command's own affair"
    assert kept["env"]["TASKDASH_PROMPT"] == "my key is ***"


def test_an_id_that_had_ended_when_it_was_added_is_no_news(finishing: Finishing) -> None:
    finishing.store.additions.add(PROFILE, ["task_old_12345678", "task_since_1234567"], NOW_MS)
    replied(finishing.store, success_body("task_old_12345678"), PROFILE, NOW_MS)
    replied(finishing.store, success_body("task_since_1234567", completeTime=NOW_MS + 5), PROFILE, NOW_MS)
    finishing.script(KEEP)
    assert [path.stem for path in finishing.folder.glob("task_*.json")] == ["task_since_1234567"]


COUNT = """\
import os, sys, time
from pathlib import Path
folder, name = Path(sys.argv[1]), os.environ["TASKDASH_TASK_ID"]
mine = folder / f"{name}.run"
mine.touch()
most = max(len(list(folder.glob("*.run"))) for _ in range(30) if not time.sleep(0.005))
mine.unlink()
(folder / f"{name}.most").write_text(str(most))
"""


def test_no_more_than_two_run_at_once(finishing: Finishing) -> None:
    finishing.end(*many(6))
    finishing.script(COUNT)
    most = [int(path.read_text()) for path in finishing.folder.glob("*.most")]
    assert len(most) == 6
    assert max(most) <= FINISHED_AT_ONCE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no-such-program-here"], "no-such-program-here was not found"),
        (["/"], "/ cannot be run (Permission denied)"),
        (["sh", "-c", "echo broken >&2; exit 3"], "sh failed (exit 3) for task_many_"),
        (["sh", "-c", "kill -9 $$"], "sh was ended by signal 9 for task_many_"),
    ],
)
def test_a_command_that_fails_is_told_once_and_logged_each_time(
    finishing: Finishing, caplog: pytest.LogCaptureFixture, arguments: list[str], words: str
) -> None:
    finishing.end(*many(3))
    with caplog.at_level(logging.INFO, "taskdash"):
        finishing.run(*arguments)
    assert len(finishing.told) == 1
    assert finishing.told[0].startswith(f"on_finish: {words}")
    assert "\n" not in finishing.told[0]
    assert sum("on_finish for" in line and "printed" not in line for line in caplog.messages) == 3
    assert sum("printed: broken" in line for line in caplog.messages) == (3 if "exit 3" in words else 0)


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(
    finishing: Finishing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_commands, "TERM_GRACE_S", 0.3)
    finishing.end(*many(1))
    pids = finishing.folder / "pids"
    stubborn = f"trap '' TERM; sleep 300 & echo $! $$ > {pids}; wait; sleep 300"
    finishing.run("sh", "-c", stubborn, limit_s=0.5)
    assert [line.split(" for ")[0] for line in finishing.told] == [
        "on_finish: sh took too long and was ended"
    ]
    until_gone(pids)


def test_closing_ends_what_runs_and_leaves_the_rest_to_the_next(finishing: Finishing) -> None:
    ids = finishing.end(*many(4))
    pids, told = finishing.folder / "pids", finishing.folder / "told"
    slow = finishing.begin("sh", "-c", f"echo $$ >> {pids}; exec sleep 300")
    wait_until(lambda: pids.exists() and len(lines(pids)) == FINISHED_AT_ONCE)
    began_s = time.monotonic()
    slow.close()
    assert time.monotonic() - began_s < 3
    until_gone(pids)
    finishing.run("sh", "-c", f"echo $TASKDASH_TASK_ID >> {told}")
    assert sorted(lines(told)) == ids[FINISHED_AT_ONCE:]


def test_what_heeds_no_signal_is_killed_where_nobody_waits(finishing: Finishing) -> None:
    finishing.end(*many(1))
    pids = finishing.folder / "pids"
    slow = finishing.begin("sh", "-c", f"trap '' TERM; echo $$ > {pids}; sleep 300")
    wait_until(lambda: pids.exists() and lines(pids) and own_commands._under_way)
    slow.kill()
    until_gone(pids)


def ran(*arguments: str) -> Ran:
    """Run a program for no task."""
    return programs(Path("tasks.db"), ENVIRON).run(arguments, [], is_one=False)


def test_a_command_that_reads_nothing_and_prints_without_end_does_no_harm() -> None:
    done = ran("sh", "-c", "exec <&-; head -c 300000 /dev/zero | tr '\\0' x")
    assert (done.fault, done.output) == ("", "x" * MAX_OUTPUT_BYTES)


def test_a_command_that_prints_without_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    told = tmp_path / "sizes"
    look = f"exec 3>&1; for n in 1 2 3 4 5 6 7 8 9; do sleep 0.15; stat -L -c %s /proc/$$/fd/3 >> {told}; done; kill $!"
    assert ran("sh", "-c", f"yes & {look}").output == "y\n" * (MAX_OUTPUT_BYTES // 2)
    sizes = [int(line) for line in lines(told)]
    assert any(later < earlier for earlier, later in pairwise(sizes)), "it was cut"


def test_what_a_command_leaves_in_the_background_is_not_waited_for() -> None:
    began_s = time.monotonic()
    done = ran("sh", "-c", "sleep 20 & echo $!")
    os.kill(int(done.output), 9)
    assert done.fault == ""
    assert time.monotonic() - began_s < 10


def test_a_long_task_is_whole_on_the_input(finishing: Finishing) -> None:
    links = [f"https://cdn.example.com/{n:06d}/{'x' * 100}.png" for n in range(3_000)]
    finishing.end(success_body("task_long_12345678", links))
    finishing.script(KEEP)
    kept = finishing.kept("task_long_12345678")
    detail = finishing.detail("task_long_12345678")
    assert json.loads(kept["stdin"])["resultUrls"] == list(detail.result_urls)
    assert 30_000 < len(kept["env"]["TASKDASH_RESULT_URLS"]) <= 32_768


def many(count: int) -> list[Body]:
    return [success_body(f"task_many_{n:08d}") for n in range(count)]


def lines(path: Path) -> list[str]:
    return path.read_text().split()


def until_gone(pids: Path) -> None:
    """Wait until no process whose number is in a file runs any more."""
    wait_until(lambda: all(is_gone(int(pid)) for pid in lines(pids)))

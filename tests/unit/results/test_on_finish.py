"""`on_finish` with real commands: what they get, that each runs once, and what becomes of those that misbehave."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from tests.bodies import Body, fail_body, success_body, waiting_body
from tests.command import is_gone, wait_until
from tests.store_lists import replied

from taskdash.domain.secret import KnownKeys, Secret
from taskdash.domain.task_json import VARIABLES, task_json
from taskdash.results import own_commands
from taskdash.results.own_commands import (
    FINISHED_AT_ONCE,
    MAX_OUTPUT_BYTES,
    FinishCommand,
    Programs,
    run_command,
)
from taskdash.store.store import Store

PROFILE = "aigptimage"
KEY = "sk-canary-0123456789abcdef"
NOW_MS = 1_777_475_100_000
ENVIRON = {"PATH": os.environ["PATH"]}


@pytest.fixture
def store_path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


@pytest.fixture
def store(store_path: Path) -> Iterator[Store]:
    with Store(store_path) as opened:
        yield opened


@pytest.fixture
def make(store_path: Path) -> Iterator[Callable[..., FinishCommand]]:
    """Makes commands, and ends them when the test does."""
    made: list[FinishCommand] = []

    def make(*arguments: str, environ: Mapping[str, str] = ENVIRON, limit_s: float = 60) -> FinishCommand:
        programs = Programs(
            store_path=store_path,
            environ=environ,
            keys=KnownKeys([Secret(KEY)]),
            hidden={"AIGPTIMAGE_API_KEY"},
            limit_s=limit_s,
        )
        command = FinishCommand(arguments, PROFILE, programs)
        made.append(command)
        return command

    yield make
    for command in made:
        command.close()


def end(store: Store, *bodies: Body, label: str | None = None) -> list[str]:
    """Tasks that were seen waiting and then ended."""
    ids = [str(body["data"]["taskId"]) for body in bodies]
    store.additions.add(PROFILE, ids, NOW_MS, label=label)
    for task_id, body in zip(ids, bodies, strict=True):
        replied(store, waiting_body(task_id), PROFILE, NOW_MS)
        replied(store, body, PROFILE, NOW_MS)
    return ids


def script(folder: Path, text: str) -> list[str]:
    """A Python program as a command, which is told a folder."""
    program = folder / "on-finish.py"
    program.write_text(text, "utf-8")
    return [sys.executable, str(program), str(folder)]


def run_all(command: FinishCommand, timeout_s: float = 20) -> None:
    command.wake()
    assert command.is_idle(timeout_s), "the command is still busy"


KEEP = """\
import json, os, sys
data = sys.stdin.read()
name = os.environ["TASKDASH_TASK_ID"]
with open(f"{sys.argv[1]}/{name}.json", "x") as file:
    json.dump({"stdin": data, "env": dict(os.environ), "argv": sys.argv, "sid": os.getsid(0), "pid": os.getpid()}, file)
"""


def test_a_list_that_was_deleted_is_not_begun_anew(
    store_path: Path, store: Store, make: Callable[..., FinishCommand]
) -> None:
    end(store, success_body("task_a"))
    store_path.unlink()
    run_all(make("true"))
    assert not store_path.exists()


def test_the_command_gets_the_task_on_its_input_and_its_fields_in_its_environment(
    tmp_path: Path, store: Store, make: Callable[..., FinishCommand]
) -> None:
    links = ["https://cdn.example.com/1.png", "https://cdn.example.com/2.png"]
    param = json.dumps({"model": "m", "input": {"prompt": "two\nlines; $(rm -rf /) `x` \"'"}})
    body = success_body("task_good_12345678", links, param=param)
    end(store, body, fail_body("task_bad_123456789"), label="posters")
    run_all(make(*script(tmp_path, KEEP)))

    good = json.loads((tmp_path / "task_good_12345678.json").read_text())
    detail = store.tasks.detail(store.tasks.find(PROFILE, "task_good_12345678").seq)
    assert detail is not None
    assert json.loads(good["stdin"]) == task_json(detail)
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
            "TASKDASH_STORE": str(store.path),
        }.items()
    )
    assert good["sid"] == good["pid"], "it has a session of its own"

    bad = json.loads((tmp_path / "task_bad_123456789.json").read_text())["env"]
    assert (bad["TASKDASH_STATE"], bad["TASKDASH_FAIL_CODE"]) == ("fail", "400")
    assert "content policies" in bad["TASKDASH_FAIL_MSG"]
    assert bad["TASKDASH_COST_TIME_MS"] == bad["TASKDASH_RESULT_URLS"] == ""


def test_no_key_is_in_its_environment_its_arguments_or_its_input(
    tmp_path: Path, store: Store, make: Callable[..., FinishCommand]
) -> None:
    param = json.dumps({"model": "m", "input": {"prompt": f"my key is {KEY}"}})
    end(store, success_body("task_good_12345678", param=param))
    environ = {
        **ENVIRON,
        "AIGPTIMAGE_API_KEY": "sk-another-key-987654",
        "COPY": f"Bearer {KEY}",
        "SLACK_TOKEN": "the command's own affair",
    }
    run_all(make(*script(tmp_path, KEEP), environ=environ))
    kept = (tmp_path / "task_good_12345678.json").read_text()
    assert KEY not in kept
    assert "sk-another-key-987654" not in kept
    env = json.loads(kept)["env"]
    assert "AIGPTIMAGE_API_KEY" not in env
    assert env["SLACK_TOKEN"] == "the command's own affair"
    assert env["TASKDASH_PROMPT"] == "my key is ***"


def test_an_id_that_had_ended_when_it_was_added_is_no_news(
    store: Store, tmp_path: Path, make: Callable[..., FinishCommand]
) -> None:
    store.additions.add(PROFILE, ["task_old_12345678", "task_since_1234567"], NOW_MS)
    replied(store, success_body("task_old_12345678"), PROFILE, NOW_MS)
    replied(store, success_body("task_since_1234567", completeTime=NOW_MS + 5), PROFILE, NOW_MS)
    run_all(make(*script(tmp_path, KEEP)))
    assert [path.stem for path in tmp_path.glob("task_*.json")] == ["task_since_1234567"]


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


def test_no_more_than_two_run_at_once(
    tmp_path: Path, store: Store, make: Callable[..., FinishCommand]
) -> None:
    end(store, *(success_body(f"task_many_{n:08d}") for n in range(6)))
    run_all(make(*script(tmp_path, COUNT)))
    most = [int(path.read_text()) for path in tmp_path.glob("*.most")]
    assert len(most) == 6
    assert max(most) <= FINISHED_AT_ONCE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere/notify-me"], "/nowhere/notify-me was not found"),
        (["no-such-program-here"], "no-such-program-here was not found"),
        (["/"], "/ cannot be run (Permission denied)"),
        (["sh", "-c", "echo broken >&2; exit 3"], "sh failed (exit 3) for task_many_"),
        (["sh", "-c", "kill -9 $$"], "sh was ended by signal 9 for task_many_"),
    ],
)
def test_a_command_that_fails_is_told_once_and_logged_each_time(
    store: Store,
    make: Callable[..., FinishCommand],
    caplog: pytest.LogCaptureFixture,
    arguments: list[str],
    words: str,
) -> None:
    end(store, *(success_body(f"task_many_{n:08d}") for n in range(3)))
    told: list[str] = []
    command = make(*arguments)
    command.listen(told.append)
    with caplog.at_level(logging.INFO, "taskdash"):
        run_all(command)
    assert len(told) == 1
    assert told[0].startswith(f"on_finish: {words}")
    assert "\n" not in told[0]
    assert sum("on_finish for" in line and "printed" not in line for line in caplog.messages) == 3
    assert sum("printed: broken" in line for line in caplog.messages) == (3 if "exit 3" in words else 0)


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(
    tmp_path: Path, store: Store, make: Callable[..., FinishCommand], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_commands, "TERM_GRACE_S", 0.3)
    end(store, success_body("task_slow_12345678"))
    pids = tmp_path / "pids"
    stubborn = f"trap '' TERM; sleep 300 & echo $! $$ > {pids}; wait; sleep 300"
    told: list[str] = []
    command = make("sh", "-c", stubborn, limit_s=0.5)
    command.listen(told.append)
    run_all(command)
    assert [line.split(" for ")[0] for line in told] == ["on_finish: sh took too long and was ended"]
    until_gone([int(pid) for pid in pids.read_text().split()])


def test_closing_ends_what_runs_and_leaves_the_rest_to_the_next(
    tmp_path: Path, store: Store, make: Callable[..., FinishCommand]
) -> None:
    ids = end(store, *(success_body(f"task_many_{n:08d}") for n in range(4)))
    slow = make("sh", "-c", f"echo $$ >> {tmp_path}/pids; exec sleep 300")
    slow.wake()
    wait_until(lambda: (tmp_path / "pids").exists() and len(lines(tmp_path / "pids")) == FINISHED_AT_ONCE)
    began_s = time.monotonic()
    slow.close()
    assert time.monotonic() - began_s < 3
    until_gone([int(pid) for pid in lines(tmp_path / "pids")])
    run_all(make("sh", "-c", f"echo $TASKDASH_TASK_ID >> {tmp_path}/told"))
    assert sorted(lines(tmp_path / "told")) == ids[FINISHED_AT_ONCE:]


def test_what_heeds_no_signal_is_killed_where_nobody_waits(
    tmp_path: Path, store: Store, make: Callable[..., FinishCommand], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It may have written its number before we have noted that it runs, by much on a busy machine.
    monkeypatch.setattr(own_commands, "START_WAIT_S", 30.0)
    end(store, success_body("task_many_12345678"))
    slow = make("sh", "-c", f"trap '' TERM; echo $$ > {tmp_path}/pid; sleep 300")
    slow.wake()
    wait_until(lambda: (tmp_path / "pid").exists() and lines(tmp_path / "pid") != [])
    slow.kill()
    until_gone([int(pid) for pid in lines(tmp_path / "pid")])


def test_a_program_that_no_folder_of_the_path_has_was_not_found(tmp_path: Path) -> None:
    # It cannot be run, which is what a folder that may not be searched looks like.
    (tmp_path / "plain").write_text("no program")
    ran = run_command(["plain"], b"", {"PATH": str(tmp_path)}, limit_s=20, stop=threading.Event())
    assert ran.fault == "was not found"
    assert not ran.started


def test_a_command_that_reads_nothing_and_prints_without_end_does_no_harm() -> None:
    line = ["sh", "-c", "exec <&-; head -c 300000 /dev/zero | tr '\\0' x"]
    ran = run_command(line, b"y" * 1_000_000, ENVIRON, limit_s=20, stop=threading.Event())
    assert (ran.fault, ran.output) == ("", "x" * MAX_OUTPUT_BYTES)


def test_a_command_that_prints_without_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    told = tmp_path / "sizes"
    look = f"exec 3>&1; for n in 1 2 3 4 5 6 7 8 9; do sleep 0.15; stat -L -c %s /proc/$$/fd/3 >> {told}; done; kill $!"
    ran = run_command(["sh", "-c", f"yes & {look}"], b"", ENVIRON, limit_s=30, stop=threading.Event())
    assert ran.output == "y\n" * (MAX_OUTPUT_BYTES // 2)
    sizes = [int(line) for line in lines(told)]
    assert any(later < earlier for earlier, later in pairwise(sizes)), "it was cut"


def test_what_a_command_leaves_in_the_background_is_not_waited_for() -> None:
    began_s = time.monotonic()
    ran = run_command(["sh", "-c", "sleep 20 & echo $!"], b"", ENVIRON, limit_s=15, stop=threading.Event())
    os.kill(int(ran.output), 9)
    assert ran.fault == ""
    assert time.monotonic() - began_s < 10


def test_a_long_task_is_whole_on_the_input(
    tmp_path: Path, store: Store, make: Callable[..., FinishCommand]
) -> None:
    links = [f"https://cdn.example.com/{n:06d}/{'x' * 100}.png" for n in range(3_000)]
    end(store, success_body("task_long_12345678", links))
    run_all(make(*script(tmp_path, KEEP)))
    kept = json.loads((tmp_path / "task_long_12345678.json").read_text())
    detail = store.tasks.detail(store.tasks.find(PROFILE, "task_long_12345678").seq)
    assert detail is not None
    assert json.loads(kept["stdin"])["resultUrls"] == list(detail.result_urls)
    assert 30_000 < len(kept["env"]["TASKDASH_RESULT_URLS"]) <= 32_768


def lines(path: Path) -> list[str]:
    return path.read_text().split()


def until_gone(pids: list[int]) -> None:
    """Wait until no process of these runs any more."""
    wait_until(lambda: all(map(is_gone, pids)))

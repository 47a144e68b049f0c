"""`taskdash status`: the list in one line, as a prompt or tmux asks for it every few seconds."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from tests.command import Command


def tasks(state: str, count: int, **more: Any) -> list[dict[str, Any]]:
    now_ms = time.time_ns() // 1_000_000
    return [
        {"taskId": f"task_{state}_{n:08}", "addedAt": now_ms, "checkedAt": now_ms, "state": state, **more}
        for n in range(count)
    ]


@pytest.fixture
def taskdash(tmp_path: Path) -> Command:
    taskdash = Command(tmp_path)
    taskdash.write_config("http://127.0.0.1:9")
    return taskdash


def test_it_says_what_there_is_in_one_line(taskdash: Command) -> None:
    nothing = taskdash.ok("status")
    assert (nothing.stdout, nothing.stderr) == ("no tasks\n", "")
    assert not taskdash.store.exists()
    list_ = [*tasks("waiting", 12), *tasks("fail", 3, credits=4), *tasks("success", 1_188)]
    taskdash.ok("import", "-", stdin=json.dumps(list_))
    assert taskdash.ok("status").stdout == "12 waiting · 3 failed · 1,188 done · 12 credits today\n"
    assert taskdash.json("status", "--json") == {
        "profile": "aigptimage", "tasks": 1_203, "new": 0, "waiting": 12, "success": 1_188, "fail": 3,
        "creditsToday": 12,
    }  # fmt: skip
    taskdash.ok("add", "task_new_12345678")
    assert taskdash.ok("status").stdout.startswith("1 new · 12 waiting · ")


def test_a_format_names_what_it_wants(taskdash: Command) -> None:
    taskdash.ok("import", "-", stdin=json.dumps(tasks("waiting", 2)))
    taskdash.ok("add", "task_new_12345678")
    form = "#[fg=red]{failed}/{total} {new}+{waiting}={unfinished} {done} {credits_today} {profile} {"
    assert taskdash.ok("status", "--format", form).stdout == "#[fg=red]0/3 1+2=3 0 – aigptimage {\n"
    assert taskdash.ok("status", "--format", "{profile}", "--all-profiles").stdout == "all profiles\n"
    for wrong in ("{faild}", "{}", "{new.__class__}", "{0}"):
        done = taskdash("status", "--format", wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(r"use \{new\}, .*\{profile\}$", done.stderr), done.stderr
    assert taskdash("status", "--format", "{new}", "--json").returncode == 2

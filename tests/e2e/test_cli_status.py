"""`taskdash status`: the list in one line, as a prompt or tmux asks for it every few seconds."""

from __future__ import annotations

import re
from typing import Any

from tests.command import Command, listed


def tasks(state: str, count: int, **more: Any) -> list[dict[str, Any]]:
    return [listed(f"task_{state}_{n:08}", state=state, **more) for n in range(count)]


def test_it_says_what_there_is_in_one_line(taskdash: Command) -> None:
    nothing = taskdash.ok("status")
    assert (nothing.stdout, nothing.stderr) == ("no tasks\n", "")
    assert not taskdash.store.exists()
    taskdash.import_tasks(*tasks("waiting", 12), *tasks("fail", 3, credits=4), *tasks("success", 1_188))
    assert taskdash.ok("status").stdout == "12 waiting · 3 failed · 1,188 done · 12 credits today\n"
    assert taskdash.json("status", "--json") == {
        "profile": "aigptimage", "tasks": 1_203, "new": 0, "waiting": 12, "success": 1_188, "fail": 3,
        "creditsToday": 12,
    }  # fmt: skip
    taskdash.ok("add", "task_new_12345678")
    assert taskdash.ok("status").stdout.startswith("1 new · 12 waiting · ")


def test_a_format_names_what_it_wants(taskdash: Command) -> None:
    taskdash.import_tasks(*tasks("waiting", 2))
    taskdash.ok("add", "task_new_12345678")
    form = "#[fg=red]{failed}/{total} {new}+{waiting}={unfinished} {done} {credits_today} {profile} {"
    assert taskdash.ok("status", "--format", form).stdout == "#[fg=red]0/3 1+2=3 0 – aigptimage {\n"
    assert taskdash.ok("status", "--format", "{profile}", "--all-profiles").stdout == "all profiles\n"
    for wrong in ("{faild}", "{}", "{new.__class__}", "{0}"):
        done = taskdash("status", "--format", wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(r"use \{new\}, .*\{profile\}$", done.stderr), done.stderr
    assert taskdash("status", "--format", "{new}", "--json").returncode == 2

"""What an argument that stands for a task is taken for: that task, or nothing, and never another one."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.command import PROGRAM, Command
from tests.servers import FakeApi, success_body

if TYPE_CHECKING:
    from tests.command import Done

README = Path(__file__).parents[2] / "README.md"
LONGER = ["job-10001", "task_gpt-image-2_17774746890240", "run-alphabet"]
"""On the list, each in the place of another that is its beginning."""
SHORTER = ["job-1000", "task_gpt-image-2_1777474689024", "run-alpha"]
UUID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
COMMANDS = ["show", "open", "download", "remove", "check", "wait"]
DASHES = ["--help", "-h", "--timeout", "-V1StGXR8_Z5jdHi6B-myT", "-x", "--"]


@pytest.fixture
def taskdash(tmp_path: Path, fake_api: FakeApi) -> Command:
    """A list of IDs that begin with other IDs; the API knows what is on it, and nothing else."""
    for task_id in (*LONGER, UUID):
        fake_api.set(task_id, success_body(task_id))
    taskdash = Command(tmp_path, fake_api)
    taskdash.ok("add", *LONGER, UUID)
    return taskdash


def state_of(taskdash: Command) -> list[tuple[str, str]]:
    return [(task["taskId"], task["state"]) for task in taskdash.json("list", "--json")]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("task_id", [SHORTER[0], SHORTER[2]])
def test_an_id_that_another_one_begins_with_is_not_that_one(
    taskdash: Command, fake_api: FakeApi, command: str, task_id: str
) -> None:
    before = state_of(taskdash)
    done = taskdash(command, task_id)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert state_of(taskdash) == before
    assert not any(fake_api.count(each) for each in LONGER)
    assert f"{task_id} is not on the list" in done.stderr


@pytest.mark.parametrize("command", ["show", "open", "download", "remove"])
def test_an_id_of_a_known_form_is_whole(taskdash: Command, command: str) -> None:
    done = taskdash(command, SHORTER[1])
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert len(state_of(taskdash)) == len(LONGER) + 1


@pytest.mark.parametrize("command", ["check", "wait"])
def test_what_is_waited_for_is_what_was_named(taskdash: Command, fake_api: FakeApi, command: str) -> None:
    arguments = ("--timeout", "1") if command == "wait" else ()
    done = taskdash(command, *arguments, SHORTER[1])
    assert done.returncode != 0, done.stderr
    assert fake_api.count(SHORTER[1]) >= 1
    assert not fake_api.count(LONGER[1])


@pytest.mark.parametrize("command", ["check", "wait"])
def test_a_prefix_is_never_taken_silently(taskdash: Command, fake_api: FakeApi, command: str) -> None:
    done = taskdash.ok(command, UUID[:8])
    assert fake_api.count(UUID) == 1
    assert f"{UUID[:8]} is short for {UUID}" in done.stderr
    assert "short for" not in taskdash(command, UUID).stderr


def test_who_is_refused_a_prefix_is_told_the_whole_id(taskdash: Command) -> None:
    done = taskdash("show", "job-1000")
    assert "job-10001" in done.stderr
    taskdash.ok("show", "job-10001")
    taskdash.ok("show", UUID[:8])
    assert UUID in taskdash("show", UUID[:8]).stdout


@pytest.mark.parametrize("task_id", DASHES)
def test_what_would_be_an_option_is_no_id(taskdash: Command, task_id: str) -> None:
    before = state_of(taskdash)

    def is_refused(done: Done) -> None:
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert state_of(taskdash) == before

    is_refused(taskdash("add", "-", stdin=json.dumps({"code": 200, "data": {"taskId": task_id}})))
    is_refused(taskdash("add", "-", stdin=f"created task: {task_id}\n"))
    is_refused(taskdash("add", "-", stdin=f"https://x.test/?taskId={task_id}"))
    is_refused(taskdash("add", "-", stdin=task_id))
    is_refused(taskdash("add", "--", task_id))
    if task_id.startswith("-V"):
        for arguments in (("--", task_id), ("-",)):
            told = taskdash("add", *arguments, stdin=f"taskId: {task_id}").stderr
            assert "begins with a dash" in told
            assert task_id in told


def test_what_an_older_list_has_is_still_named_and_removed(taskdash: Command) -> None:
    """A list that another version wrote is kept whole: what is on it can be looked at and taken off."""
    moved = json.dumps([{"taskId": "-V1StGXR8_Z5jdHi6B-myT", "addedAt": 1}])
    taskdash.ok("import", "-", stdin=moved)
    taskdash.ok("show", "--", "-V1StGXR8_Z5jdHi6B-myT")
    done = subprocess.run(
        ["sh", "-c", "taskdash remove -- $(taskdash list --limit 1 --ids)"],
        env=taskdash.environment(
            {
                "PATH": f"{PROGRAM.parent}:{taskdash.env['PATH']}",
                "TASKDASH_STORE": str(taskdash.store),
                "TASKDASH_CONFIG": str(taskdash.config),
            }
        ),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "-V1StGXR8_Z5jdHi6B-myT\n"), done.stderr


def test_recipes_end_the_options_before_ids_that_a_program_prints() -> None:
    """`taskdash wait "$id"` would take whatever the program printed for an option."""
    helps = [
        subprocess.run([PROGRAM, name, "--help"], capture_output=True, text=True, check=True).stdout
        for name in ("add", "list", "show", "check", "wait", "open", "download", "remove")
    ]
    named = re.compile(r"(?:xargs )?taskdash (?:show|check|wait|open|download|remove)\b[^\n|&`]*")
    lines = [match[0] for text in (README.read_text("utf-8"), *helps) for match in named.finditer(text)]
    fed = [line for line in lines if "$" in line or line.startswith("xargs")]
    assert len(fed) >= 3
    assert [line for line in fed if not re.search(r" --(?: |$)", line)] == []

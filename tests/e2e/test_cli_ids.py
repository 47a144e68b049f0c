"""What an argument that stands for a task is taken for: that task, or nothing, and never another one."""

from __future__ import annotations

import re
import shlex
from itertools import product
from pathlib import Path

import pytest
from tests.command import Command, listed
from tests.servers import FakeApi, success_body

DOCUMENTS = [Path(__file__).parents[2] / name for name in ("README.md", "docs/scripts.md")]
LONGER = ["job-10001", "task_gpt-image-2_17774746890240", "run-alphabet"]
"""On the list, each in the place of another that is its beginning."""
SHORTER = ["job-1000", "task_gpt-image-2_1777474689024", "run-alpha"]
UUID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
COMMANDS = ["show", "open", "download", "remove", "check", "wait"]
DASHES = ["--help", "-h", "--timeout", "-V1StGXR8_Z5jdHi6B-myT", "-x", "--"]


@pytest.fixture
def taskdash(taskdash: Command, api: FakeApi) -> Command:
    """A list of IDs that begin with other IDs; the API knows what is on it, and nothing else."""
    for task_id in (*LONGER, UUID):
        api.set(task_id, success_body(task_id))
    taskdash.ok("add", *LONGER, UUID)
    return taskdash


def state_of(taskdash: Command) -> list[tuple[str, str]]:
    return [(task["taskId"], task["state"]) for task in taskdash.json("list", "--json")]


def test_an_id_that_another_one_begins_with_is_not_that_one(taskdash: Command, api: FakeApi) -> None:
    before = state_of(taskdash)
    for command, task_id in product(COMMANDS, (SHORTER[0], SHORTER[2])):
        done = taskdash(command, task_id)
        assert (done.returncode, done.stdout) == (3, ""), (command, done.stderr)
        assert f"{task_id} is not on the list" in done.stderr
    assert state_of(taskdash) == before
    assert not any(api.count(each) for each in LONGER)


def test_an_id_of_a_known_form_is_whole(taskdash: Command, api: FakeApi) -> None:
    for named in (("remove", SHORTER[1]), ("label", SHORTER[1], "mugs")):
        done = taskdash(*named)
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        assert len(state_of(taskdash)) == len(LONGER) + 1
    for command, code in (("show", 0), ("open", 1), ("download", 1)):
        done = taskdash(command, SHORTER[1])
        assert (done.returncode, LONGER[1] in done.stdout) == (code, False), done.stderr
        assert f"added to the list: {SHORTER[1]}" in done.stderr
        assert state_of(taskdash)[0] == (SHORTER[1], "new")
        taskdash.ok("remove", SHORTER[1])
    for words in ("check", "wait --timeout 1"):
        assert taskdash(*words.split(), SHORTER[1]).returncode != 0
        assert api.count(SHORTER[1]) >= 1
        assert not api.count(LONGER[1])


def test_a_prefix_is_never_taken_silently(taskdash: Command, api: FakeApi) -> None:
    for command in ("wait", "check"):
        assert f"{UUID[:8]} is short for {UUID}" in taskdash.ok(command, UUID[:8]).stderr
        assert api.count(UUID) == (1 if command == "wait" else 2)
        assert "short for" not in taskdash("wait", UUID).stderr


def test_what_would_be_an_option_is_no_id(taskdash: Command) -> None:
    before = state_of(taskdash)
    for form in ('{"data": {"taskId": "ID"}}', "created task: ID", "https://x.test/?taskId=ID", "ID"):
        done = taskdash("add", "-", stdin="\n".join(form.replace("ID", task_id) for task_id in DASHES))
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert taskdash("add", "--", *DASHES).returncode == 1
    assert state_of(taskdash) == before
    for arguments in (("--", DASHES[3]), ("-",)):
        told = taskdash("add", *arguments, stdin=f"taskId: {DASHES[3]}").stderr
        assert "begins with a dash" in told
        assert DASHES[3] in told


def test_what_an_older_list_has_is_still_named_and_removed(taskdash: Command) -> None:
    """A list that another version wrote is kept whole: what is on it can be looked at and taken off."""
    taskdash.import_tasks(listed(DASHES[3]))
    taskdash.ok("show", "--", DASHES[3])
    program = shlex.join(taskdash.line())
    done = taskdash.run(["sh", "-c", f"{program} remove -- $({program} list --limit 1 --ids)"])
    assert (done.returncode, done.stdout) == (0, f"{DASHES[3]}\n"), done.stderr


def test_ids_on_standard_input_are_labelled_and_removed(taskdash: Command) -> None:
    two = taskdash.ok("list", "--limit", "2", "--ids").stdout
    assert taskdash.ok("label", "-", "pair", stdin=two).stdout == two
    assert taskdash.ok("list", "--label", "pair", "--ids").stdout == two
    assert taskdash.ok("remove", "-", stdin=two).stdout == two
    assert taskdash("remove", "-", stdin="").returncode == 1


def test_recipes_end_the_options_before_ids_that_a_program_prints(taskdash: Command) -> None:
    """`taskdash wait "$id"` would take whatever the program printed for an option."""
    helps = [taskdash(name, "--help").stdout for name in ("add", "list", *COMMANDS)]
    named = re.compile(r"(?:xargs )?taskdash (?:show|check|wait|open|download|remove)\b[^\n|&`]*")
    lines = [match[0] for text in (*map(Path.read_text, DOCUMENTS), *helps) for match in named.finditer(text)]
    fed = [line for line in lines if "$" in line or line.startswith("xargs")]
    assert len(fed) >= 3
    assert [line for line in fed if not re.search(r" --(?: |$)", line)] == []

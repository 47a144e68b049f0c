"""Which tasks a command takes: those that an argument stands for, and never another one, or those of a selection.

`--filter`, `--state` and `--label` select wherever IDs are taken, and there are commands that were made for them.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from tests.command import EAGER, KEY, Command, listed
from tests.servers import FakeApi, success_body, waiting_body

DOCUMENTS = [Path(__file__).parents[2] / name for name in ("README.md", "docs/scripts.md")]
LONGER = ["job-10001", "task_gpt-image-2_17774746890240", "run-alphabet"]
"""On the list, each in the place of another that is its beginning."""
SHORTER = ["job-1000", "task_gpt-image-2_1777474689024", "run-alpha"]
UUID = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
COMMANDS = ["show", "open", "download", "remove", "check", "wait"]
DASHES = ["--help", "-h", "--timeout", "-V1StGXR8_Z5jdHi6B-myT", "-x", "--"]


@pytest.fixture
def alike(tmp_path: Path, api: FakeApi) -> Command:
    """A list of IDs that begin with other IDs; the API knows what is on it, and nothing else."""
    for task_id in (*LONGER, UUID):
        api.set(task_id, success_body(task_id))
    alike = Command(tmp_path, api, first=EAGER)
    alike.ok("add", *LONGER, UUID)
    return alike


def state_of(alike: Command) -> list[tuple[str, str]]:
    return [(task["taskId"], task["state"]) for task in alike.json("list", "--json")]


def test_an_id_that_another_one_begins_with_is_not_that_one(alike: Command, api: FakeApi) -> None:
    before = state_of(alike)
    for command, task_id in product(COMMANDS, (SHORTER[0], SHORTER[2])):
        done = alike(command, task_id)
        assert (done.returncode, done.stdout) == (3, ""), (command, done.stderr)
        assert f"{task_id} is not on the list" in done.stderr
    assert state_of(alike) == before
    assert not any(api.count(each) for each in LONGER)


def test_an_id_of_a_known_form_is_whole(alike: Command, api: FakeApi) -> None:
    for named in (("remove", SHORTER[1]), ("label", SHORTER[1], "mugs")):
        done = alike(*named)
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        assert len(state_of(alike)) == len(LONGER) + 1
    for command, code in (("show", 0), ("open", 1), ("download", 1)):
        done = alike(command, SHORTER[1])
        assert (done.returncode, LONGER[1] in done.stdout) == (code, False), done.stderr
        assert f"added to the list: {SHORTER[1]}" in done.stderr
        assert state_of(alike)[0] == (SHORTER[1], "new")
        alike.ok("remove", SHORTER[1])
    for words in ("check", "wait --timeout 1"):
        assert alike(*words.split(), SHORTER[1]).returncode != 0
        assert api.count(SHORTER[1]) >= 1
        assert not api.count(LONGER[1])


def test_a_prefix_is_never_taken_silently(alike: Command, api: FakeApi) -> None:
    for command in ("wait", "check"):
        assert f"{UUID[:8]} is short for {UUID}" in alike.ok(command, UUID[:8]).stderr
        assert api.count(UUID) == (1 if command == "wait" else 2)
        assert "short for" not in alike("wait", UUID).stderr


def test_what_would_be_an_option_is_no_id(alike: Command) -> None:
    before = state_of(alike)
    for form in ('{"data": {"taskId": "ID"}}', "created task: ID", "https://x.test/?taskId=ID", "ID"):
        done = alike("add", "-", stdin="\n".join(form.replace("ID", task_id) for task_id in DASHES))
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert alike("add", "--", *DASHES).returncode == 1
    assert state_of(alike) == before
    for arguments in (("--", DASHES[3]), ("-",)):
        told = alike("add", *arguments, stdin=f"taskId: {DASHES[3]}").stderr
        assert "begins with a dash" in told
        assert DASHES[3] in told


def test_what_an_older_list_has_is_still_named_and_removed(alike: Command) -> None:
    """A list that another version wrote is kept whole: what is on it can be looked at and taken off."""
    alike.import_tasks(listed(DASHES[3]))
    alike.ok("show", "--", DASHES[3])
    program = shlex.join(alike.line())
    done = alike.run(["sh", "-c", f"{program} remove -- $({program} list --limit 1 --ids)"])
    assert (done.returncode, done.stdout) == (0, f"{DASHES[3]}\n"), done.stderr


def test_ids_on_standard_input_are_labelled_and_removed(alike: Command) -> None:
    two = alike.ok("list", "--limit", "2", "--ids").stdout
    assert alike.ok("label", "-", "pair", stdin=two).stdout == two
    assert alike.ok("list", "--label", "pair", "--ids").stdout == two
    assert alike.ok("remove", "-", stdin=two).stdout == two
    assert alike("remove", "-", stdin="").returncode == 1


def test_recipes_end_the_options_before_ids_that_a_program_prints(alike: Command) -> None:
    """`taskdash wait "$id"` would take whatever the program printed for an option."""
    helps = [alike(name, "--help").stdout for name in ("add", "list", *COMMANDS)]
    named = re.compile(r"(?:xargs )?taskdash (?:show|check|wait|open|download|remove)\b[^\n|&`]*")
    lines = [match[0] for text in (*map(Path.read_text, DOCUMENTS), *helps) for match in named.finditer(text)]
    fed = [line for line in lines if "$" in line or line.startswith("xargs")]
    assert len(fed) >= 3
    assert [line for line in fed if not re.search(r" --(?: |$)", line)] == []


MUG, MUGS, BAD, NEW, RUN = (f"task_{name}_12345678" for name in ("mug", "mugs", "bad", "new", "run"))
TAKING = ("check", "wait --timeout 5", "show", "open", "open --print", "download", "remove", "label x")
"""What takes IDs, or a selection in their place."""


@pytest.fixture
def taskdash(taskdash: Command) -> Command:
    """A list of two batches whose labels begin alike, in all states."""
    link = ["https://cdn.example.com/1.png"]
    taskdash.import_tasks(
        listed(MUG, label="mug", prompt="a red fox", resultUrls=link),
        listed(MUGS, label="mugs", prompt="a blue mug", resultUrls=[*link, "https://cdn.example.com/2.png"]),
        listed(BAD, label="mugs", prompt="a bad mug", state="fail", failCode="400", failMsg="The prompt was refused."),
        listed(NEW, state="new", checkedAt=None),
        listed(RUN, label="mugs", state="waiting"),
    )  # fmt: skip
    return taskdash


@pytest.fixture
def filled(taskdash: Command) -> Iterator[Command]:
    """The same, which a test must leave as it is."""
    before = taskdash("list", "--json").stdout
    yield taskdash
    assert taskdash("list", "--json").stdout == before


def test_the_list_is_narrowed_by_each_and_by_all_of_them(filled: Command) -> None:
    for words, ids in {
        "--label mugs": [MUGS, BAD, RUN],
        "--label mug": [MUG],
        "--label MUGS": [],
        "--label mugs --state fail": [BAD],
        "--label mugs --filter blue": [MUGS],
        "--filter label:mug": [MUG, MUGS, BAD, RUN],
    }.items():
        assert filled.ids(*shlex.split(words)) == ids, words
        exported = json.loads(filled("export", *shlex.split(words)).stdout or "[]")
        assert [each["taskId"] for each in exported] == ids
    assert filled.json("stats", "--label", "mugs", "--json")["tasks"] == 3


def test_ids_and_a_selection_together_or_neither_are_wrong_usage(filled: Command) -> None:
    for command in TAKING:
        for options, said in ((f"--label mug -- {MUG}", "not both"), ("", "give task IDs")):
            if not options and command in ("download", "check"):
                continue  # these have a default
            name, text = ("label", " x") if command.startswith("label") else (command, "")
            words = shlex.split(f"{name} {options}{text}")
            done = filled(*words)
            assert (done.returncode, done.stdout) == (2, ""), (words, done.stderr)
            assert said in done.stderr, words
            assert len(done.stderr.splitlines()) <= 2


def test_a_selection_of_nothing_is_told_and_exits_with_1(filled: Command) -> None:
    options = ("--label", "no such", "--state", "fail")
    lines = [filled.line(*shlex.split(command), *options)[1:] for command in (*TAKING, "export")]
    for command, done in zip((*TAKING, "export"), filled.in_a_row(lines), strict=True):
        assert (done.returncode, done.stdout) == (1, ""), (command, done.stderr)
        assert done.stderr == 'taskdash: no tasks match --state fail --label "no such"\n'


def test_a_variable_that_is_not_set_selects_nothing(filled: Command) -> None:
    cases = [*product(TAKING, ("--filter", "--label", "--state"))]
    lines = [filled.line(*shlex.split(command), option, "")[1:] for command, option in cases]
    for (command, option), done in zip(cases, filled.in_a_row(lines), strict=True):
        assert (done.returncode, done.stdout) == (2, ""), (command, done.stderr)
        assert f"{option} is empty" in done.stderr


def test_show_prints_each_and_an_array(filled: Command) -> None:
    assert [each["taskId"] for each in filled.json("show", "--label", "mugs", "--json")] == [MUGS, BAD, RUN]
    assert [each["taskId"] for each in filled.json("show", "--label", "mug", "--json")] == [MUG]
    assert filled("show", "--label", "mugs").stdout.count("task ID") == 3
    assert filled("show", "--label", "mugs", "--raw").returncode == 2


def test_open_takes_one_and_prints_several(filled: Command) -> None:
    filled.browser()
    assert filled("open", "--label", "mugs").returncode == 1
    assert "3 tasks match --label mugs" in filled("open", "--label", "mugs").stderr
    assert filled.visited == []
    filled.ok("open", "--label", "mugs", "--state", "success", "2")
    assert filled.visited == ["https://cdn.example.com/2.png"]
    urls = filled("open", "--filter", "state:success", "--print").stdout
    assert urls == "https://cdn.example.com/1.png\n" * 2
    assert filled("open", "--state", "fail", "--print").returncode == 1


def test_remove_takes_what_is_selected(taskdash: Command) -> None:
    assert taskdash("remove", "--label", "mugs").stdout.split() == [MUGS, BAD, RUN]
    assert taskdash.ids() == [MUG, NEW]


def test_check_leaves_the_finished_alone_unless_the_selection_speaks_of_them(
    taskdash: Command, api: FakeApi
) -> None:
    for task_id in (MUG, MUGS, BAD, NEW, RUN):
        api.set(task_id, waiting_body(task_id))
    taskdash.ok("check", "--label", "mugs")
    assert [api.count(each) for each in (MUGS, BAD, RUN, NEW)] == [0, 0, 1, 0]
    taskdash("check", "--state", "fail")
    taskdash("check", "--state", "success", "--label", "mug")
    assert [api.count(each) for each in (MUG, MUGS, BAD)] == [1, 0, 1]
    taskdash.ok("remove", RUN, NEW, MUG, BAD)
    done = taskdash.ok("check", "--label", "mugs")
    assert "nothing to check" in done.stderr


def test_wait_waits_for_what_matches_and_for_what_is_added_meanwhile(taskdash: Command, api: FakeApi) -> None:
    late = "task_late_12345678"
    for task_id in (RUN, late):
        api.set(task_id, waiting_body(task_id))
    waiting = taskdash.start("wait", "--label", "mugs", "--json")
    api.wait_for(lambda: api.count(RUN) >= 1, 20)
    taskdash.ok("add", late, "--label", "mugs")
    api.wait_for(lambda: api.count(late) >= 1, 20)
    api.set(RUN, success_body(RUN))
    api.wait_for(lambda: api.count(late) >= 2, 20)
    assert waiting.poll() is None
    api.set(late, success_body(late))
    out, talk = waiting.communicate(timeout=60)
    assert waiting.returncode == 1, "one of them had failed before"
    states = {each["taskId"]: each["state"] for each in json.loads(out)}
    assert states == {MUGS: "success", BAD: "fail", RUN: "success", late: "success"}
    assert talk.splitlines()[-1].startswith("4 tasks finished: 3 succeeded, 1 failed in ")
    taskdash.ok("wait", "--filter", f"id:{RUN}")
    assert taskdash("wait", "--label", "no such", "--json").stdout == "[]\n"


def test_download_saves_what_is_selected(taskdash: Command) -> None:
    done = taskdash("download", "--label", "mugs", "--all")
    assert (done.returncode, "not both" in done.stderr) == (2, True)
    done = taskdash.ok("download", "--state", "unfinished")
    assert "nothing to save" in done.stderr


def test_label_sets_and_clears(taskdash: Command) -> None:
    assert taskdash("label", NEW, BAD[:8], "a set").stdout.split() == [NEW, BAD]
    assert taskdash.ids("--label", "a set") == [BAD, NEW]
    done = taskdash.ok("label", "--label", "mugs", "cups")
    assert (done.stdout.split(), done.stderr) == ([MUGS, RUN], "2 tasks labelled\n")
    taskdash.ok("label", MUGS, "cups")
    assert taskdash.ok("label", "--label", "cups", "").stderr == "2 labels cleared\n"
    assert taskdash.ids("--label", "cups") == []
    before = taskdash("list", "--json").stdout
    for words, code in (
        ([], 2), (["mugs"], 2), ([MUG], 2), ([MUG, NEW], 2), ([MUG, f"x {KEY}"], 2), (["nowhere", "x"], 3),
    ):  # fmt: skip
        assert taskdash("label", *words).returncode == code, words
    assert taskdash("list", "--json").stdout == before


def test_failures_are_grouped_by_reason(filled: Command) -> None:
    document = filled.json("failures", "--json")
    assert (document["profile"], document["tasks"], document["failed"]) == ("aigptimage", 5, 1)
    (reason,) = document["reasons"]
    assert (reason["failCode"], reason["failMsg"], reason["count"]) == ("400", "The prompt was refused.", 1)
    assert reason["newest"] == {"taskId": BAD, "label": "mugs", "prompt": "a bad mug"}
    assert filled.ids("--filter", reason["filter"]) == [BAD]
    row = filled("failures").stdout.splitlines()
    assert [line.split("\t") for line in row] == [
        ["1", reason["reason"], "400", "The prompt was refused.", BAD, "mugs", "a bad mug"]
    ]
    done = filled.ok("failures", "--label", "mug")
    assert (done.stdout, done.stderr) == ("", "no failed tasks among 1 task\n")
    assert filled.ok("failures", "--label", "no").stderr == "no tasks match --label no\n"
    assert filled.json("failures", "--state", "success", "--json")["tasks"] == 2
    lines = filled.on_terminal("failures", columns=80)
    assert lines[0] == "1 failed of 5 tasks"
    assert any("The prompt was refused. (400)" in line for line in lines)
    assert any("task_bad  mugs · a bad mug" in line for line in lines)

"""`import` takes what `export` wrote or any text, and a broken file changes nothing and names the line."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
from tests.command import KEY, Command

from taskdash.store.store import Store

if TYPE_CHECKING:
    from pathlib import Path

NOW_MS = 1_780_000_000_000
TASK = {"taskId": "task_a_12345678", "addedAt": NOW_MS, "state": "new"}


@pytest.fixture
def taskdash(tmp_path: Path) -> Command:
    """A list with one task."""
    command = Command(tmp_path)
    with Store(command.store) as store:
        store.tasks.add("aigptimage", ["task_mine_12345678"], NOW_MS, label="mine")
    return command


def imported(taskdash: Command, text: str) -> tuple[int, str]:
    done = taskdash("import", "-", stdin=text)
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_a_plain_list_of_ids_is_taken(taskdash: Command) -> None:
    code, talk = imported(
        taskdash, "task_a_12345678\n5064bd1a-025a-490b-b28f-6a9fa12eb88a\ntask_mine_12345678\n"
    )
    assert code == 0
    assert "2 tasks added, 1 already listed" in talk
    listed = taskdash("list", "--ids").stdout.splitlines()
    assert listed == ["task_a_12345678", "5064bd1a-025a-490b-b28f-6a9fa12eb88a", "task_mine_12345678"]


def test_answers_of_the_api_are_a_text_like_any_other(taskdash: Command) -> None:
    assert imported(taskdash, '[{"code": 200, "data": {"taskId": "task_a_12345678"}}]')[0] == 0
    assert imported(taskdash, '[{"taskId": "task_b_12345678", "state": "success"}]')[0] == 0
    assert taskdash("list", "--ids").stdout.splitlines()[:2] == ["task_b_12345678", "task_a_12345678"]


def test_an_id_comes_in_as_it_went_out_and_what_is_none_is_not_made_one(taskdash: Command) -> None:
    odd = ["a.", "..", ":::", "a.b:c-d_e", "a2e"]
    assert taskdash("add", *odd).returncode == 0
    ids = taskdash("list", "--ids").stdout
    exported = [taskdash("export", "--format", form).stdout for form in ("json", "csv", "toml")]
    for text in [*exported, taskdash("list", "--json").stdout, taskdash("list", "--csv").stdout]:
        taskdash.store.unlink()
        assert imported(taskdash, text)[0] == 0
        assert taskdash("list", "--ids").stdout == ids
    assert imported(taskdash, json.dumps([{**TASK, "taskId": "a%2e"}]))[0] == 1
    assert imported(taskdash, '[{"taskId": "a%2e"}]')[0] == 1
    assert taskdash("list", "--ids").stdout == ids


def test_text_without_ids_and_an_empty_list_are_told_apart(taskdash: Command) -> None:
    assert imported(taskdash, "nothing at all")[0] == 1
    assert imported(taskdash, "[]\n")[0] == 0


def test_what_is_listed_already_stays_as_it_is(taskdash: Command) -> None:
    theirs = {**TASK, "taskId": "task_mine_12345678", "label": "theirs"}
    code, talk = imported(taskdash, json.dumps([TASK, theirs]))
    assert (code, talk) == (0, "1 task added, 1 already listed\n")
    assert taskdash.json("show", "task_mine_12345678", "--json")["label"] == "mine"


def test_a_task_of_another_profile_is_kept_there_and_said(taskdash: Command) -> None:
    code, talk = imported(taskdash, json.dumps([{**TASK, "profile": "kie"}]))
    assert code == 0
    assert "kie is not in the config" in talk
    assert taskdash("list", "--ids").stdout == "task_mine_12345678\n"
    assert [task["profile"] for task in taskdash.json("list", "--all-profiles", "--json")] == [
        "kie",
        "aigptimage",
    ]


LINES = [json.dumps({**TASK, "taskId": f"task_{n}_12345678"}) for n in range(4)]
CSV = "taskId,state,addedAt\ntask_a_12345678,new,1\n"
TOML = '[[tasks]]\ntaskId = "task_a_12345678"\naddedAt = 1\n\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[\n" + ",\n".join(LINES[:3]) + ",\n" + LINES[3][:20], 5),
        ("[\n" + ",\n".join(LINES[:2]) + "\n" + LINES[2] + "\n]", 4),
        ("[\n" + LINES[0] + ",\n" + '{"taskId": "bad id", "addedAt": 1}\n]', 3),
        ("[\n" + LINES[0] + ",\n" + '{"state": "new"}\n]', 3),
        ("[\n" + LINES[0] + ",\n17\n]", 3),
        ("[\n" + LINES[0].replace('"new"', '"done"') + "\n]", 2),
        ("[\n" + LINES[0][:-1] + ', "costTime": "32"}\n]', 2),
        ("[\n" + LINES[0][:-1] + ', "costTime": 1e5}\n]', 2),
        ("[\n" + LINES[0][:-1] + f', "costTime": {10**30}}}\n]', 2),
        ("[\n" + LINES[0][:-1] + ', "costTime": NaN}\n]', 2),
        ("[\n" + LINES[0][:-1] + ', "resultUrls": [1]}\n]', 2),
        ("[\n" + LINES[0][:-1] + ', "problem": {"kind": "odd"}}\n]', 2),
        ("[\n" + LINES[0][:-1] + ', "profile": "../x"}\n]', 2),
        ("[\n" + LINES[0][:-1] + ', "label": 5}\n]', 2),
        ("[\n" + LINES[0] + ",\n" + "[" * 100_000, 3),
        (CSV + "task_b_12345678,new\n", 3),
        (CSV + "task_b_12345678,new,soon\n", 3),
        (CSV + 'task_b_12345678,"new,1\n', 3),
        (TOML + '[[tasks]]\ntaskId = "task_b_12345678\n', 6),
        (TOML + '[[tasks]]\ntaskId = "bad id"\naddedAt = 1\n', 5),
        (TOML + '[[tasks]]\ntaskId = "task_b_12345678"\nparamJson = "{"\n', 5),
    ],
)
def test_a_broken_file_changes_nothing_and_names_the_line(taskdash: Command, text: str, line: int) -> None:
    before = taskdash.store.read_bytes()
    code, talk = imported(taskdash, text)
    assert code == 1, talk
    assert len(talk.splitlines()) == 1
    assert f"line {line}" in talk, talk
    assert "nothing was imported" in talk
    assert taskdash.store.read_bytes() == before


def test_a_key_in_a_file_is_not_taken_for_a_task(taskdash: Command) -> None:
    code, talk = imported(taskdash, json.dumps([{**TASK, "taskId": KEY}]))
    assert code == 1
    assert KEY not in talk


def test_hostile_values_are_made_inert(taskdash: Command) -> None:
    hostile = "x\x1b[2Jy\u202ez"
    task = {
        **TASK,
        "label": hostile,
        "param": {"input": {"prompt": hostile}},
        "resultUrls": [hostile],
        "failMsg": hostile,
    }
    assert imported(taskdash, json.dumps([task]))[0] == 0
    text = json.dumps(json.loads(taskdash("list", "--json").stdout), ensure_ascii=False)
    assert "\x1b" not in text
    assert "\\u001b" not in text
    assert "\u202e" not in text


def test_ten_thousand_tasks_move_in_a_few_seconds(taskdash: Command, tmp_path: Path) -> None:
    file = tmp_path / "many.json"
    task = json.dumps(
        {**TASK, "taskId": "ID", "state": "success", "param": {"input": {"prompt": "a robot painter " * 9}}}
    )
    file.write_text(
        "[\n" + ",\n".join(task.replace("ID", f"task_m_{n:013d}") for n in range(10_000)) + "\n]\n"
    )
    started_s = time.monotonic()
    assert taskdash("import", str(file)).returncode == 0
    # A hundred thousand have a minute.
    assert time.monotonic() - started_s < 6
    ids = taskdash("list", "--ids").stdout.splitlines()
    assert ids[:2] + ids[-2:] == [
        "task_m_0000000000000",
        "task_m_0000000000001",
        "task_m_0000000009999",
        "task_mine_12345678",
    ]

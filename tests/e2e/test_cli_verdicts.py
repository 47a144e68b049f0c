"""Choosing among results from scripts: `pick`, `reject`, what is found by it, and what `download --picked` saves."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.command import Command, listed
from tests.files_api import FilesApi

FOX, OWL, RUN, BAD = (f"task_{name}_12345678" for name in ("fox", "owl", "run", "bad"))
COLON = "job:7"


@pytest.fixture
def taskdash(taskdash: Command, api: FilesApi) -> Command:
    """A list in all states; `job` has eight results, and `job:7` is a task as well."""
    taskdash.write_config(api.url, top='[view]\ncolumns = ["state", "picks", "id"]\npreview = false')
    links = {
        name: [f"{api.url}/files/{name}/{n}" for n in range(1, count + 1)]
        for name, count in ((FOX, 2), (OWL, 1), ("job", 8), (COLON, 2))
    }
    done = [
        listed(name, resultUrls=urls, label="mugs" if name == FOX else None) for name, urls in links.items()
    ]
    taskdash.import_tasks(*done, listed(RUN, state="waiting"), listed(BAD, state="fail"))
    return taskdash


def verdicts(taskdash: Command, task_id: str) -> list[str | None]:
    found: list[str | None] = taskdash.json("show", task_id, "--json")["verdicts"]
    return found


def test_results_are_picked_rejected_found_saved_and_taken_back(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    done = taskdash.ok("pick", f"{FOX}:2", OWL)
    assert (done.stdout.split(), done.stderr) == ([f"{FOX}:2", f"{OWL}:1"], "2 results picked\n")
    assert taskdash.ok("reject", f"{FOX}:1").stderr == "1 result rejected\n"
    assert verdicts(taskdash, FOX) == ["rejected", "picked"]
    shown = taskdash.ok("show", FOX).stdout.splitlines()
    assert [line.split() for line in shown if line.startswith(("picked", "rejected"))] == [
        ["picked", "result", "2"],
        ["rejected", "result", "1"],
    ]
    for words, found in {
        "picked:yes": [FOX, OWL],
        "picked:no": ["job", COLON],
        "rejected:yes": [FOX],
        "undecided:yes": ["job", COLON],
        "undecided:no": [FOX, OWL],
    }.items():
        assert taskdash.ids("--filter", words) == found, words
    saved = taskdash.ok("download", "--picked", "-o", "best").stdout.split()
    assert sorted(each.path for each in api.file_requests()) == [f"/files/{FOX}/2", f"/files/{OWL}/1"]
    assert len(saved) == len([*(tmp_path / "best").iterdir()]) == 2
    again = taskdash.ok("download", "--picked", "-o", "best")
    assert again.stderr == "nothing to save: 2 picked results already saved\n"
    assert taskdash.ok("download", COLON, "--picked").stderr == "nothing to save: no picked results\n"
    listed = taskdash("reject", "--undo", "-", stdin=f"{OWL}:1\n{FOX}\n")
    assert (listed.returncode, listed.stdout) == (0, f"{FOX}:1\n"), listed.stderr
    assert taskdash.ok("reject", "-", stdin=f"{FOX}:1\n").stdout == f"{FOX}:1\n"
    # Each takes back its own.
    assert taskdash.ok("reject", "--undo", FOX).stdout == f"{FOX}:1\n"
    assert verdicts(taskdash, FOX) == [None, "picked"]
    assert taskdash.ok("pick", "--undo", "--filter", "picked:yes").stderr == "2 verdicts taken back\n"
    assert taskdash.ids("--filter", "picked:yes") == []


def test_a_selection_is_judged_as_a_whole(taskdash: Command) -> None:
    assert taskdash.ok("pick", "--label", "mugs").stdout.split() == [f"{FOX}:1", f"{FOX}:2"]
    assert len(taskdash.ok("reject", "--filter", "undecided:yes").stdout.split()) == 11
    # What is no success has no results to judge.
    for arguments in (("--state", "fail"), ("--filter", "undecided:yes")):
        done = taskdash("pick", *arguments)
        assert (done.returncode, done.stdout) == (1, ""), done.stderr
        assert "match --" in done.stderr
    rows = taskdash.ok("list", "--csv", "--fields", "taskId,verdicts", "--label", "mugs").stdout.splitlines()
    assert rows[1] == f'{FOX},"[""picked"", ""picked""]"'


def test_an_id_with_a_colon_is_that_task_and_each_result_is_still_named(taskdash: Command) -> None:
    assert taskdash.ok("pick", COLON).stdout.split() == [f"{COLON}:1", f"{COLON}:2"]
    assert verdicts(taskdash, "job") == [None] * 8
    assert taskdash.ok("reject", f"{COLON}:2", "job:8").stdout.split() == [f"{COLON}:2", "job:8"]
    assert verdicts(taskdash, COLON) == ["picked", "rejected"]
    taskdash.ok("remove", COLON)
    assert taskdash.ok("pick", COLON).stdout == f"{COLON}\n"
    assert verdicts(taskdash, "job") == [*[None] * 6, "picked", "rejected"]


def test_where_anything_is_wrong_nothing_is_judged(taskdash: Command) -> None:
    for arguments, code, said in (
        ((OWL, "task_nobody_12345678:1"), 3, "task_nobody_12345678 is not on the list"),
        ((f"{OWL}:2", "task_nobody_12345678"), 3, "task_nobody_12345678 is not on the list"),
        ((f"{OWL}:2",), 1, f"{OWL} has 1 result (success): there is no 2"),
        ((OWL, f"{FOX}:3"), 1, f"{FOX} has 2 results (success): there is no 3"),
        ((OWL, RUN), 1, f"{RUN} has no results (waiting)"),
        ((OWL, f"{FOX}:0"), 3, f"{FOX}:0 is not on the list"),
        ((), 2, "give task IDs, or --filter"),
        ((OWL, "--label", "mugs"), 2, "not both"),
    ):
        done = taskdash("pick", *arguments)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert said in done.stderr
    assert taskdash.ids("--filter", "picked:yes") == []

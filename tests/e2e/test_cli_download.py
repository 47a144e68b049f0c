"""`download` saves what is not saved yet, remembers it, and says what it could not save."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tests.bodies import saved_name
from tests.command import KEY, Command, wait_until
from tests.files_api import PNG, FilesApi
from tests.servers import success_body, waiting_body

TWO, ONE, RUN = "task_two_12345678", "task_one_12345678", "task_run_12345678"


@pytest.fixture
def taskdash(taskdash: Command, api: FilesApi) -> Command:
    api.set(TWO, success_body(TWO, [f"{api.url}/files/1", f"{api.url}/files/2"]))
    api.set(ONE, success_body(ONE, [f"{api.url}/files/3"]))
    api.set(RUN, waiting_body(RUN))
    taskdash.ok("add", TWO, "--label", "Night run")
    taskdash.ok("add", ONE, RUN)
    taskdash.ok("check")
    return taskdash


def test_all_results_are_saved_once_and_listed(taskdash: Command, tmp_path: Path, api: FilesApi) -> None:
    done = taskdash("download", "--all", "-o", "pictures")
    folder = tmp_path / "pictures"
    paths = [folder / name for name in (saved_name(ONE), *(f"Night-run-task_two-{n}.png" for n in (1, 2)))]
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(path) for path in paths]
    assert all(path.read_bytes() == PNG for path in paths)
    assert taskdash.json("show", TWO, "--json")["saved"] == [str(path) for path in paths[1:]]
    assert all(KEY not in str(request.headers) for request in api.file_requests())

    again = taskdash("download", "-o", "pictures")
    assert (again.returncode, again.stdout, len(api.file_requests())) == (0, "", 3)
    paths[1].unlink()
    assert taskdash("download", TWO, "-o", "pictures").stdout == f"{paths[1]}\n"
    assert len(api.file_requests()) == 4


def test_each_file_is_traced_to_its_task_by_its_name(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    """Where the first 8 characters are those of other IDs too, they tell nothing: then it is the whole one."""
    ids = [f"{number:08x}-025a-490b-b28f-6a9fa12eb88a" for number in range(1, 4)]
    alike = [f"task_gpt-image-2_177747468902{number}" for number in (1, 2)]
    for task_id in (*ids, *alike):
        api.set(task_id, success_body(task_id, [f"{api.url}/files/{task_id}/{n}" for n in (1, 2)]))
    taskdash("add", "--label", "mugs", *ids, *alike)
    taskdash.ok("check")
    taskdash.ok("download", *ids, *alike, "-o", "pictures")
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        *(f"mugs-{number:08x}-{n}.png" for number in (1, 2, 3) for n in (1, 2)),
        *(f"mugs-{task_id}-{n}.png" for task_id in alike for n in (1, 2)),
    }


def test_what_cannot_be_saved_is_said_and_the_rest_is_saved(taskdash: Command, api: FilesApi) -> None:
    api.set("task_gone_12345678", success_body("task_gone_12345678", [f"{api.url}/elsewhere"]))
    taskdash("check", "task_gone_12345678")
    done = taskdash("download", "task_gone_12345678", ONE, RUN, "-o", "pictures")
    assert done.returncode == 1
    assert done.stdout.endswith(f"{saved_name(ONE)}\n")
    assert "task_gone_12345678, result 1: the link has probably expired" in done.stderr
    assert f"{RUN} has no result to save (waiting)" in done.stderr
    last = "Saved 2 files, 1 already saved, 1 failed: the link has probably expired (HTTP 404)"
    assert taskdash("download", "-o", "pictures").stderr.splitlines()[-1] == last


def test_an_expired_link_is_asked_for_again_before_it_is_given_up(taskdash: Command, api: FilesApi) -> None:
    task = "task_old_12345678"
    dead = [f"{api.url}/elsewhere?{n}" for n in (1, 2)]
    api.set(task, success_body(task, dead))
    taskdash("check", task)
    done = taskdash("download", task, "-o", "pictures")
    assert (done.returncode, api.count(task)) == (1, 2)
    assert "has probably expired (HTTP 404), and its record, asked for again, has no other one" in done.stderr
    # For both results one check that finds fresh ones.
    api.set(task, success_body(task, [f"{api.url}/files/{n}" for n in (8, 9)]))
    done = taskdash("download", task, "-o", "pictures")
    assert (done.returncode, len(done.stdout.splitlines()), api.count(task)) == (0, 2, 3), done.stderr
    assert taskdash.json("show", task, "--json")["resultUrls"] == [f"{api.url}/files/{n}" for n in (8, 9)]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_what_has_arrived_is_kept_however_a_run_ends_and_the_next_one_goes_on(
    taskdash: Command, tmp_path: Path, api: FilesApi, number: signal.Signals, code: int
) -> None:
    folder = tmp_path / "pictures"
    api.hold_after = 1_000
    running = taskdash.start("download", ONE, "-o", "pictures")
    api.wait_for(lambda: api.held == 1)
    wait_until(lambda: any(path.stat().st_size == 1_000 for path in folder.glob("*.part")))
    running.send_signal(number)
    out, err = running.communicate(timeout=10)
    assert (running.returncode, out) == (code, "")
    assert ("to resume" in err) == (code == 130)
    assert sorted(path.suffix for path in folder.iterdir()) == [".json", ".part"]
    api.hold_after = None
    assert taskdash("download", ONE, "-o", "pictures").stdout == f"{folder}/{saved_name(ONE)}\n"
    assert [request.headers.get("range") for request in api.file_requests()] == [None, "bytes=1000-"]
    assert [path.read_bytes() for path in folder.iterdir()] == [PNG]

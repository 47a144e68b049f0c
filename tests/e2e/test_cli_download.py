"""`download` saves what is not saved yet, remembers it, and says what it could not save."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.command import KEY, Command
from tests.files_api import PNG, FilesApi
from tests.servers import success_body, waiting_body

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TWO, ONE, RUN = "task_two_12345678", "task_one_12345678", "task_run_12345678"


@pytest.fixture
def api() -> Iterator[FilesApi]:
    with FilesApi() as running:
        running.set(TWO, success_body(TWO, [f"{running.url}/files/1", f"{running.url}/files/2"]))
        running.set(ONE, success_body(ONE, [f"{running.url}/files/3"]))
        running.set(RUN, waiting_body(RUN))
        yield running


@pytest.fixture
def taskdash(tmp_path: Path, api: FilesApi) -> Command:
    command = Command(tmp_path, api)
    assert command("add", TWO, "--label", "Night run").returncode == 0
    assert command("add", ONE, RUN).returncode == 0
    assert command("check").returncode == 0
    return command


def test_all_results_are_saved_once_and_listed(taskdash: Command, tmp_path: Path, api: FilesApi) -> None:
    done = taskdash("download", "--all", "-o", "pictures")
    folder = tmp_path / "pictures"
    paths = [folder / f"{ONE}-1.png", folder / "Night-run-1.png", folder / "Night-run-2.png"]
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


def test_the_folder_of_the_config_is_used(taskdash: Command, tmp_path: Path, api: FilesApi) -> None:
    taskdash.write_config(api.url, top=f'download_dir = "{tmp_path}/saved"')
    assert taskdash("download", ONE).stdout == f"{tmp_path}/saved/{ONE}-1.png\n"


def test_what_cannot_be_saved_is_said_and_the_rest_is_saved(taskdash: Command, api: FilesApi) -> None:
    api.set("task_gone_12345678", success_body("task_gone_12345678", [f"{api.url}/elsewhere"]))
    taskdash("check", "task_gone_12345678")
    done = taskdash("download", "task_gone_12345678", ONE, RUN, "-o", "pictures")
    assert done.returncode == 1
    assert done.stdout.endswith(f"{ONE}-1.png\n")
    assert "task_gone_12345678, result 1: the link is dead" in done.stderr
    assert f"{RUN} has no result to save (waiting)" in done.stderr


def test_another_host_of_this_machine_is_refused_unless_the_profile_allows_it(
    taskdash: Command, api: FilesApi
) -> None:
    taskdash.write_config("https://gateway.test")
    done = taskdash("download", ONE, "-o", "pictures")
    assert (done.returncode, api.file_requests()) == (1, [])
    assert "private address" in done.stderr
    taskdash.write_config("https://gateway.test", more="allow_private = true")
    assert taskdash("download", ONE, "-o", "pictures").returncode == 0


def test_a_folder_that_is_a_file_is_a_usage_error(taskdash: Command, tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("mine")
    done = taskdash("download", "-o", "pictures")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1

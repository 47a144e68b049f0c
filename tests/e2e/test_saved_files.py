"""What counts as saved: a file that is there, of the very result that it was saved from, on this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.command import Command, wait_until
from tests.files_api import PNG, FilesApi
from tests.servers import success_body

ID = "task_one_12345678"


@pytest.fixture
def taskdash(tmp_path: Path, api: FilesApi) -> Command:
    """A list with a task of which only the second result is saved."""
    api.set(ID, success_body(ID, [f"{api.url}/files/{n}" for n in (1, 2, 3)]))
    command = with_folder(tmp_path, api)
    command.ok("check", ID)
    api.files = dict.fromkeys(("/files/1", "/files/3"))
    assert command("download", ID).returncode == 1
    api.files = {}
    assert [path.read_bytes() for path in (tmp_path / "saved").iterdir()] == [PNG]
    api.requests.clear()
    return command


def with_folder(folder: Path, api: FilesApi, *, top: str = "") -> Command:
    command = Command(folder, api)
    command.write_config(api.url, top=f'{top}\ndownload_dir = "{folder / "saved"}"\n[view]\npreview = false')
    return command


def saved(taskdash: Command) -> list[str]:
    [task] = taskdash.json("list", "--json")
    assert taskdash.json("show", ID, "--json")["saved"] == task["saved"]
    assert taskdash.json("export")[0]["saved"] == task["saved"]
    return list(task["saved"])


def asked_for(api: FilesApi) -> list[str]:
    return sorted(request.path for request in api.file_requests())


def test_another_list_knows_which_result_was_saved(taskdash: Command, tmp_path: Path, api: FilesApi) -> None:
    [path] = saved(taskdash)
    other = with_folder(tmp_path / "other", api)
    for form in ("json", "csv", "toml"):
        other.store.unlink(missing_ok=True)
        other.ok("import", "-", stdin=taskdash("export", "--format", form).stdout)
        assert saved(other) == [path], form
    other.ok("download", ID)
    assert asked_for(api) == ["/files/1", "/files/3"]
    first, third = (str(each) for each in sorted((tmp_path / "other" / "saved").iterdir()))
    assert saved(other) == [first, path, third]
    assert other("download", ID).stderr.startswith("nothing to save")
    # Of that name there may be another file on another machine.
    exported = taskdash("export").stdout
    Path(path).write_bytes(PNG + b"another list's")
    stranger = with_folder(tmp_path / "stranger", api)
    stranger.ok("import", "-", stdin=exported)
    assert saved(stranger) == []


def test_an_older_export_that_does_not_say_which_result_was_saved_is_not_believed(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    def taken_by_another(name: str) -> list[str]:
        other = with_folder(tmp_path / name, api)
        items = taskdash.json("export")
        other.import_tasks(*({key: item[key] for key in item if key != "savedFiles"} for item in items))
        return saved(other)

    assert taken_by_another("other") == []
    # Where each result was saved there is no doubt.
    taskdash.ok("download", ID)
    assert taken_by_another("third") == saved(taskdash)
    assert len(saved(taskdash)) == 3


def test_a_list_that_moved_to_another_machine_saves_its_results_there_on_its_own(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    taskdash.ok("download", ID)
    other = with_folder(tmp_path / "other", api, top="auto_download = true")
    shutil.copy(taskdash.store, other.store)
    assert other.ids("--filter", "saved:no") == []
    # There is such a folder, but with other things in it.
    for path in (tmp_path / "saved").iterdir():
        path.unlink()
    assert saved(other) == []
    assert other.ids("--filter", "saved:no") == [ID]
    api.requests.clear()
    with other.dashboard() as screen:
        wait_until(lambda: len(list((tmp_path / "other" / "saved").glob("*.png"))) == 3)
        screen.wait_for("✓ success ↓")
        screen.quit()
    assert asked_for(api) == ["/files/1", "/files/2", "/files/3"]


def test_a_picture_that_the_user_threw_away_does_not_come_back_on_its_own(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    taskdash.ok("download", ID)
    (tmp_path / "saved" / saved(taskdash)[1]).unlink()
    api.requests.clear()
    auto = with_folder(tmp_path, api, top="auto_download = true")
    later = "task_two_12345678"
    api.set(later, success_body(later, [f"{api.url}/files/later"]))
    with auto.dashboard() as screen:
        screen.wait_for("✓ success")
        # It is no longer taken for saved.
        screen.wait_for_none("✓ success ↓")
        auto("add", later)
        wait_until(lambda: "/files/later" in asked_for(api))
        screen.quit()
    assert asked_for(api) == ["/files/later"]
    auto.ok("download", ID)
    assert asked_for(api) == ["/files/2", "/files/later"]

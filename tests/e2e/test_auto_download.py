"""With `auto_download` each result is saved as its task finishes, once, whoever sees it finish."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.bodies import saved_name
from tests.command import Command, wait_until
from tests.files_api import PNG, FilesApi
from tests.servers import success_body, waiting_body

ONE, TWO, OLD, DEAD = (f"task_{name}_12345678" for name in ("one", "two", "old", "dead"))


@pytest.fixture
def taskdash(taskdash: Command, api: FilesApi) -> Command:
    api.set(OLD, success_body(OLD, [f"{api.url}/files/old"]))
    api.set(DEAD, success_body(DEAD, [f"{api.url}/elsewhere"]))
    api.set(ONE, [waiting_body(ONE), success_body(ONE, [f"{api.url}/files/one"])])
    api.set(TWO, success_body(TWO, [f"{api.url}/files/two"]))
    configure(taskdash, api, "auto_download = true")
    return taskdash


def configure(taskdash: Command, api: FilesApi, setting: str = "") -> None:
    top = f'{setting}\ndownload_dir = "{taskdash.folder / "saved"}"\n[view]\npreview = false'
    taskdash.write_config(api.url, top=top)


def saved_names(tmp_path: Path) -> list[str]:
    folder = tmp_path / "saved"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_wait_saves_what_it_waited_for_where_the_config_says_so_and_exits_as_without(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    configure(taskdash, api)
    taskdash.ok("wait", OLD)
    assert (saved_names(tmp_path), api.file_requests()) == ([], [])
    configure(taskdash, api, "auto_download = true")
    done = taskdash.ok("wait", ONE, DEAD, "--json")
    path = tmp_path / "saved" / saved_name(ONE)
    assert path.read_bytes() == PNG
    assert f'"saved": ["{path}"]' in done.stdout
    assert f"saved {path}" in done.stderr
    assert f"not saved: {DEAD}, result 1: the link has probably expired (HTTP 404)" in done.stderr
    assert taskdash.ok("wait", ONE).stderr == "1 task finished: 1 succeeded\n"
    assert len(api.file_requests()) == 1


def test_two_dashboards_save_each_result_once_the_old_ones_too(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    before = Command(plain, api)
    before.store = taskdash.store
    before("add", OLD, DEAD)
    before("check")
    with taskdash.dashboard() as first, taskdash.dashboard() as second:
        wait_until(lambda: saved_names(tmp_path) == [saved_name(OLD)])
        # Whoever tried it says so.
        wait_until(lambda: any("Not saved, and not tried again" in each.text for each in (first, second)))
        taskdash("add", TWO)
        wait_until(lambda: saved_names(tmp_path) == [saved_name(OLD), saved_name(TWO)])
        for screen in (first, second):
            screen.wait_for(lambda text: text.count("✓ success ↓") == 2)
        for screen in (first, second):
            screen.quit()
    assert len(api.file_requests()) == 2
    dead = [request for request in api.requests if request.path == "/elsewhere"]
    assert len(dead) <= 2, "a dead link is not tried again and again"
    with taskdash.dashboard() as third:
        third.wait_for("✓ success ↓")
        third.quit()
    assert len([request for request in api.requests if request.path == "/elsewhere"]) == len(dead)


def test_d_saves_in_a_terminal_and_quitting_keeps_what_has_arrived(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    configure(taskdash, api)
    taskdash("add", OLD, "--label", "Night run")
    taskdash("check")
    api.hold_after = 1_200
    with taskdash.dashboard() as screen:
        screen.wait_for("✓ success")
        screen.send("d", shows="0/1 result")
        wait_until(lambda: [path.stat().st_size for path in (tmp_path / "saved").glob("*.part")] == [1_200])
        screen.quit()
    assert [name[-5:] for name in saved_names(tmp_path)] == [".json", ".part"]
    api.hold_after = None
    with taskdash.dashboard() as screen:
        screen.wait_for("✓ success")
        screen.send("d", shows="✓ success ↓")
        screen.wait_for("Saved 1 file to")
        screen.send("d", shows="1 already saved")
        screen.quit()
    assert saved_names(tmp_path) == ["Night-run-task_old-1.png"]
    assert [request.headers.get("range") for request in api.file_requests()] == [None, "bytes=1200-"]


def test_the_command_shows_bars_in_a_terminal_and_takes_them_away(
    taskdash: Command, tmp_path: Path, api: FilesApi
) -> None:
    taskdash("add", OLD)
    taskdash.write_config(api.url)
    taskdash("check")
    api.hold_after = 1_012
    with taskdash.dashboard("download", "-o", "pictures", columns=100, rows=12) as screen:
        screen.wait_for("0/1 result")
        screen.wait_for(f"▰▰▰▰▱▱▱▱  50% of 2 KiB {saved_name(OLD)[:-4]}")
        api.let_go()
        screen.wait_for("Saved 1 file")
        assert screen.wait_exit() == 0
        assert "▱" not in screen.text
        assert f"{tmp_path}/pictures/{saved_name(OLD)}" in screen.text.replace("\n", "")

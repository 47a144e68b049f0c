"""`on_finish` beside the real `wait` and `check`, and what the user's own programs make as taskdash starts them."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from tests.command import EAGER, KEY, Command, wait_until
from tests.servers import FakeApi, fail_body, success_body, waiting_body

IDS = [f"task_end_{n:012d}" for n in range(4)]


def with_command(folder: Path, api: FakeApi, *arguments: str) -> Command:
    taskdash = Command(folder, first=EAGER)
    taskdash.write_config(api.url, top=f"on_finish = {json.dumps(list(arguments))}")
    return taskdash


def keeping(folder: Path, api: FakeApi) -> Command:
    """Each run writes down what it was given, under the task's ID and its own process's number."""
    text = f"cat > {folder}/$TASKDASH_TASK_ID.$$.json; env > {folder}/$TASKDASH_TASK_ID.env"
    return with_command(folder, api, "sh", "-c", text)


def test_wait_runs_it_once_for_each_task_before_it_ends(tmp_path: Path, api: FakeApi) -> None:
    for task_id in IDS[:3]:
        api.set(task_id, [waiting_body(task_id), success_body(task_id)])
    api.set(IDS[3], [waiting_body(IDS[3]), fail_body(IDS[3])])
    taskdash = keeping(tmp_path, api)
    taskdash("add", *IDS, "--label", "poster")
    waiting = [taskdash.start("wait", *IDS) for _ in range(2)]
    for process in waiting:
        talk = process.communicate(timeout=40)[1]
        assert process.returncode == 1, talk
    taskdash("wait", *IDS)
    taskdash.ok("check", *IDS)
    found = sorted(tmp_path.glob("*.json"))
    assert [path.name.partition(".")[0] for path in found] == IDS
    given = json.loads(found[3].read_text())
    assert given == taskdash.json("show", IDS[3], "--json") | {"checkedAt": given["checkedAt"]}
    environ = (tmp_path / f"{IDS[3]}.env").read_text()
    assert "AIGPTIMAGE_API_KEY" not in environ
    for name, path in (("STORE", taskdash.store), ("CONFIG", taskdash.config)):
        assert f"TASKDASH_{name}={path}" in environ


def test_a_command_that_is_not_there_is_said_in_one_line_and_changes_no_exit_code(
    tmp_path: Path, api: FakeApi
) -> None:
    for task_id in IDS[:2]:
        api.set(task_id, [waiting_body(task_id), success_body(task_id)])
    taskdash = with_command(tmp_path, api, "no-such-program")
    taskdash("add", *IDS[:2])
    done = taskdash("wait", *IDS[:2])
    assert done.returncode == 0
    assert done.stderr.count("on_finish: no-such-program was not found") == 1


def test_a_signal_ends_a_wait_that_waits_for_it(tmp_path: Path, api: FakeApi) -> None:
    api.set(IDS[0], [waiting_body(IDS[0]), success_body(IDS[0])])
    taskdash = with_command(tmp_path, api, "sh", "-c", f"touch {tmp_path}/runs; exec sleep 100")
    taskdash("add", IDS[0])
    process = taskdash.start("wait", IDS[0])
    wait_until((tmp_path / "runs").exists)
    process.send_signal(signal.SIGTERM)
    talk = process.communicate(timeout=15)[1]
    assert process.returncode == 128 + signal.SIGTERM, talk
    # It was claimed: nobody runs it again.
    (tmp_path / "runs").unlink()
    taskdash.ok("check", IDS[0])
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("umask", "mode"), [(0o002, 0o664), (0o077, 0o600)])
def test_files_that_the_users_own_programs_make_have_the_users_umask(
    tmp_path: Path, api: FakeApi, umask: int, mode: int
) -> None:
    api.set(IDS[0], [waiting_body(IDS[0]), success_body(IDS[0])])
    taskdash = Command(tmp_path, first=f"{EAGER}\nimport os\nos.umask({umask})")
    made = tmp_path / "made"
    made.mkdir()
    taskdash.program("programs/xclip", f"cat > {made}/clipboard")
    key = taskdash.program("programs/key", f'touch {made}/key; echo "$VAULT"')
    finish = taskdash.program("programs/finish", f"touch {made}/finish")
    browser = taskdash.program("programs/browser", f"touch {made}/browser; exit ${{BROWSER_EXIT:-0}}")
    taskdash.write_config(
        api.url,
        top=f"on_finish = {json.dumps([finish])}\nopen_command = {json.dumps([browser])}",
        more=f"api_key_command = {json.dumps([key])}",
    )
    path = f"{tmp_path}/programs:{taskdash.env['PATH']}"
    env = {"AIGPTIMAGE_API_KEY": None, "VAULT": KEY, "DISPLAY": ":9", "PATH": path}
    for words in ("add", "wait", "open"):
        assert taskdash(words, IDS[0], env=env).returncode == 0
    # A browser that fails: then the link is copied.
    taskdash("open", IDS[0], env=env | {"BROWSER_EXIT": "3"})
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.iterdir()}
    assert modes == dict.fromkeys(("browser", "clipboard", "finish", "key"), mode)
    assert taskdash.store.stat().st_mode & 0o777 == 0o600

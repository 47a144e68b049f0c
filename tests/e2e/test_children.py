"""What taskdash starts runs as the user's own shell would run it, but never sees a key."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest
from tests.command import KEY, Command
from tests.servers import FakeApi, success_body, waiting_body

if TYPE_CHECKING:
    from pathlib import Path

ID = "task_one_12345678"


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(("umask", "mode"), [("022", 0o644), ("002", 0o664), ("077", 0o600)])
def test_files_that_the_users_own_programs_make_have_the_users_umask(
    tmp_path: Path, fake_api: FakeApi, umask: str, mode: int
) -> None:
    fake_api.set(ID, [waiting_body(ID), success_body(ID)])
    taskdash = Command(tmp_path)
    made = tmp_path / "made"
    made.mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    script(programs / "xclip", f"cat > {made}/clipboard")
    key = script(programs / "key", f'touch {made}/key; echo "$VAULT"')
    finish = script(programs / "finish", f"touch {made}/finish")
    browser = script(programs / "browser", f"touch {made}/browser; exit ${{BROWSER_EXIT:-0}}")
    taskdash.write_config(
        fake_api.url,
        top=f"on_finish = {json.dumps([finish])}\nopen_command = {json.dumps([browser])}",
        more=f"api_key_command = {json.dumps([key])}",
    )
    env = {
        "AIGPTIMAGE_API_KEY": None,
        "VAULT": KEY,
        "DISPLAY": ":9",
        "PATH": f"{programs}:{taskdash.env['PATH']}",
    }

    def run(*arguments: str, **more: str) -> int:
        line = f"umask {umask}; exec {shlex.join(taskdash.line(*arguments))}"
        return taskdash.run(["sh", "-c", line], env=env | more).returncode

    run("add", ID)
    assert run("wait", ID) == 0
    assert run("open", ID) == 0
    # A browser that fails: then the link is copied.
    run("open", ID, BROWSER_EXIT="3")
    modes = {path.name: path.stat().st_mode & 0o777 for path in made.iterdir()}
    assert modes == dict.fromkeys(("browser", "clipboard", "finish", "key"), mode)
    assert taskdash.store.stat().st_mode & 0o777 == 0o600


# In two pieces: no file of ours may have the key in it, a test's own neither.
PRINTS_KEY = f"printf '%s%s\\n' {KEY[:9]} {KEY[9:]}"


def with_key_command(
    taskdash: Command, api: FakeApi, programs: Path, *, prints: str
) -> dict[str, str | None]:
    """The key comes from a command, and `on_finish` prints what it likes."""
    key = script(programs / "key", PRINTS_KEY)
    finish = script(programs / "finish", prints)
    taskdash.write_config(
        api.url,
        top=f"on_finish = {json.dumps([finish])}",
        more=f"api_key_command = {json.dumps([key])}",
    )
    return {"AIGPTIMAGE_API_KEY": None}


# The second one has the key across the place where a long line is cut.
@pytest.mark.parametrize("prints", [PRINTS_KEY, f"printf '%980s' x; {PRINTS_KEY}"], ids=["alone", "late"])
def test_a_key_that_a_command_printed_is_not_in_the_log_whoever_prints_it_next(
    tmp_path: Path, fake_api: FakeApi, prints: str
) -> None:
    fake_api.set(ID, [waiting_body(ID), success_body(ID)])
    taskdash = Command(tmp_path)
    env = with_key_command(taskdash, fake_api, tmp_path, prints=prints)
    taskdash("add", ID, env=env)
    assert taskdash("wait", ID, env=env).returncode == 0
    log = (tmp_path / "state" / "taskdash" / "taskdash.log").read_text("utf-8")
    assert f"on_finish for {ID} printed: " in log
    assert KEY[:9] not in log
    assert "***" in log


def test_a_key_that_a_command_printed_is_not_in_the_log_of_a_dashboard(
    tmp_path: Path, fake_api: FakeApi
) -> None:
    fake_api.set(ID, [waiting_body(ID), success_body(ID)])
    taskdash = Command(tmp_path)
    env = with_key_command(taskdash, fake_api, tmp_path, prints=PRINTS_KEY)
    taskdash("add", ID, env=env)
    log = tmp_path / "state" / "taskdash" / "taskdash.log"
    with taskdash.dashboard(env=env) as screen:
        screen.wait_for("✓ success", 30)
        screen.wait_for(lambda _: log.exists() and " printed: " in log.read_text("utf-8"), 30)
        screen.quit()
    assert KEY[:9] not in log.read_text("utf-8")

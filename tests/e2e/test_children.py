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

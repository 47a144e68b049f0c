"""The log says what was done, in a file of the user's own, and never a key."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest
from tests.command import Command
from tests.servers import FakeApi, error_reply, success_body

if TYPE_CHECKING:
    from pathlib import Path

TASK = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"


def log_of(tmp_path: Path) -> Path:
    return next(tmp_path.rglob("taskdash.log"))


def test_a_check_is_logged_in_a_private_file(tmp_path: Path) -> None:
    with FakeApi({TASK: success_body(TASK)}) as api:
        Command(tmp_path, api)("check", TASK)
    log = log_of(tmp_path)
    assert f"{TASK} ended as success" in log.read_text("utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("error", False)])
def test_log_level_says_how_much(tmp_path: Path, level: str, shown: bool) -> None:
    with FakeApi({TASK: success_body(TASK)}) as api:
        Command(tmp_path, api)("--log-level", level, "check", TASK)
    lines = "".join(log.read_text("utf-8") for log in tmp_path.rglob("taskdash.log"))
    assert (TASK in lines) is shown


def test_a_key_that_the_server_repeats_is_not_logged(tmp_path: Path) -> None:
    with FakeApi(default=error_reply(500, None)) as api:
        command = Command(tmp_path, api)
        key = next(value for name, value in command.env.items() if name.endswith("API_KEY"))
        api.override = error_reply(401, f"bad key {key}")
        command("--log-level", "debug", "check", TASK)
    assert key not in log_of(tmp_path).read_text("utf-8")

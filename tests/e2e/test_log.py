"""The log says what was done, in a file of the user's own, and never a key."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.command import KEY, Command
from tests.servers import FakeApi, success_body

TASK = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"


def log_of(tmp_path: Path) -> Path:
    return next(tmp_path.rglob("taskdash.log"))


@pytest.mark.parametrize(("level", "shown"), [("info", True), ("debug", True), ("error", False)])
def test_a_check_is_logged_in_a_private_file_as_the_level_says(
    taskdash: Command, api: FakeApi, tmp_path: Path, level: str, shown: bool
) -> None:
    api.set(TASK, success_body(TASK))
    taskdash.ok("--log-level", level, "check", TASK)
    logs = list(tmp_path.rglob("taskdash.log"))
    assert any(f"{TASK} ended as success" in log.read_text("utf-8") for log in logs) is shown
    assert all(stat.S_IMODE(log.stat().st_mode) == 0o600 for log in logs)


DEEP = f"""
def {"f" * 200}(left):
    return {"g" * 200}(left - 1) if left else 1 / 0

def {"g" * 200}(left):
    return {"f" * 200}(left - 1) if left else 1 / 0

def crash(*_, **__):
    try:
        {"f" * 200}(800)
    except ZeroDivisionError as error:
        raise LookupError("the reason " + "x" * 100_000) from error
"""


def test_a_long_traceback_ends_with_the_exception_in_the_log_and_shows_no_part_of_a_key(
    tmp_path: Path,
) -> None:
    code = f"""{DEEP}
import logging
from taskdash.cli.log import start_log, traceback_text
from taskdash.cli.process import Session
start_log(Session())
log = logging.getLogger("taskdash.x")
try:
    crash()
except LookupError:
    log.exception("it failed " + "y" * 100_000)
for place in range(1_900, 2_000, 5):
    log.error("z" * place + {KEY!r})
    log.error(traceback_text(ValueError("z" * place + {KEY!r}), Session())[-200:])
"""
    command = Command(tmp_path)
    command.run([sys.executable, "-c", code, *command.line("list")[1:]])
    first, *others = log_of(tmp_path).read_text("utf-8").split(" ERROR taskdash.x: ")[1:]
    for part in ("it failed yyy", "LookupError: the reason xxx", "in crash"):
        assert part in first
    assert len(first) < 30_000
    assert len(others) == 40
    assert not any(KEY[:8] in line for line in others)


def test_where_there_is_no_place_for_a_log_no_warning_gets_on_the_screen() -> None:
    code = """
import logging
from taskdash.cli import log, process
from taskdash.domain.errors import UsageError
def log_path(): raise UsageError("no home")
log.log_path = log_path
log.start_log(process.Session())
logging.getLogger("taskdash.results.wanted").warning("a record was not asked for again")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout + done.stderr == b""


def test_a_key_of_a_command_is_not_logged_by_what_on_finish_prints(
    taskdash: Command, api: FakeApi, tmp_path: Path
) -> None:
    printing, finishing = tmp_path / "key.sh", tmp_path / "finish.sh"
    printing.write_text(f"echo {KEY}")
    # The last one has the key across the place where a long line is cut.
    finishing.write_text(
        f"sh {printing}; echo https://gateway/?k=$(sh {printing}); printf '%980s' x; sh {printing}"
    )
    # One that ended after it was added: what had ended before is no news.
    ended = success_body(TASK, completeTime=(int(time.time()) + 3600) * 1000)
    api.set(TASK, ended)
    top = f'on_finish = ["sh", "{finishing}"]'
    taskdash.write_config(api.url, top=top, more=f'api_key_command = ["sh", "{printing}"]')
    taskdash.env.pop("AIGPTIMAGE_API_KEY")
    taskdash.ok("check", TASK)
    said = log_of(tmp_path).read_text("utf-8")
    for line in ("printed: ***", "printed: https://gateway/?k=***", "x***"):
        assert line in said
    assert KEY[:9] not in said

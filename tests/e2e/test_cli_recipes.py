"""The recipes of the README do what they say, word for word, with a program that stands for the user's own."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.command import PROGRAM, Command
from tests.files_api import FilesApi
from tests.servers import fail_body, success_body

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[2] / "README.md"
NEW = "5064bd1a-025a-490b-b28f-6a9fa12eb88a"
BATCH = ["task_gpt-image-2_1777474689024", "task_gpt-image-2_1777474689025"]


def recipes() -> list[str]:
    """The shell blocks of the section "In scripts"."""
    section = re.search(
        r"^## In scripts\n(.*?)(?=^## |\Z)", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert section, "the README has no section In scripts"
    return re.findall(r"^```sh\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)


@pytest.fixture
def api() -> Iterator[FilesApi]:
    with FilesApi() as running:
        for task_id in (NEW, *BATCH):
            running.set(task_id, success_body(task_id, [f"{running.url}/files/{task_id}"]))
        running.set(BATCH[1], fail_body(BATCH[1]))
        yield running


@pytest.fixture
def shell_folder(tmp_path: Path, api: FilesApi) -> Path:
    """A folder with the program, its log, and `taskdash` on the way."""
    Command(tmp_path, api)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "taskdash").symlink_to(PROGRAM)
    answer = json.dumps({"code": 200, "msg": "success", "data": {"taskId": NEW}})
    maker = tmp_path / "make-image"
    maker.write_text(f"#!/bin/sh\necho '{answer}'\n")
    maker.chmod(0o700)
    (tmp_path / "run.log").write_text("".join(f"12:00:01 INFO created task {task_id}\n" for task_id in BATCH))
    return tmp_path


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_recipe_runs_as_it_stands(shell_folder: Path, number: int) -> None:
    taskdash = Command(shell_folder)
    if number == 2:
        taskdash.ok("add", *BATCH)
    environment = {
        "PATH": f"{shell_folder}/bin:{taskdash.env['PATH']}",
        "TASKDASH_STORE": str(taskdash.store),
        "TASKDASH_CONFIG": str(taskdash.config),
    }
    done = taskdash.run(["sh", "-e", "-c", recipes()[number]], env=environment)
    assert done.returncode == 0, done.stderr
    expected = [NEW, BATCH[1], f"{BATCH[0]}-1.png"][number]
    assert expected in done.stdout, done.stdout + done.stderr


def test_there_are_three_recipes() -> None:
    assert len(recipes()) == 3

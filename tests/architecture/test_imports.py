"""What a module may pull in when it runs, beyond what import-linter reads from the text."""

from __future__ import annotations

import subprocess
import sys

import pytest

NO_UI = {"textual", "rich"}
NO_HTTP = {"httpx", "httpcore", "anyio"}
UNWANTED = {
    "taskdash.domain.task_ids": NO_UI,
    "taskdash.config.load": NO_UI
    | NO_HTTP
    | {"subprocess", "platformdirs", "tomllib", "difflib", "tempfile"},
    "taskdash.api.client": NO_UI,
    "taskdash.store.store": NO_UI,
    "taskdash.watch.watcher": NO_UI,
    "taskdash.demo.server": NO_UI,
    "taskdash.cli.main": NO_UI | NO_HTTP,
    "taskdash.cli.editing": NO_UI | NO_HTTP | {"asyncio", "ssl", "filelock", "tomllib", "shutil"},
    "taskdash.cli.listing": NO_UI | NO_HTTP | {"asyncio", "ssl", "shutil"},
    "taskdash.cli.showing": NO_UI | NO_HTTP,
    "taskdash.cli.dashboard": NO_UI | NO_HTTP,
    "taskdash.cli.waiting": NO_UI | NO_HTTP | {"taskdash.ui"},
    "taskdash.ui.app": NO_HTTP,
}
"""Textual is loaded by the dashboard alone, httpx when a request is sent, and by `add` no more than it needs."""


@pytest.mark.parametrize("module", UNWANTED)
def test_a_module_loads_no_more_than_it_needs(module: str) -> None:
    code = f"import {module}, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {f"{name}." for name in done.stdout.split()}
    assert [name for name in loaded if name.startswith(tuple(f"{each}." for each in UNWANTED[module]))] == []

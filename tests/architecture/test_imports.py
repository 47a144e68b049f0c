"""What a module may pull in when it runs, beyond what import-linter reads from the text."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEADLESS = (
    "taskdash.domain.task_ids",
    "taskdash.api.client",
    "taskdash.store.store",
    "taskdash.watch.watcher",
)
COMMANDS = ("taskdash.cli.main", "taskdash.cli.add", "taskdash.cli.listing", "taskdash.cli.opening")


def modules_loaded_by(module: str) -> set[str]:
    code = f"import {module}, sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("module", [*HEADLESS, *COMMANDS, "taskdash.wiring", "taskdash.demo.server"])
def test_nothing_but_the_ui_loads_textual(module: str) -> None:
    assert not modules_loaded_by(module) & {"textual", "rich"}


@pytest.mark.parametrize("module", [*COMMANDS, "taskdash.ui.app", "taskdash.wiring"])
def test_httpx_is_not_loaded_before_a_request_is_sent(module: str) -> None:
    assert not modules_loaded_by(module) & {"httpx", "httpcore", "anyio"}


def test_adding_an_id_loads_no_more_than_it_needs() -> None:
    assert not modules_loaded_by("taskdash.cli.add") & {"asyncio", "ssl", "filelock", "tomllib"}

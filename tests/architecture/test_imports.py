"""What a module may pull in when it runs, beyond what import-linter reads from the text."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HEADLESS = (
    "taskdash.domain.task_ids",
    "taskdash.api.client",
    "taskdash.store.store",
    "taskdash.watch.watcher",
)
COMMANDS = ("taskdash.cli.main", "taskdash.cli.add", "taskdash.cli.listing", "taskdash.cli.results")

MAX_OWN_MODULES = 96
"""Each costs a tenth of a millisecond at least before anything is seen."""


LATER_MODULES = {
    "taskdash.config.config_file",
    "taskdash.config.view_file",
    "taskdash.domain.expiry",
    "taskdash.domain.failures",
    "taskdash.domain.telling",
    "taskdash.store.matches",
    "taskdash.ui.acting",
    "taskdash.ui.expiring",
    "taskdash.ui.finished",
    "taskdash.ui.saving",
    "taskdash.ui.screens.dialogs",
    "taskdash.ui.type_ahead",
    "taskdash.ui.widgets.filter_box",
    "taskdash.watch.dispatch",
    "taskdash.watch.watcher",
}
"""What the dashboard loads when it is first used, or once its first frame is drawn."""


PUT_OFF = {
    "_ssl",
    "asyncio.sslproto",
    "difflib",
    "platform",
    "platformdirs",
    "rich.table",
    "ssl",
    "textual.canvas",
    "textual.command",
    "textual.validation",
    "textual.widgets._input",
    "textual.widgets._option_list",
    "uuid",
}
"""What Textual and asyncio would load, and a first frame has no use for."""


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


FIRST_FRAME = """
import sys
from pathlib import Path
from taskdash.cli import main
from taskdash.cli.application import open_app
from taskdash.config.load import load_settings
from taskdash.put_off import put_off
with put_off():
    from taskdash.ui.app import Dashboard
from taskdash.ui.screens.browse_screen import BrowseScreen

def painted(self):
    print(*sorted(name for name, module in sys.modules.items() if type(module).__name__ != "_PutOff"))
    self.app.exit()

BrowseScreen._begin = painted
Dashboard.run = lambda self: self.run_in_nothing()
Dashboard.run_in_nothing = lambda self: super(Dashboard, self).run(headless=True, size=(120, 36))
open_app(load_settings(None, {}), {}, Path(sys.argv[1]) / "tasks.db")
"""
"""The dashboard without a terminal, ended as soon as its first frame is drawn."""


def test_the_first_frame_needs_nothing_that_is_for_later(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FRAME, tmp_path], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "taskdash.ui.widgets.task_table" in loaded
    later = {"click", "httpx", "httpcore", "anyio", "PIL", "textual_image", "filelock", "tomli_w", "sniffio"}
    assert not {name.partition(".")[0] for name in loaded} & later
    own = {name for name in loaded if name.startswith("taskdash.")}
    assert not {
        name for name in own if name.startswith(("taskdash.api", "taskdash.demo", "taskdash.domain.paste"))
    }
    assert not own & LATER_MODULES
    assert not loaded & PUT_OFF
    assert "logging.handlers" not in loaded
    assert len(own) < MAX_OWN_MODULES, sorted(own)
